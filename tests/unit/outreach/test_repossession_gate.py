"""The gate of a repossession over its facts: the whole truth table, and the first rule that decides."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from arrears.outreach.repossession import FACTS, REASONS, judge
from arrears.outreach.vehicles import Stage, VehicleRules
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT

RULES = parse_rules(PROJECT / "include" / "rules" / "vehicles.yaml", VehicleRules)
CLEAR: dict[str, Any] = {
    "customer_id": "C1",
    "lead_contract_id": "K1",
    "cure_amount": Decimal("1000.00"),
    "received_amount": Decimal("0.00"),
    "received_unknown": False,
    "promise_live": False,
    "extension_agreed": False,
    "bankrupt": False,
    "stage": "demand_expired",
}


def verdict(rules: VehicleRules = RULES, **facts: Any) -> str | None:
    return verdicts([facts], rules)[0]


def verdicts(rows: list[dict[str, Any]], rules: VehicleRules = RULES) -> list[str | None]:
    table = pa.Table.from_pylist([{**CLEAR, **facts} for facts in rows], schema=FACTS)
    found: list[str | None] = judge(table, rules).to_pylist()
    return found


def test_nothing_stands_in_the_way() -> None:
    assert verdict() is None


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"bankrupt": True}, "repossession.bankruptcy"),
        ({"extension_agreed": True}, "repossession.extension"),
        ({"promise_live": True}, "repossession.promise_live"),
        ({"received_amount": Decimal("1000.00")}, "repossession.cured"),
        ({"received_amount": Decimal("1000.01")}, "repossession.cured"),
        ({"received_amount": Decimal("999.99")}, None),
        ({"received_unknown": True}, "repossession.cured"),
        ({"cure_amount": Decimal("0.00")}, "repossession.cured"),
        ({"stage": "recalled"}, "repossession.order_recalled"),
        ({"stage": "ordered"}, "repossession.order_out"),
        ({"stage": "repossessed"}, "repossession.in_hand"),
        ({"stage": "stored"}, "repossession.in_hand"),
        ({"stage": "noticed"}, "repossession.in_hand"),
        ({"stage": "sold"}, "repossession.in_hand"),
        ({"stage": "none"}, "repossession.demand_open"),
        ({"stage": "demanded"}, "repossession.demand_open"),
        ({"stage": "redeemed"}, "repossession.demand_open"),
    ],
)
def test_each_fact_blocks_by_its_rule(facts: dict[str, Any], rule: str | None) -> None:
    assert verdict(**facts) == rule


def test_without_a_demand_required_only_the_law_of_the_gate_blocks() -> None:
    lenient = RULES.model_copy(update={"demand_required": False})
    assert verdict(lenient, stage="none") is None
    assert verdict(lenient, stage="none", promise_live=True) == "repossession.promise_live"


def judged_by_hand(facts: dict[str, Any]) -> str | None:
    """The gate, told again as plainly as it can be."""
    if facts["bankrupt"]:
        return "repossession.bankruptcy"
    if facts["extension_agreed"]:
        return "repossession.extension"
    if facts["promise_live"]:
        return "repossession.promise_live"
    if facts["received_unknown"] or facts["received_amount"] >= facts["cure_amount"]:
        return "repossession.cured"
    return {
        "recalled": "repossession.order_recalled",
        "ordered": "repossession.order_out",
        "repossessed": "repossession.in_hand",
        "stored": "repossession.in_hand",
        "noticed": "repossession.in_hand",
        "sold": "repossession.in_hand",
        "demand_expired": None,
    }.get(facts["stage"], "repossession.demand_open")


def test_the_whole_truth_table() -> None:
    either = (False, True)
    rows = [
        {
            "bankrupt": bankrupt,
            "extension_agreed": extended,
            "promise_live": promised,
            "received_unknown": unknown,
            "received_amount": Decimal(amount),
            "stage": stage.value,
        }
        for bankrupt, extended, promised, unknown, amount, stage in itertools.product(
            either, either, either, either, ("0.00", "999.99", "1000.00"), Stage
        )
    ]
    assert verdicts(rows) == [judged_by_hand({**CLEAR, **row}) for row in rows]
    # a vehicle goes in one of these rows only: nothing against it, the demand expired, less than the cure received
    assert sum(each is None for each in verdicts(rows)) == 2


def test_every_rule_says_what_it_means() -> None:
    rules = {rule for rule in verdicts([{"stage": stage.value} for stage in Stage]) if rule}
    assert rules <= set(REASONS)
    assert len(set(REASONS)) == 8
