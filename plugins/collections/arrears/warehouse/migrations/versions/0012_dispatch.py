"""Dispatch: breaker and rate of channels, workers, acts on tasks, stray receipts, webhooks, partner files, a guard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_dispatch"
down_revision: str | None = "0011_contact_policy"
branch_labels = None
depends_on = None

_INSTANT = sa.TIMESTAMP(timezone=True)

# the moves of arrears.outreach.states.TRANSITIONS; a test holds the two to agree
_GUARD = """
CREATE FUNCTION ops.guard_contact_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE OLD.state
        WHEN 'planned' THEN NEW.state IN ('awaiting_approval', 'sending', 'blocked', 'cancelled', 'dead', 'expired')
        WHEN 'awaiting_approval' THEN NEW.state IN ('planned', 'approved', 'rejected', 'lapsed', 'cancelled')
        WHEN 'approved' THEN NEW.state IN
            ('planned', 'awaiting_approval', 'sending', 'blocked', 'cancelled', 'dead', 'expired')
        WHEN 'sending' THEN NEW.state IN ('sent', 'delivered', 'failed', 'dead', 'unknown')
        WHEN 'failed' THEN NEW.state IN
            ('sending', 'sent', 'delivered', 'dead', 'expired', 'unknown', 'blocked', 'cancelled')
        WHEN 'sent' THEN NEW.state IN ('delivered', 'dead')
        WHEN 'unknown' THEN NEW.state IN ('sent', 'delivered', 'dead')
        WHEN 'cancelled' THEN NEW.state IN ('planned', 'awaiting_approval')
        WHEN 'dead' THEN NEW.state = 'planned'
        ELSE FALSE
    END) THEN
        RAISE EXCEPTION 'a contact task does not move from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END
$$
"""
_GUARD_TASKS = """
CREATE TRIGGER guard_state BEFORE UPDATE OF state ON ops.contact_task
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION ops.guard_contact_state()
"""
_APPEND_ONLY_ACTIONS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.contact_action
FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()
"""

_EVENTS = "'reserved', 'interrupted', 'sent', 'failed', 'dead', 'unknown', 'delivered', 'undelivered'"
_ANSWERS = "'answered', 'promised', 'opted_out'"

_PROMISE = (
    "Promises recorded by people: the columns of the ledger's promises, and who recorded them; append-only. "
    "Grain: promise."
)
_PROMISE_NOW = (
    "Promises recorded by people or reported by a channel: the columns of the ledger's promises, and who recorded "
    "them; append-only. Grain: promise."
)
_CHANNEL = "How far each channel's receipts were taken in. Grain: channel."
_CHANNEL_NOW = "How far each channel's receipts were taken in, and whether and how fast it may send. Grain: channel."


def upgrade() -> None:
    _change_tasks()
    _change_channels()
    _change_promises()
    _create_workers()
    _create_actions()
    _create_receipts()
    _create_partner_files()
    op.execute(_GUARD)
    op.execute(_GUARD_TASKS)
    op.execute(_APPEND_ONLY_ACTIONS)


def downgrade() -> None:
    op.execute("DROP TRIGGER guard_state ON ops.contact_task")
    op.execute("DROP FUNCTION ops.guard_contact_state()")
    for table in ("partner_file", "webhook_call", "unmatched_receipt", "contact_action", "contact_worker"):
        op.drop_table(table, schema="ops")
    op.drop_constraint(op.f("fk_promise_task_key"), "promise", schema="ops")
    op.drop_column("promise", "task_key", schema="ops")
    for column in ("result_id", "collector_id"):
        op.alter_column("promise", column, nullable=False, schema="ops")
    op.create_table_comment("promise", _PROMISE, schema="ops")
    for name in ("breaker", "breaker_until", "probe_worker"):
        op.drop_constraint(op.f(f"ck_contact_channel_{name}"), "contact_channel", schema="ops")
    for column in ("breaker", "breaker_failures", "breaker_until", "probe_worker", "permits", "permits_at"):
        op.drop_column("contact_channel", column, schema="ops")
    op.alter_column("contact_channel", "receipts_cursor", server_default=None, schema="ops")
    op.create_table_comment("contact_channel", _CHANNEL, schema="ops")
    op.drop_constraint(op.f("ck_contact_attempt_event"), "contact_attempt", schema="ops")
    op.create_check_constraint(
        op.f("ck_contact_attempt_event"), "contact_attempt", f"event IN ({_EVENTS})", schema="ops"
    )
    op.drop_index(op.f("ix_contact_task_business_day_channel_priority_task_key"), "contact_task", schema="ops")


def _change_tasks() -> None:
    op.create_index(
        op.f("ix_contact_task_business_day_channel_priority_task_key"),
        "contact_task",
        ["business_day", "channel", "priority", "task_key"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state IN ('planned', 'approved', 'failed')"),
    )
    op.alter_column(
        "contact_task",
        "worker",
        existing_type=sa.BigInteger(),
        comment="Worker that is sending it (ops.contact_worker); 0: a person who calls.",
        schema="ops",
    )
    op.drop_constraint(op.f("ck_contact_attempt_event"), "contact_attempt", schema="ops")
    op.create_check_constraint(
        op.f("ck_contact_attempt_event"), "contact_attempt", f"event IN ({_EVENTS}, {_ANSWERS})", schema="ops"
    )
    op.alter_column(
        "contact_attempt",
        "event",
        existing_type=sa.Text(),
        comment="reserved before sending, then how it ended; receipts add delivered, and what the customer answered.",
        schema="ops",
    )


def _change_channels() -> None:
    op.alter_column("contact_channel", "receipts_cursor", server_default="", schema="ops")
    op.alter_column(
        "contact_channel", "changed_at", existing_type=_INSTANT, comment="When it last changed.", schema="ops"
    )
    for column in (
        sa.Column(
            "breaker",
            sa.Text(),
            server_default="closed",
            nullable=False,
            comment="closed: sends; open: rests; half_open: one worker tries one message.",
        ),
        sa.Column(
            "breaker_failures",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="Failures of the provider since it last took something, all workers together.",
        ),
        sa.Column(
            "breaker_until",
            _INSTANT,
            nullable=True,
            comment="End of its rest, or of the probe's time; by the server's clock. NULL while closed.",
        ),
        sa.Column(
            "probe_worker",
            sa.BigInteger(),
            nullable=True,
            comment="Worker that tries the one message; NULL unless half open.",
        ),
        sa.Column(
            "permits",
            sa.Double(),
            nullable=True,
            comment="Messages that may go at once at permits_at; NULL: no rate is set, or none was used yet.",
        ),
        sa.Column(
            "permits_at",
            _INSTANT,
            nullable=True,
            comment="When permits was counted, by the server's clock: a rate is about real seconds.",
        ),
    ):
        op.add_column("contact_channel", column, schema="ops")
    for name, condition in (
        ("breaker", "breaker IN ('closed', 'open', 'half_open')"),
        ("breaker_until", "(breaker = 'closed') = (breaker_until IS NULL)"),
        ("probe_worker", "(breaker = 'half_open') = (probe_worker IS NOT NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_contact_channel_{name}"), "contact_channel", condition, schema="ops")
    op.create_table_comment("contact_channel", _CHANNEL_NOW, schema="ops")


def _change_promises() -> None:
    op.alter_column(
        "promise",
        "result_id",
        existing_type=sa.Text(),
        nullable=True,
        comment="Result of the contact in which it was made; NULL: a channel reported it.",
        schema="ops",
    )
    op.alter_column(
        "promise",
        "collector_id",
        existing_type=sa.Text(),
        nullable=True,
        comment="Collector who was promised it; NULL: nobody, a channel reported it.",
        schema="ops",
    )
    op.add_column(
        "promise",
        sa.Column(
            "task_key",
            sa.Text(),
            nullable=True,
            comment="Contact task over whose channel it was made; NULL: a person recorded it.",
        ),
        schema="ops",
    )
    op.create_foreign_key(
        op.f("fk_promise_task_key"),
        "promise",
        "contact_task",
        ["task_key"],
        ["task_key"],
        source_schema="ops",
        referent_schema="ops",
    )
    op.create_table_comment("promise", _PROMISE_NOW, schema="ops")


def _create_workers() -> None:
    op.create_table(
        "contact_worker",
        sa.Column(
            "worker",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="Key of the worker, drawn at random.",
        ),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel."),
        sa.Column(
            "machine",
            sa.Text(),
            nullable=False,
            comment="Where the process runs: only there its end can be seen.",
        ),
        sa.Column("process", sa.Integer(), nullable=False, comment="Number of the process there."),
        sa.Column("began_at", _INSTANT, nullable=False, comment="When the push began."),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_contact_worker")),
        schema="ops",
        comment="Workers that send now, or died while they did. Grain: push of a channel by one process.",
    )


def _create_actions() -> None:
    op.create_table(
        "contact_action",
        sa.Column("action_id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Order of the acts."),
        sa.Column("at", _INSTANT, nullable=False, comment="When."),
        sa.Column("by", sa.Text(), nullable=False, comment="Login or token of who did it."),
        sa.Column("action", sa.Text(), nullable=False, comment="redrive or cancel."),
        sa.Column("task_key", sa.Text(), nullable=False, comment="Contact task."),
        sa.Column("why", sa.Text(), nullable=False, comment="Why, in the person's words, 200 characters at most."),
        sa.CheckConstraint("action IN ('redrive', 'cancel')", name=op.f("ck_contact_action_action")),
        sa.CheckConstraint("why <> '' AND length(why) <= 200", name=op.f("ck_contact_action_why")),
        sa.ForeignKeyConstraint(["task_key"], ["ops.contact_task.task_key"], name=op.f("fk_contact_action_task_key")),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_contact_action")),
        schema="ops",
        comment="Who sent dead letters again or cancelled contacts, and why; append-only. Grain: act x task.",
    )
    op.create_index(op.f("ix_contact_action_task_key"), "contact_action", ["task_key"], unique=False, schema="ops")


def _create_receipts() -> None:
    op.create_table(
        "unmatched_receipt",
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel that reported it."),
        sa.Column(
            "key_digest",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of the key that it named: a stranger's may say anything.",
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="What it reported."),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="unknown_task, never_tried, other_channel, contradicts or unreadable.",
        ),
        sa.Column("task_key", sa.Text(), nullable=True, comment="The task that has that key, if there is one."),
        sa.Column("times", sa.Integer(), nullable=False, comment="How often it came."),
        sa.Column("first_at", _INSTANT, nullable=False, comment="When it first came."),
        sa.Column("last_at", _INSTANT, nullable=False, comment="When it last came."),
        sa.CheckConstraint(
            "reason IN ('unknown_task', 'never_tried', 'other_channel', 'contradicts', 'unreadable')",
            name=op.f("ck_unmatched_receipt_reason"),
        ),
        sa.PrimaryKeyConstraint("channel", "key_digest", "outcome", name=op.f("pk_unmatched_receipt")),
        schema="ops",
        comment="Receipts that match no contact that was made, or say something else than what was settled before; "
        "each kept once. Grain: channel x key x outcome.",
    )
    op.create_table(
        "webhook_call",
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel."),
        sa.Column("signature", sa.Text(), nullable=False, comment="Signature of the call."),
        sa.Column("received_at", _INSTANT, nullable=False, comment="When, by the machine's clock."),
        sa.PrimaryKeyConstraint("channel", "signature", name=op.f("pk_webhook_call")),
        schema="ops",
        comment="Signatures of the calls that were taken, kept as long as they could be played again. "
        "Grain: channel x call.",
    )
    op.create_index(op.f("ix_webhook_call_received_at"), "webhook_call", ["received_at"], unique=False, schema="ops")


def _create_partner_files() -> None:
    op.create_table(
        "partner_file",
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel."),
        sa.Column("file", sa.Text(), nullable=False, comment="Name of the file."),
        sa.Column("kind", sa.Text(), nullable=False, comment="placement or recall: handed over; results: taken in."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("sha256", sa.Text(), nullable=False, comment="SHA-256 of the file."),
        sa.Column("rows", sa.Integer(), nullable=False, comment="Rows in it."),
        sa.Column("at", _INSTANT, nullable=False, comment="When it was written or taken in."),
        sa.Column(
            "acknowledged_at",
            _INSTANT,
            nullable=True,
            comment="When the partner's answer was taken in; NULL: none yet, or none is expected.",
        ),
        sa.Column("accepted", sa.Boolean(), nullable=True, comment="Whether the partner took it."),
        sa.Column("reason", sa.Text(), nullable=True, comment="Code of why the partner refused it."),
        sa.CheckConstraint("kind IN ('placement', 'recall', 'results')", name=op.f("ck_partner_file_kind")),
        sa.PrimaryKeyConstraint("channel", "file", name=op.f("pk_partner_file")),
        schema="ops",
        comment="Files between the lender and a partner: what was handed over and acknowledged, and what was taken "
        "in. Grain: channel x file.",
    )
    op.create_index(op.f("ix_partner_file_business_day"), "partner_file", ["business_day"], unique=False, schema="ops")
