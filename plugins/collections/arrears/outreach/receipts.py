"""Takes in what providers report: each receipt settles its task once, however often and in whatever order it comes.

The first receipt that settles a task holds. What the customer answered (a promise, a refusal of further contacts)
counts whenever it comes, and once. A receipt that matches no contact is kept with the reason.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.channels.base import Receipt
from arrears.outreach.consents import record_consent, record_notice
from arrears.outreach.history import lock_customers
from arrears.outreach.rules import ContactRules
from arrears.outreach.states import Event, State, sources_of
from arrears.warehouse.ops_cases import Case
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask, UnmatchedReceipt
from arrears.warehouse.ops_desk import Promise

log = logging.getLogger(__name__)

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_UNMATCHED: sa.Table = UnmatchedReceipt.__table__  # type: ignore[assignment]
_PROMISE: sa.Table = Promise.__table__  # type: ignore[assignment]
_CASE: sa.Table = Case.__table__  # type: ignore[assignment]

OPT_OUT = "opt_out"
"""Outcome of a receipt that reports a refusal of further contacts."""
PROMISED = "promise"
"""Outcome of a receipt that reports a promise to pay."""
_UNTRIED = frozenset({State.PLANNED, State.APPROVED})
_LONGEST_PROMISE_DAYS = 3660


@dataclass(frozen=True)
class Desk:
    """What taking in receipts goes by: the rules of the day, the day, and the clock of acting."""

    contact: ContactRules
    day: date
    now: datetime


def take_in(
    connection: sa.Connection, channel: str, receipts: Sequence[Receipt], desk: Desk, *, goes_on: bool = False
) -> Counter[str]:
    """Takes in receipts of `channel` in the caller's transaction; gives how many did what.

    taken: settled their task. repeated: said again what was known. promised, opted_out, answered: what customers
    answered, each once. unmatched: kept in `ops.unmatched_receipt`. `goes_on`: the channel works on what it took, so
    that one outcome after another is no contradiction.
    """
    counts: Counter[str] = Counter()
    if not receipts:
        return counts
    tasks = _lock_tasks(connection, {receipt.key for receipt in receipts})
    lock_customers(connection, [task["customer_id"] for task in tasks.values()])
    stray: list[tuple[Receipt, str]] = []
    settling: dict[str, Receipt] = {}
    answering: list[Receipt] = []
    settled = _settled(connection, tasks)
    for receipt in receipts:
        task = tasks.get(receipt.key)
        why = _stray(task, channel)
        if task is None or why is not None:
            stray.append((receipt, why or "unknown_task"))
            continue
        if _answers(receipt):
            answering.append(receipt)
        target = State.DELIVERED if receipt.delivered else State.DEAD
        first = settling.get(receipt.key)
        if first is None and State(task["state"]) in _may_settle(target):
            settling[receipt.key] = receipt
        elif _answers(receipt):
            pass
        elif (receipt.delivered, receipt.outcome) in {settled.get(receipt.key), _said(first)}:
            counts["repeated"] += 1
        elif goes_on and (first is not None or task["state"] == State.DELIVERED):
            pass
        else:
            stray.append((receipt, "contradicts"))
    _settle(connection, channel, settling, tasks, desk.now)
    counts["taken"] += len(settling)
    counts += _take_answers(connection, channel, answering, tasks, desk)
    keep_stray(connection, channel, stray, tasks.keys(), desk.now)
    counts["unmatched"] += len(stray)
    return +counts


def _lock_tasks(connection: sa.Connection, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    # locked in one order, as every writer of several tasks does
    rows = connection.execute(
        sa.select(
            _TASK.c.task_key,
            _TASK.c.business_day,
            _TASK.c.customer_id,
            _TASK.c.channel,
            _TASK.c.state,
            _TASK.c.outcome,
            _TASK.c.attempts,
            _TASK.c.lead_contract_id,
        )
        .where(_TASK.c.task_key == sa.any_(sa.literal(sorted(keys), sa.ARRAY(sa.Text))))
        .order_by(_TASK.c.task_key)
        .with_for_update()
    ).mappings()
    return {row["task_key"]: dict(row) for row in rows}


def _stray(task: Mapping[str, Any] | None, channel: str) -> str | None:
    if task is None:
        return "unknown_task"
    if task["channel"] != channel:
        return "other_channel"
    return None if task["attempts"] > 0 else "never_tried"


def _may_settle(target: State) -> frozenset[State]:
    return frozenset(sources_of(target)) - _UNTRIED


def _settled(connection: sa.Connection, keys: Iterable[str]) -> dict[str, tuple[bool, str | None]]:
    """What the receipts said that settled tasks before, by key."""
    rows = connection.execute(
        sa.select(_ATTEMPT.c.task_key, _ATTEMPT.c.event, _ATTEMPT.c.outcome).where(
            _ATTEMPT.c.task_key == sa.any_(sa.literal(sorted(keys), sa.ARRAY(sa.Text))),
            _ATTEMPT.c.event.in_([Event.DELIVERED.value, Event.UNDELIVERED.value]),
        )
    )
    return {row.task_key: (row.event == Event.DELIVERED, row.outcome) for row in rows}


def _said(receipt: Receipt | None) -> tuple[bool, str | None] | None:
    return None if receipt is None else (receipt.delivered, receipt.outcome)


def _answers(receipt: Receipt) -> bool:
    return receipt.reply is not None or receipt.promised_days is not None or receipt.outcome in {OPT_OUT, PROMISED}


def _settle(
    connection: sa.Connection,
    channel: str,
    settling: Mapping[str, Receipt],
    tasks: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> None:
    for target, event in ((State.DELIVERED, Event.DELIVERED), (State.DEAD, Event.UNDELIVERED)):
        receipts = [each for each in settling.values() if each.delivered == (target == State.DELIVERED)]
        if not receipts:
            continue
        told = (
            sa.func.unnest(
                sa.literal([each.key for each in receipts], sa.ARRAY(sa.Text)),
                sa.literal([each.outcome for each in receipts], sa.ARRAY(sa.Text)),
                sa.literal([each.provider_id for each in receipts], sa.ARRAY(sa.Text)),
            )
            .table_valued(sa.column("key", sa.Text), sa.column("outcome", sa.Text), sa.column("provider", sa.Text))
            .render_derived(name="told")
        )
        because = sa.null() if target == State.DELIVERED else sa.func.concat("provider.", told.c.outcome)
        connection.execute(
            sa.update(_TASK)
            .where(
                _TASK.c.task_key == told.c.key,
                _TASK.c.state.in_([state.value for state in _may_settle(target)]),
            )
            .values(
                state=target.value,
                state_reason=because,
                outcome=told.c.outcome,
                provider_id=sa.func.coalesce(told.c.provider, _TASK.c.provider_id),
                worker=None,
                lease_until=None,
                next_attempt_at=None,
                changed_at=now,
            )
        )
        rows = [_event(tasks[each.key], event, now, channel, each) for each in receipts]
        connection.execute(insert(_ATTEMPT).on_conflict_do_nothing(), rows)


def _take_answers(
    connection: sa.Connection,
    channel: str,
    receipts: Sequence[Receipt],
    tasks: Mapping[str, Mapping[str, Any]],
    desk: Desk,
) -> Counter[str]:
    """Writes down what customers answered, each answer once."""
    counts: Counter[str] = Counter()
    without_case = 0
    for receipt in receipts:
        task = tasks[receipt.key]
        if receipt.outcome == OPT_OUT or is_opt_out(receipt.reply, desk.contact):
            event = Event.OPTED_OUT
        else:
            event = Event.PROMISED if receipt.promised_days is not None else Event.ANSWERED
        noted = connection.execute(
            insert(_ATTEMPT)
            .values(_event(task, event, desk.now, channel, receipt))
            .on_conflict_do_nothing()
            .returning(_ATTEMPT.c.task_key)
        ).scalar_one_or_none()
        if noted is None:
            counts["repeated"] += 1
            continue
        counts[event.value] += 1
        # what was answered says more than that it arrived
        connection.execute(
            sa.update(_TASK)
            .where(_TASK.c.task_key == receipt.key, _TASK.c.state == State.DELIVERED.value)
            .values(outcome=receipt.outcome, changed_at=desk.now)
        )
        record_notice(
            connection,
            task["customer_id"],
            "reply",
            at=desk.now,
            source=channel,
            now=desk.now,
            channel=channel,
            key=f"{receipt.key}.{event.value}",
        )
        if event == Event.OPTED_OUT:
            record_consent(
                connection,
                task["customer_id"],
                channel,
                allowed=False,
                reason="opt_out",
                at=desk.now,
                source=channel,
                recorded_by=channel,
                now=desk.now,
                key=receipt.key,
            )
        elif event == Event.PROMISED and not _record_promise(connection, channel, receipt, task, desk):
            without_case += 1
    if without_case:
        log.warning("channel %s: %d promises on cases that are closed or owe nothing by now", channel, without_case)
    return counts


def _record_promise(
    connection: sa.Connection, channel: str, receipt: Receipt, task: Mapping[str, Any], desk: Desk
) -> bool:
    """Writes a promise that names no amount: it is for all that is overdue on the case. False without an open case."""
    case = connection.execute(
        sa.select(_CASE.c.case_id, _CASE.c.overdue_amount)
        .where(_CASE.c.customer_id == task["customer_id"], _CASE.c.state != "closed")
        .order_by(_CASE.c.opened_on.desc())
        .limit(1)
    ).one_or_none()
    if case is None or case.overdue_amount <= 0:
        return False
    days = min(receipt.promised_days or 0, _LONGEST_PROMISE_DAYS)
    connection.execute(
        insert(_PROMISE)
        .values(
            promise_id=hashlib.sha256(f"{receipt.key}|{channel}".encode()).hexdigest(),
            task_key=receipt.key,
            case_id=case.case_id,
            contract_id=task["lead_contract_id"],
            customer_id=task["customer_id"],
            made_on=desk.day,
            due_on=desk.day + timedelta(days=days),
            amount=case.overdue_amount,
            recorded_by=channel,
            recorded_at=desk.now,
            business_day=desk.day,
        )
        .on_conflict_do_nothing()
    )
    return True


def is_opt_out(reply: str | None, contact: ContactRules) -> bool:
    """Whether a reply refuses further contacts: its text is one of the words of contact.yaml, however it is written."""
    return _folded(reply or "") in {_folded(word) for word in contact.opt_out_words}


def _folded(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def keep_stray(
    connection: sa.Connection, channel: str, stray: Sequence[tuple[Receipt, str]], tasks: Collection[str], now: datetime
) -> None:
    """Keeps receipts that settle nothing, each with its reason; `tasks`: the keys that are those of contacts."""
    kept = [
        (
            hashlib.sha256(receipt.key.encode()).hexdigest(),
            receipt.outcome,
            reason,
            receipt.key if receipt.key in tasks else None,
        )
        for receipt, reason in stray
    ]
    keep_unmatched(connection, channel, kept, now)


def keep_unmatched(
    connection: sa.Connection, channel: str, strays: Iterable[tuple[str, str, str, str | None]], now: datetime
) -> None:
    """Keeps receipts that settle nothing: digest, outcome, reason, and the task's key if there is one."""
    for digest, outcome, reason, task_key in strays:
        statement = insert(_UNMATCHED).values(
            channel=channel,
            key_digest=digest,
            outcome=outcome,
            reason=reason,
            task_key=task_key,
            times=1,
            first_at=now,
            last_at=now,
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[_UNMATCHED.c.channel, _UNMATCHED.c.key_digest, _UNMATCHED.c.outcome],
                set_={"times": _UNMATCHED.c.times + 1, "last_at": now, "reason": statement.excluded.reason},
            )
        )


def _event(task: Mapping[str, Any], event: Event, now: datetime, channel: str, receipt: Receipt) -> dict[str, Any]:
    return {
        "task_key": receipt.key,
        "attempt_no": task["attempts"],
        "event": event.value,
        "at": now,
        "business_day": task["business_day"],
        "customer_id": task["customer_id"],
        "channel": channel,
        "provider_id": receipt.provider_id,
        "outcome": receipt.outcome,
        "reason": None,
        "tries": 0,
    }
