"""The documents of a day, and the way to a document below the reports folder and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

from arrears.day import BusinessDay

_KINDS = {".html", ".css", ".js", ".svg", ".png", ".json", ".woff2"}


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
