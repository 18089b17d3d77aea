"""Small ledgers for tests: rows in, contract-shaped Parquet partitions or folders out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arrears.ledger.contract import TABLES
from arrears.run import Run

Rows = Sequence[Mapping[str, Any]]


def contract_table(name: str, rows: Rows) -> pa.Table:
    """Rows as the contract's table `name`; a column that a row leaves out is NULL."""
    schema = TABLES[name].schema
    unknown = {key for row in rows for key in row} - set(schema.names)
    if unknown:
        raise KeyError(f"{name} has no column {', '.join(sorted(unknown))}")
    return pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema})


def publish_ledger(run: Run, tables: Mapping[str, Rows | pa.Table]) -> None:
    """Writes all tables of the contract (those not given are empty) into the run's lake, and publishes them."""
    for name in TABLES:
        rows = tables.get(name, ())
        table = rows if isinstance(rows, pa.Table) else contract_table(name, rows)
        with run.lake.replace(name, run.day) as aside:
            pq.write_table(table, aside)
    run.lake.publish("ledger", run.day, list(TABLES))


def write_folder(folder: Path, tables: Mapping[str, Rows]) -> Path:
    """Writes the given tables as Parquet files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        pq.write_table(contract_table(name, rows), folder / f"{name}.parquet")
    return folder


def partition(run: Run, table: str) -> list[dict[str, Any]]:
    """The rows of a partition, in the order in which they are stored."""
    rows: list[dict[str, Any]] = run.lake.read(table, run.day).to_pylist()
    return rows
