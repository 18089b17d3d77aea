"""Bulk load: Arrow tables into `mart`, staged by COPY and put in place in one transaction.

All tables of a load change together, so a reader sees the day as it was or as it is, and a load that does not end
(killed, disconnected, server restarted) has changed nothing and can be run again.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from arrears.errors import WarehouseError
from arrears.warehouse import locks

if TYPE_CHECKING:
    from arrears.day import Basis

log = logging.getLogger(__name__)

_ROWS_A_WRITE = 65_536

Scope = Sequence[tuple[date, "Basis"]]
"""The (as_of, basis) pairs that a load replaces in a fact."""


@dataclass(frozen=True)
class FactLoad:
    """What replaces the rows of `scope` in a fact; rows of no scope are left out."""

    table: sa.Table
    rows: pa.Table
    scope: Scope


@dataclass(frozen=True)
class DimensionLoad:
    """Members of a dimension: new ones are added, and known ones changed where they differ."""

    table: sa.Table
    rows: pa.Table
    change_known: bool = True
    """False for a past day: what a newer day said about a member stays."""


@contextmanager
def loading(warehouse: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction for a whole load, under the load lock.

    Raises WarehouseError, which is safe to retry, when the connection is lost on the way.
    """
    try:
        with warehouse.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(locks.MART)))
            yield connection.execution_options(preserve_rowcount=True)
    except (OperationalError, InterfaceError) as error:
        raise _lost(warehouse) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _lost(warehouse) from error
        raise


def load_facts(connection: sa.Connection, loads: Sequence[FactLoad]) -> dict[str, int]:
    """Replaces the days of each fact; returns the rows of each table."""
    rows: dict[str, int] = {}
    for load in loads:
        table = load.table
        columns = [table.c.as_of, table.c.basis]
        staged = _stage(connection, table, load.rows)
        connection.execute(sa.delete(table).where(sa.tuple_(*columns).in_(load.scope)))
        inside = sa.tuple_(staged.c.as_of, staged.c.basis).in_(load.scope)
        names = [column.name for column in table.columns]
        inserted = connection.execute(
            sa.insert(table).from_select(names, sa.select(*[staged.c[name] for name in names]).where(inside))
        )
        rows[table.name] = inserted.rowcount
    return rows


def load_dimensions(connection: sa.Connection, loads: Sequence[DimensionLoad]) -> dict[str, int]:
    """Adds and changes members of dimensions; returns how many rows of each table were written."""
    rows: dict[str, int] = {}
    for load in loads:
        table = load.table
        staged = _stage(connection, table, load.rows)
        names = [column.name for column in table.columns]
        keys = list(table.primary_key.columns)
        others = [column for column in table.columns if not column.primary_key]
        insert = pg_insert(table).from_select(
            names, sa.select(*[staged.c[name] for name in names]).order_by(*[staged.c[key.name] for key in keys])
        )
        if load.change_known and others:
            new = insert.excluded
            differs = sa.tuple_(*others).is_distinct_from(sa.tuple_(*[new[column.name] for column in others]))
            insert = insert.on_conflict_do_update(
                index_elements=keys, set_={column.name: new[column.name] for column in others}, where=differs
            )
        else:
            insert = insert.on_conflict_do_nothing(index_elements=keys)
        rows[table.name] = connection.execute(insert).rowcount
    return rows


def _stage(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> sa.Table:
    """Copies `rows` into a temporary table of the transaction, typed as `table` is."""
    staging = sa.Table(
        f"staging_{table.name}",
        sa.MetaData(),
        *(sa.Column(column.name, column.type) for column in table.columns),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )
    staging.create(connection)
    names = [column.name for column in table.columns]
    missing = sorted(set(names) ^ set(rows.column_names))
    if missing:
        raise WarehouseError(
            expected=f"the columns of {table.fullname}",
            found=f"a difference in {', '.join(missing)}",
            where=f"the rows for {table.fullname}",
            action=f"Bring include/sql/kpi/{table.name}.sql and the migrations to the same columns.",
        )
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(staging.name), sql.SQL(", ").join([sql.Identifier(name) for name in names])
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in rows.select(names).to_batches(max_chunksize=_ROWS_A_WRITE):
            copy.write(_csv(batch))
    return staging


def _csv(batch: pa.RecordBatch) -> bytes:
    # Arrow quotes every text and leaves NULL empty, which is how PostgreSQL tells the empty text from NULL.
    buffer = io.BytesIO()
    pacsv.write_csv(batch, buffer, pacsv.WriteOptions(include_header=False))
    return buffer.getvalue()


def newest_day(connection: sa.Connection, run_day: sa.Table) -> date | None:
    """The newest business day that is loaded, of any basis."""
    return connection.execute(sa.select(sa.func.max(run_day.c.as_of))).scalar()


def loaded_after(connection: sa.Connection, run_day: sa.Table, as_of: date) -> Mapping[Basis, list[date]]:
    """The loaded days after `as_of`, by basis."""
    found: dict[Basis, list[date]] = {"frozen": [], "restated": []}
    for basis, day in connection.execute(sa.select(run_day.c.basis, run_day.c.as_of).where(run_day.c.as_of > as_of)):
        found[basis].append(day)
    return found


def _lost(warehouse: sa.Engine) -> WarehouseError:
    return WarehouseError(
        expected="the warehouse to answer until the load has ended",
        found="a lost connection",
        where=warehouse.url.render_as_string(hide_password=True),
        action="Nothing was changed. See that the warehouse is up, then run load_warehouse again.",
    )
