"""The steps of a vehicle from its search to its return or sale, and the only order in which they exist.

```
            ┌─ located (at any time before it is in hand; changes nothing else)
none ─► demanded ─► demand_expired ─► ordered ─► repossessed ─► stored ─► noticed ─► sold
                          ▲              │            └──────────┴───────────┴────► redeemed
                          └── recalled ◄─┘
```

Steps are appended to `ops.vehicle_step`; the stage of a contract is what its steps lead to, replayed. From every stage
before the vehicle is in hand the proceedings may be closed, and begin anew. A step that skips its predecessor, its
order or a period of `vehicles.yaml` is refused with the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from arrears.rules.files import RuleModel

FILE = "vehicles.yaml"


class Step(StrEnum):
    """What is done with a vehicle."""

    LOCATED = "located"
    """It was found, or its GPS unit answered."""
    DEMAND_SENT = "demand_sent"
    """The demand to pay or give it back was sent."""
    DEMAND_EXPIRED = "demand_expired"
    """The demand's period is over, nothing was paid."""
    ORDER_ISSUED = "order_issued"
    """Somebody was ordered to take it; the order has an id."""
    ORDER_RECALLED = "order_recalled"
    """The order holds no longer."""
    REPOSSESSED = "repossessed"
    """It was taken, under a live order."""
    STORED = "stored"
    """It is in a yard."""
    NOTICE_SENT = "notice_sent"
    """The debtor was told where it is, what redeems it and until when."""
    REDEEMED = "redeemed"
    """The debtor paid and has it back."""
    SOLD = "sold"
    """It was sold."""
    CLOSED = "closed"
    """The proceedings end without it: paid, agreed, or begun by mistake."""


class Stage(StrEnum):
    """Where the proceedings about a vehicle stand."""

    NONE = "none"
    DEMANDED = "demanded"
    DEMAND_EXPIRED = "demand_expired"
    ORDERED = "ordered"
    RECALLED = "recalled"
    REPOSSESSED = "repossessed"
    STORED = "stored"
    NOTICED = "noticed"
    REDEEMED = "redeemed"
    SOLD = "sold"


TRANSITIONS: Mapping[Stage, Mapping[Step, Stage]] = MappingProxyType(
    {
        Stage.NONE: {Step.LOCATED: Stage.NONE, Step.DEMAND_SENT: Stage.DEMANDED},
        Stage.DEMANDED: {
            Step.LOCATED: Stage.DEMANDED,
            Step.DEMAND_EXPIRED: Stage.DEMAND_EXPIRED,
            Step.CLOSED: Stage.NONE,
        },
        Stage.DEMAND_EXPIRED: {
            Step.LOCATED: Stage.DEMAND_EXPIRED,
            Step.ORDER_ISSUED: Stage.ORDERED,
            Step.CLOSED: Stage.NONE,
        },
        Stage.ORDERED: {
            Step.LOCATED: Stage.ORDERED,
            Step.ORDER_RECALLED: Stage.RECALLED,
            Step.REPOSSESSED: Stage.REPOSSESSED,
        },
        # a new order needs no new demand, but a person: the gate blocks the contract until the proceedings are closed
        # or somebody orders again by hand
        Stage.RECALLED: {
            Step.LOCATED: Stage.RECALLED,
            Step.ORDER_ISSUED: Stage.ORDERED,
            Step.CLOSED: Stage.NONE,
        },
        Stage.REPOSSESSED: {Step.STORED: Stage.STORED, Step.REDEEMED: Stage.REDEEMED},
        Stage.STORED: {Step.NOTICE_SENT: Stage.NOTICED, Step.REDEEMED: Stage.REDEEMED},
        Stage.NOTICED: {Step.REDEEMED: Stage.REDEEMED, Step.SOLD: Stage.SOLD},
        # the debtor has it again: what follows begins with a new demand
        Stage.REDEEMED: {Step.LOCATED: Stage.REDEEMED, Step.DEMAND_SENT: Stage.DEMANDED},
        Stage.SOLD: {},
    }
)
"""From each stage, the steps that may follow, and where each leads."""

GpsStatus = Literal["online", "offline", "none"]


class DemandRules(RuleModel):
    """The demand to pay or to give the vehicle back."""

    period_days: Annotated[int, Field(ge=0, le=366)]
    """Days after the demand on which it cannot have expired yet."""


class StorageRules(RuleModel):
    """The vehicle in the yard."""

    notice_within_days: Annotated[int, Field(ge=0, le=366)]
    """Days after it was taken within which the debtor is told; later ones are recorded, and shown as late."""


class RedemptionRules(RuleModel):
    """The debtor's right to have it back."""

    period_days: Annotated[int, Field(ge=0, le=366)]
    """Days after the notice on which it is not sold yet."""


class VehicleRules(RuleModel):
    """All of `vehicles.yaml`."""

    demand: DemandRules
    storage: StorageRules
    redemption: RedemptionRules
    extension_holds: tuple[str, ...]
    """Kinds of holds of the ledger that are an agreed extension: they block a repossession."""
    bankruptcy_holds: tuple[str, ...]
    """Kinds of holds that block it as a bankruptcy does."""
    treatments: Mapping[str, Step]
    """Treatment → step that handing its case over takes, where it may follow."""
    demand_required: bool
    """Whether a repossession is handed over only for a vehicle whose demand has expired."""

    @model_validator(mode="after")
    def _steps_of_a_hand_over(self) -> VehicleRules:
        allowed = {Step.LOCATED, Step.DEMAND_SENT, Step.ORDER_ISSUED}
        for treatment, step in self.treatments.items():
            if step not in allowed:
                names = ", ".join(sorted(allowed))
                raise ValueError(f"treatment {treatment} to lead to one of {names}: others need a person who saw it")
        return self


@dataclass(frozen=True)
class Taken:
    """A step that was taken."""

    step: Step
    on_day: date
    order_id: str | None = None


@dataclass(frozen=True)
class Standing:
    """Where the proceedings stand after some steps."""

    stage: Stage = Stage.NONE
    demand_on: date | None = None
    order_id: str | None = None
    taken_on: date | None = None
    noticed_on: date | None = None
    last_on: date | None = None

    def after(self, taken: Taken) -> Standing:
        """Where they stand after one more step, which must be one that may follow."""
        stage = TRANSITIONS[self.stage][taken.step]
        begun = Standing() if stage == Stage.NONE and taken.step == Step.CLOSED else self
        demanded = taken.step == Step.DEMAND_SENT
        return Standing(
            stage=stage,
            demand_on=taken.on_day if demanded else begun.demand_on,
            order_id=None if demanded else taken.order_id if taken.step == Step.ORDER_ISSUED else begun.order_id,
            taken_on=None if demanded else taken.on_day if taken.step == Step.REPOSSESSED else begun.taken_on,
            noticed_on=None if demanded else taken.on_day if taken.step == Step.NOTICE_SENT else begun.noticed_on,
            last_on=taken.on_day,
        )


def standing(steps: Iterable[Taken]) -> Standing:
    """Where the proceedings stand after `steps`, in the order in which they were recorded."""
    found = Standing()
    for each in steps:
        found = found.after(each)
    return found


@dataclass(frozen=True)
class Refused:
    """Why a step may not be taken: the rule, what it expects and what was found."""

    rule: str
    expected: str
    found: str


def why_not(
    now: Standing, step: Step, on_day: date, today: date, order_id: str | None, rules: VehicleRules
) -> Refused | None:
    """The rule that forbids `step` on `on_day`; None when it may be taken. The gate is asked apart."""
    follows = TRANSITIONS[now.stage]
    if step not in follows:
        names = ", ".join(follows) or "nothing"
        return Refused("vehicle.order_of_steps", f"after {now.stage}: {names}", step)
    if on_day > today:
        return Refused("vehicle.day_ahead", f"a day up to {today}", str(on_day))
    if now.last_on is not None and on_day < now.last_on:
        return Refused("vehicle.day_before_last", f"a day from {now.last_on} on, that of the step before", str(on_day))
    if step in _WITH_ORDER and not order_id:
        return Refused("vehicle.order_missing", "the order's id", "none")
    if step in (Step.ORDER_RECALLED, Step.REPOSSESSED) and order_id != now.order_id:
        return Refused("vehicle.order_unknown", "the id of the live order", "another one")
    if step == Step.DEMAND_EXPIRED and now.demand_on is not None:
        return _too_early("vehicle.demand_period", now.demand_on, rules.demand.period_days, on_day)
    if step == Step.SOLD and now.noticed_on is not None:
        return _too_early("vehicle.redemption_period", now.noticed_on, rules.redemption.period_days, on_day)
    return None


_WITH_ORDER = (Step.ORDER_ISSUED, Step.ORDER_RECALLED, Step.REPOSSESSED)


def _too_early(rule: str, since: date, days: int, on_day: date) -> Refused | None:
    first = since + timedelta(days=days + 1)
    return Refused(rule, f"a day from {first} on, {days} days after {since}", str(on_day)) if on_day < first else None


def notice_is_late(now: Standing, today: date, rules: VehicleRules) -> bool:
    """Whether the debtor should have been told of the vehicle in the yard by `today`, and was not in time."""
    if now.taken_on is None:
        return False
    last = now.taken_on + timedelta(days=rules.storage.notice_within_days)
    if now.noticed_on is not None:
        return now.noticed_on > last
    return now.stage in (Stage.REPOSSESSED, Stage.STORED) and today > last
