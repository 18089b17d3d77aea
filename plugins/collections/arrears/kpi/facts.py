"""The facts and dimensions of the mart: which model makes each, and which days a run replaces in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import sqlalchemy as sa

from arrears.day import Basis
from arrears.kpi.rules import KpiRules, kpi_rules
from arrears.kpi.windows import closing_days, month_ends
from arrears.run import Run
from arrears.warehouse import mart
from arrears.warehouse.base import Base

Kind = Literal["opening", "closing", "month_end"]
"""What a run of D replaces: D itself; finished days within the look-back; month ends."""

AREA = "kpi"
"""Area of the lake that `build_kpis` publishes."""


@dataclass(frozen=True)
class Fact:
    """One fact of the mart. Its lake table is `kpi/<name>`, with the same columns."""

    table: sa.Table
    kind: Kind

    @property
    def name(self) -> str:
        """Name of the fact, of its model and of its lake table."""
        return self.table.name

    @property
    def lake_table(self) -> str:
        """Where its rows are in the lake."""
        return f"kpi/{self.name}"


def _table(model: type[Base]) -> sa.Table:
    table = model.__table__
    assert isinstance(table, sa.Table)  # noqa: S101 - for the type checker: all models of the mart are plain tables
    return table


RUN_DAY = _table(mart.RunDay)
ROLL = Fact(_table(mart.RollTransition), "month_end")

FACTS: tuple[Fact, ...] = (
    Fact(RUN_DAY, "opening"),
    Fact(_table(mart.PortfolioDay), "opening"),
    Fact(_table(mart.LoanDaily), "opening"),
    Fact(_table(mart.StrategyDecision), "opening"),
    Fact(_table(mart.CaseAssignment), "opening"),
    Fact(_table(mart.PoolOfferDay), "opening"),
    Fact(_table(mart.AllocationFairness), "opening"),
    Fact(_table(mart.ContactPlanDay), "opening"),
    Fact(_table(mart.ContactVerdictDay), "opening"),
    Fact(_table(mart.ArmResult), "opening"),
    Fact(_table(mart.CollectorDay), "closing"),
    Fact(_table(mart.TeamDay), "closing"),
    Fact(_table(mart.ChannelDay), "closing"),
    Fact(_table(mart.PoolDay), "closing"),
    Fact(_table(mart.CaseInterval), "closing"),
    Fact(_table(mart.ArmDay), "closing"),
    ROLL,
)
"""All facts, in the order in which they are built."""

DIMENSIONS: tuple[sa.Table, ...] = tuple(
    _table(model)
    for model in (
        mart.DimDate,
        mart.DimContract,
        mart.DimCustomer,
        mart.DimProduct,
        mart.DimVehicle,
        mart.DimDealer,
        mart.DimCollector,
        mart.DimTeam,
        mart.DimBucket,
        mart.DimChannel,
        mart.DimArm,
        mart.DimStrategy,
    )
)
"""All dimensions; their lake tables are `kpi/<name>` as well."""


def published_tables() -> list[str]:
    """The lake tables that `build_kpis` publishes together."""
    return [fact.lake_table for fact in FACTS] + [f"kpi/{table.name}" for table in DIMENSIONS]


@dataclass(frozen=True)
class Windows:
    """The days that a run of one day computes."""

    as_of: date
    rules: KpiRules

    @property
    def closing(self) -> list[date]:
        """Finished days whose closing facts are computed, oldest first."""
        return closing_days(self.as_of, self.rules.closing_lookback_days)

    @property
    def ends(self) -> list[date]:
        """Month ends of the roll matrix, oldest first."""
        return month_ends(self.as_of, self.rules.month_ends)


def windows(run: Run) -> Windows:
    """The days that the run computes."""
    return Windows(run.day.as_of, kpi_rules(run.rules))


def frozen_ends(run: Run, ends: list[date]) -> list[date]:
    """Of the month ends, those of which the lake has the snapshot of their own run."""
    from arrears.day import BusinessDay

    return [end for end in ends if run.lake.exists("snapshot", BusinessDay(end, "frozen"))]


def scope(run: Run, fact: Fact, later: dict[Basis, list[date]]) -> list[tuple[date, Basis]]:
    """The (as_of, basis) pairs of `fact` that the run's rows replace.

    `later` are the loaded days after the run's, by basis. A finished day or a month end that one of them computed as
    well is theirs: what is loaded does not depend on the order of the runs.
    """
    asked = windows(run)
    if fact.kind == "opening":
        return [(run.day.as_of, run.day.basis)]
    if fact.kind == "closing":
        theirs = {day for each in later[run.day.basis] for day in Windows(each, asked.rules).closing}
        return [(day, run.day.basis) for day in asked.closing if day not in theirs]
    followed = set(asked.ends[1:])
    restated = followed - {
        end for each in (*later["frozen"], *later["restated"]) for end in Windows(each, asked.rules).ends[1:]
    }
    kept = frozen_ends(run, asked.ends)
    frozen = {end for start, end in zip(asked.ends, asked.ends[1:], strict=False) if start in kept and end in kept}
    pairs: list[tuple[date, Basis]] = [(end, "restated") for end in sorted(restated)]
    return pairs + [(end, "frozen") for end in sorted(frozen)]
