"""The generated lender in a real PostgreSQL: whole or not at all, once, and never over somebody else's tables."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from arrears.demo.lender import write_database, write_parquet
from arrears.errors import LedgerError
from arrears.ledger.contract import TABLES

DAY = date(2026, 11, 20)


@pytest.fixture
def url(postgres: Any) -> sa.URL:
    made: sa.URL = postgres.url(f"lender_{uuid.uuid4().hex[:12]}")
    return made


@pytest.fixture
def engine(url: sa.URL) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url)
    yield engine
    engine.dispose()


def _scalar(engine: sa.Engine, query: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.text(query)).scalar()


def test_the_database_holds_the_same_rows_as_the_files(url: sa.URL, engine: sa.Engine, tmp_path: Any) -> None:
    rows = write_database(url, DAY, 300)

    assert rows == write_parquet(tmp_path / "files", DAY, 300)
    for name, table in TABLES.items():
        reflected = sa.Table(name, sa.MetaData(), autoload_with=engine)
        assert [column.name for column in reflected.primary_key] == list(table.key)
        assert reflected.columns.keys() == table.schema.names
        with engine.connect() as connection:
            in_database = {tuple(row) for row in connection.execute(sa.select(reflected))}
        in_files = {tuple(row.values()) for row in pq.read_table(tmp_path / "files" / f"{name}.parquet").to_pylist()}
        assert in_database == in_files, name


def test_the_same_lender_is_not_loaded_twice(url: sa.URL, engine: sa.Engine) -> None:
    write_database(url, DAY, 100)
    before = _scalar(
        engine, "SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_class WHERE relkind = 'r' AND oid > 16384"
    )

    assert write_database(url, DAY, 100) == {}
    assert (
        _scalar(
            engine, "SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_class WHERE relkind = 'r' AND oid > 16384"
        )
        == before
    )


@pytest.mark.parametrize(
    "other", [(date(2026, 11, 21), 100, 1), (DAY, 120, 1), (DAY, 100, 2)], ids=["day", "size", "seed"]
)
def test_another_lender_replaces_it(url: sa.URL, engine: sa.Engine, other: tuple[date, int, int]) -> None:
    write_database(url, DAY, 100, 1)

    assert write_database(url, *other)["contracts"] == other[1]
    assert _scalar(engine, "SELECT count(*) FROM contracts") == other[1]
    assert _scalar(engine, "SELECT count(*) FROM demo_lender") == 1


def test_tables_of_somebody_else_are_left_alone(url: sa.URL, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE payments (mine integer)"))

    with pytest.raises(LedgerError, match="payments"):
        write_database(url, DAY, 100)

    assert _scalar(engine, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == 1


def test_a_killed_load_leaves_nothing_and_the_next_one_is_whole(url: sa.URL, engine: sa.Engine) -> None:
    code = (
        "import datetime, os, sys; from arrears.demo.lender import write_database;"
        "write_database(os.environ['LENDER_URL'], datetime.date(2026, 11, 20), 60_000)"
    )
    environment = {**os.environ, "LENDER_URL": url.render_as_string(hide_password=False)}
    loader = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        # in the middle of the load: the server has begun to write rows that nobody sees
        deadline = time.monotonic() + 60
        while not _scalar(engine, "SELECT count(*) FROM pg_stat_progress_copy WHERE datname = current_database()"):
            assert loader.poll() is None, "the load ended before it could be killed"
            assert time.monotonic() < deadline
        assert _scalar(engine, "SELECT to_regclass('contracts') IS NULL")
    finally:
        loader.send_signal(signal.SIGKILL)
        loader.wait(timeout=30)

    assert _scalar(engine, "SELECT to_regclass('contracts') IS NULL")
    assert write_database(url, DAY, 200)["contracts"] == 200
    assert _scalar(engine, "SELECT count(*) FROM contracts") == 200


def test_a_server_that_is_not_there_is_named_without_its_password(url: sa.URL) -> None:
    gone = url.set(port=1, password="hidden")

    with pytest.raises(LedgerError, match="takes connections") as raised:
        write_database(gone, DAY, 10)

    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("wrong", ["sqlite:///x.db", "not a url", "mysql://a@b/c"])
def test_only_postgresql_is_written(wrong: str) -> None:
    with pytest.raises(LedgerError, match="PostgreSQL"):
        write_database(wrong, DAY, 10)
