"""How many cases enter a day, as the lake knows it: what the length of an experiment is estimated from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow.compute as pc

from arrears.day import BusinessDay
from arrears.lake import Lake

_CASES = "kpi/arm_entry"
"""Every case since the first experiment began, over or not; made by `build_kpis`."""
_LIVE = "case_entry"
"""The cases that live on a day; made by `age_contracts`."""
_DAYS = 28
_LIVE_DAYS = 7
"""A shorter look-back for living cases: the longer ago, the more of them are over."""


@dataclass(frozen=True)
class EntryRate:
    """New cases a day."""

    per_day: float
    as_of: date
    days: int
    complete: bool
    """False when only those that still live are known: then it is a lower bound."""


def entry_rate(lake: Lake, up_to: date) -> EntryRate | None:
    """The present rate of entries by the newest day in the lake up to `up_to`; None when no day is there."""
    day = lake.previous_day("treatment", BusinessDay(up_to + timedelta(days=1), "frozen"))
    if day is None:
        return None
    for table, days, complete in ((_CASES, _DAYS, True), (_LIVE, _LIVE_DAYS, False)):
        if not lake.exists(table, day):
            continue
        entered = lake.read(table, day, ["case_entered_on"])["case_entered_on"]
        if complete and len(entered) == 0:
            continue
        first = day.as_of - timedelta(days=days)
        inside = pc.and_(pc.greater_equal(entered, first), pc.less(entered, day.as_of))
        # of an experiment that is younger than the look-back, the days that it has seen
        seen = min(days, (day.as_of - pc.min(entered).as_py()).days) if complete else days
        return EntryRate((pc.sum(inside).as_py() or 0) / max(1, seen), day.as_of, max(1, seen), complete)
    return None
