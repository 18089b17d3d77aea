"""What `arrears rules check` and `arrears strategy` say about experiments."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arrears import cli
from arrears.rules.findings import Finding
from arrears.settings import PROJECT
from arrears.strategy.check import check_day, check_folder

DECLARED = """\
experiments:
  - name: first_call
    hypothesis: A call beside the text cures more.
    owner: strategy management
    reason: Texts alone cure little.
    arms: {champion: SMS and e-mail., challenger: A call as well.}
    shares:
      - {valid_from: 2026-01-01, champion: 0.9, challenger: 0.1}
    metric: cure
    within_days: 30
    baseline: 0.55
    minimum_effect: 0.02
"""
HEADER = """\
name: standard
version: 2
policy: cn
valid_from: 2026-06-01
owner: strategy management
reason: To see.
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The shipped rules with the experiment above."""
    folder = tmp_path / "rules"
    shutil.copytree(PROJECT / "include" / "rules", folder)
    (folder / "experiments.yaml").write_text(DECLARED, encoding="utf-8")
    return folder


def change(rules: Path, old: str, new: str) -> None:
    """A change valid from June that replaces some text of the experiment."""
    assert old in DECLARED, old
    folder = rules / "changes" / "2026-06-01"
    folder.mkdir(parents=True)
    (folder / "rule_set.yaml").write_text(HEADER, encoding="utf-8")
    (folder / "experiments.yaml").write_text(DECLARED.replace(old, new, 1), encoding="utf-8")


def found(rules: Path) -> list[Finding]:
    return [each for _, findings in check_folder(rules) for each in findings if "experiments.yaml" in each.where]


def test_the_size_of_an_experiment_is_told_when_it_is_declared(rules: Path) -> None:
    (note,) = found(rules)
    assert (note.severity, note.code) == ("note", "experiment_size")
    assert note.where.endswith("experiments.yaml:2")
    assert "a cure rate of 55.0% against 57.0% within 30 days" in note.message
    assert "needs 48,142 cases in champion, 5,350 in challenger" in note.message


def test_arms_that_cannot_be_compared_are_a_warning(rules: Path) -> None:
    path = rules / "experiments.yaml"
    path.write_text(DECLARED.replace("champion: 0.9, challenger: 0.1", "champion: 1"), encoding="utf-8")
    (warning,) = found(rules)
    assert (warning.severity, warning.code) == ("warning", "experiment_without_comparison")


def test_an_arm_that_is_none_is_told_with_the_nearest_right_one(rules: Path) -> None:
    path = rules / "treatments.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("arm_first_call = 'challenger'", "arm_first_call = 'chalenger'"), encoding="utf-8")
    errors = [each for _, findings in check_folder(rules) for each in findings if each.severity == "error"]
    assert any("'chalenger'" in each.message and "'challenger'" in each.action for each in errors)
    line = next(n for n, each in enumerate(text.splitlines(), start=1) if "arm_first_call" in each)
    assert {each.where.rsplit("/", 1)[-1] for each in errors} == {f"treatments.yaml:{line}"}


def test_a_wrong_exclusion_is_a_finding(rules: Path) -> None:
    path = rules / "experiments.yaml"
    exclusion = "    exclude:\n      - {when: held, reason: They are left alone.}\n    metric:"
    path.write_text(DECLARED.replace("    metric:", exclusion), encoding="utf-8")
    error = found(rules)[0]
    assert (error.severity, error.code) == ("error", "experiment_exclusion")
    assert error.where.endswith("experiments.yaml:10")
    assert "reads held" in error.message


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("champion: 0.9, challenger: 0.1", "champion: 0.8, challenger: 0.2", "experiment_past_changed", "other shares"),
        ("valid_from: 2026-01-01", "valid_from: 2026-02-01", "experiment_past_changed", "other shares"),
        ("    metric:", "    ends_on: 2026-03-31\n    metric:", "experiment_past_changed", "other shares"),
        (
            "{champion: SMS and e-mail., challenger: A call as well.}",
            "{challenger: A call as well., champion: SMS and e-mail.}",
            "experiment_past_changed",
            "another order",
        ),
        (
            "    metric:",
            "    exclude: [{when: product = 'auto', reason: Late.}]\n    metric:",
            "experiment_past_changed",
            "other exclusions",
        ),
        ("name: first_call", "name: second_call", "experiment_removed", "first_call is gone"),
    ],
)
def test_a_change_that_would_move_living_cases_is_an_error(
    rules: Path, old: str, new: str, code: str, said: str
) -> None:
    change(rules, old, new)
    (error,) = [each for each in found(rules) if each.severity == "error"]
    assert error in check_day(rules, date(2026, 6, 1)), "the first task of the day finds it as well"
    assert error not in check_day(rules, date(2026, 5, 31))
    assert error.code == code
    assert said in error.message
    assert "changes/2026-06-01/experiments.yaml" in error.where


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("challenger: 0.1}", "challenger: 0.1}\n      - {valid_from: 2026-06-01, champion: 0.8, challenger: 0.2}"),
        ("    metric:", "    ends_on: 2026-05-31\n    metric:"),
        ("    metric:", "    ends_on: 2026-12-31\n    metric:"),
        ("well.}", "well., third: Another way.}"),
        ("hypothesis: A call", "hypothesis: One call"),
    ],
)
def test_a_change_of_what_is_to_come_is_allowed(rules: Path, old: str, new: str) -> None:
    change(rules, old, new)
    assert [each for each in found(rules) if each.severity == "error"] == []


def test_the_commands_tell_what_is_tried_and_what_it_takes(
    rules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARREARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
    run = CliRunner()
    listed = run.invoke(cli.app, ["strategy", "experiments", "--rules", str(rules)]).output
    assert "not known, no day is in the lake" in listed
    assert "takes cases since 2026-01-01" in listed
    assert "challenger (challenger, 10.0%): A call as well." in listed
    assert "48,142 cases in champion, 5,350 in challenger" in listed
    figures = ["strategy", "power", "--baseline", "0.55", "--effect", "0.02", "--shares"]
    asked = run.invoke(cli.app, [*figures, "0.9,0.1", "--per-day", "500"]).output
    assert "107 days until they have entered, 137 until their 30 days have passed" in asked
    wrong = run.invoke(cli.app, [*figures, "0.9,0.2"])
    assert wrong.exit_code == 1
    assert "add up to 1 at most, not to 1.1" in wrong.output
