"""Decision tables as tables to read: what each rule gives, when in words, and its condition."""

from __future__ import annotations

from collections.abc import Iterator

from arrears.docs.markdown import table
from arrears.docs.plain_words import in_words
from arrears.rules.conditions import parse_condition
from arrears.rules.decision_table import DecisionTable, Value
from arrears.rules.vocabulary import Vocabulary
from arrears.strategy.compile import Strategy
from arrears.strategy.experiment_arms import armed_vocabulary


def rules_table(table_: DecisionTable, vocabulary: Vocabulary) -> str:
    """The rules of a table: what each gives, when in words, and the condition itself."""
    outputs = list(table_.outputs)
    notes = any(rule.note for rule in table_.rules)
    rows = []
    for rule in table_.rules:
        condition = parse_condition(rule.when, vocabulary)
        given = [_shown(rule.then[name]) for name in outputs]
        rows.append((rule.id, *given, in_words(condition), f"`{rule.when}`", *([rule.note or ""] if notes else [])))
    if table_.default is not None and table_.hit == "first":
        default = [_shown(table_.default[name]) for name in outputs]
        rows.append(("", *default, "otherwise", "", *([""] if notes else [])))
    heads = [name.replace("_", " ") for name in outputs]
    return table(("rule", *heads, "when", "condition", *(["note"] if notes else [])), rows)


def with_vocabulary(strategy: Strategy) -> Iterator[tuple[DecisionTable, Vocabulary]]:
    """Each decision table in the order of application, with the words that its conditions may read."""
    vocabulary = armed_vocabulary(strategy.vocabulary, strategy.experiments)
    for placed in strategy.tables:
        yield placed.table, vocabulary
        vocabulary = vocabulary.extended(placed.table.words())


def vocabulary_of(strategy: Strategy, wanted: DecisionTable) -> Vocabulary:
    """The words that the conditions of one of the strategy's tables may read."""
    return next(vocabulary for table_, vocabulary in with_vocabulary(strategy) if table_ is wanted)


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.replace(",", ", ") if isinstance(value, str) else str(value)
