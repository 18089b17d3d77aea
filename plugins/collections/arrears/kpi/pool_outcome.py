"""What came of a queue's grab pool on its last finished day, beside its allocated cases: what the page reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from arrears.warehouse.mart import PoolDay


@dataclass(frozen=True)
class Outcome:
    """What came of some cases on one day; a rate over nothing is None."""

    cases: int
    recovery_rate: float | None
    """Recovered / overdue."""
    cure_rate: float | None
    """Cases that paid all that was overdue / cases."""
    coverage: float | None
    """Cases with a contact attempt / cases."""


@dataclass(frozen=True)
class PoolOutcome:
    """A finished day of a queue's pool."""

    day: date
    offered: int
    """Cases that lay in the pool at the opening."""
    minutes_median: int | None
    """Minutes within which half of the grabbed ones were grabbed; None: none was."""
    minutes_p90: int | None
    """Minutes within which nine of ten were."""
    grabbed: Outcome
    allocated: Outcome


def pool_outcome(connection: sa.Connection, queue: str, before: date) -> PoolOutcome | None:
    """The last finished day before `before` on which the queue had cases; None when `mart` has none.

    Frozen figures where the day's own run is there, else restated ones.
    """
    fact = PoolDay
    # frozen sorts before restated
    newest = (
        sa.select(*fact.__table__.columns)
        .where(fact.queue == queue, fact.as_of < before)
        .order_by(fact.as_of.desc(), fact.basis)
        .limit(1)
    )
    row = connection.execute(newest).one_or_none()
    if row is None:
        return None

    def outcome(kind: str) -> Outcome:
        def of(name: str) -> Decimal | int | None:
            found: Decimal | int | None = getattr(row, f"{kind}_{name}")
            return found

        cases = int(of("cases") or 0)
        return Outcome(
            cases=cases,
            recovery_rate=_share(of("recovered_amount"), of("amount")),
            cure_rate=_share(of("cured_cases"), cases),
            coverage=_share(of("touched_cases"), cases),
        )

    return PoolOutcome(
        day=row.as_of,
        offered=row.offered_cases,
        minutes_median=row.grab_minutes_median,
        minutes_p90=row.grab_minutes_p90,
        grabbed=outcome("grabbed"),
        allocated=outcome("allocated"),
    )


def _share(part: Decimal | int | None, whole: Decimal | int | None) -> float | None:
    return round(float(Decimal(part) / Decimal(whole)), 6) if part is not None and whole else None
