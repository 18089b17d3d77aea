"""The quality report's folder: written aside, made to work without the internet, and put in place as a whole."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from arrears.run import Run

_REMOTE = re.compile(
    r"<script[^>]*\bsrc=\"https?://[^\"]*\"[^>]*>\s*</script>|<link[^>]*\bhref=\"https?://[^\"]*\"[^>]*>",
    re.IGNORECASE,
)
_STYLE = """
body { font-family: system-ui, sans-serif; margin: 1.5rem; color: #1c2733; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
td, th { border: 1px solid #d5dbe1; padding: .35rem .6rem; text-align: left; vertical-align: top; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; }
.text-success, .fa-check-circle { color: #18794e; } .fa-check-circle::before { content: "passed"; }
.text-danger, .fa-times { color: #b42318; } .fa-times::before { content: "failed"; }
.fa-exclamation-triangle::before { content: "error"; }
.list-unstyled { list-style: none; padding-left: 0; }
img { max-height: 2.5rem; } .modal, .navbar-toggler, footer, #ge-cta-footer { display: none; }
"""


def report_link(run: Run) -> str:
    """The report's first page, relative to the reports folder."""
    return f"quality/{run.day.key}/{run.day.basis}/index.html"


def report_page(run: Run) -> Path:
    """The report's first page."""
    return run.settings.reports_root / report_link(run)


@contextmanager
def new_report(run: Run) -> Iterator[Path]:
    """Gives a folder to write the day's report to, and puts it in the old one's place when the block ends well."""
    folder = report_page(run).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
            shutil.rmtree(leftover, ignore_errors=True)
        aside = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.tmp"
        try:
            yield aside
            _without_internet(aside)
            if folder.exists():
                os.replace(folder, folder.parent / f".{folder.name}.{uuid.uuid4().hex}.tmp")
            os.replace(aside, folder)
        finally:
            for leftover in folder.parent.glob(f".{folder.name}.*.tmp"):
                shutil.rmtree(leftover, ignore_errors=True)


def _without_internet(folder: Path) -> None:
    # the templates load Bootstrap, jQuery and fonts from content networks; the report must open from disk, unseen
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = _REMOTE.sub("", text)
        page.write_text(text.replace("</head>", f"<style>{_STYLE}</style></head>", 1), encoding="utf-8")
    for picture in folder.rglob("*.gif"):
        picture.unlink()
