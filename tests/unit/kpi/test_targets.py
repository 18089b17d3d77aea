"""Targets: which level decides, how queues are weighed, and what a wrong file is told."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.kpi.targets import TargetRules, target_relation, target_rules
from arrears.rules.files import parse_rules
from arrears.rules.rule_set import latest_rule_set
from arrears.settings import PROJECT
from arrears.strategy.check import check_rules

DAY, LATER = date(2026, 11, 19), date(2026, 11, 20)
SHIPPED = PROJECT / "include" / "rules"
RULES = TargetRules.model_validate(
    {
        "defaults": {"coverage": 0.8, "compliance": 0.9, "recovered_amount": 500},
        "queues": {
            "phone": {"recovered_share": 0.02, "coverage": 0.9},
            "field": {"recovered_amount": 300},
            "legal": {"coverage": 0.5},
        },
        "teams": {"north": {"coverage": 0.95}},
        "collectors": {"ann": {"recovered_amount": 1000, "coverage": 1}},
    }
)


def money(text: str) -> Decimal:
    return Decimal(text)


def wrong(tmp_path: Path, text: str) -> RulesError:
    path = tmp_path / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RulesError) as error:
        parse_rules(path, TargetRules)
    return error.value


def test_the_models_read_the_levels_with_what_queues_have_from_everybody() -> None:
    rows = target_relation({DAY: RULES, LATER: TargetRules()}).to_pylist()
    assert {row["as_of"] for row in rows if row["name"]} == {DAY}
    asked = {
        (row["level"], row["name"]): (row["recovered_amount"], row["recovered_share"], row["coverage"])
        for row in rows
        if row["as_of"] == DAY
    }
    assert asked == {
        ("everybody", ""): (money("500.00"), None, money("0.8")),
        # its own share takes the place of everybody's amount; of two queues the other keeps everybody's
        ("queue", "phone"): (None, money("0.02"), money("0.9")),
        ("queue", "field"): (money("300"), None, None),
        ("queue", "legal"): (money("500"), None, money("0.5")),
        ("team", "north"): (None, None, money("0.95")),
        ("collector", "ann"): (money("1000"), None, money("1")),
    }


def test_a_rule_set_without_targets_asks_for_nothing(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "rules")
    (tmp_path / "rules" / "targets.yaml").unlink()
    (row,) = target_relation({DAY: target_rules(latest_rule_set(tmp_path / "rules"))}).to_pylist()
    assert {key for key, value in row.items() if value is not None} == {"as_of", "level", "name"}


def test_the_shipped_targets_are_good_and_name_queues_that_exist() -> None:
    rules = latest_rule_set(SHIPPED)
    assert target_rules(rules).queues
    assert [each for each in check_rules(rules) if "targets" in each.where] == []


def test_nobody_is_judged_by_recovered_amounts_alone(tmp_path: Path) -> None:
    error = wrong(tmp_path, "teams:\n  north: {recovered_amount: 100}\n")
    assert "process or compliance beside one of recovered amounts" in error.expected
    assert error.where.endswith("targets.yaml:2")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("defaults: {coverage: 0.9}\nqueues:\n  phone: {recovered_amount: 1, recovered_share: 0.1}\n", 3, "not both"),
        ("defaults:\n  coverage: 1.2\n", 2, "less than or equal to 1"),
        ("defaults:\n  coverage: 0\n", 2, "greater than 0"),
        ("defaults:\n  recovered_amount: -5\n  coverage: 0.5\n", 2, "greater than 0"),
        ("defaults:\n  recovered_amount: 0.001\n  coverage: 0.5\n", 2, "2 decimal places"),
        ("defaults:\n  coverrage: 0.9\n", 2, "one of the keys"),
        ("teams:\n  north: [1]\n", 2, "dictionary"),
        ('defaults:\n  coverage: "\'; DROP TABLE mart.run_day; --"\n', 2, "decimal"),
    ],
)
def test_what_a_wrong_file_is_told(tmp_path: Path, text: str, line: int, said: str) -> None:
    error = wrong(tmp_path, text)
    assert said in error.expected
    assert error.where.endswith(f"targets.yaml:{line}")


def test_targets_for_a_queue_that_no_treatment_gives_are_pointed_out(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "rules")
    path = tmp_path / "rules" / "targets.yaml"
    path.write_text("queues:\n  phone: {coverage: 0.9}\n  fone: {coverage: 0.9}\n", encoding="utf-8")
    found = [each for each in check_rules(latest_rule_set(tmp_path / "rules")) if each.code == "target_queue"]
    assert [(each.severity, each.where.rsplit(":", 1)[1]) for each in found] == [("warning", "3")]
    assert "fone" in found[0].message
