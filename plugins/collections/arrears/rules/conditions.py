"""Conditions: SQL expressions over the vocabulary, parsed with sqlglot and checked before they decide anything.

Only an expression passes: comparisons, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT, arithmetic and a few functions over
declared names. Subqueries, other functions, several statements and comments are refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from arrears.rules.vocabulary import Kind, Vocabulary

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_NULL = "null"


class ConditionError(ValueError):
    """What is wrong with a condition, and what to do about it."""

    def __init__(self, message: str, action: str) -> None:
        self.action = action
        super().__init__(message)


def parse_condition(text: str, vocabulary: Vocabulary) -> exp.Expr:
    """The expression that `text` says; ConditionError unless it is a boolean expression over the vocabulary."""
    if "--" in text or "/*" in text or ";" in text:
        raise ConditionError(f"a condition without comments or semicolons, not {text!r}", "Remove them.")
    try:
        parsed = sqlglot.parse(text, dialect="duckdb")
    except SqlglotError as error:
        raise ConditionError(
            f"a SQL expression, not {text!r} ({_first_line(error)})", "Correct the expression."
        ) from None
    if len(parsed) != 1 or parsed[0] is None:
        raise ConditionError(f"one expression, not {text!r}", "Write one condition.")
    condition = parsed[0]
    kind = _kind(condition, vocabulary)
    if kind != "boolean":
        raise ConditionError(f"a condition that is true or false; {text!r} is a {kind}", "Compare it with something.")
    return condition


def words_read(condition: exp.Expr) -> tuple[str, ...]:
    """The names that a condition reads, sorted."""
    return tuple(sorted({column.name for column in condition.find_all(exp.Column)}))


def _kind(node: exp.Expr, vocabulary: Vocabulary) -> Kind | str:
    """The kind of value that `node` gives; ConditionError where it is not allowed or does not fit."""
    if isinstance(node, exp.Paren):
        return _kind(node.this, vocabulary)
    if isinstance(node, exp.Column):
        return _word(node, vocabulary)
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    if isinstance(node, exp.Boolean):
        return "boolean"
    if isinstance(node, exp.Null):
        return _NULL
    if isinstance(node, exp.Neg):
        return _expect(node.this, "number", vocabulary)
    if isinstance(node, exp.And | exp.Or):
        _expect(node.left, "boolean", vocabulary)
        return _expect(node.right, "boolean", vocabulary)
    if isinstance(node, exp.Not):
        return _expect(node.this, "boolean", vocabulary)
    if isinstance(node, _COMPARISONS):
        _same_kind(node.left, [node.right], vocabulary)
        return "boolean"
    if isinstance(node, exp.Between):
        _same_kind(node.this, [node.args["low"], node.args["high"]], vocabulary)
        return "boolean"
    if isinstance(node, exp.In) and not node.args.get("query") and not node.args.get("unnest"):
        _same_kind(node.this, node.expressions, vocabulary)
        return "boolean"
    if isinstance(node, exp.Like):
        _expect(node.this, "text", vocabulary)
        _expect(node.expression, "text", vocabulary)
        return "boolean"
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null | exp.Boolean):
        _kind(node.this, vocabulary)
        return "boolean"
    if isinstance(node, _ARITHMETIC):
        _expect(node.left, "number", vocabulary)
        return _expect(node.right, "number", vocabulary)
    if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
        return _same_kind(node.this, node.expressions, vocabulary)
    if isinstance(node, exp.Abs):
        return _expect(node.this, "number", vocabulary)
    if isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.DATE and isinstance(node.this, exp.Literal):
        return "date"
    raise ConditionError(
        f"an expression of comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, arithmetic, COALESCE, GREATEST, "
        f"LEAST or ABS; {node.sql(dialect='duckdb')!r} is none of them",
        "Write the condition with these, or have the column computed by an earlier table.",
    )


def _word(column: exp.Column, vocabulary: Vocabulary) -> Kind:
    if column.table or column.name not in vocabulary.words:
        near = difflib.get_close_matches(column.name, vocabulary.words, n=1)
        raise ConditionError(
            f"a name of the vocabulary, not {column.sql(dialect='duckdb')!r}",
            f"Did you mean {near[0]!r}?" if near else "vocabulary.yaml lists the names.",
        )
    return vocabulary.words[column.name].type


def _expect(node: exp.Expr, kind: Kind, vocabulary: Vocabulary) -> Kind:
    found = _kind(node, vocabulary)
    if found not in (kind, _NULL):
        raise ConditionError(f"a {kind} in {node.sql(dialect='duckdb')!r}, which is a {found}", "Correct the type.")
    return kind


def _same_kind(first: exp.Expr, others: Sequence[exp.Expr], vocabulary: Vocabulary) -> Kind | str:
    kinds = {_kind(node, vocabulary) for node in (first, *others)} - {_NULL}
    if len(kinds) > 1:
        shown = " with ".join(node.sql(dialect="duckdb") for node in (first, *others))
        raise ConditionError(
            f"values of one type compared, not {' and '.join(sorted(kinds))} in {shown!r}",
            "Dates are written DATE '2026-01-31', texts in single quotes, numbers without.",
        )
    _check_values(first, others, vocabulary)
    return next(iter(kinds), _NULL)


def _check_values(first: exp.Expr, others: Sequence[exp.Expr], vocabulary: Vocabulary) -> None:
    nodes = (first, *others)
    known = [vocabulary.words[node.name] for node in nodes if isinstance(node, exp.Column)]
    texts = [node.name for node in nodes if isinstance(node, exp.Literal) and node.is_string]
    for word in known:
        for text in texts:
            if word.values and text not in word.values:
                near = difflib.get_close_matches(text, word.values, n=1)
                raise ConditionError(
                    f"one of {', '.join(word.values)}, not {text!r}",
                    f"Did you mean {near[0]!r}?" if near else "Correct the value.",
                )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
