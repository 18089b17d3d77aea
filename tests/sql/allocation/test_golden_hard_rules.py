"""Languages, seniority, teams, conflicts, reserve and combined modes: a small table in, a small table out."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from tests.support import allocation_kit as kit

from arrears.allocation.fairness import FAIRNESS
from arrears.allocation.steps import allocate_cases
from arrears.sqlmodel import run_model
from arrears.warehouse.mart import AllocationFairness

TODAY = date(2026, 11, 23)


@pytest.fixture
def given(allocation_days: Any) -> Any:
    """Allocates a past day under changes of the rules of the queue phone: rows, result, and a reader of its lake."""

    def allocate(case_rows: Any, collector_rows: Any, changes: str = "", more: str = "", **options: Any) -> Any:
        rules = f"defaults: {{remainder: spread}}\nqueues: {{phone: {{{changes}}}, field: {{}}}}\n{more}"
        with allocation_days.day(case_rows, collector_rows, today=TODAY, rules=rules, **options) as run:
            result = allocate_cases(run)
            tables = ("assignment", "collector_share", "allocation_fairness")
            return {table: kit.read(run, table) for table in tables}, result

    return allocate


def counts(tables: Any) -> dict[str | None, int]:
    return dict(Counter(row["collector_id"] for row in tables["assignment"]))


def limits(tables: Any) -> dict[str, str]:
    return {row["collector_id"]: row["limited_by"] for row in tables["collector_share"]}


@pytest.mark.parametrize(
    ("language", "languages", "gets"),
    [("en", None, True), ("en", "", True), ("en", "zh, en", True), ("en", "zh", False), (None, "zh", True)],
)
def test_languages_bind_unless_one_side_is_unknown(given, language, languages, gets):
    tables, result = given(kit.cases(2, language=language), [kit.collector("E1", languages=languages)])
    assert counts(tables) == ({"E1": 2} if gets else {None: 2})
    assert result.warnings == (
        [] if gets else ["queue phone: nobody at work speaks their language; 2 cases are in the grab pool"]
    )
    assert {row["language"] for row in tables["assignment"]} == {language}


def test_a_queue_may_ignore_languages(given):
    staff = [kit.collector("E1", languages="zh")]
    tables, _ = given(kit.cases(2, language="en"), staff, "respect_languages: false")
    assert counts(tables) == {"E1": 2}
    assert {row["language"] for row in tables["assignment"]} == {None}


SENIOR = "senior_from: [{amount: 500, seniority: 2}, {amount: 5000, seniority: 3}]"


def test_large_amounts_go_to_those_who_are_senior_enough(given):
    many = [kit.case("C1", overdue_amount="499.99"), kit.case("C2", overdue_amount="500.00")]
    many += [kit.case("C3", overdue_amount="5000.00"), kit.case("C4", overdue_amount="4999.99")]
    staff = [kit.collector("E1"), kit.collector("E2", seniority=2), kit.collector("E3", seniority=1)]
    tables, result = given(many, staff, SENIOR)
    owners = {row["customer_id"]: row["collector_id"] for row in tables["assignment"]}
    assert owners["C2"] == owners["C4"] == "E2"
    assert owners["C3"] is None
    assert owners["C1"] in ("E1", "E3")
    assert {row["customer_id"]: row["min_seniority"] for row in tables["assignment"]} == {
        "C1": None, "C2": 2, "C3": 3, "C4": 2,
    }  # fmt: skip
    assert result.warnings == [
        "queue phone: nobody at work is senior enough for their amount; 1 cases are in the grab pool"
    ]
    assert limits(tables)["E3"] == "seniority"


def test_seniority_rests_while_nobody_has_one(given):
    tables, result = given(kit.cases(4, overdue_amount="9000.00"), [kit.collector("E1"), kit.collector("E2")], SENIOR)
    assert counts(tables) == {"E1": 2, "E2": 2}
    assert {row["min_seniority"] for row in tables["assignment"]} == {None}
    assert result.warnings == ["allocation.yaml: senior_from of phone rests, as no collector has a seniority"]


def test_a_queue_of_some_teams_is_for_them_alone(given):
    staff = [kit.collector("E1"), kit.collector("E2", team="T2"), kit.collector("E3", None, team="T2")]
    tables, result = given(kit.cases(4), staff, "teams: [T2, T22]")
    assert counts(tables) == {"E2": 2, "E3": 2}
    assert result.warnings == ["allocation.yaml, queue phone: no team 'T22' in the ledger; did you mean 'T2'?"]


CONFLICTS = """
conflicts:
  - {collectors: [E1], customers: [C0001], why: related}
  - {teams: [T2], dealers: [D7], why: complaint}
  - {collectors: [E22], customers: [C0003], why: related}
"""


def test_nobody_gets_whom_he_must_not_get(given):
    staff = [kit.collector("E1"), kit.collector("E2", team="T2"), kit.collector("E3")]
    contracts = [{"contract_id": f"K{n}", "customer_id": "C0002", "dealer_id": d} for n, d in enumerate(("D1", "D7"))]
    for first in range(1, 5):
        many = kit.cases(5, first=first)
        tables, result = given(many, staff, more=CONFLICTS, contract_rows=contracts)
        assert sorted(counts(tables).values()) == [1, 2, 2]
        pairs = {(row["collector_id"], row["customer_id"]) for row in tables["assignment"]}
        assert not pairs & {("E1", "C0001"), ("E2", "C0002")}
        excluded = {row["customer_id"]: row["excluded_collectors"] for row in tables["assignment"]}
        assert excluded.get("C0001", "E1") == "E1"
        assert excluded.get("C0002", "E2") == "E2"
        assert result.warnings == ["allocation.yaml, conflict 3: no collector 'E22' in the ledger; did you mean 'E2'?"]


def test_a_case_that_everybody_must_not_have_goes_to_the_pool(given):
    more = "conflicts: [{teams: [T1], customers: [C0002], why: related}]"
    tables, result = given(kit.cases(3), [kit.collector("E1"), kit.collector("E2")], more=more)
    assert {row["customer_id"]: row["reason"] for row in tables["assignment"] if row["collector_id"] is None} == {
        "C0002": "everybody_excluded"
    }
    assert len(result.warnings) == 1


def test_a_reserve_share_of_the_least_urgent_is_kept_for_the_pool(given):
    tables, _ = given(kit.cases(11), [kit.collector("E1"), kit.collector("E2")], "reserve_share: 0.2")
    left = [row for row in tables["assignment"] if row["collector_id"] is None]
    assert [(row["customer_id"], row["reason"]) for row in left] == [("C0010", "reserve"), ("C0011", "reserve")]
    assert sorted(counts(tables).values()) == [2, 4, 5]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # the quotas first, then the others are levelled
        ("mode: [quota, level]", {"E1": 6, "E2": 1, "E3": 3, "E4": 2}),
        ("mode: [quota, level], quota_binds: false", {"E1": 6, "E2": 2, "E3": 2, "E4": 2}),
        ("mode: [quota, even]", {"E1": 6, "E2": 1, "E3": 3, "E4": 2}),
        ("mode: level", {"E1": 4, "E2": 1, "E3": 4, "E4": 3}),
        ("mode: quota", {"E1": 6, "E2": 1, None: 5}),
    ],
)
def test_quota_first_and_the_rest_level(given, changes, expected):
    staff = [kit.collector("E1", daily_quota=6), kit.collector("E2", daily_quota=1), kit.collector("E3")]
    tables, _ = given(kit.cases(12), [*staff, kit.collector("E4")], changes)
    assert counts(tables) == expected
    assert {row["reason"] for row in tables["assignment"] if row["collector_id"]} == {
        changes.split("mode: ")[1].split("], ")[0].strip("[]").replace(", ", "_") + "_split"
    }


@pytest.mark.parametrize(("quota", "gets"), [(0, 0), (3, 3), (99, 4)])
def test_a_quota_of_nothing_and_one_beyond_the_cases(given, quota, gets):
    staff = [kit.collector("E1", daily_quota=quota), kit.collector("E2")]
    tables, _ = given(kit.cases(4), staff, "mode: [quota, even]")
    assert counts(tables).get("E1", 0) == gets
    assert counts(tables).get("E2", 0) == 4 - gets


def test_equally_difficult_cases_go_to_everyone(given):
    """40 easy ones are all more urgent than 40 hard ones; each has 20 of both."""
    many = kit.cases(40, bucket="M1", band="high", **{"class": "low"}, priority=90)
    many += kit.cases(40, first=41, bucket="M5", band="low", **{"class": "high"}, priority=10)
    more = "expected: {low: {high: 0.9}, high: {low: 0.1, otherwise: 0.2}}"
    tables, _ = given(many, [kit.collector("E1"), kit.collector("E2")], more=more)
    hard = Counter(row["collector_id"] for row in tables["assignment"] if row["customer_id"] > "C0040")
    assert hard == {"E1": 20, "E2": 20}
    figures = {(row["measure"], row["moment"]): row for row in tables["allocation_fairness"]}
    assert str(figures["difficulty", "after"]["mean"]) == "50.0000"
    assert figures["exposure", "after"]["highest"] == 0
    assert figures["cases", "before"]["highest"] == 0


def test_everybody_is_told_what_keeps_him_from_more(given):
    many = kit.cases(20, region="SH", language="zh")
    staff = [
        kit.collector("E1", capacity=2),
        kit.collector("E2", daily_quota=3),
        kit.collector("E3", regions="BJ"),
        kit.collector("E4", languages="en"),
        kit.collector("E5", present=False),
        kit.collector("E6"),
        kit.collector("E7"),
        kit.collector("E8", "field"),
    ]
    tables, _ = given(many, staff)
    assert limits(tables) == {
        "E1": "capacity", "E2": "quota", "E3": "regions", "E4": "languages", "E5": "absent", "E6": "", "E7": "",
    }  # fmt: skip
    shares = {row["collector_id"]: row for row in tables["collector_share"]}
    assert [shares[who]["cases"] for who in ("E1", "E2", "E6", "E7")] == [2, 3, 8, 7]
    assert str(shares["E6"]["overdue_amount"]) == "8000.00"
    assert str(shares["E6"]["even_share"]) == "3.3333"


def test_the_fact_of_fairness_has_the_figures_of_the_split(allocation_days):
    many = [kit.case(f"C{n}", overdue_amount=f"{n}.50") for n in range(1, 6)]
    staff = [kit.collector("E1"), kit.collector("E2"), kit.collector("E3", present=False)]
    with allocation_days.day(many, staff, today=TODAY) as run:
        allocate_cases(run)
        run_model(
            run,
            "kpi/allocation_fairness",
            table="kpi/allocation_fairness",
            params={"basis": run.day.basis},
            sources={"split_fairness": FAIRNESS},
        )
        rows = kit.read(run, "kpi/allocation_fairness")
    assert list(rows[0]) == [column.name for column in AllocationFairness.__table__.columns]
    found = {(row["measure"], row["moment"]): row for row in rows}
    assert {name for name, _ in found} == {"cases", "overdue_amount", "expected_recovery", "difficulty", "exposure"}
    # four are given, the fifth is what cannot be given evenly
    amounts = found["overdue_amount", "after"]
    assert (amounts["collectors"], str(amounts["lowest"]), str(amounts["highest"])) == (2, "8.0000", "8.0000")
    assert str(found["cases", "after"]["mean"]) == "2.0000"
    assert {row["highest"] for row in rows if row["moment"] == "before"} == {0}
