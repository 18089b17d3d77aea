"""Arms: the same on every engine and every day, by the shares of the entry day, independent of other experiments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise, product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.ledgers import contract_table

from arrears.rules.conditions import parse_condition
from arrears.rules.vocabulary import Vocabulary
from arrears.run import Run
from arrears.sqlmodel import load_model
from arrears.strategy.experiment_arms import arm_layer, arm_of, arm_select, digest, slice_relation, slices
from arrears.strategy.experiment_exclusions import MASTER_DATA
from arrears.strategy.experiment_rules import NONE, Experiment, Experiments

AS_OF = date(2026, 11, 20)
JAN, JUN, SEP = date(2026, 1, 1), date(2026, 6, 1), date(2026, 9, 30)
CUSTOMERS = [f"K{number:05d}" for number in range(20_000)]


def experiment(name: str, *shares: dict[str, Any], **values: Any) -> Experiment:
    """An experiment with these shares; its arms are all that they name, in their order."""
    arms = {arm: "Something." for each in shares for arm in each if arm != "valid_from"}
    return Experiment.model_validate(
        {
            "name": name,
            "hypothesis": "More cures.",
            "owner": "strategy",
            "reason": "To know.",
            "arms": arms,
            "shares": list(shares),
            "metric": "cure",
            "within_days": 30,
            "baseline": 0.55,
            "minimum_effect": 0.02,
            **values,
        }
    )


def entries(*rows: tuple[str, date]) -> pa.Table:
    return pa.table(
        {
            "customer_id": pa.array([row[0] for row in rows], pa.string()),
            "case_entered_on": pa.array([row[1] for row in rows], pa.date32()),
        }
    )


def arms(
    run: Run, experiments: Sequence[Experiment], cases: pa.Table, contracts: Sequence[dict[str, Any]] = ()
) -> dict[tuple[str, str, date], str]:
    """(experiment, customer, entry day) → arm, as the model `strategy/experiment_arm` gives it."""
    declared = Experiments(experiments=tuple(experiments))
    words = Vocabulary(words=dict(MASTER_DATA))
    conditions = [[parse_condition(each.when, words) for each in one.exclude] for one in declared]
    select = arm_select(load_model(run.settings.sql, "strategy/experiment_arm"), declared, conditions)
    inputs = {
        "case_entry": cases,
        "arm_slices": slice_relation(declared),
        "contracts": contract_table("contracts", contracts),
    }
    rows = run.engine.fetch(select, inputs, {"as_of": AS_OF}).to_pylist()
    assert {row["as_of"] for row in rows} <= {AS_OF}
    found = {(row["experiment"], row["customer_id"], row["case_entered_on"]): row["arm"] for row in rows}
    assert len(found) == len(rows)
    return found


RAMP = experiment(
    "ramp",
    {"valid_from": JAN, "champion": 0.9, "challenger": 0.1},
    {"valid_from": JUN, "champion": 0.7, "challenger": 0.2, "third": 0.05},
    ends_on=SEP,
)
EVEN = experiment("even", {"valid_from": JAN, "a": 0.5, "b": 0.5})


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def test_every_engine_sorts_as_plain_python_does(make_run: Callable[..., Any], engine: str) -> None:
    days = (date(2025, 12, 31), JAN, date(2026, 5, 31), JUN, SEP, date(2026, 10, 1))
    cases = entries(*product(CUSTOMERS[:2_000], days))
    with make_run(AS_OF, engine=engine, spark_master="local[2]") as run:
        found = arms(run, [RAMP, EVEN], cases)
    expected = {
        (each.name, customer, day): arm
        for each in (RAMP, EVEN)
        for customer, day in product(CUSTOMERS[:2_000], days)
        if (arm := arm_of(each, customer, day)) != NONE
    }
    assert found == expected
    assert {day for name, _, day in found if name == "ramp"} == set(days[1:5])
    assert {day for name, _, day in found if name == "even"} == set(days[1:])


def test_known_digests_stay_as_they_are() -> None:
    # the first digits of `printf ramp:K00001 | md5sum`: whoever changes these moves customers between arms
    assert digest("ramp", "K00001") == "4416f407"
    assert digest("even", "K00001") == "a33e5208"
    assert digest("ramp", "客户1") == "f718f1a4"


def test_ranges_of_digests_meet_without_gap_or_overlap() -> None:
    thirds = experiment("thirds", {"valid_from": JAN, "a": 0.333, "b": 0.333, "c": 0.334})
    assert [(each.arm, each.from_digest, each.to_digest) for each in slices(thirds, thirds.shares[0])] == [
        ("a", "00000000", "553f7ced"),
        ("b", "553f7cee", "aa7ef9da"),
        ("c", "aa7ef9db", "ffffffff"),
    ]


SHARES = st.lists(st.integers(0, 1_000), min_size=2, max_size=6).filter(lambda parts: 0 < sum(parts) <= 1_000)


@settings(max_examples=300, deadline=None)
@given(SHARES)
def test_any_shares_are_laid_out_in_order_and_as_long_as_they_are(parts: list[int]) -> None:
    trial = experiment("trial", {"valid_from": JAN, **{f"arm{n}": part / 1_000 for n, part in enumerate(parts)}})
    laid = list(slices(trial, trial.shares[0]))
    assert [each.arm for each in laid] == [f"arm{n}" for n, part in enumerate(parts) if part]
    ends = [(int(each.from_digest, 16), int(each.to_digest, 16)) for each in laid]
    assert ends[0][0] == 0
    assert all(before[1] + 1 == after[0] for before, after in pairwise(ends))
    for each, (start, end) in zip(laid, ends, strict=True):
        share = parts[int(each.arm.removeprefix("arm"))] / 1_000
        assert abs((end - start + 1) / 2**32 - share) < 1e-9
    if sum(parts) == 1_000:
        assert ends[-1][1] == 2**32 - 1


def test_shares_come_out_and_experiments_are_independent(make_run: Callable[..., Any]) -> None:
    ninety = experiment("ninety", {"valid_from": JAN, "champion": 0.9, "challenger": 0.1})
    with make_run(AS_OF) as run:
        found = arms(run, [ninety, EVEN], entries(*((each, JAN) for each in CUSTOMERS)))
    first = Counter(found["ninety", each, JAN] for each in CUSTOMERS)
    assert abs(first["challenger"] / len(CUSTOMERS) - 0.1) < 0.01
    pairs = Counter((found["ninety", each, JAN], found["even", each, JAN]) for each in CUSTOMERS)
    second = Counter(found["even", each, JAN] for each in CUSTOMERS)
    # Pearson's test of independence, one degree of freedom: 3.84 would be met by chance in one of twenty tables
    statistic = sum(
        (pairs[a, b] - first[a] * second[b] / len(CUSTOMERS)) ** 2 / (first[a] * second[b] / len(CUSTOMERS))
        for a, b in product(first, second)
    )
    assert statistic < 3.84


def test_a_case_keeps_the_arm_of_its_entry_day(make_run: Callable[..., Any]) -> None:
    before = experiment("kept", {"valid_from": JAN, "champion": 0.9, "challenger": 0.1})
    after = experiment(
        "kept", *({"valid_from": JAN, "champion": 0.9, "challenger": 0.1}, {"valid_from": JUN, "challenger": 1.0})
    )
    ended = before.model_copy(update={"ends_on": JUN})
    old = entries(*((each, date(2026, 5, 31)) for each in CUSTOMERS[:500]))
    with make_run(AS_OF) as run:
        kept = arms(run, [before], old)
        assert arms(run, [after], old) == kept
        assert arms(run, [ended], old) == kept
        new = entries(*((each, JUN) for each in CUSTOMERS[:500]))
        assert set(arms(run, [after], new).values()) == {"challenger"}
        assert len(arms(run, [ended], new)) == 500
        assert arms(run, [ended], entries(*((each, date(2026, 6, 2)) for each in CUSTOMERS[:500]))) == {}


def test_a_grown_share_takes_from_the_arm_beside_it_and_moves_no_other() -> None:
    small = experiment("grown", {"valid_from": JAN, "champion": 0.8, "b": 0.1, "c": 0.1})
    grown = experiment("grown", {"valid_from": JAN, "champion": 0.7, "b": 0.2, "c": 0.1})
    moves = Counter((arm_of(small, each, JAN), arm_of(grown, each, JAN)) for each in CUSTOMERS)
    assert {pair for pair in moves if pair[0] != pair[1]} == {("champion", "b")}


def test_an_excluded_customer_is_in_no_arm_by_what_was_there_on_the_entry_day(make_run: Callable[..., Any]) -> None:
    trial = experiment(
        "trial",
        {"valid_from": JAN, "a": 0.5, "b": 0.5},
        exclude=[
            {"when": "product = 'bus'", "reason": "Another team."},
            {"when": "currency <> 'CNY' and principal >= 1000", "reason": "Abroad."},
        ],
    )
    book = [
        {"contract_id": key, "customer_id": customer, "product": kind, "originated_on": day, **more}
        for key, customer, kind, day, more in (
            ("A", "auto", "auto", date(2025, 1, 1), {"currency": "CNY", "principal": 2000}),
            ("B", "bus", "bus", date(2025, 1, 1), {}),
            ("C", "both", "auto", date(2025, 1, 1), {}),
            ("D", "both", "bus", date(2025, 1, 1), {"closed_on": date(2025, 6, 1)}),
            ("E", "later", "auto", date(2025, 1, 1), {}),
            ("F", "later", "bus", date(2026, 3, 2), {}),
            ("G", "same_day", "bus", JAN, {}),
            ("H", "abroad", "auto", date(2025, 1, 1), {"currency": "USD", "principal": 1000}),
            ("I", "small", "auto", date(2025, 1, 1), {"currency": "USD", "principal": 999}),
        )
    ]
    customers = ("auto", "bus", "both", "later", "same_day", "abroad", "small")
    with make_run(AS_OF) as run:
        found = arms(run, [trial, EVEN], entries(*((each, JAN) for each in customers)), book)
        assert {customer for name, customer, _ in found if name == "trial"} == {"auto", "later", "small"}
        assert {customer for name, customer, _ in found if name == "even"} == set(customers)
        again = arms(run, [trial], entries(("later", date(2026, 3, 1)), ("later", date(2026, 3, 2))), book)
    assert {day for _, _, day in again} == {date(2026, 3, 1)}


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def test_every_row_of_a_customer_carries_all_arms(make_run: Callable[..., Any], engine: str) -> None:
    ended = experiment("zero", {"valid_from": JAN, "champion": 0.5, "challenger": 0.5}, ends_on=JAN)
    declared = Experiments(experiments=(RAMP, EVEN, ended))
    cases = entries(("K1", date(2026, 2, 1)), ("K2", date(2025, 2, 1)))
    with make_run(AS_OF, engine=engine, spark_master="local[2]") as run:
        rows = [
            {"experiment": n, "customer_id": c, "arm": a} for (n, c, _), a in arms(run, list(declared), cases).items()
        ]
        layers = arm_layer(declared, "facts")
        *_, (last, select) = layers.items()
        for name, layer in layers.items():
            if name != last:
                select = select.with_(name, as_=layer)
        facts = pa.table({"contract_id": ["A", "B", "C"], "customer_id": ["K1", "K1", "K2"]})
        got = run.engine.fetch(select, {"facts": facts, "experiment_arm": pa.Table.from_pylist(rows)}, {}).to_pylist()
    one, two = arm_of(EVEN, "K1", date(2026, 2, 1)), arm_of(RAMP, "K1", date(2026, 2, 1))
    words = {"arm_even": one, "arm_ramp": two, "arm_zero": NONE, "arms": f"even={one},ramp={two}"}
    none = {"arm_even": NONE, "arm_ramp": NONE, "arm_zero": NONE, "arms": ""}
    assert sorted(got, key=lambda row: row["contract_id"]) == [
        {"contract_id": "A", "customer_id": "K1", **words},
        {"contract_id": "B", "customer_id": "K1", **words},
        {"contract_id": "C", "customer_id": "K2", **none},
    ]
