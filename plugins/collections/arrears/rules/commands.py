"""`arrears rules`: check the rule files, list their versions, start a change."""

from __future__ import annotations

import json
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
    as_json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
    notes: Annotated[bool, typer.Option(help="Show what is only worth knowing as well.")] = True,
) -> None:
    """Check every rule set in the folder, today's and each change; exit code 1 when there is an error."""
    from arrears.rules.findings import counts
    from arrears.settings import load_settings
    from arrears.strategy.check import check_folder, uses_under_review

    failed = False
    told: list[dict[str, object]] = []
    for rule_set, findings in check_folder(root or load_settings().rules):
        number = counts(findings)
        failed |= number["error"] > 0
        name = "rules" if rule_set is None else f"{rule_set.name} version {rule_set.version}"
        told += [{"rule_set": name, **each.as_json()} for each in findings]
        if as_json:
            continue
        verdict = "not good" if number["error"] else "good"
        uses = 0 if rule_set is None else len(uses_under_review(rule_set))
        listed = ", ".join(f"{count} {severity}{'s' * (count > 1)}" for severity, count in number.items() if count)
        typer.echo(
            f"rules: {verdict} ({name}: {listed or 'no findings'}, "
            f"{uses} approved use{'s' * (uses != 1)} of attributes under review)"
        )
        for each in findings:
            if notes or each.severity != "note":
                typer.echo(f"\n{each}")
    if as_json:
        typer.echo(json.dumps({"findings": told}, ensure_ascii=False, indent=2))
    if failed:
        raise typer.Exit(1)


app.command("list")(list_versions)
app.command("new-change")(new_change)
