"""Checks a rule set before it decides anything: all findings, each with file, line, example case and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path

from arrears.errors import RulesError
from arrears.rules.findings import Finding, in_order, of_error
from arrears.rules.policy import Policy, load_policy
from arrears.rules.rule_set import RuleSet, rule_set_history, rule_set_versions
from arrears.strategy.check_experiments import experiment_change_findings
from arrears.strategy.check_files import file_findings, folder_findings
from arrears.strategy.check_policy import approved_uses
from arrears.strategy.checked import Checked, read_rules

Check = Callable[[Checked], Iterable[Finding]]

CHECKS: tuple[str, ...] = (
    "arrears.strategy.check_vocabulary:vocabulary_findings",
    "arrears.strategy.check_conditions:condition_findings",
    "arrears.strategy.check_policy:policy_findings",
    "arrears.strategy.check_tables:table_findings",
    "arrears.strategy.check_recovery:recovery_findings",
    "arrears.strategy.check_tables:unused_values",
    "arrears.strategy.check_experiments:experiment_findings",
    "arrears.kpi.targets:target_findings",
    "arrears.outreach.holidays:holiday_findings",
)
"""The checks after those of the files' form, `module:function` of type Check; imported when a rule set is checked."""


def check_rules(rules: RuleSet, policy: Policy | None = None) -> list[Finding]:
    """All findings about a rule set, errors first; `policy` takes the place of the one that the rule set names."""
    findings = list(file_findings(rules))
    checked = read_rules(rules, policy or _policy(rules))
    for name in CHECKS:
        findings += _check(name)(checked)
    return in_order(findings)


def check_version(rules: RuleSet, before: RuleSet | None) -> list[Finding]:
    """All findings about a rule set and about what it changes in `before`, the one that it follows."""
    changed = [] if before is None else experiment_change_findings(rules, before)
    return in_order([*check_rules(rules), *changed])


def check_day(root: Path, as_of: date) -> list[Finding]:
    """All findings about the rule set in `root` that is valid on `as_of`: those that `check_folder` has about it."""
    before, valid = (None, *rule_set_history(root, as_of))[-2:]
    assert valid is not None  # noqa: S101 - a history has the valid set at least
    return check_version(valid, before)


def check_folder(root: Path) -> Iterator[tuple[RuleSet | None, list[Finding]]]:
    """Every rule set in a folder, the first and one for each change, with its findings; those it shares are told once.

    None stands for a folder whose rule sets cannot be made out, such as one with a wrong `rule_set.yaml`: then only
    the form of its files is checked.
    """
    try:
        versions = rule_set_versions(root)
    except RulesError as error:
        yield None, in_order([of_error(error), *folder_findings(root)])
        return
    told: set[tuple[str, str]] = set()
    for rules, before in zip(versions, (None, *versions), strict=False):
        found = check_version(rules, before)
        new = [each for each in found if (each.where, each.message) not in told]
        told |= {(each.where, each.message) for each in new}
        yield rules, new


def uses_under_review(rules: RuleSet) -> list[str]:
    """The rules that read an attribute under review, with who approved it, for the strategy's report."""
    return approved_uses(read_rules(rules, _policy(rules)))


def _policy(rules: RuleSet) -> Policy | None:
    """The policy pack; None when it cannot be read, which is a finding about its file."""
    try:
        return load_policy(rules)
    except RulesError:
        return None


def _check(name: str) -> Check:
    module, _, function = name.partition(":")
    check: Check = getattr(import_module(module), function)
    return check
