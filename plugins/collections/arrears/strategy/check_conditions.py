"""Findings about single conditions: names and values that do not exist, types that do not fit, forms not allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from arrears.rules.conditions import ConditionError, has_comment, parse_condition
from arrears.rules.findings import Finding
from arrears.rules.vocabulary import Vocabulary
from arrears.strategy.checked import TIER_WORDS, Checked, CheckedTable

_FORMS = ("a condition without", "parentheses around")
"""How what is wrong with the form of a condition begins, whatever the types are."""


def condition_findings(checked: Checked) -> Iterator[Finding]:
    """All that is wrong in the conditions of all tables, and in the facts of the vocabulary."""
    for table in checked.tables:
        if table.table is None:
            continue
        for position, rule in enumerate(table.table.rules):
            where = checked.place(table, "rules", position, "when")
            for code, problem in problems(rule.when, table.words):
                action = _later(problem, table, checked.vocabulary) or problem.action
                yield Finding("error", code, f"{table.rule(position)}: expected {problem}", where, action)
    for position, text in enumerate(checked.vocabulary.facts):
        where = checked.rules.place("vocabulary.yaml", ("facts", position))
        for code, problem in problems(text, checked.vocabulary):
            yield Finding("error", code, f"fact {text!r}: expected {problem}", where, problem.action)


def problems(text: str, vocabulary: Vocabulary) -> Iterator[tuple[str, ConditionError]]:
    """Code and error of everything that is wrong in one condition, not only of the first."""
    try:
        parse_condition(text, vocabulary)
        return
    except ConditionError as error:
        first = error
    found = {str(problem): (code, problem) for code, problem in _parts(text, vocabulary)}
    yield from found.values()
    if not found:
        yield "condition", first


def _parts(text: str, vocabulary: Vocabulary) -> Iterator[tuple[str, ConditionError]]:
    try:
        parsed = sqlglot.parse(text, dialect="duckdb")
    except SqlglotError:
        return
    if len(parsed) != 1 or parsed[0] is None or has_comment(text):
        return
    for part in _comparisons(parsed[0]):
        known = vocabulary
        shown = part.sql(dialect="duckdb")
        for column in part.find_all(exp.Column):
            if column.table or column.name in known.words:
                continue
            near = difflib.get_close_matches(column.name, vocabulary.words, n=1)
            try:
                parse_condition(column.sql(dialect="duckdb"), known)
            except ConditionError as error:
                yield "unknown_name", error
            if not near:
                break
            # the rest of the comparison is judged as if the nearest name stood there
            known = known.extended({column.name: vocabulary.words[near[0]]})
        else:
            try:
                parse_condition(shown, known)
            except ConditionError as error:
                yield _code(error), error


def _comparisons(node: exp.Expr) -> Iterator[exp.Expr]:
    """The comparisons that AND, OR, NOT and parentheses join."""
    if isinstance(node, exp.And | exp.Or):
        yield from _comparisons(node.left)
        yield from _comparisons(node.right)
    elif isinstance(node, exp.Not | exp.Paren):
        yield from _comparisons(node.this)
    else:
        yield node


def _code(error: ConditionError) -> str:
    text = str(error)
    if text.startswith("a name of the vocabulary"):
        return "unknown_name"
    if text.startswith("one of "):
        return "unknown_value"
    return "condition" if "none of them" in text or text.startswith(_FORMS) else "type"


def _later(error: ConditionError, table: CheckedTable, vocabulary: Vocabulary) -> str | None:
    """What to do about a name that exists, but not for the first table."""
    name = next((word for word in vocabulary.words if f"not '{word}'" in str(error)), None)
    if name is None or name in TIER_WORDS or name in table.words.words:
        return None
    return (
        f"Balances are tiered first, when only {', '.join(sorted(TIER_WORDS))} are known; read {name} in a later table."
    )
