"""The quality report's folder: written aside, made to work without the internet, and put in place as a whole."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from arrears.run import Run

if TYPE_CHECKING:
    from arrears.quality.judge import Answer

_REMOTE = (
    (re.compile(r"<script[^>]*\bsrc=[\"']https?://[^>]*>\s*</script>", re.IGNORECASE), ""),
    (re.compile(r"<link[^>]*\bhref=[\"']https?://[^>]*>", re.IGNORECASE), ""),
    (re.compile(r"\b(src|href)=[\"']https?://[^\"']*[\"']", re.IGNORECASE), ""),
    (re.compile(r"url\(\s*[\"']?https?://[^)]*\)", re.IGNORECASE), "none"),
)
"""What loads or leads to another machine: Bootstrap, jQuery, fonts and logos from content networks, a newsletter."""
_STYLE = """
body { font-family: system-ui, sans-serif; margin: 1.5rem; color: #1c2733; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
td, th { border: 1px solid #d5dbe1; padding: .35rem .6rem; text-align: left; vertical-align: top; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; }
.text-success, .fa-check-circle { color: #18794e; } .fa-check-circle::before { content: "passed"; }
.text-danger, .fa-times { color: #b42318; } .fa-times::before { content: "failed"; }
.fa-exclamation-triangle::before { content: "error"; }
.list-unstyled { list-style: none; padding-left: 0; }
.navbar-brand, .modal, .navbar-toggler, footer, #ge-cta-footer { display: none; }
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


def write_overview(folder: Path, day: str, answers: Sequence[Answer]) -> None:
    """Writes the report's first page: every rule with what was wanted and found, and the way to its table's page.

    The first page that Great Expectations writes needs the internet to show its tables, so this one takes its place.
    """
    suites: dict[str, list[Answer]] = {}
    pages: dict[tuple[str, str], str] = {}
    for answer in answers:
        suite, table = answer.question.suite, answer.question.table
        suites.setdefault(suite, []).append(answer)
        page = min((folder / "validations" / suite / table).rglob("*.html"))
        pages[(suite, table)] = page.relative_to(folder).as_posix()
    blocking = suites.get("blocking", [])
    environment = Environment(
        loader=PackageLoader("arrears.quality"), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    text = environment.get_template("report.html").render(
        day=day,
        style=_STYLE,
        open=all(answer.passed for answer in blocking),
        quarantined=sum(answer.count for answer in blocking if answer.question.kind == "bad_rows"),
        # what failed stands first
        suites=[(suite, sorted(found, key=lambda answer: answer.passed)) for suite, found in suites.items()],
        pages=pages,
    )
    (folder / "index.html").write_text(text, encoding="utf-8")


def _without_internet(folder: Path) -> None:
    # the report must open from disk, without anybody else being told that it was opened
    for page in (*folder.rglob("*.html"), *folder.rglob("*.css")):
        text = page.read_text(encoding="utf-8")
        for remote, instead in _REMOTE:
            text = remote.sub(instead, text)
        page.write_text(text.replace("</head>", f"<style>{_STYLE}</style></head>", 1), encoding="utf-8")
    for picture in folder.rglob("*.gif"):
        picture.unlink()
