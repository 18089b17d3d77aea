"""`arrears strategy`: age, tier and treat the contracts of a published ledger."""

from __future__ import annotations

import typer

from arrears.command_options import AsOf, ClockAt, GraceDays, Materiality
from arrears.command_steps import run_and_show

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
