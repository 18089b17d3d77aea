"""Floors of collectors and their cases, made for tests; and a judge who knows the hard rules and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from arrears.allocation.problem import Problem, make_problem
from arrears.allocation.roster import Roster
from arrears.allocation.rules import QueueRules
from arrears.allocation.split import Split, split_cases

Row = Mapping[str, Any]

DEMAND = pa.schema(
    [
        ("customer_id", pa.string()),
        ("queue", pa.string()),
        ("position", pa.int32()),
        ("work_order", pa.int32()),
        ("region", pa.string()),
        ("language", pa.string()),
        ("min_seniority", pa.int32()),
        ("bucket", pa.string()),
        ("band", pa.string()),
        ("cents", pa.int64()),
        ("expected_cents", pa.int64()),
        ("difficulty", pa.int64()),
        ("owner", pa.string()),
        ("by_hand", pa.bool_()),
        ("promised", pa.bool_()),
        ("released", pa.string()),
    ]
)
EXCLUSION = pa.schema([("customer_id", pa.string()), ("collector_id", pa.string()), ("kind", pa.string())])
COLLECTORS = pa.schema(
    [
        ("collector_id", pa.string()),
        ("team", pa.string()),
        ("skills", pa.string()),
        ("regions", pa.string()),
        ("languages", pa.string()),
        ("seniority", pa.int32()),
        ("daily_quota", pa.int32()),
        ("capacity", pa.int32()),
        ("at_work", pa.bool_()),
    ]
)
TRAINED = pa.schema(
    [("queue", pa.string()), ("collector_id", pa.string()), ("at_work", pa.bool_()), ("queue_quota", pa.int64())]
)


def demand_row(number: int, queue: str = "phone", **values: Any) -> dict[str, Any]:
    """A case of `allocation/demand`; its place in the queue is filled in later."""
    return {
        "customer_id": f"C{number:06d}",
        "queue": queue,
        "bucket": "M2",
        "band": "",
        "cents": 100_000,
        "expected_cents": 50_000,
        "difficulty": 5_000,
        "by_hand": False,
        "promised": False,
        **values,
    }


def collector_row(number: int, skills: str | None = "phone", **values: Any) -> dict[str, Any]:
    """A collector without limits."""
    return {"collector_id": f"E{number:04d}", "skills": skills, "team": "T1", "at_work": True, **values}


def problem_of(
    rules: Mapping[str, QueueRules], cases: Sequence[Row], collectors: Sequence[Row], exclusions: Iterable[Row] = ()
) -> Problem:
    """The problem of some rows; cases are worked in the order of their ids."""
    queues = list(rules)
    ordered = {queue: sorted(row["customer_id"] for row in cases if row["queue"] == queue) for queue in queues}
    place = {each: number for mine in ordered.values() for number, each in enumerate(mine, start=1)}
    demand = [
        {**row, "position": queues.index(row["queue"]) + 1, "work_order": place[row["customer_id"]]} for row in cases
    ]
    trained = [
        {"queue": queue, "collector_id": row["collector_id"], "at_work": row["at_work"]}
        for queue in queues
        for row in collectors
        if row["skills"] is None or queue in row["skills"].split(",")
    ]
    staff = pa.Table.from_pylist([dict(row) for row in collectors], schema=COLLECTORS).sort_by("collector_id")
    roster = Roster(staff, pa.Table.from_pylist(trained, schema=TRAINED), frozenset())
    return make_problem(
        rules,
        pa.Table.from_pylist(demand, schema=DEMAND),
        pa.Table.from_pylist([dict(row) for row in exclusions], schema=EXCLUSION),
        roster,
    )


def owners_of(problem: Problem, split: Split) -> dict[str, str | None]:
    """Customer → collector; None: the pool."""
    return {
        customer: None if owner < 0 else str(problem.staff.ids[owner])
        for customer, owner in zip(problem.customers.to_pylist(), split.owner.tolist(), strict=True)
    }


def split_of(
    rules: Mapping[str, QueueRules], cases: Sequence[Row], collectors: Sequence[Row], exclusions: Iterable[Row] = ()
) -> dict[str, str | None]:
    """Who gets what."""
    problem = problem_of(rules, cases, collectors, list(exclusions))
    return owners_of(problem, split_cases(problem.rules, problem.cases, problem.staff))


def may_have(collector: Row, case: Row, shut: set[tuple[str, str]]) -> bool:
    """Whether the hard rules but the limits let a collector have a case. Written for the eye, not for speed."""

    def listed(text: str | None, wanted: str | None) -> bool:
        return text is None or wanted is None or wanted in text.split(",")

    return (
        collector["at_work"]
        and listed(collector["skills"], case["queue"])
        and listed(collector.get("regions"), case.get("region"))
        and listed(collector.get("languages"), case.get("language"))
        and (collector.get("seniority") or 0) >= (case.get("min_seniority") or 0)
        and (case["customer_id"], collector["collector_id"]) not in shut
    )


def broken_rules(
    cases: Sequence[Row],
    collectors: Sequence[Row],
    shut: set[tuple[str, str]],
    owners: Mapping[str, str | None],
    *,
    quotas: bool = True,
) -> list[str]:
    """Every hard rule that a split breaks, in words; none for a good one."""
    staff = {row["collector_id"]: row for row in collectors}
    found = []
    hands: Counter[str] = Counter()
    given: Counter[str] = Counter()
    for case in cases:
        owner = owners[case["customer_id"]]
        if owner is None:
            continue
        if not may_have(staff[owner], case, shut):
            found.append(f"{owner} must not have {case['customer_id']}")
        hands[owner] += 1
        given[owner] += not (case["by_hand"] and not case.get("released") and case.get("owner") == owner)
    for who, row in staff.items():
        if row.get("capacity") is not None and hands[who] > row["capacity"]:
            found.append(f"{who} has {hands[who]} cases and room for {row['capacity']}")
        if quotas and row.get("daily_quota") is not None and given[who] > row["daily_quota"]:
            found.append(f"{who} was given {given[who]} cases with a quota of {row['daily_quota']}")
    return found


def large_floor(
    seed: int, cases: int, collectors: int, queues: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Cases and collectors of a large lender: log-normal amounts, 31 regions, three languages, four seniorities.

    Three of ten collectors know a second queue, seven of ten work 6 to 15 regions, a tenth is away; some have quotas,
    most a capacity.
    """
    draws = np.random.default_rng(seed)
    names = [f"queue_{number:02d}" for number in range(queues)]
    regions = [f"R{number:02d}" for number in range(31)]
    languages = ["zh", "en", "ru"]
    cents = (draws.lognormal(9.0, 1.0, cases) * 100).astype(np.int64)
    queue, region = draws.integers(0, queues, cases), draws.integers(0, 32, cases)
    language = draws.choice(4, cases, p=[0.82, 0.1, 0.03, 0.05])
    bucket, band = draws.integers(1, 7, cases), draws.integers(0, 4, cases)
    share = 9_500 - 1_300 * bucket - 400 * band
    rows = [
        demand_row(
            number,
            names[queue[number]],
            region=regions[region[number]] if region[number] < 31 else None,
            language=languages[language[number]] if language[number] < 3 else None,
            bucket=f"M{bucket[number]}",
            band=("high", "medium", "low", "")[band[number]],
            cents=int(cents[number]),
            expected_cents=int(cents[number] * share[number] // 10_000),
            difficulty=int(10_000 - share[number]),
            min_seniority=3 if cents[number] > 6_000_000 else 2 if cents[number] > 3_000_000 else None,
        )
        for number in range(cases)
    ]
    staff = []
    each = cases / collectors
    for number in range(collectors):
        home = number % queues
        also = [home, int(draws.integers(0, queues))] if draws.random() < 0.3 else [home]
        some = draws.choice(31, int(draws.integers(6, 16)), replace=False)
        staff.append(
            collector_row(
                number,
                ",".join(dict.fromkeys(names[at] for at in also)),
                regions=",".join(regions[at] for at in some) if draws.random() < 0.7 else None,
                languages=("zh,en,ru", "zh,en", "zh", "zh")[number % 4] if draws.random() < 0.9 else None,
                seniority=int(draws.integers(1, 4)) if draws.random() < 0.95 else None,
                daily_quota=int(each * draws.uniform(0.5, 1.6)) if draws.random() < 0.2 else None,
                capacity=int(each * draws.uniform(1.1, 2.5)) if draws.random() < 0.9 else None,
                at_work=bool(draws.random() > 0.1),
            )
        )
    return rows, staff
