"""Fixtures of allocation on a real warehouse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.allocation_kit import AllocationDays

from arrears.run import Run
from arrears.warehouse.schema import metadata


@pytest.fixture
def allocation_days(make_run: Callable[..., Any], tmp_path: Path) -> AllocationDays:
    """Days of allocation in the test's folder."""
    return AllocationDays(make_run, tmp_path / "rules")


@pytest.fixture
def warehouse_url(pg_url: str) -> str:
    """The module's warehouse with empty ops tables."""
    engine = sa.create_engine(pg_url)
    tables = [table for table in reversed(metadata.sorted_tables) if table.schema == "ops"]
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for table in tables:
            connection.execute(sa.delete(table))
    engine.dispose()
    return pg_url


def ops_rows(run: Run) -> dict[str, list[dict[str, Any]]]:
    """All rows of the tables of cases, with the transaction that wrote each: touched rows show."""
    found: dict[str, list[dict[str, Any]]] = {}
    with run.warehouse.connect() as connection:
        for name in ("ops.case", "ops.case_assignment", "ops.collector"):
            table = metadata.tables[name]
            written_by = sa.literal_column("xmin::text").label("written_by")
            select = sa.select(table, written_by).order_by(*table.primary_key.columns)
            found[name] = [dict(row._mapping) for row in connection.execute(select)]
    return found


@pytest.fixture
def rows_of() -> Callable[[Run], dict[str, list[dict[str, Any]]]]:
    """Reads all rows of ops that allocation writes."""
    return ops_rows
