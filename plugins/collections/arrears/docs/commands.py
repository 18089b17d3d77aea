"""`arrears docs`: write the generated documentation, or check that it is up to date."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def docs() -> None:
    """Write the generated documentation."""


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a file is out of date.")] = False,
) -> None:
    """Write the generated pages of docs/ and the JSON Schemas of the rule files."""
    from arrears.docs import pages

    if check:
        pages.check()
        typer.echo("docs: up to date")
        return
    written = pages.build()
    for path in written:
        typer.echo(f"wrote {path}")
    typer.echo(f"docs: {len(written)} files written" if written else "docs: nothing to write")
