"""Policies as data: `policies/<pack>.yaml`, the hours, limits and attribute verdicts of one jurisdiction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from arrears.rules.files import RuleModel
from arrears.rules.rule_set import RuleSet

TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day as text, `HH:MM`; quoted in YAML, which reads a bare 22:00 as a number."""
Verdict = Literal["allow", "soften", "review", "deny"]
"""allow: any rule may read it. soften: a rule may read it where that only makes the treatment milder; a rule that it
makes harsher is an error. review: a rule that reads it names who approved that, when and why. deny: no rule may read
it. Reading through a column that an earlier table computed from it counts as well."""
Counted = Literal["connected", "unanswered"]


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
    source: str
    """Name of the source that says so."""


class ContactLimit(RuleModel):
    """How many calls of one business day are allowed, the lender's and all agencies' together."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Contacts that the limit blocks name it."""
    counts: Counted
    """connected: calls that reached the debtor; unanswered: tries that nobody answered."""
    per: Literal["debtor", "number"]
    """What they are counted for: connected calls per debtor, unanswered tries per number."""
    most: Annotated[int, Field(ge=0)]
    """How many a day are allowed."""
    verdict: Literal["block", "warn"]
    """block: no further contact that day. warn: it goes on, and the plan says so."""
    source: str
    """Name of the source that says so."""

    @model_validator(mode="after")
    def _counted_as_it_can_be(self) -> ContactLimit:
        expected = "debtor" if self.counts == "connected" else "number"
        if self.per != expected:
            raise ValueError(f"{self.counts} calls to be counted per {expected}")
        return self


class Outcomes(RuleModel):
    """Which outcomes of a call count as what."""

    connected: tuple[str, ...]
    """Outcomes that reached the debtor."""
    unanswered: tuple[str, ...]
    """Outcomes of tries that nobody answered."""

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Outcomes:
        both = set(self.connected) & set(self.unanswered)
        if both:
            raise ValueError(f"each outcome in one list; {', '.join(sorted(both))} is in both")
        return self

    def meaning(self, outcome: str | None) -> Counted | None:
        """What an outcome counts as."""
        if outcome in self.connected:
            return "connected"
        return "unanswered" if outcome in self.unanswered else None


class AttributeVerdict(RuleModel):
    """Whether a strategy may read an attribute of the customer."""

    verdict: Verdict
    """allow: any rule. soften: only to treat more mildly. review: with an approval on the rule. deny: never."""
    source: str
    """Name of the source that says so."""


class PolicyPack(RuleModel):
    """One jurisdiction's rules of contact and fairness, each number with its source."""

    pack: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Name of the pack, as its file is called; rule sets name it."""
    title: Annotated[str, Field(min_length=1)]
    """Whom and where it is for."""
    sources: Annotated[Mapping[str, Source], Field(min_length=1)]
    """Where the numbers and verdicts come from, by a short name."""
    hours: ForbiddenHours
    """When nobody may be contacted."""
    limits: tuple[ContactLimit, ...]
    """How often anybody may be contacted."""
    outcomes: Outcomes
    """What the outcomes of calls count as."""
    attributes: Annotated[Mapping[str, AttributeVerdict], Field(min_length=1)]
    """Whether a strategy may read an attribute; the vocabulary's `attribute` names it. One that is not here is under
    review."""

    @model_validator(mode="after")
    def _every_source_is_named(self) -> PolicyPack:
        cited = [self.hours.source, *(limit.source for limit in self.limits)]
        cited += [attribute.source for attribute in self.attributes.values()]
        for name in cited:
            if name not in self.sources:
                raise ValueError(f"a source that the pack names ({', '.join(self.sources)}), not {name!r}")
        ids = [limit.id for limit in self.limits]
        if len(ids) != len(set(ids)):
            raise ValueError("each limit's id once")
        return self

    def verdicts(self) -> dict[str, Verdict]:
        """Attribute of a customer → whether a rule may read it."""
        return {name: attribute.verdict for name, attribute in self.attributes.items()}

    @property
    def hours_rule(self) -> str:
        """Rule id of the hours, as tasks carry it."""
        return f"{self.pack}.hours"

    def limit_rule(self, limit: ContactLimit) -> str:
        """Rule id of a limit, as tasks carry it."""
        return f"{self.pack}.{limit.id}"

    def strictest(self, counts: Counted, verdict: Literal["block", "warn"]) -> ContactLimit | None:
        """The lowest limit on what `counts`, with that verdict."""
        found = [limit for limit in self.limits if limit.counts == counts and limit.verdict == verdict]
        return min(found, key=lambda limit: (limit.most, limit.id), default=None)

    def allows_hour(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether a debtor in `zone` may be contacted at the instant `at`."""
        local = at.astimezone(zone).time()
        start, end = _time(self.hours.forbidden_from), _time(self.hours.forbidden_to)
        forbidden = start <= local < end if start <= end else local >= start or local < end
        return not forbidden

    def allowed_hours(self, day: date, zone: ZoneInfo) -> tuple[tuple[datetime, datetime], ...]:
        """The stretches of the calendar day `day` in `zone` in which contact is allowed, half open, in order."""
        midnight, next_midnight = _at(day, time.min, zone), _at(day + timedelta(days=1), time.min, zone)
        start = _at(day, _time(self.hours.forbidden_from), zone)
        end = _at(day, _time(self.hours.forbidden_to), zone)
        stretches = ((midnight, start), (end, next_midnight)) if start <= end else ((end, start),)
        return tuple(stretch for stretch in stretches if stretch[0] < stretch[1])


def load_policy(rules: RuleSet) -> PolicyPack:
    """The policy pack that the rule set names; RulesError with file and line."""
    return rules.load(f"policies/{rules.policy}.yaml", PolicyPack)


def _time(text: str) -> time:
    return time.fromisoformat(text)


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone)
