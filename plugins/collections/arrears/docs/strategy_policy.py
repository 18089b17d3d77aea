"""The policy on the page of the strategy: what rules may read, who approved it, and the limits of contact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from arrears.docs.markdown import table
from arrears.docs.rule_tables import with_vocabulary
from arrears.rules.decision_table import attributes_read
from arrears.rules.policy import EVERY_KIND, ContactLimit, CoolDown, Kind, Policy, PolicyPack
from arrears.strategy.compile import Strategy


def policy_part(strategy: Strategy, policy: Policy) -> Iterator[str]:
    """The section of the policy: attributes with their verdicts and readers, limits of contact, sources."""
    yield f"## Policy: {policy.title}"
    named = ", ".join(f"`{pack.pack}`" for pack in policy.packs)
    who = f"The pack {named} says" if len(policy.packs) == 1 else f"The packs {named} say"
    yield f"{who} what a rule may read, and when and how often anybody may be contacted; the strictest verdict holds."
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
    yield table(
        ("contact", "limit", "what happens", "source"),
        [row for pack in policy.packs for row in _limits(pack, len(policy.packs) > 1)],
    )
    yield table(
        ("source", "what it is", "of", "dated"),
        [(key, each.title, each.publisher, each.dated.isoformat()) for key, each in policy.sources.items()],
    )


def _limits(pack: PolicyPack, several: bool) -> Iterator[tuple[str, str, str, str]]:
    """Contact, limit, what happens, and source, for each rule of contact of a pack."""
    before = f"{pack.pack}." if several else ""
    hours = pack.hours
    if hours is not None:
        said = f"not from {hours.forbidden_from} to {hours.forbidden_to}, the debtor's local time"
        said += ", unless he agreed to these hours" if hours.unless_agreed else ""
        yield _kinds(hours.kinds), said, "wait", before + hours.source
    for limit in pack.limits:
        said = f"at most {limit.most} {_days(limit.days)} per {limit.per.replace('_', ' ')}, all agencies included"
        yield (
            f"{_kinds(limit.kinds)}{_counted(limit.counts)}",
            said + _lifted(limit),
            limit.verdict,
            before + limit.source,
        )
    for rest in pack.cool_downs:
        said = (
            f"none for {rest.days} days per {rest.per.replace('_', ' ')} after one that was {' or '.join(rest.after)}"
        )
        yield _kinds(rest.kinds), said + _lifted(rest), rest.verdict, before + rest.source
    for stop in pack.stops:
        yield _kinds(stop.kinds), f"none after the customer's notice: {stop.reason}", "block", before + stop.source
    for holidays in pack.holidays:
        days = ", ".join(_spans(holidays.days)) or "no day is named"
        yield _kinds(holidays.kinds), f"none on {days}", holidays.verdict, before + holidays.source
    yield (
        "any",
        "no time or place that the customer stated to be inconvenient",
        "block",
        before + pack.preferences.source,
    )
    third = {"never": "nobody but the debtor", "when_lost": "others only to find a debtor who is lost"}
    yield "any", third[pack.third_parties.contact], "block", before + pack.third_parties.source


def _kinds(kinds: tuple[Kind, ...]) -> str:
    return "any channel" if set(kinds) == set(EVERY_KIND) else ", ".join(kinds)


def _counted(counts: tuple[str, ...]) -> str:
    return f" ({', '.join(counts).replace('_', ' ')})" if counts else ""


def _days(days: int) -> str:
    return "a day" if days == 1 else f"in {days} consecutive days"


def _spans(days: Sequence[date]) -> Iterator[str]:
    """Days, those that follow each other as one span."""
    listed = sorted(set(days))
    begins = [day for day in listed if day - timedelta(days=1) not in listed]
    ends = [day for day in listed if day + timedelta(days=1) not in listed]
    for first, last in zip(begins, ends, strict=True):
        yield first.isoformat() if first == last else f"{first} to {last}"


def _lifted(rule: ContactLimit | CoolDown) -> str:
    return ", unless he agreed to more" if rule.unless_agreed else ""


def approvals(strategy: Strategy, policy: Policy) -> Iterator[tuple[str, str, str, str, str]]:
    """Rule, attributes under review that it reads, who approved that, on which day and why."""
    for each, vocabulary in with_vocabulary(strategy):
        reads: dict[int, set[str]] = {}
        for position, attribute in attributes_read(each, vocabulary):
            if policy.under_review(attribute):
                reads.setdefault(position, set()).add(attribute)
        for position, attributes in sorted(reads.items()):
            rule = each.rules[position]
            named = ", ".join(sorted(attributes)).replace("_", " ")
            if rule.approval is not None:
                said = rule.approval
                yield rule.id, named, said.role, said.approved_on.isoformat(), said.reason


def _some(ids: list[str]) -> str:
    return ", ".join(ids) if len(ids) <= 5 else f"{', '.join(ids[:4])} and {len(ids) - 4} more"
