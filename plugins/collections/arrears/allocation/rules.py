"""The rules of allocation, `allocation.yaml`: how each queue is split and what one grab takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from arrears.rules.files import RuleModel

FILE = "allocation.yaml"

Mode = Literal["even", "balanced", "quota", "level"]
Remainder = Literal["pool", "spread"]
First = Literal["priority", "overdue_amount", "days_past_due"]
Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

_QUEUE_RULE = pa.schema(
    [("queue", pa.string()), ("position", pa.int32()), ("respect_regions", pa.bool_()), ("first", pa.string())]
)


class QueueRules(RuleModel):
    """How one queue is split."""

    mode: Mode = "even"
    """even: by count, up to the daily quota of a collector who has one. balanced: by count as well, and then by overdue
    amount. quota: only to those who have a quota, up to it. level: those with the fewest cases in hand over all queues
    first."""
    respect_regions: bool = True
    """Whether a collector's list of regions binds."""
    remainder: Remainder = "pool"
    """Where that goes which the split cannot give evenly: to the grab pool, or one more to some."""
    first: First = "priority"
    """What is given and grabbed first."""
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

    @model_validator(mode="after")
    def _batch_within_its_limit(self) -> QueueRules:
        if self.grab_batch > self.grab_batch_max:
            raise ValueError(f"grab_batch up to grab_batch_max, {self.grab_batch_max}")
        return self


class QueueChanges(RuleModel):
    """What one queue does otherwise than the defaults."""

    mode: Mode | None = None
    respect_regions: bool | None = None
    remainder: Remainder | None = None
    first: First | None = None
    grab_batch: Annotated[int, Field(ge=1, le=500)] | None = None
    grab_batch_max: Annotated[int, Field(ge=1, le=500)] | None = None
    grabs_per_day: Annotated[int, Field(ge=0)] | None = None
    open_cases: Annotated[int, Field(ge=0)] | None = None
    lease_minutes: Annotated[int, Field(ge=1)] | None = None
    lease_renewals: Annotated[int, Field(ge=0)] | None = None
    give_back_reasons: tuple[Reason, ...] | None = None


class AllocationRules(RuleModel):
    """`allocation.yaml`."""

    defaults: QueueRules = QueueRules()
    queues: Annotated[dict[str, QueueChanges], Field(min_length=1)]
    """Changes per queue, in the order in which the queues are served."""

    @model_validator(mode="after")
    def _every_queue_whole(self) -> AllocationRules:
        if "none" in self.queues:
            raise ValueError("queues of work: 'none' says that there is none")
        for name in self.queues:
            self.queue(name)
        return self

    def queue(self, name: str) -> QueueRules:
        """The rules of the queue `name`: the defaults with its changes. Unknown queues have the defaults."""
        changes = self.queues.get(name, QueueChanges())
        return QueueRules.model_validate({**self.defaults.model_dump(), **changes.model_dump(exclude_none=True)})

    def in_order(self, present: Iterable[str]) -> Mapping[str, QueueRules]:
        """The rules of all queues, in the order they are served: those of the file, then others that are `present`."""
        others = sorted(set(present) - self.queues.keys())
        return {name: self.queue(name) for name in (*self.queues, *others)}


def queue_relation(rules: Mapping[str, QueueRules]) -> pa.Table:
    """The rules that the SQL models read, one row per queue: queue, position (from 1), respect_regions, first."""
    rows = [
        {"queue": name, "position": position, "respect_regions": rule.respect_regions, "first": rule.first}
        for position, (name, rule) in enumerate(rules.items(), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=_QUEUE_RULE)
