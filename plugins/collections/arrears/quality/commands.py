"""`arrears quality`: judge a pulled ledger."""

from __future__ import annotations

import typer

from arrears.command_options import AsOf, ClockAt
from arrears.command_steps import run_and_show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def quality() -> None:
    """The quality gate between the lender's ledger and everything that is decided from it."""


@app.command()
def check(as_of: AsOf = None, clock: ClockAt = None) -> None:
    """Judge the pulled ledger by quality.yaml, and write the report and the quarantine."""
    run_and_show(["check_quality"], as_of, clock=clock)


@app.command()
def rules() -> None:
    """List the rules of both suites."""
    from arrears.quality.rules import QualityRules, check_files
    from arrears.rules.rule_set import load_rule_set
    from arrears.settings import load_settings

    settings = load_settings()
    valid = load_rule_set(settings.rules, settings.acting_clock().today())
    rules = valid.load("quality.yaml", QualityRules)
    check_files(rules, settings.sql)
    for name, suite in rules.suites():
        typer.echo(name)
        for rule in suite.names():
            typer.echo(f"  {rule}")
