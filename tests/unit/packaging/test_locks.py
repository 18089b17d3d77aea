"""The lock files: hashes everywhere, one version of a package in all of them, and nothing used that is not declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from arrears.settings import PROJECT

LOCKS = sorted((PROJECT / "requirements").glob("*.txt"))
_OF_AIRFLOW = {"airflow"}


def _pins(lock: Path) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", lock.read_text("utf-8"), re.MULTILINE
    ):
        pins.setdefault(name, set()).add(version)
    return pins


def test_the_locks_are_these() -> None:
    assert [lock.name for lock in LOCKS] == ["bootstrap.txt", "dev.txt", "runtime.txt", "spark.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_has_hashes_and_the_file_names_no_place(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert not re.search(r"^-(i|f|-index|-find)", text, re.MULTILINE)
    assert text.splitlines()[1] == "#    make lock"


@pytest.mark.parametrize(("smaller", "larger"), [("runtime", "dev"), ("dev", "spark")])
def test_the_larger_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    folder = PROJECT / "requirements"
    few, many = _pins(folder / f"{smaller}.txt"), _pins(folder / f"{larger}.txt")
    assert few == {name: many.get(name) for name in few}


def test_everything_that_the_library_imports_is_declared() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    requirements = [*project["dependencies"], *project["optional-dependencies"]["spark"]]
    declared = {_normal(re.match(r"[A-Za-z0-9._-]+", requirement)[0]) for requirement in requirements}  # type: ignore[index]
    distributions = packages_distributions()
    undeclared: dict[str, str] = {}
    for path in (PROJECT / "plugins").rglob("*.py"):
        for name in _imported(path) - sys.stdlib_module_names - {"arrears"} - _OF_AIRFLOW:
            if not declared & {_normal(each) for each in distributions.get(name, [name])}:
                undeclared[name] = path.name
    assert undeclared == {}


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
