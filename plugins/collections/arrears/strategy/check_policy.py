"""Findings about fairness: rules that read attributes of the customer which the policy denies or has under review.

A rule reads an attribute directly, or through a column that an earlier table computed from it; a denied attribute is
an error either way, and the path is named. What the policy does not name is under review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from arrears.rules.conditions import words_read
from arrears.rules.findings import Finding
from arrears.rules.policy import Policy
from arrears.strategy.checked import Checked, CheckedTable


def policy_findings(checked: Checked) -> Iterator[Finding]:
    """Rules that read a denied attribute, or one under review without an approval, each with a case that it matches."""
    readings = list(_readings(checked))
    if not readings:
        return
    # loading z3 takes a moment, and mostly there is nothing to show
    from arrears.rules.exact_try import truths
    from arrears.strategy.reasoning import readable, reasoner_of

    tables = readable(checked)
    reasoner = reasoner_of(checked, tables)
    contradictory = bool(reasoner.contradictory_facts())
    for each in readings:
        words = [name for name, word in checked.vocabulary.words.items() if word.attribute == each.attribute]
        found = None if contradictory else reasoner.matched(tables.index(each.table), each.positions, words)
        example = None
        if found is not None:
            position, case = found
            condition = each.table.conditions[position]
            if condition is not None and truths([condition], case, reasoner.words) == [True]:
                example = case
        where = checked.place(each.table, "rules", each.positions[0], "when")
        yield Finding("error", each.code, each.message, where, each.action, example)


@dataclass(frozen=True)
class _Reading:
    """Rules that read an attribute in one way which they may not, or not without an approval."""

    table: CheckedTable
    positions: tuple[int, ...]
    attribute: str
    code: str
    message: str
    action: str


def _readings(checked: Checked) -> Iterator[_Reading]:
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
            rule = table.table.rules[position]
            for word in words_read(condition):
                direct = table.words.words[word].attribute
                if direct:
                    found.setdefault(direct, f"{rule.id}: {word} ({direct})")
                    yield from _direct(table, position, word, direct, checked.policy)
                for attribute, path in paths.get(word, {}).items():
                    found.setdefault(attribute, f"{word} ← {path}")
                    if verdicts.get(attribute, "review") == "deny":
                        through.setdefault((attribute, f"{word} ← {path}"), []).append(position)
        yield from _indirect(table, through)
        for column in table.makes:
            paths[column] = dict(found)


def approved_uses(checked: Checked) -> list[str]:
    """The rules that read an attribute under review, with who approved it; for the strategy's report."""
    if checked.policy is None:
        return []
    uses = []
    for table, position, condition in checked.rules_of_tables():
        rule = table.table.rules[position] if table.table is not None else None
        if rule is None or rule.approval is None:
            continue
        attributes = {table.words.words[word].attribute for word in words_read(condition)} - {None}
        uses += [
            f"{rule.id}: {attribute}, approved by {rule.approval.role} on {rule.approval.approved_on}"
            for attribute in sorted(str(each) for each in attributes)
            if checked.policy.under_review(attribute)
        ]
    return uses


def _direct(table: CheckedTable, position: int, word: str, attribute: str, policy: Policy) -> Iterator[_Reading]:
    if table.table is None:
        return
    reads = f"{table.rule(position)} reads {attribute} ({word}), which the policy"
    if policy.verdicts().get(attribute) == "deny":
        action = "Remove the rule or the condition."
        yield _Reading(table, (position,), attribute, "denied_attribute", f"{reads} denies", action)
    elif policy.under_review(attribute) and table.table.rules[position].approval is None:
        message = f"{reads} has under review, without approval"
        action = "Add approval: {role, approved_on, reason} to the rule, or change its condition."
        yield _Reading(table, (position,), attribute, "missing_approval", message, action)


def _indirect(table: CheckedTable, through: Mapping[tuple[str, str], list[int]]) -> Iterator[_Reading]:
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
        action = "Remove the conditions, or the rule that brings the attribute in."
        yield _Reading(table, tuple(positions), attribute, "denied_attribute", message, action)
