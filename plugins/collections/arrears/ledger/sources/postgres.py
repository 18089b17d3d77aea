"""A ledger in PostgreSQL: several connections read one exported snapshot, rows come in binary batches by ADBC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import duckdb
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError
from sqlglot import exp

from arrears.errors import LedgerError
from arrears.ledger.sources.base import SourceColumn
from arrears.ledger.sources.database import label_of, table_of

_READERS = 3
_PADDED = "bpchar"


class PostgresSource:
    """A leader holds a read-only REPEATABLE READ transaction and exports its snapshot; each reader imports it."""

    readers = _READERS

    def __init__(self, url: sa.URL) -> None:
        self.label = label_of(url)
        # libpq and SQLAlchemy read the same URL once the driver's name is gone from it
        self._uri = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            poolclass=sa.NullPool,
            isolation_level="REPEATABLE READ",
            hide_parameters=True,
        )
        try:
            self._leader = self._engine.connect().execution_options(postgresql_readonly=True)
            self._snapshot = str(self._leader.scalar(sa.select(sa.func.pg_export_snapshot())))
            self._inspector = sa.inspect(self._leader)
        except SQLAlchemyError as error:
            raise self._unreachable(getattr(error, "orig", None) or error) from None

    def tables(self) -> Sequence[str]:
        """Tables and views of the connection's own schema."""
        names = [
            *self._inspector.get_table_names(),
            *self._inspector.get_view_names(),
            *self._inspector.get_materialized_view_names(),
        ]
        return tuple(sorted(names))

    def columns(self, table: str) -> Sequence[SourceColumn] | None:
        """The columns of a table or view as ADBC sends them."""
        schema, _, name = table.rpartition(".")
        if not self._inspector.has_table(name, schema=schema or None):
            return None
        statement = _compiled(sa.select(sa.literal_column("*")).select_from(table_of(table)))
        with self._reader() as cursor, self._reading():
            found = cursor.adbc_execute_schema(statement)
        return [_column(field) for field in found]

    @contextmanager
    def attach(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[SourceColumn], relation: str
    ) -> Iterator[None]:
        """Registers a stream of the table's rows, as the snapshot has them, as `relation`."""
        # blanks at the end of a CHAR(n) mean nothing to PostgreSQL; text drops them
        selected = [
            sa.cast(sa.column(column.name), sa.Text).label(column.name)
            if column.declared == _PADDED
            else sa.column(column.name)
            for column in columns
        ]
        statement = _compiled(sa.select(*selected).select_from(table_of(table)))
        with self._reader() as cursor:
            with self._reading():
                cursor.execute(statement)
                rows = cursor.fetch_record_batch()
            connection.register(relation, _plain(rows, columns))
            try:
                yield
            finally:
                connection.unregister(relation)

    def place(self, table: str, wrong: exp.Expr) -> str | None:
        """A database has no lines."""
        del table, wrong
        return None

    def close(self) -> None:
        """Ends the leader's transaction, and with it the snapshot."""
        self._leader.close()
        self._engine.dispose()

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        # the snapshot must be set before the transaction's first query
        take = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(self._snapshot)).as_string(None)
        with self._reading():
            connection = adbc_driver_postgresql.dbapi.connect(self._uri, autocommit=False)
        try:
            with connection.cursor() as cursor:
                with self._reading():
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    cursor.execute(take)
                yield cursor
        finally:
            connection.close()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (adbc_driver_manager.Error, psycopg.Error) as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: BaseException) -> LedgerError:
        state = getattr(error, "sqlstate", None)
        return LedgerError(
            expected="to read the lender's PostgreSQL",
            found=type(error).__name__ + (f" (SQLSTATE {state})" if state else ""),
            where=self.label,
            action="Check host, port, database, user, password and the right to read, then run the step again.",
        )


def _compiled(select: sa.Select[*tuple[Any, ...]]) -> str:
    return str(select.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


def _column(field: pa.Field) -> SourceColumn:
    metadata = field.metadata or {}
    declared = metadata.get(b"POSTGRESQL:type", b"").decode() or str(field.type)
    type_ = field.type
    if declared == "money":
        # sent as a whole number of cents, whose meaning depends on the server's locale
        return SourceColumn(field.name, None, declared)
    if isinstance(type_, pa.OpaqueType):
        exact = declared == "numeric"
        return SourceColumn(field.name, type_.storage_type if exact else None, declared, as_text=exact)
    return SourceColumn(field.name, type_, declared)


def _plain(rows: pa.RecordBatchReader, columns: Sequence[SourceColumn]) -> pa.RecordBatchReader:
    schema = pa.schema([pa.field(column.name, column.type) for column in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in rows:
            arrays = [
                array.storage if isinstance(array.type, pa.OpaqueType) else array.cast(field.type)
                for array, field in zip(batch.columns, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())
