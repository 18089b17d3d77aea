"""How even the split is, what each collector has of it and why, and by which rule the split took cases back."""
# ruff: noqa: E501

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op

from arrears.warehouse.roles import ensure_bi_role, missing_bi_role

revision = "0009_allocation"
down_revision: str | None = "0008_intervals"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

_VIEW = """
CREATE VIEW mart.v_allocation_fairness AS
SELECT
  mart.allocation_fairness.as_of,
  mart.allocation_fairness.basis,
  mart.allocation_fairness.queue,
  mart.allocation_fairness.measure,
  mart.allocation_fairness.moment,
  mart.allocation_fairness.collectors,
  mart.allocation_fairness.lowest,
  mart.allocation_fairness.highest,
  mart.allocation_fairness.mean,
  mart.allocation_fairness.highest - mart.allocation_fairness.lowest AS spread,
  CAST(CAST(mart.allocation_fairness.highest - mart.allocation_fairness.lowest AS DECIMAL) / CAST(NULLIF(mart.allocation_fairness.mean, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS spread_share
FROM mart.allocation_fairness
"""
_VIEW_COMMENT = "How even the split 案件分配 is: highest less lowest between collectors, also as a share of their mean. Grain: day x basis x queue x measure x moment. Source: allocation_fairness."
_VIEW_COLUMNS = {
    "as_of": "Business day that the figures are about; joins dim_date.",
    "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
    "queue": "Queue of work.",
    "measure": "cases, overdue_amount, expected_recovery, difficulty or exposure.",
    "moment": "before or after the split.",
    "collectors": "Collectors at work and trained for the queue.",
    "lowest": "Lowest figure of a collector.",
    "highest": "Highest figure of a collector.",
    "mean": "Mean of the collectors.",
    "spread": "highest - lowest.",
    "spread_share": "spread / mean.",
}


def upgrade() -> None:
    op.add_column(
        "case_assignment",
        sa.Column(
            "bucket",
            sa.Text(),
            nullable=True,
            comment="Bucket of the case when the interval began; NULL until the next morning for one of the desk.",
        ),
        schema="ops",
    )
    op.add_column(
        "case_assignment",
        sa.Column(
            "released",
            sa.Text(),
            nullable=True,
            comment="Rule by which the split took the case back: queue_changed, bucket_changed, term_over, no_result, kept_long_enough, owner_away, not_allowed, over_capacity, over_quota, levelled; NULL: none did.",
        ),
        schema="ops",
    )
    op.create_table(
        "collector_share",
        sa.Column("business_day", sa.Date(), nullable=False, comment="Business day."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work."),
        sa.Column("collector_id", sa.Text(), nullable=False, comment="Collector."),
        sa.Column("at_work", sa.Boolean(), nullable=False, comment="Whether the split counted on him."),
        sa.Column("cases", sa.Integer(), nullable=False, comment="Cases of the queue that are his: kept and given."),
        sa.Column("kept", sa.Integer(), nullable=False, comment="Of these the ones that he had in the morning."),
        sa.Column("given", sa.Integer(), nullable=False, comment="Of these the ones that were given anew."),
        sa.Column(
            "taken_back",
            sa.Integer(),
            nullable=False,
            comment="Cases of the queue that he had in the morning and has no more.",
        ),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Overdue amount of his cases of the queue.",
        ),
        sa.Column(
            "expected_recovery",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What is expected to be recovered of it.",
        ),
        sa.Column(
            "difficulty",
            sa.Numeric(precision=18, scale=4),
            nullable=True,
            comment="Mean difficulty of his cases, 0 to 100 points; NULL: he has none.",
        ),
        sa.Column(
            "even_share",
            sa.Numeric(precision=18, scale=4),
            nullable=False,
            comment="Mean of the cases of those at work for the queue.",
        ),
        sa.Column(
            "limited_by",
            sa.Text(),
            nullable=False,
            comment="What keeps him from as many as others have, comma separated: absent, capacity, quota, no_quota, regions, languages, seniority, exclusions, other_queues, kept_by_others; empty: nothing does.",
        ),
        sa.PrimaryKeyConstraint("business_day", "queue", "collector_id", name=op.f("pk_collector_share")),
        schema="ops",
        comment="What the day's split gave each collector of each queue with cases that he is trained for, and what kept him from more; written with the split, not changed by what people do later. Grain: day x queue x collector.",
    )
    op.create_table(
        "allocation_fairness",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of work."),
        sa.Column(
            "measure",
            sa.Text(),
            nullable=False,
            comment="cases, overdue_amount, expected_recovery (sums per collector); difficulty (his mean per case, 0 to 100 points: the share of the overdue amount that is not expected back, by bucket and score); exposure (by how many cases his mix of buckets and score bands is off the queue's, at the most).",
        ),
        sa.Column("moment", sa.Text(), nullable=False, comment="before or after the split."),
        sa.Column(
            "collectors", sa.BigInteger(), nullable=False, comment="Collectors at work and trained for the queue."
        ),
        sa.Column("lowest", sa.Numeric(precision=18, scale=4), nullable=False, comment="Lowest figure of a collector."),
        sa.Column(
            "highest", sa.Numeric(precision=18, scale=4), nullable=False, comment="Highest figure of a collector."
        ),
        sa.Column(
            "mean",
            sa.Numeric(precision=18, scale=4),
            nullable=False,
            comment="Mean of the collectors; of those with cases for difficulty and exposure.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "queue", "measure", "moment", name=op.f("pk_allocation_fairness")),
        schema="mart",
        comment="How even the day's split is between the collectors at work and trained for a queue, before it (what they had when the day began) and after it. Grain: day x basis x queue x measure x moment. Source: allocation_fairness of the lake.",
    )
    op.execute(sa.text(_VIEW))
    comment = _VIEW_COMMENT.replace(":", "\\:")
    op.execute(sa.text(f"COMMENT ON VIEW mart.v_allocation_fairness IS '{comment}'"))
    view = sa.Table("v_allocation_fairness", sa.MetaData(), schema="mart")
    for column, text in _VIEW_COLUMNS.items():
        view.append_column(sa.Column(column, sa.Text, comment=text))
        op.execute(sa.schema.SetColumnComment(view.columns[column]))
    if not ensure_bi_role(op.get_bind()):
        log.warning("%s", missing_bi_role())


def downgrade() -> None:
    op.execute(sa.schema.DropView(sa.Table("v_allocation_fairness", sa.MetaData(), schema="mart")))
    op.drop_table("allocation_fairness", schema="mart")
    op.drop_table("collector_share", schema="ops")
    op.drop_column("case_assignment", "released", schema="ops")
    op.drop_column("case_assignment", "bucket", schema="ops")
