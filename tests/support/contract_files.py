"""Ledger files of any origin as contract-shaped tables: absent columns are NULL, others are left out."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from arrears.ledger.contract import TABLES


def read_contract_files(folder: Path) -> dict[str, pa.Table]:
    """The contract's tables that `folder` has as Parquet files."""
    tables = {}
    for name, contract in TABLES.items():
        path = folder / f"{name}.parquet"
        if not path.exists():
            continue
        found = duckdb.read_parquet(str(path)).to_arrow_table()
        tables[name] = pa.table(
            [
                found[field.name].cast(field.type)
                if field.name in found.column_names
                else pa.nulls(len(found), field.type)
                for field in contract.schema
            ],
            schema=contract.schema,
        )
    return tables
