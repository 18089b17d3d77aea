"""Tables of contact tasks and attempts (schema ops): the outbox, what was tried, and where each channel stands.

Addresses, names and message texts are in none of them: they are joined from the day's published customers at the
moment of sending. All instants come from the clock of acting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.outreach.states import Event, State
from arrears.warehouse.base import OPS, Base

INSTANT = sa.TIMESTAMP(timezone=True)


def _one_of(column: str, values: Iterable[str], name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_([str(value) for value in values]), name=name)


class ContactTask(Base):
    """One planned contact."""

    __tablename__ = "contact_task"
    __table_args__ = (
        _one_of("state", State, "state"),
        sa.CheckConstraint("attempts >= 0", name="attempts"),
        sa.CheckConstraint("window_opens_at < window_closes_at", name="window"),
        sa.CheckConstraint("(state = 'sending') = (worker IS NOT NULL)", name="worker"),
        sa.UniqueConstraint("customer_id", "business_day", "slot"),
        sa.Index(None, "business_day", "channel", "state"),
        sa.Index(None, "state"),
        {
            "schema": OPS,
            "comment": "The outbox: a planned contact with a customer. Grain: customer x business day x cadence slot.",
        },
    )

    task_key: Mapped[str] = mapped_column(
        sa.Text,
        primary_key=True,
        comment="SHA-256 of customer, business day and slot; the idempotency key that the provider sees.",
    )
    business_day: Mapped[date] = mapped_column(comment="Business day of the contact.")
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Customer to contact.")
    slot: Mapped[str] = mapped_column(
        sa.Text, comment="Slot of the cadence in contact.yaml; call-n: the n-th call by hand."
    )
    lead_contract_id: Mapped[str] = mapped_column(sa.Text, comment="The customer's harshest contract.")
    contract_ids: Mapped[str] = mapped_column(sa.Text, comment="Contracts that the contact covers, comma separated.")
    channel: Mapped[str] = mapped_column(
        sa.Text, comment="sms, email, dialer, field, agency or legal; phone: a call that a collector makes by hand."
    )
    template: Mapped[str | None] = mapped_column(sa.Text, comment="Message template; NULL for lists.")
    language: Mapped[str] = mapped_column(sa.Text, comment="Language of the message.")
    queue: Mapped[str] = mapped_column(sa.Text, comment="Work queue of the case.")
    placement: Mapped[str] = mapped_column(sa.Text, comment="in_house, agency, field or legal.")
    priority: Mapped[int] = mapped_column(comment="Higher goes first.")
    needs_approval: Mapped[bool] = mapped_column(comment="Whether a person must agree before it goes.")
    policy: Mapped[str | None] = mapped_column(
        sa.Text, comment="Policy packs under which it was planned or judged last, joined by +."
    )
    policy_rule: Mapped[str | None] = mapped_column(
        sa.Text, comment="Rule of the policy that decided on it last; NULL: none had anything against it."
    )
    policy_source: Mapped[str | None] = mapped_column(
        sa.Text, comment="Source of that rule: pack, title and publisher."
    )
    policy_flags: Mapped[str | None] = mapped_column(
        sa.Text, comment="All that the policy remarked, as verdict:rule (warn, rebut, wait), comma separated."
    )
    window_opens_at: Mapped[datetime] = mapped_column(INSTANT, comment="First instant at which it may go.")
    window_closes_at: Mapped[datetime] = mapped_column(INSTANT, comment="First instant at which it may no longer go.")
    state: Mapped[str] = mapped_column(sa.Text, comment="Where it stands; see arrears.outreach.states.")
    state_reason: Mapped[str | None] = mapped_column(sa.Text, comment="Rule or code that explains the state.")
    attempts: Mapped[int] = mapped_column(comment="Attempts so far; a task with one is final for later plans.")
    outcome: Mapped[str | None] = mapped_column(
        sa.Text, comment="What the provider reported: delivered, right_party, connected, no_answer, …"
    )
    provider_id: Mapped[str | None] = mapped_column(sa.Text, comment="The provider's id of what it took.")
    worker: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="Worker that is sending it: key of the advisory lock that it holds while it lives."
    )
    lease_until: Mapped[datetime | None] = mapped_column(INSTANT, comment="Until when the worker may be silent.")
    next_attempt_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="Earliest next try of a failed one.")
    last_attempt_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="When it was last tried.")
    decided_by: Mapped[str | None] = mapped_column(sa.Text, comment="Login of the person who approved or rejected.")
    decided_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="When it was approved or rejected.")
    planned_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was first planned.")
    changed_at: Mapped[datetime] = mapped_column(INSTANT, comment="When the row last changed.")


class ContactAttempt(Base):
    """One event of an attempt; append-only, held by a trigger."""

    __tablename__ = "contact_attempt"
    __table_args__ = (
        _one_of("event", Event, "event"),
        sa.CheckConstraint("attempt_no >= 1", name="attempt_no"),
        sa.Index(None, "business_day", "channel"),
        sa.Index(None, "customer_id", "business_day"),
        {
            "schema": OPS,
            "comment": "What happened to each attempt at a contact task; append-only. Grain: attempt x event.",
        },
    )

    task_key: Mapped[str] = mapped_column(
        sa.Text, sa.ForeignKey(ContactTask.task_key), primary_key=True, comment="Contact task."
    )
    attempt_no: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, comment="Number of the attempt at the task, from 1."
    )
    event: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="reserved before sending, then how it ended; receipts add delivered."
    )
    at: Mapped[datetime] = mapped_column(INSTANT, comment="When, by the clock of acting.")
    business_day: Mapped[date] = mapped_column(comment="Business day of the task.")
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Customer.")
    channel: Mapped[str] = mapped_column(sa.Text, comment="Channel that was used.")
    provider_id: Mapped[str | None] = mapped_column(sa.Text, comment="The provider's id, once known.")
    outcome: Mapped[str | None] = mapped_column(sa.Text, comment="What the provider reported.")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="Code of what went wrong.")
    tries: Mapped[int] = mapped_column(comment="How often the provider was asked in this attempt, under one key.")


class ContactChannel(Base):
    """Where a channel stands."""

    __tablename__ = "contact_channel"
    __table_args__ = ({"schema": OPS, "comment": "How far each channel's receipts were taken in. Grain: channel."},)

    channel: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Channel.")
    receipts_cursor: Mapped[str] = mapped_column(sa.Text, comment="The provider's cursor after the last receipt.")
    changed_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it last moved.")
