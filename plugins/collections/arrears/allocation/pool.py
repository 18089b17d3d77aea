"""The grab pool (抢单): what lies in it, and how a collector takes a batch from it.

Many grab at once: each claim takes the best cases that nobody else is taking at that moment (FOR UPDATE SKIP LOCKED
inside one statement), so no case is given twice and nobody waits for another's batch. A collector's own grabs come
one after the other, so that his capacity holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from arrears.allocation.rules import QueueRules
from arrears.clock import Clock
from arrears.errors import AllocationError
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT, COLLECTOR, INSTANT


@dataclass(frozen=True)
class Pool:
    """The open pool of one queue."""

    queue: str
    cases: int
    oldest_opened_at: datetime


def list_pools(connection: sa.Connection) -> list[Pool]:
    """The pools that have cases, by queue."""
    select = (
        sa.select(CASE.c.queue, sa.func.count(), sa.func.min(CASE.c.pool_opened_at))
        .where(CASE.c.state == "pool")
        .group_by(CASE.c.queue)
        .order_by(CASE.c.queue)
    )
    return [Pool(*row) for row in connection.execute(select)]


def grab(
    connection: sa.Connection,
    rules: QueueRules,
    queue: str,
    collector_id: str,
    clock: Clock,
    batch: int | None = None,
) -> list[str]:
    """Gives the collector up to `batch` cases (default: the queue's) of the queue's pool, best first; their ids.

    Only cases that he may have: he is at work today, trained for the queue and for the region, and has room under his
    capacity. Runs in the caller's transaction, which the caller commits. Raises AllocationError for a batch out of
    bounds, an unknown or absent collector, or a queue that he is not trained for.
    """
    size = rules.grab_batch if batch is None else batch
    if not 1 <= size <= rules.grab_batch_max:
        raise AllocationError(
            expected=f"a batch of 1 to {rules.grab_batch_max}",
            found=str(size),
            where=f"the grab pool of {queue}",
            action="Grab within the limit; allocation.yaml sets it.",
        )
    now, today = clock.now(), clock.today()
    collector = _lock_collector(connection, queue, collector_id, today)
    if collector.capacity is not None:
        in_hand = sa.select(sa.func.count()).where(CASE.c.state == "owned", CASE.c.collector_id == collector_id)
        size = min(size, collector.capacity - (connection.scalar(in_hand) or 0))
    if size <= 0:
        return []
    regions = collector.regions.split(",") if rules.respect_regions and collector.regions is not None else None
    return list(connection.scalars(_claim(queue, collector_id, regions, size, now, today)))


def _lock_collector(
    connection: sa.Connection, queue: str, collector_id: str, today: date
) -> sa.Row[tuple[object, ...]]:
    row = connection.execute(
        sa.select(COLLECTOR).where(COLLECTOR.c.collector_id == collector_id).with_for_update()
    ).one_or_none()
    found = None
    if row is None:
        found = "no such collector"
    elif row.as_of != today:
        found = f"a collector of {row.as_of.isoformat()}"
    elif not row.at_work:
        found = "one who is not at work"
    elif row.skills is not None and queue not in row.skills.split(","):
        found = f"one who is trained for {row.skills}"
    if row is None or found is not None:
        raise AllocationError(
            expected=f"a collector who is at work on {today.isoformat()} and trained for {queue}",
            found=str(found),
            where=f"collector {collector_id}",
            action="Check the id and the queue; the roster is today's once open_grab_pool has run.",
        )
    return row


def _claim(
    queue: str, collector_id: str, regions: list[str] | None, size: int, now: datetime, today: date
) -> sa.Select[tuple[str]]:
    """One statement: pick and lock the best free cases, make them his, end the pool's interval, begin his."""
    at = sa.literal(now, INSTANT)
    pick = sa.select(CASE.c.case_id).where(CASE.c.state == "pool", CASE.c.queue == queue)
    if regions is not None:
        pick = pick.where(sa.or_(sa.func.coalesce(sa.func.trim(CASE.c.region), "").in_(["", *regions])))
    picked = (
        pick.order_by(CASE.c.work_order, CASE.c.case_id)
        .limit(size)
        .with_for_update(skip_locked=True)
        .cte("picked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    taken = (
        sa.update(CASE)
        .where(CASE.c.case_id == picked.c.case_id)
        .values(
            state="owned",
            collector_id=collector_id,
            source="grab",
            owned_from=at,
            pool_opened_at=None,
            human_action_at=at,
            human_action_on=today,
        )
        .returning(CASE.c.case_id, CASE.c.work_order)
        .cte("taken")
    )
    ended = (
        sa.update(CASE_ASSIGNMENT)
        .where(CASE_ASSIGNMENT.c.case_id == taken.c.case_id, CASE_ASSIGNMENT.c.to_at.is_(None))
        .values(to_at=sa.func.greatest(CASE_ASSIGNMENT.c.from_at, at), to_day=today, end_reason="grabbed")
        .returning(CASE_ASSIGNMENT.c.case_id, CASE_ASSIGNMENT.c.interval_no)
        .cte("ended")
    )
    given = {
        "case_id": ended.c.case_id,
        "interval_no": ended.c.interval_no + 1,
        "collector_id": sa.literal(collector_id),
        "source": sa.literal("grab"),
        "queue": sa.literal(queue),
        "from_at": at,
        "from_day": sa.literal(today),
        "reason": sa.literal("grab"),
    }
    begun = sa.insert(CASE_ASSIGNMENT).from_select(list(given), sa.select(*given.values())).cte("begun")
    return sa.select(taken.c.case_id).add_cte(begun).order_by(taken.c.work_order, taken.c.case_id)
