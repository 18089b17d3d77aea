"""`arrears rules list` and `arrears rules new-change`: the versions of the rules, and where a change starts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

RulesFolder = Annotated[Path | None, typer.Option("--rules", help="Folder of the files; default ARREARS_RULES.")]


def list_versions(root: RulesFolder = None) -> None:
    """List every version of the rules: from when it is valid, who made it and why, and what it changed."""
    from arrears.rules.changes import changed_files
    from arrears.rules.rule_set import HEADER, RuleSet, RuleSetHeader, rule_set_versions

    before: RuleSet | None = None
    for each in rule_set_versions(_folder(root)):
        header = each.load(HEADER, RuleSetHeader)
        files = ", ".join(changed_files(each, before)) or "no file but its header" if before else "all files"
        typer.echo(f"{each.name} version {each.version}, valid from {each.valid_from}, policy {each.policy}")
        typer.echo(f"  owner   {header.owner}")
        typer.echo(f"  reason  {header.reason}")
        typer.echo(f"  changes {files}")
        typer.echo(f"  hash    {each.hash}")
        before = each


def new_change(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files to change, e.g. balance.yaml.")],
    valid_from: Annotated[
        datetime, typer.Option("--valid-from", formats=["%Y-%m-%d"], help="First day that the change decides.")
    ],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for the change.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is made.")],
    root: RulesFolder = None,
) -> None:
    """Start a change: copy the files as they are now into a folder of that day, with a filled-in rule_set.yaml."""
    from arrears.rules.changes import start_change

    folder = start_change(_folder(root), valid_from.date(), owner, reason, files)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        typer.echo(f"wrote {path}")
    typer.echo("Edit them, remove what stays as it is, and run `arrears rules check`.")


def _folder(root: Path | None) -> Path:
    from arrears.settings import load_settings

    return root or load_settings().rules
