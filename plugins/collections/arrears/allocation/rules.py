"""The rules of allocation, `allocation.yaml`: how each queue is split, kept, handed over, and what one grab takes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from arrears.rules.files import PlacedError, RuleModel

FILE = "allocation.yaml"

Mode = Literal["even", "balanced", "quota", "level"]
Remainder = Literal["pool", "spread"]
First = Literal["priority", "overdue_amount", "days_past_due"]
Preference = Literal["variety", "exposure"]
Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Key = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^,]+$")]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[Decimal, Field(ge=0, le=1)]

EndReason = Literal[
    "queue_changed",
    "bucket_changed",
    "term_over",
    "no_result",
    "kept_long_enough",
    "given_back",
    "handed_over",
    "recalled",
    "expired",
]
"""How somebody can lose a case so that a rule may keep him from getting it again."""

RESULTS = ("right_party", "connected")
"""Outcomes that are a result unless the rules say otherwise."""


def _twice(values: Iterable[Any]) -> Any:
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


class SeniorFrom(RuleModel):
    """From which overdue amount on a case asks for which seniority."""

    amount: Annotated[Decimal, Field(ge=0)]
    """Overdue amount of the case, from which on it holds."""
    seniority: Annotated[int, Field(ge=1)]
    """What its collector must have at least."""


class KeepRules(RuleModel):
    """Stickiness: how long a case stays with its collector."""

    days: Days | None = None
    """Days after which a case is given anew; null: it stays as long as no other rule takes it."""
    promises: bool = True
    """Whether a case with a live promise stays, also when `days` are over, it changed its bucket or had no result."""
    most_ahead: Annotated[int, Field(ge=1)] | None = 1
    """How many cases more than another, who could have one of them, somebody may have because he keeps what he had;
    beyond it his least urgent ones are given anew. 1: numbers are even before anything is kept. null: nothing is taken
    for the sake of even numbers. What is promised, and what a person took or gave by hand, is never taken."""


class HandOverRules(RuleModel):
    """When a case goes back and is given anew."""

    on_queue_change: bool = False
    """It came to this queue since its collector has it."""
    on_bucket_change: bool = False
    """Its bucket changed since its collector has it."""
    no_result_days: Days | None = None
    """So many days with its collector without a result; null: no such limit."""
    results: tuple[Reason, ...] = RESULTS
    """Outcomes of a contact that are a result; a promise and a payment always are."""
    term_days: Days | None = None
    """Days after which it is recalled whatever came of it, for example from an agency; null: no term."""
    not_back: tuple[EndReason, ...] = ()
    """Who lost the case for one of these reasons does not get it again."""
    not_back_days: Days = 30
    """For so many days."""


class QueueRules(RuleModel):
    """How one queue is split."""

    mode: Mode | tuple[Mode, ...] = "even"
    """even: by count, up to the quota of a collector who has one. balanced: by count as well, and then by overdue and
    expected amount. quota: only to those who have a quota, up to it. level: those with the fewest cases in hand over
    all queues first. Several: one after the other, for example [quota, level]."""
    quota_binds: bool = True
    """Whether a quota is the most that its collector gets; false: he takes part in what comes after `quota` as well."""
    remainder: Remainder = "pool"
    """Where that goes which the split cannot give evenly: to the grab pool, or one more to some."""
    reserve_share: Share = Decimal(0)
    """Share of the cases to be given that is kept for the grab pool from the start, the least urgent ones."""
    first: First = "priority"
    """What is given and grabbed first."""

    teams: tuple[Key, ...] | None = None
    """Teams that work the queue; null: all."""
    respect_regions: bool = True
    """Whether a collector's list of regions binds."""
    respect_languages: bool = True
    """Whether a collector's list of languages binds."""
    senior_from: tuple[SeniorFrom, ...] = ()
    """Seniority that large amounts ask for. It rests while the roster names no seniority at all."""

    keep: KeepRules = KeepRules()
    """How long a case stays with its collector, which comes before all other preferences."""
    hand_over: HandOverRules = HandOverRules()
    """When it goes back."""
    prefer: tuple[Preference, ...] = ("variety", "exposure")
    """Preferences after that, the more important first. variety: not to who had the case before. exposure: equally
    difficult cases for everyone, by bucket and score."""

    grab_batch: Annotated[int, Field(ge=1, le=500)] = 20
    """Cases that one grab takes."""
    grab_batch_max: Annotated[int, Field(ge=1, le=500)] = 30
    """Cases that one grab may take when the number is set by hand."""
    grabs_per_day: Annotated[int, Field(ge=0)] | None = None
    """Cases of the queue that one collector may grab on one day; null: any number."""
    open_cases: Annotated[int, Field(ge=0)] | None = None
    """Cases of the queue in his hands at which a collector grabs no more; null: any number."""
    lease_minutes: Annotated[int, Field(ge=1)] | None = None
    """Minutes in which a grabbed case must be worked, or it goes back to the pool; null: grabbed cases stay."""
    lease_renewals: Annotated[int, Field(ge=0)] = 0
    """How often such a lease may be renewed, each time for as long again from then on."""
    give_back_reasons: tuple[Reason, ...] = ("no_capacity", "wrong_region", "wrong_language", "knows_customer", "other")
    """Reasons for which a collector may give a case back."""

    @property
    def steps(self) -> tuple[Mode, ...]:
        """The steps of the split, in their order."""
        return (self.mode,) if isinstance(self.mode, str) else self.mode

    @model_validator(mode="after")
    def _batch_within_its_limit(self) -> QueueRules:
        if self.grab_batch > self.grab_batch_max:
            raise ValueError(f"grab_batch up to grab_batch_max, {self.grab_batch_max}")
        return self

    @model_validator(mode="after")
    def _steps_in_order(self) -> QueueRules:
        if not self.steps:
            raise ValueError("a mode, or several in their order")
        if "quota" in self.steps[1:]:
            raise ValueError("quota as the first step of the mode: what is left after another step is nobody's quota")
        if "balanced" in self.steps[:-1]:
            raise ValueError("balanced as the last step of the mode: amounts are balanced when all numbers stand")
        for name in ("mode", "prefer", "teams", "give_back_reasons"):
            values = self.steps if name == "mode" else getattr(self, name) or ()
            twice = _twice(values)
            if twice is not None:
                raise ValueError(f"each {name} once, not {twice!r} twice")
        amounts = [each.amount for each in self.senior_from]
        if _twice(amounts) is not None:
            raise ValueError(f"each amount of senior_from once, not {_twice(amounts)} twice")
        return self


_MAY_BE_NULL = frozenset(name for name, rule in QueueRules.model_fields.items() if rule.default is None)
"""Rules of a queue that null means something for: a queue may so lift what the defaults say."""


class QueueChanges(RuleModel):
    """What one queue does otherwise than the defaults."""

    mode: Mode | tuple[Mode, ...] | None = None
    quota_binds: bool | None = None
    remainder: Remainder | None = None
    reserve_share: Share | None = None
    first: First | None = None
    teams: tuple[Key, ...] | None = None
    respect_regions: bool | None = None
    respect_languages: bool | None = None
    senior_from: tuple[SeniorFrom, ...] | None = None
    keep: KeepRules | None = None
    hand_over: HandOverRules | None = None
    prefer: tuple[Preference, ...] | None = None
    grab_batch: Annotated[int, Field(ge=1, le=500)] | None = None
    grab_batch_max: Annotated[int, Field(ge=1, le=500)] | None = None
    grabs_per_day: Annotated[int, Field(ge=0)] | None = None
    open_cases: Annotated[int, Field(ge=0)] | None = None
    lease_minutes: Annotated[int, Field(ge=1)] | None = None
    lease_renewals: Annotated[int, Field(ge=0)] | None = None
    give_back_reasons: tuple[Reason, ...] | None = None


class Conflict(RuleModel):
    """Who must not get whom."""

    collectors: tuple[Key, ...] = ()
    """Collectors, by their ids."""
    teams: tuple[Key, ...] = ()
    """Teams, all of whose collectors are meant."""
    customers: tuple[Key, ...] = ()
    """Customers whom they must not get, by their ids."""
    dealers: tuple[Key, ...] = ()
    """Dealers none of whose contracts they must get."""
    why: Annotated[str, Field(min_length=3, max_length=200)]
    """Why; for those who read the file."""

    @model_validator(mode="after")
    def _two_sides(self) -> Conflict:
        if not (self.collectors or self.teams):
            raise ValueError("collectors or teams who must not get somebody")
        if not (self.customers or self.dealers):
            raise ValueError("customers or dealers whom they must not get")
        for name in ("collectors", "teams", "customers", "dealers"):
            twice = _twice(getattr(self, name))
            if twice is not None:
                raise ValueError(f"each of {name} once, not {twice!r} twice")
        return self


class AllocationRules(RuleModel):
    """`allocation.yaml`."""

    defaults: QueueRules = QueueRules()
    queues: Annotated[dict[str, QueueChanges], Field(min_length=1)]
    """Changes per queue, in the order in which the queues are served."""
    conflicts: tuple[Conflict, ...] = ()
    """Who must not get whom, in any queue."""
    expected: dict[Literal["low", "mid", "high"], dict[str, Share]] = Field(default_factory=dict)
    """Share of the overdue amount that is expected to be recovered, by class of the bucket and band of the collection
    score; `otherwise` stands for cases without a score. A case is the more difficult the less is expected of it."""

    @model_validator(mode="after")
    def _every_queue_whole(self) -> AllocationRules:
        if "none" in self.queues:
            raise PlacedError("queues of work: 'none' says that there is none", "queues", "none")
        for name in self.queues:
            self.queue(name)
        seen: set[Conflict] = set()
        for number, conflict in enumerate(self.conflicts):
            if conflict in seen:
                raise PlacedError("each conflict once", "conflicts", number)
            seen.add(conflict)
        return self

    def queue(self, name: str) -> QueueRules:
        """The rules of the queue `name`: the defaults with its changes. Unknown queues have the defaults."""
        changes = self.queues.get(name, QueueChanges())
        merged = self.defaults.model_dump()
        for key, value in changes.model_dump(exclude_unset=True).items():
            if isinstance(value, dict):
                merged[key] = {**merged[key], **value}
            elif value is not None or key in _MAY_BE_NULL:
                merged[key] = value
        return QueueRules.model_validate(merged)

    def in_order(self, present: Iterable[str]) -> Mapping[str, QueueRules]:
        """The rules of all queues, in the order they are served: those of the file, then others that are `present`."""
        others = sorted(set(present) - self.queues.keys())
        return {name: self.queue(name) for name in (*self.queues, *others)}


def nearest(name: str, known: Collection[str]) -> str:
    """What a message adds about a name that nobody knows: the nearest one that somebody does."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


_QUEUE_RULE = pa.schema(
    [
        ("queue", pa.string()),
        ("position", pa.int32()),
        ("respect_regions", pa.bool_()),
        ("respect_languages", pa.bool_()),
        ("first", pa.string()),
        ("teams", pa.string()),
        ("keep_days", pa.int32()),
        ("keep_promises", pa.bool_()),
        ("on_queue_change", pa.bool_()),
        ("on_bucket_change", pa.bool_()),
        ("no_result_days", pa.int32()),
        ("term_days", pa.int32()),
    ]
)


def queue_relation(rules: Mapping[str, QueueRules]) -> pa.Table:
    """The rules that the SQL models read, one row per queue, `position` from 1; teams comma separated, NULL: all."""
    rows = [
        {
            "queue": name,
            "position": position,
            "respect_regions": rule.respect_regions,
            "respect_languages": rule.respect_languages,
            "first": rule.first,
            "teams": None if rule.teams is None else ",".join(rule.teams),
            "keep_days": rule.keep.days,
            "keep_promises": rule.keep.promises,
            "on_queue_change": rule.hand_over.on_queue_change,
            "on_bucket_change": rule.hand_over.on_bucket_change,
            "no_result_days": rule.hand_over.no_result_days,
            "term_days": rule.hand_over.term_days,
        }
        for position, (name, rule) in enumerate(rules.items(), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=_QUEUE_RULE)


def senior_relation(rules: Mapping[str, QueueRules]) -> pa.Table:
    """Seniority by amount: queue, amount, seniority."""
    rows = [
        {"queue": name, "amount": each.amount.quantize(Decimal("0.01")), "seniority": each.seniority}
        for name, rule in rules.items()
        for each in rule.senior_from
    ]
    schema = pa.schema([("queue", pa.string()), ("amount", pa.decimal128(18, 2)), ("seniority", pa.int32())])
    return pa.Table.from_pylist(rows, schema=schema)


def result_relation(rules: Mapping[str, QueueRules]) -> pa.Table:
    """Outcomes that are a result: queue, outcome."""
    rows = [
        {"queue": name, "outcome": each} for name, rule in rules.items() for each in sorted(set(rule.hand_over.results))
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema([("queue", pa.string()), ("outcome", pa.string())]))


def not_back_relation(rules: Mapping[str, QueueRules]) -> pa.Table:
    """Reasons for which an old owner is kept away: queue, end_reason, days."""
    rows = [
        {"queue": name, "end_reason": each, "days": rule.hand_over.not_back_days}
        for name, rule in rules.items()
        for each in sorted(set(rule.hand_over.not_back))
    ]
    schema = pa.schema([("queue", pa.string()), ("end_reason", pa.string()), ("days", pa.int32())])
    return pa.Table.from_pylist(rows, schema=schema)


def expected_relation(rules: AllocationRules) -> pa.Table:
    """Expected shares: class, band (NULL: otherwise), share."""
    rows = [
        {"class": name, "band": None if band == "otherwise" else band, "share": share.quantize(Decimal("0.0001"))}
        for name, bands in sorted(rules.expected.items())
        for band, share in sorted(bands.items())
    ]
    schema = pa.schema([("class", pa.string()), ("band", pa.string()), ("share", pa.decimal128(18, 4))])
    return pa.Table.from_pylist(rows, schema=schema)
