"""Windows: which finished days and which month ends a run of a day computes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa

MOST_MONTH_ENDS = 13
"""Month ends that `kpi/month_end_state.sql` can take in one pass: it has a column for each."""


def closing_days(as_of: date, lookback_days: int) -> list[date]:
    """The finished days before `as_of` whose closing facts its run replaces, oldest first."""
    return [as_of - timedelta(days=back) for back in range(lookback_days, 0, -1)]


def month_ends(as_of: date, count: int) -> list[date]:
    """The last `count` month ends before `as_of`, oldest first.

    The month end that is `as_of` itself is not over in the morning, so it has not matured.
    """
    found: list[date] = []
    day = as_of
    for _ in range(count):
        day = day.replace(day=1) - timedelta(days=1)
        found.append(day)
    return found[::-1]


def month_end_relation(ends: list[date]) -> pa.Table:
    """The month ends as a table: slot (the newest is MOST_MONTH_ENDS), month_end."""
    first = MOST_MONTH_ENDS - len(ends) + 1
    return pa.table(
        {
            "slot": pa.array(range(first, MOST_MONTH_ENDS + 1), pa.int32()),
            "month_end": pa.array(ends, pa.date32()),
        }
    )


def month_end_parameters(ends: list[date]) -> dict[str, Any]:
    """Values for `$month_end_1` to `$month_end_13`, oldest first; those not asked for equal the oldest."""
    padded = [ends[0]] * (MOST_MONTH_ENDS - len(ends)) + ends
    return {f"month_end_{slot}": end for slot, end in enumerate(padded, start=1)}
