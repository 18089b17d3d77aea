"""`profile.yaml`: risk points of the customer's profile, and their band."""

from __future__ import annotations

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import RuleModel


class ProfileRules(RuleModel):
    """How the profile refines the treatment."""

    points: DecisionTable
    band: DecisionTable
