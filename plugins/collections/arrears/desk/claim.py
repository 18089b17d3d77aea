"""The claim: a batch of the best cases of a pool that a collector may have, taken in one statement.

Many grab at once: each claim takes the best cases that nobody else is taking at that moment (FOR UPDATE SKIP LOCKED),
so no case is given twice and nobody waits for another's batch. A collector's own grabs come one after the other,
because each holds the row of the collector, so that his limits hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from arrears.allocation.lists import listed
from arrears.allocation.rules import QueueRules
from arrears.clock import Clock
from arrears.desk.callers import Caller
from arrears.desk.compiled import Compiled
from arrears.desk.refusals import Refusal
from arrears.desk.rows import ITEM, item_of
from arrears.desk.views import WorkItem
from arrears.warehouse import locks
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT, COLLECTOR, INSTANT
from arrears.warehouse.ops_desk import Absence, CaseEvent, CaseExclusion, QueuePreset

_ABSENCE: sa.Table = Absence.__table__  # type: ignore[assignment]
_EVENT: sa.Table = CaseEvent.__table__  # type: ignore[assignment]
_EXCLUSION: sa.Table = CaseExclusion.__table__  # type: ignore[assignment]
_PRESET: sa.Table = QueuePreset.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)
_ROSTER = "the roster of today"


@dataclass(frozen=True)
class Claimed:
    """What a claim gave."""

    cases: tuple[WorkItem, ...]
    asked: int
    """How many at most: as asked for, or the queue's batch of the day."""
    lease_until: datetime | None
    taken_today: int
    """Cases of the queue that the collector had grabbed today before."""
    open_in_queue: int
    """Cases of the queue that he had in hand before."""
    open_in_all: int
    """Cases that he had in hand before."""


def lock_collector(connection: sa.Connection, collector_id: str, clock: Clock, queue: str | None) -> sa.Row[Any]:
    """Locks a collector's row until the transaction ends, and refuses one who may not be given cases (of `queue`)."""
    row = LOCK.run(connection, me=collector_id).one_or_none()
    if row is None:
        raise Refusal(
            kind="not_found",
            rule="collector.unknown",
            expected="a collector of the roster",
            found="an unknown id",
            where=_ROSTER,
            action="Check the collector's id; the roster is today's once open_grab_pool has run.",
        )
    today = clock.today()
    if row.as_of != today:
        raise _not_there(today, queue, "collector.not_in_roster", f"one who was in it on {row.as_of.isoformat()}")
    if not row.at_work:
        raise _not_there(today, queue, "collector.not_at_work", "one who is not at work")
    if queue is not None and row.skills is not None and queue not in listed(row.skills):
        raise _not_there(today, queue, "collector.not_trained", "one who is not trained for it")
    return row


def refuse_if_absent(connection: sa.Connection, collector_id: str, clock: Clock) -> None:
    """Refuses a locked collector whom a lead reported absent for today."""
    if ABSENT.run(connection, me=collector_id, today=clock.today()).scalar():
        raise _absent(clock.today(), None)


def claim(
    connection: sa.Connection,
    caller: Caller,
    collector: sa.Row[Any],
    rules: QueueRules,
    queue: str,
    clock: Clock,
    asked: int | None,
    request_key: str | None,
) -> Claimed:
    """Gives up to `asked` cases (default: the batch of the day) to a collector whose row the transaction holds.

    Refuses one who was reported absent. That and the day's batch are read by the claim itself: not before the lock is
    held, when it might change, and without asking the database once more for each.
    """
    now = clock.now()
    lease = None if rules.lease_minutes is None else now + timedelta(minutes=rules.lease_minutes)
    regions = None
    if rules.respect_regions and collector.regions is not None:
        regions = ["", *listed(collector.regions)]
    languages = None if collector.languages is None else list(listed(collector.languages))
    rows = CLAIM.run(
        connection,
        me=collector.collector_id,
        queue=queue,
        now=now,
        today=clock.today(),
        lease=lease,
        asked=asked,
        batch=rules.grab_batch,
        capacity=collector.capacity,
        per_day=rules.grabs_per_day,
        open_cases=rules.open_cases,
        regions=regions,
        languages=languages,
        seniority=collector.seniority or 0,
        actor=caller.name,
        via=caller.via,
        key=request_key,
    ).all()
    before = rows[0]
    if before.absent:
        raise _absent(clock.today(), queue)
    cases = tuple(item_of(row) for row in rows if row.case_id is not None)
    return Claimed(
        cases=cases,
        asked=before.size,
        lease_until=lease if cases else None,
        taken_today=before.taken_today,
        open_in_queue=before.open_in_queue,
        open_in_all=before.open_in_all,
    )


def _absent(today: date, queue: str | None) -> Refusal:
    return _not_there(today, queue, "collector.absent", "one who was reported absent")


def _not_there(today: date, queue: str | None, rule: str, found: str) -> Refusal:
    return Refusal(
        kind="forbidden",
        rule=rule,
        expected=f"a collector who is at work on {today.isoformat()}" + (" and trained for it" if queue else ""),
        found=found,
        where=_ROSTER,
        action="Have the roster corrected, or the absence taken back.",
    )


def _lock() -> sa.Select[Any]:
    # asked in a condition, so that a merge is waited for before the row is locked: the merge wants that row as well
    waited = sa.select(sa.func.pg_advisory_xact_lock_shared(locks.CASES)).scalar_subquery()
    return (
        sa.select(COLLECTOR)
        .where(COLLECTOR.c.collector_id == sa.bindparam("me"), waited.is_not(None))
        .with_for_update(of=COLLECTOR)
    )


def _claim() -> sa.Select[Any]:
    me, queue = sa.bindparam("me", type_=sa.Text), sa.bindparam("queue", type_=sa.Text)
    now, today = sa.bindparam("now", type_=INSTANT), sa.bindparam("today", type_=sa.Date)
    lease = sa.bindparam("lease", type_=INSTANT)
    # short names and constants in the text: a statement that is too long is taken apart at every claim
    cases: sa.Alias[Any] = CASE.alias("c")  # type: ignore[assignment]
    intervals: sa.Alias[Any] = CASE_ASSIGNMENT.alias("a")  # type: ignore[assignment]
    case, interval = cases.c, intervals.c
    mine = (
        sa.select(
            sa.func.count().label("open_in_all"), sa.func.count().filter(case.queue == queue).label("open_in_queue")
        )
        .where(case.state == _said("owned"), case.collector_id == me)
        .subquery()
    )
    taken_today = (
        sa.select(sa.func.count())
        .where(
            interval.collector_id == me,
            interval.from_day == today,
            interval.source == _said("grab"),
            interval.queue == queue,
        )
        .scalar_subquery()
    )
    preset = _PRESET.alias("p").c
    by_hand = sa.select(preset.grab_batch).where(preset.business_day == today, preset.queue == queue).scalar_subquery()
    size = sa.func.coalesce(sa.bindparam("asked", type_=sa.Integer), by_hand, sa.bindparam("batch", type_=sa.Integer))
    room = (
        sa.select(
            mine.c.open_in_all,
            mine.c.open_in_queue,
            taken_today.label("taken_today"),
            size.label("size"),
            sa.func.coalesce(_away(me, today).scalar_subquery(), sa.false()).label("absent"),
        )
        .cte("room")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    # a limit that there is not leaves a NULL, which LEAST passes over
    fits = sa.select(
        sa.case(
            (room.c.absent, _said(0)),
            else_=sa.func.greatest(
                _said(0),
                sa.func.least(
                    room.c.size,
                    sa.bindparam("capacity", type_=sa.Integer) - room.c.open_in_all,
                    sa.bindparam("open_cases", type_=sa.Integer) - room.c.open_in_queue,
                    sa.bindparam("per_day", type_=sa.Integer) - room.c.taken_today,
                ),
            ),
        )
    ).scalar_subquery()
    exclusion = _EXCLUSION.alias("x").c
    excluded = (
        sa.select(exclusion.case_id)
        .where(exclusion.business_day == today, exclusion.collector_id == me)
        .scalar_subquery()
    )
    regions = sa.bindparam("regions", type_=_TEXTS)
    languages = sa.bindparam("languages", type_=_TEXTS)
    picked = (
        sa.select(case.case_id)
        .where(
            case.state == _said("pool"),
            case.queue == queue,
            sa.or_(regions.is_(None), sa.func.coalesce(sa.func.trim(case.region), _said("")) == sa.any_(regions)),
            sa.or_(case.language.is_(None), languages.is_(None), case.language == sa.any_(languages)),
            sa.or_(case.min_seniority.is_(None), case.min_seniority <= sa.bindparam("seniority", type_=sa.Integer)),
            sa.or_(
                case.excluded_collectors.is_(None),
                sa.func.strpos(
                    _said(",").concat(case.excluded_collectors).concat(_said(",")),
                    _said(",").concat(me).concat(_said(",")),
                )
                == _said(0),
            ),
            case.case_id != sa.all_(sa.func.array(excluded)),
        )
        .order_by(case.work_order, case.case_id)
        .limit(fits)
        .with_for_update(skip_locked=True, of=cases)
        .cte("picked")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    taken = (
        sa.update(cases)
        .where(case.case_id == _any_of(picked))
        .values(
            state=_said("owned"),
            collector_id=me,
            source=_said("grab"),
            owned_from=now,
            pool_opened_at=sa.null(),
            lease_until=lease,
            lease_renewals=_said(0),
            human_action_at=now,
            human_action_on=today,
        )
        .returning(*[case[column.name] for column in ITEM])
        .cte("got")
    )
    ended = (
        sa.update(intervals)
        .where(interval.case_id == _any_of(taken), interval.to_at.is_(None))
        .values(to_at=sa.func.greatest(interval.from_at, now), to_day=today, end_reason=_said("grabbed"))
        .returning(interval.case_id, interval.interval_no)
        .cte("ended")
    )
    begin: dict[str, Any] = {
        "case_id": ended.c.case_id,
        "interval_no": ended.c.interval_no + _said(1),
        "collector_id": me,
        "source": _said("grab"),
        "queue": queue,
        "from_at": now,
        "from_day": today,
        "reason": _said("grab"),
    }
    begun = sa.insert(CASE_ASSIGNMENT).from_select(list(begin), sa.select(*begin.values())).cte("begun")
    told: dict[str, Any] = {
        "at": now,
        "business_day": today,
        "actor": sa.bindparam("actor", type_=sa.Text),
        "via": sa.bindparam("via", type_=sa.Text),
        "action": _said("grabbed"),
        "case_id": taken.c.case_id,
        "queue": queue,
        "to_collector_id": me,
        "request_key": sa.bindparam("key", type_=sa.Text),
    }
    noted = sa.insert(_EVENT).from_select(list(told), sa.select(*told.values())).cte("noted")
    return (
        sa.select(room, taken)
        .select_from(room.outerjoin(taken, sa.true()))
        .add_cte(begun, noted)
        .order_by(taken.c.work_order, taken.c.case_id)
    )


def _said(constant: str | int) -> sa.ColumnElement[Any]:
    """A constant of ours as it stands in the text; nothing of a caller's is ever written so."""
    return sa.literal_column(repr(constant))


def _away(me: sa.BindParameter[Any], today: sa.BindParameter[Any]) -> sa.Select[tuple[bool]]:
    absence = _ABSENCE.alias("b").c
    return sa.select(absence.absent).where(absence.collector_id == me, absence.business_day == today)


def _any_of(cases: sa.CTE) -> sa.CollectionAggregate[bool]:
    # a join would be planned for a tenth of all cases, as the limit is not known then: it would read whole tables
    return sa.any_(sa.func.array(sa.select(cases.c.case_id).scalar_subquery()))


LOCK = Compiled(_lock())
"""Locks a collector's row, once no merge runs; parameter me."""
ABSENT = Compiled(_away(sa.bindparam("me", type_=sa.Text), sa.bindparam("today", type_=sa.Date)))
"""Whether a collector was reported absent; parameters me, today."""
CLAIM = Compiled(_claim())
"""The claim."""
