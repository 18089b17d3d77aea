"""What the day's split gave each collector, and what kept him from more, as `open_grab_pool` left it in `ops`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from arrears.allocation.lists import listed
from arrears.warehouse.ops_allocation import COLLECTOR_SHARE


@dataclass(frozen=True)
class SplitShare:
    """What the day's split gave one collector of a queue, and what kept him from more."""

    queue: str
    collector_id: str
    at_work: bool
    """Whether the split counted on him."""
    cases: int
    kept: int
    """Of them the ones that he had in the morning."""
    given: int
    """Of them the ones that were given anew."""
    taken_back: int
    """Cases that he had in the morning and has no more."""
    overdue_amount: Decimal
    expected_recovery: Decimal
    """What is expected to be recovered of them."""
    difficulty: Decimal | None
    """Mean difficulty of them, 0 to 100 points; None: he has none."""
    even_share: Decimal
    """Mean of the cases of those at work for the queue."""
    limited_by: tuple[str, ...]
    """Rules that kept him from as many as others have: absent, capacity, quota, no_quota, regions, languages,
    seniority, exclusions, other_queues, kept_by_others; empty: none did."""


def read_shares(connection: sa.Connection, day: date, queue: str | None = None) -> Sequence[SplitShare]:
    """The shares of a day, of all queues or of one, by queue and collector."""
    share = COLLECTOR_SHARE.c
    columns = [column for column in share if column is not share.business_day]
    select = sa.select(*columns).where(share.business_day == day).order_by(share.queue, share.collector_id)
    if queue is not None:
        select = select.where(share.queue == queue)
    return [SplitShare(**{**row._mapping, "limited_by": listed(row.limited_by)}) for row in connection.execute(select)]
