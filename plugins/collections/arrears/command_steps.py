"""Runs steps for a command and shows what came of them."""

from __future__ import annotations

from collections.abc import Iterable

import typer


def run_and_show(names: Iterable[str], as_of: str | None, **values: object) -> None:
    """Runs the steps `names` of one day in turn and shows rows, figures, warnings and documents of each.

    `as_of` None is the current business day; `values` that are not None go over the settings from the environment.
    """
    from arrears.day import parse_day
    from arrears.offline import warehouse_ready
    from arrears.run import open_run
    from arrears.settings import load_settings
    from arrears.steps import run_step

    settings = load_settings({name: value for name, value in values.items() if value is not None})
    day = parse_day(as_of, where="--as-of") if as_of else settings.acting_clock().today()
    with warehouse_ready(settings), open_run(settings, day) as run:
        for name in names:
            result = run_step(run, name)
            typer.echo(f"{name} for {run.day}")
            for table, count in result.rows.items():
                typer.echo(f"  {table:<24}{count:>14,}")
            for figure, value in result.figures.items():
                typer.echo(f"  {figure}: {value}")
            for title, link in result.links.items():
                typer.echo(f"  {title}: {settings.reports_root / link}")
            for warning in result.warnings:
                typer.echo(f"  warning: {warning}", err=True)
