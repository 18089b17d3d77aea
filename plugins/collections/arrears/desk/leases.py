"""Leases of grabbed cases: they run out, are renewed, and end when the case is worked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.allocation.rules import QueueRules
from arrears.clock import Clock
from arrears.desk.compiled import Compiled
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT, INSTANT
from arrears.warehouse.ops_desk import CaseEvent, CaseExclusion

_EVENT: sa.Table = CaseEvent.__table__  # type: ignore[assignment]
_EXCLUSION: sa.Table = CaseExclusion.__table__  # type: ignore[assignment]


def expire_leases(connection: sa.Connection, clock: Clock) -> int:
    """Puts the cases whose lease is over back into the pool; how many there were.

    The interval ends, and the pool's begins, when the lease ran out, whenever that is noticed. Its collector does not
    grab it again on the day on which it is noticed. Cases that somebody is working on right now are left to the next
    call.
    """
    now = clock.now()
    return _EXPIRE.run(connection, now=now, today=clock.today(), zone=str(now.tzinfo)).scalar() or 0


def why_not_renewed(case: sa.Row[Any], rules: QueueRules, now: datetime) -> str | None:
    """The rule that keeps the lease of an owned case from being renewed; None: none does."""
    if case.lease_until is None:
        return "lease.none"
    if case.lease_until <= now:
        return "lease.expired"
    if rules.lease_minutes is None or case.lease_renewals >= rules.lease_renewals:
        return "lease.renewals"
    return None


def renew_leases(connection: sa.Connection, clock: Clock, until: Mapping[str, datetime]) -> None:
    """Sets new ends for the leases of locked cases, by case."""
    if not until:
        return
    renewed = (
        sa.func.unnest(sa.literal(list(until), sa.ARRAY(sa.Text)), sa.literal(list(until.values()), sa.ARRAY(INSTANT)))
        .table_valued(sa.column("case_id", sa.Text), sa.column("until", INSTANT), name="renewed")
        .render_derived()
    )
    connection.execute(
        sa.update(CASE)
        .where(CASE.c.case_id == renewed.c.case_id)
        .values(
            lease_until=renewed.c.until,
            lease_renewals=CASE.c.lease_renewals + 1,
            human_action_at=clock.now(),
            human_action_on=clock.today(),
        )
    )


def _expire() -> sa.Select[Any]:
    now, today = sa.bindparam("now", type_=INSTANT), sa.bindparam("today", type_=sa.Date)
    case, interval = CASE.c, CASE_ASSIGNMENT.c
    over = (
        sa.select(case.case_id, case.collector_id, case.queue, case.lease_until, case.lease_renewals)
        .where(case.lease_until <= now, case.state == sa.literal_column("'owned'"))
        .order_by(case.case_id)
        .with_for_update(skip_locked=True)
        .cte("over")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    day = sa.cast(sa.func.timezone(sa.bindparam("zone", type_=sa.Text), over.c.lease_until), sa.Date)
    pooled = (
        sa.update(CASE)
        .where(case.case_id == over.c.case_id)
        .values(
            state="pool",
            collector_id=None,
            source=None,
            owned_from=None,
            pool_opened_at=over.c.lease_until,
            lease_until=None,
            lease_renewals=0,
            # one that ran out today stays in the pool today; one of an earlier day is the next split's to give
            human_action_at=over.c.lease_until,
            human_action_on=day,
        )
        .returning(case.case_id)
        .cte("pooled")
    )
    ended = (
        sa.update(CASE_ASSIGNMENT)
        .where(interval.case_id == over.c.case_id, interval.to_at.is_(None))
        .values(
            to_at=sa.func.greatest(interval.from_at, over.c.lease_until),
            to_day=sa.func.greatest(interval.from_day, day),
            end_reason="expired",
        )
        .returning(interval.case_id, interval.interval_no, interval.queue, interval.to_at, interval.to_day)
        .cte("ended")
    )
    begin: dict[str, Any] = {
        "case_id": ended.c.case_id,
        "interval_no": ended.c.interval_no + 1,
        "collector_id": sa.null(),
        "source": sa.literal("pool"),
        "queue": ended.c.queue,
        "from_at": ended.c.to_at,
        "from_day": ended.c.to_day,
        "reason": sa.literal("expired"),
    }
    begun = sa.insert(CASE_ASSIGNMENT).from_select(list(begin), sa.select(*begin.values())).cte("begun")
    shut: dict[str, Any] = {
        "business_day": today,
        "collector_id": over.c.collector_id,
        "case_id": over.c.case_id,
        "rule": sa.literal("expired"),
    }
    excluded = (
        insert(_EXCLUSION).from_select(list(shut), sa.select(*shut.values())).on_conflict_do_nothing().cte("excluded")
    )
    told: dict[str, Any] = {
        "at": now,
        "business_day": today,
        "actor": sa.literal("arrears"),
        "via": sa.literal("clock"),
        "action": sa.literal("expired"),
        "case_id": over.c.case_id,
        "queue": over.c.queue,
        "collector_id": over.c.collector_id,
        "rule": sa.literal("lease.expired"),
        "details": sa.func.jsonb_build_object(
            sa.literal("lease_until"), over.c.lease_until, sa.literal("renewals"), over.c.lease_renewals
        ),
    }
    noted = sa.insert(_EVENT).from_select(list(told), sa.select(*told.values())).cte("noted")
    return sa.select(sa.func.count()).select_from(pooled).add_cte(begun, excluded, noted)


_EXPIRE = Compiled(_expire())
