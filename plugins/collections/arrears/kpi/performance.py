"""Performance 绩效 of collectors and teams over finished days, against `targets.yaml`: what the page and the API read.

Results come from `mart`, cases in hand from `ops`. A recovered amount never stands alone: it comes with coverage,
connect, promise and kept rates and compliance, each with the numbers that it is made of. A rate over nothing is None.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

import sqlalchemy as sa

from arrears.rules.rule_set import RuleSet

PerformanceBasis = Literal["known", "frozen", "restated"]
"""known: of each day the frozen figures, or the restated ones where the day's own run is missing."""


@dataclass(frozen=True)
class Rate:
    """A share by count, with what it is made of."""

    numerator: int
    denominator: int
    value: float | None
    """numerator / denominator, 0 to 1; None when there is nothing to share."""
    target: float | None
    """What was asked for on these days, weighted by the denominators; None without a target."""
    attained: bool | None
    """Whether value reaches the target; None without a value or a target."""


@dataclass(frozen=True)
class AmountRate:
    """A share by amount, with what it is made of."""

    numerator: Decimal
    denominator: Decimal
    value: float | None
    """numerator / denominator, 0 to 1; None when there is nothing to share."""


@dataclass(frozen=True)
class Recovered:
    """What was recovered, and how much of its target that is."""

    amount: Decimal | None
    """What the cases paid, per case and day at most what was overdue; None when no day of the period is finished."""
    overdue: Decimal
    """What the cases owed overdue at the opening, summed over the days."""
    rate: float | None
    """Recovery rate 回收率: amount / overdue."""
    target: Decimal | None
    """What was to be recovered on these days; None without a target."""
    attainment: float | None
    """Target attainment 达成率: amount on days with a target / target."""


@dataclass(frozen=True)
class Productivity:
    """Productivity 人均产能: recovered per present head and day."""

    recovered: Decimal | None
    head_days: int
    """Days that collectors were present, summed over collectors."""
    value: Decimal | None
    """recovered / head_days."""


@dataclass(frozen=True)
class Figures:
    """Result and process figures of some finished days; they belong together."""

    days: int
    """Finished days with figures; 0: nothing has matured, and no figure has a value."""
    recovered: Recovered
    coverage: Rate
    """Coverage 覆盖率: touched cases / cases, each day's."""
    connect: Rate
    """Connect rate 接通率 by dial: connected attempts / attempts."""
    connect_by_case: Rate
    """Connect rate 接通率 by case: connected customers / tried customers, each day's."""
    promise: Rate
    """Promise rate 承诺率: promises / right-party contacts."""
    kept: Rate
    """Kept rate 承诺兑现率 by count: promises kept / promises due."""
    kept_amount: AmountRate
    """Kept rate 承诺兑现率 by amount."""
    compliance: Rate
    """Compliance 合规: contacts that were neither blocked, nor refused, nor in breach / contacts wanted or made."""
    breaches: int
    """Contacts made outside the allowed hours or above a limit of the policy."""
    grabbed_cases: int
    """Cases taken from the grab pool, each day's."""
    productivity: Productivity


@dataclass(frozen=True)
class CollectorPerformance:
    """One collector."""

    collector_id: str
    team: str | None
    cases_in_hand: int
    """Open cases that are his at this moment."""
    amount_in_hand: Decimal
    """What these owe overdue."""
    figures: Figures


@dataclass(frozen=True)
class TeamPerformance:
    """One team; None is everybody without a team."""

    team: str | None
    collectors: int
    """Collectors with figures or with cases in hand."""
    cases_in_hand: int
    amount_in_hand: Decimal
    cases_per_head: float | None
    """Cases per head 人均在手: each day's cases / present heads."""
    figures: Figures


@dataclass(frozen=True)
class DayPerformance:
    """All asked teams together on one finished day, for a trend."""

    day: date
    basis: Literal["frozen", "restated"]
    figures: Figures


@dataclass(frozen=True)
class PerformanceView:
    """What the Performance page shows."""

    from_day: date
    to_day: date
    basis: PerformanceBasis
    whole: TeamPerformance
    """All asked teams together; its team is None."""
    teams: tuple[TeamPerformance, ...]
    """By name."""
    collectors: tuple[CollectorPerformance, ...]
    """By team, then by key."""
    days: tuple[DayPerformance, ...]
    """The finished days that have figures, oldest first."""


def performance(
    connection: sa.Connection,
    rules: RuleSet,
    *,
    from_day: date,
    to_day: date,
    basis: PerformanceBasis = "known",
    teams: Collection[str] | None = None,
) -> PerformanceView:
    """The performance of collectors and teams on the finished days `from_day` to `to_day`, both included.

    `teams` leaves the other teams out (None: all). Days without figures count for nothing. Targets are those of each
    day, kept in `mart` beside its figures; `rules` say what is asked for today of those who have no figures yet.
    Raises ValueError when `from_day` is after `to_day`.
    """
    raise NotImplementedError
