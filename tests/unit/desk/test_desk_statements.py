"""The desk's statements as the driver takes them."""

from __future__ import annotations

import pytest
from psycopg import _queries

from arrears.desk.claim import ABSENT, CLAIM, LOCK
from arrears.desk.compiled import Compiled


@pytest.mark.parametrize("statement", [ABSENT, CLAIM, LOCK], ids=["absent", "claim", "lock"])
def test_a_statement_of_every_grab_is_short_enough_to_be_kept_by_the_driver(statement: Compiled) -> None:
    """A longer one is taken apart and prepared anew at each grab, for a tenth of the time that it takes."""
    assert len(statement.text.encode()) <= _queries.MAX_CACHED_STATEMENT_LENGTH


def test_nothing_of_a_callers_stands_in_the_text() -> None:
    assert set(CLAIM.constants) == set()
    for name in ("me", "queue", "actor", "via", "key", "regions", "languages"):
        assert f"%({name})s" in CLAIM.text
