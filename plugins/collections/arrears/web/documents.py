"""The documents of a day, and the way to a document below the reports folder and nothing outside of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from arrears.day import BusinessDay

_KINDS = {".html", ".css", ".js", ".svg", ".png", ".json", ".csv", ".woff2"}


QUALITY_REPORT = "quality report"
REPORT = "report"


class DocumentNotFoundError(Exception):
    """There is no such document, or it lies outside the folder."""


def find_document(folder: Path, path: str) -> Path:
    """The file `path` below `folder`.

    Raises DocumentNotFoundError for anything that, links followed, is not a file below the folder, and for hidden
    files and kinds that no document has.
    """
    root = folder.resolve()
    try:
        found = (root / path).resolve(strict=True)
        inside = found.relative_to(root)
    except (OSError, ValueError):
        raise DocumentNotFoundError(path) from None
    hidden = any(part.startswith(".") for part in inside.parts)
    if hidden or not found.is_file() or found.suffix not in _KINDS:
        raise DocumentNotFoundError(path)
    return found


def day_documents(folder: Path, day: BusinessDay) -> dict[str, str]:
    """The documents of `day` that are there, by name; paths below the reports folder.

    A shut quality gate leaves its report but no record of it, so this looks at the folder.
    """
    suffix = "" if day.basis == "frozen" else f".{day.basis}"
    places = {
        QUALITY_REPORT: f"quality/{day.key}/{day.basis}/index.html",
        REPORT: f"daily/{day.key}{suffix}.html",
    }
    return {name: path for name, path in places.items() if (folder / path).is_file()}


@dataclass(frozen=True)
class PreviewLink:
    """A preview of changed rules over a day's book."""

    rule_set: str
    """Name, version and short hash of the changed rules."""
    changed_cases: int
    path: str
    """The report's path below the reports folder."""


def day_previews(folder: Path, as_of: date, most: int = 10) -> list[PreviewLink]:
    """The previews of a day, the newest first; only those that are written whole, which end with their JSON."""
    written = sorted(
        folder.glob(f"previews/{as_of.isoformat()}/*/preview.json"), key=lambda path: (-path.stat().st_mtime, path)
    )
    found = []
    for path in written[:most]:
        document = json.loads(path.read_text(encoding="utf-8"))
        changed = document["changed"]
        found.append(
            PreviewLink(
                rule_set=f"{changed['name']} v{changed['version']} {changed['hash'][:8]}",
                changed_cases=document["totals"]["changed_cases"],
                path=path.with_name("preview.html").relative_to(folder).as_posix(),
            )
        )
    return found
