"""What ships with the rules of contact: labels of every channel, a person's calls, and lists of holidays."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from arrears.kpi.rules import KpiRules
from arrears.outreach.channels.names import CHANNELS, MANUAL_CHANNEL
from arrears.outreach.rules import load_contact_rules
from arrears.rules.findings import Finding
from arrears.rules.rule_set import latest_rule_set, load_rule_set
from arrears.settings import PROJECT
from arrears.strategy.check import check_rules

RULES = PROJECT / "include" / "rules"
SHIPPED = load_rule_set(RULES, date(2026, 11, 20))


def test_every_channel_and_every_name_that_it_has_in_a_ledger_is_called_something() -> None:
    contact, _ = load_contact_rules(SHIPPED)
    names = {*CHANNELS, MANUAL_CHANNEL, *(name for rule in contact.channels.values() for name in rule.also_called)}
    labels = SHIPPED.load("kpi.yaml", KpiRules).labels.channels
    assert names - labels.keys() == set()
    assert all(labels[name].en and labels[name].zh for name in names)


def test_every_queue_that_a_treatment_gives_is_called_something() -> None:
    content = yaml.safe_load((RULES / "treatments.yaml").read_text(encoding="utf-8"))
    queues = set(content["treatment"]["outputs"]["queue"]["values"])
    assert queues - SHIPPED.load("kpi.yaml", KpiRules).labels.queues.keys() == set()


def test_a_negotiation_is_on_the_list_of_the_owner() -> None:
    contact, _ = load_contact_rules(SHIPPED)
    by_hand = [
        (cadence.treatments, slot.id)
        for cadence, slot in contact.slots()
        if any(via.channel == MANUAL_CHANNEL for via in slot.via)
    ]
    assert by_hand == [(("senior_negotiation",), "call")]


def holidays_found(folder: Path, holidays: list[dict[str, Any]]) -> list[Finding]:
    shutil.copytree(RULES, folder)
    path = folder / "policies" / "cn.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8")) | {"holidays": holidays}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return [each for each in check_rules(latest_rule_set(folder)) if each.code == "holidays_missing"]


def test_the_shipped_lists_miss_no_day() -> None:
    assert [each for each in check_rules(SHIPPED) if each.code == "holidays_missing"] == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"days": []}, "public_holiday of the pack cn with no day: nobody rests then"),
        ({"days": [date(2026, 1, 1)], "years": [2026, 2027]}, "with no day in 2027"),
    ],
)
def test_holidays_that_are_switched_on_without_a_list_are_warned_of(
    tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    (found,) = holidays_found(tmp_path / "rules", [{"id": "public_holiday", "source": "house", **changed}])
    assert (found.severity, says in found.message) == ("warning", True)
    assert "policies/cn.yaml:" in found.where
