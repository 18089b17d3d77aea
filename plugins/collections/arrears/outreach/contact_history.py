"""All contacts with one customer, for the page *Outreach*: attempts, verdicts, receipts, calls by hand, statements.

No name, address or text of a message is read. What the lender's other systems did comes from the day's ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import pyarrow.dataset as ds
import sqlalchemy as sa

from arrears.day import BusinessDay
from arrears.lake import Lake
from arrears.outreach import outbox
from arrears.outreach.states import State, sources_of
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice
from arrears.warehouse.ops_contacts import ContactAction, ContactAttempt, ContactTask
from arrears.warehouse.ops_desk import ContactResult

_LONGEST = 300

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_ACTION: sa.Table = ContactAction.__table__  # type: ignore[assignment]


@dataclass(frozen=True)
class ContactEvent:
    """What happened to an attempt."""

    attempt_no: int
    event: str
    at: datetime
    outcome: str | None
    reason: str | None
    tries: int


@dataclass(frozen=True)
class PersonAct:
    """What a person did to a contact."""

    action: str
    at: datetime
    by: str
    why: str


@dataclass(frozen=True)
class HistoryContact:
    """One contact with a customer, or one that was wanted and stopped."""

    task_key: str | None
    """None: a contact that a collector recorded without reserving a call, or that a partner reported."""
    business_day: date
    channel: str
    slot: str | None
    template: str | None
    state: str
    state_reason: str | None
    outcome: str | None
    policy: str | None
    policy_rule: str | None
    policy_source: str | None
    policy_flags: tuple[str, ...]
    decided_by: str | None
    decision_reason: str | None
    window_opens_at: datetime | None
    window_closes_at: datetime | None
    collector_id: str | None = None
    """Who made a call by hand."""
    events: tuple[ContactEvent, ...] = ()
    acts: tuple[PersonAct, ...] = ()
    may_cancel: bool = False
    may_redrive: bool = False


@dataclass(frozen=True)
class Statement:
    """What the customer allowed, refused or did since the ledger was pulled."""

    at: datetime
    what: str
    """allowed or refused; payment or reply."""
    channel: str | None
    reason: str | None
    source: str
    until: datetime | None = None


@dataclass(frozen=True)
class CaseHistory:
    """All that is known of the contacts with one customer."""

    customer_id: str
    case_id: str | None
    """The open case, if there is one."""
    contacts: tuple[HistoryContact, ...]
    """The latest first."""
    statements: tuple[Statement, ...] = field(default=())
    is_whole: bool = True
    """False: there are older ones that are not shown."""


def find_customer(connection: sa.Connection, asked: str) -> str | None:
    """The customer that an id names: his own, his case's, or that of a contract in a case. None: nobody is."""
    by_case = sa.select(CASE.c.customer_id).where(
        sa.or_(CASE.c.case_id == asked, CASE.c.customer_id == asked, CASE.c.lead_contract_id == asked)
    )
    found: str | None = connection.scalar(by_case.order_by(CASE.c.opened_on.desc()).limit(1))
    if found is None:
        listed = sa.func.string_to_array(CASE.c.contract_ids, ",")
        found = connection.scalar(
            sa.select(CASE.c.customer_id).where(sa.literal(asked) == sa.any_(listed)).order_by(CASE.c.case_id).limit(1)
        )
    if found is None:
        found = connection.scalar(sa.select(_TASK.c.customer_id).where(_TASK.c.customer_id == asked).limit(1))
    return found


def read_history(connection: sa.Connection, lake: Lake, customer_id: str, now: datetime) -> CaseHistory:
    """All contacts with a customer that Arrears, a collector, a partner or another system made or wanted, the latest
    first.

    `now` is in the lender's time zone; the ledger is that of its day, or of the last day before with contacts.
    """
    latest = (
        sa.select(_TASK)
        .where(_TASK.c.customer_id == customer_id)
        .order_by(_TASK.c.business_day.desc(), _TASK.c.window_opens_at.desc(), _TASK.c.slot.desc())
        .limit(_LONGEST + 1)
    )
    tasks = [dict(row) for row in connection.execute(latest).mappings()]
    shown = tasks[:_LONGEST]
    keys = [task["task_key"] for task in shown]
    events: dict[str, list[ContactEvent]] = defaultdict(list)
    told = sa.select(_ATTEMPT).where(_ATTEMPT.c.task_key.in_(keys)).order_by(_ATTEMPT.c.at, _ATTEMPT.c.attempt_no)
    for row in sorted(connection.execute(told).mappings(), key=lambda each: (each["at"], _EVENT_ORDER[each["event"]])):
        events[row["task_key"]].append(
            ContactEvent(row["attempt_no"], row["event"], row["at"], row["outcome"], row["reason"], row["tries"])
        )
    acts: dict[str, list[PersonAct]] = defaultdict(list)
    for act in connection.execute(sa.select(_ACTION).where(_ACTION.c.task_key.in_(keys)).order_by(_ACTION.c.action_id)):
        acts[act.task_key].append(PersonAct(act.action, act.at, act.by, act.why))
    result: sa.Table = ContactResult.__table__  # type: ignore[assignment]
    recorded = connection.execute(
        sa.select(result).where(result.c.customer_id == customer_id).order_by(result.c.attempted_at.desc())
    ).all()
    by_task = {row.task_key: row for row in recorded if row.task_key}
    contacts = [
        _contact(
            task, by_task.get(task["task_key"]), tuple(events[task["task_key"]]), tuple(acts[task["task_key"]]), now
        )
        for task in shown
    ]
    contacts += [_recorded(row) for row in recorded if row.task_key is None]
    day = now.date() if not shown else max(task["business_day"] for task in shown)
    contacts += _of_ledger(lake, day, customer_id, {row.result_id for row in recorded}, now)
    case_id = connection.scalar(
        sa.select(CASE.c.case_id).where(CASE.c.customer_id == customer_id, CASE.c.state != "closed").limit(1)
    )
    return CaseHistory(
        customer_id=customer_id,
        case_id=case_id,
        contacts=tuple(sorted(contacts, key=_latest, reverse=True)),
        statements=_statements(connection, customer_id),
        is_whole=len(tasks) <= _LONGEST,
    )


_EVENT_ORDER = {
    name: place
    for place, name in enumerate(
        (
            "reserved",
            "interrupted",
            "sent",
            "failed",
            "unknown",
            "dead",
            "delivered",
            "undelivered",
            "answered",
            "promised",
            "opted_out",
        )
    )
}
"""Events of one instant in the order in which they happen."""


def _contact(
    task: Mapping[str, Any],
    result: sa.Row[Any] | None,
    events: tuple[ContactEvent, ...],
    acts: tuple[PersonAct, ...],
    now: datetime,
) -> HistoryContact:
    flags = task["policy_flags"]
    names = (
        "task_key",
        "business_day",
        "channel",
        "slot",
        "template",
        "state",
        "state_reason",
        "outcome",
        "policy",
        "policy_rule",
        "policy_source",
        "decided_by",
        "decision_reason",
        "window_opens_at",
        "window_closes_at",
    )
    return HistoryContact(
        **{name: task[name] for name in names},
        policy_flags=tuple(flags.split(",")) if flags else (),
        collector_id=result.collector_id if result is not None else None,
        events=events,
        acts=acts,
        may_cancel=State(task["state"]) in sources_of(State.CANCELLED) and task["window_closes_at"] > now,
        may_redrive=task["state"] == State.DEAD and outbox.why_not_again(task, now) is None,
    )


def _recorded(row: sa.Row[Any]) -> HistoryContact:
    how = "recorded" if row.collector_id is not None else "reported"
    event = ContactEvent(1, how, row.attempted_at, row.outcome, None, 0)
    made = _told(row.attempted_at, how, row.channel, row.outcome, row.collector_id, event)
    return replace(made, business_day=row.business_day)


def _of_ledger(lake: Lake, day: date, customer_id: str, known: set[str], now: datetime) -> list[HistoryContact]:
    """What the day's ledger knows of contacts, without those that it was fed back from the desk."""
    partition = BusinessDay(day, "frozen")
    if not lake.exists("contact_results", partition):
        return []
    files = [str(path) for path in lake.files("contact_results", partition)]
    found = ds.dataset(files, format="parquet").to_table(
        columns=["result_id", "collector_id", "channel", "attempted_at", "outcome"],
        filter=ds.field("customer_id") == customer_id,
    )
    made = []
    for row in found.sort_by([("attempted_at", "descending")]).slice(0, _LONGEST).to_pylist():
        if row["result_id"] in known:
            continue
        # the ledger tells the lender's local time
        at = row["attempted_at"].replace(tzinfo=now.tzinfo)
        event = ContactEvent(1, "ledger", at, row["outcome"], None, 0)
        made.append(_told(at, "ledger", row["channel"], row["outcome"], row["collector_id"], event))
    return made


def _told(
    at: datetime, state: str, channel: str, outcome: str | None, collector_id: str | None, event: ContactEvent
) -> HistoryContact:
    """A contact that is known by its result alone."""
    return HistoryContact(
        task_key=None,
        business_day=at.date(),
        channel=channel,
        slot=None,
        template=None,
        state=state,
        state_reason=None,
        outcome=outcome,
        policy=None,
        policy_rule=None,
        policy_source=None,
        policy_flags=(),
        decided_by=None,
        decision_reason=None,
        window_opens_at=at,
        window_closes_at=None,
        collector_id=collector_id,
        events=(event,),
    )


def _latest(contact: HistoryContact) -> tuple[date, float]:
    at = contact.events[0].at if contact.events else contact.window_opens_at
    return contact.business_day, at.timestamp() if at else 0.0


def _statements(connection: sa.Connection, customer_id: str) -> tuple[Statement, ...]:
    consent: sa.Table = CustomerConsent.__table__  # type: ignore[assignment]
    notice: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]
    said = [
        Statement(
            at=row.valid_from,
            what="allowed" if row.allowed else "refused",
            channel=row.channel,
            reason=row.reason,
            source=row.source,
            until=row.valid_to,
        )
        for row in connection.execute(sa.select(consent).where(consent.c.customer_id == customer_id))
    ]
    said += [
        Statement(at=row.at, what=row.kind, channel=row.channel, reason=None, source=row.source)
        for row in connection.execute(sa.select(notice).where(notice.c.customer_id == customer_id))
    ]
    return tuple(sorted(said, key=lambda each: each.at, reverse=True))
