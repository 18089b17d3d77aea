"""`arrears allocation`: compute the split, apply it, look at the grab pool, grab from it."""

from __future__ import annotations

from typing import Annotated

import typer

from arrears.command_options import AsOf
from arrears.command_steps import run_and_show

app = typer.Typer(no_args_is_help=True)
pool_app = typer.Typer(no_args_is_help=True, help="The grab pool.")
app.add_typer(pool_app, name="pool")


@app.callback()
def allocation() -> None:
    """Give cases to collectors; the grab pool."""


@app.command()
def run(as_of: AsOf = None) -> None:
    """Compute who gets which case (allocate_cases), then apply it to ops (open_grab_pool)."""
    run_and_show(["allocate_cases", "open_grab_pool"], as_of)


@app.command()
def compute(as_of: AsOf = None) -> None:
    """Compute who gets which case into the lake (allocate_cases); ops stays as it is."""
    run_and_show(["allocate_cases"], as_of)


@app.command("apply")
def apply_(as_of: AsOf = None) -> None:
    """Apply the computed split to ops (open_grab_pool)."""
    run_and_show(["open_grab_pool"], as_of)


@pool_app.command("list")
def list_() -> None:
    """Show how many cases lie in the pool of each queue, and since when."""
    from arrears.allocation.pool import list_pools
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse

    settings = load_settings()
    warehouse = open_warehouse(settings)
    try:
        with warehouse.connect() as connection:
            pools = list_pools(connection)
    finally:
        warehouse.dispose()
    for pool in pools:
        oldest = pool.oldest_opened_at.astimezone(settings.zone)
        typer.echo(f"{pool.queue}: {pool.cases} cases, the oldest since {oldest:%Y-%m-%d %H:%M}")
    if not pools:
        typer.echo("no cases in any pool")


@pool_app.command()
def grab(
    queue: Annotated[str, typer.Argument(help="Queue whose pool it is.")],
    collector: Annotated[str, typer.Argument(help="Collector who gets the cases.")],
    batch: Annotated[int | None, typer.Option("--batch", help="How many at most; default: the queue's batch.")] = None,
) -> None:
    """Give a collector the best cases of a pool that he may have, and print their ids."""
    from arrears.allocation import pool
    from arrears.allocation.rules import FILE, AllocationRules
    from arrears.rules.rule_set import load_rule_set
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse

    settings = load_settings()
    clock = settings.acting_clock()
    rules = load_rule_set(settings.rules, clock.today()).load(FILE, AllocationRules).queue(queue)
    warehouse = open_warehouse(settings)
    try:
        with warehouse.begin() as connection:
            cases = pool.grab(connection, rules, queue, collector, clock, batch)
    finally:
        warehouse.dispose()
    for case_id in cases:
        typer.echo(case_id)
    typer.echo(f"{len(cases)} cases of {queue} for {collector}", err=True)
