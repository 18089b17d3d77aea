"""A backfill over a change of the rules: every day is decided by the rule set that was valid on it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.ledgers import partition, publish_ledger
from tests.support.rule_folders import copy_rules, edit_rule_file

from arrears.rules.changes import start_change
from arrears.rules.rule_set import load_kept_rule_set
from arrears.steps import run_step
from arrears.strategy.ageing_rules import AgeingRules

CHANGE = date(2026, 11, 20)
BEFORE = CHANGE - timedelta(days=1)
TODAY = date(2026, 11, 23)
STEPS = ("check_rules", "age_contracts", "tier_balances", "apply_rules", "publish_treatments")


def ledger(as_of: date) -> dict[str, list[dict[str, Any]]]:
    """Three contracts, which on the day are 29, 30 and 31 days past due."""
    names = {29: "C29", 30: "C30", 31: "C31"}
    return {
        "contracts": [
            {
                "contract_id": name,
                "customer_id": f"K-{name}",
                "product": "commercial_vehicle",
                "originated_on": date(2025, 1, 1),
                "principal": 100_000,
                "term_months": 36,
            }
            for name in names.values()
        ],
        "installments": [
            {
                "contract_id": name,
                "installment_no": 1,
                "due_date": as_of - timedelta(days=days),
                "amount_due": 5_000,
                "principal_due": 4_000,
                "interest_due": 1_000,
                "fee_due": 0,
            }
            for days, name in names.items()
        ],
        "customers": [{"customer_id": f"K-{name}"} for name in names.values()],
    }


def decided(run: Any) -> dict[str, tuple[Any, ...]]:
    columns = ("bucket", "balance_tier", "rule_set", "rule_set_version", "rule_set_hash")
    return {row["contract_id"]: tuple(row[name] for name in columns) for row in partition(run, "treatment")}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return copy_rules(tmp_path / "rules")


def test_each_day_of_a_backfill_is_decided_by_the_rules_of_its_day(make_run: Any, rules: Path, pg_url: str) -> None:
    def day(as_of: date) -> dict[str, tuple[Any, ...]]:
        with make_run(as_of, today=TODAY, rules=rules, warehouse_url=pg_url) as run:
            publish_ledger(run, ledger(as_of))
            for step in STEPS:
                run_step(run, step)
            return decided(run)

    undisturbed = day(BEFORE)
    assert [row[0] for _, row in sorted(undisturbed.items())] == ["M1", "M1", "M2"]

    # from the day of the change on, M1 ends a day earlier and tiers begin lower
    folder = start_change(rules, CHANGE, "head of strategy", "M1 is 1 to 29 days.", ["ageing.yaml", "balance.yaml"])
    edit_rule_file(folder / "ageing.yaml", "convention: B", "convention: A")
    edit_rule_file(
        folder / "balance.yaml", "overdue_amount >= 20000 and overdue_share", "overdue_amount >= 5000 and overdue_share"
    )

    # the later day first, as a backfill may run them
    after, again = day(CHANGE), day(BEFORE)
    assert again == undisturbed
    assert {name: row[:4] for name, row in again.items()} == {
        "C29": ("M1", "medium", "standard", 1),
        "C30": ("M1", "medium", "standard", 1),
        "C31": ("M2", "medium", "standard", 1),
    }
    assert {name: row[:4] for name, row in after.items()} == {
        "C29": ("M1", "large", "standard", 2),
        "C30": ("M2", "large", "standard", 2),
        "C31": ("M2", "large", "standard", 2),
    }

    # and the lake keeps both, as they were in force
    hashes = {row[4] for row in after.values()} | {row[4] for row in again.values()}
    assert len(hashes) == 2
    with make_run(CHANGE, today=TODAY, rules=rules, warehouse_url=pg_url) as run:
        kept = [load_kept_rule_set(run.lake, content) for content in sorted(hashes)]
    conventions = {each.version: each.load("ageing.yaml", AgeingRules).convention for each in kept}
    assert conventions == {1: "B", 2: "A"}
