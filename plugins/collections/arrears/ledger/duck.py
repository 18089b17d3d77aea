"""DuckDB for the ledger's own work (loading and judging tables): one process, out of core, no extensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from arrears.engines.duckdb import connect, copy_statement
from arrears.settings import Settings

ROW_NUMBER = "row_number"
"""Column of a view on a pulled table: the row's number in its file, from 1."""


@contextmanager
def open_duckdb(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the settings' memory and threads."""
    with connect(memory=settings.duckdb_memory, threads=settings.duckdb_threads) as connection:
        yield connection


def create_view(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> None:
    """A view on the one partition in `files`, with each row's number in the file as `row_number`."""
    rows = connection.read_parquet([str(path) for path in files], file_row_number=True, hive_partitioning=False)
    rows.project("* EXCLUDE (file_row_number), file_row_number + 1 AS row_number").create_view(name, replace=True)


def copy_to_parquet(
    connection: duckdb.DuckDBPyConnection, select: exp.Query, target: Path, params: Mapping[str, Any] | None = None
) -> None:
    """Writes the rows of `select` to the new Parquet file `target`."""
    connection.execute(copy_statement(select, target).sql(dialect="duckdb"), dict(params or {}))
