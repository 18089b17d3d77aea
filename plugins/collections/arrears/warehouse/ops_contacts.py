"""Tables of contact tasks and attempts (schema ops): the outbox, what was tried, and where each channel stands.

Addresses, names and message texts are in none of them: they are joined from the day's published customers at the
moment of sending. All instants come from the clock of acting.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.outreach.states import SENDABLE, Event, State
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
        sa.CheckConstraint("length(decision_reason) <= 200", name="decision_reason"),
        sa.CheckConstraint("(state = 'sending') = (worker IS NOT NULL)", name="worker"),
        sa.UniqueConstraint("customer_id", "business_day", "slot"),
        sa.Index(None, "business_day", "channel", "state"),
        sa.Index(None, "state"),
        sa.Index(
            None,
            "business_day",
            "channel",
            "priority",
            "task_key",
            postgresql_where=sa.column("state").in_([state.value for state in SENDABLE]),
        ),
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
        sa.Text,
        comment="sms, email, dialer, field, agency, legal or repossession; phone: a call that a collector makes by "
        "hand.",
    )
    template: Mapped[str | None] = mapped_column(sa.Text, comment="Message template; NULL for lists.")
    language: Mapped[str] = mapped_column(sa.Text, comment="Language of the message.")
    queue: Mapped[str] = mapped_column(sa.Text, comment="Work queue of the case.")
    placement: Mapped[str] = mapped_column(sa.Text, comment="in_house, agency, field, legal or repossession.")
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
        sa.BigInteger, comment="Worker that is sending it (ops.contact_worker); 0: a person who calls."
    )
    lease_until: Mapped[datetime | None] = mapped_column(INSTANT, comment="Until when the worker may be silent.")
    next_attempt_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="Earliest next try of a failed one.")
    last_attempt_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="When it was last tried.")
    decided_by: Mapped[str | None] = mapped_column(sa.Text, comment="Login of the person who approved or rejected.")
    decided_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="When it was approved or rejected.")
    decision_reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="Why, in the words of who decided, 200 characters at most; NULL: none given."
    )
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
        sa.Text,
        primary_key=True,
        comment="reserved before sending, then how it ended; receipts add delivered, and what the customer answered.",
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
    """Where a channel stands: its receipts, its circuit breaker, its rate. All of its workers share the row."""

    __tablename__ = "contact_channel"
    __table_args__ = (
        _one_of("breaker", ("closed", "open", "half_open"), "breaker"),
        sa.CheckConstraint("(breaker = 'closed') = (breaker_until IS NULL)", name="breaker_until"),
        sa.CheckConstraint("(breaker = 'half_open') = (probe_worker IS NOT NULL)", name="probe_worker"),
        {
            "schema": OPS,
            "comment": "How far each channel's receipts were taken in, and whether and how fast it may send. "
            "Grain: channel.",
        },
    )

    channel: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Channel.")
    receipts_cursor: Mapped[str] = mapped_column(
        sa.Text, server_default="", comment="The provider's cursor after the last receipt."
    )
    breaker: Mapped[str] = mapped_column(
        sa.Text, server_default="closed", comment="closed: sends; open: rests; half_open: one worker tries one message."
    )
    breaker_failures: Mapped[int] = mapped_column(
        server_default="0", comment="Failures of the provider since it last took something, all workers together."
    )
    breaker_until: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="End of its rest, or of the probe's time; by the server's clock. NULL while closed."
    )
    probe_worker: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="Worker that tries the one message; NULL unless half open."
    )
    permits: Mapped[float | None] = mapped_column(
        sa.Double, comment="Messages that may go at once at permits_at; NULL: no rate is set, or none was used yet."
    )
    permits_at: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="When permits was counted, by the server's clock: a rate is about real seconds."
    )
    changed_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it last changed.")


class ContactWorker(Base):
    """A process that is sending."""

    __tablename__ = "contact_worker"
    __table_args__ = (
        {
            "schema": OPS,
            "comment": "Workers that send now, or died while they did. Grain: push of a channel by one process.",
        },
    )

    worker: Mapped[int] = mapped_column(
        sa.BigInteger, primary_key=True, autoincrement=False, comment="Key of the worker, drawn at random."
    )
    channel: Mapped[str] = mapped_column(sa.Text, comment="Channel.")
    machine: Mapped[str] = mapped_column(sa.Text, comment="Where the process runs: only there its end can be seen.")
    process: Mapped[int] = mapped_column(comment="Number of the process there.")
    began_at: Mapped[datetime] = mapped_column(INSTANT, comment="When the push began.")


class ContactAction(Base):
    """What a person did to a task of the outbox."""

    __tablename__ = "contact_action"
    __table_args__ = (
        _one_of("action", ("redrive", "cancel"), "action"),
        sa.CheckConstraint("why <> '' AND length(why) <= 200", name="why"),
        sa.Index(None, "task_key"),
        {
            "schema": OPS,
            "comment": "Who sent dead letters again or cancelled contacts, and why; append-only. Grain: act x task.",
        },
    )

    action_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Order of the acts."
    )
    at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who did it.")
    action: Mapped[str] = mapped_column(sa.Text, comment="redrive or cancel.")
    task_key: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey(ContactTask.task_key), comment="Contact task.")
    why: Mapped[str] = mapped_column(sa.Text, comment="Why, in the person's words, 200 characters at most.")


class UnmatchedReceipt(Base):
    """A receipt that settles nothing."""

    __tablename__ = "unmatched_receipt"
    __table_args__ = (
        _one_of("reason", ("unknown_task", "never_tried", "other_channel", "contradicts", "unreadable"), "reason"),
        {
            "schema": OPS,
            "comment": "Receipts that match no contact that was made, or say something else than what was settled "
            "before; each kept once. Grain: channel x key x outcome.",
        },
    )

    channel: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Channel that reported it.")
    key_digest: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="SHA-256 of the key that it named: a stranger's may say anything."
    )
    outcome: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="What it reported.")
    reason: Mapped[str] = mapped_column(
        sa.Text, comment="unknown_task, never_tried, other_channel, contradicts or unreadable."
    )
    task_key: Mapped[str | None] = mapped_column(sa.Text, comment="The task that has that key, if there is one.")
    times: Mapped[int] = mapped_column(comment="How often it came.")
    first_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it first came.")
    last_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it last came.")


class WebhookCall(Base):
    """A signed call of a provider that was taken."""

    __tablename__ = "webhook_call"
    __table_args__ = (
        sa.Index(None, "received_at"),
        {
            "schema": OPS,
            "comment": "Signatures of the calls that were taken, kept as long as they could be played again. "
            "Grain: channel x call.",
        },
    )

    channel: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Channel.")
    signature: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Signature of the call.")
    received_at: Mapped[datetime] = mapped_column(INSTANT, comment="When, by the machine's clock.")


class PartnerFile(Base):
    """A file that was handed to a partner, or taken from one."""

    __tablename__ = "partner_file"
    __table_args__ = (
        _one_of("kind", ("placement", "recall", "results"), "kind"),
        sa.Index(None, "business_day"),
        {
            "schema": OPS,
            "comment": "Files between the lender and a partner: what was handed over and acknowledged, and what was "
            "taken in. Grain: channel x file.",
        },
    )

    channel: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Channel.")
    file: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Name of the file.")
    kind: Mapped[str] = mapped_column(sa.Text, comment="placement or recall: handed over; results: taken in.")
    business_day: Mapped[date] = mapped_column(comment="Business day.")
    sha256: Mapped[str] = mapped_column(sa.Text, comment="SHA-256 of the file.")
    rows: Mapped[int] = mapped_column(comment="Rows in it.")
    at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was written or taken in.")
    acknowledged_at: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="When the partner's answer was taken in; NULL: none yet, or none is expected."
    )
    accepted: Mapped[bool | None] = mapped_column(comment="Whether the partner took it.")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="Code of why the partner refused it.")
