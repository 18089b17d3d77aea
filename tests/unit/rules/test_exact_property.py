"""The judge of the exact checks: DuckDB, over every case of a grid, NULLs included, for thousands of random tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from arrears.rules.conditions import parse_condition, words_read
from arrears.rules.decision_table import DecisionTable, compile_table
from arrears.rules.exact_tables import Fact, Layer, Reasoner, Undecided
from arrears.rules.exact_try import sql_type, truths
from arrears.rules.vocabulary import Vocabulary, Word

WORDS = {
    "days": Word(type="number", decimals=0, nullable=False, meaning="whole, never NULL"),
    "points": Word(type="number", decimals=0, meaning="whole"),
    "share": Word(type="number", decimals=1, meaning="tenths"),
    "band": Word(type="text", values=("high", "low", "medium"), meaning="one of three"),
    "region": Word(type="text", meaning="any text"),
    "home": Word(type="text", meaning="any text"),
    "held": Word(type="boolean", meaning="a flag"),
    "entered": Word(type="date", meaning="a day"),
    "oldest": Word(type="date", nullable=False, meaning="a day, never NULL"),
}
GRID: dict[str, list[Any]] = {
    "days": [-1, 0, 1, 2, 3, 4],
    "points": [None, 0, 1, 2, 3],
    "share": [None, 0.0, 0.5, 1.0, 2.1],
    "band": [None, "high", "low", "medium"],
    "region": [None, "", "a", "ab", "b", "cab"],
    "home": [None, "a", "b", "other"],
    "held": [None, True, False],
    "entered": [None, *(date(2026, 2, day) for day in (27, 28)), date(2026, 3, 1), date(2026, 3, 2)],
    "oldest": [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)],
}

numbers = st.sampled_from(["0", "1", "2", "3", "0.5", "-1", "null"])
number_words = st.sampled_from(["days", "points", "share"])
text_words = st.sampled_from(["region", "home"])
date_words = st.sampled_from(["entered", "oldest"])
dates = st.sampled_from([*(f"date '2026-02-{day}'" for day in (27, 28)), "date '2026-03-01'", "null"])
texts = st.sampled_from(["'a'", "'ab'", "'b'", "''"])
operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def amounts(depth: int = 1) -> st.SearchStrategy[str]:
    simple = number_words | numbers
    if depth == 0:
        return simple
    inner = amounts(depth - 1)
    return (
        simple
        | st.tuples(inner, st.sampled_from(["+", "-"]), inner).map(lambda each: f"({each[0]} {each[1]} {each[2]})")
        | inner.map(lambda each: f"({each} * 2)")
        | inner.map(lambda each: f"({each} / 2)")
        | inner.map(lambda each: f"abs({each})")
        | st.tuples(st.sampled_from(["greatest", "least", "coalesce"]), inner, inner).map(
            lambda each: f"{each[0]}({each[1]}, {each[2]})"
        )
    )


comparisons = st.one_of(
    st.tuples(amounts(), operators, amounts()).map(lambda each: f"{each[0]} {each[1]} {each[2]}"),
    st.tuples(number_words, numbers, numbers).map(lambda each: f"{each[0]} between {each[1]} and {each[2]}"),
    st.tuples(number_words, numbers, numbers).map(lambda each: f"{each[0]} in ({each[1]}, {each[2]})"),
    st.sampled_from(["band = 'low'", "band <> 'high'", "band in ('low', 'medium')", "band like '%i%'"]),
    st.tuples(text_words, operators, texts).map(lambda each: f"{each[0]} {each[1]} {each[2]}"),
    st.tuples(text_words, st.sampled_from(["a%", "%b", "_", "__", "%"])).map(
        lambda each: f"{each[0]} like '{each[1]}'"
    ),
    st.tuples(text_words, operators, text_words).map(lambda each: f"{each[0]} {each[1]} {each[2]}"),
    st.tuples(text_words, texts).map(lambda each: f"coalesce({each[0]}, 'none') <> {each[1]}"),
    st.tuples(date_words, operators, date_words | dates).map(lambda each: f"{each[0]} {each[1]} {each[2]}"),
    st.tuples(date_words, dates, dates).map(lambda each: f"{each[0]} between {each[1]} and {each[2]}"),
    st.tuples(date_words, dates, dates).map(lambda each: f"{each[0]} not in ({each[1]}, {each[2]})"),
    st.tuples(st.sampled_from(["greatest", "least", "coalesce"]), operators, dates).map(
        lambda each: f"{each[0]}(entered, oldest) {each[1]} {each[2]}"
    ),
    st.sampled_from(["held", "held = true", "held is true", "held is not false", "coalesce(held, false)", "true"]),
    st.sampled_from(sorted(WORDS)).map(lambda word: f"{word} is null"),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda each: f"({each[0]} {each[1]} {each[2]})"),
        inner.map(lambda each: f"(not {each})"),
    ),
    max_leaves=4,
)
judged = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def table(name: str, column: str, whens: list[str], values: list[Any], default: Any) -> DecisionTable:
    kind = "text" if isinstance(default, str) else "number"
    return DecisionTable.model_validate(
        {
            "name": name,
            "outputs": {column: {"type": kind, "meaning": "a column"}},
            "rules": [
                {"id": f"R{position}", "when": when, "then": {column: value}}
                for position, (when, value) in enumerate(zip(whens, values, strict=True))
            ],
            "default": {column: default},
        }
    )


def layer(each: DecisionTable, vocabulary: Vocabulary) -> Layer:
    return Layer(each, tuple(parse_condition(rule.when, vocabulary) for rule in each.rules))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Cases as a table; DuckDB gives the columns their types."""
    kinds = {"number": pa.float64(), "text": pa.string(), "boolean": pa.bool_(), "date": pa.date32()}
    return pa.table(
        {name: pa.array([_plain(row.get(name)) for row in rows], kinds[word.type]) for name, word in WORDS.items()}
    )


@contextmanager
def cases(rows: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
    typed = [exp.alias_(exp.cast(exp.column(name), sql_type(word)), name) for name, word in WORDS.items()]
    with duckdb.connect() as connection:
        connection.register("raw", rows)
        connection.execute(exp.select(*typed).from_("raw").ctas("cases").sql(dialect="duckdb"))
        yield connection


def decided(rows: pa.Table, tables: list[DecisionTable]) -> set[str]:
    """The rules that decide cases in the last of the tables, by the SQL that the strategy runs."""
    vocabulary = Vocabulary(words=WORDS)
    source: Any = exp.select("*").from_("cases")
    for each in tables:
        compiled, vocabulary = compile_table(each, vocabulary)
        source = compiled.over(source)
    query = exp.select(tables[-1].rule_column).distinct().from_(source.subquery("it"))
    with cases(rows) as connection:
        return {row[0] for row in connection.execute(query.sql(dialect="duckdb")).fetchall()}


@cache
def grid(names: frozenset[str]) -> pa.Table:
    """Every combination of values of the words that are read; one value for the others."""
    chosen = [GRID[name] if name in names else GRID[name][:1] for name in GRID]
    return as_table([dict(zip(GRID, values, strict=True)) for values in product(*chosen)])


def hold(reasoner: Reasoner, tables: list[DecisionTable], number: int) -> None:
    """Every answer about a table: what is said never to be is nowhere in the grid, every example is as it is said."""
    rules = tables[number].rules
    read = {name for each in reasoner.layers[: number + 1] for name in each.reads()} & set(WORDS)
    seen = decided(grid(frozenset(read)), tables[: number + 1])
    for position in [*range(len(rules)), None]:
        expected = "default" if position is None else rules[position].id
        example = reasoner.decided(number, position)
        assert not isinstance(example, Undecided)
        if example is None:
            assert expected not in seen, f"{expected} decides a case of the grid"
        else:
            assert decided(as_table([example]), tables[: number + 1]) == {expected}, example
    for position in range(len(rules)):
        never, shadowed = reasoner.never(number, position), reasoner.shadowed(number, position)
        assert (reasoner.decided(number, position) is None) == bool(never or shadowed)
        assert not (never and shadowed)


@judged
@given(whens=st.lists(conditions, min_size=1, max_size=4))
def test_what_is_said_of_a_table_is_so_in_duckdb(whens: list[str]) -> None:
    vocabulary = Vocabulary(words=WORDS)
    one = table("one", "result", whens, list(range(1, len(whens) + 1)), 0)
    hold(Reasoner(WORDS, [], [], [layer(one, vocabulary)]), [one], 0)


@judged
@given(
    first=st.lists(conditions, min_size=1, max_size=3),
    second=st.lists(
        conditions | st.sampled_from(["kind = 'x'", "kind <> 'y'", "kind = region", "kind like '_'"]),
        min_size=1,
        max_size=3,
    ),
)
def test_what_is_said_of_a_later_table_is_so_in_duckdb(first: list[str], second: list[str]) -> None:
    vocabulary = Vocabulary(words=WORDS)
    one = table("one", "kind", first, ["x", "y", "a"][: len(first)], "z")
    extended = vocabulary.extended(one.words())
    two = table("two", "result", second, list(range(1, len(second) + 1)), 0)
    reasoner = Reasoner(WORDS, [], [], [layer(one, vocabulary), layer(two, extended)])
    hold(reasoner, [one, two], 1)


@judged
@given(first=conditions, second=conditions, given_fact=conditions)
def test_overlaps_and_facts_are_so_in_duckdb(first: str, second: str, given_fact: str) -> None:
    vocabulary = Vocabulary(words=WORDS)
    fact = Fact(parse_condition(given_fact, vocabulary), "facts:1")
    one = table("one", "result", [first, second], [1, 2], 0)
    reasoner = Reasoner(WORDS, [fact], [], [layer(one, vocabulary)])
    nodes = [parse_condition(text, vocabulary) for text in (given_fact, first, second)]
    rows = grid(frozenset(name for node in nodes for name in words_read(node)))
    with cases(rows) as connection:
        query = exp.select(*(exp.alias_(node.copy(), f"c{at}") for at, node in enumerate(nodes))).from_("cases")
        answers = connection.execute(query.sql(dialect="duckdb")).fetchall()
    possible = [answer for answer in answers if answer[0] is not False]
    if reasoner.contradictory_facts():
        assert possible == []
        return
    both = reasoner.both(0, 0, 1)
    assert not isinstance(both, Undecided)
    if both is None:
        assert not any(answer[1] and answer[2] for answer in possible)
    else:
        assert truths(nodes[1:], both, WORDS) == [True, True]
    nothing = reasoner.unmatched(0)
    assert not isinstance(nothing, Undecided)
    if nothing is None:
        assert all(answer[1] or answer[2] for answer in possible)
    else:
        assert not any(truths(nodes[1:], nothing, WORDS))


@pytest.mark.parametrize(
    ("when", "can_be"),
    [
        ("days > 2 and days < 3", False),
        ("share > 2 and share < 3", True),
        ("share > 2 and share < 2.1", False),
        ("points = points", True),
        ("days <> days", False),
        ("points = null", False),
        ("not (points > 1) and points > 1", False),
        ("points > 1 or points <= 1 or points is null", True),
        ("coalesce(points, 7) = 7 and points is null", True),
        ("region like 'a_' and region like '%b' and region <> 'ab'", False),
        ("region > 'a' and region < 'a'", False),
        ("region < ''", False),
        ("region = home and region like 'a%' and home not like 'a%'", False),
        ("band like 'h%' and band <> 'high'", False),
        ("greatest(points, days) < days", False),
        # days of the calendar follow each other: between the last of February and the first of March there is none
        ("entered > date '2026-02-28' and entered < date '2026-03-01'", False),
        ("entered > date '2024-02-28' and entered < date '2024-03-01'", True),
        ("entered > date '2026-02-27' and entered < date '2026-03-01' and entered <> date '2026-02-28'", False),
        ("entered < oldest and oldest < entered", False),
        ("greatest(entered, oldest) < entered", False),
        ("oldest is null", False),
        ("entered = null or entered <> null", False),
        ("not (entered = oldest) and not (entered <> oldest)", False),
        ("coalesce(entered, date '2026-01-01') = date '2026-01-01' and entered > date '2026-01-01'", False),
        # unknown is not false, and neither is its opposite true
        ("not (held = (points > 1)) and points is null", False),
        ("(held or points > 1) is null", True),
        ("(held or points > 1) is null and held", False),
        ("(held and points > 1) is null and not held", False),
        ("points not in (1, null)", False),
        ("points in (1, null) and points <> 1", False),
        ("points between null and 0 and points > 0", False),
        ("not (points between null and 0)", True),
        ("not (points between null and 0) and points <= 0", False),
    ],
)
def test_worked_cases(when: str, can_be: bool) -> None:
    vocabulary = Vocabulary(words=WORDS)
    one = table("one", "result", [when], [1], 0)
    assert (Reasoner(WORDS, [], [], [layer(one, vocabulary)]).never(0, 0) is None) is can_be
