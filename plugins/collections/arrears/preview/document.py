"""A preview as JSON, `arrears-preview/1`: the same figures as the report, for programs. docs/preview.md lists the keys.

Amounts are texts with two decimals, ratios and means have six. The same preview gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from arrears.preview.compare import Fairness, Row
from arrears.preview.preview import Preview
from arrears.rules.rule_set import RuleSet

SCHEMA = "arrears-preview/1"
METHOD = (
    "ratio = mean treatment intensity of the mildest group / mean treatment intensity of the group, over the cases "
    "that no hold stops; the lowest is that of the harshest group. An alert is a ratio below alert_below, after the "
    "four-fifths rule of 29 CFR 1607.4(D)."
)


def preview_document(preview: Preview) -> dict[str, Any]:
    """All of a preview but the list of changed cases, JSON-safe."""
    comparison = preview.comparison
    fairness = preview.rules.fairness
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "as_of": preview.day.key,
        "basis": preview.day.basis,
        "key": preview.key,
        "ledger": preview.ledger,
        "present": _rule_set(preview.present),
        "changed": _rule_set(preview.changed),
        "files": [{"name": each.name, "state": each.state, "diff": list(each.diff)} for each in preview.files],
        "warnings": list(preview.warnings),
        "currency": comparison.currency,
        "totals": dict(comparison.totals),
        "moved": {name: comparison.moved(name) for name in comparison.flows},
        "flows": {
            name: [
                {
                    "before": row["before_state"] or None,
                    "after": row["after_state"] or None,
                    "cases": row["cases"],
                    "overdue_amount": row["overdue_amount"],
                }
                for row in rows
            ]
            for name, rows in comparison.flows.items()
        },
        "load": {
            "queues": _sides(comparison.queues),
            "teams": _sides(comparison.teams),
            "channels": _sides(comparison.channels),
        },
        "contact_rules": _sides(comparison.verdicts),
        "fairness": {
            "method": METHOD,
            "alert_below": float(fairness.alert_below),
            "harsh_from_intensity": fairness.harsh_from_intensity,
            "min_group_cases": fairness.min_group_cases,
            "attributes": [_attribute(each, preview) for each in comparison.fairness],
            "groups": _sides(comparison.groups),
        },
    }
    safe: dict[str, Any] = _safe(document)
    return safe


def document_text(document: Mapping[str, Any]) -> str:
    """The document as text."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _rule_set(rules: RuleSet) -> dict[str, Any]:
    return {
        "name": rules.name,
        "version": rules.version,
        "hash": rules.hash,
        "valid_from": rules.valid_from.isoformat(),
        "policy": rules.policy,
    }


def _attribute(fairness: Fairness, preview: Preview) -> dict[str, Any]:
    return {
        "attribute": fairness.attribute,
        # what the pack does not name is under review
        "verdict": preview.verdicts.get(fairness.attribute, "review"),
        "before": {
            "ratio": fairness.before,
            "harshest_group": fairness.before_group,
            "alert": fairness.alert_before,
        },
        "after": {"ratio": fairness.after, "harshest_group": fairness.after_group, "alert": fairness.alert_after},
    }


def _sides(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with before_… and after_… columns as keys and two objects."""
    found = []
    for row in rows:
        both: dict[str, Any] = {
            name: value for name, value in row.items() if not name.startswith(("before_", "after_"))
        }
        for side in ("before", "after"):
            prefix = f"{side}_"
            both[side] = {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
        found.append(both)
    return found


def _safe(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _safe(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(each) for each in value]
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return round(value, 6) if isinstance(value, float) else value
