"""The cases of somebody absent go to those who have fewest, within the hard rules, and the same way every time."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

from arrears.allocation.rules import AllocationRules
from arrears.desk.redealing import redeal

RULES = AllocationRules.model_validate({"queues": {"phone": {}}})


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
