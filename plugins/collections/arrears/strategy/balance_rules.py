"""`balance.yaml`: tiers of the overdue balance."""

from __future__ import annotations

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import RuleModel


class BalanceRules(RuleModel):
    """How overdue balances are tiered."""

    tiers: DecisionTable
