"""`arrears allocation`: compute the split, apply it."""

from __future__ import annotations

import typer

from arrears.command_options import AsOf
from arrears.command_steps import run_and_show

app = typer.Typer(no_args_is_help=True)


@app.callback()
def allocation() -> None:
    """Give cases to collectors."""


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
