"""Writes the generated lender to a folder of Parquet files, chunk by chunk, and puts the folder in place at the end."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from arrears.demo.lender.generate import DEFAULT_CONTRACTS, DEFAULT_SEED, VERSION, generate
from arrears.errors import LedgerError
from arrears.ledger.contract import TABLES

MARKER = "demo_lender.json"
"""File in the folder that says which lender it is; only a folder that has it is ever replaced."""

_ROW_GROUP = 1_048_576
_FULL_ROW_GROUP = 400_000
"""Chunks of small lenders are joined up to that many rows."""

_EACH_ONCE = frozenset(
    {"payment_id", "charge_id", "result_id", "promise_id", "booked_at", "attempted_at", "principal_due", "interest_due"}
)
"""Columns whose values hardly repeat: a dictionary of them would only cost time."""


def write_parquet(
    out: Path, as_of: date, contracts: int = DEFAULT_CONTRACTS, seed: int = DEFAULT_SEED
) -> dict[str, int]:
    """Writes the lender to `<out>/<table>.parquet`; rows per table.

    The folder appears, or replaces an earlier generated one, when all is written. Equal arguments write equal files
    with the same pyarrow. Raises LedgerError when `out` holds anything that was not generated.
    """
    rows = dict.fromkeys(TABLES, 0)
    with _put_in_place(out) as aside:
        with ExitStack() as open_files:
            writers: dict[str, _TableWriter] = {}
            for chunk in generate(as_of, contracts, seed):
                for name, table in chunk.items():
                    if name not in writers:
                        writers[name] = open_files.enter_context(_table_writer(aside / f"{name}.parquet", table.schema))
                    writers[name].add(table)
                    rows[name] += table.num_rows
        marker = {"as_of": as_of.isoformat(), "contracts": contracts, "seed": seed, "version": VERSION}
        (aside / MARKER).write_text(json.dumps(marker) + "\n", encoding="utf-8")
    return rows


class _TableWriter:
    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._waiting: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table)
        if sum(part.num_rows for part in self._waiting) >= _FULL_ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            joined = pa.concat_tables(self._waiting, promote_options="none").unify_dictionaries().combine_chunks()
            self._writer.write_table(joined, row_group_size=_ROW_GROUP)
            self._waiting = []


@contextmanager
def _table_writer(path: Path, schema: pa.Schema) -> Iterator[_TableWriter]:
    # without the Arrow schema in the file, readers see plain text instead of the dictionaries that we happen to write
    options = {
        "store_schema": False,
        "store_decimal_as_integer": True,
        "compression": "snappy",
        "use_dictionary": [name for name in schema.names if name not in _EACH_ONCE],
    }
    with pq.ParquetWriter(path, schema, **options) as writer:
        table_writer = _TableWriter(writer)
        yield table_writer
        table_writer.flush()


@contextmanager
def _put_in_place(out: Path) -> Iterator[Path]:
    out = out.absolute()
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARKER).exists())):
        raise LedgerError(
            expected="a new or empty folder, or one that was generated before",
            found="files that were not generated",
            where=str(out),
            action="Name another folder; nothing was written.",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    aside.mkdir()
    try:
        yield aside
        if out.exists():
            old = aside.with_suffix(".old")
            out.replace(old)
            aside.replace(out)
            shutil.rmtree(old)
        else:
            aside.replace(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
