"""`attributes.yaml`: which attributes of a customer the rules may read under the active policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from arrears.rules.files import RuleModel
from arrears.rules.rule_set import RuleSet

Verdict = Literal["allow", "review", "deny"]


class AttributePolicy(RuleModel):
    """One policy's verdicts on attributes, with their source."""

    source: Annotated[str, Field(min_length=1)]
    verdicts: dict[str, Verdict]


class AttributeRules(RuleModel):
    """The policies, and the one that is active."""

    active: str
    policies: dict[str, AttributePolicy]

    @model_validator(mode="after")
    def _active_is_known(self) -> AttributeRules:
        if self.active not in self.policies:
            raise ValueError(f"active to be one of {', '.join(self.policies)}, not {self.active}")
        return self


def active_verdicts(rules: RuleSet) -> dict[str, str]:
    """Attribute → verdict of the active policy."""
    attributes = rules.load("attributes.yaml", AttributeRules)
    return dict(attributes.policies[attributes.active].verdicts)
