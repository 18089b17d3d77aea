"""The check that comes before a preview: a wrong rule set is not tried, and says all that is wrong with it."""

from __future__ import annotations

from pathlib import Path

from arrears.outreach.rules import load_contact_rules
from arrears.outreach.templates import load_templates
from arrears.rules.findings import raise_errors
from arrears.rules.policy import Policy
from arrears.rules.rule_set import RuleSet
from arrears.strategy.check import check_rules


def require_good(rules: RuleSet) -> tuple[Policy, tuple[str, ...]]:
    """The policy of a rule set without errors, and the warnings of its check as `file:line: text`.

    Raises RulesError that lists every error, each with file and line.
    """
    findings = check_rules(rules)
    raise_errors(findings)
    contact, pack = load_contact_rules(rules)
    load_templates(rules, contact)
    warnings = tuple(
        f"{Path(finding.where).name}: {finding.message}" for finding in findings if finding.severity == "warning"
    )
    return pack, warnings
