"""The generated part of `docs/rules.md`: the rule files, and the words that conditions may use."""

from __future__ import annotations

import inspect

from arrears.docs.markdown import table
from arrears.rules.registry import FILES, model_of
from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Vocabulary


def render(rules: RuleSet) -> str:
    """The rule files of `rules` with what each is for, then the vocabulary."""
    files = [(f"`{pattern}`", _purpose(rules, pattern)) for pattern in FILES]
    rows = [
        (f"`{name}`", word.type, word.unit or "", ", ".join(word.values), word.meaning)
        for name, word in rules.load("vocabulary.yaml", Vocabulary).words.items()
    ]
    return "\n\n".join(
        [
            table(("file", "what it holds"), files),
            "## Words of the conditions",
            table(("word", "type", "unit", "values", "meaning"), rows),
        ]
    )


def _purpose(rules: RuleSet, pattern: str) -> str:
    """The first sentence of the comment that a file begins with; for a pattern, of its model's docstring."""
    content = rules.text(pattern)
    if content is None:
        text = inspect.cleandoc(model_of(pattern).__doc__ or "")
    else:
        lines = content.splitlines()
        head = lines[: next(place for place, line in enumerate(lines) if not line.startswith("#"))]
        text = " ".join(line.lstrip("# ") for line in head if "yaml-language-server" not in line)
    return " ".join(text.split()).split(". ")[0].rstrip(".") + "."
