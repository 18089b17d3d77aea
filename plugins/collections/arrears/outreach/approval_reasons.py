"""Why a contact waits for a person: the amounts of its case, the rules that led to it, what the policy remarks.

Read from the day's published tables and the rule set that was kept with them; nothing of the person's profile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow.dataset as ds
import sqlglot

from arrears.day import BusinessDay
from arrears.errors import ArrearsError
from arrears.lake import Lake
from arrears.outreach.states import State
from arrears.rules.conditions import words_read
from arrears.rules.decision_table import Rule
from arrears.rules.rule_set import load_kept_rule_set
from arrears.strategy.treatment_rules import TreatmentRules

_FROM_CASE = ("treatment", "segment", "intensity", "overdue_amount", "outstanding_amount", "days_past_due", "bucket")
_CASE_COLUMNS = ("customer_id", *_FROM_CASE, "treatment_rule", "rule_set", "rule_set_version", "rule_set_hash")
_SEEN = (
    "days_past_due",
    "delinquent_days",
    "bucket_no",
    "class",
    "repeated",
    "overdue_amount",
    "overdue_share",
    "balance_tier",
    "score_view",
    "segment",
    "held",
)
"""Columns of the day's treatment whose values are shown with a rule: no profile, no scores by themselves."""
_RULE_COLUMNS = ("contract_id", "currency", "segment_rule", "treatment_rule", *_SEEN)


@dataclass(frozen=True)
class RuleWords:
    """A rule that led here, as the rule set of the day has it."""

    table: str
    rule: str
    when: str | None
    """Its condition; None: no rule matched, the table's default."""
    note: str | None
    seen: tuple[tuple[str, str], ...] = ()
    """What the condition reads, with the contract's own values; nothing of the profile."""


class Verdict(NamedTuple):
    """What the policy or the plan has to say about the contact."""

    rule: str
    reason: str | None


@dataclass(frozen=True)
class ApprovalItem:
    """A contact that waits for a person, or was decided by one; no name, no address."""

    task_key: str
    customer_id: str
    placement: str
    channel: str
    state: str
    """awaiting_approval; approved, rejected or lapsed; or what became of an approved one."""
    state_reason: str | None
    lead_contract_id: str
    contract_ids: tuple[str, ...]
    priority: int
    window_closes_at: datetime
    """Unanswered until then, it lapses."""
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    treatment: str | None = None
    segment: str | None = None
    intensity: int | None = None
    currency: str | None = None
    overdue_amount: Decimal | None = None
    outstanding_amount: Decimal | None = None
    days_past_due: int | None = None
    bucket: str | None = None
    rule_set: str | None = None
    """Name, version and short hash of the rules that decided the treatment."""
    why: tuple[RuleWords, ...] = ()
    """The rules that led to the treatment, in the order in which they were asked."""
    verdicts: tuple[Verdict, ...] = ()
    """What the policy says of the contact without forbidding it, with each rule's source."""
    vehicle_stage: str | None = None
    """Where the proceedings about the lead contract's vehicle stand; None: none."""

    @property
    def waits(self) -> bool:
        """Whether nobody has answered yet."""
        return self.state == State.AWAITING_APPROVAL


def with_reasons(lake: Lake, day: BusinessDay, tasks: Sequence[Mapping[str, Any]]) -> list[ApprovalItem]:
    """`tasks` with what the day's published tables say of their cases: amounts, the rules that led here, verdicts.

    A table that the day does not have (any more) leaves its part empty.
    """
    cases = _rows(lake, "cases", day, "customer_id", {task["customer_id"] for task in tasks}, _CASE_COLUMNS)
    rules = _rows(lake, "treatment", day, "contract_id", {task["lead_contract_id"] for task in tasks}, _RULE_COLUMNS)
    plans = _rows(
        lake,
        "contact_plan",
        day,
        "task_key",
        {task["task_key"] for task in tasks},
        ("task_key", "verdict_rule", "verdict_reason"),
    )
    return [
        _item(
            lake,
            task,
            cases.get(task["customer_id"]),
            rules.get(task["lead_contract_id"], {}),
            plans.get(task["task_key"], {}),
        )
        for task in tasks
    ]


def _item(
    lake: Lake,
    task: Mapping[str, Any],
    case: Mapping[str, Any] | None,
    rules: Mapping[str, Any],
    plan: Mapping[str, Any],
) -> ApprovalItem:
    own = ApprovalItem(
        contract_ids=tuple(task["contract_ids"].split(",")),
        verdicts=(Verdict(plan["verdict_rule"], plan["verdict_reason"]),) if plan.get("verdict_rule") else (),
        **{
            name: task[name]
            for name in (
                "task_key",
                "customer_id",
                "placement",
                "channel",
                "state",
                "state_reason",
                "lead_contract_id",
                "priority",
                "window_closes_at",
                "decided_by",
                "decided_at",
                "decision_reason",
            )
        },
    )
    if case is None:
        return own
    matched = {"segment": rules.get("segment_rule"), "treatment": case["treatment_rule"]}
    words = rule_words(lake, case["rule_set_hash"])
    return replace(
        own,
        currency=rules.get("currency"),
        rule_set=f"{case['rule_set']} v{case['rule_set_version']} {case['rule_set_hash'][:8]}",
        why=tuple(_words(words, table, rule, rules) for table, rule in matched.items() if rule),
        **{name: case[name] for name in _FROM_CASE},
    )


def _words(words: Mapping[str, Mapping[str, Rule]], table: str, rule: str, values: Mapping[str, Any]) -> RuleWords:
    found = words.get(table, {}).get(rule)
    if found is None:
        return RuleWords(table, rule, None, None)
    read = words_read(sqlglot.parse_one(found.when, dialect="duckdb"))
    seen = tuple((name, _shown(values[name])) for name in read if name in _SEEN and values.get(name) is not None)
    return RuleWords(table, rule, found.when, found.note, seen)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:,}" if isinstance(value, Decimal) else str(value)


def rule_words(lake: Lake, content: str) -> Mapping[str, Mapping[str, Rule]]:
    """The rules of segment and treatment by their ids, of the rule set kept under `content`; none if it is not kept."""
    return _kept_words(lake.root, content)


@lru_cache(maxsize=16)
def _kept_words(root: Path, content: str) -> Mapping[str, Mapping[str, Rule]]:
    try:
        treatments = load_kept_rule_set(Lake(root), content).load("treatments.yaml", TreatmentRules)
    except ArrearsError:
        return {}
    return {table.name: {rule.id: rule for rule in table.rules} for table in (treatments.segment, treatments.treatment)}


def _rows(
    lake: Lake, table: str, day: BusinessDay, key: str, wanted: Collection[str], columns: Sequence[str]
) -> dict[str, dict[str, Any]]:
    if not wanted or not lake.exists(table, day):
        return {}
    files = ds.dataset([str(path) for path in lake.files(table, day)])
    present = [name for name in columns if name in files.schema.names]
    found = files.to_table(columns=present, filter=ds.field(key).isin(sorted(wanted)))
    return {cast("str", row[key]): row for row in found.to_pylist()}
