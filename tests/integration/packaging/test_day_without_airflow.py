"""`arrears day` and `arrears age` as a person calls them, on a small generated lender."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from arrears.demo.lender import write_parquet
from arrears.settings import PROJECT
from arrears.steps import STEPS

DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lender of 400 contracts as Parquet files."""
    folder = tmp_path_factory.mktemp("ledger")
    write_parquet(folder, DAY, 400, 1)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of the whole module: one embedded PostgreSQL, one lake."""
    return tmp_path_factory.mktemp("home")


def _arrears(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ARREARS_")}
    return subprocess.run(
        [Path(sys.executable).with_name("arrears"), *map(str, arguments)],
        env={**environment, "ARREARS_HOME": str(home), "ARREARS_DUCKDB_MEMORY": "1GB"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _day(home: Path, ledger: Path) -> subprocess.CompletedProcess[str]:
    return _arrears(home, "day", "--ledger", ledger, "--as-of", DAY.isoformat(), "--clock", f"{DAY}T09:30", "--no-push")


def test_a_day_tells_rows_seconds_and_memory_of_every_step(home: Path, ledger: Path) -> None:
    ended = _day(home, ledger)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = re.findall(r"^✓ (\w+) +([\d.]+) s +(\d+) MB", ended.stdout, re.MULTILINE)
    sending = {"push_contacts", "reconcile_contacts", "push_approved"}
    assert [name for name, _, _ in told] == [name for name in STEPS if name not in sending]
    assert all(int(megabytes) > 50 for _, _, megabytes in told)
    assert (home / "lake" / "treatment" / f"as_of={DAY}.parquet").exists()
    # what it started, it stopped
    assert not (home / "postgres" / "data" / "postmaster.pid").exists()


def test_the_same_ledger_aged_alone_gives_the_same_answer(home: Path, ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "aged.csv"
    ended = _arrears(home, "age", "--ledger", ledger, "--as-of", DAY.isoformat(), "--out", out)
    assert ended.returncode == 0, ended.stderr
    snapshot = home / "lake" / "snapshot" / f"as_of={DAY}.parquet"
    amount = "CAST(overdue_amount AS DECIMAL(18, 2))"
    columns = f"contract_id, days_past_due, delinquent_days, {amount}, oldest_due_date, bucket, class"
    query = f"SELECT {columns} FROM '{{}}' ORDER BY contract_id"  # noqa: S608 - our own names
    aged, of_the_day = (duckdb.sql(query.format(file)).fetchall() for file in (out, snapshot))
    assert len(aged) > 300
    assert aged == of_the_day


def test_a_ledger_without_a_required_table_names_the_step_and_ends_with_1(
    home: Path, ledger: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "partial"
    partial.mkdir()
    for table in ("contracts", "payments"):
        (partial / f"{table}.parquet").symlink_to(ledger / f"{table}.parquet")
    ended = _day(home, partial)
    assert ended.returncode == 1
    assert "pull_ledger failed" in ended.stderr
    assert "installments" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "check_quality" not in ended.stdout


def test_a_day_that_has_not_come_is_refused(home: Path, ledger: Path) -> None:
    ended = _arrears(
        home, "step", "age_contracts", "--ledger", ledger, "--as-of", "2026-11-21", "--clock", f"{DAY}T09:30"
    )
    assert ended.returncode == 1
    assert "2026-11-20" in ended.stderr


def test_the_installed_command_is_this_checkouts(home: Path) -> None:
    ended = _arrears(home, "rules", "check")
    assert ended.returncode == 0, ended.stderr
    assert str(PROJECT) not in ended.stdout
    assert ended.stdout.startswith("rules: good")
