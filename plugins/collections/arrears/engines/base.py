"""What an engine must do: run one SELECT over named inputs and write its rows to one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
from sqlglot import exp

if TYPE_CHECKING:
    from types import TracebackType

    from arrears.settings import Settings

Inputs = Mapping[str, "Sequence[Path] | pa.Table"]
"""What each table name of a SELECT stands for: Parquet files, or a small table in memory (a rule table)."""


class Engine(Protocol):
    """Runs SELECT statements written in DuckDB's dialect."""

    name: str

    def write(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any], target: Path) -> None:
        """Writes the rows of `select` to the new Parquet file or folder `target`."""
        ...

    def fetch(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> pa.Table:
        """The rows of `select` in memory; for results that are small by nature."""
        ...

    def close(self) -> None:
        """Frees what the engine holds."""
        ...

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_engine(settings: Settings) -> Engine:
    """The engine that the settings name."""
    if settings.engine == "spark":
        from arrears.engines.spark import SparkEngine

        return SparkEngine(settings.spark_master)
    from arrears.engines.duckdb import DuckDBEngine

    return DuckDBEngine(memory=settings.duckdb_memory, threads=settings.duckdb_threads)
