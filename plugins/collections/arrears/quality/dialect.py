"""The part of a SQLAlchemy dialect that Great Expectations needs to put its questions to one DuckDB connection."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.pool import StaticPool

_NAME = "arrears_duckdb"


class DuckDBDialect(DefaultDialect):
    """Reads only: SELECTs with bound values, and the names of tables and columns."""

    name = "duckdb"
    driver = "arrears"
    paramstyle = "qmark"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_native_boolean = True
    supports_native_decimal = True

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The driver's module."""
        return duckdb

    def initialize(self, connection: sa.Connection) -> None:
        """There is no server to ask for a version or a default schema."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Every statement stands alone: nothing is written."""

    def do_commit(self, dbapi_connection: Any) -> None:
        """Every statement stands alone: nothing is written."""

    def has_table(self, connection: sa.Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Whether there is a table or view of that name."""
        return bool(self.get_columns(connection, table_name, schema, **kw))

    def get_columns(
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> list[ReflectedColumn]:
        """The columns of a table or view, without their types: no question here depends on them."""
        columns = sa.table(
            "columns",
            sa.column("table_name", sa.Text),
            sa.column("column_name", sa.Text),
            sa.column("ordinal_position", sa.Integer),
            schema="information_schema",
        )
        select = (
            sa.select(columns.c.column_name)
            .where(columns.c.table_name == table_name)
            .order_by(columns.c.ordinal_position)
        )
        return [
            {"name": name, "type": sa.types.NullType(), "nullable": True, "default": None}
            for name in connection.scalars(select)
        ]


registry.register(_NAME, __name__, DuckDBDialect.__name__)


def engine_on(connection: duckdb.DuckDBPyConnection) -> sa.Engine:
    """A SQLAlchemy engine whose only connection is `connection`; closing the engine leaves it open."""
    kept = _Kept(connection)
    return sa.create_engine(f"{_NAME}://", creator=lambda: kept, poolclass=StaticPool)


class _Kept:
    """A connection whose owner is somebody else: `close` does nothing, and cursors share its tables and views."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return self._connection.cursor()

    def close(self) -> None:
        """Left to the owner."""
