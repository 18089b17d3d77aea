"""Findings about the recovery book: worked, and no rule tells its contracts from those of the live book.

The other way round, a rule that asks for written-off contracts while the book is left, can never match; that is found
with all other such rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from arrears.rules.conditions import words_read
from arrears.rules.findings import Finding
from arrears.strategy.checked import Checked

WORD = "written_off"
"""The word by which rules tell the two books apart."""


def recovery_findings(checked: Checked) -> Iterator[Finding]:
    """A warning when the recovery book is worked and no rule reads the word that tells it."""
    if checked.ageing is None or checked.ageing.recovery_book == "left":
        return
    if any(WORD in words_read(condition) for _, _, condition in checked.rules_of_tables()):
        return
    message = f"the recovery book is worked, and no rule reads {WORD}: its contracts are treated like those of the book"
    action = f"Give them a segment of their own: a rule `when: {WORD}` in treatments.yaml, before the others."
    if WORD not in checked.vocabulary.words:
        action = f"Declare the word {WORD} (boolean, not nullable) in vocabulary.yaml. {action}"
    where = checked.rules.document("ageing.yaml").place(("recovery_book",))
    yield Finding("warning", "recovery_unread", message, where, action)
