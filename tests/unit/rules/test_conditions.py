"""Conditions: what a strategy manager may write, and what he is told about the rest."""

from __future__ import annotations

import pytest

from arrears.rules.conditions import ConditionError, parse_condition, words_read
from arrears.rules.vocabulary import Vocabulary, Word

WORDS = Vocabulary(
    words={
        "days_past_due": Word(type="number", meaning="days"),
        "overdue_amount": Word(type="number", meaning="money"),
        "class": Word(type="text", meaning="class", values=("low", "mid", "high")),
        "region": Word(type="text", meaning="region"),
        "repeated": Word(type="boolean", meaning="repeated"),
        "due_on": Word(type="date", meaning="a date"),
    }
)


@pytest.mark.parametrize(
    "text",
    [
        "days_past_due between 1 and 30",
        "days_past_due > 30 and overdue_amount >= 1000.50",
        "class = 'low' or class in ('mid', 'high')",
        "repeated",
        "not repeated and region is not null",
        "region like 'CN-%'",
        "due_on >= date '2026-01-31'",
        "coalesce(overdue_amount, 0) * 2 > days_past_due + 10",
        "least(overdue_amount, 5) <> -1",
        "overdue_amount = null",
        "true",
    ],
)
def test_a_condition_over_the_vocabulary_passes(text: str) -> None:
    parse_condition(text, WORDS)


@pytest.mark.parametrize(
    ("text", "says", "action"),
    [
        ("days_past_du > 1", "not 'days_past_du'", "Did you mean 'days_past_due'?"),
        ("xyz > 1", "not 'xyz'", "vocabulary.yaml lists the names."),
        ("class = 'lwo'", "one of low, mid, high, not 'lwo'", "Did you mean 'low'?"),
        ("class in ('low', 'medium')", "not 'medium'", "Correct the value"),
        ("days_past_due = '30'", "number and text", "texts in single quotes"),
        ("due_on > '2026-01-31'", "date and text", "DATE '2026-01-31'"),
        ("days_past_due + 1", "is a number", "Compare it with something."),
        ("class", "is a text", "Compare it"),
        ("repeated > 1", "boolean and number", ""),
        ("not class", "a boolean", ""),
        ("repeated and days_past_due", "a boolean", ""),
        ("class + 1 > 2", "a number", ""),
        ("days_past_due >", "a SQL expression", "Correct the expression."),
        ("(select 1) = 1", "none of them", ""),
        ("days_past_due in (select 1)", "none of them", ""),
        ("exists (select 1)", "none of them", ""),
        ("now() > due_on", "none of them", ""),
        ("random() < 0.5", "none of them", ""),
        ("hash(region) = 1", "none of them", ""),
        ("t.days_past_due > 1", "not 't.days_past_due'", ""),
        ("days_past_due > 1; drop table x", "without comments or semicolons", ""),
        ("days_past_due > 1 -- always", "without comments or semicolons", ""),
        ("days_past_due /* */ > 1", "without comments or semicolons", ""),
        ("days_past_due > $limit", "none of them", ""),
        ("cast(region as int) > 1", "none of them", ""),
        ("sum(days_past_due) > 1", "none of them", ""),
        ("case when repeated then true else false end", "none of them", ""),
        ("count(*) over () > 1", "none of them", ""),
        ("drop table contracts", "none of them", ""),
    ],
)
def test_anything_else_is_refused_with_what_to_do(text: str, says: str, action: str) -> None:
    with pytest.raises(ConditionError) as error:
        parse_condition(text, WORDS)
    assert says in str(error.value)
    assert action in error.value.action


def test_the_words_that_a_condition_reads_are_known() -> None:
    assert words_read(parse_condition("days_past_due > 1 and class = 'low'", WORDS)) == ("class", "days_past_due")
