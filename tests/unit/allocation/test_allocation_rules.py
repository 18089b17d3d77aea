"""The rule file of allocation: what it may say, and how a mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from arrears.allocation.rules import FILE, AllocationRules, queue_relation
from arrears.errors import RulesError
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT


def parse(tmp_path: Path, text: str) -> AllocationRules:
    path = tmp_path / FILE
    path.write_text(text, encoding="utf-8")
    return parse_rules(path, AllocationRules)


def test_the_shipped_file_has_every_queue_of_the_shipped_strategy() -> None:
    rules = parse_rules(PROJECT / "include" / "rules" / FILE, AllocationRules)
    assert list(rules.queues) == ["legal", "agency", "field", "phone_senior", "phone", "reminder"]
    assert {rules.queue(name).grab_batch for name in rules.queues} == {20, 30}


def test_a_queue_changes_only_what_it_names(tmp_path: Path) -> None:
    rules = parse(tmp_path, "defaults: {remainder: spread, grab_batch: 25}\nqueues: {phone: {grab_batch: 30}}")
    assert rules.queue("phone").grab_batch == 30
    assert rules.queue("phone").remainder == "spread"
    assert rules.queue("another") == rules.defaults


def test_queues_are_served_in_the_order_of_the_file_then_the_others_by_name(tmp_path: Path) -> None:
    rules = parse(tmp_path, "queues: {phone: {}, field: {respect_regions: false}}")
    served = rules.in_order(["zebra", "phone", "alpha"])
    assert list(served) == ["phone", "field", "alpha", "zebra"]
    second = queue_relation(served).to_pylist()[1]
    assert (second["queue"], second["position"], second["respect_regions"]) == ("field", 2, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("queues: {phone: {remaindr: pool}}", r"allocation.yaml:1: .*remaindr.* Did you mean 'remainder'"),
        ("defaults: {}\nqueues:\n  phone:\n    mode: fair\n", r"allocation.yaml:4: .*'even'"),
        ("queues: {}", r"allocation.yaml:1: .*at least 1"),
        ("queues: {none: {}}", "queues of work"),
        ("queues:\n  phone: {}\n  phone: {}\n", r"allocation.yaml:3: expected each key once"),
        ("defaults: {grab_batch: 0}\nqueues: {phone: {}}", r"allocation.yaml:1: .*greater than or equal to 1"),
        ("defaults: {grab_batch: 31, grab_batch_max: 30}\nqueues: {phone: {}}", "grab_batch up to grab_batch_max, 30"),
        ("queues:\n  phone: {grab_batch: 31}\n", "grab_batch up to grab_batch_max, 30"),
        ("queues: {phone: {}}\nqueue: {}", r"allocation.yaml:2: .*Did you mean 'queues'"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RulesError, match=message):
        parse(tmp_path, text)
