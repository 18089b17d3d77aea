"""Policies as data: `policies/<pack>.yaml`, the hours, limits and attribute verdicts of one jurisdiction.

A rule set names one pack or several; with several the strictest verdict holds, and of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from arrears.rules.files import RuleModel
from arrears.rules.rule_set import RuleSet

TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day as text, `HH:MM`; quoted in YAML, which reads a bare 22:00 as a number."""
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Verdict = Literal["allow", "soften", "review", "deny"]
"""allow: any rule may read it. soften: a rule may read it where that only makes the treatment milder; a rule that it
makes harsher is an error. review: a rule that reads it names who approved that, when and why. deny: no rule may read
it. Reading through a column that an earlier table computed from it counts as well."""
ContactVerdict = Literal["block", "warn", "rebut"]
"""block: no further contact. warn: it goes, and the task says so. rebut: within the limit, but a fact that could rebut
the presumption of having kept to it; the task says so."""
Kind = Literal["call", "text", "email", "visit", "file"]
"""What a channel is to a policy; contact.yaml says it of every channel."""
Counted = Literal["connected", "unanswered", "other_person", "not_reached"]

EVERY_KIND: tuple[Kind, ...] = ("call", "text", "email", "visit", "file")
_STRICTER: tuple[Verdict, ...] = ("deny", "soften", "review", "allow")


class Source(RuleModel):
    """Where a number of the pack comes from."""

    title: Annotated[str, Field(min_length=1)]
    """What it is called, with its number or article."""
    publisher: Annotated[str, Field(min_length=1)]
    """Who made it."""
    dated: date
    """When it was made, or came into force."""


class ForbiddenHours(RuleModel):
    """The hours in which nobody may be contacted, in the debtor's local time; they may span midnight."""

    forbidden_from: TimeOfDay
    """First minute that is forbidden."""
    forbidden_to: TimeOfDay
    """First minute that is allowed again."""
    kinds: tuple[Kind, ...] = EVERY_KIND
    """Channels that it forbids."""
    unless_agreed: bool = False
    """Whether a debtor can agree to be contacted at hours that he names."""
    source: str
    """Name of the source that says so."""

    def forbids(self, local: time) -> bool:
        """Whether nobody may be contacted at this time of his day."""
        start, end = time.fromisoformat(self.forbidden_from), time.fromisoformat(self.forbidden_to)
        return start <= local < end if start <= end else local >= start or local < end

    def allowed_on(self, day: date, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
        """The stretches of the calendar day `day` in `zone` in which contact is allowed, half open, in order."""
        midnight, next_midnight = _at(day, time.min, zone), _at(day + timedelta(days=1), time.min, zone)
        start = _at(day, time.fromisoformat(self.forbidden_from), zone)
        end = _at(day, time.fromisoformat(self.forbidden_to), zone)
        stretches = ((midnight, start), (end, next_midnight)) if start <= end else ((end, start),)
        return tuple(stretch for stretch in stretches if stretch[0] < stretch[1])


class ContactLimit(RuleModel):
    """How many contacts are allowed before the next one, the lender's and all agencies' together."""

    id: RuleName
    """Contacts that the limit speaks about name it."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("call",)
    """Channels whose contacts it counts, and restrains."""
    counts: tuple[Counted, ...] = ()
    """How contacts ended that it counts; empty: however they ended. An outcome that the pack does not know counts."""
    per: Literal["person", "person_and_debt", "number"] = "person"
    """What they are counted for."""
    days: Annotated[int, Field(ge=1, le=366)] = 1
    """Over how many consecutive days of the debtor's calendar, today being the last; 1: today."""
    most: Annotated[int, Field(ge=0)]
    """How many there may be; a further contact gets the verdict."""
    verdict: ContactVerdict
    """block, warn or rebut."""
    begun_by: Literal["lender", "anyone"] = "lender"
    """lender: what the debtor began does not count."""
    unless_agreed: bool = False
    """Whether it is lifted while the debtor's consent to further contacts is in force."""
    source: str
    """Name of the source that says so."""


class CoolDown(RuleModel):
    """Days of rest after a contact that ended in a certain way."""

    id: RuleName
    """Contacts that it speaks about name it."""
    after: Annotated[tuple[Counted, ...], Field(min_length=1)] = ("connected",)
    """How the contact ended that it rests after."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("call",)
    """Channels that begin it, and that rest."""
    per: Literal["person", "person_and_debt", "number"] = "person"
    """For what it holds."""
    days: Annotated[int, Field(ge=1, le=366)]
    """How many days, the day of the contact being the first."""
    verdict: ContactVerdict = "block"
    """block, warn or rebut."""
    begun_by: Literal["lender", "anyone"] = "anyone"
    """Whose contacts begin it."""
    unless_agreed: bool = False
    """Whether it is lifted while the debtor's consent to further contacts is in force."""
    source: str
    """Name of the source that says so."""

    def as_limit(self) -> ContactLimit:
        """The same as a limit: a contact within the days is one too many."""
        return ContactLimit(
            id=self.id,
            kinds=self.kinds,
            counts=self.after,
            per=self.per,
            days=self.days,
            most=1,
            verdict=self.verdict,
            begun_by=self.begun_by,
            unless_agreed=self.unless_agreed,
            source=self.source,
        )


class Consent(RuleModel):
    """What counts as a debtor's prior consent to further contacts, where a rule can be lifted by one."""

    reasons: Annotated[tuple[str, ...], Field(min_length=1)]
    """Reasons of the consents that count."""
    lasts_days: Annotated[int, Field(ge=1)] | None = None
    """How many days it lasts at most, the day on which it was given being the first; none: until it ends."""
    source: str
    """Name of the source that says so."""


class Stop(RuleModel):
    """A notice of the customer after which he is not contacted."""

    reason: RuleName
    """Reason of the refusal that is such a notice: cease, attorney, …"""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = EVERY_KIND
    """Channels that it ends, whatever channel the notice names."""
    source: str
    """Name of the source that says so."""


class Holidays(RuleModel):
    """Days on which nobody is contacted, in the debtor's calendar."""

    id: RuleName
    """Contacts that it speaks about name it."""
    days: tuple[date, ...]
    """The days."""
    years: tuple[Annotated[int, Field(ge=2000, le=2200)], ...] = ()
    """Years whose days are all listed; empty: those of the days. What rests in another year is not known."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = EVERY_KIND
    """Channels that rest."""
    verdict: ContactVerdict = "block"
    """block, warn or rebut."""
    source: str
    """Name of the source that says so."""

    @model_validator(mode="after")
    def _days_of_the_years(self) -> Holidays:
        other = sorted(day for day in self.days if self.years and day.year not in self.years)
        if other:
            raise ValueError(f"days of the years {', '.join(map(str, self.years))}, not {other[0]}")
        return self

    def knows(self, day: date) -> bool:
        """Whether it is known if the days of a day's year are holidays."""
        return day.year in (self.years or {each.year for each in self.days})


class Preferences(RuleModel):
    """Times and places that a customer stated to be inconvenient are always honoured; this names who asks for it."""

    source: str
    """Name of the source that says so."""


class ThirdParties(RuleModel):
    """Whether anybody but the debtor may be contacted. Arrears plans contacts with the debtor alone."""

    contact: Literal["never", "when_lost"]
    """never, or only to find a debtor who is lost, without a word about the debt."""
    source: str
    """Name of the source that says so."""


class RegionZones(RuleModel):
    """The time zones of a region."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    """What the ledger may call it; upper and lower case are the same."""
    zones: Annotated[tuple[str, ...], Field(min_length=1)]
    """IANA names."""


class Outcomes(RuleModel):
    """Which outcomes of a contact count as what."""

    connected: tuple[str, ...]
    """Outcomes that reached the debtor."""
    unanswered: tuple[str, ...]
    """Outcomes of tries that nobody answered."""
    other_person: tuple[str, ...] = ()
    """Outcomes that reached somebody else."""
    not_reached: tuple[str, ...] = ()
    """Outcomes of tries that did not ring, or did not arrive."""

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Outcomes:
        seen: set[str] = set()
        for outcome, _ in self.meanings():
            if outcome in seen:
                raise ValueError(f"each outcome in one list; {outcome} is in both")
            seen.add(outcome)
        return self

    def meanings(self) -> Iterator[tuple[str, Counted]]:
        """Every outcome that the pack knows, with what it counts as."""
        lists: tuple[tuple[Counted, tuple[str, ...]], ...] = (
            ("connected", self.connected),
            ("unanswered", self.unanswered),
            ("other_person", self.other_person),
            ("not_reached", self.not_reached),
        )
        for counted, outcomes in lists:
            for outcome in outcomes:
                yield outcome, counted

    def meaning(self, outcome: str | None) -> Counted | None:
        """What an outcome counts as; None for one that the pack does not know."""
        return next((counted for name, counted in self.meanings() if name == outcome), None)


class AttributeVerdict(RuleModel):
    """Whether a strategy may read an attribute of the customer."""

    verdict: Verdict
    """allow: any rule. soften: only to treat more mildly. review: with an approval on the rule. deny: never."""
    source: str
    """Name of the source that says so."""


class PolicyPack(RuleModel):
    """One jurisdiction's rules of contact and fairness, each number with its source."""

    pack: RuleName
    """Name of the pack, as its file is called; rule sets name it."""
    title: Annotated[str, Field(min_length=1)]
    """Whom and where it is for."""
    sources: Annotated[Mapping[str, Source], Field(min_length=1)]
    """Where the numbers and verdicts come from, by a short name."""
    time_zones: Annotated[tuple[str, ...], Field(min_length=1)]
    """Zones that a debtor may be in of whom neither zone nor region is known: what is allowed is allowed in all."""
    regions: tuple[RegionZones, ...] = ()
    """Zones of regions, for debtors of whom no zone is known."""
    hours: ForbiddenHours | None = None
    """When nobody may be contacted; none: no number is given."""
    limits: tuple[ContactLimit, ...] = ()
    """How often anybody may be contacted."""
    cool_downs: tuple[CoolDown, ...] = ()
    """How long anybody is left in peace after a contact."""
    outcomes: Outcomes
    """What the outcomes of contacts count as."""
    consent: Consent | None = None
    """What counts as prior consent, where a limit can be lifted by one."""
    stops: tuple[Stop, ...] = ()
    """Notices after which nobody is contacted."""
    preferences: Preferences
    """Who asks for inconvenient times and places to be honoured."""
    holidays: tuple[Holidays, ...] = ()
    """Days on which nobody is contacted."""
    third_parties: ThirdParties
    """Whether anybody but the debtor may be contacted."""
    attributes: Annotated[Mapping[str, AttributeVerdict], Field(min_length=1)]
    """Whether a strategy may read an attribute; the vocabulary's `attribute` names it. One that is not here is under
    review."""

    @model_validator(mode="after")
    def _consistent(self) -> PolicyPack:
        for name in self._cited():
            if name not in self.sources:
                raise ValueError(f"a source that the pack names ({', '.join(self.sources)}), not {name!r}")
        ids = [limit.id for limit in self.limits] + [rest.id for rest in self.cool_downs]
        ids += [days.id for days in self.holidays] + [stop.reason for stop in self.stops]
        if len(ids) != len(set(ids)) or {"hours", "preferences"} & set(ids):
            raise ValueError("each rule's id once, and none called hours or preferences")
        for zone in (*self.time_zones, *(zone for region in self.regions for zone in region.zones)):
            if known_zone(zone) is None:
                raise ValueError(f"an IANA time zone, not {zone!r}")
        names = [name.lower() for region in self.regions for name in region.names]
        if len(names) != len(set(names)):
            raise ValueError("each region's name once")
        lifted = any(limit.unless_agreed for limit in self.all_limits)
        if lifted and self.consent is None:
            raise ValueError("consent, which a limit can be lifted by")
        return self

    def _cited(self) -> Iterator[str]:
        yield from (limit.source for limit in self.all_limits)
        yield from (stop.source for stop in self.stops)
        yield from (rest.source for rest in self.holidays)
        yield from (attribute.source for attribute in self.attributes.values())
        yield self.preferences.source
        yield self.third_parties.source
        if self.hours is not None:
            yield self.hours.source
        if self.consent is not None:
            yield self.consent.source

    def verdicts(self) -> dict[str, Verdict]:
        """Attribute of a customer → whether a rule may read it."""
        return {name: attribute.verdict for name, attribute in self.attributes.items()}

    @cached_property
    def all_limits(self) -> tuple[ContactLimit, ...]:
        """The limits, and the cool-downs as limits, in the order of the file."""
        return (*self.limits, *(each.as_limit() for each in self.cool_downs))

    @property
    def hours_rule(self) -> str:
        """Rule id of the hours, as tasks carry it."""
        return self.rule("hours")

    def rule(self, name: str) -> str:
        """Id of a rule of the pack, as tasks carry it."""
        return f"{self.pack}.{name}"

    def cite(self, source: str) -> str:
        """What a source is, in one line."""
        said = self.sources[source]
        return f"{self.pack}: {said.title}, {said.publisher}, {said.dated.isoformat()}"

    def counts(self, limit: ContactLimit, outcome: str | None) -> bool:
        """Whether a contact that ended so counts for a limit; one that ended nobody knows how counts."""
        if not limit.counts:
            return True
        meaning = self.outcomes.meaning(outcome)
        return meaning is None or meaning in limit.counts

    def candidate_zones(self, time_zone: str | None, region: str | None) -> tuple[ZoneInfo, ...]:
        """The zones that a debtor may be in: his own, else those of his region, else all of the pack."""
        own = known_zone(time_zone)
        if own is not None:
            return (own,)
        wanted = (region or "").strip().lower()
        for known in self.regions:
            if wanted in (name.lower() for name in known.names):
                return tuple(ZoneInfo(name) for name in known.zones)
        return tuple(ZoneInfo(name) for name in self.time_zones)


@dataclass(frozen=True, eq=False)
class Policy:
    """The packs that a rule set names, as one."""

    packs: tuple[PolicyPack, ...]
    """In the order in which the rule set names them."""

    @property
    def name(self) -> str:
        """The packs' names, joined by +."""
        return "+".join(pack.pack for pack in self.packs)

    @property
    def title(self) -> str:
        """The packs' titles."""
        return "; ".join(pack.title for pack in self.packs)

    @cached_property
    def attributes(self) -> Mapping[str, AttributeVerdict]:
        """Every attribute that a pack names, with the strictest verdict; its source is one of `sources`.

        What one of several packs does not name is under review there.
        """
        found: dict[str, AttributeVerdict] = {}
        for name in dict.fromkeys(name for pack in self.packs for name in pack.attributes):
            said = [
                AttributeVerdict(verdict=each.verdict, source=self._key(pack, each.source))
                for pack in self.packs
                if (each := pack.attributes.get(name)) is not None
            ]
            strictest = min(said, key=lambda each: _STRICTER.index(each.verdict))
            if len(said) < len(self.packs) and strictest.verdict == "allow":
                strictest = AttributeVerdict(verdict="review", source=strictest.source)
            found[name] = strictest
        return found

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """The packs' sources; of several packs each under its pack's name."""
        return {self._key(pack, name): source for pack in self.packs for name, source in pack.sources.items()}

    def verdicts(self) -> dict[str, Verdict]:
        """Attribute of a customer → whether a rule may read it: the strictest that a pack says."""
        return {name: attribute.verdict for name, attribute in self.attributes.items()}

    def under_review(self, attribute: str) -> bool:
        """Whether a rule that reads an attribute needs an approval: by any pack, one that does not name it included.

        So it may with another pack's `soften`, which is stricter in what it allows and asks for no approval.
        """
        said = [pack.attributes.get(attribute) for pack in self.packs]
        return any(each is None or each.verdict == "review" for each in said)

    def outcomes(self) -> frozenset[str]:
        """Every outcome that a pack knows."""
        return frozenset(outcome for pack in self.packs for outcome, _ in pack.outcomes.meanings())

    def is_conversation(self, outcome: str) -> bool:
        """Whether a contact that ended so reached the debtor, by any pack."""
        return any(pack.outcomes.meaning(outcome) == "connected" for pack in self.packs)

    @property
    def look_back_days(self) -> int:
        """How many days of history the limits look at, today included."""
        return max((limit.days for pack in self.packs for limit in pack.all_limits), default=1)

    @property
    def counts_numbers(self) -> bool:
        """Whether a limit counts per number, whoever it belongs to."""
        return any(limit.per == "number" for pack in self.packs for limit in pack.all_limits)

    @cached_property
    def limit_rules(self) -> frozenset[str]:
        """Ids of the limits on how many contacts there may be."""
        return frozenset(pack.rule(limit.id) for pack in self.packs for limit in pack.all_limits)

    def _key(self, pack: PolicyPack, source: str) -> str:
        return source if len(self.packs) == 1 else f"{pack.pack}.{source}"


def load_policy(rules: RuleSet) -> Policy:
    """The policy packs that the rule set names; RulesError with file and line."""
    return Policy(tuple(rules.load(f"policies/{name}.yaml", PolicyPack) for name in rules.packs))


def known_zone(name: str | None) -> ZoneInfo | None:
    """The zone that is called so; None when there is none."""
    try:
        return ZoneInfo(name.strip()) if name and name.strip() else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone)
