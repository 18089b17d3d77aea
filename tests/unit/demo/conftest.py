"""Generated lenders, written once for all tests here, and a plain ageing to judge them with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pytest

from arrears.demo.lender import write_parquet
from arrears.ledger.contract import TABLES

LenderMaker = Callable[..., Path]
LenderReader = Callable[[Path], duckdb.DuckDBPyConnection]
Ageing = Callable[[Path, tuple[date, ...]], duckdb.DuckDBPyConnection]

# the ledger contract's definitions with the default conventions, said as plainly as possible
_AGED = """
CREATE TABLE aged AS
WITH live AS (
    SELECT as_of, contract_id FROM days, contracts
    WHERE originated_on <= as_of
      AND (closed_on IS NULL OR closed_on > as_of) AND (written_off_on IS NULL OR written_off_on > as_of)
),
due AS (
    -- items of one day share the running total, so that the day is unmet as long as one of them is
    SELECT contract_id, due_date, sum(amount) OVER (PARTITION BY contract_id ORDER BY due_date) AS owed
    FROM (SELECT contract_id, due_date, amount_due AS amount FROM installments
          UNION ALL SELECT contract_id, due_date, amount FROM charges)
),
received AS (
    SELECT as_of, contract_id, sum(amount) AS paid FROM days, payments
    WHERE value_date <= as_of AND (reversed_on IS NULL OR reversed_on > as_of) GROUP BY as_of, contract_id
)
SELECT *, least((days_past_due + 29) // 30, 4) AS bucket
FROM (
    SELECT as_of, contract_id,
           coalesce(max(as_of - due_date) FILTER (due_date < as_of AND owed > coalesce(paid, 0)), 0) AS days_past_due
    FROM live LEFT JOIN received USING (as_of, contract_id) LEFT JOIN due USING (contract_id)
    GROUP BY as_of, contract_id
)
"""


@pytest.fixture(scope="session")
def lender(tmp_path_factory: pytest.TempPathFactory) -> LenderMaker:
    """The folder of a generated lender; made at the first call with the same arguments."""
    root = tmp_path_factory.mktemp("lenders")

    @cache
    def make(as_of: date, contracts: int = 2_000, seed: int = 7) -> Path:
        folder = root / f"{as_of}-{contracts}-{seed}"
        write_parquet(folder, as_of, contracts, seed)
        return folder

    return make


@pytest.fixture(scope="session")
def read() -> LenderReader:
    """Opens a folder in DuckDB, with a view for every ledger table."""

    def open_folder(folder: Path) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        for name in TABLES:
            connection.from_parquet(str(folder / f"{name}.parquet")).create_view(name)
        return connection

    return open_folder


@pytest.fixture(scope="session")
def aged(read: LenderReader) -> Ageing:
    """Ages a folder as of several days into the table `aged`, with the days in `days`; at the first call."""

    @cache
    def age(folder: Path, days: tuple[date, ...]) -> duckdb.DuckDBPyConnection:
        connection = read(folder)
        connection.execute("CREATE TABLE days (as_of DATE)")
        connection.executemany("INSERT INTO days VALUES (?)", [[day] for day in days])
        connection.execute(_AGED)
        return connection

    return age


@pytest.fixture(scope="session")
def ends_before() -> Callable[[date, int], list[date]]:
    """The last `count` ends of months before the month of a day, the oldest first."""

    def month_ends(before: date, count: int) -> list[date]:
        ends = []
        day = before
        for _ in range(count):
            day = day.replace(day=1) - timedelta(days=1)
            ends.append(day)
        return ends[::-1]

    return month_ends
