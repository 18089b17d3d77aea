"""Finds a document below a folder, and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

_KINDS = {".html", ".css", ".js", ".svg", ".png", ".json", ".woff2"}


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
