"""The data dictionary: every table and column of the warehouse and of the ledger, from their own comments."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from arrears.docs.markdown import table as markdown_table
from arrears.ledger.contract import TABLES, VERSION
from arrears.warehouse.base import AUDIT, MART, OPS
from arrears.warehouse.mart_views import VIEWS
from arrears.warehouse.schema import metadata

_HEAD = """# Data dictionary

Generated from the code (`make docs`): the comments of the warehouse's tables and views, which every SQL tool shows
as well, and the ledger contract. BI reads `mart`; `ops` is what people and workers act on; `audit` is what each run
did."""

_MART = """Facts are keyed by `as_of` (the business day) and `basis` (`frozen`: what the day's own run knew;
`restated`: the past day computed again from a later ledger). The morning run of D gives D's opening facts, and
computes the closing facts (`collector_day`, `team_day`, `channel_day`, `pool_day`, `case_interval`, `arm_day`) of the
finished days within the look-back anew: a figure is there only once its period has matured. Results of experiments
are in `v_arm_result`, with confidence intervals and whether they may be read yet (docs/experiments.md). Shares and
rates are in the views, each beside its numerator and denominator, by count and by amount. There is nothing
personal in any table. Columns join the dimension that they name; there are no foreign keys."""

_LEDGER = f"""What a lender gives, version {VERSION} of the contract. Each table is one Parquet partition a day:
`pulled/<table>` as it came, `<table>` as it was published after the quality gate. An absent optional column is
NULL."""


def render() -> str:
    """The text of `docs/data-dictionary.md`."""
    parts = [
        _HEAD,
        "## Schema mart",
        _MART,
        *_tables(MART),
        "## Views of mart",
        *_views(),
        "## Schema ops",
        "What people and workers act on. All instants come from the clock of acting.",
        *_tables(OPS),
        "## Schema audit",
        "What each run did and found, with wall times.",
        *_tables(AUDIT),
        "## Ledger tables in the lake",
        _LEDGER,
        *_ledger(),
    ]
    return "\n\n".join(parts) + "\n"


def uncommented() -> list[str]:
    """Tables and columns of the warehouse without a comment; there must be none."""
    found: list[str] = []
    for table in metadata.sorted_tables:
        if not table.comment:
            found.append(table.fullname)
        found += [f"{table.fullname}.{column.name}" for column in table.columns if not column.comment]
    for view in VIEWS:
        names = {column.name for column in view.select.selected_columns}
        found += [f"{MART}.{view.name}.{name}" for name in sorted(names ^ set(view.columns))]
    return found


def _tables(schema: str) -> Iterator[str]:
    tables = [table for table in metadata.tables.values() if table.schema == schema]
    for table in sorted(tables, key=lambda each: each.name):
        yield f"### {table.fullname}"
        yield table.comment or ""
        yield markdown_table(
            ("column", "type", "key", "meaning"),
            [(f"`{column.name}`", _sql_type(column), _key(column), column.comment or "") for column in table.columns],
        )


def _views() -> Iterator[str]:
    for view in VIEWS:
        yield f"### {MART}.{view.name}"
        yield view.comment
        yield markdown_table(
            ("column", "type", "meaning"),
            [
                (f"`{column.name}`", _sql_type(column), view.columns[column.name])
                for column in view.select.selected_columns
            ],
        )


def _ledger() -> Iterator[str]:
    for contract in TABLES.values():
        yield f"### {contract.name}"
        need = "Required." if contract.required else "Optional."
        yield f"{contract.meaning} Key: {', '.join(f'`{name}`' for name in contract.key)}. {need}"
        yield markdown_table(
            ("column", "type", "required", "meaning"),
            [
                (f"`{column.name}`", _arrow_type(column.type), "yes" if column.required else "", column.meaning)
                for column in contract.columns
            ],
        )


def _sql_type(column: sa.ColumnElement[object]) -> str:
    dialect: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(column.type.compile(dialect=dialect)).lower()


def _key(column: sa.Column[object]) -> str:
    if column.primary_key:
        return "key"
    return "" if column.nullable else "not null"


def _arrow_type(kind: pa.DataType) -> str:
    return {"string": "text", "date32[day]": "date", "timestamp[us]": "timestamp"}.get(str(kind), str(kind))
