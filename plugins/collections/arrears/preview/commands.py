"""What `arrears strategy preview` does: runs a preview and tells its figures and where its documents are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer


def show_preview(
    rules: Path | None, valid_on: str | None, as_of: str | None, out: Path | None, values: Mapping[str, Any]
) -> None:
    """Runs a preview and shows what it found; `values` go over the settings from the environment."""
    from arrears.day import parse_day
    from arrears.lake import Lake
    from arrears.offline import warehouse_ready
    from arrears.preview.preview import preview_day
    from arrears.preview.publish import CASES_CSV, DATA, REPORT, run_preview
    from arrears.settings import load_settings

    settings = load_settings(values)
    day = preview_day(Lake(settings.lake_root), parse_day(as_of, where="--as-of") if as_of else None)
    # only the current day asks ops for the owners of the morning
    owners_count = day.as_of == settings.acting_clock().today()
    with warehouse_ready(settings) if owners_count else nullcontext():
        preview, result = run_preview(
            settings,
            as_of=day.as_of,
            folder=rules,
            valid_on=parse_day(valid_on, where="--valid-on") if valid_on else None,
            out=out,
        )
    for name, value in result.figures.items():
        typer.echo(f"{name}: {value}")
    for warning in result.warnings:
        typer.echo(f"warning: {warning}", err=True)
    folder = out or settings.reports_root / preview.place
    for name in (REPORT, DATA, CASES_CSV):
        typer.echo(str(folder / name))
