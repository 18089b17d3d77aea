"""The invented collectors: teams per queue, with skills, regions, languages, seniority, quotas and absences.

Labels, no names of people. `skills`, `regions` and `languages` are lists in one text, comma separated without blanks:
the queues that the collector works, the region codes, and what he speaks; NULL means all of them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from arrears.demo.lender.world import LANGUAGES, REGIONS
from arrears.ledger.contract import arrow_schema

_TEAM_SIZE = 12
_FEWEST = 3
"""Collectors in a queue at least: with one of them absent, two are there."""


@dataclass(frozen=True)
class QueuePlan:
    """How a queue is staffed per 20,000 contracts; without a quota the queue is split evenly and leaves no pool."""

    queue: str
    heads: int
    quota: int | None
    capacity: int
    also: tuple[str, ...] = ()
    """Further queues that its collectors are trained for."""
    regional: bool = False
    seniority: int = 1
    """Of its newest; every second and third collector has more."""


PLANS = (
    QueuePlan("reminder", 10, 55, 240),
    QueuePlan("phone", 8, 45, 180, also=("reminder",)),
    QueuePlan("phone_senior", 4, 12, 80, seniority=2),
    QueuePlan("field", 4, 6, 30, regional=True, seniority=2),
    QueuePlan("agency", 3, 12, 120),
    QueuePlan("legal", 3, None, 60),
)
"""The generated lender's: quotas are below the work, so that a grab pool of some hundred cases is left."""

TEAM_PLANS = (
    QueuePlan("reminder", 6, 35, 140),
    QueuePlan("phone", 5, 14, 80),
    QueuePlan("phone_senior", 3, None, 60, seniority=2),
    QueuePlan("field", 3, 10, 30, regional=True, seniority=2),
    QueuePlan("agency", 3, 10, 100),
    QueuePlan("legal", 3, None, 60),
)
"""A team for a ledger that has no collectors and some 450 overdue cases."""

_LENDER_SIZE = 20_000


def collector_ids(contracts: int) -> list[str]:
    """Keys of the collectors of a generated lender with so many contracts."""
    return [f"E{number:05d}" for number in range(1, sum(_heads(plan, contracts) for plan in PLANS) + 1)]


def lender_collectors(as_of: date, contracts: int) -> pa.Table:
    """The collectors of a generated lender with so many contracts, in the contract's columns."""
    return _table(PLANS, contracts, as_of, [region.code for region in REGIONS], LANGUAGES)


def demo_collectors(as_of: date, regions: Sequence[str] | None = None) -> pa.Table:
    """A demo team for somebody's own ledger, in the contract's columns.

    `regions`: the ledger's region codes, which the field collectors share; None leaves them without a region, so
    that everybody works everywhere. Languages are left open.
    """
    return _table(TEAM_PLANS, _LENDER_SIZE, as_of, sorted(set(regions)) if regions else [], [])


def write_collectors(path: Path, as_of: date, regions: Sequence[str] | None = None) -> int:
    """Writes `demo_collectors` as CSV; how many they are."""
    rows = demo_collectors(as_of, regions).to_pylist()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, arrow_schema("collectors").names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "present": str(row["present"]).lower()} for row in rows)
    return len(rows)


def _heads(plan: QueuePlan, contracts: int) -> int:
    return max(_FEWEST, round(plan.heads * contracts / _LENDER_SIZE))


def _quota(plan: QueuePlan, contracts: int) -> int | None:
    # small lenders have the fewest heads, who then share what the plan's heads would do
    if plan.quota is None:
        return None
    return max(1, round(plan.quota * plan.heads * contracts / _LENDER_SIZE / _heads(plan, contracts)))


def _table(
    plans: Sequence[QueuePlan], contracts: int, as_of: date, regions: Sequence[str], languages: Sequence[str]
) -> pa.Table:
    month = as_of.replace(day=1)
    rows: list[dict[str, Any]] = []
    for plan in plans:
        heads = _heads(plan, contracts)
        for position in range(heads):
            number = len(rows) + 1
            # about one in eight is away; the day decides who, and never more than one of three
            away = (position + as_of.toordinal()) % 8 == 0 and heads - _absent(heads, as_of) >= 2
            # every third knows a further queue
            skills = (plan.queue, *plan.also) if position % 3 == 2 else (plan.queue,)
            shared = regions[position % heads :: heads] if plan.regional and regions else []
            rows.append(
                {
                    "collector_id": f"E{number:05d}",
                    "name": f"Collector {number:02d}",
                    "team": f"{plan.queue}-{position // _TEAM_SIZE + 1}",
                    "skills": ",".join(skills),
                    "regions": ",".join(shared) or None,
                    # whoever of three is away, one is there who speaks all; those on the road all do
                    "languages": ",".join(languages if position % 3 or shared else languages[:1]) or None,
                    "seniority": plan.seniority + position % 3,
                    "daily_quota": _quota(plan, contracts),
                    "capacity": plan.capacity,
                    "active_from": month - timedelta(days=90 + number * 37 % 1500),
                    "active_to": None,
                    "present": not away,
                }
            )
    return pa.Table.from_pylist(rows, schema=arrow_schema("collectors"))


def _absent(heads: int, as_of: date) -> int:
    return sum((position + as_of.toordinal()) % 8 == 0 for position in range(heads))
