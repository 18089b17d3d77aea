"""The steps of kpi_daily on a generated lender: run twice, out of order, killed, on an empty day: the same mart."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from tests.support.killing import run_killed
from tests.support.kpi_days import mart_rows, publish_worklist
from tests.support.ledgers import publish_ledger

from arrears.errors import NotPublishedError, WarehouseError
from arrears.kpi.facts import FACTS
from arrears.run import open_run
from arrears.settings import Settings, load_settings
from arrears.steps import run_step
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.migrate import upgrade

AS_OF = date(2026, 11, 20)
ARMS = ("champion", "challenger")
STEPS = ("build_kpis", "load_warehouse", "publish_report")
Ledger = dict[str, pa.Table]


def mart_columns(name: str) -> list[str]:
    """The columns of a fact, as `mart_rows` gives them."""
    return [column.name for fact in FACTS if fact.name == name for column in fact.table.columns]


@pytest.fixture
def warehouse_url(postgres: EmbeddedPostgres) -> str:
    """A fresh, migrated warehouse of the test's own: these tests compare all that is in it."""
    url = postgres.url(f"kpi_{uuid.uuid4().hex[:12]}").render_as_string(hide_password=False)
    engine = open_warehouse(load_settings({"warehouse_url": url}))
    upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def kpi_day(
    make_settings: Callable[..., Settings], warehouse_url: str, lender: Ledger
) -> Callable[..., dict[str, Any]]:
    """Runs a whole day (on its own morning unless `today` says otherwise) and gives the mart as it is then."""

    def day(as_of: date, *, today: date | None = None, ledger: Any = None, publish: bool = True) -> dict[str, Any]:
        settings = make_settings(warehouse_url=warehouse_url, clock=f"{today or as_of}T09:30:00")
        with open_run(settings, as_of) as run:
            if publish:
                publish_worklist(run, lender if ledger is None else ledger)
            for step in STEPS:
                run_step(run, step)
            return mart_rows(run.warehouse)

    return day


def test_a_day_reaches_the_mart_and_a_second_run_changes_nothing(kpi_day: Callable[..., Any]) -> None:
    first = kpi_day(AS_OF)
    assert {name for name, rows in first.items() if not rows} == {
        "channel_day",
        "collector_day",
        "team_day",
        "allocation_fairness",
        "pool_day",
        "case_interval",
    } - {name for name, rows in first.items() if rows}
    assert len(first["run_day"]) == 1
    assert len(first["loan_daily"]) == len(first["strategy_decision"]) == len(first["dim_contract"]) > 50
    assert first["roll_transition"]
    assert kpi_day(AS_OF) == first
    assert kpi_day(AS_OF, publish=False) == first


def test_every_key_of_a_fact_has_its_member(kpi_day: Callable[..., Any], warehouse_url: str) -> None:
    kpi_day(AS_OF - timedelta(days=1))
    kpi_day(AS_OF)
    engine = sa.create_engine(warehouse_url)
    members = {
        "contract_id": "dim_contract",
        "lead_contract_id": "dim_contract.contract_id",
        "customer_id": "dim_customer",
        "product": "dim_product",
        "collector_id": "dim_collector",
        "team": "dim_team",
        "channel": "dim_channel",
        "bucket": "dim_bucket",
        "rule_set_hash": "dim_strategy",
        "as_of": "dim_date.date",
    }
    checked = set()
    with engine.connect() as connection:
        for fact in FACTS:
            for column in fact.table.columns:
                if column.name not in members:
                    continue
                dimension, _, key = members[column.name].partition(".")
                member = sa.table(dimension, sa.column(key or column.name), schema="mart")
                orphans = (
                    sa.select(sa.func.count())
                    .select_from(fact.table)
                    .where(column.is_not(None), ~sa.exists().where(member.c[key or column.name] == column))
                )
                assert connection.execute(orphans).scalar() == 0, f"{fact.name}.{column.name}"
                checked.add(column.name)
    engine.dispose()
    assert checked == set(members)


def test_the_run_of_a_day_closes_the_days_before(kpi_day: Callable[..., Any]) -> None:
    monday, tuesday = date(2026, 11, 16), date(2026, 11, 17)
    kpi_day(monday)
    mart = kpi_day(tuesday)
    collector_days = {(row[0], row[1]) for row in mart["collector_day"]}
    assert (monday, "frozen") in collector_days
    assert tuesday not in {day for day, _ in collector_days}
    assert {row[0] for row in mart["pool_day"]} == {monday}
    offered = {row[2]: row[5] for row in mart["pool_offer_day"] if row[0] == monday}
    assert {row[2]: row[3] for row in mart["pool_day"]} == offered
    plans = {row[2] for row in mart["contact_plan_day"] if row[0] == monday}
    assert {row[2] for row in mart["channel_day"] if row[0] == monday and row[3] == "arrears"} == plans


def test_the_order_of_runs_does_not_show(kpi_day: Callable[..., Any]) -> None:
    monday, tuesday = date(2026, 11, 16), date(2026, 11, 17)
    kpi_day(monday, today=AS_OF)
    kpi_day(tuesday, today=AS_OF)
    in_order = kpi_day(AS_OF, today=AS_OF)
    assert kpi_day(monday, today=AS_OF, publish=False) == in_order
    assert kpi_day(tuesday, today=AS_OF, publish=False) == in_order


def test_a_past_day_is_restated_beside_the_frozen_one(kpi_day: Callable[..., Any], lender: Ledger) -> None:
    frozen = kpi_day(AS_OF)
    later = AS_OF + timedelta(days=3)
    smaller = {**lender, "contracts": lender["contracts"].slice(0, 1_000)}
    mart = kpi_day(AS_OF, today=later, ledger=smaller)
    for name in ("run_day", "portfolio_day", "loan_daily", "strategy_decision", "case_assignment"):
        kept = [row for row in mart[name] if row[1] == "frozen"]
        restated = [row for row in mart[name] if row[1] == "restated"]
        assert kept == frozen[name]
        assert restated
    assert len([row for row in mart["loan_daily"] if row[1] == "restated"]) < len(frozen["loan_daily"])


def test_an_empty_day_replaces_an_earlier_try(kpi_day: Callable[..., Any]) -> None:
    kpi_day(AS_OF)
    mart = kpi_day(AS_OF, ledger={})
    assert [row[3] for row in mart["run_day"]] == [0]
    for fact in FACTS:
        if fact.name not in {"run_day", "arm_result"}:
            assert mart[fact.name] == [], fact.name
    # an arm without a case is told as such
    assert {row[2:5] for row in mart["arm_result"]} == {("first_call", date(2026, 1, 1), arm) for arm in ARMS}
    counts = [name for name in mart_columns("arm_result") if name.endswith("cases") and not name.startswith("re")]
    places = [mart_columns("arm_result").index(name) for name in counts if name != "takes_cases"]
    assert {row[place] for row in mart["arm_result"] for place in places} == {0}


def test_what_a_newer_day_said_of_a_member_stays(kpi_day: Callable[..., Any], lender: Ledger) -> None:
    def regions(rows: Any) -> set[Any]:
        return {row[1] for row in rows}

    renamed = lender["customers"].set_column(
        lender["customers"].schema.get_field_index("region"),
        "region",
        pa.array(["Atlantis"] * len(lender["customers"])),
    )
    kpi_day(AS_OF, ledger={**lender, "customers": renamed})
    mart = kpi_day(AS_OF - timedelta(days=3), today=AS_OF)
    known = {row[2] for row in mart["case_assignment"] if row[0] == AS_OF}
    assert regions(row for row in mart["dim_customer"] if row[0] in known) == {"Atlantis"}
    mart = kpi_day(AS_OF)
    assert "Atlantis" not in regions(row for row in mart["dim_customer"] if row[0] in known)


def test_killed_anywhere_and_run_again_gives_the_same_mart(
    make_settings: Callable[..., Settings], warehouse_url: str, lender: Ledger
) -> None:
    settings = make_settings(warehouse_url=warehouse_url, clock=f"{AS_OF}T09:30:00")
    with open_run(settings, AS_OF) as run:
        publish_worklist(run, lender)
        for step in STEPS:
            run_step(run, step)
        undisturbed = mart_rows(run.warehouse)
        report = settings.reports_root / "daily" / "2026-11-20.html"
        page = report.read_bytes()
        environment = {
            "ARREARS_HOME": str(settings.home),
            "ARREARS_CLOCK": f"{AS_OF}T09:30:00",
            "ARREARS_WAREHOUSE_URL": warehouse_url,
            "ARREARS_DUCKDB_MEMORY": "1GB",
        }
        for step in STEPS:
            killed = [nth for nth in (1, 2, 3, 4) if run_killed(nth, step, AS_OF.isoformat(), environment)]
            assert killed, f"{step} has no moment to be killed at"
            assert mart_rows(run.warehouse) == undisturbed, f"{step} left half a day"
        for step in STEPS:
            run_step(run, step)
        assert mart_rows(run.warehouse) == undisturbed
    assert report.read_bytes() == page
    assert list(report.parent.glob(".*.tmp")) == []
    assert list(settings.lake_root.rglob("*.tmp")) == []


def test_nothing_is_built_from_what_was_not_published(make_run: Callable[..., Any], warehouse_url: str) -> None:
    with make_run(AS_OF, warehouse_url=warehouse_url) as run:
        publish_ledger(run, {})
        with pytest.raises(NotPublishedError, match="treatment of 2026-11-20"):
            run_step(run, "build_kpis")
        with pytest.raises(NotPublishedError, match="kpi of 2026-11-20"):
            run_step(run, "load_warehouse")
        with pytest.raises(NotPublishedError, match=r"no row in mart\.run_day"):
            run_step(run, "publish_report")


def test_a_warehouse_without_its_tables_says_what_to_do(
    make_settings: Callable[..., Settings], postgres: EmbeddedPostgres
) -> None:
    url = postgres.url(f"bare_{uuid.uuid4().hex[:12]}").render_as_string(hide_password=False)
    with open_run(make_settings(warehouse_url=url, clock=f"{AS_OF}T09:30:00"), AS_OF) as run:
        from arrears.kpi.steps import load_warehouse

        with pytest.raises(WarehouseError, match="arrears warehouse upgrade"):
            load_warehouse(run)
