"""Audit: what each step of each run did, when, and what the quality gate found."""

from __future__ import annotations

import logging
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import AUDIT, Base

if TYPE_CHECKING:
    from arrears.run import Run, StepResult
    from arrears.steps import Step

log = logging.getLogger(__name__)


class StepResultRow(Base):
    """One attempt at one step."""

    __tablename__ = "step_result"
    __table_args__ = (
        sa.Index(None, "as_of", "step"),
        {"schema": AUDIT, "comment": "One attempt at one step of a day's run. Grain: attempt."},
    )

    step_result_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Order of the attempts."
    )
    as_of: Mapped[date] = mapped_column(comment="Business day.")
    basis: Mapped[str] = mapped_column(sa.Text, comment="frozen or restated.")
    dag: Mapped[str] = mapped_column(sa.Text, comment="Dag that the step belongs to.")
    step: Mapped[str] = mapped_column(sa.Text, comment="Step.")
    detail: Mapped[str] = mapped_column(sa.Text, comment="Channel of a step that runs once per channel, else empty.")
    state: Mapped[str] = mapped_column(sa.Text, comment="success or failed.")
    acted_at: Mapped[datetime] = mapped_column(sa.TIMESTAMP(timezone=True), comment="Start by the clock of acting.")
    recorded_at: Mapped[datetime] = mapped_column(
        sa.TIMESTAMP(timezone=True), server_default=sa.func.clock_timestamp(), comment="End by the server's clock."
    )
    seconds: Mapped[Decimal] = mapped_column(sa.Numeric(12, 3), comment="Wall time in seconds.")
    rows: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="Rows written, by table.")
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="Other figures of the step.")
    links: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="Documents that the step wrote.")
    warnings: Mapped[list[Any]] = mapped_column(JSONB, comment="What ops should look at.")
    error: Mapped[str | None] = mapped_column(sa.Text, comment="Message of a failed attempt.")


class QualityResultRow(Base):
    """What one quality rule found in one check."""

    __tablename__ = "quality_result"
    __table_args__ = (
        sa.Index(None, "as_of", "rule_id"),
        {"schema": AUDIT, "comment": "What one quality rule found in one check. Grain: check x rule."},
    )

    quality_result_id: Mapped[int] = mapped_column(
        sa.BigInteger, sa.Identity(always=True), primary_key=True, comment="Order of the results."
    )
    check_id: Mapped[str] = mapped_column(sa.Text, comment="One check of one pulled ledger.")
    as_of: Mapped[date] = mapped_column(comment="Business day.")
    basis: Mapped[str] = mapped_column(sa.Text, comment="frozen or restated.")
    suite: Mapped[str] = mapped_column(sa.Text, comment="blocking or advisory.")
    rule_id: Mapped[str] = mapped_column(sa.Text, comment="Rule in quality.yaml.")
    table_name: Mapped[str] = mapped_column(sa.Text, comment="Ledger table that was judged.")
    passed: Mapped[bool] = mapped_column(comment="Whether the rule held, its tolerance taken into account.")
    checked_rows: Mapped[int] = mapped_column(sa.BigInteger, comment="Rows that were judged.")
    bad_rows: Mapped[int] = mapped_column(sa.BigInteger, comment="Rows that broke the rule.")
    observed: Mapped[str] = mapped_column(sa.Text, comment="What was found, without personal values.")
    allowed: Mapped[str] = mapped_column(sa.Text, comment="What the rule allows.")
    recorded_at: Mapped[datetime] = mapped_column(
        sa.TIMESTAMP(timezone=True), server_default=sa.func.clock_timestamp(), comment="By the server's clock."
    )


def record_step(
    run: Run,
    step: Step,
    detail: str,
    state: str,
    acted_at: datetime,
    seconds: float,
    result: StepResult,
    error: str | None,
) -> None:
    """Keeps one attempt at a step.

    A failed attempt whose cause may be the warehouse itself is logged when it cannot be kept: its own error is the
    one that ops must see.
    """
    row = {
        "as_of": run.day.as_of,
        "basis": run.day.basis,
        "dag": step.dag,
        "step": step.name,
        "detail": detail,
        "state": state,
        "acted_at": acted_at,
        "seconds": round(seconds, 3),
        "rows": result.rows,
        "figures": result.figures,
        "links": result.links,
        "warnings": result.warnings,
        "error": error,
    }
    try:
        with run.warehouse.begin() as connection:
            connection.execute(sa.insert(StepResultRow), row)
    except OperationalError:
        if state != "failed":
            raise
        log.exception("the failed attempt at %s for %s could not be kept in audit.step_result", step.name, run.day)
