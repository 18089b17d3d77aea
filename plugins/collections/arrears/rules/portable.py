"""Conditions in words that all engines read alike: what a division is, and what LIKE takes literally.

Written `a / b`, one engine divides decimals as doubles and the other as decimals of some twenty digits, and what a
division by zero is differs as well. In LIKE a backslash is a character to one and an escape to the other.
"""

from __future__ import annotations

from sqlglot import exp

_ESCAPES = "!^~|#"


def portable(condition: exp.Expr) -> exp.Expr:
    """`condition` with the same meaning on every engine.

    A quotient is the nearest double of both sides as doubles, and NULL where the divisor is zero; in a pattern of LIKE
    only `%` and `_` are special.
    """
    whole = exp.Paren(this=condition.copy())
    # from the inside out: what stands in a quotient may be one
    for node in reversed(list(whole.find_all(exp.Div, exp.Like))):
        node.replace(_quotient(node) if isinstance(node, exp.Div) else _pattern(node))
    said: exp.Expr = whole.this
    return said


def _quotient(node: exp.Div) -> exp.Expr:
    divisor = exp.Nullif(this=exp.cast(node.right.copy(), "DOUBLE"), expression=exp.Literal.number(0))
    return exp.Div(this=exp.cast(node.left.copy(), "DOUBLE"), expression=divisor)


def _pattern(node: exp.Expr) -> exp.Expr:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or "\\" not in pattern.name:
        return node.copy()
    unused = next(character for character in _ESCAPES if character not in pattern.name)
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(unused))
