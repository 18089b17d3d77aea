"""Conditions: SQL expressions over the vocabulary, parsed with sqlglot and checked before they decide anything.

Only an expression passes: comparisons, IN, BETWEEN, LIKE, IS NULL, AND, OR, NOT, arithmetic and a few functions over
declared names. Subqueries, other functions, several statements and comments are refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from arrears.rules.files import did_you_mean
from arrears.rules.vocabulary import Kind, Vocabulary

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_TRUTHS = (exp.Predicate, exp.Connector, exp.Not)
"""What is true or false by itself; inside a comparison it stands in parentheses."""
_MARKS = ("--", "/*", "{#", ";")
"""How comments begin, and what ends a statement."""
_IN_OTHERS = ("query", "unnest", "field", "is_global")
"""What IN may be followed by besides a list of values."""
_NULL = "null"
_TEXT = re.compile(r"'(?:[^']|'')*'")
_CAST_TO_DATE = re.compile(r"CAST\('(\d{4}-\d{2}-\d{2})' AS DATE\)")
_NUMBER = re.compile(r"\d{1,18}(\.\d{0,9})?|\.\d{1,9}")
"""Numbers that every engine reads as the same exact decimal."""
_DEEPEST = 60
"""How deep a condition may be nested; each AND of a chain is one deeper."""


class ConditionError(ValueError):
    """What is wrong with a condition, and what to do about it."""

    def __init__(self, message: str, action: str) -> None:
        self.action = action
        super().__init__(message)


def parse_condition(text: str, vocabulary: Vocabulary) -> exp.Expr:
    """The expression that `text` says; ConditionError unless it is a boolean expression over the vocabulary."""
    if has_comment(text):
        raise _commented(text)
    if any(ord(char) < 32 and char not in "\t\n\r" for char in text):
        raise ConditionError(f"a condition without control characters, not {text!r}", "Remove them.")
    try:
        parsed = sqlglot.parse(text, dialect="duckdb")
    except RecursionError:
        raise _too_deep(text) from None
    except SqlglotError as error:
        raise ConditionError(
            f"a SQL expression, not {text!r} ({_first_line(error)})", "Correct the expression."
        ) from None
    if len(parsed) != 1 or parsed[0] is None:
        raise ConditionError(f"one expression, not {text!r}", "Write one condition.")
    condition = parsed[0]
    if any(node.comments for node in condition.walk()):
        raise _commented(text)
    if _depth(condition) > _DEEPEST:
        raise _too_deep(text)
    kind = _kind(condition, vocabulary)
    for node in condition.find_all(exp.Predicate):
        _check_parentheses(node)
    if kind != "boolean":
        raise ConditionError(f"a condition that is true or false; {text!r} is a {kind}", "Compare it with something.")
    return condition


def has_comment(text: str) -> bool:
    """Whether there is a comment or a semicolon in a condition; what stands in quotes is a value."""
    bare = _TEXT.sub("''", text)
    return any(mark in bare for mark in _MARKS)


def as_written(node: exp.Expr) -> str:
    """An expression as conditions write it: DuckDB's SQL, with dates as DATE '2026-01-31'."""
    return _CAST_TO_DATE.sub(r"DATE '\1'", node.sql(dialect="duckdb"))


def words_read(condition: exp.Expr) -> tuple[str, ...]:
    """The names that a condition reads, sorted."""
    return tuple(sorted({column.name for column in condition.find_all(exp.Column)}))


def _commented(text: str) -> ConditionError:
    return ConditionError(f"a condition without comments or semicolons, not {text!r}", "Remove them.")


def _too_deep(text: str) -> ConditionError:
    return ConditionError(
        f"a condition nested at most {_DEEPEST} deep, not one of {len(text)} characters that begins {text[:40]!r}",
        "Write a list as IN (...), or have a part computed by an earlier table.",
    )


def _depth(condition: exp.Expr) -> int:
    deepest = 0
    waiting: list[tuple[exp.Expr, int]] = [(condition, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in node.iter_expressions()]
    return deepest


def _kind(node: exp.Expr, vocabulary: Vocabulary) -> Kind | str:
    """The kind of value that `node` gives; ConditionError where it is not allowed or does not fit."""
    if isinstance(node, exp.Paren):
        return _kind(node.this, vocabulary)
    if isinstance(node, exp.Column):
        return _word(node, vocabulary)
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else _number(node)
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
    if isinstance(node, exp.Between) and not node.args.get("symmetric"):
        _same_kind(node.this, [node.args["low"], node.args["high"]], vocabulary)
        return "boolean"
    if isinstance(node, exp.In) and node.expressions and not any(node.args.get(each) for each in _IN_OTHERS):
        _same_kind(node.this, node.expressions, vocabulary)
        return "boolean"
    if isinstance(node, exp.Like):
        _expect(node.this, "text", vocabulary)
        if not (isinstance(node.expression, exp.Literal) and node.expression.is_string):
            raise ConditionError(
                f"a pattern in single quotes after LIKE, not {as_written(node.expression)!r}",
                "Write the pattern; % stands for any characters, _ for one.",
            )
        return "boolean"
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        _kind(node.this, vocabulary)
        return "boolean"
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
        return _expect(node.this, "boolean", vocabulary)
    if isinstance(node, _ARITHMETIC):
        _expect(node.left, "number", vocabulary)
        return _expect(node.right, "number", vocabulary)
    if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
        return _same_kind(node.this, node.expressions, vocabulary)
    if isinstance(node, exp.Abs):
        return _expect(node.this, "number", vocabulary)
    if isinstance(node, exp.Cast) and node.to.this is exp.DataType.Type.DATE and isinstance(node.this, exp.Literal):
        return _date(node.this)
    raise ConditionError(
        f"an expression of comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, arithmetic, COALESCE, GREATEST, "
        f"LEAST or ABS; {as_written(node)!r} is none of them",
        "Write the condition with these, or have the column computed by an earlier table.",
    )


def _check_parentheses(node: exp.Expr) -> None:
    """Refuses a comparison of comparisons without parentheses: engines refuse it, or read it in their own way."""
    for part in node.iter_expressions():
        if isinstance(part, _TRUTHS):
            shown = as_written(part)
            raise ConditionError(
                f"parentheses around {shown!r} in {as_written(node)!r}",
                f"Write ({shown}), or put the parentheses where you mean them.",
            )


def _number(literal: exp.Literal) -> Kind:
    if not _NUMBER.fullmatch(literal.name):
        raise ConditionError(
            f"a number of at most 18 digits and 9 decimals, not {literal.name}", "Write it as digits and a point."
        )
    return "number"


def _date(literal: exp.Literal) -> Kind:
    # engines also read 'today' or '2026-1-31' as dates, each in its own way
    try:
        written = date.fromisoformat(literal.name).isoformat()
    except ValueError:
        written = ""
    if not literal.is_string or written != literal.name:
        raise ConditionError(
            f"a day of the calendar, not {literal.name!r}", "Dates are written DATE '2026-01-31', year, month and day."
        )
    return "date"


def _word(column: exp.Column, vocabulary: Vocabulary) -> Kind:
    identifier = column.this
    if column.table or column.name not in vocabulary.words or isinstance(identifier, exp.Star) or identifier.quoted:
        raise ConditionError(
            f"a name of the vocabulary, not {as_written(column)!r}",
            did_you_mean(column.name, vocabulary.words) or "vocabulary.yaml lists the names.",
        )
    return vocabulary.words[column.name].type


def _expect(node: exp.Expr, kind: Kind, vocabulary: Vocabulary) -> Kind:
    found = _kind(node, vocabulary)
    if found not in (kind, _NULL):
        raise ConditionError(f"a {kind} in {as_written(node)!r}, which is a {found}", "Correct the type.")
    return kind


def _same_kind(first: exp.Expr, others: Sequence[exp.Expr], vocabulary: Vocabulary) -> Kind | str:
    kinds = {_kind(node, vocabulary) for node in (first, *others)} - {_NULL}
    if len(kinds) > 1:
        shown = " with ".join(as_written(node) for node in (first, *others))
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
                raise ConditionError(
                    f"one of {', '.join(word.values)}, not {text!r}",
                    did_you_mean(text, word.values) or "Correct the value.",
                )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
