"""A plain judge of contacts, written from the facts about the policies alone: it shares no code with what it judges.

One contact at a time, one person at a time, loops and calendar dates. Slow and obviously right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

SPOKE = {"connected", "right_party", "promise", "refused"}
RANG_OUT = {"no_answer", "voicemail", "dropped"}
SOMEBODY_ELSE = {"wrong_party"}
NEVER_THERE = {"busy", "not_in_service", "invalid", "failed"}


@dataclass(frozen=True)
class Past:
    """A contact that was made."""

    at: datetime
    kind: str
    outcome: str
    debts: tuple[str, ...] = ()
    """Empty: nobody knows, so all."""
    by_customer: bool = False


@dataclass(frozen=True)
class Said:
    """What a customer said on how to contact him."""

    channel: str
    allowed: bool
    reason: str | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    hours: tuple[time, time] | None = None


@dataclass(frozen=True)
class Asked:
    """A contact that somebody wants to make now."""

    at: datetime
    kind: str
    channel: str
    debts: tuple[str, ...]
    zones: Sequence[ZoneInfo]
    """All that the debtor may be in."""


@dataclass
class Person:
    """All that is known of one customer."""

    past: list[Past] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)


def breaks(packs: Iterable[str], asked: Asked, person: Person) -> set[str]:
    """What the contact would break."""
    broken = set(_said_no(asked, person))
    for pack in packs:
        broken |= {f"{pack}.{what}" for what in _RULES[pack](asked, person)}
    return broken


def _said_no(asked: Asked, person: Person) -> Iterable[str]:
    # a notice to cease, or of an attorney, whatever channel it names
    for reason in ("cease", "attorney"):
        if asked.kind in ("call", "text", "email", "visit"):
            told = [each for each in person.said if each.reason == reason and _in_force(each, asked)]
            if told and not _latest(told).allowed:
                yield reason
    plain = [each for each in person.said if each.reason not in ("cease", "attorney") and _in_force(each, asked)]
    if asked.kind == "file":
        return
    for channel in (asked.channel, "all"):
        for hours in {each.hours for each in plain}:
            told = [each for each in plain if each.channel == channel and each.hours == hours]
            if told and not _latest(told).allowed:
                yield "refused"


def _cn(asked: Asked, person: Person) -> Iterable[str]:
    for zone in asked.zones:
        clock = asked.at.astimezone(zone).time()
        if (clock >= time(22) or clock < time(8)) and not _agreed_to_the_hour(asked, person):
            yield "hours"
        spoken = [
            each
            for each in person.past
            if each.kind == "call"
            and _may_have_spoken(each)
            and not each.by_customer
            and _days_ago(each, asked, zone) < 1
        ]
        if asked.kind == "call" and len(spoken) >= 3:
            yield "three conversations a day"


def _us_reg_f(asked: Asked, person: Person) -> Iterable[str]:
    for zone in asked.zones:
        clock = asked.at.astimezone(zone).time()
        if asked.kind != "file" and (clock >= time(21) or clock < time(8)) and not _agreed_to_the_hour(asked, person):
            yield "hours"
        if asked.kind != "call" or _prior_consent(asked, person):
            continue
        for debt in asked.debts:
            calls = [each for each in person.past if each.kind == "call" and (debt in each.debts or not each.debts)]
            tries = [
                each
                for each in calls
                if not each.by_customer and (_may_have_spoken(each) or each.outcome in RANG_OUT | SOMEBODY_ELSE)
            ]
            if sum(1 for each in tries if _days_ago(each, asked, zone) < 7) >= 7:
                yield "seven calls in seven days"
            if any(_may_have_spoken(each) and _days_ago(each, asked, zone) < 7 for each in calls):
                yield "seven days after a conversation"


def _us_ma(asked: Asked, person: Person) -> Iterable[str]:
    for zone in asked.zones:
        clock = asked.at.astimezone(zone).time()
        if asked.kind in ("call", "text", "visit") and (clock >= time(21) or clock < time(8)):
            yield "hours"
        if asked.kind in ("call", "text"):
            made = [
                each
                for each in person.past
                if each.kind in ("call", "text") and not each.by_customer and _days_ago(each, asked, zone) < 7
            ]
            if len(made) >= 2:
                yield "two calls or texts in seven days"


def _uk_conc7(asked: Asked, person: Person) -> Iterable[str]:
    return ()


def _in_rbi(asked: Asked, person: Person) -> Iterable[str]:
    for zone in asked.zones:
        clock = asked.at.astimezone(zone).time()
        if clock >= time(19) or clock < time(8):
            yield "hours"


_RULES = {"cn": _cn, "us_reg_f": _us_reg_f, "us_ma": _us_ma, "uk_conc7": _uk_conc7, "in_rbi": _in_rbi}


def _may_have_spoken(past: Past) -> bool:
    """Of an outcome that nobody knows, the worst is taken to be true."""
    return past.outcome in SPOKE or past.outcome not in SPOKE | RANG_OUT | SOMEBODY_ELSE | NEVER_THERE


def _days_ago(past: Past, asked: Asked, zone: ZoneInfo) -> int:
    return (asked.at.astimezone(zone).date() - past.at.astimezone(zone).date()).days


def _in_force(said: Said, asked: Asked) -> bool:
    if said.starts is not None and asked.at < said.starts:
        return False
    if said.ends is not None and asked.at >= said.ends:
        return False
    if said.hours is None:
        return True
    start, end = said.hours
    inside = []
    for zone in asked.zones:
        clock = asked.at.astimezone(zone).time()
        inside.append(start <= clock < end if start <= end else clock >= start or clock < end)
    return all(inside) if said.allowed else any(inside)


def _latest(told: Sequence[Said]) -> Said:
    """The one that began last; of two at once the refusal."""
    always = min([each.starts for each in told if each.starts is not None], default=None)
    return sorted(told, key=lambda each: (each.starts is not None, each.starts or always, not each.allowed))[-1]


def _about(said: Said, asked: Asked) -> bool:
    return said.allowed and said.channel in (asked.channel, "all") and _in_force(said, asked)


def _agreed_to_the_hour(asked: Asked, person: Person) -> bool:
    return any(_about(each, asked) and each.hours is not None for each in person.said)


def _prior_consent(asked: Asked, person: Person) -> bool:
    """Given directly, and not longer than seven days ago, its day being the first."""
    return any(
        _about(each, asked)
        and each.reason in ("agreed", "prior_consent")
        and each.starts is not None
        and all(
            (asked.at.astimezone(zone).date() - each.starts.astimezone(zone).date()) < timedelta(days=7)
            for zone in asked.zones
        )
        for each in person.said
    )
