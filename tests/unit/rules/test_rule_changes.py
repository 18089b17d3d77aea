"""Effective dates: a change is a folder of its day, the past keeps its rules, and a wrong folder is named."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arrears.errors import RulesError
from arrears.lake import Lake
from arrears.rules.changes import changed_files, start_change
from arrears.rules.commands import app
from arrears.rules.registry import schema_comment
from arrears.rules.rule_set import (
    latest_rule_set,
    load_kept_rule_set,
    load_rule_set,
    overlay_rule_set,
    rule_set_versions,
)
from arrears.settings import PROJECT
from arrears.strategy.ageing_rules import AgeingRules
from arrears.strategy.balance_rules import BalanceRules
from arrears.strategy.steps import keep_rule_files

SHIPPED = PROJECT / "include" / "rules"
DAY = date(2026, 12, 1)
BEFORE = date(2026, 11, 30)
LATER = date(2027, 3, 1)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "rules", ignore=shutil.ignore_patterns("changes"))
    return tmp_path / "rules"


def change(root: Path, day: date, file: str, old: str, new: str) -> Path:
    """Starts a change of one file on a day, and replaces one text in it."""
    folder = start_change(root, day, "head of strategy", "A test.", [file])
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def grace(root: Path, day: date) -> int:
    return load_rule_set(root, day).load("ageing.yaml", AgeingRules).grace_days


def test_a_change_decides_from_its_day_on_and_the_past_stays_as_it_was(rules: Path) -> None:
    first = load_rule_set(rules, BEFORE)
    change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    change(rules, LATER, "ageing.yaml", "grace_days: 3", "grace_days: 5")
    assert [grace(rules, day) for day in (BEFORE, DAY, date(2027, 2, 28), LATER)] == [0, 3, 3, 5]
    assert load_rule_set(rules, BEFORE) == first
    assert load_rule_set(rules, BEFORE).hash == first.hash
    assert [each.version for each in rule_set_versions(rules)] == [1, 2, 3]
    assert len({each.hash for each in rule_set_versions(rules)}) == 3


def test_a_change_holds_only_what_changes(rules: Path) -> None:
    folder = change(rules, DAY, "balance.yaml", "overdue_amount >= 50000", "overdue_amount >= 40000")
    rule_set = load_rule_set(rules, DAY)
    assert rule_set.path("balance.yaml") == folder / "balance.yaml"
    assert rule_set.path("scores.yaml") == rules / "scores.yaml"
    assert list(rule_set.files()) == sorted(rule_set.files())
    assert set(rule_set.files()) == set(load_rule_set(rules, BEFORE).files())
    assert rule_set.load("balance.yaml", BalanceRules).tiers.rules[0].when == "overdue_amount >= 40000"
    assert rule_set.place("balance.yaml", ("tiers",)).startswith(f"{folder / 'balance.yaml'}:")
    assert changed_files(rule_set, load_rule_set(rules, BEFORE)) == ("balance.yaml",)


def test_a_later_change_builds_on_an_earlier_one(rules: Path) -> None:
    change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    change(rules, LATER, "balance.yaml", "overdue_amount >= 50000", "overdue_amount >= 40000")
    assert grace(rules, LATER) == 3
    assert rule_set_versions(rules)[2].path("ageing.yaml").parent.name == "2026-12-01"


def test_an_edited_file_is_seen_by_a_process_that_read_it_before(rules: Path) -> None:
    folder = change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    before = load_rule_set(rules, DAY)
    assert grace(rules, DAY) == 3
    text = (folder / "ageing.yaml").read_text(encoding="utf-8")
    (folder / "ageing.yaml").write_text(text.replace("grace_days: 3", "grace_days: 4"), encoding="utf-8")
    assert grace(rules, DAY) == 4
    assert load_rule_set(rules, DAY).hash != before.hash


def test_a_rule_set_is_what_was_read_even_when_a_file_is_edited_meanwhile(rules: Path) -> None:
    rule_set = load_rule_set(rules, DAY)
    text = (rules / "ageing.yaml").read_text(encoding="utf-8")
    (rules / "ageing.yaml").write_text(text.replace("grace_days: 0", "grace_days: 9"), encoding="utf-8")
    assert rule_set.load("ageing.yaml", AgeingRules).grace_days == 0


def test_no_rule_set_is_valid_before_the_first_one(rules: Path) -> None:
    line = (rules / "rule_set.yaml").read_text(encoding="utf-8").splitlines().index("valid_from: 2015-01-01") + 1
    with pytest.raises(RulesError, match="rules valid on 2014-12-31") as error:
        load_rule_set(rules, date(2014, 12, 31))
    assert error.value.where.endswith(f"rule_set.yaml:{line}")


@pytest.mark.parametrize("name", ["december", "2026-13-01", "20261201", "2026-12-01-draft"])
def test_a_change_is_named_by_its_day(rules: Path, name: str) -> None:
    (rules / "changes" / name).mkdir(parents=True)
    with pytest.raises(RulesError, match="folders named by the day") as error:
        load_rule_set(rules, BEFORE)
    assert error.value.where.endswith(f"changes/{name}")


def test_a_file_beside_the_days_is_refused(rules: Path) -> None:
    (rules / "changes").mkdir()
    (rules / "changes" / "balance.yaml").write_text("", encoding="utf-8")
    with pytest.raises(RulesError, match=r"the file 'balance\.yaml'"):
        load_rule_set(rules, BEFORE)


def test_a_change_without_its_header_is_refused(rules: Path) -> None:
    folder = change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    (folder / "rule_set.yaml").unlink()
    with pytest.raises(RulesError, match=r"a rule_set\.yaml of its own in every change") as error:
        load_rule_set(rules, DAY)
    assert error.value.where == str(folder / "rule_set.yaml")
    assert grace(rules, BEFORE) == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: standard", "name: other", "the name of the rule set that it changes, standard"),
        ("valid_from: 2026-12-01", "valid_from: 2026-12-02", "valid_from 2026-12-01, as the folder is named"),
        ("version: 2", "version: 1", "a version above 1, which is valid from 2015-01-01"),
        ("owner: head of strategy", "owner: ''", "at least 1 character"),
        ("reason: A test.", "reson: A test.", "one of the keys"),
    ],
)
def test_a_wrong_header_of_a_change_is_named_with_its_line(rules: Path, old: str, new: str, expected: str) -> None:
    folder = change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    header = folder / "rule_set.yaml"
    text = header.read_text(encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    header.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RulesError) as error:
        load_rule_set(rules, DAY)
    assert expected in error.value.expected
    assert error.value.where == f"{header}:{line}"


def test_a_change_before_the_first_rule_set_is_refused(rules: Path) -> None:
    folder = change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    header = folder / "rule_set.yaml"
    header.write_text(header.read_text(encoding="utf-8").replace("2026-12-01", "2015-01-01"), encoding="utf-8")
    folder.rename(folder.with_name("2015-01-01"))
    with pytest.raises(RulesError, match="a day after 2015-01-01, from which standard version 1 is valid"):
        load_rule_set(rules, DAY)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("treatment.yaml", "Did you mean 'treatments.yaml'?"),
        ("balance.yml", "Did you mean 'balance.yaml'?"),
        ("notes.md", "Take the file out of the folder."),
        ("policies/us/reg_f.yaml", ""),
        ("changes/2026-12-01/balance.yaml", ""),
    ],
)
def test_a_change_holds_rule_files_only(rules: Path, name: str, action: str) -> None:
    folder = change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("", encoding="utf-8")
    with pytest.raises(RulesError, match="one of the rule files") as error:
        load_rule_set(rules, DAY)
    assert error.value.where == f"{folder / name}:1"
    assert action in error.value.action


def test_a_misnamed_file_of_the_first_rule_set_is_refused(rules: Path) -> None:
    (rules / "experiment.yaml").write_text("", encoding="utf-8")
    with pytest.raises(RulesError, match=r"Did you mean 'experiments\.yaml'"):
        load_rule_set(rules, BEFORE)


def test_a_change_in_the_making_does_not_stop_the_days_before_it(rules: Path) -> None:
    folder = change(rules, LATER, "ageing.yaml", "grace_days: 0", "grace_days: three")
    (folder / "rule_set.yaml").write_text("name: [", encoding="utf-8")
    assert grace(rules, DAY) == 0
    with pytest.raises(RulesError, match="expected YAML"):
        rule_set_versions(rules)


def test_a_file_that_is_no_text_is_refused(rules: Path) -> None:
    (rules / "ageing.yaml").write_bytes(b"grace_days: 0\n# \xff\n")
    with pytest.raises(RulesError, match="text in UTF-8") as error:
        load_rule_set(rules, DAY)
    assert error.value.where.endswith("ageing.yaml:2")


# --- a folder that is tried out before it is a change ---


def test_a_folder_with_some_files_is_laid_over_the_present_rules(rules: Path, tmp_path: Path) -> None:
    present = load_rule_set(rules, DAY)
    draft = tmp_path / "draft"
    draft.mkdir()
    text = (rules / "ageing.yaml").read_text(encoding="utf-8").replace("grace_days: 0", "grace_days: 7")
    (draft / "ageing.yaml").write_text(text, encoding="utf-8")
    tried = overlay_rule_set(present, draft)
    assert tried.load("ageing.yaml", AgeingRules).grace_days == 7
    assert tried.path("balance.yaml") == rules / "balance.yaml"
    assert (tried.version, tried.hash != present.hash) == (1, True)
    assert list(tried.files()) == list(present.files())


def test_a_whole_folder_is_tried_with_its_changes_whatever_their_days(rules: Path, tmp_path: Path) -> None:
    shutil.copytree(rules, tmp_path / "tried")
    change(tmp_path / "tried", date(2030, 1, 1), "ageing.yaml", "grace_days: 0", "grace_days: 7")
    tried = overlay_rule_set(load_rule_set(rules, DAY), tmp_path / "tried")
    assert tried.load("ageing.yaml", AgeingRules).grace_days == 7
    assert all(tmp_path / "tried" in path.parents for path in tried.files().values())


def test_a_folder_without_rule_files_cannot_be_tried(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RulesError, match="no rule file"):
        overlay_rule_set(load_rule_set(rules, DAY), tmp_path / "empty")
    with pytest.raises(RulesError, match="no such folder"):
        overlay_rule_set(load_rule_set(rules, DAY), tmp_path / "missing")
    (tmp_path / "empty" / "treatment.yaml").write_text("", encoding="utf-8")
    with pytest.raises(RulesError, match=r"Did you mean 'treatments\.yaml'"):
        overlay_rule_set(load_rule_set(rules, DAY), tmp_path / "empty")


# --- what the lake keeps ---


def test_the_lake_keeps_the_effective_files_of_a_day(rules: Path, tmp_path: Path) -> None:
    change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    lake = Lake(tmp_path / "lake")
    valid = load_rule_set(rules, DAY)
    keep_rule_files(valid, lake)
    shutil.rmtree(rules)
    kept = load_kept_rule_set(lake, valid.hash)
    assert kept == valid
    assert list(kept.files()) == list(valid.files())
    assert kept.load("ageing.yaml", AgeingRules).grace_days == 3


def test_rules_that_were_not_kept_or_were_edited_since_are_refused(rules: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with pytest.raises(RulesError, match="none under this hash"):
        load_kept_rule_set(lake, "0" * 64)
    folder = keep_rule_files(load_rule_set(rules, DAY), lake)
    (folder / "kpi.yaml").write_text("{}", encoding="utf-8")
    with pytest.raises(RulesError, match="expected rule files as they were kept"):
        load_kept_rule_set(lake, folder.name)


# --- the commands ---


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_change_starts_from_the_files_as_they_are(rules: Path) -> None:
    change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    arguments = ["--valid-from", "2027-03-01", "--owner", "Lin: strategy", "--reason", "Grace # again"]
    run("new-change", "--rules", str(rules), *arguments, "ageing.yaml", "policies/cn.yaml")
    folder = rules / "changes" / "2027-03-01"
    assert "grace_days: 3" in (folder / "ageing.yaml").read_text(encoding="utf-8")
    latest = latest_rule_set(rules)
    assert (latest.version, latest.valid_from, latest.policy) == (3, LATER, "cn")
    for path in folder.rglob("*.yaml"):
        schema = path.read_text(encoding="utf-8").partition("\n")[0].partition("$schema=")[2]
        assert (path.parent / schema).resolve().is_file(), f"{path} names {schema}"
    # a copy that nobody edited changes nothing
    assert changed_files(latest, load_rule_set(rules, DAY)) == ()


def test_the_versions_are_listed_with_what_they_changed(rules: Path) -> None:
    change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    output = run("list", "--rules", str(rules))
    assert "standard version 2, valid from 2026-12-01, policy cn" in output
    assert "changes ageing.yaml" in output
    assert "owner   head of strategy" in output
    assert "reason  A test." in output
    assert all(each.hash in output for each in rule_set_versions(rules))


@pytest.mark.parametrize(
    ("day", "owner", "file", "message"),
    [
        (DAY, "x", "ageing.yaml", "a day without a change"),
        (BEFORE, "x", "ageing.yaml", "a day after 2026-12-01, from which version 2 is valid"),
        (LATER, "x", "agein.yaml", r"Did you mean 'ageing\.yaml'"),
        (LATER, "x", "policies/us.yaml", "which they do not have"),
        (LATER, " ", "ageing.yaml", "who answers for the change"),
    ],
)
def test_a_change_that_cannot_be_started_leaves_nothing(
    rules: Path, day: date, owner: str, file: str, message: str
) -> None:
    change(rules, DAY, "ageing.yaml", "grace_days: 0", "grace_days: 3")
    before = {path: path.read_bytes() for path in rules.rglob("*") if path.is_file()}
    with pytest.raises(RulesError, match=message):
        start_change(rules, day, owner, "y", [file])
    assert {path: path.read_bytes() for path in rules.rglob("*") if path.is_file()} == before


def test_every_shipped_file_names_its_schema_from_where_it_is() -> None:
    for path in sorted(SHIPPED.rglob("*.yaml")):
        name = path.relative_to(SHIPPED).as_posix()
        folders = 0
        if name.startswith("changes/"):
            name, folders = name.split("/", 2)[2], 2
        assert path.read_text(encoding="utf-8").partition("\n")[0] == schema_comment(name, folders), path
