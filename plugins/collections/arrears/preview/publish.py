"""Writes a preview's documents: report, JSON and the list of changed cases, into a folder of their own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from filelock import FileLock

from arrears.preview.document import document_text, preview_document
from arrears.preview.preview import Preview, compute_preview
from arrears.preview.report import render
from arrears.run import StepResult
from arrears.settings import Settings

REPORT, DATA, CASES, CASES_CSV = "preview.html", "preview.json", "changes.parquet", "changes.csv"
DOCUMENT = "preview"
"""What the report is called as a document of the task."""
_FORMULA = "^[=+@-]"


def write_preview(preview: Preview, folder: Path) -> None:
    """Writes the documents of a preview into `folder`, each in one step, the JSON last."""
    folder.mkdir(parents=True, exist_ok=True)
    document = preview_document(preview)
    html = render(preview, document)
    changes = preview.comparison.changes
    with FileLock(folder / ".lock"):
        _put(folder / CASES, lambda path: pq.write_table(changes, path, compression="zstd"))
        _put(folder / CASES_CSV, lambda path: pyarrow.csv.write_csv(_for_spreadsheets(changes), path))
        _put(folder / REPORT, lambda path: path.write_text(html, encoding="utf-8"))
        _put(folder / DATA, lambda path: path.write_text(document_text(document), encoding="utf-8"))


def run_preview(
    settings: Settings,
    *,
    as_of: date | None = None,
    folder: Path | None = None,
    valid_on: date | None = None,
    out: Path | None = None,
) -> tuple[Preview, StepResult]:
    """Computes a preview and writes its documents, below the reports root or into `out`; nothing else is changed.

    The result has counts and paths, as the task in Airflow hands them back. Errors as `compute_preview`.
    """
    preview = compute_preview(settings, as_of=as_of, folder=folder, valid_on=valid_on)
    write_preview(preview, out or settings.reports_root / preview.place)
    comparison = preview.comparison
    figures: dict[str, Any] = {
        "day": str(preview.day),
        "present": f"{preview.present.name} {preview.present.version} {preview.present.hash[:12]}",
        "changed": f"{preview.changed.name} {preview.changed.version} {preview.changed.hash[:12]}",
        "cases": comparison.totals["cases"],
        "changed_cases": comparison.totals["changed_cases"],
        "harsher_cases": comparison.totals["harsher_cases"],
        "milder_cases": comparison.totals["milder_cases"],
        "moved": {name: count for name in comparison.flows if (count := comparison.moved(name))},
        "alerts": [each.attribute for each in comparison.alerts],
    }
    warnings = [
        *preview.warnings,
        *(f"{each.attribute}: ratio {each.after:.3f} of the harshest group is an alert" for each in comparison.alerts),
    ]
    links = {} if out else {DOCUMENT: f"{preview.place}/{REPORT}"}
    return preview, StepResult(
        rows={"changes": comparison.changes.num_rows}, figures=figures, links=links, warnings=warnings
    )


def _put(path: Path, write: Callable[[Path], Any]) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        write(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _for_spreadsheets(table: pa.Table) -> pa.Table:
    """Texts that a spreadsheet would take for a formula get an apostrophe in front."""
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = pc.replace_substring_regex(table[field.name], f"({_FORMULA})", r"'\1")
            table = table.set_column(position, field.name, column)
    return table
