"""Tables of what people do with cases through the day (schema ops): audit, presets, absences, results, promises.

The audit, the results and the promises are append-only, held by triggers. All instants come from the clock of acting.
No names, no addresses, no free text about a customer.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import OPS, Base
from arrears.warehouse.ops_cases import INSTANT, MONEY, Case
from arrears.warehouse.ops_contacts import ContactTask

Action = Literal[
    "grabbed",
    "renewed",
    "expired",
    "worked",
    "given_back",
    "handed_over",
    "recalled",
    "result",
    "promise",
    "call",
    "absent",
    "back",
    "redealt",
    "batch_set",
    "quota_set",
    "approved",
    "rejected",
    "vehicle_step",
    "placement_recalled",
]
"""What can happen at the desk."""

_LONGEST_REASON = 200


def _one_of(column: str, values: tuple[str, ...], name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_(values), name=name)


class CaseEvent(Base):
    """One act of a person, or the end of a lease."""

    __tablename__ = "case_event"
    __table_args__ = (
        _one_of("action", get_args(Action), "action"),
        sa.CheckConstraint(f"length(reason) <= {_LONGEST_REASON}", name="reason"),
        sa.Index(None, "business_day", "event_id"),
        sa.Index(None, "case_id"),
        {
            "schema": OPS,
            "comment": "The audit of the desk: who did what to which case, and why; append-only. Grain: act x case.",
        },
    )

    event_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Order of the acts."
    )
    at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    business_day: Mapped[date] = mapped_column(comment="Business day.")
    actor: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who did it; arrears: nobody, a rule.")
    via: Mapped[str] = mapped_column(sa.Text, comment="airflow, token, command, or clock for what nobody did.")
    action: Mapped[str] = mapped_column(sa.Text, comment="grabbed, renewed, expired, worked, given_back, …")
    case_id: Mapped[str | None] = mapped_column(sa.Text, comment="Case; NULL for what concerns a queue or a collector.")
    queue: Mapped[str | None] = mapped_column(sa.Text, comment="Queue of the case, or that it is about.")
    collector_id: Mapped[str | None] = mapped_column(
        sa.Text, comment="Who had the case before, or whom it is about; NULL: nobody."
    )
    to_collector_id: Mapped[str | None] = mapped_column(sa.Text, comment="Who has it then; NULL: nobody, the pool.")
    rule: Mapped[str | None] = mapped_column(sa.Text, comment="Rule that it comes from.")
    reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="A reason of allocation.yaml, or a lead's own words, 200 characters at most."
    )
    request_key: Mapped[str | None] = mapped_column(sa.Text, comment="Key of the request, if it had one.")
    details: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=sa.text("'{}'::jsonb"), comment="Further figures, nothing personal."
    )


class CaseExclusion(Base):
    """A collector who must not grab a case again on one day."""

    __tablename__ = "case_exclusion"
    __table_args__ = (
        {
            "schema": OPS,
            "comment": "Who must not grab which case again today: his lease expired, he gave it back, it was taken "
            "from him. Grain: day x collector x case.",
        },
    )

    business_day: Mapped[date] = mapped_column(primary_key=True, comment="Business day on which it holds.")
    collector_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Collector.")
    case_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Case.")
    rule: Mapped[str] = mapped_column(sa.Text, comment="expired, given_back, handed_over or recalled.")


class QueuePreset(Base):
    """What is set by hand for a queue on one day."""

    __tablename__ = "queue_preset"
    __table_args__ = (
        sa.CheckConstraint("grab_batch >= 1", name="grab_batch"),
        {"schema": OPS, "comment": "The batch of a queue's grabs, set by hand for one day. Grain: day x queue."},
    )

    business_day: Mapped[date] = mapped_column(primary_key=True, comment="Business day.")
    queue: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Queue.")
    grab_batch: Mapped[int | None] = mapped_column(comment="Cases that one grab takes; NULL: as the rules say.")
    set_by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who set it.")
    set_at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    reason: Mapped[str] = mapped_column(sa.Text, comment="Why, in the lead's words.")


class CollectorPreset(Base):
    """The quota of a collector in a queue, set by hand for one day."""

    __tablename__ = "collector_preset"
    __table_args__ = (
        sa.CheckConstraint("quota >= 0", name="quota"),
        {
            "schema": OPS,
            "comment": "Quotas set by hand for one day, read by allocate_cases. Grain: day x collector x queue.",
        },
    )

    business_day: Mapped[date] = mapped_column(primary_key=True, comment="Business day.")
    collector_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Collector.")
    queue: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Queue.")
    quota: Mapped[int | None] = mapped_column(comment="Cases that the split gives him; NULL: as the rules say.")
    set_by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who set it.")
    set_at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    reason: Mapped[str] = mapped_column(sa.Text, comment="Why, in the lead's words.")


class Absence(Base):
    """A collector whom a lead reported absent for one day."""

    __tablename__ = "absence"
    __table_args__ = (
        {
            "schema": OPS,
            "comment": "Absences reported by hand, read by allocate_cases and by every grab. Grain: day x collector.",
        },
    )

    business_day: Mapped[date] = mapped_column(primary_key=True, comment="Business day.")
    collector_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Collector.")
    absent: Mapped[bool] = mapped_column(comment="True: absent; false: it was taken back, and the ledger's word holds.")
    set_by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who said so last.")
    set_at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    reason: Mapped[str] = mapped_column(sa.Text, comment="Why, in the lead's words.")


class DeskRequest(Base):
    """A request that was answered, so that its repetition has the same answer."""

    __tablename__ = "desk_request"
    __table_args__ = (
        sa.Index(None, "business_day"),
        {
            "schema": OPS,
            "comment": "Answers to requests with a key, kept for some days. Grain: caller x action x key.",
        },
    )

    caller: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Login or token.")
    action: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="What was asked for.")
    request_key: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="The caller's key.")
    body: Mapped[str] = mapped_column(sa.Text, comment="SHA-256 of what was asked for.")
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="What was answered.")
    business_day: Mapped[date] = mapped_column(comment="Business day.")


class ContactResult(Base):
    """How a contact ended, as a collector recorded it or a partner reported it."""

    __tablename__ = "contact_result"
    __table_args__ = (
        _one_of("initiated_by", ("lender", "customer"), "initiated_by"),
        sa.Index(None, "business_day", "collector_id"),
        sa.Index(None, "customer_id", "business_day"),
        sa.Index(None, "case_id"),
        {
            "schema": OPS,
            "comment": "Results recorded by people or reported by a partner: the columns of the ledger's "
            "contact_results, and who recorded them; append-only. Grain: result.",
        },
    )

    result_id: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="Key of the result; a ledger that feeds it back keeps it."
    )
    case_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey(Case.case_id), comment="Case.")
    contract_id: Mapped[str] = mapped_column(sa.Text, comment="Contract that it was about.")
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Customer that was contacted.")
    collector_id: Mapped[str | None] = mapped_column(
        sa.Text, comment="Collector who made the contact: owner of the case; NULL: a partner made it."
    )
    queue: Mapped[str] = mapped_column(sa.Text, comment="Queue of the case at that time.")
    channel: Mapped[str] = mapped_column(sa.Text, comment="phone, visit, or another name that contact.yaml knows.")
    attempted_at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    outcome: Mapped[str] = mapped_column(sa.Text, comment="connected, right_party, no_answer, …")
    initiated_by: Mapped[str] = mapped_column(sa.Text, comment="lender or customer.")
    task_key: Mapped[str | None] = mapped_column(
        sa.Text,
        sa.ForeignKey(ContactTask.task_key),
        unique=True,
        comment="The call (ops.contact_task) that it settles: the same contact, to be counted once.",
    )
    recorded_by: Mapped[str] = mapped_column(
        sa.Text, comment="Login or token of who recorded it; of a partner its channel."
    )
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was recorded.")
    business_day: Mapped[date] = mapped_column(comment="Business day.")


class Promise(Base):
    """A promise to pay, as a collector recorded it."""

    __tablename__ = "promise"
    __table_args__ = (
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("due_on >= made_on", name="due_on"),
        sa.Index(None, "contract_id", "due_on"),
        sa.Index(None, "customer_id"),
        sa.Index(None, "business_day", "collector_id"),
        {
            "schema": OPS,
            "comment": "Promises recorded by people or reported by a channel: the columns of the ledger's promises, "
            "and who recorded them; append-only. Grain: promise.",
        },
    )

    promise_id: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="Key of the promise; a ledger that feeds it back keeps it."
    )
    result_id: Mapped[str | None] = mapped_column(
        sa.Text,
        sa.ForeignKey(ContactResult.result_id),
        unique=True,
        comment="Result of the contact in which it was made; NULL: a channel reported it.",
    )
    task_key: Mapped[str | None] = mapped_column(
        sa.Text,
        sa.ForeignKey(ContactTask.task_key),
        comment="Contact task over whose channel it was made; NULL: a person recorded it.",
    )
    case_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey(Case.case_id), comment="Case.")
    contract_id: Mapped[str] = mapped_column(sa.Text, comment="Contract that is promised.")
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Customer.")
    collector_id: Mapped[str | None] = mapped_column(
        sa.Text, comment="Collector who was promised it; NULL: nobody, a channel reported it."
    )
    made_on: Mapped[date] = mapped_column(comment="Day the promise was made.")
    due_on: Mapped[date] = mapped_column(comment="Day the money is promised for.")
    amount: Mapped[Decimal] = mapped_column(MONEY, comment="Amount promised.")
    recorded_by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who recorded it.")
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was recorded.")
    business_day: Mapped[date] = mapped_column(comment="Business day.")
