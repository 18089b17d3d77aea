"""The steps of strategy_daily on a generated lender: run twice, killed and run again, all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.killing import run_killed
from tests.support.ledgers import partition, publish_ledger

from arrears.demo.lender import write_parquet
from arrears.errors import NotPublishedError, RulesError
from arrears.ledger.contract import TABLES
from arrears.run import Run, open_run
from arrears.settings import PROJECT, Settings
from arrears.steps import run_step

AS_OF = date(2026, 11, 20)
STEPS = ("check_rules", "age_contracts", "tier_balances", "apply_rules", "publish_treatments")
TABLES_MADE = ("balances", "snapshot", "tiers", "decision", "treatment", "cases")


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lender")
    write_parquet(folder, AS_OF, 2_000, 7)
    return folder


def publish(run: Run, lender: Path) -> None:
    publish_ledger(
        run, {name: duckdb.read_parquet(str(lender / f"{name}.parquet")).to_arrow_table() for name in TABLES}
    )


def environment(settings: Settings) -> dict[str, str]:
    assert settings.warehouse_url is not None
    return {
        "ARREARS_HOME": str(settings.home),
        "ARREARS_CLOCK": f"{AS_OF}T09:30:00",
        "ARREARS_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
        "ARREARS_DUCKDB_MEMORY": "1GB",
    }


def made(run: Run) -> dict[str, list[dict[str, Any]]]:
    return {table: partition(run, table) for table in TABLES_MADE}


def test_a_second_run_gives_the_same_rows(make_run: Any, lender: Path, pg_url: str) -> None:
    with make_run(AS_OF, warehouse_url=pg_url) as run:
        publish(run, lender)
        for step in STEPS:
            run_step(run, step)
        first = made(run)
        for step in STEPS:
            run_step(run, step)
        assert made(run) == first
        assert {row["queue"] for row in first["cases"]} >= {"reminder", "phone"}
        assert len({row["customer_id"] for row in first["cases"]}) == len(first["cases"])
        assert {row["contract_id"] for row in first["treatment"]} == {
            row["contract_id"] for row in first["snapshot"] if row["days_past_due"] > 0
        }


def test_killed_anywhere_and_run_again_gives_the_same_rows(
    make_settings: Callable[..., Settings], lender: Path, pg_url: str
) -> None:
    settings = make_settings(warehouse_url=pg_url, clock=f"{AS_OF}T09:30:00")
    with open_run(settings, AS_OF) as run:
        publish(run, lender)
        for step in STEPS:
            run_step(run, step)
        undisturbed = made(run)
    for step in STEPS:
        nth = 1
        while run_killed(nth, step, AS_OF.isoformat(), environment(settings), commits=False):
            nth += 1
        assert nth > 1 or step == "check_rules", f"{step} has no moment to be killed at"
    with open_run(settings, AS_OF) as run:
        assert made(run) == undisturbed
        run.lake.require("treatment", run.day, ("snapshot", "treatment", "cases"))
    assert list(settings.lake_root.rglob("*.tmp")) == []


def test_an_empty_book_replaces_an_earlier_try(make_run: Any, lender: Path, pg_url: str) -> None:
    with make_run(AS_OF, warehouse_url=pg_url) as run:
        publish(run, lender)
        for step in STEPS:
            run_step(run, step)
        publish_ledger(run, {})
        for step in STEPS:
            run_step(run, step)
        assert all(rows == [] for rows in made(run).values())


def test_a_past_day_is_restated_beside_the_frozen_one(make_run: Any, lender: Path, pg_url: str) -> None:
    with make_run(AS_OF, warehouse_url=pg_url) as run:
        publish(run, lender)
        for step in STEPS:
            run_step(run, step)
        frozen = made(run)
    with make_run(AS_OF, today=date(2026, 11, 23), warehouse_url=pg_url) as run:
        assert run.day.basis == "restated"
        publish_ledger(run, {})
        for step in STEPS:
            run_step(run, step)
        assert partition(run, "snapshot") == []
    with make_run(AS_OF, warehouse_url=pg_url) as run:
        assert made(run) == frozen


def test_nothing_is_aged_that_was_not_published(make_run: Any, lender: Path, pg_url: str) -> None:
    with make_run(AS_OF, warehouse_url=pg_url) as run:
        with pytest.raises(NotPublishedError, match="no manifest"):
            run_step(run, "age_contracts")
        publish(run, lender)
        with run.lake.replace("payments", run.day) as aside:
            duckdb.sql("SELECT 1 AS x").write_parquet(str(aside))
        with pytest.raises(NotPublishedError, match="other files for payments"):
            run_step(run, "age_contracts")


def test_a_wrong_rule_stops_the_day_with_file_and_line(make_run: Any, tmp_path: Path, pg_url: str) -> None:
    rules = tmp_path / "rules"
    for source in (PROJECT / "include" / "rules").rglob("*"):
        if source.is_file():
            target = rules / source.relative_to(PROJECT / "include" / "rules")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    text = (rules / "balance.yaml").read_text(encoding="utf-8")
    (rules / "balance.yaml").write_text(
        text.replace("overdue_amount >= 50000", "overdue_amont >= 50000"), encoding="utf-8"
    )
    with make_run(AS_OF, warehouse_url=pg_url, rules=rules) as run, pytest.raises(RulesError) as error:
        run_step(run, "check_rules")
    line = next(n for n, each in enumerate(text.splitlines(), start=1) if "overdue_amount >= 50000" in each)
    assert error.value.where.endswith(f"balance.yaml:{line}")
    assert "Did you mean 'overdue_amount'?" in error.value.action
