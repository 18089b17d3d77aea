"""A rule set: the rule files that are valid on a day, as one version whose hash every decision row carries.

The files in the folder itself are the first rule set. Every later change is a folder `changes/<YYYY-MM-DD>/` with its
own `rule_set.yaml` and only the files that change, under the same relative names: valid from the day of its name on,
and laid over what was valid before. What is valid on a past day stays as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field

from arrears.errors import RulesError
from arrears.rules.files import Document, Location, Model, RuleModel, parse_document
from arrears.rules.registry import check_name, required_files

if TYPE_CHECKING:
    from arrears.lake import Lake

HEADER = "rule_set.yaml"
CHANGES = "changes"
"""Folder of the changes inside the rules folder."""
KEPT = "_rules"
"""Folder of the lake that keeps the rule sets which decided something, each under its hash."""
_ENDINGS = frozenset({".yaml", ".txt"})


_PackName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class RuleSetHeader(RuleModel):
    """`rule_set.yaml`: what this set of rules is called, from when it is valid, who answers for it and why."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Name of the rule set; the same in every change."""
    version: Annotated[int, Field(ge=1)]
    """Higher with every change."""
    policy: _PackName | Annotated[tuple[_PackName, ...], Field(min_length=1)]
    """The pack in `policies/` under which these rules are used, or several: of their verdicts the strictest holds."""
    valid_from: date
    """First day that these rules decide; of a change, the day that its folder is named by."""
    owner: Annotated[str, Field(min_length=1)]
    """Who answers for it."""
    reason: Annotated[str, Field(min_length=1)]
    """Why it was made."""

    @property
    def packs(self) -> tuple[str, ...]:
        """The policy packs that it names, each once."""
        return (self.policy,) if isinstance(self.policy, str) else tuple(dict.fromkeys(self.policy))


@dataclass(frozen=True)
class RuleSet:
    """The rules valid on one day, as they were when they were read; parsed when they are first asked for."""

    name: str
    version: int
    packs: tuple[str, ...]
    """The policy packs that it names."""
    hash: str
    """SHA-256 over relative names and contents of the effective files."""
    valid_from: date
    folder: Path = field(compare=False)
    """Where a file that the set does not have would be."""
    _files: Mapping[str, Path] = field(compare=False, repr=False)
    _texts: Mapping[str, str] = field(compare=False, repr=False)

    @property
    def policy(self) -> str:
        """The policy packs that it names, joined by +."""
        return "+".join(self.packs)

    def files(self) -> Mapping[str, Path]:
        """Relative name → effective file, in the order that the hash takes them."""
        return self._files

    def path(self, name: str) -> Path:
        """The effective file `name`; where it would be if there is none."""
        return self._files.get(name, self.folder / name)

    def text(self, name: str) -> str | None:
        """What stands in the effective file `name`; None if there is none."""
        return self._texts.get(name)

    def load(self, name: str, model: type[Model]) -> Model:
        """The rule file `name` (relative to the rules folder) as `model`; RulesError with file and line."""
        # the text is part of the key, so that an edited file is parsed again in a long-lived process
        return cast("Model", _parsed(self.path(name), self.text(name), model))

    def document(self, name: str) -> Document:
        """The rule file `name` with the lines of its keys."""
        return _read(self.path(name), self.text(name))

    def place(self, name: str, location: Location) -> str:
        """`file:line` of a key or item of the rule file `name`."""
        return self.document(name).place(location)


@lru_cache(maxsize=128)
def _read(path: Path, text: str | None) -> Document:
    # a check of the rules asks for a hundred places, and composing the YAML is what takes the time
    return Document(path, text)


@lru_cache(maxsize=512)
def _parsed(path: Path, text: str | None, model: type[RuleModel]) -> RuleModel:
    return parse_document(Document(path, text), model)


def load_rule_set(root: Path, as_of: date) -> RuleSet:
    """The rule set in `root` that is valid on `as_of`.

    Raises RulesError with file and line when none is valid on that day, and for a change up to that day that is out
    of order, unnamed, or holds a file that is not a rule file. Later changes may still be in the making.
    """
    return rule_set_history(root, as_of)[-1]


def rule_set_history(root: Path, as_of: date) -> tuple[RuleSet, ...]:
    """The rule sets in `root` up to `as_of`, in the order of their days; the last one is valid on it.

    Raises what `load_rule_set` raises.
    """
    return tuple(_versions(root, as_of))


def rule_set_versions(root: Path) -> tuple[RuleSet, ...]:
    """All rule sets in `root`, the first one and one for each change, in the order of their days.

    Raises RulesError with file and line for the first change that is wrong.
    """
    return tuple(_versions(root, date.max))


def latest_rule_set(root: Path) -> RuleSet:
    """The rule set in `root` with every change in it, also those that are not valid yet."""
    return rule_set_versions(root)[-1]


def overlay_rule_set(base: RuleSet, folder: Path) -> RuleSet:
    """The rule set that `folder` would make of `base`, whatever days it is valid from.

    A folder with all rule files that are needed is a rule set of its own, with its changes; another one is a change,
    which may leave `rule_set.yaml` out. Raises RulesError for a folder that is neither.
    """
    own = rule_files(folder)
    if not own:
        raise RulesError(
            expected="a folder of rule files",
            found="no rule file" if folder.is_dir() else "no such folder",
            where=str(folder),
            action="Name the folder of a whole rule set, or of the files that change.",
        )
    if required_files(own) == ():
        return latest_rule_set(folder)
    _check_names(folder, own)
    return _rule_set(folder, {**base.files(), **own})


def load_kept_rule_set(lake: Lake, content: str) -> RuleSet:
    """The rule set of the hash `content` as the lake keeps it.

    Raises RulesError when the lake does not have it, or has other files under that hash.
    """
    folder = lake.kept(f"{KEPT}/{content}")
    files = rule_files(folder)
    if not files:
        raise RulesError(
            expected="the rule files of a day that was published",
            found="none under this hash",
            where=str(folder),
            action="publish_treatments keeps them; look whether this is the right lake.",
        )
    kept = _rule_set(folder, files)
    if kept.hash != content:
        raise RulesError(
            expected="rule files as they were kept",
            found=f"files with the hash {kept.hash}",
            where=str(folder),
            action="Restore the folder from a backup; kept files are never edited.",
        )
    return kept


def rule_files(root: Path) -> dict[str, Path]:
    """Relative name → rule file of a folder (YAML, and the templates that contacts are made from), without changes."""
    found = {
        path.relative_to(root).as_posix(): path
        for path in root.rglob("*")
        if path.is_file() and path.suffix in _ENDINGS
    }
    return {
        name: found[name]
        for name in sorted(found)
        if not name.startswith(f"{CHANGES}/") and not any(part.startswith(".") for part in name.split("/"))
    }


def rules_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the relative names and the contents of rule files."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()


def _versions(root: Path, as_of: date) -> Iterator[RuleSet]:
    effective = rule_files(root)
    for name, path in effective.items():
        check_name(name, path)
    rules = _rule_set(root, effective)
    if as_of < rules.valid_from:
        raise RulesError(
            expected=f"rules valid on {as_of.isoformat()}",
            found=f"{rules.name} version {rules.version}, valid from {rules.valid_from.isoformat()}",
            where=rules.place(HEADER, ("valid_from",)),
            action="Set valid_from to the first day that these rules may decide.",
        )
    yield rules
    for day, folder in _change_folders(root):
        if day > as_of:
            return
        own = rule_files(folder)
        _check_names(folder, own)
        effective = {**effective, **own}
        if HEADER not in own:
            # it would pass under the version before
            raise RulesError(
                expected=f"a {HEADER} of its own in every change",
                found="none",
                where=str(folder / HEADER),
                action="Add one with the next version; `arrears rules new-change` writes it.",
            )
        changed = _rule_set(folder, effective)
        _check_follows(changed, rules, day)
        rules = changed
        yield rules


def _rule_set(folder: Path, effective: Mapping[str, Path]) -> RuleSet:
    header_path = effective.get(HEADER, folder / HEADER)
    contents = {name: path.read_bytes() for name, path in sorted(effective.items()) if path.exists()}
    texts = {name: _decoded(effective[name], content) for name, content in contents.items()}
    header = cast("RuleSetHeader", _parsed(header_path, texts.get(HEADER), RuleSetHeader))
    return RuleSet(
        name=header.name,
        version=header.version,
        packs=header.packs,
        hash=rules_hash(contents),
        valid_from=header.valid_from,
        folder=folder,
        _files=MappingProxyType({name: effective[name] for name in contents}),
        _texts=MappingProxyType(texts),
    )


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RulesError(
            expected="text in UTF-8",
            found=f"the byte {content[error.start]:#04x}",
            where=f"{path}:{line}",
            action="Save the file in UTF-8.",
        ) from None


def _change_folders(root: Path) -> list[tuple[date, Path]]:
    changes = root / CHANGES
    if not changes.is_dir():
        return []
    found = []
    for entry in sorted(changes.iterdir()):
        if entry.name.startswith("."):
            continue
        day = _day(entry.name)
        if day is None or not entry.is_dir():
            raise RulesError(
                expected="folders named by the day that a change is valid from, YYYY-MM-DD",
                found=f"the {'folder' if entry.is_dir() else 'file'} {entry.name!r}",
                where=str(entry),
                action="Rename the folder to its day, or take it out of changes.",
            )
        found.append((day, entry))
    return sorted(found)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def _check_names(folder: Path, own: Mapping[str, Path]) -> None:
    # every file, not only those with the endings of rule files: one that is misnamed would silently change nothing
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            check_name(name, own.get(name, path))


def _check_follows(change: RuleSet, before: RuleSet, day: date) -> None:
    earlier = f"{before.name} version {before.version}"
    if change.name != before.name:
        raise _out_of_order(
            change, "name", f"the name of the rule set that it changes, {before.name}", change.name, "Keep the name."
        )
    if change.valid_from != day:
        found = change.valid_from.isoformat()
        raise _out_of_order(
            change, "valid_from", f"valid_from {day.isoformat()}, as the folder is named", found, "Correct one of them."
        )
    if change.valid_from <= before.valid_from:
        raise _out_of_order(
            change,
            "valid_from",
            f"a day after {before.valid_from.isoformat()}, from which {earlier} is valid",
            change.valid_from.isoformat(),
            "A change comes after what it changes; correct the day of one of them.",
        )
    if change.version <= before.version:
        raise _out_of_order(
            change,
            "version",
            f"a version above {before.version}, which is valid from {before.valid_from.isoformat()}",
            str(change.version),
            "Raise the version.",
        )


def _out_of_order(change: RuleSet, key: str, expected: str, found: str, action: str) -> RulesError:
    return RulesError(expected=expected, found=found, where=change.place(HEADER, (key,)), action=action)
