"""What made a day's strategy tables, kept in their manifest so that the day can be explained and replayed later.

Rules and SQL models are kept under their hash; Python code and engine are named by version and digest; settings that
go over the rules are written down, because a replay must not depend on the environment of the day it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from arrears.lake import Lake
from arrears.run import Run
from arrears.settings import Settings

AGEING = "ageing"
"""Area of the lake with what `age_contracts` made."""
_MODELS = "strategy"
_PACKAGE = Path(__file__).resolve().parents[1]
_DECIDING = ("strategy", "rules", "engines", "sqlmodel.py")
"""The parts of the library that turn ledger and rules into decisions."""
_TELLING = ("explain", "explanation", "replay", "commands", "check")
"""Beginnings of the names of modules among them that only look at decisions."""


def made_by(run: Run, inputs: Mapping[str, str]) -> dict[str, Any]:
    """The record of tables that `run` makes out of `inputs` (table → digest); JSON-safe, the same on every run."""
    return {
        "rule_set": run.rules.name,
        "rule_set_version": run.rules.version,
        "rule_set_hash": run.rules.hash,
        "models": models_hash(run.settings.sql),
        "code": code_version(run.settings),
        "settings": {"materiality": run.settings.materiality, "grace_days": run.settings.grace_days},
        "inputs": dict(inputs),
    }


def keep_models(sql_root: Path, lake: Lake) -> Path:
    """Keeps the strategy's SQL models in the lake under `_sql/<hash>`, once; returns the folder."""
    files = {path.relative_to(sql_root).as_posix(): path.read_bytes() for path in _models(sql_root)}
    return lake.keep(kept_models(models_hash(sql_root)), files)


def kept_models(models: str) -> str:
    """The folder of the lake that holds the SQL models of the hash `models`, laid out like `include/sql`."""
    return f"_sql/{models}"


def models_hash(sql_root: Path) -> str:
    """SHA-256 over names and contents of the strategy's SQL models."""
    return _digest(sql_root, _models(sql_root))


def code_version(settings: Settings) -> dict[str, str]:
    """The library's version, a digest of the code that decides, and the engine with its version."""
    package = "duckdb" if settings.engine == "duckdb" else "pyspark"
    return {
        "arrears": version("arrears"),
        "sources": _sources_digest(),
        "engine": f"{settings.engine} {version(package)}",
    }


def _models(sql_root: Path) -> list[Path]:
    return sorted((sql_root / _MODELS).glob("*.sql"))


@cache
def _sources_digest() -> str:
    roots = [_PACKAGE / name for name in _DECIDING]
    files = [path for root in roots for path in (root.rglob("*.py") if root.is_dir() else [root])]
    return _digest(_PACKAGE, sorted(path for path in files if not path.name.startswith(_TELLING)))


def _digest(root: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
