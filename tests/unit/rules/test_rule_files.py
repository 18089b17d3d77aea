"""Rule files: every mistake is answered with file, line and what to do."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.errors import RulesError
from arrears.rules.files import Document
from arrears.rules.findings import raise_errors
from arrears.rules.registry import FILES, parse_all
from arrears.rules.rule_set import load_rule_set
from arrears.settings import PROJECT
from arrears.strategy.check import check_folder, check_rules, uses_under_review
from arrears.strategy.compile import load_strategy

SHIPPED = PROJECT / "include" / "rules"
DAY = date(2026, 11, 20)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "rules")
    return tmp_path / "rules"


def test_all_that_is_wrong_with_a_table_is_told_at_once(rules: Path) -> None:
    path = rules / "treatments.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("id: SEG2", "id: SEG1"),
        ("{segment: low_soft}", "{segmnt: low_soft}"),
        ("segment: grace", "segment: 5"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    errors = [each for each in check_rules(load_rule_set(rules, DAY)) if each.code == "file"]
    said = "; ".join(each.message for each in errors)
    assert "gives 5; found 5 at segment.rules.1.then.segment" in said
    assert "rule ids once each in table segment; SEG1 comes again" in said
    assert "rule SEG6 of table segment to give segment, not segmnt" in said
    assert "a text for segment; rule SEG1 of table segment gives 5" in said
    assert len({each.where for each in errors}) >= 2


def check(root: Path) -> Any:
    rule_set = load_rule_set(root, DAY)
    for _ in parse_all(rule_set):
        pass
    load_strategy(rule_set)
    findings = check_rules(rule_set)
    raise_errors(findings)
    return uses_under_review(rule_set)


def edit(root: Path, file: str, old: str, new: str) -> int:
    """Replaces one text in a rule file; returns its line."""
    text = (root / file).read_text(encoding="utf-8")
    assert old in text, old
    (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_the_shipped_rules_are_good() -> None:
    assert check(SHIPPED)


def test_every_shipped_file_is_registered() -> None:
    patterns = {path for pattern in FILES for path in SHIPPED.glob(pattern)}
    assert set(SHIPPED.rglob("*.yaml")) == patterns


@pytest.mark.parametrize(
    ("file", "old", "new", "expected", "action"),
    [
        ("ageing.yaml", "grace_days: 0", "grace_day: 0", "one of the keys", "Did you mean 'grace_days'?"),
        ("ageing.yaml", "convention: B", "convntion: B", "one of the keys", "Did you mean 'convention'?"),
        ("ageing.yaml", "convention: B", "convention: C", "'A' or 'B'", ""),
        ("ageing.yaml", "grace_days: 0", "grace_days: -1", "greater than or equal to 0", ""),
        ("ageing.yaml", "grace_days: 0", "grace_days: three", "valid integer", ""),
        ("ageing.yaml", "bucket: M3", "bucket: M2", "bucket names once each; M2", ""),
        ("ageing.yaml", "class: mid", "class: midd", "'current', 'low', 'mid' or 'high'", "Did you mean 'mid'?"),
        ("scores.yaml", "from_bucket: 2", "from_bucket: 1", "no overlap between stages", ""),
        ("scores.yaml", "from_score: 650", "from_score: 400", "bands in ascending order", ""),
        ("treatments.yaml", "id: SEG2", "id: SEG1", "rule ids once each in table segment; SEG1", ""),
        ("treatments.yaml", "queue: reminder}", "queue: remind}", "one of none, reminder", "Did you mean 'reminder'?"),
        ("treatments.yaml", "intensity: 1,", "intensity: soft,", "a number for intensity", ""),
        ("treatments.yaml", "placement: field, ", "", "rule TRE9 of table treatment to give", "a value for each"),
        ("treatments.yaml", "placement: field, ", "placment: field, ", "rule TRE9", "Did you mean 'placement'?"),
        (
            "policies/cn.yaml",
            "gender: {verdict: review",
            "gender: {verdict: ask",
            "'allow', 'soften', 'review' or 'deny'",
            "",
        ),
        ("rule_set.yaml", "version: 1", "version: 1\nversion: 2", "each key once", "Remove one of the two."),
        ("rule_set.yaml", "name: standard", "name: [standard", "YAML", "Correct the file's form"),
        ("rule_set.yaml", "owner: strategy management", "", "the key 'owner'", "Add the key."),
    ],
)
def test_a_wrong_file_is_named_with_its_line(
    rules: Path, file: str, old: str, new: str, expected: str, action: str
) -> None:
    line = edit(rules, file, old, new)
    with pytest.raises(RulesError) as error:
        check(rules)
    assert expected in error.value.expected
    assert action in error.value.action
    missing_or_twice = "rule_set.yaml" in file
    assert missing_or_twice or error.value.where.endswith(f"{file}:{line}")


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ("valid_from: 2026-02-30", "2026-02-30"),
        ("valid_from: 2026-13-01", "2026-13-01"),
        ("valid_from: 2026-01-01T99:00:00", "2026-01-01T99:00:00"),
        ("valid_from: !day 2026-01-01", "the tag !day"),
        ("valid_from: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system"),
        ("valid_from: !!int x", "the tag tag:yaml.org,2002:int"),
        ('valid_from: "2026\x07"', "the character 0x07"),
        ("? [valid_from]\n: 2026-01-01", "a list or a mapping as a key"),
        ("? {valid_from: 1}\n: 2026-01-01", "a list or a mapping as a key"),
        ("valid_from: &itself [*itself]", "an anchor that holds itself"),
        ("<<: {valid_from: 2026-01-01}", "'<<', which is not in quotes"),
        ("valid_from: =", "'=', which is not in quotes"),
        ("valid_from: " + "[" * 3_000, "lists or mappings nested hundreds deep"),
        ("valid_from: 2026-01-01\n---\nname: another", "another document"),
        ("valid_from:\n\t2026-01-01", "character '\\t' that cannot start any token"),
        ("valid_from: 'soon", "unexpected end of stream"),
        ("valid_from: [2015-01-01", "':' where ',' or ']' should be"),
        ("valid_from: [2015-01-01]", "a list at valid_from"),
        ("valid_from: *nothing", "undefined alias"),
        ("valid_from: soon", "'soon' at valid_from"),
        ("valid_from: ", "None at valid_from"),
    ],
    ids=lambda each: each[:40],
)
def test_what_is_no_yaml_or_no_day_is_told_with_its_line_and_never_breaks_the_check(
    rules: Path, new: str, found: str
) -> None:
    line = edit(rules, "rule_set.yaml", "valid_from: 2015-01-01", new)
    with pytest.raises(RulesError) as error:
        load_rule_set(rules, DAY)
    assert found in error.value.found
    path, _, told = error.value.where.rpartition(":")
    assert path == str(rules / "rule_set.yaml")
    assert int(told) >= line or "nested" in found
    (version, findings), *_ = check_folder(rules)
    assert version is None
    assert error.value.found in findings[0].message


def test_what_yaml_reads_as_a_value_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: &x [1, 2.5, yes, ~, 2026-02-28, '2026-02-30', !!str 5]\nb: *x\n5: {c: *x}\n", encoding="utf-8")
    values = [1, 2.5, True, None, date(2026, 2, 28), "2026-02-30", "5"]
    assert Document(path).content == {"a": values, "b": values, 5: {"c": values}}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected", "action"),
    [
        (
            "balance.yaml",
            "overdue_amount >= 50000",
            "overdue_amout >= 50000",
            "name of the vocabulary",
            "'overdue_amount'",
        ),
        ("treatments.yaml", "when: class = 'current'", "when: class = 'curent'", "one of current, low", "'current'"),
        ("profile.yaml", "years_employed < 2", "years_employed < '2'", "number and text", "single quotes"),
        ("treatments.yaml", "when: held", "when: hold_kind", "is a text", "Compare it"),
        ("balance.yaml", "when: overdue_amount >= 50000", "when: balance_tier = 'large'", "name of the vocabulary", ""),
        (
            "scores.yaml",
            "lost_contact_band = 'high'",
            "lost_contact_band = 'hi'",
            "one of low, medium, high, unknown",
            "'high'",
        ),
    ],
)
def test_a_wrong_condition_is_named_with_its_line(
    rules: Path, file: str, old: str, new: str, expected: str, action: str
) -> None:
    line = edit(rules, file, old, new)
    with pytest.raises(RulesError) as error:
        check(rules)
    assert error.value.where.endswith(f"{file}:{line}")
    assert expected in error.value.found
    assert action in error.value.action


def test_an_attribute_under_review_needs_an_approval(rules: Path) -> None:
    lines = (SHIPPED / "profile.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    approval = next(line for line in lines if "Short employment" in line)
    edit(rules, "profile.yaml", approval, "")
    with pytest.raises(RulesError, match=r"reads work_years .* under review, without approval") as error:
        check(rules)
    assert "Add approval" in error.value.action


def test_a_denied_attribute_is_an_error_even_with_an_approval(rules: Path) -> None:
    edit(rules, "policies/cn.yaml", "age: {verdict: review", "age: {verdict: deny")
    with pytest.raises(RulesError, match=r"reads age .*, which the policy denies"):
        check(rules)


def test_rules_are_not_used_before_they_are_valid(rules: Path) -> None:
    with pytest.raises(RulesError, match="valid from 2015-01-01"):
        load_rule_set(rules, date(2014, 12, 31))
    assert load_rule_set(rules, date(2015, 1, 1)).version == 1


def test_the_hash_changes_with_any_byte_of_any_file(rules: Path) -> None:
    before = load_rule_set(rules, DAY).hash
    assert before == load_rule_set(SHIPPED, DAY).hash
    for path in sorted((*rules.rglob("*.yaml"), *rules.rglob("*.txt"))):
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n", encoding="utf-8")
        assert load_rule_set(rules, DAY).hash != before
        path.write_text(text, encoding="utf-8")
    assert load_rule_set(rules, DAY).hash == before
