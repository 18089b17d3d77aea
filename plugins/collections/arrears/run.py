"""A run: the business day and all that a step needs to work on it, opened once and passed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from arrears.clock import Clock
from arrears.day import BusinessDay
from arrears.engines import Engine, open_engine
from arrears.errors import SettingsError
from arrears.lake import Lake
from arrears.settings import Settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from arrears.rules.rule_set import RuleSet


@dataclass(frozen=True)
class StepResult:
    """What a step tells about itself: counts, figures and paths. JSON-safe, never personal data."""

    rows: dict[str, int] = field(default_factory=dict)
    """Rows per table that the step wrote."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Other figures for the summary and the page, for example the bucket distribution."""
    links: dict[str, str] = field(default_factory=dict)
    """Documents that the step wrote, by what they are; paths below the reports folder."""
    warnings: list[str] = field(default_factory=list)
    """What ops should look at although the step went on."""


@dataclass(frozen=True)
class Run:
    """One business day under one set of settings."""

    settings: Settings
    clock: Clock
    day: BusinessDay
    lake: Lake

    @property
    def is_current(self) -> bool:
        """Whether this is the current business day: only then may a step change `ops` or send anything."""
        return self.day.as_of == self.clock.today()

    @cached_property
    def rules(self) -> RuleSet:
        """The rule set that is valid on the day; parsed on first use."""
        from arrears.rules.rule_set import load_rule_set

        return load_rule_set(self.settings.rules, self.day.as_of)

    @cached_property
    def engine(self) -> Engine:
        """The compute engine; started on first use, closed with the run."""
        return open_engine(self.settings)

    @cached_property
    def duckdb(self) -> Engine:
        """DuckDB, whatever the compute engine is: for models that are no bigger than the day's cases."""
        if self.settings.engine == "duckdb":
            return self.engine
        return open_engine(self.settings.model_copy(update={"engine": "duckdb"}))

    @cached_property
    def warehouse(self) -> sa.Engine:
        """The warehouse; connected on first use."""
        from arrears.warehouse.connect import open_warehouse

        return open_warehouse(self.settings)

    def close(self) -> None:
        """Closes what was opened."""
        for name in ("engine", "duckdb"):
            # closing twice, where both are one, does nothing
            if name in self.__dict__:
                self.__dict__[name].close()
        if "warehouse" in self.__dict__:
            self.warehouse.dispose()


@contextmanager
def open_run(settings: Settings, as_of: date, clock: Clock | None = None) -> Iterator[Run]:
    """Opens the run of `as_of`: frozen on the current business day, restated for a past one.

    Raises SettingsError for a day that has not begun.
    """
    acting = clock or settings.acting_clock()
    today = acting.today()
    if as_of > today:
        raise SettingsError(
            expected=f"a business day up to today, {today.isoformat()}",
            found=as_of.isoformat(),
            where="the business day",
            action="Run the day when it has come, or fix the clock with ARREARS_CLOCK.",
        )
    day = BusinessDay(as_of, "frozen" if as_of == today else "restated")
    run = Run(settings=settings, clock=acting, day=day, lake=Lake(settings.lake_root))
    try:
        yield run
    finally:
        run.close()
