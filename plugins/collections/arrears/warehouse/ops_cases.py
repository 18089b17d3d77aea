"""Tables of cases, who has them, and who may have them (schema ops).

Rows of `case` are merged, never deleted; `case_assignment` is append-only but for the end of an interval. All
instants come from the clock of acting. No names, no addresses.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import OPS, Base

INSTANT = sa.TIMESTAMP(timezone=True)
MONEY = sa.Numeric(18, 2)

State = Literal["owned", "pool", "closed"]
Source = Literal["auto", "grab", "manual", "recall"]
CloseReason = Literal["cured", "contracts_closed", "written_off", "held", "no_work", "left_ledger"]


def _one_of(column: str, values: tuple[str, ...], name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_(values), name=name)


class Case(Base):
    """One customer's overdue contracts, from the first day of work to the last."""

    __tablename__ = "case"
    __table_args__ = (
        _one_of("state", get_args(State), "state"),
        _one_of("source", get_args(Source), "source"),
        _one_of("close_reason", get_args(CloseReason), "close_reason"),
        sa.CheckConstraint(
            "num_nonnulls(collector_id, source, owned_from) = CASE state WHEN 'owned' THEN 3 ELSE 0 END",
            name="owner_while_owned",
        ),
        sa.CheckConstraint("(state = 'pool') = (pool_opened_at IS NOT NULL)", name="pool_while_pooled"),
        sa.CheckConstraint(
            "num_nonnulls(closed_on, close_reason) = CASE state WHEN 'closed' THEN 2 ELSE 0 END",
            name="end_when_closed",
        ),
        sa.CheckConstraint("lease_until IS NULL OR state = 'owned'", name="lease_while_owned"),
        sa.CheckConstraint("lease_renewals >= 0", name="lease_renewals"),
        sa.CheckConstraint("(human_action_at IS NULL) = (human_action_on IS NULL)", name="human_action"),
        sa.Index("uq_case_open_customer", "customer_id", unique=True, postgresql_where=sa.text("state <> 'closed'")),
        sa.Index("ix_case_pool", "queue", "work_order", "case_id", postgresql_where=sa.text("state = 'pool'")),
        sa.Index("ix_case_owner", "collector_id", postgresql_where=sa.text("state = 'owned'")),
        sa.Index("ix_case_lease", "lease_until", postgresql_where=sa.text("lease_until IS NOT NULL")),
        sa.Index(None, "customer_id"),
        sa.Index(None, "closed_on"),
        {"schema": OPS, "comment": "Cases, open and closed. Grain: customer x day on which work on the case began."},
    )

    case_id: Mapped[str] = mapped_column(
        sa.Text, primary_key=True, comment="customer_id, @, day opened: the same in every re-run of that day."
    )
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Who owes; at most one open case each.")
    state: Mapped[str] = mapped_column(sa.Text, comment="owned, pool (may be grabbed) or closed.")
    collector_id: Mapped[str | None] = mapped_column(sa.Text, comment="Owner; NULL unless owned.")
    source: Mapped[str | None] = mapped_column(
        sa.Text, comment="How the owner came by it: auto, grab, manual or recall; NULL unless owned."
    )
    owned_from: Mapped[datetime | None] = mapped_column(INSTANT, comment="Since when he owns it; NULL unless owned.")
    pool_opened_at: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="Since when it lies in the pool; NULL unless in the pool."
    )
    lease_until: Mapped[datetime | None] = mapped_column(
        INSTANT,
        comment="Until when a grabbed case must be worked, or it goes back to the pool; NULL: no lease (any more).",
    )
    lease_renewals: Mapped[int] = mapped_column(
        server_default="0", comment="How often the lease was renewed since the case was grabbed."
    )
    human_action_at: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="Last time that a person decided about the owner; NULL: never."
    )
    human_action_on: Mapped[date | None] = mapped_column(
        comment="Business day of human_action_at: for the rest of that day no run changes the owner."
    )
    opened_on: Mapped[date] = mapped_column(comment="Business day on which the case was opened.")
    closed_on: Mapped[date | None] = mapped_column(comment="Business day on which it was closed; NULL while open.")
    close_reason: Mapped[str | None] = mapped_column(
        sa.Text, comment="cured, contracts_closed, written_off, held, no_work or left_ledger; NULL while open."
    )
    as_of: Mapped[date] = mapped_column(comment="Business day of the figures below: the last day with work.")
    entered_on: Mapped[date | None] = mapped_column(comment="First day past due of the present delinquency.")
    queue: Mapped[str] = mapped_column(sa.Text, comment="Queue of work.")
    segment: Mapped[str] = mapped_column(sa.Text, comment="Segment of the strategy.")
    treatment: Mapped[str] = mapped_column(sa.Text, comment="Treatment of the harshest contract.")
    intensity: Mapped[int] = mapped_column(comment="Intensity of the treatment, 0 to 5.")
    placement: Mapped[str] = mapped_column(sa.Text, comment="in_house, agency, field, legal or repossession.")
    priority: Mapped[int] = mapped_column(comment="Higher is worked first.")
    work_order: Mapped[int] = mapped_column(comment="Place in the queue, 1 first.")
    contracts: Mapped[int] = mapped_column(comment="Number of contracts in the case.")
    contract_ids: Mapped[str] = mapped_column(sa.Text, comment="Contracts in the case, comma separated, sorted.")
    lead_contract_id: Mapped[str] = mapped_column(sa.Text, comment="The harshest contract.")
    region: Mapped[str | None] = mapped_column(sa.Text, comment="Region of the harshest contract.")
    language: Mapped[str | None] = mapped_column(sa.Text, comment="Language that its collector must speak; NULL: any.")
    min_seniority: Mapped[int | None] = mapped_column(comment="Seniority that its collector must have; NULL: any.")
    excluded_collectors: Mapped[str | None] = mapped_column(
        sa.Text, comment="Collectors who must not have it, comma separated; NULL: nobody."
    )
    overdue_amount: Mapped[Decimal] = mapped_column(MONEY, comment="Overdue amount of all contracts, their currency.")
    outstanding_amount: Mapped[Decimal] = mapped_column(MONEY, comment="Outstanding amount of all contracts.")
    days_past_due: Mapped[int] = mapped_column(comment="Days past due of the harshest contract.")
    bucket: Mapped[str] = mapped_column(sa.Text, comment="Bucket of the harshest contract.")
    class_: Mapped[str] = mapped_column("class", sa.Text, comment="low, mid or high.")
    rule_set: Mapped[str] = mapped_column(sa.Text, comment="Rule set that decided the treatment.")
    rule_set_version: Mapped[int] = mapped_column(comment="Its version.")
    rule_set_hash: Mapped[str] = mapped_column(sa.Text, comment="SHA-256 of its files.")


class CaseAssignment(Base):
    """One interval in which one collector had a case, or in which it lay in the pool."""

    __tablename__ = "case_assignment"
    __table_args__ = (
        _one_of("source", (*get_args(Source), "pool"), "source"),
        sa.CheckConstraint("(source = 'pool') = (collector_id IS NULL)", name="pool_has_no_collector"),
        sa.CheckConstraint("interval_no >= 1", name="interval_no"),
        sa.CheckConstraint("from_at <= to_at", name="interval"),
        sa.CheckConstraint("num_nonnulls(to_at, to_day, end_reason) IN (0, 3)", name="ended_whole"),
        sa.Index("uq_case_assignment_open", "case_id", unique=True, postgresql_where=sa.text("to_at IS NULL")),
        sa.Index(None, "collector_id", "from_day"),
        sa.Index(None, "from_day"),
        sa.Index(None, "to_day"),
        {
            "schema": OPS,
            "comment": "Who had which case when, the pool included; append-only. Grain: case x interval.",
        },
    )

    case_id: Mapped[str] = mapped_column(sa.Text, sa.ForeignKey(Case.case_id), primary_key=True, comment="Case.")
    interval_no: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, comment="Number of the interval within the case, from 1."
    )
    collector_id: Mapped[str | None] = mapped_column(sa.Text, comment="Owner; NULL while the case lay in the pool.")
    source: Mapped[str] = mapped_column(
        sa.Text, comment="auto (the day's split), grab, manual, recall; pool while it lay in the pool."
    )
    queue: Mapped[str] = mapped_column(sa.Text, comment="Queue of the case when the interval began.")
    bucket: Mapped[str | None] = mapped_column(
        sa.Text, comment="Bucket of the case when the interval began; NULL until the next morning for one of the desk."
    )
    from_at: Mapped[datetime] = mapped_column(INSTANT, comment="Begin.")
    from_day: Mapped[date] = mapped_column(comment="Business day of the begin.")
    to_at: Mapped[datetime | None] = mapped_column(INSTANT, comment="End, exclusive; NULL while it lasts.")
    to_day: Mapped[date | None] = mapped_column(comment="Business day of the end; NULL while it lasts.")
    reason: Mapped[str] = mapped_column(sa.Text, comment="Why it began, for example even_split, limits_reached, grab.")
    end_reason: Mapped[str | None] = mapped_column(
        sa.Text,
        comment="Why it ended: reassigned, grabbed, pooled, expired, given_back, handed_over, recalled, absent, or the "
        "case's close_reason; NULL while it lasts.",
    )
    released: Mapped[str | None] = mapped_column(
        sa.Text,
        comment="Rule by which the split took the case back: queue_changed, bucket_changed, term_over, no_result, "
        "kept_long_enough, owner_away, not_allowed, over_capacity, over_quota, levelled; NULL: none did.",
    )


class Collector(Base):
    """Who may have cases today, without names."""

    __tablename__ = "collector"
    __table_args__ = (
        {
            "schema": OPS,
            "comment": "The roster that grabs are checked against, from the ledger of the day as_of. Grain: collector.",
        },
    )

    collector_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Collector.")
    as_of: Mapped[date] = mapped_column(comment="Last business day whose ledger had him.")
    team: Mapped[str | None] = mapped_column(sa.Text, comment="Team.")
    skills: Mapped[str | None] = mapped_column(sa.Text, comment="Queues that he works, comma separated; NULL: all.")
    regions: Mapped[str | None] = mapped_column(sa.Text, comment="Regions that he works, comma separated; NULL: all.")
    languages: Mapped[str | None] = mapped_column(
        sa.Text, comment="Languages that he speaks, comma separated; NULL: all that are needed."
    )
    seniority: Mapped[int | None] = mapped_column(comment="Seniority, higher for larger amounts; NULL: the lowest, 0.")
    daily_quota: Mapped[int | None] = mapped_column(comment="Cases that the allocation gives him; NULL: no quota.")
    capacity: Mapped[int | None] = mapped_column(comment="Cases in hand at most; NULL: no limit.")
    at_work: Mapped[bool] = mapped_column(comment="Whether he is employed and present on the day as_of.")


CASE = Base.metadata.tables["ops.case"]
CASE_ASSIGNMENT = Base.metadata.tables["ops.case_assignment"]
COLLECTOR = Base.metadata.tables["ops.collector"]
