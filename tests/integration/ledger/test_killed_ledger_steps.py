"""A ledger step killed with SIGKILL in the middle: no half table, no mixed reading, and the next run mends all."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.support.killing import run_killed

from arrears.day import BusinessDay
from arrears.demo.lender import faults, write_parquet
from arrears.errors import NotPublishedError
from arrears.lake import Lake
from arrears.ledger.contract import TABLES
from arrears.ledger.publish import publish_ledger
from arrears.ledger.pull import pull_ledger
from arrears.quality.checked import CHECKED
from arrears.quality.gate import check_quality
from arrears.run import Run, open_run
from arrears.settings import load_settings

DAY = date(2026, 11, 20)

STEPS = {"pull_ledger": pull_ledger, "check_quality": check_quality, "publish_ledger": publish_ledger}


def environment(run: Run) -> dict[str, str]:
    """The run's settings for a process of its own."""
    secrets = {"ARREARS_LEDGER": run.settings.ledger, "ARREARS_WAREHOUSE_URL": run.settings.warehouse_url}
    return {
        "ARREARS_HOME": str(run.settings.home),
        "ARREARS_DUCKDB_MEMORY": "1GB",
        "ARREARS_CLOCK": f"{DAY.isoformat()}T09:30:00",
        **{name: value.get_secret_value() for name, value in secrets.items() if value},
    }


def leftovers(run: Run) -> list[Path]:
    return [path for root in (run.lake.root, run.settings.reports_root) for path in root.rglob("*.tmp")]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lender") / "ledger"
    write_parquet(folder, DAY, 300, 3)
    faults.negative_amount(folder, count=3)
    return folder


@pytest.fixture(scope="module")
def undisturbed(ledger: Path, pg_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a day that nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    values = {"home": home, "warehouse_url": pg_url, "ledger": str(ledger), "clock": f"{DAY}T09:30:00"}
    with open_run(load_settings(values), DAY) as run:
        for do in STEPS.values():
            do(run)
    return home


@pytest.mark.parametrize(
    ("step", "moment"),
    [
        # a pull has 24 moments: before and after each of 11 tables and the manifest
        ("pull_ledger", 1),
        ("pull_ledger", 8),
        ("pull_ledger", 23),
        # a check: report, quarantine, results, the commit to audit, the manifest
        *(("check_quality", moment) for moment in (1, 4, 6, 8, 9)),
        # a publication: 9 links and 11 tables, then the manifest
        ("publish_ledger", 1),
        ("publish_ledger", 14),
        ("publish_ledger", 41),
    ],
)
def test_a_killed_step_run_again_gives_the_tables_of_an_undisturbed_run(
    make_run: Any, pg_url: str, ledger: Path, undisturbed: Path, step: str, moment: int
) -> None:
    expected = Lake(undisturbed / "lake").digests(BusinessDay(DAY), (*CHECKED, *TABLES))
    with make_run(DAY, warehouse_url=pg_url, ledger=str(ledger)) as run:
        before = list(STEPS)[: list(STEPS).index(step)]
        for name in before:
            STEPS[name](run)
        assert run_killed(moment, step, DAY.isoformat(), environment(run))
        assert run.lake.published("ledger", run.day) is None
        for name in list(STEPS)[len(before) :]:
            STEPS[name](run)
        assert run.lake.digests(run.day, (*CHECKED, *TABLES)) == expected
        assert leftovers(run) == []


def test_a_killed_second_pull_is_not_judged_as_a_mix(make_run: Any, pg_url: str, ledger: Path, tmp_path: Path) -> None:
    with make_run(DAY, warehouse_url=pg_url, ledger=str(ledger)) as run:
        pull_ledger(run)
        check_quality(run)
        publish_ledger(run)
        published = run.lake.digests(run.day, tuple(TABLES))
        write_parquet(tmp_path / "other", DAY, 300, 4)
    with make_run(DAY, warehouse_url=pg_url, ledger=str(tmp_path / "other")) as run:
        assert run_killed(5, "pull_ledger", DAY.isoformat(), environment(run))
        with pytest.raises(NotPublishedError):
            check_quality(run)
        with pytest.raises(NotPublishedError):
            publish_ledger(run)
        # what was published stays as it was, to the byte
        assert run.lake.digests(run.day, tuple(TABLES)) == published
        run.lake.require("ledger", run.day, tuple(TABLES))
