"""`arrears ledger`: pull, check and publish a day's ledger, or generate one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrears.demo.commands import generate

app = typer.Typer(no_args_is_help=True)
app.command()(generate)

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Business day; default today.")]
Ledger = Annotated[str | None, typer.Option("--ledger", help="Folder of Parquet or CSV files, or a SQLAlchemy URL.")]
LedgerMapping = Annotated[
    Path | None, typer.Option("--mapping", help="YAML file from the lender's names to the contract's.")
]
Collectors = Annotated[Path | None, typer.Option("--collectors", help="File of collectors for a ledger without any.")]
ClockAt = Annotated[
    str | None,
    typer.Option("--clock", metavar="YYYY-MM-DDTHH:MM", help="Fix the clock of acting; default the machine's clock."),
]


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
    run_ledger_step("pull_ledger", as_of, ledger=ledger, ledger_mapping=mapping, collectors=collectors, clock=clock)


@app.command()
def check(as_of: AsOf = None, clock: ClockAt = None) -> None:
    """Judge the pulled ledger by quality.yaml, and write the report and the quarantine."""
    run_ledger_step("check_quality", as_of, clock=clock)


@app.command()
def publish(as_of: AsOf = None, clock: ClockAt = None) -> None:
    """Publish the checked ledger without quarantined rows."""
    run_ledger_step("publish_ledger", as_of, clock=clock)


def run_ledger_step(name: str, as_of: str | None, **values: object) -> None:
    """Runs one step of `ledger_daily` and says what came of it; `values` go over the settings from the environment."""
    from arrears.day import parse_day
    from arrears.offline import warehouse_ready
    from arrears.run import open_run
    from arrears.settings import load_settings
    from arrears.steps import run_step

    settings = load_settings({key: value for key, value in values.items() if value is not None})
    day = parse_day(as_of, where="--as-of") if as_of else settings.acting_clock().today()
    with warehouse_ready(settings), open_run(settings, day) as run:
        result = run_step(run, name)
    for table, count in result.rows.items():
        typer.echo(f"{table:<16}{count:>14,}")
    for figure, value in result.figures.items():
        typer.echo(f"{figure}: {value}")
    for warning in result.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for title, link in result.links.items():
        typer.echo(f"{title}: {settings.reports_root / link}")
