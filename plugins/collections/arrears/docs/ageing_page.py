"""The generated part of docs/ageing.md: the worked cases that the tests hold the SQL to, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from arrears.docs.markdown import table

_EVENTS = (("due", "due"), ("charges", "charge"), ("paid", "paid"), ("pauses", "pause"))
_DAY = "2024-03-31"


def render(cases: Path) -> str:
    """Every case of the file `cases` as a row: what it says, the ledger, and what is expected."""
    told: list[dict[str, Any]] = yaml.safe_load(cases.read_text(encoding="utf-8"))
    rows = [(case["says"], _ledger(case), _expected(case)) for case in told]
    return f"{len(rows)} cases; where no day is named, it is {_DAY}.\n\n" + table(
        ("case", "the ledger and the day", "aged"), rows
    )


def _ledger(case: dict[str, Any]) -> str:
    said = [f"{word} {case[name]}" for name, word in _EVENTS if name in case]
    for name in ("contract", "settings", "rules"):
        said += [f"{key} {_text(value)}" for key, value in case.get(name, {}).items()]
    if "as_of" in case:
        said.append(f"on {case['as_of']}")
    return "; ".join(said)


def _expected(case: dict[str, Any]) -> str:
    if not case["expects"]:
        return "not in the book"
    return ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in case["expects"].items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)
