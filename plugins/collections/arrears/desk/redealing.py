"""Dealing the cases of somebody who is absent to those who are there, by the allocation's own means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from arrears.allocation.dealing import deal
from arrears.allocation.levelling import Seats, best_cases, level_kinds
from arrears.allocation.rules import AllocationRules
from arrears.desk.eligibility import may_have
from arrears.desk.moving import Move


def redeal(
    rules: AllocationRules,
    cases: Sequence[sa.Row[Any]],
    present: Sequence[sa.Row[Any]],
    in_hand: Mapping[str | None, int],
) -> list[Move]:
    """Who gets which case: as many as somebody may have, to those with the fewest in hand, within their capacity.

    Where not all can be given the best ones are: by queue as the rules serve them, then by the order of work. What is
    left goes to the pool. The same input gives the same deal, in whatever order it comes.
    """
    if not cases:
        return []
    served = {queue: place for place, queue in enumerate(rules.in_order({each.queue for each in cases}))}
    cases = sorted(cases, key=lambda each: (served[each.queue], each.work_order, each.case_id))
    people = sorted(present, key=lambda each: each.collector_id)
    # cases that the same rules apply to are of one kind
    kinds: dict[tuple[Any, ...], int] = {}
    signatures = [
        (each.queue, each.region, each.language, each.min_seniority, each.excluded_collectors) for each in cases
    ]
    kind = np.array([kinds.setdefault(each, len(kinds)) for each in signatures], dtype=np.int64)
    _, first = np.unique(kind, return_index=True)
    may = may_have(rules, [cases[each] for each in first.tolist()], people)

    held = np.array([in_hand.get(each.collector_id, 0) for each in people], dtype=np.int64)
    capacity = [
        len(cases) + in_hand.get(each.collector_id, 0) if each.capacity is None else each.capacity for each in people
    ]
    turn = np.arange(len(people))
    seats = Seats(held, np.maximum(0, np.array(capacity, dtype=np.int64) - held), turn, np.zeros_like(held))
    ranks = np.split(np.argsort(kind, kind="stable"), np.cumsum(np.bincount(kind))[:-1])
    flow = best_cases(may, level_kinds(np.bincount(kind), may, seats), ranks)
    owner = deal(kind, np.arange(len(cases)), flow, turn)
    return [
        Move(case, None if who < 0 else people[who].collector_id)
        for case, who in zip(cases, owner.tolist(), strict=True)
    ]
