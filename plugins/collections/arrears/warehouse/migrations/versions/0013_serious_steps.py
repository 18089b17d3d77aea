"""Serious steps: why a person decided, what was done with vehicles, which hand-overs are taken back."""
# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_serious_steps"
down_revision: str | None = "0012_dispatch"
branch_labels = None
depends_on = None

_APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ops.vehicle_step
FOR EACH ROW EXECUTE FUNCTION ops.refuse_change()
"""
_ACTIONS = "'grabbed', 'renewed', 'expired', 'worked', 'given_back', 'handed_over', 'recalled', 'result', 'promise', 'call', 'absent', 'back', 'redealt', 'batch_set', 'quota_set'"
_SERIOUS = "'approved', 'rejected', 'vehicle_step', 'placement_recalled'"
_PLACEMENTS = "in_house, agency, field or legal."
_MORE_PLACEMENTS = "in_house, agency, field, legal or repossession."
_CHANNELS = "sms, email, dialer, field, agency or legal; phone: a call that a collector makes by hand."
_MORE_CHANNELS = (
    "sms, email, dialer, field, agency, legal or repossession; phone: a call that a collector makes by hand."
)
_MART = "Who does it: in_house, field, agency, legal, none."
_MORE_MART = "Who does it: in_house, field, agency, legal, repossession, none."
_COMMENTS = (
    ("ops", "case", "placement", _PLACEMENTS, _MORE_PLACEMENTS),
    ("ops", "contact_task", "placement", _PLACEMENTS, _MORE_PLACEMENTS),
    ("ops", "contact_task", "channel", _CHANNELS, _MORE_CHANNELS),
    ("mart", "strategy_decision", "placement", _MART, _MORE_MART),
)


def upgrade() -> None:
    op.add_column(
        "contact_task",
        sa.Column(
            "decision_reason",
            sa.Text(),
            nullable=True,
            comment="Why, in the words of who decided, 200 characters at most; NULL: none given.",
        ),
        schema="ops",
    )
    op.create_check_constraint(
        op.f("ck_contact_task_decision_reason"), "contact_task", "length(decision_reason) <= 200", schema="ops"
    )
    _actions(f"{_ACTIONS}, {_SERIOUS}")
    for schema, table, column, before, after in _COMMENTS:
        op.alter_column(
            table,
            column,
            existing_type=sa.TEXT(),
            comment=after,
            existing_comment=before,
            existing_nullable=False,
            schema=schema,
        )
    op.create_table(
        "vehicle_step",
        sa.Column(
            "step_id",
            sa.BigInteger(),
            sa.Identity(always=True),
            nullable=False,
            comment="Order in which the steps were recorded.",
        ),
        sa.Column("contract_id", sa.Text(), nullable=False, comment="Contract whose vehicle it is."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Who owes."),
        sa.Column("step", sa.Text(), nullable=False, comment="located, demand_sent, …; see arrears.outreach.vehicles."),
        sa.Column(
            "on_day",
            sa.Date(),
            nullable=False,
            comment="Day on which it was done; may lie before the day of recording.",
        ),
        sa.Column("order_id", sa.Text(), nullable=True, comment="The order that it is about; NULL for other steps."),
        sa.Column(
            "gps_status",
            sa.Text(),
            nullable=True,
            comment="State of the GPS unit when the vehicle was located: online, offline, none; no position.",
        ),
        sa.Column(
            "amount",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="What redeemed it, or what it was sold for.",
        ),
        sa.Column("task_key", sa.Text(), nullable=True, comment="Hand-over that took the step; NULL: a person did."),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="Why, in the words of who recorded it, 200 characters at most.",
        ),
        sa.Column(
            "recorded_by",
            sa.Text(),
            nullable=False,
            comment="Login or token of who recorded it; arrears: a hand-over.",
        ),
        sa.Column("via", sa.Text(), nullable=False, comment="airflow, token, command, or clock for a hand-over."),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When it was recorded."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day of recording."),
        sa.CheckConstraint(
            "step IN ('located', 'demand_sent', 'demand_expired', 'order_issued', 'order_recalled', 'repossessed', 'stored', 'notice_sent', 'redeemed', 'sold', 'closed')",
            name=op.f("ck_vehicle_step_step"),
        ),
        sa.CheckConstraint("gps_status IN ('online', 'offline', 'none')", name=op.f("ck_vehicle_step_gps_status")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_vehicle_step_amount")),
        sa.CheckConstraint("length(reason) BETWEEN 1 AND 200", name=op.f("ck_vehicle_step_reason")),
        sa.CheckConstraint(
            "(step IN ('order_issued', 'order_recalled', 'repossessed')) <= (order_id IS NOT NULL)",
            name=op.f("ck_vehicle_step_order_id"),
        ),
        sa.ForeignKeyConstraint(["task_key"], ["ops.contact_task.task_key"], name=op.f("fk_vehicle_step_task_key")),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_vehicle_step")),
        sa.UniqueConstraint("contract_id", "task_key", name=op.f("uq_vehicle_step_contract_id_task_key")),
        schema="ops",
        comment="What was done with vehicles, step by step; append-only. Grain: contract x step taken.",
    )
    op.create_index(
        op.f("ix_vehicle_step_contract_id_step_id"), "vehicle_step", ["contract_id", "step_id"], schema="ops"
    )
    op.create_index(op.f("ix_vehicle_step_customer_id"), "vehicle_step", ["customer_id"], schema="ops")
    op.create_index(op.f("ix_vehicle_step_business_day"), "vehicle_step", ["business_day"], schema="ops")
    op.execute(_APPEND_ONLY)
    op.create_table(
        "placement_recall",
        sa.Column("task_key", sa.Text(), nullable=False, comment="The hand-over, the customer's last one."),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Who owes."),
        sa.Column(
            "contract_ids", sa.Text(), nullable=False, comment="Contracts that were handed over, comma separated."
        ),
        sa.Column("placement", sa.Text(), nullable=False, comment="agency, legal or repossession."),
        sa.Column("channel", sa.Text(), nullable=False, comment="Channel over which the partner is told."),
        sa.Column(
            "reason",
            sa.Text(),
            nullable=False,
            comment="paid, promise, held, order_recalled, or lead: a person said so.",
        ),
        sa.Column(
            "decided_by", sa.Text(), nullable=False, comment="Login or token of who recalled it; arrears: a rule."
        ),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=False, comment="When."),
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column(
            "handed_over_at",
            sa.TIMESTAMP(timezone=True),
            nullable=True,
            comment="When the partner was told; NULL: not yet.",
        ),
        sa.Column("file", sa.Text(), nullable=True, comment="File in which the partner was told."),
        sa.CheckConstraint(
            "reason IN ('paid', 'promise', 'held', 'order_recalled', 'lead')", name=op.f("ck_placement_recall_reason")
        ),
        sa.CheckConstraint("(handed_over_at IS NULL) = (file IS NULL)", name=op.f("ck_placement_recall_handed_over")),
        sa.ForeignKeyConstraint(["task_key"], ["ops.contact_task.task_key"], name=op.f("fk_placement_recall_task_key")),
        sa.PrimaryKeyConstraint("task_key", name=op.f("pk_placement_recall")),
        schema="ops",
        comment="Hand-overs to agencies, courts and repossession that are over, and when the partner was told. Grain: contact task.",
    )
    op.create_index(op.f("ix_placement_recall_business_day"), "placement_recall", ["business_day"], schema="ops")
    op.create_index(
        "ix_placement_recall_waiting",
        "placement_recall",
        ["channel", "task_key"],
        schema="ops",
        postgresql_where=sa.text("handed_over_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("placement_recall", schema="ops")
    op.drop_table("vehicle_step", schema="ops")
    for schema, table, column, before, after in _COMMENTS:
        op.alter_column(
            table,
            column,
            existing_type=sa.TEXT(),
            comment=before,
            existing_comment=after,
            existing_nullable=False,
            schema=schema,
        )
    op.drop_constraint(op.f("ck_contact_task_decision_reason"), "contact_task", schema="ops")
    op.drop_column("contact_task", "decision_reason", schema="ops")


def _actions(actions: str) -> None:
    op.drop_constraint(op.f("ck_case_event_action"), "case_event", schema="ops")
    op.create_check_constraint(op.f("ck_case_event_action"), "case_event", f"action IN ({actions})", schema="ops")
