"""`vocabulary.yaml`: the names that conditions may use, with their types and meanings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from arrears.rules.files import RuleModel

Kind = Literal["number", "text", "date", "boolean"]


class Word(RuleModel):
    """One name of the vocabulary: a column that conditions may read."""

    type: Kind
    """What kind of value it is."""
    meaning: Annotated[str, Field(min_length=1)]
    """What it says, for whoever writes a condition."""
    unit: str | None = None
    """What a number counts."""
    values: tuple[str, ...] = ()
    """All values that a text can take, where they are known; a condition that asks for another is wrong."""
    nullable: bool = True
    """Whether a case can be without it (NULL)."""
    decimals: Annotated[int, Field(ge=0, le=9)] | None = None
    """Digits after the point of a number: 0 for whole numbers; without it, any number."""
    attribute: str | None = None
    """Name in the policies' attribute registry, for what a policy may deny or put under review."""


class Vocabulary(RuleModel):
    """All names, by where they come from."""

    words: dict[str, Word]
    """Name of a column of the cases → what it is."""
    facts: tuple[str, ...] = ()
    """What holds for every case that the tables see, as conditions that are never false; what the checks of
    reachability and coverage take for certain."""

    def extended(self, words: dict[str, Word]) -> Vocabulary:
        """The vocabulary with further words, made by earlier tables."""
        return Vocabulary(words={**self.words, **words}, facts=self.facts)
