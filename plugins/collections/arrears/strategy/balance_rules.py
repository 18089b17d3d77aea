"""`balance.yaml`: tiers of the overdue balance, and the order of work."""

from __future__ import annotations

from pydantic import model_validator

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import PlacedError, RuleModel


class BalanceRules(RuleModel):
    """How overdue balances are tiered, and which case is worked first."""

    tiers: DecisionTable
    """Applied first: every later table may read the tier."""
    priority: DecisionTable
    """Applied last: it may read what every other table makes. Higher is worked first."""

    @model_validator(mode="after")
    def _makes_what_others_read(self) -> BalanceRules:
        self.tiers.require("tiers", "balance", {"balance_tier": "text"})
        if len(self.tiers.outputs) > 1:
            # tiers are a table of the lake, of which later tables are given this column
            raise PlacedError("balance_tier as the only column of table tiers", "tiers", "outputs")
        self.priority.require("priority", "priority", {"priority": "number"})
        return self
