"""Findings about the vocabulary: words that no case has, of another kind, or without the attribute that they tell."""

from __future__ import annotations

from collections.abc import Iterator

from arrears.errors import RulesError
from arrears.rules.files import did_you_mean
from arrears.rules.findings import Finding
from arrears.rules.vocabulary import Vocabulary
from arrears.strategy.case_columns import CASE_COLUMNS, PERSONAL
from arrears.strategy.checked import Checked

_FILE = "vocabulary.yaml"


def vocabulary_findings(checked: Checked) -> Iterator[Finding]:
    """What is wrong with the words themselves; the form of the file is judged elsewhere."""
    try:
        vocabulary = checked.rules.load(_FILE, Vocabulary)
    except RulesError:
        return
    for name, word in vocabulary.words.items():
        where = checked.rules.place(_FILE, ("words", name))
        kind = CASE_COLUMNS.get(name)
        if kind is None:
            action = did_you_mean(name, CASE_COLUMNS) or "Take the word out; strategy/facts.sql gives the columns."
            yield Finding("error", "unknown_column", f"no case has a column {name}", where, action)
            continue
        if word.type != kind:
            message = f"{name} is a {kind} in the cases, not a {word.type}"
            yield Finding("error", "type", message, where, f"Write type: {kind}.")
        attribute = PERSONAL.get(name)
        if attribute is not None and word.attribute != attribute:
            said = word.attribute or "nothing"
            message = f"{name} tells the {attribute} of a customer, and the vocabulary calls that {said}"
            action = f"Write attribute: {attribute}, so that the policy's verdict reaches every rule that reads it."
            yield Finding("error", "attribute", message, where, action)
