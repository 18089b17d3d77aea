"""The split: from who is at work and what is to be given to a plan that SQL deals the cases by.

Quotas and capacities bind over all queues of a collector. `daily_quota` limits the cases that the allocation gives
him for the day, those that he keeps from before among them; what he grabbed or was handed by a person comes on top.
`capacity` limits all cases in hand. Queues are served in the order of the rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from arrears.allocation.levelling import Counts, Crew, Levelled, level_crews
from arrears.allocation.rules import QueueRules

NOBODY_PRESENT = "nobody_present"
NO_COLLECTOR_FOR_REGION = "no_collector_for_region"
LIMITS_REACHED = "limits_reached"
REMAINDER = "remainder"

_REGION_PLAN = pa.schema(
    [
        ("queue", pa.string()),
        ("region", pa.string()),
        ("given", pa.int64()),
        ("stride", pa.int64()),
        ("reason", pa.string()),
    ]
)
_CREW_SHARE = pa.schema(
    [
        ("queue", pa.string()),
        ("region", pa.string()),
        ("crew", pa.int32()),
        ("first_place", pa.int64()),
        ("end_place", pa.int64()),
    ]
)
_SEATS = pa.schema([("queue", pa.string()), ("crew", pa.int32()), ("seat", pa.int64()), ("collector_id", pa.string())])


@dataclass(frozen=True)
class Collector:
    """A collector in one queue: who he is, the regions he may work (None: all), and his limits (None: none)."""

    collector_id: str
    regions: frozenset[str] | None
    daily_quota: int | None
    capacity: int | None
    queue_quota: int | None = None
    """Cases of this queue that he is given today, set by hand; it takes the place of the daily quota."""


@dataclass(frozen=True)
class QueueDemand:
    """What is to be given in one queue."""

    regions: Sequence[str]
    """The region of each free case in the order of work; empty text: unknown, anyone may have it."""
    kept: Mapping[str, int]
    """Cases that collectors keep in this queue."""


@dataclass
class Hands:
    """What collectors hold so far, over all queues."""

    all: dict[str, int] = field(default_factory=dict)
    by_hand: dict[str, int] = field(default_factory=dict)
    """Of these the ones that they took, or that a person gave them."""

    def add(self, collector_id: str, cases: int, *, by_hand: int = 0) -> None:
        """Puts `cases` more into somebody's hands."""
        self.all[collector_id] = self.all.get(collector_id, 0) + cases
        self.by_hand[collector_id] = self.by_hand.get(collector_id, 0) + by_hand

    def room(self, collector: Collector, at_most: int, kept: int) -> int:
        """How many more cases the collector may be given in a queue of which he keeps so many."""
        held = self.all.get(collector.collector_id, 0)
        given = held - self.by_hand.get(collector.collector_id, 0)
        room = at_most
        if collector.queue_quota is not None:
            room = min(room, collector.queue_quota - kept)
        elif collector.daily_quota is not None:
            room = min(room, collector.daily_quota - given)
        if collector.capacity is not None:
            room = min(room, collector.capacity - held)
        return max(0, room)


@dataclass(frozen=True)
class SplitPlan:
    """The plan that `allocation/assignment.sql` deals by."""

    region_plan: pa.Table
    """queue, region → how many of its free cases are given, the stride of their places, why the rest is not."""
    crew_share: pa.Table
    """queue, region, crew → places [first_place, end_place) that go to the crew."""
    seats: pa.Table
    """queue, crew, seat (from 1) → collector."""

    @property
    def relations(self) -> dict[str, pa.Table]:
        """The plan as relations for the SQL model."""
        return {"region_plan": self.region_plan, "crew_share": self.crew_share, "seats": self.seats}


class _Planner:
    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._regions: list[dict[str, object]] = []
        self._shares: list[dict[str, object]] = []
        self._seats: list[pa.Table] = []

    def plan(self) -> SplitPlan:
        return SplitPlan(
            region_plan=pa.Table.from_pylist(self._regions, schema=_REGION_PLAN),
            crew_share=pa.Table.from_pylist(self._shares, schema=_CREW_SHARE),
            seats=pa.concat_tables([_SEATS.empty_table(), *self._seats]),
        )

    def add(self, queue: str, rules: QueueRules, collectors: Sequence[Collector], demand: QueueDemand) -> None:
        names, indexes = np.unique(np.array(demand.regions, dtype=object).astype(str), return_inverse=True)
        crews = _crews(collectors)
        keys = list(crews)
        eligible = np.array(
            [[name == "" or key is None or name in key for key in keys] for name in names], dtype=np.bool_
        ).reshape(len(names), len(keys))
        hands = [self._crew(members, demand, rules) for members in crews.values()]
        levelled = level_crews(indexes.astype(np.int64), eligible, hands, spread=rules.remainder == "spread")
        for row, name in enumerate(names):
            self._add_region(queue, str(name), row, levelled, eligible)
        for column, (members, crew) in enumerate(zip(crews.values(), hands, strict=True)):
            self._add_seats(queue, column, members, crew, int(levelled.per_crew[column]))

    def _crew(self, members: Sequence[Collector], demand: QueueDemand, rules: QueueRules) -> Crew:
        # a collector's turn: who has less in hand over all queues comes first, then the id
        by_turn = sorted(
            range(len(members)),
            key=lambda i: (self._hands.all.get(members[i].collector_id, 0), members[i].collector_id),
        )
        turn = np.empty(len(members), dtype=np.int64)
        turn[by_turn] = np.arange(len(members))
        # what counts as held when loads are levelled: cases of the queue, or of all queues
        held = self._hands.all if rules.mode == "level" else demand.kept
        return Crew(
            base=np.array([held.get(each.collector_id, 0) for each in members], dtype=np.int64),
            room=np.array([self._room(each, demand, rules) for each in members], dtype=np.int64),
            turn=turn,
        )

    def _room(self, collector: Collector, demand: QueueDemand, rules: QueueRules) -> int:
        if rules.mode == "quota" and collector.daily_quota is None and collector.queue_quota is None:
            return 0
        return self._hands.room(collector, len(demand.regions), demand.kept.get(collector.collector_id, 0))

    def _add_region(self, queue: str, region: str, row: int, levelled: Levelled, eligible: np.ndarray) -> None:
        given = int(levelled.per_region[row])
        mine = eligible[row]
        if not eligible.shape[1]:
            reason = NOBODY_PRESENT
        elif not mine.any():
            reason = NO_COLLECTOR_FOR_REGION
        else:
            reason = LIMITS_REACHED if levelled.full[mine].all() else REMAINDER
        self._regions.append(
            {"queue": queue, "region": region, "given": given, "stride": _stride(given), "reason": reason}
        )
        place = 0
        for crew in np.flatnonzero(levelled.flow[row]):
            end = place + int(levelled.flow[row, crew])
            self._shares.append(
                {"queue": queue, "region": region, "crew": int(crew), "first_place": place, "end_place": end}
            )
            place = end

    def _add_seats(self, queue: str, column: int, members: Sequence[Collector], crew: Crew, total: int) -> None:
        shares = crew.shares(total)
        for member, share in zip(members, shares, strict=True):
            self._hands.add(member.collector_id, int(share))
        if not total:
            return
        who = np.repeat(np.arange(len(members)), shares)
        level = np.concatenate([crew.base[i] + np.arange(shares[i]) for i in range(len(members))])
        # the direction changes from round to round, so that nobody always has the first choice
        turn: Counts = crew.turn[who]
        order = np.lexsort((np.where(level % 2 == 0, turn, -turn), level))
        ids = np.array([member.collector_id for member in members], dtype=object)
        self._seats.append(
            pa.Table.from_arrays(
                [
                    pa.array([queue] * total, pa.string()),
                    pa.array(np.full(total, column, dtype=np.int32)),
                    pa.array(np.arange(1, total + 1, dtype=np.int64)),
                    pa.array(ids[who[order]], pa.string()),
                ],
                schema=_SEATS,
            )
        )


def plan_split(
    rules: Mapping[str, QueueRules],
    collectors: Mapping[str, Sequence[Collector]],
    demand: Mapping[str, QueueDemand],
    hands: Hands,
) -> SplitPlan:
    """The plan for all queues of `demand`, served in the order of `rules`.

    `collectors`: per queue those who are at work and trained for it. `hands`: what they keep, over all queues; it
    is added to.
    """
    planner = _Planner(hands)
    for queue, rule in rules.items():
        if queue in demand:
            planner.add(queue, rule, sorted(collectors.get(queue, ()), key=lambda c: c.collector_id), demand[queue])
    return planner.plan()


def _crews(collectors: Sequence[Collector]) -> dict[frozenset[str] | None, list[Collector]]:
    """The collectors by the regions they may work; those for all regions last, they are needed elsewhere least."""
    crews: dict[frozenset[str] | None, list[Collector]] = {}
    for collector in sorted(collectors, key=lambda c: (c.regions is None, sorted(c.regions or ()), c.collector_id)):
        crews.setdefault(collector.regions, []).append(collector)
    return crews


def _stride(places: int) -> int:
    """A step near the golden section that visits each of so many places once: neighbours in rank land far apart."""
    stride = max(1, round(places * 0.6180339887))
    while math.gcd(stride, places) > 1:
        stride += 1
    return stride
