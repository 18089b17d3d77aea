"""The preview's report: one HTML file that works from disk, every figure of its pictures in a table as well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from arrears.kpi.rules import Label, kpi_rules
from arrears.preview import charts
from arrears.preview.flows import Flow, alluvial, flow_of, heat_cells
from arrears.preview.preview import Preview
from arrears.vega import Spec, bundle, script_safe

Row = Mapping[str, Any]

TITLES = {
    "segment": ("Segments", "客群"),
    "treatment": ("Treatments", "策略"),
    "queue": ("Queues", "队列"),
    "channels": ("Channels", "渠道"),
    "placement": ("Placement", "处置方"),
    "intensity": ("Intensity", "强度"),
    "bucket": ("Buckets", "账期"),
    "class": ("Classes", "账龄"),
    "arms": ("Arms of experiments", "实验组"),
    "priority": ("Order of work", "作业优先级"),
    "contacts": ("Contacts", "触达"),
}
ATTRIBUTE_NAMES = {
    "age": "Age 年龄",
    "gender": "Gender 性别",
    "marital_status": "Marital status 婚姻",
    "education": "Education 学历",
    "housing": "Housing 住房",
    "location": "Region 地区",
}


def render(preview: Preview, document: Mapping[str, Any]) -> str:
    """The report as one HTML document; the same preview gives the same document."""
    comparison = preview.comparison
    labels = kpi_rules(preview.present).labels
    named = {"queue": _names(labels.queues), "class": _names(labels.classes)}
    flows = {
        name: flow_of(rows, named.get(name, {}), preview.rules.report.flow_states, state_order(name, rows))
        for name, rows in comparison.flows.items()
        if comparison.moved(name)
    }
    specs = _specs(preview, flows, named["queue"], _names(labels.channels))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": _count, "money": _money, "percent": _percent, "change": _change, "figure": _figure}
    return environment.get_template("preview.html").render(
        preview=preview,
        document=document,
        comparison=comparison,
        titles=TITLES,
        attributes=ATTRIBUTE_NAMES,
        flows={name: (flow, Markup(alluvial(flow))) for name, flow in flows.items()},  # noqa: S704 (escaped there)
        unmoved=[TITLES[name] for name in comparison.flows if name not in flows and name != "arms"],
        queue_names=named["queue"],
        channel_names=_names(labels.channels),
        contacts={side: _contacts(comparison.channels, side) for side in ("before", "after")},
        pool={side: sum(row[f"{side}_pool"] or 0 for row in comparison.queues) for side in ("before", "after")},
        changes=comparison.changes.slice(0, preview.rules.report.listed_cases).to_pylist(),
        hidden=_hidden(comparison.groups),
        charts=sorted(specs),
        specs=script_safe(specs),
        bundle=bundle(),
    )


def state_order(dimension: str, rows: Sequence[Row]) -> Sequence[str] | None:
    """The states of a dimension that has an order: from mild to hard."""
    if dimension == "class":
        return ("current", "low", "mid", "high")
    if dimension in {"bucket", "intensity"}:
        return sorted({row[f"{side}_state"] for row in rows for side in ("before", "after")} - {""}, key=_numbered)
    return None


def _numbered(text: str) -> list[tuple[int, str]]:
    """By what texts are sorted so that 9 comes before 10."""
    parts = re.split(r"(\d+)", text)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _specs(
    preview: Preview, flows: Mapping[str, Flow], queues: Mapping[str, str], channels: Mapping[str, str]
) -> dict[str, Spec]:
    comparison = preview.comparison
    specs: dict[str, Spec] = {}
    for name, flow in flows.items():
        cells, states = heat_cells(flow)
        if states:
            specs[f"heat-{name}"] = charts.heat_map(cells, states)
    if comparison.queues:
        bars, limits = _bars(comparison.queues, "queue", "cases", "quota", queues)
        specs["queues"] = charts.loads(bars, limits, "cases 案件")
    if comparison.teams:
        teams = most_changed(comparison.teams, preview.rules.report.flow_states)
        bars, limits = _bars(teams, "team", "cases", "quota", {})
        specs["teams"] = charts.loads(bars, limits, "cases in hand 在手案件")
    if comparison.channels:
        bars, limits = _bars(comparison.channels, "channel", "planned", "daily_cap", channels)
        # a cap far away would make the bars unreadable; the table has it
        most = max((bar["value"] for bar in bars), default=0)
        near = [limit for limit in limits if limit["limit"] <= 2 * max(most, 1)]
        specs["channels"] = charts.loads(bars, near, "contacts planned 计划触达")
    highest = max(
        (row[f"{side}_mean_intensity"] or 0 for row in comparison.groups for side in ("before", "after")), default=0
    )
    for attribute in ATTRIBUTE_NAMES:
        rows = [row for row in comparison.groups if row["attribute"] == attribute]
        if rows:
            specs[f"group-{attribute}"] = charts.groups(
                [
                    {
                        "name": row["profile_group"],
                        "before": row["before_mean_intensity"],
                        "after": row["after_mean_intensity"],
                        "cases": row["after_cases"] or row["before_cases"],
                    }
                    for row in rows
                ],
                max(1.0, highest * 1.05),
            )
    return specs


def most_changed(teams: Sequence[Row], most: int) -> list[Row]:
    """The teams whose load changes most, of equal ones the largest, in the order of their names; 9 before 10."""

    def change(row: Row) -> tuple[Any, ...]:
        before, after = row["before_cases"] or 0, row["after_cases"] or 0
        return -abs(after - before), -max(before, after), row["team"] or ""

    return sorted(sorted(teams, key=change)[:most], key=lambda row: _numbered(row["team"] or ""))


def _bars(
    rows: Sequence[Row], key: str, value: str, limit: str, names: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    bars = [
        {"name": names.get(row[key], row[key]) or "–", "side": label, "value": row[f"{side}_{value}"] or 0}
        for row in rows
        for side, label in (("before", charts.BEFORE), ("after", charts.AFTER))
    ]
    limits = [
        {"name": names.get(row[key], row[key]) or "–", "limit": row[f"after_{limit}"]}
        for row in rows
        if row[f"after_{limit}"] is not None
    ]
    return bars, limits


def _contacts(channels: Sequence[Row], side: str) -> dict[str, int]:
    return {
        name: sum(row[f"{side}_{name}"] or 0 for row in channels)
        for name in ("planned", "to_approve", "blocked", "cut")
    }


def _hidden(groups: Sequence[Row]) -> bool:
    """Whether a group is shown on one side only: it fell below the least size on the other."""
    return any(row["before_cases"] is None or row["after_cases"] is None for row in groups)


def _names(labels: Mapping[str, Label]) -> dict[str, str]:
    return {code: f"{label.en} {label.zh}" for code, label in labels.items()}


def _count(value: int | None) -> str:
    return "–" if value is None else f"{int(value):,}"


def _change(before: int | None, after: int | None) -> str:
    change = (after or 0) - (before or 0)
    return f"{change:+,}" if change else "±0"


def _money(value: Decimal | str | None) -> str:
    return "–" if value is None else f"{Decimal(value):,.0f}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
