"""Tries example cases on conditions in DuckDB, so that no example is shown which the engine would answer otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
from sqlglot import exp

from arrears.rules.findings import Value
from arrears.rules.portable import portable
from arrears.rules.vocabulary import Word

_CASE = "example_case"


def truths(
    conditions: Sequence[exp.Expr], example: Mapping[str, Value], words: Mapping[str, Word]
) -> list[bool | None]:
    """What each condition gives for a case, in DuckDB: true, false, or NULL."""
    if not conditions:
        return []
    row = exp.select(
        exp.alias_(exp.Literal.number(1), "one"),
        *(exp.alias_(_literal(value, words[name]), name) for name, value in example.items()),
    )
    asked = exp.select(*(exp.alias_(portable(each, words), f"c{number}") for number, each in enumerate(conditions)))
    query = asked.from_(_CASE).with_(_CASE, as_=row)
    with duckdb.connect() as connection:
        answer = connection.execute(query.sql(dialect="duckdb")).fetchone()
    return list(answer or ())


def sql_type(word: Word) -> str:
    """The SQL type in which cases carry a word."""
    if word.type != "number":
        return {"text": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE"}[word.type]
    if word.decimals is None:
        return "DOUBLE"
    return f"DECIMAL(18, {word.decimals})" if word.decimals else "BIGINT"


def _literal(value: Value, word: Word) -> exp.Expr:
    node: exp.Expr
    if value is None:
        node = exp.null()
    elif isinstance(value, bool):
        node = exp.true() if value else exp.false()
    elif isinstance(value, str):
        node = exp.Literal.string(value)
    elif isinstance(value, date):
        node = exp.Literal.string(value.isoformat())
    elif value < 0:
        node = exp.Neg(this=exp.Literal.number(f"{-value:f}"))
    else:
        node = exp.Literal.number(f"{value:f}")
    return exp.cast(node, sql_type(word))
