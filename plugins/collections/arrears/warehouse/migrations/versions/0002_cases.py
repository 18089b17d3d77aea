"""Cases: who owes, who has which case, and the roster that grabs are checked against."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_cases"
down_revision: str | None = "0001_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case",
        sa.Column(
            "case_id",
            sa.Text(),
            nullable=False,
            comment="customer_id, @, day opened: the same in every re-run of that day.",
        ),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Who owes; at most one open case each."),
        sa.Column("state", sa.Text(), nullable=False, comment="owned, pool (may be grabbed) or closed."),
        sa.Column("collector_id", sa.Text(), nullable=True, comment="Owner; NULL unless owned."),
        sa.Column(
            "source",
            sa.Text(),
            nullable=True,
            comment="How the owner came by it: auto, grab, manual or recall; NULL unless owned.",
        ),
        sa.Column(
            "owned_from",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Since when he owns it; NULL unless owned.",
        ),
        sa.Column(
            "pool_opened_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Since when it lies in the pool; NULL unless in the pool.",
        ),
        sa.Column(
            "human_action_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="Last time that a person decided about the owner; NULL: never.",
        ),
        sa.Column(
            "human_action_on",
            sa.Date(),
            nullable=True,
            comment="Business day of human_action_at: for the rest of that day no run changes the owner.",
        ),
        sa.Column("opened_on", sa.Date(), nullable=False, comment="Business day on which the case was opened."),
        sa.Column(
            "closed_on", sa.Date(), nullable=True, comment="Business day on which it was closed; NULL while open."
        ),
        sa.Column(
            "close_reason",
            sa.Text(),
            nullable=True,
            comment="cured, contracts_closed, written_off, held, no_work or left_ledger; NULL while open.",
        ),
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day of the figures below: the last day with work."
        ),
        sa.Column("entered_on", sa.Date(), nullable=True, comment="First day past due of the present delinquency."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work."),
        sa.Column("segment", sa.Text(), nullable=False, comment="Segment of the strategy."),
        sa.Column("treatment", sa.Text(), nullable=False, comment="Treatment of the harshest contract."),
        sa.Column("intensity", sa.Integer(), nullable=False, comment="Intensity of the treatment, 0 to 5."),
        sa.Column("placement", sa.Text(), nullable=False, comment="in_house, agency, field or legal."),
        sa.Column("priority", sa.Integer(), nullable=False, comment="Higher is worked first."),
        sa.Column("work_order", sa.Integer(), nullable=False, comment="Place in the queue, 1 first."),
        sa.Column("contracts", sa.Integer(), nullable=False, comment="Number of contracts in the case."),
        sa.Column("contract_ids", sa.Text(), nullable=False, comment="Contracts in the case, comma separated, sorted."),
        sa.Column("lead_contract_id", sa.Text(), nullable=False, comment="The harshest contract."),
        sa.Column("region", sa.Text(), nullable=True, comment="Region of the harshest contract."),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of all contracts, their currency.",
        ),
        sa.Column(
            "outstanding_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Outstanding amount of all contracts.",
        ),
        sa.Column("days_past_due", sa.Integer(), nullable=False, comment="Days past due of the harshest contract."),
        sa.Column("bucket", sa.Text(), nullable=False, comment="Bucket of the harshest contract."),
        sa.Column("class", sa.Text(), nullable=False, comment="low, mid or high."),
        sa.Column("rule_set", sa.Text(), nullable=False, comment="Rule set that decided the treatment."),
        sa.Column("rule_set_version", sa.Integer(), nullable=False, comment="Its version."),
        sa.Column("rule_set_hash", sa.Text(), nullable=False, comment="SHA-256 of its files."),
        sa.CheckConstraint(
            "num_nonnulls(closed_on, close_reason) = CASE state WHEN 'closed' THEN 2 ELSE 0 END",
            name=op.f("ck_case_end_when_closed"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(collector_id, source, owned_from) = CASE state WHEN 'owned' THEN 3 ELSE 0 END",
            name=op.f("ck_case_owner_while_owned"),
        ),
        sa.CheckConstraint("(state = 'pool') = (pool_opened_at IS NOT NULL)", name=op.f("ck_case_pool_while_pooled")),
        sa.CheckConstraint(
            "close_reason IN ('cured', 'contracts_closed', 'written_off', 'held', 'no_work', 'left_ledger')",
            name=op.f("ck_case_close_reason"),
        ),
        sa.CheckConstraint("source IN ('auto', 'grab', 'manual', 'recall')", name=op.f("ck_case_source")),
        sa.CheckConstraint("state IN ('owned', 'pool', 'closed')", name=op.f("ck_case_state")),
        sa.CheckConstraint("(human_action_at IS NULL) = (human_action_on IS NULL)", name=op.f("ck_case_human_action")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case")),
        schema="ops",
        comment="Cases, open and closed. Grain: customer x day on which work on the case began.",
    )
    op.create_index(op.f("ix_case_closed_on"), "case", ["closed_on"], unique=False, schema="ops")
    op.create_index(op.f("ix_case_customer_id"), "case", ["customer_id"], unique=False, schema="ops")
    op.create_index(
        "ix_case_owner",
        "case",
        ["collector_id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'owned'"),
    )
    op.create_index(
        "ix_case_pool",
        "case",
        ["queue", "work_order", "case_id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'pool'"),
    )
    op.create_index(
        "uq_case_open_customer",
        "case",
        ["customer_id"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_table(
        "collector",
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Last business day whose ledger had him."),
        sa.Column("team", sa.Text(), nullable=True, comment="Team."),
        sa.Column("skills", sa.Text(), nullable=True, comment="Queues that he works, comma separated; NULL: all."),
        sa.Column("regions", sa.Text(), nullable=True, comment="Regions that he works, comma separated; NULL: all."),
        sa.Column(
            "daily_quota", sa.Integer(), nullable=True, comment="Cases that the allocation gives him; NULL: no quota."
        ),
        sa.Column("capacity", sa.Integer(), nullable=True, comment="Cases in hand at most; NULL: no limit."),
        sa.Column(
            "at_work", sa.Boolean(), nullable=False, comment="Whether he is employed and present on the day as_of."
        ),
        sa.PrimaryKeyConstraint("collector_id", name=op.f("pk_collector")),
        schema="ops",
        comment="The roster that grabs are checked against, from the ledger of the day as_of. Grain: collector.",
    )
    op.create_table(
        "case_assignment",
        sa.Column("case_id", sa.Text(), nullable=False, comment="Case."),
        sa.Column(
            "interval_no",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the interval within the case, from 1.",
        ),
        sa.Column("collector_id", sa.Text(), nullable=True, comment="Owner; NULL while the case lay in the pool."),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="auto (the day's split), grab, manual, recall; pool while it lay in the pool.",
        ),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of the case when the interval began."),
        sa.Column("from_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="Begin."),
        sa.Column("from_day", sa.Date(), nullable=False, comment="Business day of the begin."),
        sa.Column("to_at", sa.TIMESTAMP(timezone=True), nullable=True, comment="End, exclusive; NULL while it lasts."),
        sa.Column("to_day", sa.Date(), nullable=True, comment="Business day of the end; NULL while it lasts."),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="Why it began, for example even_split, limits_reached, grab."
        ),
        sa.Column(
            "end_reason",
            sa.Text(),
            nullable=True,
            comment="Why it ended: reassigned, grabbed, pooled, or the case's close_reason; NULL while it lasts.",
        ),
        sa.CheckConstraint(
            "(source = 'pool') = (collector_id IS NULL)", name=op.f("ck_case_assignment_pool_has_no_collector")
        ),
        sa.CheckConstraint(
            "source IN ('auto', 'grab', 'manual', 'recall', 'pool')", name=op.f("ck_case_assignment_source")
        ),
        sa.CheckConstraint(
            "num_nonnulls(to_at, to_day, end_reason) IN (0, 3)",
            name=op.f("ck_case_assignment_ended_whole"),
        ),
        sa.CheckConstraint("from_at <= to_at", name=op.f("ck_case_assignment_interval")),
        sa.CheckConstraint("interval_no >= 1", name=op.f("ck_case_assignment_interval_no")),
        sa.ForeignKeyConstraint(["case_id"], ["ops.case.case_id"], name=op.f("fk_case_assignment_case_id")),
        sa.PrimaryKeyConstraint("case_id", "interval_no", name=op.f("pk_case_assignment")),
        schema="ops",
        comment="Who had which case when, the pool included; append-only. Grain: case x interval.",
    )
    op.create_index(
        op.f("ix_case_assignment_collector_id_from_day"),
        "case_assignment",
        ["collector_id", "from_day"],
        unique=False,
        schema="ops",
    )
    op.create_index(op.f("ix_case_assignment_from_day"), "case_assignment", ["from_day"], unique=False, schema="ops")
    op.create_index(op.f("ix_case_assignment_to_day"), "case_assignment", ["to_day"], unique=False, schema="ops")
    op.create_index(
        "uq_case_assignment_open",
        "case_assignment",
        ["case_id"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("to_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("case_assignment", schema="ops")
    op.drop_table("collector", schema="ops")
    op.drop_table("case", schema="ops")
