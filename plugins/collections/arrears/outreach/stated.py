"""What a customer stated: which channels, hours and places he refuses or allows at an instant.

Of the statements in force on one matter (a channel, with its hours and place) the latest counts, and of two of one
instant the refusal. A notice to cease, or of an attorney, is a matter of its own, whatever channel it names: only a
statement with the same reason takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from arrears.outreach.places import Place, day_starts, local_times
from arrears.outreach.rules import ChannelRule
from arrears.rules.policy import Policy, PolicyPack

EVERY_CHANNEL = "all"
"""Channel of a statement that speaks about every channel."""
REFUSED = "consent.refused"
STATED = "the customer's statement"

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Statement:
    """One statement of a customer."""

    channel: str
    """As contact.yaml calls it, or `all`."""
    allowed: bool
    reason: str | None
    starts: datetime | None = None
    """None: always."""
    ends: datetime | None = None
    """First instant at which it no longer holds; None: open."""
    local_from: time | None = None
    """Hours of the customer's day to which it is kept; None: the whole day."""
    local_to: time | None = None
    place: str | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)

    def speaks(self, now: datetime, zones: Sequence[ZoneInfo]) -> bool:
        """Whether it is in force, and `now` is in its hours: a refusal's in any zone, a consent's in every one."""
        if not self.holds(now):
            return False
        if self.local_from is None or self.local_to is None:
            return True
        within = [_within(local, self.local_from, self.local_to) for local in local_times(zones, now)]
        return all(within) if self.allowed else any(within)


@dataclass(frozen=True)
class Refusal:
    """What forbids a contact now."""

    rule: str
    source: str
    passes: bool
    """Whether it may be over before the contact's window closes."""


def refusals(
    statements: Iterable[Statement],
    policy: Policy,
    place: Place,
    rule: ChannelRule,
    names: frozenset[str],
    now: datetime,
    closes: datetime,
) -> Iterator[Refusal]:
    """What the statements of a customer have against a contact now over a channel that is called `names`.

    `closes`: the first instant at which the contact may no longer go.
    """
    latest: dict[tuple[object, ...], Statement] = {}
    for said in statements:
        matter = _matter(said, policy, rule, names)
        if matter is None or not said.speaks(now, place.zones):
            continue
        known = latest.get(matter)
        if known is None or _later(said) > _later(known):
            latest[matter] = said
    for said in latest.values():
        if said.allowed:
            continue
        passes = said.local_from is not None or (said.ends is not None and said.ends < closes)
        pack = _stopping(said, policy, rule)
        if pack is not None:
            stop = next(each for each in pack.stops if each.reason == said.reason)
            yield Refusal(pack.rule(stop.reason), pack.cite(stop.source), passes)
        elif said.local_from is not None or said.place is not None:
            first = policy.packs[0]
            yield Refusal(first.rule("preferences"), first.cite(first.preferences.source), passes)
        else:
            yield Refusal(REFUSED, STATED, passes)


def agreed(
    statements: Iterable[Statement],
    pack: PolicyPack,
    zones: Sequence[ZoneInfo],
    names: frozenset[str],
    now: datetime,
) -> bool:
    """Whether the customer's prior consent to further contacts is in force, by the pack."""
    if pack.consent is None:
        return False
    given_since = None if pack.consent.lasts_days is None else day_starts(zones, now, pack.consent.lasts_days)
    return any(
        said.allowed
        and said.reason in pack.consent.reasons
        and said.channel in names
        and said.speaks(now, zones)
        and (given_since is None or (said.starts is not None and said.starts >= given_since))
        for said in statements
    )


def agreed_hours(
    statements: Iterable[Statement], zones: Sequence[ZoneInfo], names: frozenset[str], now: datetime
) -> bool:
    """Whether the customer agreed to be contacted at hours that he named, and it is one of them."""
    return any(
        said.allowed and said.local_from is not None and said.channel in names and said.speaks(now, zones)
        for said in statements
    )


def _matter(said: Statement, policy: Policy, rule: ChannelRule, names: frozenset[str]) -> tuple[object, ...] | None:
    """What a statement is about, None when not about this contact."""
    if _stopping(said, policy, rule) is not None:
        return ("stop", said.reason)
    if not rule.asks_consent or said.channel not in names:
        return None
    if said.place is not None and said.place != rule.place:
        return None
    return (said.channel, said.local_from, said.local_to, said.place)


def _stopping(said: Statement, policy: Policy, rule: ChannelRule) -> PolicyPack | None:
    """The first pack to which the statement is a notice that ends contacts of this kind."""
    for pack in policy.packs:
        if any(stop.reason == said.reason and rule.kind in stop.kinds for stop in pack.stops):
            return pack
    return None


def _later(said: Statement) -> tuple[datetime, bool]:
    return said.starts or _LONG_AGO, not said.allowed


def _within(local: time, start: time, end: time) -> bool:
    return start <= local < end if start <= end else local >= start or local < end
