"""Bulk load: one transaction for all tables, whatever happens to the loader or to the server on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from arrears.errors import WarehouseError
from arrears.kpi.facts import FACTS
from arrears.settings import load_settings
from arrears.warehouse import load as load_module
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.load import DimensionLoad, FactLoad, load_dimensions, load_facts, loading
from arrears.warehouse.mart import DimDealer, DimTeam
from arrears.warehouse.migrate import upgrade

FRI, SAT = date(2026, 11, 20), date(2026, 11, 21)
PORTFOLIO = next(fact.table for fact in FACTS if fact.name == "portfolio_day")
OFFERS = next(fact.table for fact in FACTS if fact.name == "pool_offer_day")
TEAMS = DimTeam.__table__
DEALERS = DimDealer.__table__


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres) -> Iterator[sa.Engine]:
    url = postgres.url(f"load_{uuid.uuid4().hex[:12]}").render_as_string(hide_password=False)
    engine = open_warehouse(load_settings({"warehouse_url": url}))
    upgrade(engine)
    yield engine
    engine.dispose()


def portfolio(day: date, *contracts: int, basis: str = "frozen") -> pa.Table:
    """One row a bucket: M0, M1, … with so many contracts."""
    numbers = range(len(contracts))
    money = pa.array([Decimal("1.25")] * len(contracts), pa.decimal128(18, 2))
    counts = pa.array(contracts, pa.int64())
    return pa.table(
        {
            "as_of": pa.array([day] * len(contracts), pa.date32()),
            "basis": pa.array([basis] * len(contracts), pa.string()),
            "product": pa.array(["auto"] * len(contracts), pa.string()),
            "currency": pa.array(["CNY"] * len(contracts), pa.string()),
            "bucket": pa.array([f"M{number}" for number in numbers], pa.string()),
            "class": pa.array(["low"] * len(contracts), pa.string()),
            **dict.fromkeys(("contracts", "overdue_contracts", "repeated_contracts", "held_contracts"), counts),
            **dict.fromkeys(("principal", "outstanding_amount", "overdue_amount"), money),
            "outstanding_principal": pa.nulls(len(contracts), pa.decimal128(18, 2)),
        }
    )


def offers(day: date, queue: str) -> pa.Table:
    one = pa.array([1], pa.int64())
    money = pa.array([Decimal(1)], pa.decimal128(18, 2))
    return pa.table(
        {
            "as_of": pa.array([day], pa.date32()),
            "basis": pa.array(["frozen"], pa.string()),
            "queue": pa.array([queue], pa.string()),
            **dict.fromkeys(("cases", "allocated_cases", "offered_cases", "collectors"), one),
            **dict.fromkeys(("overdue_amount", "allocated_amount", "offered_amount"), money),
        }
    )


def load(warehouse: sa.Engine, *loads: FactLoad) -> dict[str, int]:
    with loading(warehouse) as connection:
        return load_facts(connection, loads)


def found(warehouse: sa.Engine, table: sa.Table = PORTFOLIO) -> list[tuple[Any, ...]]:
    columns = [table.c.as_of, table.c.basis, table.c.bucket, table.c.contracts] if table is PORTFOLIO else [*table.c]
    with warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*table.primary_key))]


def test_a_load_replaces_its_days_and_nothing_else(warehouse: sa.Engine) -> None:
    load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 10, 5, 1), [(FRI, "frozen")]))
    load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 9, basis="restated"), [(FRI, "restated")]))
    load(warehouse, FactLoad(PORTFOLIO, portfolio(SAT, 8), [(SAT, "frozen")]))
    assert load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 11, 4), [(FRI, "frozen")])) == {"portfolio_day": 2}
    assert found(warehouse) == [
        (FRI, "frozen", "M0", 11),
        (FRI, "frozen", "M1", 4),
        (FRI, "restated", "M0", 9),
        (SAT, "frozen", "M0", 8),
    ]


def test_an_empty_day_takes_the_earlier_try_away(warehouse: sa.Engine) -> None:
    load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 10), [(FRI, "frozen")]))
    assert load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI), [(FRI, "frozen")])) == {"portfolio_day": 0}
    assert found(warehouse) == []


def test_rows_of_days_that_are_another_runs_are_left_out(warehouse: sa.Engine) -> None:
    load(warehouse, FactLoad(PORTFOLIO, portfolio(SAT, 8), [(SAT, "frozen")]))
    both = pa.concat_tables([portfolio(FRI, 10), portfolio(SAT, 99)])
    assert load(warehouse, FactLoad(PORTFOLIO, both, [(FRI, "frozen")])) == {"portfolio_day": 1}
    assert load(warehouse, FactLoad(PORTFOLIO, both, [])) == {"portfolio_day": 0}
    assert [row[3] for row in found(warehouse)] == [10, 8]


def test_texts_come_as_they_are(warehouse: sa.Engine) -> None:
    texts = ["", "NULL", "\\N", 'a "quote", a comma', "two\nlines", "中文", " spaces ", "\\."]
    rows = pa.table({"dealer_id": texts, "main_region": [None, *texts[1:]]})
    with loading(warehouse) as connection:
        load_dimensions(connection, [DimensionLoad(DEALERS, rows)])
    assert dict(row for row in found(warehouse, DEALERS)) == {text: text or None for text in texts}


def test_dimensions_change_where_they_differ(warehouse: sa.Engine) -> None:
    def members(counts: dict[str, int], *, change_known: bool = True) -> int:
        rows = pa.table({"team": list(counts), "collectors": list(counts.values())})
        with loading(warehouse) as connection:
            return load_dimensions(connection, [DimensionLoad(TEAMS, rows, change_known)])["dim_team"]

    assert members({"north": 3, "south": 4}) == 2
    assert members({"north": 3, "south": 4}) == 0
    assert members({"north": 5}) == 1
    assert members({"north": 9, "east": 1}, change_known=False) == 1
    assert found(warehouse, TEAMS) == [("east", 1), ("north", 5), ("south", 4)]


def test_a_column_that_is_missing_is_named(warehouse: sa.Engine) -> None:
    with pytest.raises(WarehouseError, match="a difference in overdue_amount"):
        load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 1).drop_columns("overdue_amount"), [(FRI, "frozen")]))


def test_readers_see_the_whole_day_or_the_one_before(warehouse: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    load(
        warehouse,
        FactLoad(PORTFOLIO, portfolio(FRI, 1), [(FRI, "frozen")]),
        FactLoad(OFFERS, offers(FRI, "old"), [(FRI, "frozen")]),
    )
    seen: list[tuple[int, str]] = []
    stage = load_module._stage

    def look(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> sa.Table:
        seen.append((found(warehouse)[0][3], found(warehouse, OFFERS)[0][2]))
        return stage(connection, table, rows)

    monkeypatch.setattr(load_module, "_stage", look)
    load(
        warehouse,
        FactLoad(PORTFOLIO, portfolio(FRI, 2), [(FRI, "frozen")]),
        FactLoad(OFFERS, offers(FRI, "new"), [(FRI, "frozen")]),
    )
    # while the second table was staged, the first was already replaced for the loader, and for nobody else
    assert seen == [(1, "old"), (1, "old")]
    assert (found(warehouse)[0][3], found(warehouse, OFFERS)[0][2]) == (2, "new")


def test_two_loads_of_a_day_wait_for_one_another(warehouse: sa.Engine) -> None:
    errors: list[BaseException] = []

    def work(contracts: int) -> None:
        try:
            load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, contracts), [(FRI, "frozen")]))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(contracts,)) for contracts in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(found(warehouse)) == 1


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder that another start of pytest does not close to the user that PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="arrears-test-restarted-") as folder:
        yield Path(folder)


def test_the_server_restarted_in_the_middle_of_a_load(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(own_folder / "server")
    server.ensure_running()
    try:
        url = server.url("warehouse").render_as_string(hide_password=False)
        warehouse = open_warehouse(load_settings({"warehouse_url": url}))
        upgrade(warehouse)
        loads = (
            FactLoad(PORTFOLIO, portfolio(FRI, 2), [(FRI, "frozen")]),
            FactLoad(OFFERS, offers(FRI, "new"), [(FRI, "frozen")]),
        )
        load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 1), [(FRI, "frozen")]))
        monkeypatch.setattr(load_module, "_csv", _restarting(server, load_module._csv))
        with pytest.raises(WarehouseError, match="Nothing was changed") as error:
            load(warehouse, *loads)
        assert server.url("warehouse").password not in str(error.value)
        monkeypatch.undo()
        # the same engine meets the restarted server with a new connection
        assert [row[3] for row in found(warehouse)] == [1]
        assert found(warehouse, OFFERS) == []
        assert load(warehouse, *loads) == {"portfolio_day": 1, "pool_offer_day": 1}
        assert [row[3] for row in found(warehouse)] == [2]
        warehouse.dispose()
    finally:
        server.stop(mode="immediate")


def _restarting(server: EmbeddedPostgres, csv: Callable[[pa.RecordBatch], bytes]) -> Callable[[pa.RecordBatch], bytes]:
    """Restarts the server while the second table is being copied."""
    calls = 0

    def restarting(batch: pa.RecordBatch) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 2:
            server.stop(mode="immediate")
            server.ensure_running()
        return csv(batch)

    return restarting


_KILLED = """
import os, signal, sys
from arrears.settings import load_settings
from arrears.warehouse import load as load_module
from arrears.warehouse.connect import open_warehouse

sys.path.insert(0, sys.argv[1])
import test_bulk_load as cases

stage, calls = load_module._stage, 0

def killed(connection, table, rows):
    global calls
    calls += 1
    staged = stage(connection, table, rows)
    if calls == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return staged

load_module._stage = killed
cases.load(
    open_warehouse(load_settings()),
    cases.FactLoad(cases.PORTFOLIO, cases.portfolio(cases.FRI, 2), [(cases.FRI, "frozen")]),
    cases.FactLoad(cases.OFFERS, cases.offers(cases.FRI, "new"), [(cases.FRI, "frozen")]),
)
"""


def test_the_loader_killed_between_two_tables(warehouse: sa.Engine) -> None:
    load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 1), [(FRI, "frozen")]))
    child = subprocess.run(
        [sys.executable, "-c", _KILLED, str(Path(__file__).parent)],
        env={**os.environ, "ARREARS_WAREHOUSE_URL": warehouse.url.render_as_string(hide_password=False)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr[-2000:]
    assert [row[3] for row in found(warehouse)] == [1]
    assert found(warehouse, OFFERS) == []
    # the dead loader's lock and staging tables are gone with its connection
    load(warehouse, FactLoad(PORTFOLIO, portfolio(FRI, 3), [(FRI, "frozen")]))
    assert [row[3] for row in found(warehouse)] == [3]
