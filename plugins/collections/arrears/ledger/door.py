"""The door of the lake: turns a source's column into the contract's type exactly, or says which row does not fit.

Nothing is rounded and nothing is guessed: a value that the contract's type cannot hold is an error that names the
column and the row's key.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from arrears.ledger.contract import DATE, FLAG, INSTANT, INTEGER, MONEY, REAL, TEXT, Column, TableContract
from arrears.ledger.sources.base import SourceColumn

_DUCKDB_TYPES = {
    TEXT: "VARCHAR",
    DATE: "DATE",
    MONEY: "DECIMAL(18, 2)",
    INTEGER: "INT",
    REAL: "DOUBLE",
    FLAG: "BOOLEAN",
    INSTANT: "TIMESTAMP",
}
_EXPECTED = {
    TEXT: "text",
    DATE: "a calendar date, YYYY-MM-DD",
    MONEY: "DECIMAL(18,2): an exact amount with at most 2 decimals and 16 digits before them",
    INTEGER: "a whole number of at most 32 bits",
    REAL: "a number",
    FLAG: "true or false",
    INSTANT: "a date and time, YYYY-MM-DD HH:MM:SS",
}
_TEXT_FORMS = {
    DATE: r"\d{4}-\d{2}-\d{2}",
    MONEY: r"[+-]?\d{1,16}(\.\d{0,2}0*)?",
    INTEGER: r"[+-]?\d{1,10}(\.0*)?",
    REAL: r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?",
    FLAG: r"(?i)(true|false|t|f|1|0|yes|no)",
    INSTANT: r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?",
}
_TRUE = ("true", "t", "1", "yes")
_MARK = "arrears-door"
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Passage:
    """How one column passes the door: its value in the contract's type, and which values do not fit (None: all do)."""

    value: exp.Expr
    wrong: exp.Expr | None


@dataclass(frozen=True)
class PlannedColumn:
    """One column of the lake table and where it comes from; None: the source has none, all NULL."""

    column: Column
    source: SourceColumn | None


@dataclass(frozen=True)
class PlannedTable:
    """One table of the contract and where it comes from; None: the source has none, empty."""

    contract: TableContract
    source: str | None
    columns: tuple[PlannedColumn, ...]
    extra: tuple[SourceColumn, ...] = ()
    """Columns beyond the contract that the mapping names; kept under `extra_names`, in the type that arrives."""
    extra_names: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[SourceColumn, ...]:
        """The source's columns that are read."""
        return tuple(planned.source for planned in self.columns if planned.source) + self.extra


def expected_of(type_: pa.DataType) -> str:
    """The contract's type in words, for messages."""
    return _EXPECTED[type_]


def fits(source: SourceColumn, target: pa.DataType) -> bool:
    """Whether a column of this type may stand for the contract's type at all."""
    return source.type is not None and _passage(exp.column("x"), source, target, "UTC") is not None


def passage(source: SourceColumn, target: pa.DataType, zone: str) -> Passage:
    """How `source` passes the door as `target`; `zone` reads instants that carry an offset. ValueError if it cannot."""
    found = _passage(exp.column(source.name, quoted=True), source, target, zone)
    if found is None:
        raise ValueError(f"{source.declared} cannot be read as {_DUCKDB_TYPES[target]}")
    return found


def door_select(table: PlannedTable, relation: str, zone: str) -> exp.Select:
    """The SELECT that reads a source table as the contract wants it, in the order of its key, then of all columns.

    A value that does not fit makes it fail with a message that `read_refusal` understands.
    """
    key = _key_text(table)
    selected: list[exp.Expr] = []
    for planned in table.columns:
        name = planned.column.name
        if planned.source is None:
            selected.append(exp.alias_(_cast(exp.null(), planned.column.type), name))
            continue
        found = passage(planned.source, planned.column.type, zone)
        value = found.value
        if found.wrong is not None:
            refusal = exp.func("concat", exp.Literal.string(_SEPARATOR.join((_MARK, name, ""))), key)
            value = exp.case().when(found.wrong, exp.Anonymous(this="error", expressions=[refusal])).else_(value)
        selected.append(exp.alias_(value, name))
    selected += [
        exp.alias_(exp.column(source.name, quoted=True), name, quoted=True)
        for source, name in zip(table.extra, table.extra_names, strict=True)
    ]
    order = list(table.contract.key)
    order += [planned.column.name for planned in table.columns if planned.column.name not in order]
    rows = exp.select(*selected).from_(exp.to_table(relation)).subquery("rows_of_source")
    return exp.select(exp.Star()).from_(rows).order_by(*(exp.column(name) for name in order))


def read_refusal(message: str) -> tuple[str, str] | None:
    """Column and row key of a value that was refused at the door, from the engine's error message; else None."""
    _, mark, rest = message.partition(_MARK + _SEPARATOR)
    if not mark:
        return None
    column, _, key = rest.partition(_SEPARATOR)
    return column, key.splitlines()[0] if key else ""


def _key_text(table: PlannedTable) -> exp.Expr:
    parts: list[exp.Expr] = []
    for name in table.contract.key:
        source = next((planned.source for planned in table.columns if planned.column.name == name), None)
        if source is not None:
            parts.append(exp.Literal.string(f"{', ' if parts else ''}{name}="))
            text = exp.cast(exp.column(source.name, quoted=True), "VARCHAR")
            parts.append(exp.func("coalesce", text, exp.Literal.string("NULL")))
    return exp.func("concat", *parts) if parts else exp.Literal.string("")


def _passage(x: exp.Expr, source: SourceColumn, target: pa.DataType, zone: str) -> Passage | None:
    type_ = source.type
    assert type_ is not None  # noqa: S101 - callers asked `fits` first
    if pa.types.is_null(type_):
        return Passage(_cast(x, target), None)
    if source.as_text:
        return _from_text(x, target)
    decide = {
        TEXT: _to_text,
        DATE: _to_date,
        MONEY: _to_money,
        INTEGER: _to_integer,
        REAL: _to_real,
        FLAG: _to_flag,
    }
    return _to_instant(x, type_, zone) if target == INSTANT else decide[target](x, type_)


def _from_text(x: exp.Expr, target: pa.DataType) -> Passage:
    if target == TEXT:
        return Passage(_cast(x, TEXT), None)
    in_form = exp.Anonymous(this="regexp_full_match", expressions=[x, exp.Literal.string(_TEXT_FORMS[target])])
    if target == FLAG:
        value: exp.Expr = exp.Lower(this=x.copy()).isin(*_TRUE)
        value = exp.case().when(x.copy().is_(exp.null()), exp.null()).else_(value)
        return Passage(value, exp.and_(_given(x), exp.not_(in_form)))
    fits_type = exp.not_(_try_cast(x, target).is_(exp.null()))
    return Passage(_cast(x, target), exp.and_(_given(x), exp.not_(exp.and_(in_form, fits_type))))


def _to_text(x: exp.Expr, type_: pa.DataType) -> Passage | None:
    plain = pa.types.is_dictionary(type_) and _is_string(type_.value_type)
    if plain or _is_string(type_) or pa.types.is_integer(type_) or isinstance(type_, pa.UuidType):
        return Passage(_cast(x, TEXT), None)
    return None


def _to_date(x: exp.Expr, type_: pa.DataType) -> Passage | None:
    if pa.types.is_date(type_):
        return Passage(_cast(x, DATE), None)
    if pa.types.is_timestamp(type_) and type_.tz is None:
        # databases without a date type keep dates as midnights; a time of day would be lost
        midnight = _cast(_cast(x, DATE), INSTANT)
        return Passage(_cast(x, DATE), exp.and_(_given(x), exp.NEQ(this=_cast(x, INSTANT), expression=midnight)))
    return None


def _to_money(x: exp.Expr, type_: pa.DataType) -> Passage | None:
    if pa.types.is_decimal(type_) and type_.scale <= MONEY.scale and type_.precision - type_.scale <= 16:
        return Passage(_cast(x, MONEY), None)
    return _exactly(x, MONEY) if pa.types.is_decimal(type_) or pa.types.is_integer(type_) else None


def _to_integer(x: exp.Expr, type_: pa.DataType) -> Passage | None:
    if pa.types.is_signed_integer(type_) and type_.bit_width <= INTEGER.bit_width:
        return Passage(_cast(x, INTEGER), None)
    return _exactly(x, INTEGER) if pa.types.is_integer(type_) or pa.types.is_decimal(type_) else None


def _to_real(x: exp.Expr, type_: pa.DataType) -> Passage | None:
    if pa.types.is_floating(type_):
        # "not a number" is how some systems write "unknown"
        number = _cast(x, REAL)
        unknown = exp.Anonymous(this="isnan", expressions=[number.copy()])
        infinite = exp.Anonymous(this="isinf", expressions=[number.copy()])
        return Passage(exp.case().when(unknown, exp.null()).else_(number), exp.condition(infinite))
    return Passage(_cast(x, REAL), None) if pa.types.is_integer(type_) or pa.types.is_decimal(type_) else None


def _to_flag(x: exp.Expr, type_: pa.DataType) -> Passage | None:
    if pa.types.is_boolean(type_):
        return Passage(_cast(x, FLAG), None)
    if pa.types.is_integer(type_):
        return Passage(_cast(x, FLAG), exp.and_(_given(x), exp.not_(x.copy().isin(0, 1))))
    return None


def _to_instant(x: exp.Expr, type_: pa.DataType, zone: str) -> Passage | None:
    if pa.types.is_timestamp(type_) and type_.tz is not None:
        local = exp.Anonymous(this="timezone", expressions=[exp.Literal.string(zone), x.copy()])
        return Passage(_cast(local, INSTANT), None)
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return Passage(_cast(x, INSTANT), None)
    return None


def _exactly(x: exp.Expr, target: pa.DataType) -> Passage:
    same = exp.NullSafeEQ(this=_try_cast(x, target), expression=x.copy())
    return Passage(_cast(x, target), exp.and_(_given(x), exp.not_(same)))


def _is_string(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _given(x: exp.Expr) -> exp.Expr:
    return exp.not_(x.copy().is_(exp.null()))


def _cast(x: exp.Expr, target: pa.DataType) -> exp.Expr:
    return exp.cast(x.copy(), _DUCKDB_TYPES[target], dialect="duckdb")


def _try_cast(x: exp.Expr, target: pa.DataType) -> exp.Expr:
    return exp.TryCast(this=x.copy(), to=exp.DataType.build(_DUCKDB_TYPES[target], dialect="duckdb"))
