"""Rule folders for tests: a copy of the shipped files, to be edited."""

from __future__ import annotations

import shutil
from pathlib import Path

from arrears.settings import PROJECT

SHIPPED = PROJECT / "include" / "rules"


def copy_rules(folder: Path) -> Path:
    """Copies the first rule set that is shipped, without its changes, into the new folder `folder`."""
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("changes"))
    return folder


def edit_rule_file(path: Path, old: str, new: str) -> int:
    """Replaces the first `old` in a file, which must be there; returns its line."""
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1
