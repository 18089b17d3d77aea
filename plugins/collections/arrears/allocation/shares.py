"""What the day's split gave each collector, and what kept him from more, as `open_grab_pool` left it in `ops`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from arrears.warehouse.ops_allocation import COLLECTOR_SHARE


@dataclass(frozen=True)
class Share:
    """One collector's share of one queue. Amounts in the cases' currency, difficulty 0 to 100 points."""

    queue: str
    collector_id: str
    at_work: bool
    cases: int
    kept: int
    given: int
    taken_back: int
    overdue_amount: Decimal
    expected_recovery: Decimal
    difficulty: Decimal | None
    even_share: Decimal
    limited_by: tuple[str, ...]
    """absent, capacity, quota, no_quota, regions, languages, seniority, exclusions, other_queues, kept_by_others."""


def read_shares(connection: sa.Connection, day: date, queue: str | None = None) -> Sequence[Share]:
    """The shares of a day, of all queues or of one, by queue and collector."""
    share = COLLECTOR_SHARE.c
    columns = [column for column in share if column is not share.business_day]
    select = sa.select(*columns).where(share.business_day == day).order_by(share.queue, share.collector_id)
    if queue is not None:
        select = select.where(share.queue == queue)
    return [
        Share(**{**row._mapping, "limited_by": tuple(filter(None, row.limited_by.split(",")))})
        for row in connection.execute(select)
    ]
