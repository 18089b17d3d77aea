"""The policy on the page of the strategy: what rules may read, who approved it, and the limits of contact."""

from __future__ import annotations

from collections.abc import Iterator

from arrears.docs.markdown import table
from arrears.docs.rule_tables import with_vocabulary
from arrears.rules.decision_table import attributes_read
from arrears.rules.policy import PolicyPack
from arrears.strategy.compile import Strategy


def policy_part(strategy: Strategy, policy: PolicyPack) -> Iterator[str]:
    """The section of the policy: attributes with their verdicts and readers, limits of contact, sources."""
    yield f"## Policy: {policy.title}"
    yield f"The pack `{policy.pack}` says what a rule may read and when and how often anybody may be contacted."
    readers: dict[str, list[str]] = {}
    for each, vocabulary in with_vocabulary(strategy):
        for position, attribute in attributes_read(each, vocabulary):
            rules = readers.setdefault(attribute, [])
            if each.rules[position].id not in rules:
                rules.append(each.rules[position].id)
    yield table(
        ("attribute", "verdict", "source", "read by"),
        [
            (name.replace("_", " "), said.verdict, said.source, _some(readers.get(name, [])))
            for name, said in policy.attributes.items()
        ],
    )
    hours = policy.hours
    yield table(
        ("contact", "limit", "what happens", "source"),
        [
            (
                "any channel",
                f"not from {hours.forbidden_from} to {hours.forbidden_to}, the debtor's local time",
                "block",
                hours.source,
            ),
            *(
                (
                    f"{limit.counts} calls",
                    f"at most {limit.most} a day per {limit.per}, all agencies included",
                    limit.verdict,
                    limit.source,
                )
                for limit in policy.limits
            ),
        ],
    )
    yield table(
        ("source", "what it is", "of", "dated"),
        [(key, each.title, each.publisher, each.dated.isoformat()) for key, each in policy.sources.items()],
    )


def approvals(strategy: Strategy, policy: PolicyPack) -> Iterator[tuple[str, str, str, str, str]]:
    """Rule, attributes under review that it reads, who approved that, on which day and why."""
    verdicts = policy.verdicts()
    for each, vocabulary in with_vocabulary(strategy):
        reads: dict[int, set[str]] = {}
        for position, attribute in attributes_read(each, vocabulary):
            # what the pack does not name is under review
            if verdicts.get(attribute, "review") == "review":
                reads.setdefault(position, set()).add(attribute)
        for position, attributes in sorted(reads.items()):
            rule = each.rules[position]
            named = ", ".join(sorted(attributes)).replace("_", " ")
            if rule.approval is not None:
                said = rule.approval
                yield rule.id, named, said.role, said.approved_on.isoformat(), said.reason


def _some(ids: list[str]) -> str:
    return ", ".join(ids) if len(ids) <= 5 else f"{', '.join(ids[:4])} and {len(ids) - 4} more"
