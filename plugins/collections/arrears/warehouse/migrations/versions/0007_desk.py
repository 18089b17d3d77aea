"""The desk: leases, its audit, presets, absences, results and promises; what a claim must respect on cases."""
# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_desk"
down_revision: str | None = "0006_api_tokens"
branch_labels = None
depends_on = None

_APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.{table}
FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()
"""
_APPENDED = ("case_event", "contact_result", "promise")


def upgrade() -> None:
    op.create_table(
        "absence",
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector."),
        sa.Column(
            "absent",
            sa.Boolean(),
            nullable=False,
            comment="True: absent; false: it was taken back, and the ledger's word holds.",
        ),
        sa.Column("set_by", sa.Text(), nullable=False, comment="Login or token of who said so last."),
        sa.Column("set_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the lead's words."),
        sa.PrimaryKeyConstraint("business_day", "collector_id", name=op.f("pk_absence")),
        schema="ops",
        comment="Absences reported by hand, read by allocate_cases and by every grab. Grain: day x collector.",
    )
    op.create_table(
        "case_event",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Order of the acts."),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("actor", sa.Text(), nullable=False, comment="Login or token of who did it; arrears: nobody, a rule."),
        sa.Column("via", sa.Text(), nullable=False, comment="airflow, token, command, or clock for what nobody did."),
        sa.Column("action", sa.Text(), nullable=False, comment="grabbed, renewed, expired, worked, given_back, …"),
        sa.Column("case_id", sa.Text(), nullable=True, comment="Case; NULL for what concerns a queue or a collector."),
        sa.Column("queue", sa.Text(), nullable=True, comment="Queue of the case, or that it is about."),
        sa.Column(
            "collector_id",
            sa.Text(),
            nullable=True,
            comment="Who had the case before, or whom it is about; NULL: nobody.",
        ),
        sa.Column("to_collector_id", sa.Text(), nullable=True, comment="Who has it then; NULL: nobody, the pool."),
        sa.Column("rule", sa.Text(), nullable=True, comment="Rule that it comes from."),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="A reason of allocation.yaml, or a lead's own words, 200 characters at most.",
        ),
        sa.Column("request_key", sa.Text(), nullable=True, comment="Key of the request, if it had one."),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="Further figures, nothing personal.",
        ),
        sa.CheckConstraint(
            "action IN ('grabbed', 'renewed', 'expired', 'worked', 'given_back', 'handed_over', 'recalled', 'result', 'promise', 'call', 'absent', 'back', 'redealt', 'batch_set', 'quota_set')",
            name=op.f("ck_case_event_action"),
        ),
        sa.CheckConstraint("length(reason) <= 200", name=op.f("ck_case_event_reason")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_case_event")),
        schema="ops",
        comment="The audit of the desk: who did what to which case, and why; append-only. Grain: act x case.",
    )
    op.create_index(
        op.f("ix_case_event_business_day_event_id"),
        "case_event",
        ["business_day", "event_id"],
        unique=False,
        schema="ops",
    )
    op.create_index(op.f("ix_case_event_case_id"), "case_event", ["case_id"], unique=False, schema="ops")
    op.create_table(
        "case_exclusion",
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day on which it holds."),
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector."),
        sa.Column("case_id", sa.Text(), nullable=False, comment="Case."),
        sa.Column("rule", sa.Text(), nullable=False, comment="expired, given_back, handed_over or recalled."),
        sa.PrimaryKeyConstraint("business_day", "collector_id", "case_id", name=op.f("pk_case_exclusion")),
        schema="ops",
        comment="Who must not grab which case again today: his lease expired, he gave it back, it was taken from him. Grain: day x collector x case.",
    )
    op.create_table(
        "collector_preset",
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue."),
        sa.Column(
            "quota", sa.Integer(), nullable=True, comment="Cases that the split gives him; NULL: as the rules say."
        ),
        sa.Column("set_by", sa.Text(), nullable=False, comment="Login or token of who set it."),
        sa.Column("set_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the lead's words."),
        sa.CheckConstraint("quota >= 0", name=op.f("ck_collector_preset_quota")),
        sa.PrimaryKeyConstraint("business_day", "collector_id", "queue", name=op.f("pk_collector_preset")),
        schema="ops",
        comment="Quotas set by hand for one day, read by allocate_cases. Grain: day x collector x queue.",
    )
    op.create_table(
        "desk_request",
        sa.Column("caller", sa.Text(), nullable=False, comment="Login or token."),
        sa.Column("action", sa.Text(), nullable=False, comment="What was asked for."),
        sa.Column("request_key", sa.Text(), nullable=False, comment="The caller's key."),
        sa.Column("body", sa.Text(), nullable=False, comment="SHA-256 of what was asked for."),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="What was answered."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.PrimaryKeyConstraint("caller", "action", "request_key", name=op.f("pk_desk_request")),
        schema="ops",
        comment="Answers to requests with a key, kept for some days. Grain: caller x action x key.",
    )
    op.create_index(op.f("ix_desk_request_business_day"), "desk_request", ["business_day"], unique=False, schema="ops")
    op.create_table(
        "queue_preset",
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue."),
        sa.Column(
            "grab_batch", sa.Integer(), nullable=True, comment="Cases that one grab takes; NULL: as the rules say."
        ),
        sa.Column("set_by", sa.Text(), nullable=False, comment="Login or token of who set it."),
        sa.Column("set_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why, in the lead's words."),
        sa.CheckConstraint("grab_batch >= 1", name=op.f("ck_queue_preset_grab_batch")),
        sa.PrimaryKeyConstraint("business_day", "queue", name=op.f("pk_queue_preset")),
        schema="ops",
        comment="The batch of a queue's grabs, set by hand for one day. Grain: day x queue.",
    )
    op.create_table(
        "contact_result",
        sa.Column(
            "result_id", sa.Text(), nullable=False, comment="Key of the result; a ledger that feeds it back keeps it."
        ),
        sa.Column("case_id", sa.Text(), nullable=False, comment="Case."),
        sa.Column("contract_id", sa.Text(), nullable=False, comment="Contract that it was about."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer that was contacted."),
        sa.Column(
            "collector_id", sa.Text(), nullable=False, comment="Collector who made the contact: owner of the case."
        ),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of the case at that time."),
        sa.Column(
            "channel", sa.Text(), nullable=False, comment="phone, visit, or another name that contact.yaml knows."
        ),
        sa.Column("attempted_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When."),
        sa.Column("outcome", sa.Text(), nullable=False, comment="connected, right_party, no_answer, …"),
        sa.Column("initiated_by", sa.Text(), nullable=False, comment="lender or customer."),
        sa.Column(
            "task_key",
            sa.Text(),
            nullable=True,
            comment="The call (ops.contact_task) that it settles: the same contact, to be counted once.",
        ),
        sa.Column("recorded_by", sa.Text(), nullable=False, comment="Login or token of who recorded it."),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was recorded."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.CheckConstraint("initiated_by IN ('lender', 'customer')", name=op.f("ck_contact_result_initiated_by")),
        sa.ForeignKeyConstraint(["case_id"], ["ops.case.case_id"], name=op.f("fk_contact_result_case_id")),
        sa.ForeignKeyConstraint(["task_key"], ["ops.contact_task.task_key"], name=op.f("fk_contact_result_task_key")),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_contact_result")),
        sa.UniqueConstraint("task_key", name=op.f("uq_contact_result_task_key")),
        schema="ops",
        comment="Results recorded by people: the columns of the ledger's contact_results, and who recorded them; append-only. Grain: result.",
    )
    op.create_index(
        op.f("ix_contact_result_business_day_collector_id"),
        "contact_result",
        ["business_day", "collector_id"],
        unique=False,
        schema="ops",
    )
    op.create_index(op.f("ix_contact_result_case_id"), "contact_result", ["case_id"], unique=False, schema="ops")
    op.create_index(
        op.f("ix_contact_result_customer_id_business_day"),
        "contact_result",
        ["customer_id", "business_day"],
        unique=False,
        schema="ops",
    )
    op.create_table(
        "promise",
        sa.Column(
            "promise_id", sa.Text(), nullable=False, comment="Key of the promise; a ledger that feeds it back keeps it."
        ),
        sa.Column("result_id", sa.Text(), nullable=False, comment="Contact in which it was made."),
        sa.Column("case_id", sa.Text(), nullable=False, comment="Case."),
        sa.Column("contract_id", sa.Text(), nullable=False, comment="Contract that is promised."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer."),
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector who was promised it."),
        sa.Column("made_on", sa.Date(), nullable=False, comment="Day the promise was made."),
        sa.Column("due_on", sa.Date(), nullable=False, comment="Day the money is promised for."),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=False, comment="Amount promised."),
        sa.Column("recorded_by", sa.Text(), nullable=False, comment="Login or token of who recorded it."),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was recorded."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.CheckConstraint("amount > 0", name=op.f("ck_promise_amount")),
        sa.CheckConstraint("due_on >= made_on", name=op.f("ck_promise_due_on")),
        sa.ForeignKeyConstraint(["case_id"], ["ops.case.case_id"], name=op.f("fk_promise_case_id")),
        sa.ForeignKeyConstraint(["result_id"], ["ops.contact_result.result_id"], name=op.f("fk_promise_result_id")),
        sa.PrimaryKeyConstraint("promise_id", name=op.f("pk_promise")),
        sa.UniqueConstraint("result_id", name=op.f("uq_promise_result_id")),
        schema="ops",
        comment="Promises recorded by people: the columns of the ledger's promises, and who recorded them; append-only. Grain: promise.",
    )
    op.create_index(
        op.f("ix_promise_business_day_collector_id"),
        "promise",
        ["business_day", "collector_id"],
        unique=False,
        schema="ops",
    )
    op.create_index(
        op.f("ix_promise_contract_id_due_on"), "promise", ["contract_id", "due_on"], unique=False, schema="ops"
    )
    op.create_index(op.f("ix_promise_customer_id"), "promise", ["customer_id"], unique=False, schema="ops")
    op.add_column(
        "case",
        sa.Column(
            "lease_until",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Until when a grabbed case must be worked, or it goes back to the pool; NULL: no lease (any more).",
        ),
        schema="ops",
    )
    op.add_column(
        "case",
        sa.Column(
            "lease_renewals",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="How often the lease was renewed since the case was grabbed.",
        ),
        schema="ops",
    )
    op.add_column(
        "case",
        sa.Column("language", sa.Text(), nullable=True, comment="Language that its collector must speak; NULL: any."),
        schema="ops",
    )
    op.add_column(
        "case",
        sa.Column(
            "min_seniority", sa.Integer(), nullable=True, comment="Seniority that its collector must have; NULL: any."
        ),
        schema="ops",
    )
    op.add_column(
        "case",
        sa.Column(
            "excluded_collectors",
            sa.Text(),
            nullable=True,
            comment="Collectors who must not have it, comma separated; NULL: nobody.",
        ),
        schema="ops",
    )
    op.create_index(
        "ix_case_lease",
        "case",
        ["lease_until"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.alter_column(
        "case_assignment",
        "end_reason",
        existing_type=sa.TEXT(),
        comment="Why it ended: reassigned, grabbed, pooled, expired, given_back, handed_over, recalled, absent, or the case's close_reason; NULL while it lasts.",
        existing_comment="Why it ended: reassigned, grabbed, pooled, or the case's close_reason; NULL while it lasts.",
        existing_nullable=True,
        schema="ops",
    )
    op.add_column(
        "collector",
        sa.Column(
            "languages",
            sa.Text(),
            nullable=True,
            comment="Languages that he speaks, comma separated; NULL: all that are needed.",
        ),
        schema="ops",
    )
    op.add_column(
        "collector",
        sa.Column(
            "seniority",
            sa.Integer(),
            nullable=True,
            comment="Seniority, higher for larger amounts; NULL: the lowest, 0.",
        ),
        schema="ops",
    )
    op.alter_column(
        "contact_task",
        "slot",
        existing_type=sa.TEXT(),
        comment="Slot of the cadence in contact.yaml; call-n: the n-th call by hand.",
        existing_comment="Slot of the cadence in contact.yaml.",
        existing_nullable=False,
        schema="ops",
    )
    op.alter_column(
        "contact_task",
        "channel",
        existing_type=sa.TEXT(),
        comment="sms, email, dialer, field, agency or legal; phone: a call that a collector makes by hand.",
        existing_comment="sms, email, dialer, field, agency or legal.",
        existing_nullable=False,
        schema="ops",
    )
    op.create_check_constraint(
        op.f("ck_case_lease_while_owned"), "case", "lease_until IS NULL OR state = 'owned'", schema="ops"
    )
    op.create_check_constraint(op.f("ck_case_lease_renewals"), "case", "lease_renewals >= 0", schema="ops")
    for table in _APPENDED:
        op.execute(_APPEND_ONLY.replace("{table}", table))


def downgrade() -> None:
    for table in (
        "promise",
        "contact_result",
        "desk_request",
        "absence",
        "collector_preset",
        "queue_preset",
        "case_exclusion",
        "case_event",
    ):
        op.drop_table(table, schema="ops")
    op.drop_constraint(op.f("ck_case_lease_while_owned"), "case", schema="ops")
    op.drop_constraint(op.f("ck_case_lease_renewals"), "case", schema="ops")
    op.drop_index("ix_case_lease", "case", schema="ops")
    for column in ("lease_until", "lease_renewals", "language", "min_seniority", "excluded_collectors"):
        op.drop_column("case", column, schema="ops")
    for column in ("languages", "seniority"):
        op.drop_column("collector", column, schema="ops")
