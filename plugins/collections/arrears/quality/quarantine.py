"""The quarantine: each row rule's SELECT runs once, and its bad rows are kept with key, contract and reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
from sqlglot import exp

from arrears.errors import QualityError
from arrears.ledger.contract import TABLES, TableContract
from arrears.ledger.duck import ROW_NUMBER
from arrears.quality.rules import RowRule, SuiteName
from arrears.sqlmodel import load_model, placeholders

TABLE = "quarantine"
KEPT = 100_000
"""Rows kept per rule beyond its tolerance: nothing is published then, and as many show what is wrong."""

_COLUMNS = {
    "rule_id": "VARCHAR",
    "severity": "VARCHAR",
    "table_name": "VARCHAR",
    "row_number": "BIGINT",
    "key": "VARCHAR",
    "contract_id": "VARCHAR",
    "reason": "VARCHAR",
}


def bad_rows_table(rule: RowRule) -> str:
    """The table that holds what the rule's SELECT found."""
    return f"bad_{rule.rule}"


def open_quarantine(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the empty quarantine table."""
    definitions = [
        exp.ColumnDef(this=exp.to_identifier(name), kind=exp.DataType.build(kind, dialect="duckdb"))
        for name, kind in _COLUMNS.items()
    ]
    create = exp.Create(this=exp.Schema(this=exp.to_table(TABLE), expressions=definitions), kind="TABLE")
    connection.execute(create.sql(dialect="duckdb"))


def find_bad_rows(
    connection: duckdb.DuckDBPyConnection, sql_root: Path, rule: RowRule, suite: SuiteName, as_of: date, allowed: int
) -> int:
    """Runs the rule's SELECT into its own table and puts the bad rows into quarantine; returns their number."""
    select = load_model(sql_root, f"quality/{rule.rule}")
    bound = {"as_of": as_of} if "as_of" in placeholders(select) else {}
    bad = bad_rows_table(rule)
    create = exp.Create(this=exp.to_table(bad), kind="TABLE", expression=select)
    try:
        connection.execute(create.sql(dialect="duckdb"), bound)
    except duckdb.Error as error:
        raise QualityError(
            expected="a SELECT of bad rows with the columns row_number and reason",
            found=type(error).__name__,
            where=f"quality/{rule.rule}.sql",
            action="Correct the SELECT; $as_of is its only parameter.",
        ) from None
    counted = exp.select(exp.Count(this=exp.Star())).from_(bad)
    count = int(connection.execute(counted.sql(dialect="duckdb")).fetchall()[0][0])
    if count:
        kept = _kept_rows(rule, suite, TABLES[rule.table], bad).limit(max(allowed, KEPT))
        insert = exp.insert(kept, TABLE)
        connection.execute(insert.sql(dialect="duckdb"))
    return count


def quarantine_select() -> exp.Select:
    """All quarantined rows in the order that the partition has."""
    order = ("severity DESC", "table_name", "rule_id", "row_number")  # blocking before advisory
    return exp.select(*_COLUMNS).from_(TABLE).order_by(*order)


def _kept_rows(rule: RowRule, suite: SuiteName, table: TableContract, bad: str) -> exp.Select:
    row_number = exp.column(ROW_NUMBER, "ledger")
    has_contract = any(column.name == "contract_id" for column in table.columns)
    contract_id = exp.column("contract_id", "ledger") if has_contract else exp.null()
    return (
        exp.select(
            exp.Literal.string(rule.rule),
            exp.Literal.string(suite),
            exp.Literal.string(table.name),
            row_number,
            _key_text(table),
            contract_id,
            exp.column("reason", "bad"),
        )
        .from_(exp.alias_(exp.to_table(bad), "bad", table=True))
        .join(
            exp.alias_(exp.to_table(table.name), "ledger", table=True),
            on=exp.EQ(this=row_number.copy(), expression=exp.column(ROW_NUMBER, "bad")),
        )
        .order_by(row_number.copy())
    )


def _key_text(table: TableContract) -> exp.Expr:
    parts: list[exp.Expr] = []
    for name in table.key:
        value = exp.cast(exp.column(name, "ledger"), "VARCHAR")
        parts.append(exp.Literal.string(f"{', ' if parts else ''}{name}="))
        parts.append(exp.func("coalesce", value, exp.Literal.string("NULL")))
    return exp.func("concat", *parts)
