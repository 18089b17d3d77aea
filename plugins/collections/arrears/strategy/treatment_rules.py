"""`treatments.yaml`: segments, treatments and the order of work."""

from __future__ import annotations

from pydantic import model_validator

from arrears.rules.decision_table import DecisionTable
from arrears.rules.files import RuleModel

_MADE = {
    "segment": ("segment",),
    "treatment": ("treatment", "intensity", "placement", "channels", "queue"),
    "priority": ("priority",),
}


class TreatmentRules(RuleModel):
    """What is done with an overdue contract."""

    segment: DecisionTable
    treatment: DecisionTable
    priority: DecisionTable

    @model_validator(mode="after")
    def _makes_what_others_read(self) -> TreatmentRules:
        for section, columns in _MADE.items():
            table: DecisionTable = getattr(self, section)
            if set(table.outputs) != set(columns):
                raise ValueError(f"the table {section} to make {', '.join(columns)}, not {', '.join(table.outputs)}")
        return self
