"""The cases of somebody absent go to those who have fewest, within the hard rules, and the same way every time."""

from __future__ import annotations

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrears.allocation.rules import AllocationRules
from arrears.desk.eligibility import may_have, why_not
from arrears.desk.redealing import redeal

RULES = AllocationRules.model_validate({"queues": {"phone": {}, "field": {"respect_regions": False}, "agency": {}}})


def case(number: int, **values: Any) -> Any:
    return SimpleNamespace(
        **{
            "case_id": f"C{number:03d}",
            "queue": "phone",
            "work_order": number,
            "region": None,
            "language": None,
            "min_seniority": None,
            "excluded_collectors": None,
            **values,
        }
    )


def person(collector_id: str, **values: Any) -> Any:
    return SimpleNamespace(
        **{
            "collector_id": collector_id,
            "skills": None,
            "regions": None,
            "languages": None,
            "seniority": None,
            "capacity": None,
            **values,
        }
    )


def dealt(cases: list[Any], people: list[Any], in_hand: dict[str | None, int] | None = None) -> dict[str, str | None]:
    return {each.case.case_id: each.to for each in redeal(RULES, cases, people, in_hand or {})}


def test_who_is_short_of_cases_is_filled_up_first():
    found = dealt([case(i) for i in range(6)], [person("E1"), person("E2"), person("E3")], {"E1": 4, "E2": 1})
    counts = {who: list(found.values()).count(who) + had for who, had in (("E1", 4), ("E2", 1), ("E3", 0))}
    assert counts == {"E1": 4, "E2": 4, "E3": 3}


def test_hard_rules_and_capacity_hold_and_the_rest_goes_to_the_pool():
    people = [person("E1", regions="SH", capacity=1), person("E2", seniority=1, excluded=None)]
    cases = [
        case(1, region="SH", excluded_collectors="E2"),
        case(2, region="SH", excluded_collectors="E2"),
        case(3, min_seniority=2),
        case(4, region="BJ"),
    ]
    assert dealt(cases, people) == {"C001": "E1", "C002": None, "C003": None, "C004": "E2"}


def test_nobody_there_leaves_all_to_the_pool():
    assert set(dealt([case(1), case(2)], []).values()) == {None}


def test_the_order_of_the_input_does_not_matter():
    cases = [case(i, region=random.Random(i).choice(["SH", "BJ", None])) for i in range(50)]
    people = [person(f"E{i}", regions=("SH", "BJ", None)[i % 3]) for i in range(7)]
    first = dealt(cases, people)
    for seed in range(5):
        mixed, others = cases.copy(), people.copy()
        random.Random(seed).shuffle(mixed)
        random.Random(seed).shuffle(others)
        assert dealt(mixed, others) == first


def test_who_could_have_any_case_leaves_room_for_those_whom_nobody_else_may_have():
    people = [person("E1", capacity=1), person("E2", regions="BJ", capacity=1)]
    assert dealt([case(1, region="BJ"), case(2, region="SH")], people) == {"C001": "E2", "C002": "E1"}


def test_the_best_cases_are_given_by_queue_as_the_rules_serve_them():
    cases = [case(1, queue="agency"), case(2, queue="field"), case(3), case(4), case(5, queue="unheard_of")]
    assert dealt(cases, [person("E1", capacity=2)]) == {
        "C003": "E1",
        "C004": "E1",
        "C002": None,
        "C001": None,
        "C005": None,
    }


def some_floor(seed: int) -> tuple[list[Any], list[Any], dict[str | None, int]]:
    """Cases and people of all sorts, and what the people have in hand."""
    draws = random.Random(seed)
    cases = [
        case(
            number,
            queue=draws.choice(["phone", "phone", "field"]),
            region=draws.choice([None, "", " SH ", "BJ"]),
            language=draws.choice([None, None, "zh", "yue"]),
            min_seniority=draws.choice([None, None, 0, 2]),
            excluded_collectors=draws.choice([None, None, "E1", "E11,E2", "E9"]),
        )
        for number in range(draws.randint(0, 40))
    ]
    people = [
        person(
            f"E{number}",
            skills=draws.choice([None, "phone", "field, phone"]),
            regions=draws.choice([None, "SH", "BJ, SH"]),
            languages=draws.choice([None, "zh", "zh,yue"]),
            seniority=draws.choice([None, 1, 3]),
            capacity=draws.choice([None, 0, 5, 9]),
        )
        for number in range(draws.randint(0, 12))
    ]
    return cases, people, {each.collector_id: draws.randint(0, 8) for each in people if draws.random() < 0.8}


@given(st.integers(0, 2**32 - 1))
def test_hard_rules_hold_and_it_is_as_full_and_even_as_dealing_one_by_one(seed: int) -> None:
    cases, people, in_hand = some_floor(seed)
    found = dealt(cases, people, in_hand)
    assert sorted(found) == sorted(each.case_id for each in cases)
    by_id = {each.collector_id: each for each in people}
    loads = Counter({each.collector_id: in_hand.get(each.collector_id, 0) for each in people})
    one_by_one, given_one_by_one = loads.copy(), 0
    for each in sorted(cases, key=lambda one: (one.queue != "phone", one.work_order)):
        to = found[each.case_id]
        if to is not None:
            assert why_not(each, by_id[to], RULES.queue(each.queue)) is None
            loads[to] += 1
        fit = [
            one.collector_id
            for one in people
            if why_not(each, one, RULES.queue(each.queue)) is None
            and (one.capacity is None or one_by_one[one.collector_id] < one.capacity)
        ]
        if fit:
            one_by_one[min(fit, key=lambda who: (one_by_one[who], who))] += 1
            given_one_by_one += 1
    number = sum(to is not None for to in found.values())
    assert number >= given_one_by_one
    if number == given_one_by_one:
        assert sum(load**2 for load in loads.values()) <= sum(load**2 for load in one_by_one.values())
    for who, load in loads.items():
        capacity = by_id[who].capacity
        assert capacity is None or load <= max(capacity, in_hand.get(who, 0))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_asked_of_many_at_once_is_what_is_asked_of_one(seed: int) -> None:
    cases, people, _ = some_floor(seed)
    if cases:
        assert may_have(RULES, cases, people).tolist() == [
            [why_not(each, one, RULES.queue(each.queue)) is None for one in people] for each in cases
        ]
