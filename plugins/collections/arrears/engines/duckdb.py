"""DuckDB: the default engine, one process, out of core."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from arrears.engines.base import Inputs
from arrears.errors import ModelError


def connect(*, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that spills to a temporary folder when `memory` is used up. It never loads extensions."""
    return duckdb.connect(
        config={
            "memory_limit": memory,
            "threads": threads,
            # DuckDB makes the folder when it spills, and removes it
            "temp_directory": str(Path(tempfile.gettempdir()) / f"arrears-duckdb-{uuid.uuid4().hex}"),
            # what is on a row decides its place; statements that need an order say so
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def copy_statement(select: exp.Query, target: Path) -> exp.Copy:
    """COPY of the rows of `select` to the new file `target`: CSV if its name ends so, else Parquet."""
    options = {"FORMAT": "CSV"} if target.suffix == ".csv" else {"FORMAT": "PARQUET", "COMPRESSION": "ZSTD"}
    return exp.Copy(
        this=exp.Subquery(this=select.copy()),
        kind=False,
        files=[exp.Literal.string(str(target))],
        params=[exp.CopyParameter(this=exp.var(name), expression=exp.var(value)) for name, value in options.items()],
    )


class DuckDBEngine:
    """Runs SELECTs in an in-memory DuckDB."""

    name = "duckdb"

    def __init__(self, *, memory: str, threads: int) -> None:
        self._connection = connect(memory=memory, threads=threads)

    def write(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any], target: Path) -> None:
        with self._bound(copy_statement(select, target), inputs, params) as (cursor, sql, values):
            cursor.execute(sql, values)

    def fetch(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> pa.Table:
        with self._bound(select, inputs, params) as (cursor, sql, values):
            return cursor.sql(sql, params=values).to_arrow_table()

    @contextmanager
    def _bound(
        self, statement: exp.Expr, inputs: Inputs, params: Mapping[str, Any]
    ) -> Iterator[tuple[Any, str, dict[str, Any]]]:
        """A cursor that sees the inputs under their names, the statement's text, and the values that it asks for."""
        sql = statement.sql(dialect="duckdb")
        used = {placeholder.name for placeholder in statement.find_all(exp.Placeholder)}
        cursor = self._connection.cursor()
        try:
            for name, source in inputs.items():
                if isinstance(source, pa.Table):
                    cursor.register(name, source)
                else:
                    files = [str(path) for path in source]
                    cursor.read_parquet(files, hive_partitioning=False).create_view(name, replace=True)
            yield cursor, sql, {name: value for name, value in params.items() if name in used}
        except duckdb.Error as error:
            raise ModelError(
                expected="a SELECT that DuckDB can run",
                found=str(error).splitlines()[0],
                where=f"inputs {', '.join(sorted(inputs))}",
                action=f"Look at the statement: {sql[:2000]}",
            ) from error
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> DuckDBEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
