"""Conditions in words that all engines read alike: what a division is, how wide numbers are, what LIKE takes literally.

Written `a / b`, one engine divides decimals as doubles and the other as decimals of some twenty digits, and what a
division by zero is differs as well. In LIKE a backslash is a character to one and an escape to the other. Days times a
hundred million do not fit into the 32 bits that days have, and an amount times an amount not into the digits of one.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from arrears.rules.vocabulary import Word

_ESCAPES = "!^~|#"
_CENTS = 2
"""Digits after the point of an amount; a share has more, and products of shares are small."""


def portable(condition: exp.Expr, words: Mapping[str, Word]) -> exp.Expr:
    """`condition` over `words` with the same meaning on every engine.

    A quotient is the nearest double of both sides as doubles, and NULL where the divisor is zero; in a pattern of LIKE
    only `%` and `_` are special; whole numbers and amounts are added and multiplied in types that have room for it.
    """
    whole = exp.Paren(this=condition.copy())
    for column in list(whole.find_all(exp.Column)):
        wide = _wide(words.get(column.name))
        if wide is not None and column.find_ancestor(exp.Add, exp.Sub, exp.Mul):
            column.replace(exp.cast(column.copy(), wide))
    # from the inside out: what stands in a quotient may be one
    for node in reversed(list(whole.find_all(exp.Div, exp.Like))):
        node.replace(_quotient(node) if isinstance(node, exp.Div) else _pattern(node))
    said: exp.Expr = whole.this
    return said


def _wide(word: Word | None) -> str | None:
    """The type to reckon with; of two amounts both engines give the exact product in 38 digits."""
    if word is None or word.type != "number" or word.decimals is None or word.decimals > _CENTS:
        return None
    return f"DECIMAL(19, {word.decimals})" if word.decimals else "BIGINT"


def _quotient(node: exp.Div) -> exp.Expr:
    divisor = exp.Nullif(this=exp.cast(node.right.copy(), "DOUBLE"), expression=exp.Literal.number(0))
    return exp.Div(this=exp.cast(node.left.copy(), "DOUBLE"), expression=divisor)


def _pattern(node: exp.Expr) -> exp.Expr:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or "\\" not in pattern.name:
        return node.copy()
    unused = next(character for character in _ESCAPES if character not in pattern.name)
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(unused))
