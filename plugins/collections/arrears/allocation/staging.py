"""Staging: moves an Arrow table into a temporary table of the running transaction by COPY."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv as csv
import sqlalchemy as sa
from psycopg import sql


def temporary_table(name: str, key: str, columns: Iterable[sa.Column[Any]]) -> sa.Table:
    """A table that lives until the transaction ends, with columns of the names and types of `columns`.

    `key` names its primary key; all other columns may be NULL.
    """
    return sa.Table(
        name,
        sa.MetaData(),
        *[sa.Column(column.name, column.type, primary_key=column.name == key) for column in columns],
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


def stage(connection: sa.Connection, target: sa.Table, rows: pa.Table) -> None:
    """Creates the temporary table `target` and copies `rows` into its columns of the same names."""
    target.create(connection)
    buffer = io.BytesIO()
    # NULL is written bare and text in quotes, which is how COPY tells an empty text from NULL
    csv.write_csv(rows, buffer, csv.WriteOptions(include_header=False, quoting_style="needed"))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
        sql.Identifier(target.name), sql.SQL(", ").join(sql.Identifier(name) for name in rows.column_names)
    )
    with _cursor(connection) as cursor, cursor.copy(statement) as copy:
        copy.write(buffer.getbuffer())
    refresh_statistics(connection, target)


def refresh_statistics(connection: sa.Connection, table: sa.Table) -> None:
    """Tells the planner how many rows `table` has now, those of the running transaction included."""
    name = sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)
    with _cursor(connection) as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(name))


def _cursor(connection: sa.Connection) -> psycopg.Cursor[Any]:
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"the warehouse is reached by psycopg 3, not by {type(driver).__module__}")
    return driver.cursor()
