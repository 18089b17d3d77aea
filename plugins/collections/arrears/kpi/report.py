"""The daily report: one HTML file that works from disk, with charts, and the same figures as tables below them."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2

from arrears.day import BusinessDay
from arrears.kpi import charts
from arrears.kpi.facts import windows
from arrears.kpi.report_data import ReportData, Row, read_report, share
from arrears.kpi.rules import KpiRules, Label
from arrears.run import Run
from arrears.vega import Spec, bundle, script_safe
from arrears.warehouse.arm_views import METRIC_MEASURE

_SHORT_ENDS = {"closed": "closed", "written_off": "w/o", "left": "left"}
"""What the heat map calls the ends that are no bucket; the table below it has their full names."""


def report_path(reports_root: Path, day: BusinessDay) -> Path:
    """Where the report of a day is."""
    suffix = "" if day.basis == "frozen" else ".restated"
    return reports_root / "daily" / f"{day.key}{suffix}.html"


def write_report(run: Run) -> tuple[Path, dict[str, Any]]:
    """Writes the report of the run's day from `mart`; returns its path and the figures on top of it."""
    data = read_report(run)
    rules = windows(run).rules
    figures = _figures(data)
    html = render(run.day, data, rules, figures)
    path = report_path(run.settings.reports_root, run.day)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the lock makes whatever lies aside the leftover of a killed writer
    with run.lake.lock("report", run.day):
        for leftover in path.parent.glob(f".{path.name}.*.tmp"):
            leftover.unlink()
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        aside.write_text(html, encoding="utf-8")
        os.replace(aside, path)
    return path, figures


def render(day: BusinessDay, data: ReportData, rules: KpiRules, figures: Mapping[str, Any]) -> str:
    """The report as one HTML document; the same data give the same document."""
    specs = _specs(data, rules)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": _count, "money": _money, "percent": _percent, "text_as": _text_as}
    labels = rules.labels
    environment.globals |= {
        "channel_label": lambda code: _label(labels.channels, code),
        "queue_label": lambda code: _label(labels.queues, code),
        "class_label": lambda code: _label(labels.classes, code),
        "arm_measure": METRIC_MEASURE,
    }
    return environment.get_template("report.html").render(
        day=day,
        data=data,
        figures=figures,
        rolls=_roll_tables(data),
        roll_months=_roll_months(data),
        shown_collectors=min(len(data.collectors), rules.report.collectors),
        month_ends=_trend_table(data.month_ends, data),
        days=_trend_table(data.days, data),
        failed_rules=[row for row in data.quality if not row["passed"]],
        share=share,
        charts=sorted(specs),
        specs=script_safe(specs),
        bundle=bundle(),
    )


def _figures(data: ReportData) -> dict[str, Any]:
    contracts = int(data.day["contracts"])
    overdue = int(data.day["overdue_contracts"])
    balance = sum((row["balance"] for row in data.distribution), Decimal(0))
    overdue_amount = sum((row["overdue_amount"] for row in data.distribution), Decimal(0))
    in_hand = [int(row["cases"]) for row in data.collectors]
    return {
        "contracts": contracts,
        "overdue_contracts": overdue,
        "overdue_share": share(overdue, contracts),
        "balance": str(balance),
        "overdue_amount": str(overdue_amount),
        "currency": data.currency,
        "cases": int(data.day["cases"]),
        "working_cases": int(data.day["working_cases"]),
        "collectors": len(in_hand),
        "cases_per_collector": [min(in_hand), max(in_hand)] if in_hand else [],
        "pool_cases": sum(int(row["offered_cases"]) for row in data.queues),
        "planned_contacts": sum(int(row["planned_tasks"]) for row in data.plan),
        "buckets": {row["bucket"]: int(row["contracts"]) for row in data.distribution},
        "quality_rules": len(data.quality),
        "quality_failed": sum(not row["passed"] for row in data.quality),
    }


def _specs(data: ReportData, rules: KpiRules) -> dict[str, Spec]:
    names = [row["bucket"] for row in data.buckets]
    overdue_names = names[1:]
    labels = rules.labels
    specs: dict[str, Spec] = {}
    if data.distribution:
        specs["distribution"] = charts.distribution(_distribution_rows(data), names)
    for name, rows in (("month-ends", data.month_ends), ("days", data.days)):
        points = _trend_rows(rows)
        if points:
            specs[name] = charts.trend(points, overdue_names)
    if data.rolls:
        newest = data.rolls[-1]["as_of"]
        cells, froms, tos = _matrix([row for row in data.rolls if row["as_of"] == newest], names, "contracts")
        specs["rolls-contracts"] = charts.roll_matrix(cells, froms, [_SHORT_ENDS.get(end, end) for end in tos])
        cells, froms, tos = _matrix([row for row in data.rolls if row["as_of"] == newest], names, "from_balance")
        specs["rolls-balance"] = charts.roll_matrix(cells, froms, [_SHORT_ENDS.get(end, end) for end in tos])
        followed = _followed(names)
        specs["roll-trend"] = charts.roll_trend(
            _roll_trend_rows(data.rolls, followed), [_arrow(start, end) for start, end in followed]
        )
    if data.collectors:
        shown = data.collectors[: rules.report.collectors]
        specs["collectors"] = charts.collectors(
            [
                {"label": row["label"], "kind": kind, "cases": int(row[column])}
                for row in shown
                for kind, column in (("new 新分", "new_cases"), ("kept 留存", "kept_cases"))
            ]
        )
    if data.queues:
        specs["queues"] = charts.queues(
            [
                {"queue": _label(labels.queues, row["queue"]), "kind": kind, "cases": int(row[column])}
                for row in data.queues
                for kind, column in (("allocated 已分配", "allocated_cases"), ("pool 抢单池", "offered_cases"))
            ]
        )
    if data.plan:
        specs["plan"] = charts.plan(
            [
                {"channel": _label(labels.channels, row["channel"]), "verdict": verdict, "tasks": tasks}
                for row in data.plan
                for verdict, tasks in (
                    ("planned 计划", int(row["planned_tasks"]) - int(row["approval_tasks"])),
                    ("to approve 待审批", int(row["approval_tasks"])),
                    ("blocked 合规拦截", int(row["blocked_tasks"])),
                    ("cut 超上限", int(row["cut_tasks"])),
                )
            ]
        )
    return specs


def _distribution_rows(data: ReportData) -> list[Row]:
    contracts = sum(int(row["contracts"]) for row in data.distribution)
    balance = sum((row["balance"] for row in data.distribution), Decimal(0))
    rows: list[Row] = []
    for row in data.distribution:
        rows.append(
            {
                "bucket": row["bucket"],
                "measure": "contracts 户数",
                "share": share(row["contracts"], contracts),
                "text": _count(row["contracts"]),
            }
        )
        rows.append(
            {
                "bucket": row["bucket"],
                "measure": "balance 余额",
                "share": share(row["balance"], balance),
                "text": _money(row["balance"]),
            }
        )
    return rows


def _trend_rows(rows: Sequence[Row]) -> list[Row]:
    totals: dict[date, int] = {}
    for row in rows:
        totals[row["as_of"]] = totals.get(row["as_of"], 0) + int(row["contracts"])
    return [
        {
            "label": row["as_of"].isoformat(),
            "basis": row.get("basis", "restated"),
            "bucket": row["bucket"],
            "no": int(row["bucket_no"]),
            "contracts": int(row["contracts"]),
            "share": share(row["contracts"], totals[row["as_of"]]),
        }
        for row in rows
        if row["bucket_no"] > 0
    ]


def _trend_table(rows: Sequence[Row], data: ReportData) -> list[Row]:
    table: dict[date, Row] = {}
    for row in rows:
        line = table.setdefault(
            row["as_of"], {"as_of": row["as_of"], "basis": row.get("basis", "restated"), "contracts": 0, "in": {}}
        )
        line["contracts"] += int(row["contracts"])
        line["in"][row["bucket"]] = int(row["contracts"])
    for line in table.values():
        line["in"] = {each["bucket"]: line["in"].get(each["bucket"], 0) for each in data.buckets}
    return list(table.values())


def _matrix(rows: Sequence[Row], names: Sequence[str], measure: str) -> tuple[list[Row], list[str], list[str]]:
    starts: dict[str, Any] = {}
    for row in rows:
        starts[row["from_bucket"]] = starts.get(row["from_bucket"], 0) + row[measure]
    froms = [name for name in names if starts.get(name)]
    reached = {row["to_bucket"] for row in rows if row["from_bucket"] in froms}
    tos = [name for name in names if name in reached] + sorted(reached - set(names))
    text = _count if measure == "contracts" else _money
    cells = [
        {
            "from": row["from_bucket"],
            "to": _SHORT_ENDS.get(row["to_bucket"], row["to_bucket"]),
            "rate": share(row[measure], starts[row["from_bucket"]]),
            "text": f"{text(row[measure])} / {text(starts[row['from_bucket']])}",
        }
        for row in rows
        if row["from_bucket"] in froms
    ]
    return cells, froms, tos


def _followed(names: Sequence[str]) -> list[tuple[str, str]]:
    """The transitions that the trend follows: into arrears, on, on again, and the cure of the first bucket."""
    steps = [(names[position], names[position + 1]) for position in range(min(3, len(names) - 1))]
    return [*steps, (names[1], names[0])]


def _arrow(start: str, end: str) -> str:
    return f"{start} → {end}"


def _roll_trend_rows(rolls: Sequence[Row], followed: Sequence[tuple[str, str]]) -> list[Row]:
    starts: dict[tuple[date, str], int] = {}
    moves: dict[tuple[date, str, str], int] = {}
    for row in rolls:
        start = (row["as_of"], row["from_bucket"])
        starts[start] = starts.get(start, 0) + int(row["contracts"])
        moves[(*start, row["to_bucket"])] = int(row["contracts"])
    months = sorted({row["as_of"] for row in rolls})
    return [
        {
            "month": month.isoformat()[:7],
            "transition": _arrow(start, end),
            "rate": share(moves.get((month, start, end), 0), starts[(month, start)]),
            "contracts": moves.get((month, start, end), 0),
            "start": starts[(month, start)],
        }
        for month in months
        for start, end in followed
        if starts.get((month, start))
    ]


def _roll_months(data: ReportData) -> Row:
    """The line chart's rates as a table: transitions, and per month their rates in that order."""
    followed = _followed([row["bucket"] for row in data.buckets])
    months: dict[str, dict[str, float | None]] = {}
    for row in _roll_trend_rows(data.rolls, followed):
        months.setdefault(row["month"], {})[row["transition"]] = row["rate"]
    names = [_arrow(start, end) for start, end in followed]
    return {"names": names, "lines": [(month, [rates.get(name) for name in names]) for month, rates in months.items()]}


def _roll_tables(data: ReportData) -> Row:
    """The newest cohort as a table by count and by balance, and its net flow, which is another quantity."""
    if not data.rolls:
        return {"month": None, "froms": [], "tos": [], "lines": [], "net_flow": []}
    names = [row["bucket"] for row in data.buckets]
    newest: date = data.rolls[-1]["as_of"]
    rows = [row for row in data.rolls if row["as_of"] == newest]
    _, froms, tos = _matrix(rows, names, "contracts")
    cells = {(row["from_bucket"], row["to_bucket"]): row for row in rows}
    lines = []
    for start in froms:
        whole = [row for row in rows if row["from_bucket"] == start]
        contracts, balance = _sum(whole, "contracts"), _sum(whole, "from_balance")
        lines.append(
            {
                "from": start,
                "contracts": contracts,
                "balance": balance,
                "cells": [
                    (
                        share(cells[start, end]["contracts"], contracts) if (start, end) in cells else None,
                        share(cells[start, end]["from_balance"], balance) if (start, end) in cells else None,
                    )
                    for end in tos
                ],
            }
        )
    started = {start: [row for row in rows if row["from_bucket"] == start] for start in froms}
    flows = []
    for start, end in itertools.pairwise(names):
        if start not in started:
            continue
        into = [row for row in rows if row["to_bucket"] == end]
        flows.append(
            {
                "from": start,
                "to": end,
                "contract_rate": share(_sum(into, "contracts"), _sum(started[start], "contracts")),
                "balance_rate": share(_sum(into, "to_balance"), _sum(started[start], "from_balance")),
            }
        )
    return {"month": newest, "froms": froms, "tos": tos, "lines": lines, "net_flow": flows}


def _sum(rows: Sequence[Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def _label(labels: Mapping[str, Label], code: str) -> str:
    label = labels.get(code)
    return f"{label.en} {label.zh}" if label else code


def _count(value: int | Decimal | None) -> str:
    return "–" if value is None else f"{int(value):,}"


def _money(value: Decimal | str | None) -> str:
    return "–" if value is None else f"{Decimal(value):,.0f}"


def _text_as(value: Decimal, kind: str) -> str:
    """A figure of an arm: percent, points (of a difference of shares), money or number."""
    if kind == "points":
        return f"{100 * value:+.1f} pp"
    return {"percent": _percent(float(value)), "money": _money(value), "number": f"{value:,.2f}"}[kind]


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}%}"
