"""`contact.yaml`: cadences, channels, caps and approvals, as typed, frozen models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from arrears.outreach.channels.names import MANUAL_CHANNEL, MESSAGE_CHANNELS, ChannelName
from arrears.rules.files import RuleModel
from arrears.rules.policy import PolicyPack, TimeOfDay, load_policy
from arrears.rules.rule_set import RuleSet

Placement = Literal["in_house", "field", "agency", "legal"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

HIGHEST_INTENSITY = 99

_Item = TypeVar("_Item")


def _some(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    if not items:
        raise ValueError("at least one item")
    return items


# pydantic's own min_length counts the valid items, so that one wrong item would be reported as none
SomeOf = Annotated[tuple[_Item, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]


class ChannelRule(RuleModel):
    """What holds for every contact over one channel."""

    address: Literal["phone", "email", "none"]
    """Which address of the customer it needs."""
    asks_consent: bool
    """Whether a customer can refuse it."""
    is_call: bool = False
    """Whether the policy's limits on calls count it."""
    daily_cap: Annotated[int, Field(ge=0)]
    """Contacts a day; what is over is cut, the lowest priority first."""
    also_called: tuple[str, ...] = ()
    """Names of this channel in the ledger's contact results and consents, besides its own."""


class Via(RuleModel):
    """One way to use a slot."""

    channel: ChannelName
    template: Name | None = None

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
    via: SomeOf[Via]

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Slot:
        if self.opens >= self.closes:
            raise ValueError(f"slot {self.id} to open before it closes")
        channels = [via.channel for via in self.via]
        if len(channels) != len(set(channels)):
            raise ValueError(f"each channel once in slot {self.id}")
        return self

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


class Approval(RuleModel):
    """Which contacts wait for a person."""

    placements: tuple[Placement, ...]


class Retry(RuleModel):
    """How a failed task is tried again on the same day."""

    tries: Annotated[int, Field(ge=1)]
    """How often one attempt asks the provider, under one idempotency key."""
    first_wait_minutes: Annotated[int, Field(ge=1)]
    longest_wait_minutes: Annotated[int, Field(ge=1)]


class ContactRules(RuleModel):
    """All of `contact.yaml`."""

    lender: Annotated[Mapping[str, str], Field(min_length=1)]
    """The lender's name by language; its keys are the languages in which templates are written."""
    opt_out: Annotated[str, Field(pattern=r"^(https://|mailto:)\S+$")]
    """Where a customer refuses further messages."""
    default_language: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    live_promise: LivePromise
    caps: Caps
    spacing_minutes: Annotated[int, Field(ge=0)]
    approval: Approval
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
                if via.channel not in self.channels:
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
            return ChannelRule(address="phone", asks_consent=True, is_call=True, daily_cap=0)
        return rule

    def slots(self) -> Iterator[tuple[Cadence, Slot]]:
        """Every slot with its cadence."""
        for cadence in self.cadences:
            for slot in cadence.slots:
                yield cadence, slot

    def templates(self) -> Mapping[str, ChannelName]:
        """The templates that the cadences use, with the channel that each is for."""
        return {via.template: via.channel for _, slot in self.slots() for via in slot.via if via.template}


def load_contact_rules(rules: RuleSet) -> tuple[ContactRules, PolicyPack]:
    """`contact.yaml` and the policy pack of the rule set; RulesError with file and line."""
    return rules.load("contact.yaml", ContactRules), load_policy(rules)
