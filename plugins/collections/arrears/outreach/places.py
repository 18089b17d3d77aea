"""Where a debtor may be, and what his days and hours are there: one answer for the plan and for the gate.

A debtor whose zone is not known may be in any of the candidates: what is forbidden in one of them is forbidden, and
a past contact lies within a number of days when it does so in one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from arrears.rules.policy import ForbiddenHours, Kind, Policy

Stretch = tuple[datetime, datetime]
"""Two instants in UTC, half open."""


@dataclass(frozen=True)
class Place:
    """The zones that a debtor may be in, by each pack of the policy in its order."""

    by_pack: tuple[tuple[ZoneInfo, ...], ...]

    @property
    def zones(self) -> tuple[ZoneInfo, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys(zone for zones in self.by_pack for zone in zones))


@lru_cache(maxsize=4096)
def place_of(policy: Policy, time_zone: str | None, region: str | None) -> Place:
    """Where a debtor may be of whom the ledger says this."""
    return Place(tuple(pack.candidate_zones(time_zone, region) for pack in policy.packs))


def day_starts(zones: Iterable[ZoneInfo], now: datetime, days: int) -> datetime:
    """The instant at which the first of `days` consecutive days began of which today is the last; the earliest."""
    return min(_midnight(now.astimezone(zone).date() - timedelta(days=days - 1), zone) for zone in zones)


def first_instant(zones: Iterable[ZoneInfo], day: date, days: int) -> datetime:
    """As `day_starts`, with `day` for today everywhere."""
    return min(_midnight(day - timedelta(days=days - 1), zone) for zone in zones)


def ledger_time(instant: datetime, lender: ZoneInfo) -> datetime:
    """An instant as the ledger writes it: in the lender's time, without zone.

    In the hour that the clocks repeat, its beginning: so that nothing after `instant` is written earlier.
    """
    local = instant.astimezone(lender).replace(tzinfo=None)
    first, second = local.replace(tzinfo=lender, fold=0).utcoffset(), local.replace(tzinfo=lender, fold=1).utcoffset()
    if first is not None and second is not None and first > second:
        local -= first - second
    return local.replace(fold=0)


def local_times(zones: Iterable[ZoneInfo], now: datetime) -> Iterator[time]:
    """The time of day in each zone."""
    for zone in zones:
        yield now.astimezone(zone).time().replace(tzinfo=None)


def contact_window(
    policy: Policy, place: Place, kind: Kind, opens: time, closes: time, day: date
) -> tuple[Stretch | None, Stretch]:
    """The longest stretch of a slot in which the hours of every pack allow contact, and the whole slot.

    The slot's hours are the debtor's; with several candidate zones, those of the zone that leaves most of it. None
    where nothing is left.
    """
    allowed: list[Stretch] = []
    first = True
    for pack, zones in zip(policy.packs, place.by_pack, strict=True):
        for zone in zones:
            here = list(_allowed(pack.hours if pack.hours and kind in pack.hours.kinds else None, day, zone))
            allowed = here if first else list(_common(allowed, here))
            first = False
    best: Stretch | None = None
    slots = [(_utc(day, opens, zone), _utc(day, closes, zone)) for zone in place.zones]
    whole = slots[0]
    for slot in slots:
        for start, end in _common([slot], allowed):
            if best is None or end - start > best[1] - best[0]:
                best, whole = (start, end), slot
    return best, whole


def _allowed(hours: ForbiddenHours | None, day: date, zone: ZoneInfo) -> Iterator[Stretch]:
    if hours is None:
        yield _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        return
    for start, end in hours.allowed_on(day, zone):
        yield start.astimezone(UTC), end.astimezone(UTC)


def _common(some: Sequence[Stretch], others: Sequence[Stretch]) -> Iterator[Stretch]:
    for start, end in some:
        for other_start, other_end in others:
            low, high = max(start, other_start), min(end, other_end)
            if low < high:
                yield low, high


@lru_cache(maxsize=65536)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return _utc(day, time.min, zone)


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
