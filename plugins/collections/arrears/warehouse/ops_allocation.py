"""Table of what the split gave each collector, and what kept him from more (schema ops)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import OPS, Base
from arrears.warehouse.ops_cases import MONEY

_POINTS = sa.Numeric(18, 4)


class CollectorShare(Base):
    """One collector's share of one queue, as the day's split had it."""

    __tablename__ = "collector_share"
    __table_args__ = (
        {
            "schema": OPS,
            "comment": "What the day's split gave each collector of each queue with cases that he is trained for, and "
            "what kept him from more; written with the split, not changed by what people do later. Grain: day x queue "
            "x collector.",
        },
    )

    business_day: Mapped[date] = mapped_column(primary_key=True, comment="Business day.")
    queue: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Queue of work.")
    collector_id: Mapped[str] = mapped_column(sa.Text, primary_key=True, comment="Collector.")
    at_work: Mapped[bool] = mapped_column(comment="Whether the split counted on him.")
    cases: Mapped[int] = mapped_column(comment="Cases of the queue that are his: kept and given.")
    kept: Mapped[int] = mapped_column(comment="Of these the ones that he had in the morning.")
    given: Mapped[int] = mapped_column(comment="Of these the ones that were given anew.")
    taken_back: Mapped[int] = mapped_column(comment="Cases of the queue that he had in the morning and has no more.")
    overdue_amount: Mapped[Decimal] = mapped_column(MONEY, comment="Overdue amount of his cases of the queue.")
    expected_recovery: Mapped[Decimal] = mapped_column(MONEY, comment="What is expected to be recovered of it.")
    difficulty: Mapped[Decimal | None] = mapped_column(
        _POINTS, comment="Mean difficulty of his cases, 0 to 100 points; NULL: he has none."
    )
    even_share: Mapped[Decimal] = mapped_column(_POINTS, comment="Mean of the cases of those at work for the queue.")
    limited_by: Mapped[str] = mapped_column(
        sa.Text,
        comment="What keeps him from as many as others have, comma separated: absent, capacity, quota, no_quota, "
        "regions, languages, seniority, exclusions, other_queues, kept_by_others; empty: nothing does.",
    )


COLLECTOR_SHARE = Base.metadata.tables["ops.collector_share"]
