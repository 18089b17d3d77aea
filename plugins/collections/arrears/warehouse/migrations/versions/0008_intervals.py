"""Who had which case on finished days, and what came of grabbed cases beside allocated ones."""
# ruff: noqa: E501

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op

from arrears.warehouse.roles import ensure_bi_role, missing_bi_role

revision = "0008_intervals"
down_revision: str | None = "0007_desk"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

# name, its definition, its comment, comments of its columns
_VIEWS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "v_pool_outcome",
        """
CREATE VIEW mart.v_pool_outcome AS
SELECT
  mart.pool_day.as_of,
  mart.pool_day.basis,
  mart.pool_day.queue,
  mart.pool_day.grabbed_cases,
  CAST(CAST(mart.pool_day.grab_minutes AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS minutes_to_grab,
  mart.pool_day.grab_minutes_median,
  mart.pool_day.grab_minutes_p90,
  CAST(CAST(mart.pool_day.grabbed_recovered_amount AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS grabbed_recovery_rate,
  CAST(CAST(mart.pool_day.grabbed_cured_cases AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS grabbed_cure_rate,
  CAST(CAST(mart.pool_day.grabbed_touched_cases AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS grabbed_coverage_rate,
  CAST(CAST(mart.pool_day.grabbed_contacts AS DECIMAL) / CAST(NULLIF(mart.pool_day.grabbed_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS grabbed_contacts_per_case,
  mart.pool_day.allocated_cases,
  CAST(CAST(mart.pool_day.allocated_recovered_amount AS DECIMAL) / CAST(NULLIF(mart.pool_day.allocated_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS allocated_recovery_rate,
  CAST(CAST(mart.pool_day.allocated_cured_cases AS DECIMAL) / CAST(NULLIF(mart.pool_day.allocated_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS allocated_cure_rate,
  CAST(CAST(mart.pool_day.allocated_touched_cases AS DECIMAL) / CAST(NULLIF(mart.pool_day.allocated_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS allocated_coverage_rate,
  CAST(CAST(mart.pool_day.allocated_contacts AS DECIMAL) / CAST(NULLIF(mart.pool_day.allocated_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS allocated_contacts_per_case
FROM mart.pool_day
""",
        "Time to grab, and what came of grabbed cases beside allocated ones, on a finished day. Grain: day x basis x queue. Source: pool_day.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "queue": "Queue of work.",
            "grabbed_cases": "Cases of the opening's pool that collectors grabbed that day.",
            "minutes_to_grab": "Mean minutes that a grabbed case lay in the pool.",
            "grab_minutes_median": "Minutes within which half of them were grabbed.",
            "grab_minutes_p90": "Minutes within which nine of ten of them were grabbed.",
            "grabbed_recovery_rate": "Recovered / overdue of the grabbed cases.",
            "grabbed_cure_rate": "Grabbed cases that paid all that was overdue / grabbed cases.",
            "grabbed_coverage_rate": "Touched grabbed cases / grabbed cases.",
            "grabbed_contacts_per_case": "Contact attempts / grabbed cases.",
            "allocated_cases": "Cases that had an owner at the opening.",
            "allocated_recovery_rate": "Recovered / overdue of the allocated cases.",
            "allocated_cure_rate": "Allocated cases that paid all that was overdue / allocated cases.",
            "allocated_coverage_rate": "Touched allocated cases / allocated cases.",
            "allocated_contacts_per_case": "Contact attempts / allocated cases.",
        },
    ),
    (
        "v_source_outcome",
        """
CREATE VIEW mart.v_source_outcome AS
SELECT
  mart.case_interval.as_of,
  mart.case_interval.basis,
  mart.case_interval.queue,
  mart.case_interval.source,
  COUNT(*) AS cases,
  CAST(SUM(mart.case_interval.overdue_amount) AS DECIMAL(18, 2)) AS overdue_amount,
  CAST(SUM(mart.case_interval.recovered_amount) AS DECIMAL(18, 2)) AS recovered_amount,
  CAST(CAST(CAST(SUM(mart.case_interval.recovered_amount) AS DECIMAL(18, 2)) AS DECIMAL) / CAST(NULLIF(CAST(SUM(mart.case_interval.overdue_amount) AS DECIMAL(18, 2)), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS recovery_rate,
  COUNT(*) FILTER(WHERE
    mart.case_interval.cured) AS cured_cases,
  CAST(CAST(COUNT(*) FILTER(WHERE
    mart.case_interval.cured) AS DECIMAL) / CAST(NULLIF(COUNT(*), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS cure_rate,
  CAST(SUM(mart.case_interval.contacts) AS BIGINT) AS contacts,
  CAST(CAST(CAST(SUM(mart.case_interval.contacts) AS BIGINT) AS DECIMAL) / CAST(NULLIF(COUNT(*), 0) AS DECIMAL) AS DECIMAL(18, 6)) AS contacts_per_case
FROM mart.case_interval
WHERE
  mart.case_interval.is_last
GROUP BY
  mart.case_interval.as_of,
  mart.case_interval.basis,
  mart.case_interval.queue,
  mart.case_interval.source
""",
        "What came of cases by how their owner came by them: split, grabbed, given by hand, recalled, or in the pool. Each case counts for who had it when the day ended. Grain: day x basis x queue x source. Source: case_interval.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "queue": "Queue of work.",
            "source": "auto, grab, manual, recall or pool.",
            "cases": "Cases.",
            "overdue_amount": "What they owed overdue at the opening.",
            "recovered_amount": "What they paid that day, per case at most what was overdue.",
            "recovery_rate": "recovered_amount / overdue_amount.",
            "cured_cases": "Cases that paid all that was overdue.",
            "cure_rate": "cured_cases / cases.",
            "contacts": "Contact attempts at them.",
            "contacts_per_case": "contacts / cases.",
        },
    ),
)

_POOL_DAY = (
    "grabbed_touched_cases",
    "grabbed_contacts",
    "grabbed_cured_cases",
    "allocated_touched_cases",
    "allocated_contacts",
    "allocated_cured_cases",
    "grab_minutes_median",
    "grab_minutes_p90",
)


def upgrade() -> None:
    op.create_table(
        "case_interval",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("case_id", sa.Text(), nullable=False, comment="Key of the case in ops."),
        sa.Column(
            "interval_no",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Number of the interval within the case, from 1.",
        ),
        sa.Column("customer_id", sa.Text(), nullable=False, comment="Customer; joins dim_customer."),
        sa.Column("queue", sa.Text(), nullable=False, comment="Queue of the case when the interval began."),
        sa.Column(
            "collector_id", sa.Text(), nullable=True, comment="Owner, NULL while in the pool; joins dim_collector."
        ),
        sa.Column("team", sa.Text(), nullable=True, comment="Team of the owner; joins dim_team."),
        sa.Column(
            "source",
            sa.Text(),
            nullable=False,
            comment="auto (the split), grab, manual, recall; pool while it lay in the pool.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why it began."),
        sa.Column("began_on", sa.Date(), nullable=False, comment="Business day of its begin."),
        sa.Column(
            "ended_on", sa.Date(), nullable=True, comment="Business day of its end; NULL when it lasted beyond the day."
        ),
        sa.Column("end_reason", sa.Text(), nullable=True, comment="Why it ended; NULL when it lasted beyond the day."),
        sa.Column(
            "minutes",
            sa.BigInteger(),
            nullable=True,
            comment="Whole minutes it lasted; NULL when it lasted beyond the day.",
        ),
        sa.Column(
            "is_last",
            sa.Boolean(),
            nullable=False,
            comment="Whether it is the case's last of the day: the others have zeros.",
        ),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What the case owed overdue at the opening.",
        ),
        sa.Column(
            "recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What the case paid that day, at most what was overdue.",
        ),
        sa.Column(
            "contacts", sa.BigInteger(), nullable=False, comment="Contact attempts at the case that day, by whomever."
        ),
        sa.Column(
            "cured", sa.Boolean(), nullable=False, comment="Whether the case paid that day all that was overdue."
        ),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "case_id", "interval_no", name=op.f("pk_case_interval")),
        schema="mart",
        comment="Who had which case on a finished day, the pool included, and what came of it. A case's money and contacts of a day count once, with the last interval of the day. Grain: day x basis x case x interval that lasted on the day. Source: ops.case_assignment, treatment, payments, contact results, ops.contact_attempt.",
    )
    op.create_index(
        op.f("ix_case_interval_as_of_basis_source"),
        "case_interval",
        ["as_of", "basis", "source"],
        unique=False,
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "grabbed_touched_cases",
            sa.BigInteger(),
            nullable=True,
            comment="Grabbed cases with a contact attempt that day.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "grabbed_contacts",
            sa.BigInteger(),
            nullable=True,
            comment="Contact attempts at the grabbed cases that day.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "grabbed_cured_cases",
            sa.BigInteger(),
            nullable=True,
            comment="Grabbed cases that paid all that was overdue.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "allocated_touched_cases",
            sa.BigInteger(),
            nullable=True,
            comment="Allocated cases with a contact attempt that day.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "allocated_contacts",
            sa.BigInteger(),
            nullable=True,
            comment="Contact attempts at the allocated cases that day.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "allocated_cured_cases",
            sa.BigInteger(),
            nullable=True,
            comment="Allocated cases that paid all that was overdue.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "grab_minutes_median",
            sa.BigInteger(),
            nullable=True,
            comment="Minutes within which half of the grabbed cases were grabbed; NULL: none was.",
        ),
        schema="mart",
    )
    op.add_column(
        "pool_day",
        sa.Column(
            "grab_minutes_p90",
            sa.BigInteger(),
            nullable=True,
            comment="Minutes within which nine of ten of the grabbed cases were grabbed; NULL: none was.",
        ),
        schema="mart",
    )

    for name, definition, comment, columns in _VIEWS:
        op.execute(_text(definition))
        quoted = comment.replace("'", "''")
        op.execute(_text(f"COMMENT ON VIEW mart.{name} IS '{quoted}'"))
        view = sa.Table(name, sa.MetaData(), schema="mart")
        for column, text in columns.items():
            view.append_column(sa.Column(column, sa.Text, comment=text))
            op.execute(sa.schema.SetColumnComment(view.columns[column]))
    if not ensure_bi_role(op.get_bind()):
        log.warning("%s", missing_bi_role())


def _text(statement: str) -> sa.TextClause:
    # no colon of these statements is a parameter's
    return sa.text(statement.replace(":", "\\:"))


def downgrade() -> None:
    for name, *_ in reversed(_VIEWS):
        op.execute(sa.schema.DropView(sa.Table(name, sa.MetaData(), schema="mart")))
    for column in reversed(_POOL_DAY):
        op.drop_column("pool_day", column, schema="mart")
    op.drop_table("case_interval", schema="mart")
