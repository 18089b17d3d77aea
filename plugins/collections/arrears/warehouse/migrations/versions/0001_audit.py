"""Audit: what each step did, and what the quality gate found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_audit"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quality_result",
        sa.Column(
            "quality_result_id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="Order of the results.",
        ),
        sa.Column("check_id", sa.Text(), nullable=False, comment="One check of one pulled ledger."),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("basis", sa.Text(), nullable=False, comment="frozen or restated."),
        sa.Column("suite", sa.Text(), nullable=False, comment="blocking or advisory."),
        sa.Column("rule_id", sa.Text(), nullable=False, comment="Rule in quality.yaml."),
        sa.Column("table_name", sa.Text(), nullable=False, comment="Ledger table that was judged."),
        sa.Column(
            "passed", sa.Boolean(), nullable=False, comment="Whether the rule held, its tolerance taken into account."
        ),
        sa.Column("checked_rows", sa.BigInteger(), nullable=False, comment="Rows that were judged."),
        sa.Column("bad_rows", sa.BigInteger(), nullable=False, comment="Rows that broke the rule."),
        sa.Column("observed", sa.Text(), nullable=False, comment="What was found, without personal values."),
        sa.Column("allowed", sa.Text(), nullable=False, comment="What the rule allows."),
        sa.Column(
            "recorded_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="By the server's clock.",
        ),
        sa.PrimaryKeyConstraint("quality_result_id", name=op.f("pk_quality_result")),
        schema="audit",
        comment="What one quality rule found in one check. Grain: check x rule.",
    )
    op.create_index(
        op.f("ix_quality_result_as_of_rule_id"), "quality_result", ["as_of", "rule_id"], unique=False, schema="audit"
    )
    op.create_table(
        "step_result",
        sa.Column(
            "step_result_id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="Order of the attempts.",
        ),
        sa.Column("as_of", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("basis", sa.Text(), nullable=False, comment="frozen or restated."),
        sa.Column("dag", sa.Text(), nullable=False, comment="Dag that the step belongs to."),
        sa.Column("step", sa.Text(), nullable=False, comment="Step."),
        sa.Column(
            "detail", sa.Text(), nullable=False, comment="Channel of a step that runs once per channel, else empty."
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="success or failed."),
        sa.Column("acted_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="Start by the clock of acting."),
        sa.Column(
            "recorded_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="End by the server's clock.",
        ),
        sa.Column("seconds", sa.Numeric(precision=12, scale=3), nullable=False, comment="Wall time in seconds."),
        sa.Column("rows", postgresql.JSONB(), nullable=False, comment="Rows written, by table."),
        sa.Column("figures", postgresql.JSONB(), nullable=False, comment="Other figures of the step."),
        sa.Column("links", postgresql.JSONB(), nullable=False, comment="Documents that the step wrote."),
        sa.Column("warnings", postgresql.JSONB(), nullable=False, comment="What ops should look at."),
        sa.Column("error", sa.Text(), nullable=True, comment="Message of a failed attempt."),
        sa.PrimaryKeyConstraint("step_result_id", name=op.f("pk_step_result")),
        schema="audit",
        comment="One attempt at one step of a day's run. Grain: attempt.",
    )
    op.create_index(op.f("ix_step_result_as_of_step"), "step_result", ["as_of", "step"], unique=False, schema="audit")


def downgrade() -> None:
    op.drop_table("step_result", schema="audit")
    op.drop_table("quality_result", schema="audit")
