"""Calls by hand: reserved under the day's limits with the customer's other contacts, and settled by their result.

A call is a task of the outbox over the channel `phone`, one that the plan put on the owner's list or one in a slot
`call-<n>` of its own: every count that looks at the outbox counts it from the moment of its reservation.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.clock import Clock
from arrears.desk.refusals import Refusal
from arrears.desk.views import Call
from arrears.outreach.addressees import Addressee, Addressees
from arrears.outreach.channels.names import MANUAL_CHANNEL
from arrears.outreach.gate import Gate, Opinion
from arrears.outreach.history import open_books
from arrears.outreach.ops_reads import HAND_SLOT
from arrears.outreach.promised import with_promises
from arrears.outreach.rules import ContactRules
from arrears.outreach.states import Event, State
from arrears.rules.policy import Policy
from arrears.run import Run, open_run
from arrears.settings import Settings
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask
from arrears.warehouse.ops_desk import CaseEvent

PERSON = 0
"""What stands for the worker of a call: a person, who holds no lock."""
NO_RESULT = "call.no_result"
_NEVER_RANG = frozenset({"invalid", "failed"})

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_EVENT: sa.Table = CaseEvent.__table__  # type: ignore[assignment]


class CallGate:
    """What the day's published ledger says of customers, kept as long as it stays as it is; safe between threads."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[date, Mapping[str, str] | None, Run, Addressees] | None = None
        self._open = ExitStack()

    def addressee(self, customer_id: str, contact: ContactRules, pack: Policy) -> Addressee | None:
        """The customer as the day's ledger has him; None when he has no case there. Raises NotPublishedError."""
        today = self._clock.today()
        with self._lock:
            if self._known is not None:
                day, published, run, addressees = self._known
                if day != today or run.lake.published("ledger", run.day) != published:
                    self.close()
            if self._known is None:
                with ExitStack() as stack:
                    run = stack.enter_context(open_run(self._settings, today, self._clock))
                    addressees = Addressees(run, contact, pack)
                    self._known = (today, run.lake.published("ledger", run.day), run, addressees)
                    self._open = stack.pop_all()
            return self._known[3].of([customer_id])[customer_id]

    def close(self) -> None:
        """Forgets what was read."""
        self._known = None
        self._open.close()


def reserve(connection: sa.Connection, case: sa.Row[Any], addressee: Addressee | None, gate: Gate) -> Call:
    """Reserves a call on a locked case under the customer's lock. Raises Refusal with the rule that forbids it."""
    customer = case.customer_id
    book = open_books(connection, gate, {customer: addressee}, [customer], besides=[])[customer]
    addressee = with_promises(
        connection, {customer: addressee}, [customer], gate.now.date(), gate.contact.live_promise
    )[customer]
    opinion = gate.judge({"channel": MANUAL_CHANNEL, "contract_ids": case.contract_ids}, addressee, book)
    if opinion.verdict != "go":
        rule = opinion.rule or "policy"
        waits = opinion.verdict == "wait"
        raise Refusal(
            kind="limit" if waits or rule.startswith("cap.") or rule in gate.policy.limit_rules else "forbidden",
            rule=rule,
            expected="a call that the rules of contact allow now",
            found="one that may go later today" if waits else "one that may not go today",
            where="the call",
            action="Try again later." if waits else "Leave the customer in peace today.",
        )
    call = write_call(connection, case, gate.now, gate.policy.name, opinion)
    warnings = tuple(flag.partition(":")[2] for flag in opinion.flags)
    return Call(call.call_id, call.case_id, call.reserved_at, call.number_today, warnings)


def write_call(
    connection: sa.Connection,
    case: sa.Row[Any],
    now: datetime,
    policy: str | None = None,
    opinion: Opinion | None = None,
) -> Call:
    """Writes a call that is under way into the outbox; the transaction holds the customer's lock.

    A call that the plan put on the owner's list is that call; otherwise it has a slot of its own.
    """
    day = now.date()
    of_today = (
        _TASK.c.customer_id == case.customer_id,
        _TASK.c.business_day == day,
        _TASK.c.channel == MANUAL_CHANNEL,
    )
    before = connection.execute(
        sa.select(
            sa.func.count().filter(_TASK.c.attempts > 0), sa.func.count().filter(_TASK.c.slot.startswith(HAND_SLOT))
        ).where(*of_today)
    ).one()
    number, by_hand = before[0] + 1, before[1] + 1
    under_way = {
        "state": State.SENDING.value,
        "attempts": 1,
        "worker": PERSON,
        "last_attempt_at": now,
        "changed_at": now,
        "policy": policy,
        "policy_rule": opinion.rule if opinion else None,
        "policy_source": opinion.source if opinion else None,
        "policy_flags": (",".join(opinion.flags) or None) if opinion else None,
    }
    wanted = (
        sa.select(_TASK.c.task_key)
        .where(*of_today, _TASK.c.state == State.PLANNED.value, _TASK.c.window_closes_at > now)
        .order_by(_TASK.c.window_opens_at, _TASK.c.task_key)
        .limit(1)
        .with_for_update()
        .scalar_subquery()
    )
    listed = connection.execute(
        sa.update(_TASK).where(_TASK.c.task_key == wanted).values(under_way).returning(_TASK.c.task_key)
    ).scalar_one_or_none()
    slot = f"{HAND_SLOT}{by_hand}"
    key = listed or hashlib.sha256(f"{case.customer_id}|{day.isoformat()}|{slot}".encode()).hexdigest()
    if listed is None:
        midnight = datetime.combine(day, datetime.min.time(), now.tzinfo)
        connection.execute(
            sa.insert(_TASK).values(
                task_key=key,
                business_day=day,
                customer_id=case.customer_id,
                slot=slot,
                lead_contract_id=case.lead_contract_id,
                contract_ids=case.contract_ids,
                channel=MANUAL_CHANNEL,
                template=None,
                language=case.language or "",
                queue=case.queue,
                placement=case.placement,
                priority=case.priority,
                needs_approval=False,
                window_opens_at=midnight,
                window_closes_at=midnight + timedelta(days=1),
                planned_at=now,
                **under_way,
            )
        )
    _tell(connection, key, day, case.customer_id, Event.RESERVED, now)
    return Call(key, case.case_id, now, number)


def open_call(connection: sa.Connection, case: sa.Row[Any], now: datetime) -> str | None:
    """The call that the case's owner reserved today and that has no result yet; None: there is none.

    The transaction holds the customer's lock. Raises Refusal where there are several, and nobody can tell which one was
    meant.
    """
    found = connection.scalars(
        sa.select(_TASK.c.task_key)
        .join_from(_TASK, _EVENT, _EVENT.c.details["call_id"].astext == _TASK.c.task_key)
        .where(
            _TASK.c.customer_id == case.customer_id,
            _TASK.c.business_day == now.date(),
            _TASK.c.channel == MANUAL_CHANNEL,
            _TASK.c.state == State.SENDING.value,
            _EVENT.c.case_id == case.case_id,
            _EVENT.c.action == "call",
            _EVENT.c.collector_id == case.collector_id,
        )
        .order_by(_TASK.c.last_attempt_at, _TASK.c.task_key)
    ).all()
    if len(found) > 1:
        raise Refusal(
            kind="invalid",
            rule="call.which",
            expected="the call_id of the call that the result is of",
            found=f"none, and {len(found)} reserved calls without a result",
            where="the result",
            action="Send the call_id that the reservation answered.",
        )
    return found[0] if found else None


def settle_call(connection: sa.Connection, case: sa.Row[Any], call_id: str, outcome: str, now: datetime) -> None:
    """Settles a reserved call of the case's customer. Raises Refusal for one that is not his, or is settled."""
    task = connection.execute(
        sa.select(_TASK)
        .where(
            _TASK.c.task_key == call_id,
            _TASK.c.channel == MANUAL_CHANNEL,
            _TASK.c.customer_id == case.customer_id,
        )
        .with_for_update()
    ).one_or_none()
    if task is None or task.state not in (State.SENDING, State.UNKNOWN):
        settled = task is not None
        raise Refusal(
            kind="conflict" if settled else "not_found",
            rule="call.settled" if settled else "call.unknown",
            expected="a reserved call of the case that has no result yet",
            found="one that has a result" if settled else "no such call",
            where="the result",
            action="Record a result once for each call.",
        )
    rang = outcome not in _NEVER_RANG
    connection.execute(
        sa.update(_TASK)
        .where(_TASK.c.task_key == call_id)
        .values(
            state=State.DELIVERED.value if rang else State.DEAD.value,
            state_reason=None if rang else f"call.{outcome}",
            outcome=outcome,
            worker=None,
            changed_at=now,
        )
    )
    event = Event.DELIVERED if rang else Event.UNDELIVERED
    _tell(connection, call_id, task.business_day, task.customer_id, event, now, outcome)


def end_forgotten_calls(connection: sa.Connection, now: datetime, day: date) -> int:
    """Calls of earlier days without a result: whether they were made is not known; how many there were."""
    forgotten = connection.execute(
        sa.update(_TASK)
        .where(_TASK.c.channel == MANUAL_CHANNEL, _TASK.c.state == State.SENDING.value, _TASK.c.business_day < day)
        .values(state=State.UNKNOWN.value, state_reason=NO_RESULT, worker=None, changed_at=now)
        .returning(_TASK.c.task_key, _TASK.c.business_day, _TASK.c.customer_id)
    ).all()
    for task in forgotten:
        _tell(connection, task.task_key, task.business_day, task.customer_id, Event.UNKNOWN, now, reason=NO_RESULT)
    return len(forgotten)


def _tell(
    connection: sa.Connection,
    key: str,
    day: date,
    customer_id: str,
    event: Event,
    now: datetime,
    outcome: str | None = None,
    reason: str | None = None,
) -> None:
    connection.execute(
        insert(_ATTEMPT)
        .values(
            task_key=key,
            attempt_no=1,
            event=event.value,
            at=now,
            business_day=day,
            customer_id=customer_id,
            channel=MANUAL_CHANNEL,
            outcome=outcome,
            reason=reason,
            tries=0,
        )
        .on_conflict_do_nothing()
    )
