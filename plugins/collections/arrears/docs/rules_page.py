"""The generated part of `docs/rules.md`: the rule files, and the words that conditions may use."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import yaml

from arrears.docs.markdown import table
from arrears.rules.registry import FILES, model_of


def render(rules: Path) -> str:
    """The rule files below `rules` with what each is for, then the vocabulary."""
    files = [(f"`{pattern}`", _first_sentence(model_of(pattern))) for pattern in FILES]
    words: dict[str, dict[str, Any]] = yaml.safe_load((rules / "vocabulary.yaml").read_text(encoding="utf-8"))["words"]
    rows = [
        (f"`{name}`", word["type"], word.get("unit", ""), ", ".join(word.get("values", [])), word["meaning"])
        for name, word in words.items()
    ]
    return "\n\n".join(
        [
            table(("file", "what it holds"), files),
            "## Words of the conditions",
            table(("word", "type", "unit", "values", "meaning"), rows),
        ]
    )


def _first_sentence(model: type) -> str:
    described = inspect.cleandoc(model.__doc__ or "").split("\n\n")[0]
    return " ".join(described.split())
