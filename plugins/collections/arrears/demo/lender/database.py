"""Writes the generated lender to a PostgreSQL database, by binary COPY, in one transaction."""

from __future__ import annotations

from datetime import date
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ArgumentError
from sqlalchemy.schema import AddConstraint, CreateTable, DropTable

from arrears.demo.lender.generate import DEFAULT_CONTRACTS, DEFAULT_SEED, VERSION, generate, plain
from arrears.errors import LedgerError
from arrears.ledger.contract import DATE, FLAG, INSTANT, INTEGER, MONEY, REAL, TABLES, TEXT

MARKER = "demo_lender"
"""Table that says which lender the database holds; only a database that has it is ever overwritten."""

_LOCK = 4_115_309
_SQL_TYPES: dict[pa.DataType, sa.types.TypeEngine[Any]] = {
    TEXT: sa.Text(),
    DATE: sa.Date(),
    MONEY: sa.Numeric(18, 2),
    INTEGER: sa.Integer(),
    REAL: sa.Double(),
    FLAG: sa.Boolean(),
    INSTANT: sa.DateTime(),
}
_DIALECT: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def write_database(
    url: sa.URL | str, as_of: date, contracts: int = DEFAULT_CONTRACTS, seed: int = DEFAULT_SEED
) -> dict[str, int]:
    """Writes the lender's tables to the database; rows per table, empty if it holds exactly this lender already.

    One transaction: nobody sees half a lender, and a killed call leaves what was there. Raises LedgerError when the
    URL is not PostgreSQL, or the database has ledger tables that were not generated.
    """
    metadata = sa.MetaData()
    marker = sa.Table(
        MARKER,
        metadata,
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("contracts", sa.BigInteger, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    tables = {name: _sql_table(name, metadata) for name in TABLES}
    wanted = {"as_of": as_of, "contracts": contracts, "seed": seed, "version": VERSION}
    rows: dict[str, int] = {}
    with _connect(url) as connection, connection.cursor() as cursor:
        # two loaders of one database take turns
        _fetch(cursor, sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        present = _present_tables(cursor)
        if MARKER in present:
            if _fetch(cursor, sa.select(marker)) == [tuple(wanted.values())]:
                return rows
        elif not present.isdisjoint(TABLES):
            raise LedgerError(
                expected="an empty database, or one that was generated before",
                found="ledger tables that were not generated: " + ", ".join(sorted(present & set(TABLES))),
                where=_shown(url),
                action="Name another database; nothing was written.",
            )
        for table in (marker, *tables.values()):
            cursor.execute(_text(DropTable(table, if_exists=True)))
            cursor.execute(_text(CreateTable(table)))
        rows = dict.fromkeys(TABLES, 0)
        for chunk in generate(as_of, contracts, seed):
            for name, table in chunk.items():
                cursor.adbc_ingest(name, plain(table, name), mode="append")
                rows[name] += table.num_rows
        for name, table in tables.items():
            # after the load, when it is one sort instead of a search per row
            cursor.execute(_text(AddConstraint(sa.PrimaryKeyConstraint(*(table.c[key] for key in TABLES[name].key)))))
        cursor.execute(_text(sa.insert(marker).values(wanted)))
        connection.commit()
    return rows


def _sql_table(name: str, metadata: sa.MetaData) -> sa.Table:
    columns = [
        sa.Column(column.name, _SQL_TYPES[column.type], nullable=not column.required) for column in TABLES[name].columns
    ]
    return sa.Table(name, metadata, *columns)


def _connect(url: sa.URL | str) -> adbc.Connection:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise _not_postgres("something that is not a URL") from None
    if parsed.get_backend_name() != "postgresql":
        raise _not_postgres(f"a URL of {parsed.get_backend_name()}")
    try:
        return adbc.connect(parsed.set(drivername="postgresql").render_as_string(hide_password=False))
    except adbc.Error as error:
        raise LedgerError(
            expected="a PostgreSQL database that takes connections",
            found=str(error).strip().splitlines()[-1],
            where=_shown(url),
            action="Start the server, create the database, or correct the URL.",
        ) from None


def _not_postgres(found: str) -> LedgerError:
    return LedgerError(
        expected="a SQLAlchemy URL of PostgreSQL, postgresql://user@host/database",
        found=found,
        where="the URL of the lender's database",
        action="Give another URL, or write the lender to a folder of Parquet files.",
    )


def _shown(url: sa.URL | str) -> str:
    return sa.make_url(url).render_as_string(hide_password=True)


def _text(statement: sa.sql.ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _fetch(cursor: adbc.Cursor, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    cursor.execute(_text(statement))
    return [tuple(row) for row in cursor.fetchall()]


def _present_tables(cursor: adbc.Cursor) -> set[str]:
    catalog = sa.table("tables", sa.column("table_schema"), sa.column("table_name"), schema="information_schema")
    names = sa.select(sa.cast(catalog.c.table_name, sa.Text)).where(
        catalog.c.table_schema == sa.cast(sa.func.current_schema(), sa.Text)
    )
    return {str(name) for (name,) in _fetch(cursor, names)}
