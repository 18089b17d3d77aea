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
        "region = '--' or region = ';' or region = '/*' or region = 'it''s'",
        "days_past_due in (1, 2, null)",
        "due_on between date '2026-01-31' and cast('2026-12-31' as date)",
        "coalesce(due_on, date '2000-02-29') < date '2026-01-31'",
        "repeated is not true",
        "repeated = (region is not null)",
        "(days_past_due > 1) = (overdue_amount > 2)",
        "not repeated is null",
        "repeated = repeated is null",
        "region = '{# no comment #}'",
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
        # whatever else a SELECT may hold
        ("days_past_due > all (select 1)", "none of them", ""),
        ("days_past_due in region", "none of them", ""),
        ("days_past_due in ()", "none of them", ""),
        ("(days_past_due, overdue_amount) = (1, 2)", "none of them", ""),
        ("days_past_due > 1 union select true", "none of them", ""),
        ("with a as (select true) select * from a", "none of them", ""),
        ("row_number() over () = 1", "none of them", ""),
        ("sum(days_past_due) filter (where repeated) > 1", "none of them", ""),
        ("list_filter([1], x -> x > 1) = [1]", "none of them", ""),
        ("x -> x", "none of them", ""),
        ("lambda x: x", "SQL expression", ""),
        ("*", "none of them", ""),
        ("* = 1", "none of them", ""),
        ("t.*", "", ""),
        ("columns(*) > 1", "none of them", ""),
        ("(days_past_due > 1) as x", "none of them", ""),
        ("days_past_due > 1 limit 1", "SQL expression", ""),
        ("days_past_due > 1 from contracts", "", ""),
        ("days_past_due > ?", "none of them", ""),
        ("days_past_due > :limit", "none of them", ""),
        ("days_past_due > @limit", "", ""),
        ("read_csv('/etc/passwd') = 1", "none of them", ""),
        ("getenv('HOME') = 'x'", "none of them", ""),
        ("region ilike 'a%'", "none of them", ""),
        ("region ~ 'a'", "none of them", ""),
        ("region like region", "a pattern in single quotes", ""),
        ("region || 'a' = 'b'", "none of them", ""),
        ("region collate nocase = 'a'", "none of them", ""),
        ("days_past_due between symmetric 2 and 1", "none of them", ""),
        ("days_past_due is true", "a boolean", ""),
        ("struct_pack(a := 1) = 1", "none of them", ""),
        ("{'a': 1} = 1", "", ""),
        ("attach 'x.db'", "", ""),
        ("copy contracts to 'x'", "", ""),
        ("", "one expression", ""),
        # types come from the vocabulary, not from casts
        ("days_past_due::varchar = '1'", "none of them", ""),
        ("try_cast(region as int) > 1", "none of them", ""),
        ("timestamp '2026-01-01 00:00:00' < due_on", "none of them", ""),
        ("due_on > current_date", "none of them", ""),
        ("due_on > today()", "none of them", ""),
        ("due_on + interval 1 day > due_on", "", ""),
        ("due_on + 1 > due_on", "a number", ""),
        # days that an engine would read in its own way
        ("due_on > date 'today'", "a day of the calendar, not 'today'", "DATE '2026-01-31'"),
        ("due_on > date 'epoch'", "a day of the calendar", ""),
        ("due_on > date '2026-02-29'", "a day of the calendar, not '2026-02-29'", ""),
        ("due_on > date '2026-1-31'", "a day of the calendar", ""),
        ("due_on > date '20260131'", "a day of the calendar", ""),
        ("due_on > cast(20260131 as date)", "a day of the calendar", ""),
        # numbers that an engine would read as floats
        ("overdue_amount > 1e3", "at most 18 digits and 9 decimals, not 1e3", ""),
        ("overdue_amount > 1234567890123456789", "at most 18 digits", ""),
        ("overdue_amount > 0.1234567890", "9 decimals", ""),
        ("overdue_amount > 0x10", "", ""),
        # names are what they look like
        ('"days_past_due" > 1', "not '\"days_past_due\"'", "Did you mean 'days_past_due'?"),
        ('"days_past_due""; drop table x" > 1', "", ""),
        ('"--" > 1', "without comments", ""),
        ("`days_past_due` > 1", "", ""),
        ("DAYS_PAST_DUE > 1", "not 'DAYS_PAST_DUE'", ""),
        ("days_past_due[1] > 1", "none of them", ""),
        ("class = 'low\x00'", "without control characters", ""),
        ("class = 'low' -- ;", "without comments or semicolons", ""),
        ("class = '' or class = 'low' /* '' */", "without comments or semicolons", ""),
        ("repeated {# always #}", "without comments or semicolons", ""),
        ("{# #} repeated", "without comments or semicolons", ""),
        ("repeated {{ 1 }}", "none of them", ""),
        # comparisons of comparisons: engines refuse some of them, and read others in their own way
        ("repeated = region is null", "boolean and text", ""),
        ("repeated = days_past_due > 1", "parentheses around 'days_past_due > 1'", "Write (days_past_due > 1)"),
        ("days_past_due < 1 = repeated", "parentheses around 'days_past_due < 1'", ""),
        ("repeated = not repeated", "parentheses around 'NOT repeated'", ""),
        ("repeated = repeated = true", "parentheses around 'repeated = repeated'", ""),
        ("region in ('a') is null", "parentheses around \"region IN ('a')\"", ""),
        ("1 < days_past_due < 3", "boolean and number", ""),
    ],
)
def test_anything_else_is_refused_with_what_to_do(text: str, says: str, action: str) -> None:
    with pytest.raises(ConditionError) as error:
        parse_condition(text, WORDS)
    assert says in str(error.value)
    assert action in error.value.action


def test_the_words_that_a_condition_reads_are_known() -> None:
    assert words_read(parse_condition("days_past_due > 1 and class = 'low'", WORDS)) == ("class", "days_past_due")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "repeated" + ")" * 5_000,
        "(" * 100 + "repeated" + ")" * 100,
        "not " * 5_000 + "repeated",
        " and ".join(["repeated"] * 5_000),
        " or ".join(["repeated"] * 61),
        "days_past_due > " + "- " * 5_000 + "1",
        "days_past_due" + " + 1" * 5_000 + " > 1",
        "coalesce(" * 2_000 + "days_past_due" + ", 1)" * 2_000 + " > 1",
    ],
    ids=["parentheses", "hundred parentheses", "not", "and", "or", "minus", "plus", "coalesce"],
)
def test_a_condition_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(ConditionError, match="nested at most 60 deep") as error:
        parse_condition(text, WORDS)
    assert len(str(error.value)) < 200


def test_a_long_list_is_not_deep() -> None:
    parse_condition(f"days_past_due in ({', '.join(map(str, range(1_000)))})", WORDS)
