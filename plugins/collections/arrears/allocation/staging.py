"""Staging: moves an Arrow table into a temporary table of the running transaction by COPY."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import sqlalchemy as sa
from psycopg import sql


def temporary_table(name: str, columns: Iterable[sa.Column[Any]]) -> sa.Table:
    """A table that lives until the transaction ends, with nullable columns of the names and types of `columns`."""
    return sa.Table(
        name,
        sa.MetaData(),
        *[sa.Column(column.name, column.type) for column in columns],
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
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - for the type checker: the connection is in a transaction
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(buffer.getbuffer())
    with driver.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(target.name)))
