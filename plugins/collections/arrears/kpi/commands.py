"""`arrears kpi`: build the KPIs of a day, load them into the warehouse, write the report."""

from __future__ import annotations

import typer

from arrears.command_options import AsOf, ClockAt, GraceDays, Materiality
from arrears.command_steps import run_and_show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def kpi() -> None:
    """From the published worklist to the mart and the daily report."""


@app.command()
def run(
    as_of: AsOf = None, materiality: Materiality = None, grace_days: GraceDays = None, clock: ClockAt = None
) -> None:
    """Build, load and report a day whose worklist is published."""
    from arrears.steps import STEPS

    names = [name for name, step in STEPS.items() if step.dag == "kpi_daily"]
    run_and_show(names, as_of, materiality=materiality, grace_days=grace_days, clock=clock)


@app.command()
def report(as_of: AsOf = None, clock: ClockAt = None) -> None:
    """Write the report of a loaded day again."""
    run_and_show(["publish_report"], as_of, clock=clock)
