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
    root: Annotated[Path | None, typer.Option("--rules", help="Folder of the files; default ARREARS_RULES.")] = None,
) -> None:
    """Parse every rule file and check every condition and the policy's verdicts; name the first wrong place."""
    from arrears.rules.files import parse_rules
    from arrears.rules.policy import load_policy
    from arrears.rules.registry import parse_all
    from arrears.rules.rule_set import RuleSetHeader, load_rule_set
    from arrears.settings import load_settings
    from arrears.strategy.compile import check_strategy, load_strategy

    folder = root or load_settings().rules
    files = [path for path, _ in parse_all(folder)]
    rule_set = load_rule_set(folder, parse_rules(folder / "rule_set.yaml", RuleSetHeader).valid_from)
    reviewed = check_strategy(load_strategy(rule_set), load_policy(rule_set))
    typer.echo(
        f"rules: good ({rule_set.name} version {rule_set.version}, {len(files)} files, "
        f"{len(reviewed)} approved uses of attributes under review)"
    )
