"""A ledger in any SQL database that SQLAlchemy speaks to, read in batches inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cached_property
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlglot import exp

from arrears.errors import LedgerError
from arrears.ledger.sources.base import SourceColumn

_BATCH = 50_000
_ISOLATION = ("SNAPSHOT", "REPEATABLE READ", "SERIALIZABLE")
"""Levels that show one state to all reads of a transaction; the first that a database has is taken."""


def parse_url(text: str) -> sa.URL:
    """A SQLAlchemy URL; LedgerError, without the text, when it is none."""
    try:
        return sa.make_url(text)
    except ArgumentError:
        raise LedgerError(
            expected="a SQLAlchemy URL, for example postgresql://user:password@host/database",
            found="something else (not shown: it may hold a password)",
            where="ARREARS_LEDGER",
            action="Correct the variable; special characters in a password are percent-encoded.",
        ) from None


def label_of(url: sa.URL) -> str:
    """Backend, host and database of a URL: what messages may show."""
    host = url.host or ""
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{host}{port}/{url.database or ''}"


def table_of(name: str) -> sa.TableClause:
    """A table from its name, with or without a schema before a dot."""
    schema, _, table = name.rpartition(".")
    return sa.table(table, schema=schema or None)


class DatabaseSource:
    """One connection, one transaction; the tables one after the other, rows streamed."""

    readers = 1

    def __init__(self, url: sa.URL) -> None:
        self.label = label_of(url)
        self._engine = self._create_engine(url)
        try:
            self._connection = self._begin()
        except SQLAlchemyError as error:
            self._engine.dispose()
            raise self._unreachable(error) from None

    def tables(self) -> Sequence[str]:
        """Tables and views of the connection's own schema."""
        return tuple(sorted([*self._inspector.get_table_names(), *self._inspector.get_view_names()]))

    def columns(self, table: str) -> Sequence[SourceColumn] | None:
        """The columns of a table or view by their declared types."""
        schema, _, name = table.rpartition(".")
        try:
            found = self._inspector.get_columns(name, schema=schema or None)
        except sa.exc.NoSuchTableError:
            return None
        return [self._column(each["name"], each["type"]) for each in found]

    @contextmanager
    def attach(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[SourceColumn], relation: str
    ) -> Iterator[None]:
        """Registers a stream of the table's rows as `relation`."""
        failure: list[LedgerError] = []
        schema = pa.schema([pa.field(column.name, column.type) for column in columns])
        rows = pa.RecordBatchReader.from_batches(schema, self._batches(table, columns, schema, failure))
        connection.register(relation, rows)
        try:
            yield
        except duckdb.Error as error:
            if failure:
                raise failure[0] from None
            raise error
        finally:
            connection.unregister(relation)

    def place(self, table: str, wrong: exp.Expr) -> str | None:
        """A database has no lines."""
        del table, wrong
        return None

    def close(self) -> None:
        """Ends the transaction and the connection."""
        self._connection.close()
        self._engine.dispose()

    @cached_property
    def _inspector(self) -> sa.Inspector:
        return sa.inspect(self._connection)

    def _create_engine(self, url: sa.URL) -> sa.Engine:
        # the stream is read by whichever of DuckDB's threads asks for it, one at a time
        arguments = {"check_same_thread": False} if url.get_backend_name() == "sqlite" else {}
        try:
            return sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments, hide_parameters=True)
        except (SQLAlchemyError, ImportError):
            raise LedgerError(
                expected=f"a driver for {url.drivername}",
                found="none installed",
                where=self.label,
                action="Install the database's Python driver, or name an installed one in the URL.",
            ) from None

    def _begin(self) -> sa.Connection:
        connection = self._engine.connect()
        if self._engine.dialect.name == "sqlite":
            # a reading transaction of SQLite keeps its state from the first read to its end
            connection.exec_driver_sql("BEGIN")
            return connection
        driver = connection.connection.dbapi_connection
        try:
            levels = self._engine.dialect.get_isolation_level_values(driver) if driver else ()
        except NotImplementedError:
            levels = ()
        level = next((each for each in _ISOLATION if each in levels), None)
        return connection.execution_options(isolation_level=level) if level else connection

    def _column(self, name: str, type_: sa.types.TypeEngine[Any]) -> SourceColumn:
        declared = str(type_) if not isinstance(type_, sa.types.NullType) else "an unknown type"
        exact = isinstance(type_, sa.Numeric) and not isinstance(type_, sa.Float)
        return SourceColumn(name, _arrow_type(type_), declared, as_text=exact)

    def _batches(
        self, table: str, columns: Sequence[SourceColumn], schema: pa.Schema, failure: list[LedgerError]
    ) -> Iterator[pa.RecordBatch]:
        sqlite = self._engine.dialect.name == "sqlite"
        types = {each["name"]: each["type"] for each in self._described(table)}
        selected: list[sa.ColumnElement[Any]] = []
        for column in columns:
            named: sa.ColumnElement[Any] = sa.column(column.name, types[column.name])
            # SQLite keeps exact numbers as binary ones; their shortest text is the amount that was written
            selected.append(sa.cast(named, sa.Text).label(column.name) if sqlite and column.as_text else named)
        makers = [_maker(column) for column in columns]
        select = sa.select(*selected).select_from(table_of(table))
        try:
            rows = self._connection.execution_options(stream_results=True, yield_per=_BATCH).execute(select)
            for part in rows.partitions():
                values = zip(*part, strict=True)
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array([make(value) for value in each], type=field.type)
                        for each, make, field in zip(values, makers, schema, strict=True)
                    ],
                    schema=schema,
                )
        except (ValueError, TypeError, pa.ArrowException):
            failure.append(
                LedgerError(
                    expected=f"values of the declared types, {', '.join(f'{c.name} {c.declared}' for c in columns)}",
                    found="a value of another type",
                    where=f"{table} in {self.label}",
                    action="Correct the values, or the declared types.",
                )
            )
            raise
        except SQLAlchemyError as error:
            failure.append(self._unreachable(error))
            raise

    def _described(self, table: str) -> Sequence[Any]:
        schema, _, name = table.rpartition(".")
        return self._inspector.get_columns(name, schema=schema or None)

    def _unreachable(self, error: Exception) -> LedgerError:
        cause = getattr(error, "orig", None) or error
        return LedgerError(
            expected="to read the lender's database",
            found=type(cause).__name__,
            where=self.label,
            action="Check host, port, database, user, password and the right to read, then run the step again.",
        )


def _arrow_type(type_: sa.types.TypeEngine[Any]) -> pa.DataType | None:
    kinds: tuple[tuple[type[Any] | tuple[type[Any], ...], pa.DataType], ...] = (
        (sa.Boolean, pa.bool_()),
        (sa.Integer, pa.int64()),
        (sa.Float, pa.float64()),
        (sa.Numeric, pa.string()),
        ((sa.Uuid, sa.String, sa.Enum), pa.string()),
        (sa.DateTime, pa.timestamp("us", "UTC") if getattr(type_, "timezone", False) else pa.timestamp("us")),
        (sa.Date, pa.date32()),
    )
    return next((arrow for kind, arrow in kinds if isinstance(type_, kind)), None)


def _maker(column: SourceColumn) -> Callable[[Any], Any]:
    if column.as_text:
        return _digits
    if column.type is not None and pa.types.is_string(column.type):
        return lambda value: None if value is None else str(value)
    return lambda value: value


def _digits(value: Any) -> str | None:
    # never an exponent: the door reads plain digits
    return None if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)
