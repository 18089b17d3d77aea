"""Part of `contact.yaml` about serious steps: when a hand-over is over."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from arrears.rules.files import RuleModel


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
