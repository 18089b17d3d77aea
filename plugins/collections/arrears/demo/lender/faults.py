"""Breaks a generated ledger in one named way, so that tests can show what happens then.

Each function changes the folder of Parquet files that `write_parquet` made, and says which rows it broke. Rows are
chosen evenly over the table, always the same ones for the same ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arrears.ledger.contract import MONEY, TABLES

_DATED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "payments": ("value_date", "booked_at"),
        "charges": ("due_date",),
        "scores": ("scored_on",),
        "holds": ("start_date",),
        "contact_results": ("attempted_at",),
        "promises": ("made_on",),
        "consents": ("valid_from",),
        "contracts": ("closed_on", "written_off_on", "gps_seen_on"),
    }
)
"""Columns that tell when the lender's system knew a row; planned dates are not among them."""


@dataclass(frozen=True)
class Damage:
    """What a fault broke: the table, and the contracts whose rows of it are wrong (none for a fault of the table)."""

    table: str
    contract_ids: tuple[str, ...] = ()


def missing_table(folder: Path, table: str = "payments") -> Damage:
    """Takes a table away."""
    (folder / f"{table}.parquet").unlink()
    return Damage(table)


def missing_column(folder: Path, table: str = "installments", column: str = "amount_due") -> Damage:
    """Takes a column away."""
    _write(folder, table, _read(folder, table).drop_columns([column]))
    return Damage(table)


def wrong_type(folder: Path, table: str = "payments", column: str = "amount") -> Damage:
    """Gives a column as text that is no number and no date."""
    rows = _read(folder, table)
    text = pc.binary_join_element_wise("about ", rows[column].cast(pa.string()), "")
    _write(folder, table, rows.set_column(rows.schema.get_field_index(column), column, text))
    return Damage(table)


def duplicate_contracts(folder: Path, count: int = 3) -> Damage:
    """Gives `count` contracts twice, the second time with other terms."""
    rows = _read(folder, "contracts")
    again = rows.take(_chosen(rows, count))
    terms = pc.add(again["term_months"], pa.scalar(12, pa.int32()))
    again = again.set_column(again.schema.get_field_index("term_months"), "term_months", terms)
    _write(folder, "contracts", pa.concat_tables([rows, again]))
    return Damage("contracts", _ids(again))


def payments_without_contract(folder: Path, count: int = 5) -> Damage:
    """Lets `count` payments point to contracts that the ledger does not have."""
    rows = _read(folder, "payments")
    chosen = _chosen(rows, count)
    strangers = [f"X0000-{number:07d}" for number in range(1, len(chosen) + 1)]
    _write(folder, "payments", _changed(rows, chosen, "contract_id", pa.array(strangers)))
    return Damage("payments", tuple(strangers))


def negative_amount(folder: Path, table: str = "payments", column: str = "amount", count: int = 3) -> Damage:
    """Turns the sign of `count` amounts."""
    rows = _read(folder, table)
    chosen = _chosen(rows, count)
    turned = pc.negate(rows[column].take(chosen)).combine_chunks()
    _write(folder, table, _changed(rows, chosen, column, turned))
    return Damage(table, _ids(rows.take(chosen)))


def null_amount(folder: Path, table: str = "payments", column: str = "amount", count: int = 3) -> Damage:
    """Empties `count` amounts."""
    rows = _read(folder, table)
    chosen = _chosen(rows, count)
    none: list[Decimal | None] = [None] * len(chosen)
    _write(folder, table, _changed(rows, chosen, column, pa.array(none, type=MONEY)))
    return Damage(table, _ids(rows.take(chosen)))


def empty_ledger(folder: Path) -> Damage:
    """Leaves all tables without a row."""
    for name in TABLES:
        _write(folder, name, _read(folder, name).slice(0, 0))
    return Damage("contracts")


def stale_ledger(folder: Path, days: int = 10) -> Damage:
    """Makes the ledger `days` older: what the lender learned in the last `days` before its newest payment is gone."""
    newest: date = pc.max(_read(folder, "payments")["value_date"]).as_py()
    last = newest - timedelta(days=days)
    for name, columns in _DATED_BY.items():
        rows = _read(folder, name)
        for column in columns:
            day = rows[column].cast(pa.date32())
            late = pc.fill_null(pc.greater(day, pa.scalar(last)), False)
            if name == "contracts":
                # the contract was there already: only what became of it later is not known
                index = rows.schema.get_field_index(column)
                known = pc.if_else(late, pa.scalar(None, rows.schema.field(index).type), rows[column])
                rows = rows.set_column(index, column, known)
            else:
                rows = rows.filter(pc.invert(late))
        _write(folder, name, rows)
    return Damage("payments")


FAULTS: Mapping[str, Callable[[Path], Damage]] = MappingProxyType(
    {
        fault.__name__: fault
        for fault in (
            missing_table,
            missing_column,
            wrong_type,
            duplicate_contracts,
            payments_without_contract,
            negative_amount,
            null_amount,
            empty_ledger,
            stale_ledger,
        )
    }
)
"""The faults by name, each as it comes by default."""


def _read(folder: Path, table: str) -> pa.Table:
    return pq.read_table(folder / f"{table}.parquet")


def _write(folder: Path, table: str, rows: pa.Table) -> None:
    aside = folder / f".{table}.part"
    pq.write_table(rows, aside)
    aside.replace(folder / f"{table}.parquet")


def _chosen(rows: pa.Table, count: int) -> pa.Array:
    step = max(rows.num_rows // (count + 1), 1)
    return pa.array([step * number for number in range(1, count + 1) if step * number < rows.num_rows])


def _changed(rows: pa.Table, chosen: pa.Array, column: str, values: pa.Array) -> pa.Table:
    mask = pc.is_in(pa.array(range(rows.num_rows)), value_set=chosen)
    index = rows.schema.get_field_index(column)
    old = rows[column].combine_chunks()
    return rows.set_column(index, column, pc.replace_with_mask(old, mask, values))


def _ids(rows: pa.Table) -> tuple[str, ...]:
    return tuple(rows["contract_id"].to_pylist())
