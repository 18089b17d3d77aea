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
    files = [(f"`{pattern}`", _purpose(rules, pattern)) for pattern in FILES]
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


def _purpose(rules: Path, pattern: str) -> str:
    """The first sentence of the comment that a file begins with; for a pattern, of its model's docstring."""
    if "*" in pattern:
        text = inspect.cleandoc(model_of(pattern).__doc__ or "")
    else:
        lines = (rules / pattern).read_text(encoding="utf-8").splitlines()
        head = lines[: next(place for place, line in enumerate(lines) if not line.startswith("#"))]
        text = " ".join(line.lstrip("# ") for line in head if "yaml-language-server" not in line)
    return " ".join(text.split()).split(". ")[0].rstrip(".") + "."
