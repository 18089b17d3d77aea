"""`arrears strategy`: age, tier and treat the contracts of a published ledger; preview changed rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrears.command_options import AsOf, ClockAt, GraceDays, Materiality
from arrears.command_steps import run_and_show
from arrears.strategy.experiment_commands import experiments, power

app = typer.Typer(no_args_is_help=True)


@app.callback()
def strategy() -> None:
    """From the published ledger to treatments and cases."""


@app.command()
def run(
    as_of: AsOf = None, materiality: Materiality = None, grace_days: GraceDays = None, clock: ClockAt = None
) -> None:
    """Run all steps of the strategy on a published ledger."""
    from arrears.steps import STEPS

    names = [name for name, step in STEPS.items() if step.dag == "strategy_daily"]
    run_and_show(names, as_of, materiality=materiality, grace_days=grace_days, clock=clock)


@app.command()
def preview(
    rules: Annotated[
        Path | None, typer.Option("--rules", help="Folder of a whole rule set, or only of the files that change.")
    ] = None,
    valid_on: Annotated[
        str | None,
        typer.Option("--valid-on", metavar="YYYY-MM-DD", help="Instead of a folder: the rules valid on that day."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Business day; default the last published.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the documents; default below reports.")] = None,
    materiality: Materiality = None,
    grace_days: GraceDays = None,
    clock: ClockAt = None,
) -> None:
    """Show what changed rules would do to a day's book; nothing that others read is written."""
    from arrears.preview.commands import show_preview

    values = {"materiality": materiality, "grace_days": grace_days, "clock": clock}
    show_preview(rules, valid_on, as_of, out, {name: value for name, value in values.items() if value is not None})


app.command()(experiments)
app.command()(power)
