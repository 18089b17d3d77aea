"""The summary of a day on the console: what every step wrote and took, and what came out."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from arrears.settings import Settings
from arrears.stack.follow import DayProgress
from arrears.web.day_view import DayView, read_day
from arrears.web.documents import day_documents

_SENT = ("sent", "delivered")
_FAILED = ("failed", "dead", "unknown")


def read_summary(settings: Settings, progress: DayProgress) -> DayView:
    """The day that `progress` followed, from the warehouse."""
    from arrears.warehouse.connect import open_warehouse

    engine = open_warehouse(settings)
    try:
        with engine.connect() as connection:
            return read_day(connection, progress.day)
    finally:
        engine.dispose()


def print_summary(console: Console, settings: Settings, view: DayView, progress: DayProgress) -> None:
    """Prints the day: steps, quality, buckets, allocation, contacts, approvals, KPIs, documents."""
    console.print(f"\n[bold]{view.day}[/bold]", highlight=False)
    _print(console, _steps(view))
    passed = len(view.quality) - len(view.broken_rules)
    least, most = view.cases_per_collector
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_row("quality", f"{passed} of {len(view.quality)} rules passed{_broken(view)}")
    facts.add_row("held contracts", f"{view.figure('age_contracts', 'held', 0):,}")
    facts.add_row("live contracts", f"{view.figure('age_contracts', 'live', 0):,}")
    # JSON objects come back from the database in the order of their keys' lengths
    late = sorted(
        view.figure("age_contracts", "days_past_due", {}).items(),
        key=lambda band: int(band[0].split("-")[0].strip("+")),
    )
    facts.add_row("days past due", _counts(dict(late)))
    facts.add_row("buckets", _counts(view.buckets))
    facts.add_row("cases", f"{view.cases:,}, {least}–{most} per collector, {view.pool:,} in the grab pool")
    facts.add_row("contacts", _contacts(view))
    facts.add_row("approvals", f"{_counts(view.approvals)} wait for a person" if view.approvals else "none wait")
    facts.add_row("KPIs", f"{sum(view.step('load_warehouse').rows.values()):,} rows in mart")
    for run in progress.runs:
        if run.waits_for_a_person:
            facts.add_row("waiting", f"{run.run.dag_id}: Required actions, in the UI of make up")
    _print(console, facts)
    for label, warning in view.warnings:
        console.print(f"  [yellow]{label}[/yellow]: {warning}", highlight=False, soft_wrap=True)
    for name, path in day_documents(settings.reports_root, view.day).items():
        console.print(f"  {name}: {settings.reports_root / path}", highlight=False, soft_wrap=True)


def _steps(view: DayView) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("step")
    table.add_column("rows", justify="right")
    table.add_column("seconds", justify="right")
    for step in view.steps:
        rows = f"{sum(step.rows.values()):,}" if step.rows else ""
        seconds = f"{step.seconds:.1f}" if step.attempts else "not run"
        table.add_row(Text(step.label), rows, seconds)
    return table


def _broken(view: DayView) -> str:
    return f"; not: {', '.join(rule.rule_id for rule in view.broken_rules)}" if view.broken_rules else ""


def _contacts(view: DayView) -> str:
    return "\n".join(
        f"{channel.channel}: {channel.count(*_SENT):,} out, "
        f"{channel.count('planned', 'approved'):,} later today, "
        f"{channel.count('awaiting_approval'):,} to approve, {channel.count(*_FAILED):,} failed"
        for channel in view.channels
    )


def _counts(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{name} {count:,}" for name, count in counts.items())


def _print(console: Console, table: Table) -> None:
    console.print(Padding(table, (0, 0, 1, 2)))
