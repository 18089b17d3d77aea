"""Both engines at once: whatever a step runs on DuckDB is run on Spark as well, over the same inputs, and compared."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from arrears.engines.base import Engine, Inputs


@dataclass(frozen=True)
class Compared:
    """One statement that both engines ran."""

    select: exp.Query
    rows: int
    differences: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The statement's text."""
        return self.select.sql(dialect="duckdb")


class BothEngines:
    """An engine that answers with DuckDB's rows, and keeps how Spark's differ from them."""

    name = "duckdb"

    def __init__(self, duckdb: Engine, spark: Engine, tables: Collection[str] | None = None) -> None:
        """Compares all tables of the lake that are written, or only `tables`, and everything that is fetched."""
        self._duckdb, self._spark, self._tables = duckdb, spark, tables
        self.compared: list[Compared] = []

    def write(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any], target: Path) -> None:
        self._duckdb.write(select, inputs, params, target)
        if self._tables is not None and target.parent.name not in self._tables:
            return
        with tempfile.TemporaryDirectory(prefix="arrears-spark-rows-") as folder:
            parts = Path(folder) / "rows"
            self._spark.write(select, inputs, params, parts)
            self._compare(select, pq.read_table(target), pq.ParquetDataset(parts, partitioning=None).read())

    def fetch(self, select: exp.Query, inputs: Inputs, params: Mapping[str, Any]) -> pa.Table:
        rows = self._duckdb.fetch(select, inputs, params)
        self._compare(select, rows, self._spark.fetch(select, inputs, params))
        return rows

    def _compare(self, select: exp.Query, on_duckdb: pa.Table, on_spark: pa.Table) -> None:
        found = tuple(differences(on_duckdb, on_spark))
        self.compared.append(Compared(select, len(on_duckdb), found))

    def close(self) -> None:
        self._duckdb.close()

    def __enter__(self) -> BothEngines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def differences(on_duckdb: pa.Table, on_spark: pa.Table) -> list[str]:
    """What is different between two answers: columns, their types, then rows, whatever their order."""
    here, there = (
        {field.name: str(field.type).removeprefix("large_") for field in table.schema}
        for table in (on_duckdb, on_spark)
    )
    if list(here) != list(there):
        return [f"columns {list(here)} on DuckDB, {list(there)} on Spark"]
    types = [f"{name} is {here[name]} on DuckDB, {there[name]} on Spark" for name in here if here[name] != there[name]]
    rows, others = (Counter(zip(*table.to_pydict().values(), strict=True)) for table in (on_duckdb, on_spark))
    shown = [
        *(f"only on DuckDB: {dict(zip(here, row, strict=True))}" for row in list((rows - others).elements())[:3]),
        *(f"only on Spark: {dict(zip(here, row, strict=True))}" for row in list((others - rows).elements())[:3]),
    ]
    return types + shown
