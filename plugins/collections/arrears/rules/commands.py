"""`arrears rules`: check the rule files, list their versions, start a change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from arrears.rules.change_commands import list_versions, new_change

app = typer.Typer(no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Check the rule files, list their versions, start a change."""


@app.command()
def check(
    root: Annotated[Path | None, typer.Option("--rules", help="Folder of the files; default ARREARS_RULES.")] = None,
) -> None:
    """Parse every rule file and check every condition and the policy's verdicts; name the first wrong place."""
    from arrears.rules.policy import load_policy
    from arrears.rules.registry import parse_all
    from arrears.rules.rule_set import rule_set_versions
    from arrears.settings import load_settings
    from arrears.strategy.compile import check_strategy, load_strategy

    folder = root or load_settings().rules
    for rule_set in rule_set_versions(folder):
        files = [name for name, _ in parse_all(rule_set)]
        reviewed = check_strategy(load_strategy(rule_set), load_policy(rule_set))
        typer.echo(
            f"rules: good ({rule_set.name} version {rule_set.version}, {len(files)} files, "
            f"{len(reviewed)} approved uses of attributes under review)"
        )


app.command("list")(list_versions)
app.command("new-change")(new_change)
