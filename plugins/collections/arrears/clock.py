"""The clock of acting: sends, contact hours, leases and approvals ask it for the time, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time of acting in the lender's time zone."""

    def now(self) -> datetime:
        """The time now, aware, in the lender's time zone."""
        ...

    def today(self) -> date:
        """The current business day."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock, shown in the lender's time zone."""

    zone: ZoneInfo

    def now(self) -> datetime:
        return datetime.now(self.zone)

    def today(self) -> date:
        return self.now().date()


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still, for `make run` and for tests: the same behaviour at any hour."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def today(self) -> date:
        return self.at.date()


def clock_from(fixed: datetime | None, zone: ZoneInfo) -> Clock:
    """The clock that the settings ask for.

    `fixed` without an offset is read in `zone`; with one it is converted to it. None gives the system's clock.
    """
    if fixed is None:
        return SystemClock(zone)
    return FixedClock(fixed.replace(tzinfo=zone) if fixed.tzinfo is None else fixed.astimezone(zone))
