"""Dealing the cases of somebody who is absent to those who are there: to whom it fits, the one with fewest first."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from arrears.allocation.rules import AllocationRules
from arrears.desk.eligibility import why_not
from arrears.desk.moving import Move


def redeal(
    rules: AllocationRules,
    cases: Sequence[sa.Row[Any]],
    present: Sequence[sa.Row[Any]],
    in_hand: Mapping[str | None, int],
) -> list[Move]:
    """Who gets which case: best cases first, each to the eligible collector with the fewest in hand and room.

    Ties by collector_id, so the same input gives the same deal. What nobody may have goes to the pool.
    """
    by_id = {each.collector_id: each for each in present}
    hands = [(in_hand.get(who, 0), who) for who in sorted(by_id)]
    heapq.heapify(hands)
    moves = []
    for case in sorted(cases, key=lambda each: (each.queue, each.work_order, each.case_id)):
        passed, to = [], None
        while hands:
            count, who = heapq.heappop(hands)
            collector = by_id[who]
            full = collector.capacity is not None and count >= collector.capacity
            if not full and why_not(case, collector, rules.queue(case.queue)) is None:
                to = who
                passed.append((count + 1, who))
                break
            passed.append((count, who))
        for each in passed:
            heapq.heappush(hands, each)
        moves.append(Move(case, to))
    return moves
