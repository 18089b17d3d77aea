"""Great Expectations on DuckDB: one kept connection, and the expectation that few rows break a rule.

Great Expectations closes its connection before it fetches, which empties DuckDB's results; the execution engine here
keeps one connection for all questions (the library does the same itself for SQLite).
"""

from __future__ import annotations

import builtins
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

# read once, when the library is imported: nothing about a lender leaves the machine
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keeps pyspark out of an import, and what pandas has to say about its neighbours.

    Great Expectations imports pyspark where it is installed, only to know its types. Imported in a process without a
    main file (a forkserver's child, `python -c`) pyspark takes itself for a doctest and ends the process, exit code 0.
    """
    there = sys.modules.get("pyspark")
    sys.modules["pyspark"] = None  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if there is None:
            del sys.modules["pyspark"]
        else:
            sys.modules["pyspark"] = there


with _quiet_import():
    import great_expectations as gx
    from great_expectations.compatibility import pydantic as gx_pydantic
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.execution_engine.execution_engine import ExecutionEngine
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.core.expect_table_row_count_to_be_between import (
        ExpectTableRowCountToBeBetween,
    )
    from great_expectations.expectations.expectation import BatchExpectation
    from great_expectations.expectations.metrics.metric_provider import metric_value
    from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
    from great_expectations.expectations.row_conditions import Column

__all__ = [
    "Column",
    "DuckDBDatasource",
    "ExpectFewBadRows",
    "ExpectTableRowCountToBeBetween",
    "KeptConnectionEngine",
    "gx",
]

SHOWN = 20
"""Bad rows that a report shows per rule."""


class KeptConnectionEngine(SqlAlchemyExecutionEngine):
    """Asks all its questions on one connection, which stays open until `close`."""

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """The kept connection."""
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def close(self) -> None:
        """Gives the kept connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """A data source on an execution engine that is there already."""

    type: Literal["arrears_duckdb"] = "arrears_duckdb"  # type: ignore[assignment]
    _connected: KeptConnectionEngine | None = gx_pydantic.PrivateAttr(None)

    @classmethod
    def on(cls, name: str, engine: KeptConnectionEngine) -> DuckDBDatasource:
        """The data source `name` on `engine`."""
        source = cls(name=name, connection_string="arrears_duckdb://")
        source._connected = engine
        return source

    @property
    def execution_engine_type(self) -> builtins.type[SqlAlchemyExecutionEngine]:
        """The class of the execution engine."""
        return KeptConnectionEngine

    def get_engine(self) -> sa.Engine:
        """The SQLAlchemy engine."""
        return self.get_execution_engine().engine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """The execution engine that `on` was given."""
        assert self._connected is not None  # noqa: S101 - `on` sets it
        return self._connected


class TableBadRows(TableMetricProvider):
    """Counts the bad rows that a rule's SELECT left in its own table, and names the first ones from quarantine."""

    metric_name = "table.bad_rows"
    value_keys = ("rule_id", "bad_rows_table")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805 - the decorator makes it a class method
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str, Any]:
        bad = sa.table(metric_value_kwargs["bad_rows_table"])
        kept = sa.table("quarantine", *(sa.column(name) for name in ("rule_id", "row_number", "key", "reason")))
        count = execution_engine.execute_query(sa.select(sa.func.count()).select_from(bad)).scalar_one()
        first = execution_engine.execute_query(
            sa.select(kept.c.key, kept.c.reason)
            .where(kept.c.rule_id == metric_value_kwargs["rule_id"])
            .order_by(kept.c.row_number)
            .limit(SHOWN)
        ).all()
        return {"count": count, "first": [f"{key}: {reason}" for key, reason in first]}


class ExpectFewBadRows(BatchExpectation):
    """Expects that at most `allowed` rows of the table break the rule `rule_id`."""

    rule_id: str
    bad_rows_table: str
    allowed: int

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.row_count", "table.bad_rows")
    success_keys: ClassVar[tuple[str, ...]] = ("rule_id", "bad_rows_table", "allowed")
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine[Any] | None = None,
    ) -> dict[str, Any]:
        rows, bad = metrics["table.row_count"], metrics["table.bad_rows"]
        count, first = bad["count"], bad["first"]
        return {
            "success": count <= self.allowed,
            "result": {
                "observed_value": count,
                "element_count": rows,
                "unexpected_count": count,
                "unexpected_percent": 100 * count / rows if rows else 0.0,
                "partial_unexpected_list": first,
                "partial_unexpected_counts": [{"value": value, "count": 1} for value in first],
            },
        }
