"""What the desk tells of the moment: worklists, pools, and how the cases are split."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from arrears.allocation.lists import listed
from arrears.allocation.presets import Presets, read_presets
from arrears.allocation.rules import AllocationRules, QueueRules
from arrears.allocation.shares import SplitShare, read_shares
from arrears.clock import Clock
from arrears.desk.callers import Caller
from arrears.desk.presets import batches_of
from arrears.desk.rows import ITEM, item_of
from arrears.desk.views import (
    AllocationView,
    CollectorShare,
    Grab,
    PoolDetail,
    PoolView,
    QueueShare,
    SplitSpread,
    Spread,
    WorkItem,
    Worklist,
)
from arrears.outreach.channels.names import MANUAL_CHANNEL
from arrears.warehouse import ops_desk
from arrears.warehouse.audit import StepResultRow
from arrears.warehouse.ops_cases import CASE, COLLECTOR
from arrears.warehouse.ops_contacts import ContactTask

_EVENT: sa.Table = ops_desk.CaseEvent.__table__  # type: ignore[assignment]
_RESULT: sa.Table = ops_desk.ContactResult.__table__  # type: ignore[assignment]
_PROMISE: sa.Table = ops_desk.Promise.__table__  # type: ignore[assignment]
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_OWNED = CASE.c.state == sa.literal_column("'owned'")
_POOL = CASE.c.state == sa.literal_column("'pool'")
_NOTHING = Decimal(0)
_MEASURES = ("cases", "overdue_amount", "expected_recovery", "difficulty", "exposure")
"""Measures of fairness in the order in which people read them; JSONB keeps none."""


def read_worklist(
    connection: sa.Connection, collector: sa.Row[Any], clock: Clock, *, queue: str | None, limit: int, offset: int
) -> Worklist:
    """A page of a collector's cases, by queue and place in it."""
    mine = [_OWNED, CASE.c.collector_id == collector.collector_id]
    if queue is not None:
        mine.append(CASE.c.queue == queue)
    total = connection.scalar(sa.select(sa.func.count()).select_from(CASE).where(*mine))
    rows = connection.execute(
        sa.select(*ITEM)
        .where(*mine)
        .order_by(CASE.c.queue, CASE.c.work_order, CASE.c.case_id)
        .limit(limit)
        .offset(offset)
    ).all()
    today = clock.today()
    absent = collector.collector_id in read_presets(connection, today).absent
    return Worklist(
        collector_id=collector.collector_id,
        as_of=clock.now(),
        cases=_told(connection, [item_of(row) for row in rows], today),
        total=total or 0,
        capacity=collector.capacity,
        at_work=bool(collector.at_work) and collector.as_of == today and not absent,
    )


def _told(connection: sa.Connection, items: Sequence[WorkItem], today: date) -> tuple[WorkItem, ...]:
    """The items with their last result, their live promise and today's calls."""
    if not items:
        return ()
    ids = sa.literal([item.case_id for item in items], sa.ARRAY(sa.Text))
    customers = sa.literal([item.customer_id for item in items], sa.ARRAY(sa.Text))
    results = {
        row.case_id: row
        for row in connection.execute(
            sa.select(_RESULT.c.case_id, _RESULT.c.outcome, _RESULT.c.recorded_at)
            .where(_RESULT.c.case_id == sa.any_(ids))
            .ext(postgresql.distinct_on(_RESULT.c.case_id))
            .order_by(_RESULT.c.case_id, _RESULT.c.recorded_at.desc(), _RESULT.c.result_id)
        )
    }
    promises = {
        row.case_id: row
        for row in connection.execute(
            sa.select(_PROMISE.c.case_id, _PROMISE.c.due_on, _PROMISE.c.amount)
            .where(_PROMISE.c.case_id == sa.any_(ids), _PROMISE.c.due_on >= today)
            .ext(postgresql.distinct_on(_PROMISE.c.case_id))
            .order_by(_PROMISE.c.case_id, _PROMISE.c.recorded_at.desc(), _PROMISE.c.promise_id)
        )
    }
    calls = {
        row.customer_id: row.calls
        for row in connection.execute(
            sa.select(_TASK.c.customer_id, sa.func.count().label("calls"))
            .where(
                _TASK.c.customer_id == sa.any_(customers),
                _TASK.c.business_day == today,
                _TASK.c.channel == MANUAL_CHANNEL,
            )
            .group_by(_TASK.c.customer_id)
        )
    }
    found = []
    for item in items:
        result, promise = results.get(item.case_id), promises.get(item.case_id)
        found.append(
            replace(
                item,
                last_result=result.outcome if result else None,
                last_result_at=result.recorded_at if result else None,
                calls_today=calls.get(item.customer_id, 0),
                promise_due_on=promise.due_on if promise else None,
                promise_amount=promise.amount if promise else None,
            )
        )
    return tuple(found)


def read_pools(
    connection: sa.Connection, caller: Caller, rules: AllocationRules, clock: Clock, only: str | None = None
) -> tuple[PoolView, ...]:
    """The pools of all queues that the rules name or that have cases, in the order in which queues are served."""
    where: sa.ColumnElement[bool] = CASE.c.state.in_(["pool", "owned"])
    if only is not None:
        where = sa.and_(where, CASE.c.queue == only)
    rows = connection.execute(
        sa.select(
            CASE.c.queue,
            sa.func.count().filter(_POOL).label("cases"),
            sa.func.coalesce(sa.func.sum(CASE.c.overdue_amount).filter(_POOL), 0).label("amount"),
            sa.func.min(CASE.c.pool_opened_at).label("oldest"),
            sa.func.count(CASE.c.lease_until).label("leased"),
        )
        .where(where)
        .group_by(CASE.c.queue)
    ).all()
    found = {row.queue: row for row in rows}
    today = clock.today()
    batches = batches_of(connection, today)
    collector = None
    if caller.role == "collector":
        collector = connection.execute(
            sa.select(COLLECTOR).where(COLLECTOR.c.collector_id == caller.collector_id)
        ).one_or_none()
    absent = read_presets(connection, today).absent if collector is not None else frozenset[str]()
    views = []
    for queue, own in rules.in_order(found).items():
        if only is not None and queue != only:
            continue
        row = found.get(queue)
        views.append(
            PoolView(
                queue=queue,
                cases=row.cases if row else 0,
                overdue_amount=row.amount if row else _NOTHING,
                oldest_opened_at=row.oldest if row else None,
                batch=batches.get(queue, own.grab_batch),
                batch_max=own.grab_batch_max,
                batch_by_hand=queue in batches,
                lease_minutes=own.lease_minutes,
                lease_renewals=own.lease_renewals,
                grabs_per_day=own.grabs_per_day,
                open_cases=own.open_cases,
                give_back_reasons=own.give_back_reasons,
                leased=row.leased if row else 0,
                may_grab=_may_grab(caller, collector, queue, today, absent),
            )
        )
    return tuple(views)


def _may_grab(caller: Caller, collector: sa.Row[Any] | None, queue: str, today: date, absent: Collection[str]) -> bool:
    if caller.role != "collector":
        return caller.role == "lead"
    return (
        collector is not None
        and collector.at_work
        and collector.as_of == today
        and collector.collector_id not in absent
        and (collector.skills is None or queue in listed(collector.skills))
    )


def read_pool(connection: sa.Connection, caller: Caller, pool: PoolView, clock: Clock, limit: int) -> PoolDetail:
    """The pool with its best cases, the day's last grabs and the leases that run out next."""
    best = connection.execute(
        sa.select(*ITEM)
        .where(_POOL, CASE.c.queue == pool.queue)
        .order_by(CASE.c.work_order, CASE.c.case_id)
        .limit(limit)
    ).all()
    leased = [CASE.c.lease_until.is_not(None), CASE.c.queue == pool.queue]
    if caller.role == "collector":
        leased.append(CASE.c.collector_id == caller.collector_id)
    expiring = connection.execute(
        sa.select(*ITEM).where(*leased).order_by(CASE.c.lease_until, CASE.c.case_id).limit(limit)
    ).all()
    about = [
        _EVENT.c.business_day == clock.today(),
        _EVENT.c.action == "grabbed",
        _EVENT.c.queue == pool.queue,
    ]
    if caller.role == "collector":
        about.append(_EVENT.c.to_collector_id == caller.collector_id)
    grabs = connection.execute(
        sa.select(
            _EVENT.c.at,
            _EVENT.c.to_collector_id,
            _EVENT.c.actor,
            sa.func.count().label("cases"),
            sa.func.coalesce(sa.func.sum(CASE.c.overdue_amount), 0).label("amount"),
        )
        .join_from(_EVENT, CASE, _EVENT.c.case_id == CASE.c.case_id)
        .where(*about)
        .group_by(_EVENT.c.at, _EVENT.c.to_collector_id, _EVENT.c.actor)
        .order_by(_EVENT.c.at.desc(), sa.func.max(_EVENT.c.event_id).desc())
        .limit(limit)
    ).all()
    return PoolDetail(
        pool=pool,
        open=tuple(item_of(row) for row in best),
        grabs=tuple(Grab(row.at, row.to_collector_id, row.actor, row.cases, row.amount) for row in grabs),
        expiring=tuple(item_of(row) for row in expiring),
    )


def read_allocation(
    connection: sa.Connection, caller: Caller, rules: AllocationRules, clock: Clock, only: str | None
) -> AllocationView:
    """Per queue and collector what is in hand now, how even that is, and why somebody has fewer."""
    today = clock.today()
    open_cases = CASE.c.state.in_(["pool", "owned"])
    rows = connection.execute(
        sa.select(
            CASE.c.queue,
            CASE.c.collector_id,
            sa.func.count().label("cases"),
            sa.func.sum(CASE.c.overdue_amount).label("amount"),
            sa.func.count().filter(CASE.c.source == "auto").label("auto"),
            sa.func.count().filter(CASE.c.source == "grab").label("grabbed"),
            sa.func.count().filter(CASE.c.source.in_(["manual", "recall"])).label("by_hand"),
            sa.func.count(CASE.c.lease_until).label("leased"),
            sa.func.count().filter(CASE.c.placement == "agency", _OWNED).label("with_agency"),
            sa.func.count().filter(CASE.c.source == "grab", CASE.c.human_action_on == today).label("grabbed_today"),
        )
        .where(open_cases)
        .group_by(CASE.c.queue, CASE.c.collector_id)
    ).all()
    held: dict[str, dict[str | None, sa.Row[Any]]] = {}
    in_all: dict[str | None, int] = {}
    for row in rows:
        held.setdefault(row.queue, {})[row.collector_id] = row
        in_all[row.collector_id] = in_all.get(row.collector_id, 0) + row.cases
    roster = {
        row.collector_id: row
        for row in connection.execute(sa.select(COLLECTOR).order_by(COLLECTOR.c.collector_id))
        if caller.role == "collector" or caller.teams is None or row.team in caller.teams
    }
    by_hand, batches = read_presets(connection, today), batches_of(connection, today)
    fairness = _fairness(connection, today)
    shares = {(each.queue, each.collector_id): each for each in read_shares(connection, today, only)}
    queues = []
    for queue, own in rules.in_order(held).items():
        if only is not None and queue != only:
            continue
        people = [
            _share(queue, collector, held.get(queue, {}), in_all, by_hand, shares, today)
            for collector in roster.values()
            if collector.as_of == today or collector.collector_id in held.get(queue, {})
        ]
        queues.append(_queue_share(queue, own, people, held.get(queue, {}), batches, fairness.get(queue, ())))
    return AllocationView(business_day=today, as_of=clock.now(), queues=tuple(queues))


def _share(
    queue: str,
    collector: sa.Row[Any],
    held: Mapping[str | None, sa.Row[Any]],
    in_all: Mapping[str | None, int],
    by_hand: Presets,
    shares: Mapping[tuple[str, str], SplitShare],
    today: date,
) -> CollectorShare:
    who = collector.collector_id
    row = held.get(who)
    absent = who in by_hand.absent
    quota = by_hand.quotas.get((queue, who))
    return CollectorShare(
        collector_id=who,
        team=collector.team,
        cases=row.cases if row else 0,
        overdue_amount=row.amount if row else _NOTHING,
        auto=row.auto if row else 0,
        grabbed=row.grabbed if row else 0,
        by_hand=row.by_hand if row else 0,
        leased=row.leased if row else 0,
        grabbed_today=row.grabbed_today if row else 0,
        total_cases=in_all.get(who, 0),
        capacity=collector.capacity,
        quota=collector.daily_quota if quota is None else quota,
        quota_by_hand=quota is not None,
        at_work=bool(collector.at_work) and collector.as_of == today and not absent,
        absent_by_hand=absent,
        trained=collector.skills is None or queue in listed(collector.skills),
        fewer_because=(),
        split=shares.get((queue, who)),
    )


def _queue_share(
    queue: str,
    own: QueueRules,
    people: Sequence[CollectorShare],
    held: Mapping[str | None, sa.Row[Any]],
    batches: Mapping[str, int],
    fairness: tuple[SplitSpread, ...],
) -> QueueShare:
    working = [each for each in people if each.at_work and each.trained]
    counts = _spread([Decimal(each.cases) for each in working])
    told = tuple(replace(each, fewer_because=_why_fewer(each, counts.mean)) for each in people)
    pool = held.get(None)
    owned = [row for who, row in held.items() if who is not None]
    pooled, pool_amount = (pool.cases, pool.amount) if pool else (0, _NOTHING)
    return QueueShare(
        queue=queue,
        cases=sum(row.cases for row in owned) + pooled,
        owned=sum(row.cases for row in owned),
        pool=pooled,
        overdue_amount=sum((row.amount for row in owned), _NOTHING) + pool_amount,
        pool_amount=pool_amount,
        batch=batches.get(queue, own.grab_batch),
        batch_by_hand=queue in batches,
        collectors=told,
        count_spread=counts,
        amount_spread=_spread([each.overdue_amount for each in working]),
        fairness=fairness,
        with_agency=sum(row.with_agency for row in owned),
    )


def _why_fewer(share: CollectorShare, mean: Decimal) -> tuple[str, ...]:
    """What limited him in the day's split, as the split itself recorded it, and what came of it since."""
    if not share.trained:
        return ("not_trained",)
    if not share.at_work:
        return ("absent",)
    # a split that cannot be even leaves one less to some
    if share.split is None or share.cases >= int(mean):
        return ()
    reasons = tuple("absent_at_split" if rule == "absent" else rule for rule in share.split.limited_by)
    if share.split.cases > share.cases:
        reasons += ("moved_since",)
    return reasons or ("others_since",)


def _spread(values: Iterable[Decimal]) -> Spread:
    figures = list(values)
    if not figures:
        return Spread(_NOTHING, _NOTHING, _NOTHING)
    return Spread(min(figures), max(figures), sum(figures, _NOTHING) / len(figures))


def _fairness(connection: sa.Connection, today: date) -> Mapping[str, tuple[SplitSpread, ...]]:
    """How even the day's split was, by queue, as the step told it: `mart` has the same once the KPIs are loaded."""
    figures = connection.scalar(
        sa.select(StepResultRow.figures)
        .where(
            StepResultRow.as_of == today,
            StepResultRow.basis == "frozen",
            StepResultRow.step == "allocate_cases",
            StepResultRow.state == "success",
        )
        .order_by(StepResultRow.step_result_id.desc())
        .limit(1)
    )
    told: Mapping[str, Mapping[str, Mapping[str, str]]] = (figures or {}).get("fairness", {})
    return {
        queue: tuple(
            SplitSpread(measure, *(Decimal(each[moment]) if moment in each else None for moment in ("before", "after")))
            for measure, each in sorted(measures.items(), key=lambda item: _place(item[0]))
        )
        for queue, measures in told.items()
    }


def _place(measure: str) -> tuple[int, str]:
    return (_MEASURES.index(measure) if measure in _MEASURES else len(_MEASURES), measure)
