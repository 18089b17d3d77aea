"""To whom a case's day is credited, what was asked of collectors, and what came of teams."""
# ruff: noqa: E501

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from alembic import op

from arrears.warehouse.roles import ensure_bi_role, missing_bi_role

revision = "0010_desk_figures"
down_revision: str | None = "0009_allocation"
branch_labels = None
depends_on = None

log = logging.getLogger(__name__)

# name, its definition, its comment, comments of its columns
_VIEWS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "v_collector_rate",
        """
CREATE VIEW mart.v_collector_rate AS
SELECT
  mart.collector_day.as_of,
  mart.collector_day.basis,
  mart.collector_day.collector_id,
  mart.collector_day.team,
  mart.collector_day.cases,
  mart.collector_day.touched_cases,
  CAST(CAST(mart.collector_day.touched_cases AS DECIMAL) / CAST(NULLIF(mart.collector_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS coverage_rate,
  CAST(CAST(mart.collector_day.case_contacts AS DECIMAL) / CAST(NULLIF(mart.collector_day.touched_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS contact_intensity,
  mart.collector_day.attempts,
  CAST(CAST(mart.collector_day.connected_attempts AS DECIMAL) / CAST(NULLIF(mart.collector_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_dial,
  CAST(CAST(mart.collector_day.connected_customers AS DECIMAL) / CAST(NULLIF(mart.collector_day.tried_customers, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_case,
  CAST(CAST(mart.collector_day.right_party_attempts AS DECIMAL) / CAST(NULLIF(mart.collector_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS right_party_rate,
  CAST(CAST(mart.collector_day.promises AS DECIMAL) / CAST(NULLIF(mart.collector_day.right_party_attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS promise_rate,
  CAST(CAST(mart.collector_day.promises_kept AS DECIMAL) / CAST(NULLIF(mart.collector_day.promises_due, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_rate,
  CAST(CAST(mart.collector_day.kept_promise_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.due_promise_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_amount_rate,
  CAST(CAST(mart.collector_day.paid_cases AS DECIMAL) / CAST(NULLIF(mart.collector_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS paid_case_rate,
  mart.collector_day.recovered_amount,
  mart.collector_day.overdue_amount,
  CAST(CAST(mart.collector_day.recovered_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.overdue_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS recovery_rate,
  CAST(CAST(mart.collector_day.blocked_contacts AS DECIMAL) / CAST(NULLIF(mart.collector_day.planned_contacts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS blocked_rate,
  mart.collector_day.target_amount,
  CAST(CAST(mart.collector_day.recovered_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.target_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS attainment
FROM mart.collector_day
""",
        "Rates of a collector's finished day; result and process figures belong together (a collector is not judged by recovered amount alone). Grain: day x basis x collector. Source: collector_day.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "collector_id": "Collector; joins dim_collector.",
            "team": "Team; joins dim_team.",
            "cases": "Own cases: those that are credited to him on the day.",
            "touched_cases": "Of them with a contact attempt.",
            "coverage_rate": "Coverage 覆盖率: touched_cases / cases.",
            "contact_intensity": "Contact intensity 渗透率: contacts / touched cases.",
            "attempts": "Attempts that the collector made.",
            "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
            "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
            "right_party_rate": "Right-party contacts / attempts.",
            "promise_rate": "Promises / right-party contacts.",
            "kept_rate": "Kept rate 承诺兑现率 by count: promises kept / promises due.",
            "kept_amount_rate": "The same by amount.",
            "paid_case_rate": "Own cases that paid / own cases.",
            "recovered_amount": "What own cases paid, at most what they owed overdue.",
            "overdue_amount": "What own cases owed overdue at the opening.",
            "recovery_rate": "Recovery rate 回收率: recovered_amount / overdue_amount.",
            "blocked_rate": "Contacts blocked by policy / contacts that the strategy wanted.",
            "target_amount": "What he was to recover that day; NULL: nothing was asked.",
            "attainment": "Target attainment 达成率: recovered_amount / target_amount.",
        },
    ),
    (
        "v_team_rate",
        """
CREATE VIEW mart.v_team_rate AS
SELECT
  mart.team_day.as_of,
  mart.team_day.basis,
  mart.team_day.team,
  mart.team_day.collectors,
  mart.team_day.present_collectors,
  mart.team_day.cases,
  CAST(CAST(mart.team_day.cases AS DECIMAL) / CAST(NULLIF(mart.team_day.present_collectors, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS cases_per_head,
  mart.team_day.recovered_amount,
  CAST(mart.team_day.recovered_amount / CAST(NULLIF(mart.team_day.present_collectors, 0) AS DECIMAL) AS DECIMAL(18, 2)) AS recovered_per_head,
  mart.team_day.target_amount,
  CAST(CAST(mart.team_day.recovered_for_target AS DECIMAL) / CAST(NULLIF(mart.team_day.target_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS attainment,
  mart.team_day.overdue_amount,
  CAST(CAST(mart.team_day.recovered_amount AS DECIMAL) / CAST(NULLIF(mart.team_day.overdue_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS recovery_rate,
  mart.team_day.touched_cases,
  CAST(CAST(mart.team_day.touched_cases AS DECIMAL) / CAST(NULLIF(mart.team_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS coverage_rate,
  CAST(CAST(mart.team_day.case_contacts AS DECIMAL) / CAST(NULLIF(mart.team_day.touched_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS contact_intensity,
  mart.team_day.attempts,
  CAST(CAST(mart.team_day.connected_attempts AS DECIMAL) / CAST(NULLIF(mart.team_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_dial,
  CAST(CAST(mart.team_day.connected_customers AS DECIMAL) / CAST(NULLIF(mart.team_day.tried_customers, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_case,
  CAST(CAST(mart.team_day.promises AS DECIMAL) / CAST(NULLIF(mart.team_day.right_party_attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS promise_rate,
  CAST(CAST(mart.team_day.promises_kept AS DECIMAL) / CAST(NULLIF(mart.team_day.promises_due, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_rate,
  CAST(CAST(mart.team_day.kept_promise_amount AS DECIMAL) / CAST(NULLIF(mart.team_day.due_promise_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_amount_rate,
  CAST(CAST(mart.team_day.blocked_contacts AS DECIMAL) / CAST(NULLIF(mart.team_day.planned_contacts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS blocked_rate
FROM mart.team_day
""",
        "Target attainment, cases per head, productivity and the process figures of a team's finished day. Grain: day x basis x team. Source: team_day.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "team": "Team; joins dim_team.",
            "collectors": "Collectors of the team.",
            "present_collectors": "Of them at work that day.",
            "cases": "Cases credited to the team's collectors.",
            "cases_per_head": "Cases per head 人均在手: cases / present_collectors.",
            "recovered_amount": "What these cases paid, at most what they owed overdue.",
            "recovered_per_head": "Productivity 人均产能: recovered_amount / present_collectors.",
            "target_amount": "What was to be recovered; NULL: nothing was asked.",
            "attainment": "Target attainment 达成率: recovered by those who had a target / target_amount.",
            "overdue_amount": "What the cases owed overdue at the opening.",
            "recovery_rate": "Recovery rate 回收率: recovered_amount / overdue_amount.",
            "touched_cases": "Cases with a contact attempt.",
            "coverage_rate": "Coverage 覆盖率: touched_cases / cases.",
            "contact_intensity": "Contact intensity 渗透率: contacts / touched cases.",
            "attempts": "Attempts that the team's collectors made.",
            "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
            "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
            "promise_rate": "Promises / right-party contacts.",
            "kept_rate": "Kept rate 承诺兑现率 by count: promises kept / promises due.",
            "kept_amount_rate": "The same by amount.",
            "blocked_rate": "Contacts blocked by policy / contacts that the strategy wanted.",
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
  mart.case_interval.is_credited
GROUP BY
  mart.case_interval.as_of,
  mart.case_interval.basis,
  mart.case_interval.queue,
  mart.case_interval.source
""",
        "What came of cases by how their owner came by them: split, grabbed, given by hand, recalled, or in the pool. Each case counts for the interval that its day is credited to. Grain: day x basis x queue x source. Source: case_interval.",
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
_BEFORE: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    (
        "v_collector_rate",
        """
CREATE VIEW mart.v_collector_rate AS
SELECT
  mart.collector_day.as_of,
  mart.collector_day.basis,
  mart.collector_day.collector_id,
  mart.collector_day.team,
  mart.collector_day.cases,
  mart.collector_day.touched_cases,
  CAST(CAST(mart.collector_day.touched_cases AS DECIMAL) / CAST(NULLIF(mart.collector_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS coverage_rate,
  CAST(CAST(mart.collector_day.case_contacts AS DECIMAL) / CAST(NULLIF(mart.collector_day.touched_cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS contact_intensity,
  mart.collector_day.attempts,
  CAST(CAST(mart.collector_day.connected_attempts AS DECIMAL) / CAST(NULLIF(mart.collector_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_dial,
  CAST(CAST(mart.collector_day.connected_customers AS DECIMAL) / CAST(NULLIF(mart.collector_day.tried_customers, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS connect_rate_by_case,
  CAST(CAST(mart.collector_day.right_party_attempts AS DECIMAL) / CAST(NULLIF(mart.collector_day.attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS right_party_rate,
  CAST(CAST(mart.collector_day.promises AS DECIMAL) / CAST(NULLIF(mart.collector_day.right_party_attempts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS promise_rate,
  CAST(CAST(mart.collector_day.promises_kept AS DECIMAL) / CAST(NULLIF(mart.collector_day.promises_due, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_rate,
  CAST(CAST(mart.collector_day.kept_promise_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.due_promise_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS kept_amount_rate,
  CAST(CAST(mart.collector_day.paid_cases AS DECIMAL) / CAST(NULLIF(mart.collector_day.cases, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS paid_case_rate,
  mart.collector_day.recovered_amount,
  mart.collector_day.overdue_amount,
  CAST(CAST(mart.collector_day.recovered_amount AS DECIMAL) / CAST(NULLIF(mart.collector_day.overdue_amount, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS recovery_rate,
  CAST(CAST(mart.collector_day.blocked_contacts AS DECIMAL) / CAST(NULLIF(mart.collector_day.planned_contacts, 0) AS DECIMAL) AS DECIMAL(18, 6)) AS blocked_rate
FROM mart.collector_day
""",
        "Rates of a collector's finished day; result and process figures belong together (a collector is not judged by recovered amount alone). Grain: day x basis x collector. Source: collector_day.",
        {
            "as_of": "Business day that the figures are about; joins dim_date.",
            "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
            "collector_id": "Collector; joins dim_collector.",
            "team": "Team; joins dim_team.",
            "cases": "Cases owned at the opening.",
            "touched_cases": "Of them with a contact attempt.",
            "coverage_rate": "Coverage 覆盖率: touched_cases / cases.",
            "contact_intensity": "Contact intensity 渗透率: contacts / touched cases.",
            "attempts": "Attempts that the collector made.",
            "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
            "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
            "right_party_rate": "Right-party contacts / attempts.",
            "promise_rate": "Promises / right-party contacts.",
            "kept_rate": "Kept rate 承诺兑现率 by count: promises kept / promises due.",
            "kept_amount_rate": "The same by amount.",
            "paid_case_rate": "Own cases that paid / own cases.",
            "recovered_amount": "What own cases paid, at most what they owed overdue.",
            "overdue_amount": "What own cases owed overdue at the opening.",
            "recovery_rate": "Recovery rate 回收率: recovered_amount / overdue_amount.",
            "blocked_rate": "Contacts blocked by policy / contacts that the strategy wanted.",
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

# column, its comment now, its comment before
_COLLECTOR_DAY = (
    ("cases", "Own cases: those that are credited to him on the day.", "Cases owned at the opening."),
    (
        "promises",
        "Promises to pay made to him that day, or on own cases where nobody knows to whom.",
        "Promises to pay made that day on own cases.",
    ),
    (
        "promises_due",
        "Promises that fell due that day, his by the same rule.",
        "Promises on own cases that fell due that day.",
    ),
)
_COLLECTOR_DAY_COMMENT = (
    "What came of a collector's finished day, and what was asked of him. A case and its day count for one collector: the last of its owners of the day who recorded a contact with it; if none did, who had it when the day ended. Attempts count for who made them, promises for whom they were made to. Grain: day x basis x collector. Source: assignment, ops.case_assignment, treatment, contact_plan, contact results, promises, payments, ops.contact_attempt, targets.yaml.",
    "What came of a collector's finished day; money and promises are those of the cases owned at its opening. Grain: day x basis x collector. Source: assignment, cases, treatment, contact_plan, contact results, promises, payments, ops.contact_attempt.",
)
_CASE_INTERVAL_COMMENT = (
    "Who had which case on a finished day, the pool included, and what came of it. A case's money and contacts of a day count once, with the interval that it is credited to: the last owner of the day who recorded a contact with it, else whoever had it when the day ended. Grain: day x basis x case x interval that lasted on the day. Source: ops.case_assignment, treatment, payments, contact results, ops.contact_attempt.",
    "Who had which case on a finished day, the pool included, and what came of it. A case's money and contacts of a day count once, with the last interval of the day. Grain: day x basis x case x interval that lasted on the day. Source: ops.case_assignment, treatment, payments, contact results, ops.contact_attempt.",
)
_ADDED = (
    "grabbed_cases",
    "given_back_cases",
    "expired_cases",
    "target_amount",
    "coverage_target",
    "connect_target",
    "promise_target",
    "kept_target",
    "compliance_target",
)


def upgrade() -> None:
    for name in ("v_collector_rate", "v_source_outcome"):
        _drop_view(name)
    op.create_table(
        "team_day",
        sa.Column(
            "as_of", sa.Date(), nullable=False, comment="Business day that the figures are about; joins dim_date."
        ),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=False,
            comment="frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger.",
        ),
        sa.Column("team", sa.Text(), nullable=False, comment="Team; joins dim_team. Empty: collectors without a team."),
        sa.Column(
            "collectors",
            sa.BigInteger(),
            nullable=False,
            comment="Collectors of the team on the day's roster, or with figures.",
        ),
        sa.Column(
            "present_collectors",
            sa.BigInteger(),
            nullable=False,
            comment="Of them at work that day, by the ledger and by what leads reported.",
        ),
        sa.Column("cases", sa.BigInteger(), nullable=False, comment="Cases credited to the team's collectors."),
        sa.Column(
            "overdue_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="What they owed overdue at the opening.",
        ),
        sa.Column("touched_cases", sa.BigInteger(), nullable=False, comment="Of them with a contact attempt."),
        sa.Column("case_contacts", sa.BigInteger(), nullable=False, comment="Contact attempts at them, by whomever."),
        sa.Column(
            "attempts", sa.BigInteger(), nullable=False, comment="Contact attempts that the team's collectors made."
        ),
        sa.Column(
            "connected_attempts",
            sa.BigInteger(),
            nullable=False,
            comment="Of them connected, to the right party or not.",
        ),
        sa.Column(
            "right_party_attempts", sa.BigInteger(), nullable=False, comment="Of them that reached the right party."
        ),
        sa.Column(
            "tried_customers", sa.BigInteger(), nullable=False, comment="Customers tried, summed over collectors."
        ),
        sa.Column("connected_customers", sa.BigInteger(), nullable=False, comment="Of them with a connected attempt."),
        sa.Column("promises", sa.BigInteger(), nullable=False, comment="Promises to pay made that day."),
        sa.Column(
            "promised_amount", sa.Numeric(precision=18, scale=2), nullable=False, comment="Amount of these promises."
        ),
        sa.Column("promises_due", sa.BigInteger(), nullable=False, comment="Promises that fell due that day."),
        sa.Column("promises_kept", sa.BigInteger(), nullable=False, comment="Of them kept."),
        sa.Column(
            "due_promise_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Amount of the promises that fell due.",
        ),
        sa.Column(
            "kept_promise_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Amount of the promises that were kept.",
        ),
        sa.Column("paid_cases", sa.BigInteger(), nullable=False, comment="Cases that paid anything that day."),
        sa.Column(
            "paid_amount", sa.Numeric(precision=18, scale=2), nullable=False, comment="All that they paid that day."
        ),
        sa.Column(
            "recovered_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Of it, per case, at most what was overdue at the opening.",
        ),
        sa.Column(
            "target_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="What was to be recovered; NULL: nothing was asked.",
        ),
        sa.Column(
            "recovered_for_target",
            sa.Numeric(precision=18, scale=2),
            nullable=False,
            comment="Recovered by collectors of whom something was asked.",
        ),
        sa.Column(
            "planned_contacts",
            sa.BigInteger(),
            nullable=False,
            comment="Contacts that the strategy wanted with the cases.",
        ),
        sa.Column(
            "blocked_contacts", sa.BigInteger(), nullable=False, comment="Of them blocked by policy, consent or hold."
        ),
        sa.Column("grabbed_cases", sa.BigInteger(), nullable=False, comment="Cases grabbed that day."),
        sa.Column("given_back_cases", sa.BigInteger(), nullable=False, comment="Grabbed cases given back that day."),
        sa.Column(
            "expired_cases",
            sa.BigInteger(),
            nullable=False,
            comment="Grabbed cases whose lease ran out that day, unworked.",
        ),
        sa.Column(
            "known_as_of",
            sa.Date(),
            nullable=False,
            comment="Business day of the run whose ledger and results the figures come from.",
        ),
        sa.PrimaryKeyConstraint("as_of", "basis", "team", name=op.f("pk_team_day")),
        schema="mart",
        comment="What came of a team's finished day: the sums of collector_day, and the team's heads. Grain: day x basis x team. Source: collector_day, the day's collectors, ops.absence.",
    )
    op.alter_column(
        "case_interval",
        "is_last",
        new_column_name="is_credited",
        existing_type=sa.Boolean(),
        existing_nullable=False,
        comment="Whether the case's day is credited to it: the case's other intervals have zeros.",
        schema="mart",
    )
    op.create_table_comment("case_interval", _CASE_INTERVAL_COMMENT[0], schema="mart")
    op.add_column(
        "collector_day",
        sa.Column("grabbed_cases", sa.BigInteger(), nullable=True, comment="Cases that he grabbed that day."),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "given_back_cases", sa.BigInteger(), nullable=True, comment="Grabbed cases that he gave back that day."
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "expired_cases",
            sa.BigInteger(),
            nullable=True,
            comment="Grabbed cases whose lease ran out that day, unworked.",
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "target_amount",
            sa.Numeric(precision=18, scale=2),
            nullable=True,
            comment="What he was to recover that day; NULL: nothing was asked.",
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "coverage_target",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Coverage asked of him; NULL: nothing was asked.",
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "connect_target",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Connect rate by dial asked of him; NULL: nothing.",
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "promise_target",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Promise rate asked of him; NULL: nothing.",
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "kept_target",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Kept rate by count asked of him; NULL: nothing.",
        ),
        schema="mart",
    )
    op.add_column(
        "collector_day",
        sa.Column(
            "compliance_target",
            sa.Numeric(precision=9, scale=6),
            nullable=True,
            comment="Share of contacts not blocked, asked of him; NULL: none.",
        ),
        schema="mart",
    )
    for column, now, _ in _COLLECTOR_DAY:
        _comment("collector_day", column, sa.BigInteger(), now)
    op.create_table_comment("collector_day", _COLLECTOR_DAY_COMMENT[0], schema="mart")
    _comment("dim_team", "team", sa.Text(), "Team; empty: those without one.")
    for name, definition, comment, columns in _VIEWS:
        _create_view(name, definition, comment, columns)
    if not ensure_bi_role(op.get_bind()):
        log.warning("%s", missing_bi_role())


def _comment(table: str, column: str, kind: sa.types.TypeEngine[Any], comment: str) -> None:
    op.alter_column(table, column, existing_type=kind, existing_nullable=False, comment=comment, schema="mart")


def _create_view(name: str, definition: str, comment: str, columns: dict[str, str]) -> None:
    op.execute(_text(definition))
    quoted = comment.replace("'", "''")
    op.execute(_text(f"COMMENT ON VIEW mart.{name} IS '{quoted}'"))
    view = sa.Table(name, sa.MetaData(), schema="mart")
    for column, text in columns.items():
        view.append_column(sa.Column(column, sa.Text, comment=text))
        op.execute(sa.schema.SetColumnComment(view.columns[column]))


def _drop_view(name: str) -> None:
    op.execute(sa.schema.DropView(sa.Table(name, sa.MetaData(), schema="mart")))


def _text(statement: str) -> sa.TextClause:
    # no colon of these statements is a parameter's
    return sa.text(statement.replace(":", "\\:"))


def downgrade() -> None:
    for name, *_ in reversed(_VIEWS):
        _drop_view(name)
    op.drop_table("team_day", schema="mart")
    for column in reversed(_ADDED):
        op.drop_column("collector_day", column, schema="mart")
    for column, _, before in _COLLECTOR_DAY:
        _comment("collector_day", column, sa.BigInteger(), before)
    op.create_table_comment("collector_day", _COLLECTOR_DAY_COMMENT[1], schema="mart")
    op.alter_column(
        "case_interval",
        "is_credited",
        new_column_name="is_last",
        existing_type=sa.Boolean(),
        existing_nullable=False,
        comment="Whether it is the case's last of the day: the others have zeros.",
        schema="mart",
    )
    op.create_table_comment("case_interval", _CASE_INTERVAL_COMMENT[1], schema="mart")
    _comment("dim_team", "team", sa.Text(), "Team.")
    for name, definition, comment, columns in _BEFORE:
        _create_view(name, definition, comment, columns)
