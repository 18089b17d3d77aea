"""`treatments.yaml`: segments and treatments."""

from __future__ import annotations

from pydantic import model_validator

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import RuleModel


class TreatmentRules(RuleModel):
    """What is done with an overdue contract."""

    segment: DecisionTable
    """What kind of case it is."""
    treatment: DecisionTable
    """What is done with it, by whom, over which channels."""

    @model_validator(mode="after")
    def _makes_what_others_read(self) -> TreatmentRules:
        self.segment.require("segment", "segment", {"segment": "text"})
        columns = {"treatment": "text", "intensity": "number", "placement": "text", "channels": "text", "queue": "text"}
        self.treatment.require("treatment", "treatment", columns)
        return self
