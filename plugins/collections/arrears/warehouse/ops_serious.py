"""Tables of serious steps (schema ops): what was done with vehicles, and which hand-overs are taken back.

The vehicle steps are append-only, held by a trigger. All instants come from the clock of acting. No names, no
addresses, no positions: of a GPS unit its state alone.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.outreach.vehicles import GpsStatus, Step
from arrears.warehouse.base import OPS, Base
from arrears.warehouse.ops_cases import INSTANT, MONEY
from arrears.warehouse.ops_contacts import ContactTask

RecallReason = Literal["paid", "promise", "held", "order_recalled", "lead"]
"""Why a hand-over is taken back."""


class VehicleStep(Base):
    """One step of the proceedings about a contract's vehicle."""

    __tablename__ = "vehicle_step"
    __table_args__ = (
        sa.CheckConstraint(sa.column("step").in_([step.value for step in Step]), name="step"),
        sa.CheckConstraint(sa.column("gps_status").in_(get_args(GpsStatus)), name="gps_status"),
        sa.CheckConstraint("amount >= 0", name="amount"),
        sa.CheckConstraint("length(reason) BETWEEN 1 AND 200", name="reason"),
        sa.CheckConstraint(
            "(step IN ('order_issued', 'order_recalled', 'repossessed')) <= (order_id IS NOT NULL)", name="order_id"
        ),
        sa.UniqueConstraint("contract_id", "task_key"),
        sa.Index(None, "contract_id", "step_id"),
        sa.Index(None, "customer_id"),
        sa.Index(None, "business_day"),
        {
            "schema": OPS,
            "comment": "What was done with vehicles, step by step; append-only. Grain: contract x step taken.",
        },
    )

    step_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Order in which the steps were recorded."
    )
    contract_id: Mapped[str] = mapped_column(sa.Text, comment="Contract whose vehicle it is.")
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Who owes.")
    step: Mapped[str] = mapped_column(sa.Text, comment="located, demand_sent, …; see arrears.outreach.vehicles.")
    on_day: Mapped[date] = mapped_column(comment="Day on which it was done; may lie before the day of recording.")
    order_id: Mapped[str | None] = mapped_column(sa.Text, comment="The order that it is about; NULL for other steps.")
    gps_status: Mapped[str | None] = mapped_column(
        sa.Text, comment="State of the GPS unit when the vehicle was located: online, offline, none; no position."
    )
    amount: Mapped[Decimal | None] = mapped_column(MONEY, comment="What redeemed it, or what it was sold for.")
    task_key: Mapped[str | None] = mapped_column(
        sa.Text, sa.ForeignKey(ContactTask.task_key), comment="Hand-over that took the step; NULL: a person did."
    )
    reason: Mapped[str] = mapped_column(
        sa.Text, comment="Why, in the words of who recorded it, 200 characters at most."
    )
    recorded_by: Mapped[str] = mapped_column(
        sa.Text, comment="Login or token of who recorded it; arrears: a hand-over."
    )
    via: Mapped[str] = mapped_column(sa.Text, comment="airflow, token, command, or clock for a hand-over.")
    recorded_at: Mapped[datetime] = mapped_column(INSTANT, comment="When it was recorded.")
    business_day: Mapped[date] = mapped_column(comment="Business day of recording.")


class PlacementRecall(Base):
    """A hand-over that is taken back."""

    __tablename__ = "placement_recall"
    __table_args__ = (
        sa.CheckConstraint(sa.column("reason").in_(get_args(RecallReason)), name="reason"),
        sa.CheckConstraint("(handed_over_at IS NULL) = (file IS NULL)", name="handed_over"),
        sa.Index(None, "business_day"),
        sa.Index(
            "ix_placement_recall_waiting", "channel", "task_key", postgresql_where=sa.text("handed_over_at IS NULL")
        ),
        {
            "schema": OPS,
            "comment": "Hand-overs to agencies, courts and repossession that are over, and when the partner was told. "
            "Grain: contact task.",
        },
    )

    task_key: Mapped[str] = mapped_column(
        sa.Text,
        sa.ForeignKey(ContactTask.task_key),
        primary_key=True,
        comment="The hand-over, the customer's last one.",
    )
    customer_id: Mapped[str] = mapped_column(sa.Text, comment="Who owes.")
    contract_ids: Mapped[str] = mapped_column(sa.Text, comment="Contracts that were handed over, comma separated.")
    placement: Mapped[str] = mapped_column(sa.Text, comment="agency, legal or repossession.")
    channel: Mapped[str] = mapped_column(sa.Text, comment="Channel over which the partner is told.")
    reason: Mapped[str] = mapped_column(
        sa.Text, comment="paid, promise, held, order_recalled, or lead: a person said so."
    )
    decided_by: Mapped[str] = mapped_column(sa.Text, comment="Login or token of who recalled it; arrears: a rule.")
    decided_at: Mapped[datetime] = mapped_column(INSTANT, comment="When.")
    business_day: Mapped[date] = mapped_column(comment="Business day.")
    handed_over_at: Mapped[datetime | None] = mapped_column(
        INSTANT, comment="When the partner was told; NULL: not yet."
    )
    file: Mapped[str | None] = mapped_column(sa.Text, comment="File in which the partner was told.")
