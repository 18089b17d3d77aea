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
        ("queues: {phone: {mode: [level, quota]}}", "quota as the first step"),
        ("queues: {phone: {mode: [balanced, level]}}", "balanced as the last step"),
        ("queues: {phone: {mode: [level, level]}}", "each mode once, not 'level' twice"),
        ("queues: {phone: {mode: []}}", "a mode, or several"),
        ("queues: {phone: {teams: [T1, T1]}}", "each teams once, not 'T1' twice"),
        ("queues: {phone: {reserve_share: 1.1}}", r"allocation.yaml:1: .*less than or equal to 1"),
        ("queues: {phone: {senior_from: [{amount: 5, seniority: 1}, {amount: 5, seniority: 2}]}}", "each amount"),
        ("queues: {phone: {keep: {most_ahead: 0}}}", r"allocation.yaml:1: .*greater than or equal to 1"),
        ("queues: {phone: {hand_over: {not_back: [no_reslt]}}}", r"allocation.yaml:1: .*'no_result'"),
        (
            "queues: {phone: {}}\nconflicts:\n  - {customers: [C1], why: related}",
            r"allocation.yaml:3: .*teams who must",
        ),
        (
            "queues: {phone: {}}\nconflicts:\n  - {collectors: [E1], why: related}",
            r"allocation.yaml:3: .*whom they must",
        ),
        (
            "queues: {phone: {}}\nconflicts:\n  - {collectors: [E1, E1], customers: [C1], why: related}",
            "each of collectors once, not 'E1' twice",
        ),
        (
            "queues: {phone: {}}\nconflicts:\n"
            "  - {collectors: [E1], customers: [C1], why: related}\n"
            "  - {collectors: [E1], customers: [C1], why: related}",
            r"allocation.yaml:4: .*each conflict once",
        ),
        ("queues: {phone: {}}\nexpected: {low: {high: 2}}", r"allocation.yaml:2: .*less than or equal to 1"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RulesError, match=message):
        parse(tmp_path, text)


def test_a_queue_changes_only_the_parts_of_keep_and_hand_over_that_it_names(tmp_path: Path) -> None:
    rules = parse(
        tmp_path,
        "defaults: {keep: {days: 9, most_ahead: 4}, hand_over: {no_result_days: 5}}\n"
        "queues: {phone: {keep: {days: 3}}, agency: {hand_over: {no_result_days: null, term_days: 90}}}",
    )
    assert (rules.queue("phone").keep.days, rules.queue("phone").keep.most_ahead) == (3, 4)
    assert rules.queue("phone").hand_over.no_result_days == 5
    assert (rules.queue("agency").hand_over.no_result_days, rules.queue("agency").hand_over.term_days) == (None, 90)
    assert rules.queue("agency").keep.days == 9


def test_a_queue_lifts_a_limit_of_the_defaults_by_null(tmp_path: Path) -> None:
    limits = "grabs_per_day: 9, open_cases: 9, lease_minutes: 9, teams: [T1]"
    lifted = "grabs_per_day: null, open_cases: null, lease_minutes: null, teams: null"
    rules = parse(tmp_path, f"defaults: {{{limits}}}\nqueues: {{phone: {{{lifted}}}, field: {{mode: null}}}}\n")
    phone, field = rules.queue("phone"), rules.queue("field")
    assert (phone.grabs_per_day, phone.open_cases, phone.lease_minutes, phone.teams) == (None, None, None, None)
    assert (field.grabs_per_day, field.open_cases, field.lease_minutes, field.teams) == (9, 9, 9, ("T1",))
    assert field.mode == "even", "null where it means nothing changes nothing"
