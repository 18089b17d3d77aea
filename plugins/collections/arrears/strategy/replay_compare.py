"""Compares two versions of a table row for row: what only one has, and where rows of the same key differ."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict
from sqlglot import exp

from arrears.engines import Engine
from arrears.errors import ModelError

SHOWN = 5
"""Differing rows that are told in full."""
_STORED, _REPLAYED = "stored", "replayed"
_PRESENT = "row_is_there"
Value = str | bool | int | Decimal | float | datetime | date | None


class Difference(BaseModel):
    """One value that differs, or a row that one side lacks (then without a column)."""

    model_config = ConfigDict(frozen=True)

    key: dict[str, str]
    column: str | None
    stored: Value = None
    replayed: Value = None
    only: str | None = None
    """`stored` or `replayed` for a row that only one of them has."""


class TableComparison(BaseModel):
    """How two versions of a table compare."""

    model_config = ConfigDict(frozen=True)

    table: str
    stored_rows: int
    replayed_rows: int
    equal: int
    different: int
    only_stored: int
    only_replayed: int
    columns: dict[str, int]
    """Column → rows in which it differs."""
    columns_only_stored: tuple[str, ...]
    columns_only_replayed: tuple[str, ...]
    first: tuple[Difference, ...]
    unreadable: str | None = None
    """Why the stored partition could not be compared at all."""

    @property
    def rows_equal(self) -> bool:
        """Same rows with the same values in every column that was stored.

        A column that only the replay makes is told of and counts for nothing: no decision of the day knew it.
        """
        return (
            self.unreadable is None
            and self.different == self.only_stored == self.only_replayed == 0
            and not self.columns_only_stored
        )


def compare_tables(
    engine: Engine, table: str, key: Sequence[str], stored: Sequence[Path] | None, replayed: Sequence[Path]
) -> TableComparison:
    """Compares the Parquet files of a table with those of its replay; rows are matched by `key`."""
    again = _schema(replayed)
    rows = sum(pq.read_metadata(path).num_rows for path in replayed)
    if stored is None:
        return _nothing(table, rows, "there is no such partition")
    try:
        before = _schema(stored)
        shared = [name for name in before if name in again and name not in key]
        inputs: dict[str, Sequence[Path] | pa.Table] = {_STORED: stored, _REPLAYED: replayed}
        counts = engine.fetch(_counts(key, shared), inputs, {}).to_pylist()[0]
        differs = any(counts[f"n_{n}"] for n in range(len(shared)))
        lacks = counts["only_stored"] or counts["only_replayed"]
        found = engine.fetch(_first(key, shared), inputs, {}).to_pylist() if differs or lacks else []
    except (ModelError, pa.ArrowException, OSError):
        # the reader's message may quote what it read
        return _nothing(table, rows, "it cannot be read as Parquet: damaged, or written over")
    return TableComparison(
        table=table,
        stored_rows=counts["stored_rows"],
        replayed_rows=counts["replayed_rows"],
        equal=counts["equal"],
        different=counts["different"],
        only_stored=counts["only_stored"],
        only_replayed=counts["only_replayed"],
        columns={name: counts[f"n_{n}"] for n, name in enumerate(shared) if counts[f"n_{n}"]},
        columns_only_stored=tuple(name for name in before if name not in again),
        columns_only_replayed=tuple(name for name in again if name not in before),
        first=tuple(each for row in found for each in _differences(row, key, shared)),
    )


def _nothing(table: str, replayed_rows: int, why: str) -> TableComparison:
    return TableComparison(
        table=table,
        stored_rows=0,
        replayed_rows=replayed_rows,
        equal=0,
        different=0,
        only_stored=0,
        only_replayed=replayed_rows,
        columns={},
        columns_only_stored=(),
        columns_only_replayed=(),
        first=(),
        unreadable=why,
    )


def _schema(files: Sequence[Path]) -> list[str]:
    return list(pq.read_schema(files[0]).names)


def _matched(key: Sequence[str], columns: Sequence[exp.Expr]) -> exp.Select:
    """`columns` over both versions, joined by key; a row that one side lacks is there with NULLs."""
    marked = [
        exp.select(exp.Star(), exp.alias_(exp.true(), _PRESENT)).from_(side).subquery(side)
        for side in (_STORED, _REPLAYED)
    ]
    on = exp.and_(*(exp.NullSafeEQ(this=_of(_STORED, name), expression=_of(_REPLAYED, name)) for name in key))
    return exp.select(*columns).from_(marked[0]).join(marked[1], on=on, join_type="full")


def _counts(key: Sequence[str], shared: Sequence[str]) -> exp.Select:
    both = exp.and_(_there(_STORED), _there(_REPLAYED))
    distinct = _any_distinct(shared)
    columns: dict[str, exp.Expr] = {
        "stored_rows": _there(_STORED),
        "replayed_rows": _there(_REPLAYED),
        "equal": exp.and_(both, exp.not_(distinct)),
        "different": exp.and_(both.copy(), distinct.copy()),
        "only_stored": exp.not_(_there(_REPLAYED)),
        "only_replayed": exp.not_(_there(_STORED)),
        **{f"n_{n}": exp.and_(both.copy(), _distinct(name)) for n, name in enumerate(shared)},
    }
    counted = [exp.alias_(exp.Count(this=_or_null(condition)), name) for name, condition in columns.items()]
    return _matched(key, counted)


def _first(key: Sequence[str], shared: Sequence[str]) -> exp.Select:
    columns: list[exp.Expr] = [
        exp.alias_(exp.Coalesce(this=_of(_STORED, name), expressions=[_of(_REPLAYED, name)]), f"k_{n}")
        for n, name in enumerate(key)
    ]
    for n, name in enumerate(shared):
        columns += [exp.alias_(_of(side, name), f"{side}_{n}") for side in (_STORED, _REPLAYED)]
        columns.append(exp.alias_(_distinct(name), f"differs_{n}"))
    columns += [exp.alias_(_there(side), f"in_{side}") for side in (_STORED, _REPLAYED)]
    differs = exp.or_(exp.not_(_there(_STORED)), exp.not_(_there(_REPLAYED)), _any_distinct(shared))
    return _matched(key, columns).where(differs).order_by(*(f"k_{n}" for n in range(len(key)))).limit(SHOWN)


def _differences(row: dict[str, Any], key: Sequence[str], shared: Sequence[str]) -> list[Difference]:
    named = {name: str(row[f"k_{n}"]) for n, name in enumerate(key)}
    sides = [side for side in (_STORED, _REPLAYED) if row[f"in_{side}"]]
    if len(sides) == 1:
        return [Difference(key=named, column=None, only=sides[0])]
    return [
        Difference(key=named, column=name, stored=row[f"{_STORED}_{n}"], replayed=row[f"{_REPLAYED}_{n}"])
        for n, name in enumerate(shared)
        if row[f"differs_{n}"]
    ]


def _of(side: str, name: str) -> exp.Column:
    return exp.column(name, table=side)


def _there(side: str) -> exp.Expr:
    return exp.Coalesce(this=_of(side, _PRESENT), expressions=[exp.false()])


def _distinct(name: str) -> exp.Expr:
    return exp.NullSafeNEQ(this=_of(_STORED, name), expression=_of(_REPLAYED, name))


def _any_distinct(names: Sequence[str]) -> exp.Expr:
    return exp.or_(*(_distinct(name) for name in names)) if names else exp.false()


def _or_null(condition: exp.Expr) -> exp.Expr:
    return exp.case().when(condition.copy(), exp.Literal.number(1))
