"""Plain words for what rules hold: conditions from their parsed expressions, numbers, shares and spans."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sqlglot import exp

_SIGNS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "is",
    exp.NEQ: "is not",
    exp.GT: "is more than",
    exp.GTE: "is at least",
    exp.LT: "is less than",
    exp.LTE: "is at most",
}
_ARITHMETIC: Mapping[type[exp.Expr], str] = {exp.Add: "plus", exp.Sub: "minus", exp.Mul: "times", exp.Div: "divided by"}
_FUNCTIONS: Mapping[type[exp.Expr], str] = {
    exp.Coalesce: "the first known of",
    exp.Greatest: "the larger of",
    exp.Least: "the smaller of",
}


def in_words(node: exp.Expr) -> str:
    """What a condition says, in English; names of columns without their underscores."""
    if isinstance(node, exp.Paren):
        inner = in_words(node.this)
        return f"({inner})" if isinstance(node.this, exp.And | exp.Or) else inner
    if isinstance(node, exp.And):
        return f"{in_words(node.left)} and {in_words(node.right)}"
    if isinstance(node, exp.Or):
        return f"{in_words(node.left)} or {in_words(node.right)}"
    if isinstance(node, exp.Not):
        return _negated(node.this)
    if type(node) in _SIGNS:
        return f"{in_words(node.this)} {_SIGNS[type(node)]} {in_words(node.expression)}"
    if isinstance(node, exp.Between):
        return f"{in_words(node.this)} is {in_words(node.args['low'])} to {in_words(node.args['high'])}"
    if isinstance(node, exp.In):
        return f"{in_words(node.this)} is {one_of([in_words(each) for each in node.expressions])}"
    if isinstance(node, exp.Is):
        what = "unknown" if isinstance(node.expression, exp.Null) else in_words(node.expression)
        return f"{in_words(node.this)} is {what}"
    if isinstance(node, exp.Like):
        return f"{in_words(node.this)} looks like {node.expression.sql(dialect='duckdb')}"
    return _value(node)


def one_of(values: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *first, last = values
    return f"{', '.join(first)} or {last}" if first else last


def number(text: str) -> str:
    """A number as people write it: with commas between thousands."""
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.lstrip("-").isdigit() else text


def percent(share: Decimal) -> str:
    """A share as percent, `2.5 %` for 0.025."""
    return f"{float(share) * 100:.4g} %"


def days(count: int) -> str:
    """`1 day`, `30 days`."""
    return "1 day" if count == 1 else f"{count} days"


def span(first: object, last: object) -> str:
    """`1 to 30`; a last of None is open."""
    if last is None:
        return f"{first} and more"
    return str(first) if first == last else f"{first} to {last}"


def name(word: str) -> str:
    """The name of a column as words."""
    return word.replace("_", " ")


def _negated(node: exp.Expr) -> str:
    inner = node.this if isinstance(node, exp.Paren) else node
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return f"{in_words(inner.this)} is known"
    if isinstance(inner, exp.In):
        return f"{in_words(inner.this)} is none of {', '.join(in_words(each) for each in inner.expressions)}"
    said = in_words(inner)
    return f"not ({said})" if isinstance(inner, exp.And | exp.Or) else f"not {said}"


def _value(node: exp.Expr) -> str:
    if isinstance(node, exp.Column):
        return name(node.name)
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else number(node.name)
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if isinstance(node, exp.Neg):
        return f"minus {in_words(node.this)}"
    if isinstance(node, exp.Abs):
        return f"the size of {in_words(node.this)}"
    if isinstance(node, exp.Cast):
        return in_words(node.this)
    if type(node) in _ARITHMETIC:
        return f"{in_words(node.this)} {_ARITHMETIC[type(node)]} {in_words(node.expression)}"
    if type(node) in _FUNCTIONS:
        return f"{_FUNCTIONS[type(node)]} {' and '.join(in_words(each) for each in (node.this, *node.expressions))}"
    return node.sql(dialect="duckdb")
