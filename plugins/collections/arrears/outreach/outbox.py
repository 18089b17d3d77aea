"""The outbox: taking tasks for sending, writing down how they ended, and settling what a dead worker left.

Whoever takes tasks does so in one transaction: rows locked with SKIP LOCKED, the customers' locks held, the gate
asked, the attempts written under a lease. A task in `sending` whose lease is over, or whose worker is known to be
gone, was left behind.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.addressees import Addressees
from arrears.outreach.channels.base import Repeats, SendResult
from arrears.outreach.gate import Gate
from arrears.outreach.history import ask_gate
from arrears.outreach.rules import Retry
from arrears.outreach.states import DOUBTFUL_REASONS, INTERRUPTED, SENDABLE, Event, State, sources_of
from arrears.outreach.workers import forget, gone, known_workers
from arrears.warehouse.ops_contacts import ContactAction, ContactAttempt, ContactTask

LEASE = timedelta(minutes=10)
"""How long a worker may be silent by the clock of acting before its tasks are taken from it."""

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_ACTION: sa.Table = ContactAction.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)

Task = Mapping[str, Any]
Forbids = Callable[[sa.Connection, Sequence[Task]], Mapping[str, str]]
"""Of due tasks, under their customers' locks, those that something besides the gate blocks: task key → rule."""
Place = tuple[int, str]
"""Priority and key of the last task that was looked at: a push goes through the tasks once, never in circles."""


@dataclass(frozen=True)
class Taken:
    """What one look into the outbox gave."""

    tasks: Sequence[Task]
    """Tasks that may go; their attempts are written."""
    last: Place | None
    """Where the next look begins; None when there was nothing left."""


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
    forbids: Forbids | None = None,
) -> Taken:
    """Takes up to `limit` due tasks in the order of priority, in the caller's transaction.

    Those that the gate lets go are `sending`, with a reserved attempt; those that it, or `forbids`, blocks are
    `blocked`; the others stay as they are.
    """
    query = sa.select(_TASK).where(due).order_by(_TASK.c.priority.desc(), _TASK.c.task_key.desc()).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(_TASK.c.priority, _TASK.c.task_key) < sa.tuple_(*after))
    rows = [dict(row) for row in connection.execute(query.with_for_update(skip_locked=True)).mappings()]
    if not rows:
        return Taken((), None)
    go: list[Task] = []
    blocked: dict[str, list[str]] = {}
    doubtful: list[Task] = []
    opinions = ask_gate(connection, gate, addressees, rows)
    forbidden = forbids(connection, rows) if forbids else {}
    for row, opinion in zip(rows, opinions, strict=True):
        rule = forbidden.get(row["task_key"]) or (opinion.rule or "policy" if opinion.verdict == "block" else None)
        if rule is None and opinion.verdict == "go":
            go.append({**row, "attempts": row["attempts"] + 1})
        elif rule is not None and _is_doubtful(row):
            doubtful.append(row)
        elif rule is not None:
            blocked.setdefault(rule, []).append(row["task_key"])
    for rule, keys in sorted(blocked.items()):
        _move(connection, keys, State.BLOCKED, gate.now, state_reason=rule)
    if doubtful:
        # it may have gone before the rule forbade it: that it was blocked is not known
        _move(connection, [task["task_key"] for task in doubtful], State.UNKNOWN, gate.now, next_attempt_at=None)
        _append(connection, [_event(task, Event.UNKNOWN, gate.now, reason=task["state_reason"]) for task in doubtful])
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
    """Writes down how attempts ended, in the caller's transaction; returns how many ended how.

    What failed as often as it may is a dead letter; where it may have gone all the same, it is unknown. A worker whose
    task was taken from it meanwhile still tells that the provider took it, and nothing else.
    """
    by_key = {task["task_key"]: task for task in tasks}
    ended: dict[State, list[dict[str, Any]]] = {}
    events = []
    for result in results:
        task = by_key[result.key]
        reason = _reason(task, result)
        state: State = result.state
        # one that the channel did not get to is not spent
        if state == State.FAILED and result.tries > 0 and task["attempts"] >= retry.attempts:
            state = State.UNKNOWN if reason in DOUBTFUL_REASONS else State.DEAD
        again = now + backoff(task["task_key"], task["attempts"], retry) if state == State.FAILED else None
        change = {"key": result.key, "attempt": task["attempts"], "because": reason, "again": again}
        ended.setdefault(state, []).append({**change, "provider": result.provider_id})
        event = Event(state.value)
        events.append(
            _event(task, event, now, provider_id=result.provider_id, reason=result.reason, tries=result.tries)
        )
    _lock(connection, _TASK.c.task_key == sa.any_(sa.literal(sorted(by_key), _TEXTS)))
    for state, changes in sorted(ended.items()):
        _end(connection, state, changes, now)
    _append(connection, events)
    return Counter({state: len(changes) for state, changes in ended.items()})


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


def settle_left_behind(connection: sa.Connection, now: datetime, day: date, *, channel: str, repeats: Repeats) -> int:
    """Settles tasks of `channel` whose lease is over or whose worker is gone; returns how many there were.

    Where the provider drops repeats or can be asked, and the day is not over, they may be sent again under their key.
    Otherwise whether they went is not known, and they are never sent again.
    """
    sending = sa.and_(_TASK.c.channel == channel, _TASK.c.state == State.SENDING.value)
    workers = connection.execute(sa.select(_TASK.c.worker).where(sending).distinct()).scalars().all()
    ended = gone(connection, {*workers, *known_workers(connection, channel)}, now)
    left = sa.and_(sending, sa.or_(_TASK.c.worker.in_(ended), _TASK.c.lease_until < now))
    keys = _lock(connection, left)
    again = sa.and_(sa.literal(repeats != "neither"), _TASK.c.business_day == day)
    settled = (
        connection.execute(
            sa.update(_TASK)
            .where(_TASK.c.task_key == sa.any_(sa.literal(keys, _TEXTS)))
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
    if ended:
        forget(connection, ended)
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


def tried_since(connection: sa.Connection, channel: str, day: date) -> bool:
    """Whether anything was tried over `channel` on `day` or later."""
    tried = sa.exists().where(_TASK.c.channel == channel, _TASK.c.business_day >= day, _TASK.c.attempts > 0)
    return bool(connection.execute(sa.select(tried)).scalar_one())


def count_states(connection: sa.Connection, day: date) -> dict[tuple[str, str, str], int]:
    """Tasks of `day` by channel, placement and state."""
    rows = connection.execute(
        sa.select(_TASK.c.channel, _TASK.c.placement, _TASK.c.state, sa.func.count())
        .where(_TASK.c.business_day == day)
        .group_by(_TASK.c.channel, _TASK.c.placement, _TASK.c.state)
        .order_by(_TASK.c.channel, _TASK.c.placement, _TASK.c.state)
    )
    return {(channel, placement, state): count for channel, placement, state, count in rows}


@dataclass(frozen=True)
class Acted:
    """What became of the tasks that a person named."""

    done: Sequence[str]
    """Keys of those that were changed."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why the others were not, by key: a code."""


@dataclass(frozen=True)
class DeadLetter:
    """A task that cannot succeed by itself, or of which nobody knows whether it went."""

    task_key: str
    business_day: date
    channel: str
    customer_id: str
    state: str
    state_reason: str | None
    attempts: int
    last_attempt_at: datetime | None
    why_not: str | None
    """Why it may not be sent again, as a code; None when it may."""


def dead_letters(
    connection: sa.Connection, now: datetime, *, day: date | None = None, channel: str | None = None, limit: int = 500
) -> list[DeadLetter]:
    """The dead and the doubtful tasks of `day` (None: of all days), the latest first."""
    asked: list[sa.ColumnElement[bool]] = [_TASK.c.state.in_([State.DEAD.value, State.UNKNOWN.value])]
    asked += [] if day is None else [_TASK.c.business_day == day]
    asked += [] if channel is None else [_TASK.c.channel == channel]
    rows = connection.execute(
        sa.select(_TASK).where(*asked).order_by(_TASK.c.changed_at.desc(), _TASK.c.task_key).limit(limit)
    ).mappings()
    return [
        DeadLetter(
            **{
                name: row[name]
                for name in (
                    "task_key",
                    "business_day",
                    "channel",
                    "customer_id",
                    "state",
                    "state_reason",
                    "attempts",
                    "last_attempt_at",
                )
            },
            why_not=why_not_again(dict(row), now),
        )
        for row in rows
    ]


def redrive(connection: sa.Connection, keys: Sequence[str], by: str, why: str, now: datetime) -> Acted:
    """Plans dead letters again, in the caller's transaction: `by` and `why` are kept in `ops.contact_action`.

    Only what no provider ever took goes again, under its own key, and passes the gate like any contact; while its
    window is open, on its own day. The others are refused: `unknown` (nobody knows whether it went), `taken` (the
    provider took it, so a repeat under its key would be dropped), `state` (it is no dead letter), `day`, `window`,
    `no_such_task`.
    """
    return _act(connection, "redrive", State.PLANNED, keys, by, why, now, lambda row: why_not_again(row, now))


def cancel(connection: sa.Connection, keys: Sequence[str], by: str, why: str, now: datetime) -> Acted:
    """Cancels contacts that have not gone, in the caller's transaction; `by` and `why` are kept as for `redrive`.

    A later plan does not bring them back. Refused are `state` (it is under way, went, or has ended), `doubtful` (it
    may have gone) and `no_such_task`.
    """

    def refusal(row: Task) -> str | None:
        if State(row["state"]) not in sources_of(State.CANCELLED):
            return "state"
        return "doubtful" if _is_doubtful(row) else None

    return _act(connection, "cancel", State.CANCELLED, keys, by, why, now, refusal)


def _act(
    connection: sa.Connection,
    action: str,
    target: State,
    keys: Sequence[str],
    by: str,
    why: str,
    now: datetime,
    refusal: Callable[[Task], str | None],
) -> Acted:
    select = sa.select(_TASK).where(_TASK.c.task_key == sa.any_(sa.literal(sorted(set(keys)), _TEXTS)))
    rows = [dict(row) for row in connection.execute(select.order_by(_TASK.c.task_key).with_for_update()).mappings()]
    refused = dict.fromkeys(sorted(set(keys) - {row["task_key"] for row in rows}), "no_such_task")
    refused |= {row["task_key"]: rule for row in rows if (rule := refusal(row))}
    done = [row["task_key"] for row in rows if row["task_key"] not in refused]
    if done:
        _move(connection, done, target, now, state_reason=f"person.{action}", next_attempt_at=None)
        acts = [{"at": now, "by": by, "action": action, "task_key": key, "why": why} for key in done]
        connection.execute(sa.insert(_ACTION), acts)
    return Acted(done, refused)


def why_not_again(row: Task, now: datetime) -> str | None:
    """Why a task may not be sent again by a person, as a code of `redrive`; None when it may."""
    if row["state"] == State.UNKNOWN:
        return "unknown"
    if row["state"] != State.DEAD:
        return "state"
    if row["provider_id"] is not None:
        return "taken"
    if row["business_day"] != now.date():
        return "day"
    return None if now < row["window_closes_at"] else "window"


def backoff(key: str, attempts: int, retry: Retry) -> timedelta:
    """The wait before the next try, with full jitter: drawn by the task's key from none up to a doubling longest."""
    minutes = min(retry.first_wait_minutes * 2 ** min(attempts - 1, 16), retry.longest_wait_minutes)
    share = int(hashlib.sha256(f"{key}|{attempts}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    return timedelta(minutes=minutes * share)


def _is_doubtful(task: Task) -> bool:
    return task["state"] == State.FAILED and task["state_reason"] in DOUBTFUL_REASONS


def _reason(task: Task, result: SendResult) -> str | None:
    # a failure does not settle the doubt that an earlier one left
    earlier: str | None = task["state_reason"]
    keeps = result.state == State.FAILED and earlier in DOUBTFUL_REASONS
    return earlier if keeps else result.reason


def _end(connection: sa.Connection, state: State, changes: Sequence[dict[str, Any]], now: datetime) -> None:
    """Ends attempts in `state`; `changes` have key, attempt, because, provider and again."""
    told = _given(
        "told",
        changes,
        {
            "key": sa.Text(),
            "attempt": sa.Integer(),
            "because": sa.Text(),
            "provider": sa.Text(),
            "again": _TASK.c.next_attempt_at.type,
        },
    )
    # what the provider took it took, whoever has the task by now
    still_mine = sa.true() if state == State.SENT else _TASK.c.attempts == told.c.attempt
    connection.execute(
        sa.update(_TASK)
        .where(
            _TASK.c.task_key == told.c.key,
            _TASK.c.state.in_([source.value for source in sources_of(state)]),
            still_mine,
        )
        .values(
            state=state.value,
            state_reason=told.c.because,
            provider_id=sa.func.coalesce(told.c.provider, _TASK.c.provider_id),
            worker=None,
            lease_until=None,
            next_attempt_at=told.c.again,
            changed_at=now,
        )
    )


def _lock(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[str]:
    """Locks tasks in the order of their keys, as every writer of several does: no two then wait in a circle."""
    select = sa.select(_TASK.c.task_key).where(which).order_by(_TASK.c.task_key).with_for_update()
    return list(connection.execute(select).scalars())


def _given(name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> sa.FromClause:
    """`rows` as a table of a statement: one array a column, so that a batch is one statement."""
    arrays = [sa.literal([row[column] for row in rows], sa.ARRAY(kind)) for column, kind in columns.items()]
    made = sa.func.unnest(*arrays).table_valued(*[sa.column(column, kind) for column, kind in columns.items()])
    return made.render_derived(name=name)


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
        columns = {name: _ATTEMPT.c[name].type for name in events[0]}
        given = _given("given", events, columns)
        connection.execute(
            insert(_ATTEMPT)
            .from_select(list(columns), sa.select(*[given.c[name] for name in columns]))
            .on_conflict_do_nothing()
        )
