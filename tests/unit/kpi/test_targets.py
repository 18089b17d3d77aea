"""Targets: which level decides, how queues are weighed, and what a wrong file is told."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.kpi.targets import TargetRules, asked_of, target_rules
from arrears.rules.files import parse_rules
from arrears.rules.rule_set import latest_rule_set
from arrears.settings import PROJECT
from arrears.strategy.check import check_rules

SHIPPED = PROJECT / "include" / "rules"
RULES = TargetRules.model_validate(
    {
        "defaults": {"coverage": 0.8, "compliance": 0.9, "recovered_amount": 500},
        "queues": {"phone": {"recovered_share": 0.02, "coverage": 0.9}, "field": {"recovered_amount": 300}},
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


@pytest.mark.parametrize(
    ("collector", "team", "queues", "recovered", "coverage"),
    [
        # the queue's share of what is owed
        ("bob", None, {"phone": (10, money("5000"))}, "100.00", "0.9"),
        # the queue's amount; its coverage is the defaults'
        ("bob", None, {"field": (2, money("9000"))}, "300.00", "0.8"),
        # several queues: 3 of 4 cases of phone, 1 of field: 0.02 x 600 + 300 / 4; (3 x 0.9 + 0.8) / 4
        ("bob", None, {"phone": (3, money("600")), "field": (1, money("50"))}, "87.00", "0.875"),
        # a queue that the file does not name has the defaults
        ("bob", None, {"legal": (1, money("70"))}, "500.00", "0.8"),
        # the team decides what it names, the queue the rest
        ("bob", "north", {"phone": (10, money("5000"))}, "100.00", "0.95"),
        ("bob", "south", {"phone": (10, money("5000"))}, "100.00", "0.9"),
        # the collector before all
        ("ann", "north", {"phone": (10, money("5000"))}, "1000.00", "1"),
        # without a case nothing is to be recovered, also from one who has a target of his own
        ("bob", "north", {}, None, "0.95"),
        ("ann", "north", {}, None, "1"),
    ],
)
def test_the_nearest_level_decides(
    collector: str,
    team: str | None,
    queues: dict[str, tuple[int, Decimal]],
    recovered: str | None,
    coverage: str,
) -> None:
    asked = asked_of(RULES, collector, team, queues)
    assert asked.recovered == (None if recovered is None else Decimal(recovered))
    assert asked.rates["coverage"] == Decimal(coverage)
    assert asked.rates["compliance"] == Decimal("0.9")
    assert asked.rates["kept_rate"] is None


def test_a_rule_set_without_targets_asks_for_nothing(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "rules")
    (tmp_path / "rules" / "targets.yaml").unlink()
    asked = asked_of(target_rules(latest_rule_set(tmp_path / "rules")), "ann", "north", {"phone": (1, money("10"))})
    assert asked.recovered is None
    assert set(asked.rates.values()) == {None}


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
