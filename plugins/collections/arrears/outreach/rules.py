"""`contact.yaml`: cadences, channels, caps and approvals, as typed, frozen models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, Field, model_validator

from arrears.outreach.channels.names import MANUAL_CHANNEL, MESSAGE_CHANNELS, ChannelName
from arrears.outreach.sending_rules import BreakerRule, Rate
from arrears.outreach.serious_rules import RecallRules
from arrears.rules.files import RuleModel
from arrears.rules.policy import Kind, Policy, TimeOfDay, load_policy
from arrears.rules.rule_set import RuleSet
from arrears.strategy.promises import PromiseRules

Placement = Literal["in_house", "field", "agency", "legal", "repossession"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

HIGHEST_INTENSITY = 99

_Item = TypeVar("_Item")


def _some(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    if not items:
        raise ValueError("at least one item")
    return items


# pydantic's own min_length counts the valid items, so that one wrong item would be reported as none
SomeOf = Annotated[tuple[_Item, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]


_DAYS = re.compile(r"(\d+)(-(\d*))?(/([1-9]\d*))?")


def _days(days: int | str) -> int | str:
    if isinstance(days, str):
        match = _DAYS.fullmatch(days)
        if match is None or (match[3] and int(match[3]) < int(match[1])):
            raise ValueError("days past due as 5, 1-7, 10- or 10-30/2 (every second one)")
    return days


Days = Annotated[
    Annotated[int, Field(ge=0)] | str,
    AfterValidator(_days),
    Field(json_schema_extra={"examples": [5, "1-7", "10-", "10-30/2"]}),
]
"""Days past due: one, a range, one without end, or every n-th day of a range."""


class ChannelRule(RuleModel):
    """What holds for every contact over one channel."""

    address: Literal["phone", "email", "none"]
    """Which address of the customer it needs."""
    asks_consent: bool
    """Whether a customer can refuse it."""
    kind: Kind
    """What it is to the policy: a call, text, e-mail, visit, or a file that is handed over."""
    daily_cap: Annotated[int, Field(ge=0)]
    """Contacts a day; what is over is cut, the lowest priority first."""
    cost: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)] = Decimal(0)
    """What one contact costs, in the currency of the budget."""
    place: Name | None = None
    """Place of the customer that it goes to; he may state that it is inconvenient."""
    also_called: tuple[str, ...] = ()
    """Names of this channel in the ledger's contact results and consents, besides its own."""
    provider: Name = "generic"
    """Of a channel over HTTP: the file in `providers` that says how its provider is used."""
    handover: Literal["folder", "sftp"] = "folder"
    """Of a channel that hands over lists: into a folder on this machine, or to the partner's SFTP server."""
    rate: Rate | None = None
    """How fast it may send; without it as fast as it can."""
    breaker: BreakerRule = BreakerRule()
    """When it rests."""

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.kind == "call"


class OwnerCalls(RuleModel):
    """Calls that a cadence puts on the list of the case's owner, who makes them by hand (channel `phone`)."""

    daily_cap: Annotated[int, Field(ge=0)]
    """Calls a day; what is over is cut, the lowest priority first."""
    cost: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)] = Decimal(0)
    """What one call costs, in the currency of the budget."""


class DayRange(NamedTuple):
    """Days past due on which something is done."""

    first: int
    last: int | None
    """None: no end."""
    every: int


class Via(RuleModel):
    """One way to use a slot."""

    channel: ChannelName | Literal["phone"]
    """phone: a call on the list of the case's owner."""
    template: Name | None = None
    days: tuple[Days, ...] = ()
    """Days past due on which it may be used; empty: those of the slot."""

    @model_validator(mode="after")
    def _text_where_one_is_sent(self) -> Via:
        if (self.channel in MESSAGE_CHANNELS) != (self.template is not None):
            wanted = "a template" if self.template is None else "no template, a file is handed over"
            raise ValueError(f"{wanted} for {self.channel}")
        return self


class Slot(RuleModel):
    """One contact of a cadence: its hours in the debtor's local time and the channels that may carry it."""

    id: Name
    opens: TimeOfDay
    closes: TimeOfDay
    days: tuple[Days, ...] = ()
    """Days past due on which there is this slot; empty: every day."""
    via: SomeOf[Via]

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Slot:
        if self.opens >= self.closes:
            raise ValueError(f"slot {self.id} to open before it closes")
        channels = [via.channel for via in self.via]
        if len(channels) != len(set(channels)):
            raise ValueError(f"each channel once in slot {self.id}")
        return self

    def days_of(self, via: Via) -> tuple[DayRange, ...]:
        """Days past due on which `via` may carry the slot; at least one range."""
        return tuple(day_range(each) for each in via.days or self.days) or (DayRange(0, None, 1),)

    @property
    def opens_minute(self) -> int:
        """Minute of the day at which it opens."""
        hours, minutes = self.opens.split(":")
        return int(hours) * 60 + int(minutes)


class IntensityRange(RuleModel):
    """Intensities of the treatment, both ends included."""

    from_: Annotated[int, Field(alias="from", ge=0)] = 0
    to: Annotated[int, Field(ge=0)] = HIGHEST_INTENSITY

    @model_validator(mode="after")
    def _not_empty(self) -> IntensityRange:
        if self.from_ > self.to:
            raise ValueError("an intensity range that ends where it begins or later")
        return self


class Cadence(RuleModel):
    """The contacts of one day for the cases that it fits."""

    id: Name
    placements: SomeOf[Placement]
    treatments: tuple[str, ...] = ()
    """Names of treatments; empty: any."""
    intensity: IntensityRange = IntensityRange()
    slots: SomeOf[Slot]

    @model_validator(mode="after")
    def _slots_once(self) -> Cadence:
        ids = [slot.id for slot in self.slots]
        if len(ids) != len(set(ids)):
            raise ValueError(f"each slot's id once in cadence {self.id}")
        return self


class LivePromise(RuleModel):
    """Whether a promise to pay that is not yet due stops contacts."""

    stops: Literal["any_contract", "all_contracts", "never"]
    grace_days: Annotated[int, Field(ge=0)] = 0
    """Days after its due date for which a promise still counts as live."""
    at_most_days: Annotated[int, Field(ge=0, le=3660)] = 366
    """How far ahead a promise may be due."""


class Caps(RuleModel):
    """How many contacts one day may have."""

    contacts_per_customer: Annotated[int, Field(ge=1)]
    overall: Annotated[int, Field(ge=0)]


class Budget(RuleModel):
    """What a day's contacts may cost."""

    per_day: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)]
    """What is over is cut, the lowest priority first."""


class BestHour(RuleModel):
    """When a customer is reached best, from the hours at which he was reached before."""

    kinds: tuple[Kind, ...] = ("call",)
    """Channels whose contacts are the evidence, and are planned by it."""
    look_back_days: Annotated[int, Field(ge=1, le=3660)]
    """How far back the evidence goes."""
    least_connected: Annotated[int, Field(ge=1)]
    """How often he must have been reached in one hour of his day before that hour is preferred."""


class Fallback(RuleModel):
    """When a channel is taken as failed, so that the slot's next one is used."""

    outcomes: tuple[str, ...]
    """Outcomes of a channel's last contact that say that the address does not work."""
    within_days: Annotated[int, Field(ge=1, le=366)]
    """For how many days it is not tried again."""


class StopOn(RuleModel):
    """What a customer does that ends the day's contacts with him, besides a promise."""

    payment: bool = True
    """A payment that arrived since the ledger was pulled."""
    reply: tuple[Kind, ...] = ("call", "text", "email")
    """Channels that rest for the day after he answered or got in touch himself; calls by hand do not."""


class Approval(RuleModel):
    """Which contacts wait for a person."""

    placements: tuple[Placement, ...]


class Retry(RuleModel):
    """How a failed task is tried again on the same day."""

    tries: Annotated[int, Field(ge=1)]
    """How often one attempt asks the provider, under one idempotency key."""
    attempts: Annotated[int, Field(ge=1)]
    """Attempts a day; what failed as often is a dead letter."""
    first_wait_minutes: Annotated[int, Field(ge=1)]
    longest_wait_minutes: Annotated[int, Field(ge=1)]


class ContactRules(RuleModel):
    """All of `contact.yaml`."""

    lender: Annotated[Mapping[str, str], Field(min_length=1)]
    """The lender's name by language; its keys are the languages in which templates are written."""
    opt_out: Annotated[str, Field(pattern=r"^(https://|mailto:)\S+$")]
    """Where a customer refuses further messages."""
    opt_out_words: SomeOf[str]
    """Replies that refuse further messages over the channel, however they are written."""
    default_language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    live_promise: LivePromise
    promise: PromiseRules = PromiseRules()
    recall: RecallRules = RecallRules()
    caps: Caps
    budget: Budget | None = None
    """What the day's contacts may cost; none: whatever they cost."""
    best_hour: BestHour | None = None
    fallback: Fallback | None = None
    stop_on: StopOn = StopOn()
    spacing_minutes: Annotated[int, Field(ge=0)]
    approval: Approval
    owner_calls: OwnerCalls | None = None
    """Calls by hand that cadences may ask for with the channel phone."""
    channels: Mapping[ChannelName, ChannelRule]
    retry: Retry
    cadences: SomeOf[Cadence]

    @model_validator(mode="after")
    def _consistent(self) -> ContactRules:
        if self.default_language not in self.lender:
            raise ValueError(f"the lender's name in the default language {self.default_language}")
        names = [cadence.id for cadence in self.cadences]
        if len(names) != len(set(names)):
            raise ValueError("each cadence's id once")
        called: set[str] = set()
        for name, rule in self.channels.items():
            for alias in (name, *rule.also_called):
                if alias in called or alias == "all":
                    raise ValueError(f"{alias!r} to mean one channel")
                called.add(alias)
        for cadence, slot in self.slots():
            for via in slot.via:
                if via.channel == MANUAL_CHANNEL and self.owner_calls is None:
                    raise ValueError(f"owner_calls, which cadence {cadence.id} asks for with the channel phone")
                if via.channel != MANUAL_CHANNEL and via.channel not in self.channels:
                    raise ValueError(f"channel {via.channel} of cadence {cadence.id} among channels")
        for cadence in self.cadences:
            starts = [slot.opens_minute for slot in cadence.slots]
            for earlier, later in pairwise(starts):
                if later - earlier < self.spacing_minutes:
                    raise ValueError(
                        f"slots of cadence {cadence.id} in order, at least {self.spacing_minutes} minutes apart"
                    )
        return self

    def channel_of(self, name: str) -> str:
        """The channel that `name` means, which may be what the ledger calls it; an unknown name means itself."""
        return next((known for known, rule in self.channels.items() if name in (known, *rule.also_called)), name)

    def rule_of(self, name: str) -> ChannelRule:
        """What holds for a contact over the channel that `name` means. Calls by hand are always calls."""
        by_name: dict[str, ChannelRule] = dict(self.channels.items())
        rule = by_name.get(self.channel_of(name))
        if rule is None or (name == MANUAL_CHANNEL and not rule.is_call):
            return ChannelRule(address="phone", asks_consent=True, kind="call", daily_cap=0)
        return rule

    def planned_channels(self) -> Mapping[str, ChannelRule]:
        """The channels that a cadence may use, calls by hand among them, with what holds for each."""
        found: dict[str, ChannelRule] = dict(self.channels.items())
        if self.owner_calls is not None:
            limits = {"daily_cap": self.owner_calls.daily_cap, "cost": self.owner_calls.cost}
            found[MANUAL_CHANNEL] = self.rule_of(MANUAL_CHANNEL).model_copy(update=limits)
        return found

    def slots(self) -> Iterator[tuple[Cadence, Slot]]:
        """Every slot with its cadence."""
        for cadence in self.cadences:
            for slot in cadence.slots:
                yield cadence, slot

    def templates(self) -> Mapping[str, ChannelName]:
        """The templates that the cadences use, with the channel that each is for."""
        found: dict[str, ChannelName] = {}
        for _, slot in self.slots():
            for via in slot.via:
                # a call by hand has no text
                if via.template is not None and via.channel != "phone":
                    found[via.template] = via.channel
        return found


def day_range(days: int | str) -> DayRange:
    """`5`, `1-7`, `10-` (no end) or `10-30/2` (every second day of these) as a range of days past due."""
    if isinstance(days, int):
        return DayRange(days, days, 1)
    span, _, every = days.partition("/")
    first, dash, last = span.partition("-")
    return DayRange(int(first), int(last) if last else (None if dash else int(first)), int(every or 1))


def load_contact_rules(rules: RuleSet) -> tuple[ContactRules, Policy]:
    """`contact.yaml` and the policy packs of the rule set; RulesError with file and line."""
    return rules.load("contact.yaml", ContactRules), load_policy(rules)
