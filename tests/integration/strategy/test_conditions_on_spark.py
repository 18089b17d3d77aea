"""Whatever condition a rule may have, Spark decides it as DuckDB does: on edges, for odd texts and for NULL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp
from tests.support.both_engines import differences

from arrears.engines.duckdb import DuckDBEngine
from arrears.rules.conditions import parse_condition
from arrears.rules.decision_table import DecisionTable, Output, Rule, compile_table
from arrears.rules.portable import portable
from arrears.rules.vocabulary import Vocabulary, Word

pytestmark = pytest.mark.spark

START = date(2026, 1, 31)
NUMBERS = {
    "days": (pa.int32(), [0, 1, 29, 30, 31, 90, 91, 180, None, 7]),
    "count": (pa.int32(), [0, 1, 2, 3, None]),
    "overdue": (pa.decimal128(18, 2), [Decimal(each) for each in ("0.00", "0.01", "0.03", "7999.99", "8000")] + [None]),
    "owed": (pa.decimal128(18, 2), [Decimal(each) for each in ("200", "0.00", "0.03", "0.10", "16000", "8000.01")]),
    "share": (pa.decimal128(9, 4), [Decimal(each) for each in ("0.2000", "0.5000", "0.4999", "1.0000")] + [None]),
    "score": (pa.float64(), [0.0, 499.99, 500.0, 650.0, 0.1, 0.3, None]),
}
TEXTS = {
    "kind": (pa.string(), ["low", "mid", "high", None]),
    "note": (
        pa.string(),
        ["", " ", "low", "Low", "a%b", "a_b", "a\\b", "a\\_b", "账龄", "é", "e\u0301", "z\nz", "'", None],
    ),
}
FLAGS = {"held": (pa.bool_(), [True, False, None]), "repeated": (pa.bool_(), [True, False])}
DAYS = {"due": (pa.date32(), [START, START + timedelta(days=28), None])}
ROWS = 420


def _facts() -> pa.Table:
    """Rows in which the values of each column go round at a speed of their own."""
    columns: dict[str, pa.Array] = {"contract_id": pa.array([f"C{number:03}" for number in range(ROWS)])}
    for name, (kind, values) in {**NUMBERS, **TEXTS, **FLAGS, **DAYS}.items():
        # a step that shares no factor with the length, so that pairs of columns meet in many ways
        step = 1 + 2 * len(columns)
        columns[name] = pa.array([values[(row * step + row // 7) % len(values)] for row in range(ROWS)], kind)
    return pa.table(columns)


FACTS = _facts()
DECIMALS = {"days": 0, "count": 0, "overdue": 2, "owed": 2, "share": 4}
VOCABULARY = Vocabulary(
    words={
        name: Word(type=kind, meaning="A column of this test.", decimals=DECIMALS.get(name))
        for kind, names in (("number", NUMBERS), ("text", TEXTS), ("boolean", FLAGS), ("date", DAYS))
        for name in names
    }
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


numbers = st.sampled_from([*NUMBERS, "0", "1", "30", "2.5", "8000", "0.50", "0.1", "0.0015", "500.0", "-1", "NULL"])
amounts = st.one_of(
    numbers,
    st.tuples(numbers, st.sampled_from("+-*/"), numbers).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
    st.tuples(numbers, numbers, numbers).map(lambda parts: f"({parts[0]} / {parts[1]}) / {parts[2]}"),
    st.tuples(st.sampled_from(["COALESCE", "GREATEST", "LEAST"]), numbers, numbers).map(
        lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"
    ),
    numbers.map(lambda each: f"ABS({each})"),
)
texts = st.sampled_from([*TEXTS, *(_quoted(text) for text in TEXTS["note"][1] if text is not None), "NULL"])
patterns = st.sampled_from(["%", "", "lo_", "a%b", "%\\_b", "a\\b", "a\\%", "%账%", "_", "%\n%", "L%", "!\\%"]).map(
    _quoted
)
days = st.sampled_from([*DAYS, f"DATE '{START}'", "DATE '2026-02-28'", "NULL"])
signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def _compared(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(values, signs, values).map(" ".join),
        st.tuples(values, values, values).map(lambda each: f"{each[0]} BETWEEN {each[1]} AND {each[2]}"),
        st.tuples(values, st.lists(values, min_size=1, max_size=3)).map(
            lambda each: f"{each[0]} IN ({', '.join(each[1])})"
        ),
        values.map(lambda each: f"{each} IS NULL"),
    )


single = st.one_of(
    _compared(amounts),
    _compared(texts),
    _compared(days),
    st.sampled_from([*FLAGS, "held IS NOT TRUE", "held = repeated", "repeated IS FALSE", "TRUE", "held IS NULL"]),
    st.tuples(texts, patterns).map(lambda each: f"{each[0]} LIKE {each[1]}"),
)
conditions = st.recursive(
    single,
    lambda inner: st.one_of(
        inner.map(lambda each: f"NOT ({each})"),
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda each: f"({each[0]}) {each[1]} ({each[2]})"),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def duckdb() -> Iterator[DuckDBEngine]:
    with DuckDBEngine(memory="1GB", threads=1) as engine:
        yield engine


def _same(select: exp.Select, duckdb: DuckDBEngine, cluster: Any) -> pa.Table:
    inputs = {"facts": FACTS}
    rows = duckdb.fetch(select, inputs, {})
    assert differences(rows, cluster.fetch(select, inputs, {})) == []
    return rows


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example],
)
@given(whens=st.lists(conditions, min_size=60, max_size=90))
def test_conditions_are_decided_alike(whens: list[str], duckdb: DuckDBEngine, cluster: Any) -> None:
    columns = []
    for number, when in enumerate(whens):
        condition = portable(parse_condition(when, VOCABULARY), VOCABULARY.words)
        truth = exp.Case().when(condition, exp.Literal.string("true"))
        truth = truth.when(exp.Not(this=exp.Paren(this=condition.copy())), exp.Literal.string("false"))
        columns.append(exp.alias_(truth.else_(exp.Literal.string("unknown")), f"c{number}"))
    rows = _same(exp.select("contract_id", *columns).from_("facts"), duckdb, cluster)
    assert len(rows) == ROWS


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.large_base_example],
)
@given(whens=st.lists(conditions, min_size=16, max_size=24))
def test_tables_decide_alike(whens: list[str], duckdb: DuckDBEngine, cluster: Any) -> None:
    first = DecisionTable(
        name="chosen",
        outputs={
            "word": Output(type="text", meaning="A text."),
            "level": Output(type="number", meaning="A number."),
            "flag": Output(type="boolean", meaning="A flag."),
        },
        rules=tuple(
            Rule(id=f"F{number}", when=when, then={"word": f"o'{number}\\", "level": -number, "flag": number % 2 == 0})
            for number, when in enumerate(whens)
        ),
        default={"word": "", "level": 0, "flag": False},
    )
    collected = DecisionTable(
        name="points",
        hit="collect",
        floor=0,
        cap=9,
        outputs={"points": Output(type="number", meaning="Points.")},
        rules=tuple(Rule(id=f"P{number}", when=when, then={"points": number - 3}) for number, when in enumerate(whens)),
        default={"points": 1},
    )
    one, vocabulary = compile_table(first, VOCABULARY)
    more, _ = compile_table(collected, vocabulary)
    decided = more.over(one.over("facts")).subquery("decided")
    rows = _same(exp.select("contract_id", *one.names, *more.names).from_(decided), duckdb, cluster)
    assert {row["points"] for row in rows.to_pylist()} <= set(range(10))


def test_a_quotient_is_the_same_double_and_nothing_without_a_divisor(duckdb: DuckDBEngine, cluster: Any) -> None:
    condition = portable(parse_condition("overdue / owed >= 0.00015", VOCABULARY), VOCABULARY.words)
    facts = {row["contract_id"]: row for row in FACTS.to_pylist()}
    rows = _same(exp.select("contract_id", exp.alias_(condition, "reached")).from_("facts"), duckdb, cluster)
    for row in rows.to_pylist():
        overdue, owed = facts[row["contract_id"]]["overdue"], facts[row["contract_id"]]["owed"]
        expected = None if overdue is None or owed == 0 else float(overdue) / float(owed) >= 0.00015
        assert row["reached"] == expected, (overdue, owed)
