"""Shows a day that runs without Airflow: a line per step with rows, seconds and peak memory."""

from __future__ import annotations

import time

from rich.console import Console

from arrears.offline import Failure, OfflineDay, StepReport
from arrears.run import StepResult

_TABLES_SHOWN = 3


def show_day(offline: OfflineDay, *, debug: bool = False, console: Console | None = None) -> bool:
    """Runs the day and writes a line per step as it ends; False when a step failed."""
    out = console or Console(highlight=False, soft_wrap=True)
    width = max(len(call.label) for call in offline.calls)
    started = time.monotonic()
    seconds, peak, failed = 0.0, 0, False
    for report in offline.reports():
        measure = report.measure
        seconds += measure.seconds
        peak = max(peak, measure.peak_bytes)
        mark = "[green]✓[/]" if report.failure is None else "[bold red]✗[/]"
        cost = f"{measure.seconds:7.1f} s  {human_size(measure.peak_bytes):>8}"
        out.print(f"{mark} {report.call.label:<{width}}  {cost}  {_told(report)}")
        for warning in report.result.warnings if report.result else []:
            out.print(f"  {'':<{width}}  [yellow]{warning}[/]")
        if report.failure is not None:
            failed = True
            _show_failure(report.call.label, report.failure, debug=debug)
    out.print(
        f"{'the day' if len(offline.calls) > 1 else 'the step':<{width + 2}}  {time.monotonic() - started:7.1f} s  "
        f"{human_size(peak):>8}  ({seconds:.1f} s in steps, each in a process of its own; the largest peak)"
    )
    return not failed


def human_size(count: int) -> str:
    """A number of bytes as MB or GB."""
    megabytes = count / 1_000_000
    return f"{megabytes / 1000:.2f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _told(report: StepReport) -> str:
    return "[bold red]failed[/]" if report.result is None else rows_told(report.result)


def rows_told(result: StepResult) -> str:
    """The rows that a step wrote, by table while they are few."""
    if len(result.rows) > _TABLES_SHOWN:
        return f"{sum(result.rows.values()):,} rows in {len(result.rows)} tables"
    return ", ".join(f"{table} {count:,}" for table, count in result.rows.items())


def _show_failure(label: str, failure: Failure, *, debug: bool) -> None:
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    errors.print(f"{label} failed: {failure.message}")
    if debug and failure.trace:
        errors.print(failure.trace)
