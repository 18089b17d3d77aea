"""The generated part of `docs/ledger.md`: tables and columns of the ledger contract."""

from __future__ import annotations

import pyarrow as pa

from arrears.docs.markdown import table
from arrears.ledger.contract import DATE, FLAG, INSTANT, INTEGER, MONEY, REAL, TABLES, TEXT, TableContract

_TYPES: dict[pa.DataType, str] = {
    TEXT: "text",
    DATE: "date",
    MONEY: "amount, 2 decimals",
    INTEGER: "whole number",
    REAL: "number",
    FLAG: "true or false",
    INSTANT: "date and time",
}


def render() -> str:
    """A section per table, in the contract's order."""
    return "\n\n".join(_section(each) for each in TABLES.values())


def _section(contract: TableContract) -> str:
    need = "Required." if contract.required else "Optional."
    rows = [
        (f"`{column.name}`", "yes" if column.required else "", _TYPES[column.type], column.meaning)
        for column in contract.columns
    ]
    key = ", ".join(f"`{name}`" for name in contract.key)
    return (
        f"### {contract.name}\n\n{contract.meaning} {need} Unique: {key}.\n\n"
        f"{table(('column', 'required', 'type', 'meaning'), rows)}"
    )
