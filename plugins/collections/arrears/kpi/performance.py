"""Performance 绩效 of collectors and teams over finished days, against `targets.yaml`: what the page and the API read.

Results, targets and heads come from `mart` (`collector_day`, `team_day`), cases in hand from `ops`. A recovered amount
never stands alone: it comes with coverage, connect, promise and kept rates and compliance, each with the numbers that
it is made of. A rate over nothing is None.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa

from arrears.warehouse.mart import CollectorDay, TeamDay
from arrears.warehouse.ops_cases import CASE, COLLECTOR

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
    """What the cases paid, per case and day at most what was overdue; None when there were none on finished days."""
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
    """Productivity 人均产能: recovered per head who was there, and day."""

    recovered: Decimal | None
    head_days: int
    """Of a team: collectors who were at work, summed over days. Of one collector: days on which he had cases or made
    attempts."""
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
    """Compliance 合规: contacts that the policy did not block / contacts that the strategy wanted with own cases."""
    grabbed_cases: int
    """Cases taken from the grab pool, each day's."""
    given_back_cases: int
    """Grabbed cases that were given back."""
    expired_cases: int
    """Grabbed cases whose lease ran out, unworked."""
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
    """Cases per head 人均在手: each day's cases / head_days of the productivity."""
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
    *,
    from_day: date,
    to_day: date,
    basis: PerformanceBasis = "known",
    teams: Collection[str] | None = None,
) -> PerformanceView:
    """The performance of collectors and teams on the finished days `from_day` to `to_day`, both included.

    `teams` leaves the other teams out (None: all). Days without figures count for nothing. A day's targets are those of
    its own rules, kept with its figures.
    Raises ValueError when `from_day` is after `to_day`.
    """
    if from_day > to_day:
        raise ValueError(f"from_day up to to_day, not {from_day} and {to_day}")
    rows = _figures(connection, CollectorDay, from_day, to_day, basis, teams)
    heads = _figures(connection, TeamDay, from_day, to_day, basis, teams)
    hands = _in_hand(connection, teams)
    whole = _Sums()
    by_team: dict[str | None, _Sums] = {}
    by_collector: dict[str, _Sums] = {}
    by_day: dict[tuple[date, str], _Sums] = {}
    # the newest day says whose a collector is
    team_of: dict[str, str | None] = {row["collector_id"]: row["team"] for row in rows}
    for row in rows:
        own = by_collector.setdefault(row["collector_id"], _Sums())
        own.head_days += bool(row["cases"] or row["attempts"])
        for sums in (
            whole,
            by_team.setdefault(row["team"], _Sums()),
            own,
            by_day.setdefault((row["as_of"], row["basis"]), _Sums()),
        ):
            sums.add(row)
    for row in heads:
        sums_of_team = by_team.setdefault(row["team"] or None, _Sums())
        for sums in (whole, sums_of_team, by_day.setdefault((row["as_of"], row["basis"]), _Sums())):
            sums.days.add(row["as_of"])
            sums.head_days += row["present_collectors"]
    for key, hand in hands.items():
        team_of.setdefault(key, hand.team)
        by_collector.setdefault(key, _Sums())
        by_team.setdefault(team_of[key], _Sums())

    def team(name: str | None, sums: _Sums, members: Collection[str]) -> TeamPerformance:
        held = [hands[key] for key in members if key in hands]
        return TeamPerformance(
            team=name,
            collectors=len(members),
            cases_in_hand=sum(hand.cases for hand in held),
            amount_in_hand=sum((hand.amount for hand in held), Decimal(0)),
            cases_per_head=_share(sums.whole("cases"), sums.head_days),
            figures=sums.figures(),
        )

    def members(name: str | None) -> list[str]:
        return [key for key, each in team_of.items() if each == name]

    return PerformanceView(
        from_day=from_day,
        to_day=to_day,
        basis=basis,
        whole=team(None, whole, list(team_of)),
        teams=tuple(team(name, by_team[name], members(name)) for name in sorted(by_team, key=_by_name)),
        collectors=tuple(
            CollectorPerformance(
                collector_id=key,
                team=team_of[key],
                cases_in_hand=hands[key].cases if key in hands else 0,
                amount_in_hand=hands[key].amount if key in hands else Decimal(0),
                figures=by_collector[key].figures(),
            )
            for key in sorted(by_collector, key=lambda each: (_by_name(team_of[each]), each))
        ),
        days=tuple(
            DayPerformance(day=day, basis="frozen" if kind == "frozen" else "restated", figures=sums.figures())
            for (day, kind), sums in sorted(by_day.items())
        ),
    )


_Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Hand:
    team: str | None
    cases: int
    amount: Decimal


@dataclass
class _Sums:
    """Adds up rows of `mart.collector_day` with what was asked on their days."""

    days: set[date] = field(default_factory=set)
    columns: dict[str, Decimal] = field(default_factory=dict)
    head_days: int = 0
    target: Decimal | None = None
    recovered_for_target: Decimal = Decimal(0)
    wanted: dict[str, Decimal] = field(default_factory=dict)
    """Per rate, target times denominator, over the rows that have both."""
    wanted_of: dict[str, int] = field(default_factory=dict)

    def add(self, row: _Row) -> None:
        self.days.add(row["as_of"])
        for name, value in row.items():
            if isinstance(value, int | Decimal):
                self.columns[name] = self.columns.get(name, Decimal(0)) + value
        if row["target_amount"] is not None:
            self.target = (self.target or Decimal(0)) + row["target_amount"]
            self.recovered_for_target += row["recovered_amount"]
        for rate, denominators in _DENOMINATORS.items():
            wanted, denominator = row[rate], int(row[denominators])
            if wanted is not None and denominator:
                self.wanted[rate] = self.wanted.get(rate, Decimal(0)) + wanted * denominator
                self.wanted_of[rate] = self.wanted_of.get(rate, 0) + denominator

    def whole(self, name: str) -> int:
        return int(self.columns.get(name, 0))

    def money(self, name: str) -> Decimal:
        return self.columns.get(name, Decimal(0))

    def figures(self) -> Figures:
        amount = self.money("recovered_amount") if self.whole("cases") else None
        kept, due = self.money("kept_promise_amount"), self.money("due_promise_amount")
        planned = self.whole("planned_contacts")
        return Figures(
            days=len(self.days),
            recovered=Recovered(
                amount=amount,
                overdue=self.money("overdue_amount"),
                rate=_share(self.money("recovered_amount"), self.money("overdue_amount")),
                target=self.target,
                attainment=_share(self.recovered_for_target, self.target or 0),
            ),
            coverage=self._rate("touched_cases", "cases", "coverage_target"),
            connect=self._rate("connected_attempts", "attempts", "connect_target"),
            connect_by_case=self._rate("connected_customers", "tried_customers"),
            promise=self._rate("promises", "right_party_attempts", "promise_target"),
            kept=self._rate("promises_kept", "promises_due", "kept_target"),
            kept_amount=AmountRate(kept, due, _share(kept, due)),
            compliance=self._made(planned - self.whole("blocked_contacts"), planned, "compliance_target"),
            grabbed_cases=self.whole("grabbed_cases"),
            given_back_cases=self.whole("given_back_cases"),
            expired_cases=self.whole("expired_cases"),
            productivity=Productivity(
                recovered=amount,
                head_days=self.head_days,
                value=(amount / self.head_days).quantize(_CENT) if amount is not None and self.head_days else None,
            ),
        )

    def _rate(self, numerator: str, denominator: str, target: str | None = None) -> Rate:
        return self._made(self.whole(numerator), self.whole(denominator), target)

    def _made(self, numerator: int, denominator: int, target: str | None) -> Rate:
        value = _share(numerator, denominator)
        wanted = None
        attained = None
        if target is not None and target in self.wanted:
            wanted = _share(self.wanted[target], self.wanted_of[target])
            # compared exactly, not by the rounded shares
            attained = numerator * self.wanted_of[target] >= self.wanted[target] * denominator
        return Rate(numerator, denominator, value, wanted, attained)


_CENT = Decimal("0.01")
_DENOMINATORS = {
    "coverage_target": "cases",
    "connect_target": "attempts",
    "promise_target": "right_party_attempts",
    "kept_target": "promises_due",
    "compliance_target": "planned_contacts",
}


def _share(part: int | Decimal, whole: int | Decimal) -> float | None:
    return round(float(Decimal(part) / Decimal(whole)), 6) if whole else None


def _by_name(team: str | None) -> tuple[bool, str]:
    return team is None, team or ""


def _figures(
    connection: sa.Connection,
    fact: type[CollectorDay] | type[TeamDay],
    from_day: date,
    to_day: date,
    basis: PerformanceBasis,
    teams: Collection[str] | None,
) -> list[_Row]:
    inside = fact.as_of.between(from_day, to_day)
    select = sa.select(*fact.__table__.columns).where(inside)
    if basis == "known":
        # frozen sorts before restated
        chosen = sa.select(fact.as_of, sa.func.min(fact.basis).label("basis")).where(inside).group_by(fact.as_of)
        known = chosen.subquery("known")
        select = select.join(known, sa.and_(known.c.as_of == fact.as_of, known.c.basis == fact.basis))
    else:
        select = select.where(fact.basis == basis)
    if teams is not None:
        select = select.where(fact.team.in_(sorted(teams)))
    ordered = select.order_by(*fact.__table__.primary_key.columns)  # type: ignore[attr-defined]
    return [dict(row) for row in connection.execute(ordered).mappings()]


def _in_hand(connection: sa.Connection, teams: Collection[str] | None) -> dict[str, _Hand]:
    case, collector = CASE.c, COLLECTOR.c
    select = (
        sa.select(case.collector_id, collector.team, sa.func.count(), sa.func.sum(case.overdue_amount))
        .select_from(sa.outerjoin(CASE, COLLECTOR, collector.collector_id == case.collector_id))
        .where(case.state == "owned")
        .group_by(case.collector_id, collector.team)
    )
    if teams is not None:
        select = select.where(collector.team.in_(sorted(teams)))
    return {key: _Hand(team, cases, amount) for key, team, cases, amount in connection.execute(select)}
