"""What holds for every allocation: nothing lost, no hard rule broken, even counts, the same for shuffled input."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import allocation_kit as kit

from arrears.allocation.steps import allocate_cases

TODAY = date(2026, 11, 23)
QUEUES = ("field", "phone", "reminder")
REGIONS = (None, "SH", "BJ", "GZ")

cases_strategy = st.lists(
    st.tuples(st.sampled_from((*QUEUES, "none")), st.sampled_from(REGIONS), st.integers(1, 5)), max_size=60
)
limits = st.one_of(st.none(), st.integers(0, 12))
lists = st.one_of(st.none(), st.lists(st.sampled_from(("SH", "BJ", "GZ")), min_size=1, max_size=2, unique=True))
skills = st.one_of(st.none(), st.lists(st.sampled_from(QUEUES), min_size=1, max_size=3, unique=True))
collectors_strategy = st.lists(
    st.tuples(skills, lists, limits, limits, st.sampled_from((None, True, True, False))), max_size=8
)


@pytest.mark.parametrize("remainder", ["pool", "spread"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(many=cases_strategy, staff=collectors_strategy, seed=st.integers(0, 1000))
def test_every_allocation(allocation_days: Any, remainder: str, many: Any, staff: Any, seed: int) -> None:
    cases = [
        kit.case(f"C{i:03d}", queue, region=region, priority=priority)
        for i, (queue, region, priority) in enumerate(many)
    ]
    collectors = [
        {
            "collector_id": f"E{i}",
            "skills": None if queues is None else ",".join(queues),
            "regions": None if regions is None else ",".join(regions),
            "daily_quota": quota,
            "capacity": capacity,
            "present": present,
        }
        for i, (queues, regions, quota, capacity, present) in enumerate(staff)
    ]
    queues = "{field: {}, phone: {}, reminder: {respect_regions: false}}"
    rules = f"defaults: {{remainder: {remainder}}}\nqueues: {queues}"

    def allocate(case_rows: Any, collector_rows: Any) -> Any:
        with allocation_days.day(case_rows, collector_rows, today=TODAY, rules=rules) as run:
            result = allocate_cases(run)
            return kit.read(run, "assignment"), result.figures

    rows, figures = allocate(cases, collectors)

    # conservation: what is given and what is pooled are the eligible cases, each once
    eligible = {case["customer_id"]: case for case in cases if case["queue"] != "none"}
    assert Counter(row["customer_id"] for row in rows) == Counter(eligible.keys())
    assert figures["assigned"] + figures["pool"] == figures["cases"] == len(eligible)

    # hard rules
    by_id = {each["collector_id"]: each for each in collectors}
    in_hand = Counter(row["collector_id"] for row in rows if row["collector_id"] is not None)
    for row in rows:
        if row["collector_id"] is not None:
            assert may_have(by_id[row["collector_id"]], eligible[row["customer_id"]])
    for collector_id, number in in_hand.items():
        for limit in ("daily_quota", "capacity"):
            assert by_id[collector_id][limit] is None or number <= by_id[collector_id][limit]

    # even: two collectors of a queue with the same regions and no limit differ by one at most, by none under pool
    for queue in QUEUES:
        shares = Counter(row["collector_id"] for row in rows if row["queue"] == queue)
        equals: dict[Any, set[int]] = {}
        for each in collectors:
            unlimited = each["daily_quota"] is None and each["capacity"] is None
            if unlimited and trained(each, queue) and each["present"] is not False:
                regions = None if queue == "reminder" else each["regions"] and frozenset(each["regions"].split(","))
                equals.setdefault(regions, set()).add(shares[each["collector_id"]])
        for found in equals.values():
            assert max(found) - min(found) <= (0 if remainder == "pool" else 1)

    # spread leaves nothing that somebody without a limit may have
    if remainder == "spread":
        free = [each for each in collectors if each["daily_quota"] is None and each["capacity"] is None]
        for row in rows:
            if row["collector_id"] is None:
                assert not any(may_have(each, eligible[row["customer_id"]]) for each in free)

    # what is left in a queue and region is less urgent than what is given there
    for queue in QUEUES:
        for region in REGIONS:
            mine = [r for r in rows if r["queue"] == queue and eligible[r["customer_id"]].get("region") == region]
            given_orders = [r["work_order"] for r in mine if r["collector_id"] is not None]
            left_orders = [r["work_order"] for r in mine if r["collector_id"] is None]
            if given_orders and left_orders and queue != "reminder":
                assert max(given_orders) < min(left_orders)

    # the same for shuffled input
    shuffle = random.Random(seed)
    assert allocate(shuffle.sample(cases, len(cases)), shuffle.sample(collectors, len(collectors))) == (rows, figures)


def trained(collector: Any, queue: str) -> bool:
    return collector["skills"] is None or queue in collector["skills"].split(",")


def may_have(collector: Any, case: Any) -> bool:
    """Whether the hard rules but the limits let a collector have a case."""
    regions = collector["regions"]
    region_fits = (
        case["queue"] == "reminder" or case["region"] is None or regions is None or case["region"] in regions.split(",")
    )
    return collector["present"] is not False and trained(collector, case["queue"]) and region_fits
