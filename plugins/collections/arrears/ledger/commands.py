"""`arrears ledger`: pull, check and publish a day's ledger, or generate one."""

from __future__ import annotations

import typer

from arrears.command_options import AsOf, ClockAt, Collectors, Ledger, LedgerMapping
from arrears.command_steps import run_and_show
from arrears.demo.commands import generate

app = typer.Typer(no_args_is_help=True)
app.command()(generate)


@app.callback()
def ledger() -> None:
    """The lender's ledger on its way into the lake."""


@app.command()
def pull(
    as_of: AsOf = None,
    ledger: Ledger = None,
    mapping: LedgerMapping = None,
    collectors: Collectors = None,
    clock: ClockAt = None,
) -> None:
    """Copy the lender's ledger into the lake, all tables from one snapshot, types checked at the door."""
    values = {"ledger": ledger, "ledger_mapping": mapping, "collectors": collectors, "clock": clock}
    run_and_show(["pull_ledger"], as_of, **values)


@app.command()
def check(as_of: AsOf = None, clock: ClockAt = None) -> None:
    """Judge the pulled ledger by quality.yaml, and write the report and the quarantine."""
    run_and_show(["check_quality"], as_of, clock=clock)


@app.command()
def publish(as_of: AsOf = None, clock: ClockAt = None) -> None:
    """Publish the checked ledger without quarantined rows."""
    run_and_show(["publish_ledger"], as_of, clock=clock)
