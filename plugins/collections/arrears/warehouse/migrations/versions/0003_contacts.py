"""Contacts: the outbox, the attempts, and how far each channel's receipts were taken in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_contacts"
down_revision: str | None = "0002_cases"
branch_labels = None
depends_on = None

_APPEND_ONLY = """
CREATE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: rows are neither changed nor deleted', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END
$$
"""
_APPEND_ONLY_ATTEMPTS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.contact_attempt
FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()
"""


def upgrade() -> None:
    op.create_table(
        "contact_channel",
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel."),
        sa.Column(
            "receipts_cursor", sa.Text(), nullable=False, comment="The provider's cursor after the last receipt."
        ),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it last moved."),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_contact_channel")),
        schema="ops",
        comment="How far each channel's receipts were taken in. Grain: channel.",
    )
    op.create_table(
        "contact_task",
        sa.Column(
            "task_key",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of customer, business day and slot; the idempotency key that the provider sees.",
        ),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day of the contact."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer to contact."),
        sa.Column("slot", sa.Text(), nullable=False, comment="Slot of the cadence in contact.yaml."),
        sa.Column("lead_contract_id", sa.Text(), nullable=False, comment="The customer's harshest contract."),
        sa.Column(
            "contract_ids", sa.Text(), nullable=False, comment="Contracts that the contact covers, comma separated."
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="sms, email, dialer, field, agency or legal."),
        sa.Column("template", sa.Text(), nullable=True, comment="Message template; NULL for lists."),
        sa.Column("language", sa.Text(), nullable=False, comment="Language of the message."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Work queue of the case."),
        sa.Column("placement", sa.Text(), nullable=False, comment="in_house, agency, field or legal."),
        sa.Column("priority", sa.Integer(), nullable=False, comment="Higher goes first."),
        sa.Column(
            "needs_approval", sa.Boolean(), nullable=False, comment="Whether a person must agree before it goes."
        ),
        sa.Column(
            "window_opens_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="First instant at which it may go."
        ),
        sa.Column(
            "window_closes_at",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            comment="First instant at which it may no longer go.",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="Where it stands; see arrears.outreach.states."),
        sa.Column("state_reason", sa.Text(), nullable=True, comment="Rule or code that explains the state."),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            comment="Attempts so far; a task with one is final for later plans.",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="What the provider reported: delivered, right_party, connected, no_answer, …",
        ),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="The provider's id of what it took."),
        sa.Column(
            "worker",
            sa.BigInteger(),
            nullable=True,
            comment="Worker that is sending it: key of the advisory lock that it holds while it lives.",
        ),
        sa.Column(
            "lease_until", sa.TIMESTAMP(timezone=True), nullable=True, comment="Until when the worker may be silent."
        ),
        sa.Column(
            "next_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="Earliest next try of a failed one."
        ),
        sa.Column("last_attempt_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="When it was last tried."),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="Login of the person who approved or rejected."),
        sa.Column(
            "decided_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="When it was approved or rejected."
        ),
        sa.Column("planned_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was first planned."),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When the row last changed."),
        sa.CheckConstraint("(state = 'sending') = (worker IS NOT NULL)", name=op.f("ck_contact_task_worker")),
        sa.CheckConstraint(
            "state IN ('planned', 'awaiting_approval', 'approved', 'sending', 'sent', 'delivered', 'failed', 'dead', "
            "'unknown', 'blocked', 'cancelled', 'rejected', 'lapsed', 'expired')",
            name=op.f("ck_contact_task_state"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_contact_task_attempts")),
        sa.CheckConstraint("window_opens_at < window_closes_at", name=op.f("ck_contact_task_window")),
        sa.PrimaryKeyConstraint("task_key", name=op.f("pk_contact_task")),
        sa.UniqueConstraint(
            "customer_id", "business_day", "slot", name=op.f("uq_contact_task_customer_id_business_day_slot")
        ),
        schema="ops",
        comment="The outbox: a planned contact with a customer. Grain: customer x business day x cadence slot.",
    )
    op.create_index(
        op.f("ix_contact_task_business_day_channel_state"),
        "contact_task",
        ["business_day", "channel", "state"],
        unique=False,
        schema="ops",
    )
    op.create_index(op.f("ix_contact_task_state"), "contact_task", ["state"], unique=False, schema="ops")
    op.create_table(
        "contact_attempt",
        sa.Column("task_key", sa.Text(), nullable=False, comment="Contact task."),
        sa.Column(
            "attempt_no",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the attempt at the task, from 1.",
        ),
        sa.Column(
            "event",
            sa.Text(),
            nullable=False,
            comment="reserved before sending, then how it ended; receipts add delivered.",
        ),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When, by the clock of acting."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day of the task."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer."),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel that was used."),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="The provider's id, once known."),
        sa.Column("outcome", sa.Text(), nullable=True, comment="What the provider reported."),
        sa.Column("reason", sa.Text(), nullable=True, comment="Code of what went wrong."),
        sa.Column(
            "tries",
            sa.Integer(),
            nullable=False,
            comment="How often the provider was asked in this attempt, under one key.",
        ),
        sa.CheckConstraint(
            "event IN ('reserved', 'interrupted', 'sent', 'failed', 'dead', 'unknown', 'delivered', 'undelivered')",
            name=op.f("ck_contact_attempt_event"),
        ),
        sa.CheckConstraint("attempt_no >= 1", name=op.f("ck_contact_attempt_attempt_no")),
        sa.ForeignKeyConstraint(["task_key"], ["ops.contact_task.task_key"], name=op.f("fk_contact_attempt_task_key")),
        sa.PrimaryKeyConstraint("task_key", "attempt_no", "event", name=op.f("pk_contact_attempt")),
        schema="ops",
        comment="What happened to each attempt at a contact task; append-only. Grain: attempt x event.",
    )
    op.create_index(
        op.f("ix_contact_attempt_business_day_channel"),
        "contact_attempt",
        ["business_day", "channel"],
        unique=False,
        schema="ops",
    )
    op.create_index(
        op.f("ix_contact_attempt_customer_id_business_day"),
        "contact_attempt",
        ["customer_id", "business_day"],
        unique=False,
        schema="ops",
    )
    # ### end Alembic commands ###
    op.execute(_APPEND_ONLY)
    op.execute(_APPEND_ONLY_ATTEMPTS)


def downgrade() -> None:
    op.drop_table("contact_attempt", schema="ops")
    op.drop_table("contact_task", schema="ops")
    op.drop_table("contact_channel", schema="ops")
    op.execute("DROP FUNCTION ops.refuse_change()")
