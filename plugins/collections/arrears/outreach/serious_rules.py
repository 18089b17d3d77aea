"""Parts of `contact.yaml` about serious steps: when a promise is kept, and when a hand-over is over."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from arrears.rules.files import RuleModel


class PromiseRules(RuleModel):
    """When a promise counts as kept or broken."""

    grace_days: Annotated[int, Field(ge=0, le=366)] = 0
    """Days after its due date within which what comes still keeps it; it is broken on the day after them."""
    kept_share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal(1)
    """Share of the promised amount that must have come for it to be kept."""


class RecallRules(RuleModel):
    """When an agency, a court or a repossession partner must give a case back."""

    when: tuple[Literal["paid", "promise", "held", "order_recalled", "lead"], ...] = (
        "paid",
        "held",
        "order_recalled",
        "lead",
    )
    """paid: the case was cured or closed, or a payment came since. promise: the desk has a live promise. held: a hold
    closed the case. order_recalled: the order of the repossession was recalled. lead: a lead took the case back."""
    look_back_days: Annotated[int, Field(ge=1, le=366)] = 60
    """Days for which a hand-over is looked at."""
