"""Starts a change of the rules: a folder with copies of the files to edit and a header that fits the last version."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import yaml

from arrears.errors import RulesError
from arrears.rules.registry import check_name, schema_comment
from arrears.rules.rule_set import CHANGES, HEADER, RuleSet, latest_rule_set

_SCHEMA = "# yaml-language-server: $schema="
_FOLDERS = 2
"""How deep a change lies in the rules folder: `changes/<day>`."""


def start_change(root: Path, valid_from: date, owner: str, reason: str, names: Sequence[str]) -> Path:
    """Makes `changes/<valid_from>` below `root`: `rule_set.yaml`, and copies of the effective files `names`.

    The version is one above the last. A template that does not exist yet may not be named; write it into the folder.
    Raises RulesError, and writes nothing, when the folder exists, a later change exists, or a name is unknown.
    """
    before = latest_rule_set(root)
    folder = root / CHANGES / valid_from.isoformat()
    if folder.exists():
        raise RulesError(
            expected="a day without a change",
            found="one that is there already",
            where=str(folder),
            action="Edit the files in it, copy further ones into it, or choose another day.",
        )
    if valid_from <= before.valid_from:
        raise RulesError(
            expected=f"a day after {before.valid_from.isoformat()}, from which version {before.version} is valid",
            found=valid_from.isoformat(),
            where=str(before.path(HEADER)),
            action="Choose a later day: changes follow each other, and the past stays as it was.",
        )
    for option, value in {"--owner": owner, "--reason": reason}.items():
        if not value.strip():
            raise RulesError(
                expected="who answers for the change, and why it is made",
                found="nothing",
                where=option,
                action="Say it; the report and the list of versions show it.",
            )
    files = {name: _copied(before, name) for name in names if name != HEADER}
    files[HEADER] = _header(before, valid_from, owner, reason)
    folder.parent.mkdir(exist_ok=True)
    # filled aside under a hidden name, which nobody reads, so that a run never sees half a change
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as scratch:
        aside = Path(scratch) / folder.name
        for name, text in files.items():
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
        aside.rename(folder)
    return folder


def changed_files(rules: RuleSet, before: RuleSet | None) -> tuple[str, ...]:
    """The files that say something else in `rules` than in `before`, without the header; all without a `before`."""
    return tuple(
        name
        for name in rules.files()
        if name != HEADER and (before is None or rules.text(name) != _for_change(name, before.text(name), rules))
    )


def _for_change(name: str, text: str | None, rules: RuleSet) -> str | None:
    # a copy in a change differs in the path of its schema, which changes no rule
    own = rules.text(name)
    if text is None or own is None or not own.startswith(_SCHEMA) or not text.startswith(_SCHEMA):
        return text
    return own.partition("\n")[0] + "\n" + text.partition("\n")[2]


def _copied(before: RuleSet, name: str) -> str:
    check_name(name, before.path(name))
    text = before.text(name)
    if text is None:
        raise RulesError(
            expected="the name of a file of the present rules",
            found=f"{name!r}, which they do not have",
            where=str(before.path(name)),
            action=f"Name one of {', '.join(before.files())}; write a new file into the change's folder.",
        )
    comment = schema_comment(name, _FOLDERS)
    if comment is None:
        return text
    rest = text.partition("\n")[2] if text.startswith(_SCHEMA) else text
    return f"{comment}\n{rest}"


def _header(before: RuleSet, valid_from: date, owner: str, reason: str) -> str:
    content = {
        "name": before.name,
        "version": before.version + 1,
        "policy": before.packs[0] if len(before.packs) == 1 else list(before.packs),
        "valid_from": valid_from,
        "owner": owner,
        "reason": reason,
    }
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=10_000)
    return f"{schema_comment(HEADER, _FOLDERS)}\n{text}"
