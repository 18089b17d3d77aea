"""Comma-separated lists, as the roster and the cases have them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from arrears.allocation.levelling import Flags


def listed(text: str | None) -> tuple[str, ...]:
    """The items of a comma-separated list."""
    return () if text is None else tuple(item for item in (part.strip() for part in text.split(",")) if item)


def list_flags(lists: Sequence[str | None], names: Sequence[str]) -> Flags:
    """[name, list]: whether the name is in the list; where there is no list all are.

    The last row is that of no name, which is everywhere.
    """
    at = {name: number for number, name in enumerate(names)}
    flags = np.ones((len(names) + 1, len(lists)), dtype=np.bool_)
    for place, text in enumerate(lists):
        if text is not None:
            flags[:-1, place] = False
            flags[[at[each] for each in listed(text) if each in at], place] = True
    return flags
