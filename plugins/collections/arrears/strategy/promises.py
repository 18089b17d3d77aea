"""Promises to pay: when one counts as kept, and what the model of their states asks for.

`include/sql/strategy/promise_state.sql` is the one definition: decisions, documents and KPIs read it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field, ValidationError

from arrears.errors import RulesError
from arrears.rules.files import RuleModel
from arrears.rules.rule_set import RuleSet

PROMISE_STATE = "strategy/promise_state"
"""The model."""
FILE, SECTION = "contact.yaml", "promise"

TOLD = pa.schema(
    [
        ("promise_id", pa.string()),
        ("contract_id", pa.string()),
        ("made_on", pa.date32()),
        ("due_on", pa.date32()),
        ("amount", pa.decimal128(18, 2)),
    ]
)
"""Promises that were recorded here: the columns of the model's relation `told_promise`."""


class PromiseRules(RuleModel):
    """When a promise counts as kept or broken."""

    grace_days: Annotated[int, Field(ge=0, le=366)] = 0
    """Days after its due date within which what comes still keeps it; it is broken on the day after them."""
    kept_share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal(1)
    """Share of the promised amount that must have come for it to be kept."""


def promise_rules(rules: RuleSet) -> PromiseRules:
    """The section `promise` of contact.yaml, whatever else stands in that file; RulesError for a wrong one."""
    content = rules.document(FILE).content.get(SECTION, {})
    try:
        return PromiseRules.model_validate(content)
    except ValidationError as invalid:
        raise RulesError(
            expected="days of grace and a share of 0 to 1",
            found=str(invalid.errors()[0]["msg"]),
            where=rules.place(FILE, (SECTION,)),
            action="Correct the section.",
        ) from None


def promise_parameters(rules: PromiseRules) -> dict[str, Any]:
    """What the model asks for."""
    return {"grace_days": rules.grace_days, "kept_share": rules.kept_share}
