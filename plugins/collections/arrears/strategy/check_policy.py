"""Findings about fairness: rules that read attributes of the customer which the policy denies or has under review.

A rule reads an attribute directly, or through a column that an earlier table computed from it; a denied attribute is
an error either way, and the path is named. What the policy does not name is under review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from arrears.rules.conditions import words_read
from arrears.rules.findings import Finding
from arrears.strategy.checked import Checked, CheckedTable


def policy_findings(checked: Checked) -> Iterator[Finding]:
    """Rules that read a denied attribute, or one under review without an approval."""
    if checked.policy is None:
        return
    verdicts: Mapping[str, str] = checked.policy.verdicts()
    paths: dict[str, dict[str, str]] = {}
    for table in checked.tables:
        found: dict[str, str] = {}
        through: dict[tuple[str, str], list[int]] = {}
        for position, condition in enumerate(table.conditions):
            if condition is None or table.table is None:
                continue
            where = checked.place(table, "rules", position, "when")
            rule = table.table.rules[position]
            for word in words_read(condition):
                direct = table.words.words[word].attribute
                if direct:
                    found.setdefault(direct, f"{rule.id}: {word} ({direct})")
                    yield from _direct(table, position, word, direct, verdicts.get(direct, "review"), where)
                for attribute, path in paths.get(word, {}).items():
                    found.setdefault(attribute, f"{word} ← {path}")
                    if verdicts.get(attribute, "review") == "deny":
                        through.setdefault((attribute, f"{word} ← {path}"), []).append(position)
        yield from _indirect(checked, table, through)
        for column in table.makes:
            paths[column] = dict(found)


def approved_uses(checked: Checked) -> list[str]:
    """The rules that read an attribute under review, with who approved it; for the strategy's report."""
    if checked.policy is None:
        return []
    verdicts: Mapping[str, str] = checked.policy.verdicts()
    uses = []
    for table, position, condition in checked.rules_of_tables():
        rule = table.table.rules[position] if table.table is not None else None
        if rule is None or rule.approval is None:
            continue
        attributes = {table.words.words[word].attribute for word in words_read(condition)} - {None}
        uses += [
            f"{rule.id}: {attribute}, approved by {rule.approval.role} on {rule.approval.approved_on}"
            for attribute in sorted(str(each) for each in attributes)
            if verdicts.get(attribute, "review") == "review"
        ]
    return uses


def _direct(
    table: CheckedTable, position: int, word: str, attribute: str, verdict: str, where: str
) -> Iterator[Finding]:
    if table.table is None:
        return
    if verdict == "deny":
        message = f"{table.rule(position)} reads {attribute} ({word}), which the policy denies"
        yield Finding("error", "denied_attribute", message, where, "Remove the rule or the condition.")
    elif verdict == "review" and table.table.rules[position].approval is None:
        message = (
            f"{table.rule(position)} reads {attribute} ({word}), which the policy has under review, without approval"
        )
        action = "Add approval: {role, approved_on, reason} to the rule, or change its condition."
        yield Finding("error", "missing_approval", message, where, action)


def _indirect(checked: Checked, table: CheckedTable, through: Mapping[tuple[str, str], list[int]]) -> Iterator[Finding]:
    for (attribute, path), positions in through.items():
        if table.table is None:
            return
        ids = ", ".join(table.table.rules[each].id for each in positions)
        who = (
            f"rule {ids} of table {table.name} reads"
            if len(positions) == 1
            else f"rules {ids} of table {table.name} read"
        )
        message = f"{who} {attribute}, which the policy denies, through {path}"
        where = checked.place(table, "rules", positions[0], "when")
        action = "Remove the conditions, or the rule that brings the attribute in."
        yield Finding("error", "denied_attribute", message, where, action)
