"""A rule set: the files of `include/rules` as one version, with the hash that every decision row carries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, cast

from pydantic import Field

from arrears.errors import RulesError
from arrears.rules.files import Model, RuleModel, parse_rules


class RuleSetHeader(RuleModel):
    """`rule_set.yaml`: what this set of rules is called, from when it is valid, who answers for it and why."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    version: Annotated[int, Field(ge=1)]
    policy: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """The pack in `policies/` under which these rules are used."""
    valid_from: date
    owner: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class RuleSet:
    """The rules valid on one day. Files are parsed when they are first asked for."""

    root: Path
    name: str
    version: int
    policy: str
    hash: str
    """SHA-256 over names and contents of all rule files."""

    def load(self, file: str, model: type[Model]) -> Model:
        """The rule file `file` (relative to the rules folder) as `model`; RulesError with file and line."""
        return cast("Model", _parsed(self.root, self.hash, file, model))

    def files(self) -> tuple[Path, ...]:
        """All rule files, in the order that the hash takes them."""
        return rule_files(self.root)


@cache
def _parsed(root: Path, content: str, file: str, model: type[RuleModel]) -> RuleModel:
    # keyed by content, so that an edited file is parsed again in a long-lived process
    del content
    return parse_rules(root / file, model)


def rule_files(root: Path) -> tuple[Path, ...]:
    """All rule files below `root` (YAML, and the templates that contacts are made from), sorted by relative path."""
    found = [
        path
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix in {".yaml", ".txt", ".html"}
    ]
    return tuple(sorted(found, key=lambda path: path.relative_to(root).as_posix()))


def rules_hash(root: Path) -> str:
    """SHA-256 over the relative names and the contents of all rule files below `root`."""
    digest = hashlib.sha256()
    for path in rule_files(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def load_rule_set(root: Path, as_of: date) -> RuleSet:
    """The rule set in `root`; RulesError when it is not yet valid on `as_of`."""
    header = parse_rules(root / "rule_set.yaml", RuleSetHeader)
    if as_of < header.valid_from:
        raise RulesError(
            expected=f"rules valid on {as_of.isoformat()}",
            found=f"{header.name} version {header.version}, valid from {header.valid_from.isoformat()}",
            where=str(root / "rule_set.yaml"),
            action="Set valid_from to the first day that these rules may decide.",
        )
    return RuleSet(root=root, name=header.name, version=header.version, policy=header.policy, hash=rules_hash(root))
