"""A ledger step killed with SIGKILL in the middle: no half table, no mixed reading, and the next run mends all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.demo.lender import faults, write_parquet
from arrears.errors import NotPublishedError
from arrears.ledger.contract import TABLES
from arrears.ledger.steps import check_quality, publish_ledger, pull_ledger
from arrears.quality.gate import CHECKED
from arrears.run import Run

DAY = date(2026, 11, 20)

CHILD = """
import os, signal, sys
from datetime import date
from arrears.run import open_run
from arrears.settings import load_settings
from arrears.steps import run_step

replace, left = os.replace, int(sys.argv[2])

def replace_or_die(source, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = replace_or_die
with open_run(load_settings(), date.fromisoformat(sys.argv[3])) as run:
    run_step(run, sys.argv[1])
"""


def run_and_kill(run: Run, step: str, at_file: int) -> None:
    """Runs a step in a process of its own that is killed just before it puts its `at_file`th file in place."""
    settings = run.settings
    secrets = {"LEDGER": settings.ledger, "WAREHOUSE_URL": settings.warehouse_url}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ARREARS_")},
        **{f"ARREARS_{name}": value.get_secret_value() for name, value in secrets.items() if value},
        "ARREARS_HOME": str(settings.home),
        "ARREARS_DUCKDB_MEMORY": "1GB",
        "ARREARS_CLOCK": f"{DAY.isoformat()}T09:30:00",
    }
    child = subprocess.run(
        [sys.executable, "-c", CHILD, step, str(at_file), DAY.isoformat()],
        env=environment,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]


def leftovers(run: Run) -> list[Path]:
    return [path for root in (run.lake.root, run.settings.reports_root) for path in root.rglob("*.tmp")]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    folder = tmp_path / "ledger"
    write_parquet(folder, DAY, 1_000, 3)
    faults.negative_amount(folder, count=3)
    return folder


@pytest.mark.parametrize(
    ("step", "at_file"),
    [
        ("pull_ledger", 1),
        ("pull_ledger", 4),
        ("pull_ledger", 12),
        ("check_quality", 1),
        ("check_quality", 2),
        ("check_quality", 3),
        ("check_quality", 4),
        ("publish_ledger", 1),
        ("publish_ledger", 6),
        ("publish_ledger", 12),
    ],
)
def test_a_killed_step_run_again_gives_the_tables_of_an_undisturbed_run(
    make_run: Any, pg_url: str, ledger: Path, tmp_path: Path, step: str, at_file: int
) -> None:
    values = {"warehouse_url": pg_url, "ledger": str(ledger)}
    steps = {"pull_ledger": pull_ledger, "check_quality": check_quality, "publish_ledger": publish_ledger}
    with make_run(DAY, home=tmp_path / "undisturbed", **values) as run:
        for do in steps.values():
            do(run)
        undisturbed = run.lake.digests(run.day, (*CHECKED, *TABLES))
    with make_run(DAY, home=tmp_path / "disturbed", **values) as run:
        before = list(steps)[: list(steps).index(step)]
        for name in before:
            steps[name](run)
        run_and_kill(run, step, at_file)
        assert run.lake.published("ledger", run.day) is None
        for name in list(steps)[len(before) :]:
            steps[name](run)
        assert run.lake.digests(run.day, (*CHECKED, *TABLES)) == undisturbed
        assert leftovers(run) == []


def test_a_killed_second_pull_is_not_judged_as_a_mix(make_run: Any, pg_url: str, ledger: Path, tmp_path: Path) -> None:
    with make_run(DAY, warehouse_url=pg_url, ledger=str(ledger)) as run:
        pull_ledger(run)
        check_quality(run)
        publish_ledger(run)
        published = run.lake.digests(run.day, tuple(TABLES))
        write_parquet(tmp_path / "other", DAY, 1_000, 4)
    with make_run(DAY, warehouse_url=pg_url, ledger=str(tmp_path / "other")) as run:
        run_and_kill(run, "pull_ledger", 3)
        with pytest.raises(NotPublishedError):
            check_quality(run)
        with pytest.raises(NotPublishedError):
            publish_ledger(run)
        # what was published stays as it was, to the byte
        assert run.lake.digests(run.day, tuple(TABLES)) == published
        run.lake.require("ledger", run.day, tuple(TABLES))
