"""The comparison of two sides: set-based SQL over their tables (include/sql/preview), fetched as small results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from arrears.outreach.rules import ContactRules
from arrears.preview.rules import PreviewRules, age_band_relation
from arrears.preview.side import Side
from arrears.run import Run
from arrears.sqlmodel import fetch_model, run_model

Row = Mapping[str, Any]

DIMENSIONS = ("segment", "treatment", "queue", "channels", "placement", "intensity", "bucket", "class", "arms")
"""What a case may move in, in the order of a report."""
ATTRIBUTES = ("age", "gender", "marital_status", "education", "housing", "location")
"""Attributes of the policy's registry by whose groups the treatment is compared."""
_SIDES = ("before", "after")


@dataclass(frozen=True)
class Fairness:
    """The ratio of one attribute's harshest group, before and after."""

    attribute: str
    before: float | None
    after: float | None
    """None: there are no two groups that are large enough."""
    before_group: str | None
    after_group: str | None
    """The harshest group."""
    alert_before: bool
    alert_after: bool


@dataclass(frozen=True)
class Comparison:
    """What a change does to a day's book. Rows of SQL models; amounts in the main currency."""

    currency: str
    totals: Row
    """Sums of `preview/totals` over all currencies, amounts over the main one."""
    flows: Mapping[str, Sequence[Row]]
    """Dimension → before_state, after_state, cases, overdue_amount."""
    queues: Sequence[Row]
    teams: Sequence[Row]
    channels: Sequence[Row]
    verdicts: Sequence[Row]
    """The loads of both sides: keys, then each figure as before_… and after_…."""
    groups: Sequence[Row]
    fairness: Sequence[Fairness]
    changes: pa.Table
    """The cases that change, the largest first."""

    @property
    def alerts(self) -> Sequence[Fairness]:
        """The attributes that are an alert under the changed rules."""
        return [each for each in self.fairness if each.alert_after]

    def moved(self, dimension: str) -> int:
        """Cases that are in another state of `dimension` than before."""
        return sum(row["cases"] for row in self.flows[dimension] if row["before_state"] != row["after_state"])


def compare_sides(run: Run, before: Side, after: Side, rules: PreviewRules) -> Comparison:
    """Compares two sides of the day of `run`; intermediate tables go into the lake of `run`, which is a shadow."""
    sides = dict(zip(_SIDES, (before, after), strict=True))
    for name, side in sides.items():
        run_model(
            run,
            "preview/case_side",
            table=f"preview/{name}_side",
            sources={
                table: side.run.lake.files(table, run.day)
                for table in ("cases", "treatment", "assignment", "contact_plan")
            },
        )
    run_model(
        run,
        "preview/case_change",
        table="preview/case_change",
        sources={f"{name}_side": f"preview/{name}_side" for name in _SIDES},
    )
    change = {"case_change": "preview/case_change"}
    totals = fetch_model(run, "preview/totals", sources=change).to_pylist()
    # the first row is the currency with the most cases
    currency = str(totals[0]["currency"]) if totals else ""
    flows = fetch_model(
        run,
        "preview/flow",
        sources=change,
        relations={"dimension": _names(DIMENSIONS)},
        params={"main_currency": currency},
    ).to_pylist()

    def loads(model: str, keys: Sequence[str]) -> Sequence[Row]:
        first, second = (_load(run, name, side, model, currency) for name, side in sides.items())
        return _beside(first, second, keys)

    groups = _beside(_groups(run, "before", rules), _groups(run, "after", rules), ("attribute", "profile_group"))
    groups.sort(key=lambda row: (ATTRIBUTES.index(row["attribute"]), row["profile_group"] == "unknown"))
    return Comparison(
        currency=currency,
        totals=_summed(totals, currency),
        flows={name: [row for row in flows if row["dimension"] == name] for name in DIMENSIONS},
        queues=loads("queue_load", ("queue",)),
        teams=loads("team_load", ("team",)),
        channels=loads("channel_load", ("channel",)),
        verdicts=loads("contact_verdict", ("verdict", "verdict_rule")),
        groups=groups,
        fairness=[_fairness(name, groups, rules) for name in ATTRIBUTES],
        changes=fetch_model(run, "preview/case_list", sources=change),
    )


def _load(run: Run, name: str, side: Side, model: str, currency: str) -> list[Row]:
    rows: list[Row] = fetch_model(
        run,
        f"preview/{model}",
        params={"main_currency": currency},
        relations={"roster": side.roster, "contact_channel": _channel_relation(side.contact)},
        sources={
            "assignment": side.run.lake.files("assignment", run.day),
            "contact_plan": side.run.lake.files("contact_plan", run.day),
            "case_side": f"preview/{name}_side",
        },
    ).to_pylist()
    return rows


def _groups(run: Run, name: str, rules: PreviewRules) -> list[Row]:
    rows: list[Row] = fetch_model(
        run,
        "preview/group_intensity",
        params={
            "harsh_from": rules.fairness.harsh_from_intensity,
            "min_group_cases": rules.fairness.min_group_cases,
        },
        relations={"attribute": _names(ATTRIBUTES), "age_band": age_band_relation(rules)},
        sources={"case_side": f"preview/{name}_side"},
    ).to_pylist()
    return rows


def _fairness(attribute: str, groups: Sequence[Row], rules: PreviewRules) -> Fairness:
    mine = [row for row in groups if row["attribute"] == attribute]
    harshest = []
    for name in _SIDES:
        measured = [row for row in mine if row[f"{name}_ratio"] is not None]
        worst = min(measured, key=lambda row: (row[f"{name}_ratio"], row["profile_group"]), default=None)
        harshest.append((None, None) if worst is None else (worst[f"{name}_ratio"], worst["profile_group"]))
    (before, before_group), (after, after_group) = harshest
    return Fairness(
        attribute=attribute,
        before=before,
        after=after,
        before_group=before_group,
        after_group=after_group,
        alert_before=is_alert(before, rules.fairness.alert_below),
        alert_after=is_alert(after, rules.fairness.alert_below),
    )


def is_alert(ratio: float | None, alert_below: Decimal) -> bool:
    """Whether a ratio is under the limit; exactly at it, it is not.

    A ratio comes out of one division of whole numbers, so one that is the limit is the limit's nearest float.
    """
    return ratio is not None and ratio < float(Fraction(alert_below))


def _beside(before: Sequence[Row], after: Sequence[Row], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of both sides with the same keys as one row; what only one side has is None on the other."""
    columns = [name for name in dict.fromkeys(name for row in (*before, *after) for name in row) if name not in keys]
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for side, rows in zip(_SIDES, (before, after), strict=True):
        for row in rows:
            key = tuple(row[name] for name in keys)
            both = found.setdefault(
                key,
                {
                    **dict(zip(keys, key, strict=True)),
                    **{f"{each}_{name}": None for name in columns for each in _SIDES},
                },
            )
            both |= {f"{side}_{name}": row[name] for name in columns}
    return [found[key] for key in sorted(found)]


def _summed(totals: Sequence[Row], currency: str) -> Row:
    counted = (
        "cases",
        "before_cases",
        "after_cases",
        "changed_cases",
        "harsher_cases",
        "milder_cases",
        "other_collector_cases",
    )
    main = next((row for row in totals if row["currency"] == currency), {})
    return {
        **{name: int(sum(row[name] for row in totals)) for name in counted},
        "overdue_amount": main.get("overdue_amount", Decimal("0.00")),
        "changed_overdue_amount": main.get("changed_overdue_amount", Decimal("0.00")),
        "other_currencies": sorted(row["currency"] for row in totals if row["currency"] != currency),
    }


def _channel_relation(contact: ContactRules) -> pa.Table:
    return pa.table(
        {
            "channel": pa.array(list(contact.channels), pa.string()),
            "daily_cap": pa.array([rule.daily_cap for rule in contact.channels.values()], pa.int64()),
        }
    )


def _names(names: Sequence[str]) -> pa.Table:
    return pa.table({"name": pa.array(names, pa.string())})
