"""Which rule set a preview looks at: a folder of changed files, or the rules that are valid on another day."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from arrears.errors import RulesError, SettingsError
from arrears.rules.rule_set import CHANGES, RuleSet, load_rule_set, overlay_rule_set
from arrears.settings import Settings

DRAFTS = "previews/rules"
"""Folder below ARREARS_HOME for changes that are only tried out."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class FileChange:
    """One rule file that differs between the two sets."""

    name: str
    state: str
    """changed, added or removed."""
    diff: tuple[str, ...]
    """Lines of the unified diff, without its head."""


def change_folder(settings: Settings, name: str) -> Path:
    """The folder of the change `name`: below `changes/` of the rules folder, or below `previews/rules` of the home.

    For names that come from a page: nothing outside of the two places can be named, links followed. Raises
    SettingsError for anything else.
    """
    places = (settings.rules / CHANGES, settings.home / DRAFTS)
    if _NAME.fullmatch(name):
        for place in places:
            folder = place / name
            if folder.is_dir() and _stays_inside(folder, place):
                return folder
    raise SettingsError(
        expected="the name of a folder below the rules folder's changes, or below previews/rules of ARREARS_HOME",
        # only what looks like a name is repeated
        found=repr(name) if _NAME.fullmatch(name) else "something that is not a folder's name",
        where="the changed rules",
        action="Put the changed files into a folder there, and give the folder's name.",
    )


def _stays_inside(folder: Path, place: Path) -> bool:
    root = place.resolve()
    return folder.resolve().parent == root and all(
        path.resolve().is_relative_to(folder.resolve()) for path in folder.rglob("*")
    )


def changed_rules(
    settings: Settings, as_of: date, *, folder: Path | None = None, valid_on: date | None = None
) -> tuple[RuleSet, RuleSet]:
    """The rule set valid on `as_of`, and the changed one: `folder` laid over it, or what is valid on `valid_on`.

    Raises SettingsError unless exactly one of the two is given, RulesError for rules that cannot be read.
    """
    if (folder is None) == (valid_on is None):
        raise SettingsError(
            expected="either a folder of changed rules, or a day whose rules are tried",
            found="neither" if folder is None else "both",
            where="the changed rules",
            action="Give one of the two.",
        )
    present = load_rule_set(settings.rules, as_of)
    if valid_on is not None:
        return present, load_rule_set(settings.rules, valid_on)
    if folder is None or not folder.is_dir():
        raise RulesError(
            expected="a folder of rule files",
            found="no such folder",
            where=str(folder),
            action="Name the folder of a whole rule set, or of the files that change.",
        )
    return present, overlay_rule_set(present, folder)


def file_changes(before: RuleSet, after: RuleSet) -> list[FileChange]:
    """The rule files in which two sets differ, with what differs."""
    changes = []
    for name in sorted({*before.files(), *after.files()}):
        old, new = before.text(name), after.text(name)
        if old == new:
            continue
        state = "added" if old is None else "removed" if new is None else "changed"
        lines = difflib.unified_diff((old or "").splitlines(), (new or "").splitlines(), lineterm="", n=2)
        changes.append(FileChange(name, state, tuple(lines)[2:]))
    return changes
