"""`arrears rules`: check the rule files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Check the rule files."""


@app.command()
def check(
    root: Annotated[
        Path | None, typer.Option("--rules", help="Folder of the rule files; default ARREARS_RULES.")
    ] = None,
) -> None:
    """Parse every rule file; name file and line of the first that is wrong."""
    from arrears.rules.registry import parse_all
    from arrears.rules.rule_set import rules_hash
    from arrears.settings import load_settings

    folder = root or load_settings().rules
    count = sum(1 for _ in parse_all(folder))
    typer.echo(f"rules: {count} files good, hash {rules_hash(folder)[:12]}")
