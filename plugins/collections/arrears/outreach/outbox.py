"""The outbox: taking tasks for sending, writing down how they ended, and settling what a dead worker left.

Whoever takes tasks does so in one transaction: rows locked with SKIP LOCKED, the customers' locks held, the gate
asked, the attempts written. A worker holds an advisory lock while it lives: a task in `sending` whose worker's lock
is free, or whose lease is over, was left behind.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.addressees import Addressees
from arrears.outreach.channels.base import SendResult
from arrears.outreach.gate import Gate
from arrears.outreach.history import ask_gate
from arrears.outreach.rules import Retry
from arrears.outreach.states import DOUBTFUL_REASONS, INTERRUPTED, SENDABLE, Event, State, sources_of
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask

LEASE = timedelta(minutes=10)
"""How long a worker may be silent by the clock of acting before its tasks are taken from it."""

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]

Task = Mapping[str, Any]
Place = tuple[int, str]
"""Priority and key of the last task that was looked at: a push goes through the tasks once, never in circles."""


@dataclass(frozen=True)
class Taken:
    """What one look into the outbox gave."""

    tasks: Sequence[Task]
    """Tasks that may go; their attempts are written."""
    last: Place | None
    """Where the next look begins; None when there was nothing left."""


@contextmanager
def live_worker(warehouse: sa.Engine) -> Iterator[int]:
    """A worker's key, whose advisory lock is held as long as the block and its process live."""
    worker = secrets.randbits(62)
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(worker)))
        try:
            yield worker
        finally:
            # closed rather than unlocked: it ends the lock also when the server was restarted in between
            connection.invalidate()


def is_due(channel: str, day: date, now: datetime, *, retry_now: bool) -> sa.ColumnElement[bool]:
    """Condition of the tasks that may go now: state, day and window; failed ones when their wait is over."""
    due = [
        _TASK.c.business_day == day,
        _TASK.c.channel == channel,
        _TASK.c.state.in_([state.value for state in SENDABLE]),
        _TASK.c.window_opens_at <= now,
        _TASK.c.window_closes_at > now,
    ]
    if not retry_now:
        due.append(sa.or_(_TASK.c.next_attempt_at.is_(None), _TASK.c.next_attempt_at <= now))
    return sa.and_(*due)


def take(
    connection: sa.Connection,
    gate: Gate,
    addressees: Addressees,
    *,
    due: sa.ColumnElement[bool],
    worker: int,
    after: Place | None,
    limit: int,
) -> Taken:
    """Takes up to `limit` due tasks in the order of priority, in the caller's transaction.

    Those that the gate lets go are `sending`, with a reserved attempt; those that it blocks are `blocked`; the others
    stay as they are.
    """
    query = sa.select(_TASK).where(due).order_by(_TASK.c.priority.desc(), _TASK.c.task_key).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(-_TASK.c.priority, _TASK.c.task_key) > sa.tuple_(-after[0], after[1]))
    rows = [dict(row) for row in connection.execute(query.with_for_update(skip_locked=True)).mappings()]
    if not rows:
        return Taken((), None)
    go: list[Task] = []
    blocked: dict[str, list[str]] = {}
    for row, opinion in zip(rows, ask_gate(connection, gate, addressees, rows), strict=True):
        if opinion.verdict == "go":
            go.append({**row, "attempts": row["attempts"] + 1})
        elif opinion.verdict == "block":
            blocked.setdefault(opinion.rule or "policy", []).append(row["task_key"])
    for rule, keys in sorted(blocked.items()):
        _move(connection, keys, State.BLOCKED, gate.now, state_reason=rule)
    if go:
        _move(
            connection,
            [task["task_key"] for task in go],
            State.SENDING,
            gate.now,
            state_reason=None,
            worker=worker,
            lease_until=gate.now + LEASE,
            attempts=_TASK.c.attempts + 1,
            last_attempt_at=gate.now,
            next_attempt_at=None,
        )
        _append(connection, [_event(task, Event.RESERVED, gate.now) for task in go])
    return Taken(go, (rows[-1]["priority"], rows[-1]["task_key"]))


def record(
    connection: sa.Connection, tasks: Sequence[Task], results: Sequence[SendResult], now: datetime, retry: Retry
) -> Counter[State]:
    """Writes down how attempts ended, in the caller's transaction; returns how many ended how."""
    by_key = {task["task_key"]: task for task in tasks}
    changes, events = [], []
    for result in results:
        task = by_key[result.key]
        again = now + backoff(task["task_key"], task["attempts"], retry) if result.state == State.FAILED else None
        changes.append(
            {
                "key": result.key,
                "to": result.state.value,
                "sources": [state.value for state in sources_of(result.state)],
                "because": _reason(task, result),
                "provider": result.provider_id,
                "again": again,
            }
        )
        events.append(
            _event(
                task,
                Event(result.state.value),
                now,
                provider_id=result.provider_id,
                reason=result.reason,
                tries=result.tries,
            )
        )
    if changes:
        connection.execute(
            sa.update(_TASK)
            .where(
                _TASK.c.task_key == sa.bindparam("key"), _TASK.c.state == sa.any_(sa.bindparam("sources", type_=_TEXTS))
            )
            .values(
                state=sa.bindparam("to"),
                state_reason=sa.bindparam("because"),
                provider_id=sa.func.coalesce(sa.bindparam("provider", type_=sa.Text), _TASK.c.provider_id),
                worker=None,
                lease_until=None,
                next_attempt_at=sa.bindparam("again", type_=_TASK.c.next_attempt_at.type),
                changed_at=now,
            ),
            changes,
        )
        _append(connection, events)
    return Counter(result.state for result in results)


def kill_without_address(connection: sa.Connection, tasks: Sequence[Task], now: datetime) -> None:
    """Ends tasks that were taken although their customer has no usable address."""
    _move(
        connection,
        [task["task_key"] for task in tasks],
        State.DEAD,
        now,
        state_reason="address.invalid",
        worker=None,
        lease_until=None,
    )
    _append(connection, [_event(task, Event.DEAD, now, reason="address.invalid", tries=0) for task in tasks])


def settle_left_behind(
    connection: sa.Connection, now: datetime, day: date, *, channel: str, repeats_dropped: bool
) -> int:
    """Settles tasks of `channel` whose worker is gone; returns how many there were.

    Where repeats are dropped and the day is not over, they may be sent again under their key. Otherwise whether they
    went is not known, and they are never sent again.
    """
    sending = sa.and_(_TASK.c.channel == channel, _TASK.c.state == State.SENDING.value)
    workers = connection.execute(sa.select(_TASK.c.worker).where(sending).distinct()).scalars().all()
    gone = [
        worker
        for worker in workers
        if connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(worker))).scalar_one()
    ]
    left = sa.and_(sending, sa.or_(_TASK.c.worker.in_(gone), _TASK.c.lease_until < now))
    again = sa.and_(sa.literal(repeats_dropped), _TASK.c.business_day == day)
    settled = (
        connection.execute(
            sa.update(_TASK)
            .where(left)
            .values(
                state=sa.case((again, State.FAILED.value), else_=State.UNKNOWN.value),
                state_reason=INTERRUPTED,
                worker=None,
                lease_until=None,
                changed_at=now,
            )
            .returning(_TASK)
        )
        .mappings()
        .all()
    )
    events = {State.FAILED: Event.INTERRUPTED, State.UNKNOWN: Event.UNKNOWN}
    _append(connection, [_event(dict(task), events[State(task["state"])], now, reason=INTERRUPTED) for task in settled])
    return len(settled)


def end_overdue(connection: sa.Connection, now: datetime, day: date) -> Counter[State]:
    """Ends what can no longer go: unanswered approvals lapse, the rest expires; what may have gone becomes unknown."""
    over = sa.or_(_TASK.c.business_day < day, sa.and_(_TASK.c.business_day == day, _TASK.c.window_closes_at <= now))
    doubtful = sa.and_(_TASK.c.state == State.FAILED.value, _TASK.c.state_reason.in_(sorted(DOUBTFUL_REASONS)))
    ended: Counter[State] = Counter()
    for state, condition in (
        (State.LAPSED, _TASK.c.state == State.AWAITING_APPROVAL.value),
        (State.UNKNOWN, doubtful),
        (State.EXPIRED, _TASK.c.state.in_([source.value for source in sources_of(State.EXPIRED)])),
    ):
        ended[state] = connection.execute(
            sa.update(_TASK)
            .where(over, condition)
            .values(
                state=state.value,
                state_reason=sa.case((doubtful, _TASK.c.state_reason), else_="window.closed"),
                next_attempt_at=None,
                changed_at=now,
            )
        ).rowcount
    return ended


def decide(
    connection: sa.Connection, day: date, now: datetime, state: State, decided_by: str, placements: Sequence[str] | None
) -> int:
    """Writes a person's answer on the tasks of `day` that wait for one; returns how many there were."""
    waiting = [_TASK.c.business_day == day, _TASK.c.state.in_([source.value for source in sources_of(state)])]
    if placements is not None:
        waiting.append(_TASK.c.placement.in_(placements))
    return connection.execute(
        sa.update(_TASK)
        .where(*waiting)
        .values(state=state.value, state_reason=None, decided_by=decided_by, decided_at=now, changed_at=now)
    ).rowcount


def count_states(connection: sa.Connection, day: date) -> dict[tuple[str, str, str], int]:
    """Tasks of `day` by channel, placement and state."""
    rows = connection.execute(
        sa.select(_TASK.c.channel, _TASK.c.placement, _TASK.c.state, sa.func.count())
        .where(_TASK.c.business_day == day)
        .group_by(_TASK.c.channel, _TASK.c.placement, _TASK.c.state)
        .order_by(_TASK.c.channel, _TASK.c.placement, _TASK.c.state)
    )
    return {(channel, placement, state): count for channel, placement, state, count in rows}


def backoff(key: str, attempts: int, retry: Retry) -> timedelta:
    """The wait before the next try: doubling up to the longest, spread by up to a quarter by the task's key."""
    minutes = min(retry.first_wait_minutes * 2 ** min(attempts - 1, 16), retry.longest_wait_minutes)
    spread = int(hashlib.sha256(f"{key}|{attempts}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return timedelta(minutes=minutes * (1 + spread / 4))


def _reason(task: Task, result: SendResult) -> str | None:
    # a failure does not settle the doubt that an earlier one left
    earlier: str | None = task["state_reason"]
    keeps = result.state == State.FAILED and earlier in DOUBTFUL_REASONS
    return earlier if keeps else result.reason


_TEXTS = sa.ARRAY(sa.Text)


def _move(connection: sa.Connection, keys: Sequence[str], target: State, now: datetime, **values: Any) -> None:
    connection.execute(
        sa.update(_TASK)
        .where(
            _TASK.c.task_key == sa.any_(sa.literal(list(keys), _TEXTS)),
            _TASK.c.state.in_([source.value for source in sources_of(target)]),
        )
        .values(state=target.value, changed_at=now, **values)
    )


def _event(
    task: Task,
    event: Event,
    now: datetime,
    *,
    provider_id: str | None = None,
    outcome: str | None = None,
    reason: str | None = None,
    tries: int = 0,
) -> dict[str, Any]:
    return {
        "task_key": task["task_key"],
        "attempt_no": task["attempts"],
        "event": event.value,
        "at": now,
        "business_day": task["business_day"],
        "customer_id": task["customer_id"],
        "channel": task["channel"],
        "provider_id": provider_id,
        "outcome": outcome,
        "reason": reason,
        "tries": tries,
    }


def _append(connection: sa.Connection, events: Sequence[dict[str, Any]]) -> None:
    if events:
        connection.execute(insert(_ATTEMPT).on_conflict_do_nothing(), list(events))
