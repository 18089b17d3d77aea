"""What the gateway got, in SQLite: every delivery is counted, also the repeats that it drops."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HTTP_CHANNELS = ("sms", "dialer")
EMAIL = "email"
CHANNELS = (*HTTP_CHANNELS, EMAIL)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    message_id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    recipient TEXT NOT NULL,
    content TEXT NOT NULL,
    given INTEGER NOT NULL,
    effects INTEGER NOT NULL,
    UNIQUE (channel, key)
);
CREATE TABLE IF NOT EXISTS receipt (
    receipt_id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    outcome TEXT NOT NULL
);
"""

_OUTCOMES: dict[str, Sequence[tuple[str, int]]] = {
    "sms": (("delivered", 96), ("failed", 4)),
    "dialer": (
        ("right_party", 32),
        ("connected", 6),
        ("wrong_party", 3),
        ("no_answer", 42),
        ("busy", 12),
        ("invalid", 5),
    ),
}
"""How a message ends, in percent; which one follows from its key."""
_NOT_DELIVERED = frozenset({"failed", "invalid"})


@dataclass(frozen=True)
class Taken:
    """What the gateway says of a message that it was given."""

    message_id: int
    repeated: bool


class Store:
    """The gateway's memory; used from one thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        # what is committed outlives a killed gateway; an outage of the machine is not what a sandbox is for
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)

    def take(self, channel: str, key: str, recipient: str, content: str) -> Taken:
        """Takes a message. Over HTTP a key has effect once; over SMTP whatever comes has effect, as with real mail."""
        drops_repeats = channel in HTTP_CHANNELS
        known = self._database.execute(
            "SELECT message_id FROM message WHERE channel = ? AND key = ?", (channel, key)
        ).fetchone()
        if known is not None:
            self._database.execute(
                "UPDATE message SET given = given + 1, effects = effects + ? WHERE message_id = ?",
                (0 if drops_repeats else 1, known["message_id"]),
            )
            return Taken(known["message_id"], repeated=True)
        self._database.execute("BEGIN")
        message_id = self._database.execute(
            "INSERT INTO message (channel, key, recipient, content, given, effects) VALUES (?, ?, ?, ?, 1, 1)",
            (channel, key, recipient, content),
        ).lastrowid
        if channel in _OUTCOMES:
            outcome = _outcome(channel, key)
            self._database.execute(
                "INSERT INTO receipt (channel, key, message_id, delivered, outcome) VALUES (?, ?, ?, ?, ?)",
                (channel, key, message_id, outcome not in _NOT_DELIVERED, outcome),
            )
        self._database.execute("COMMIT")
        return Taken(int(message_id or 0), repeated=False)

    def receipts(self, channel: str | None, after: int, limit: int) -> list[dict[str, Any]]:
        """Receipts behind the cursor `after`, oldest first."""
        rows = self._database.execute(
            "SELECT * FROM receipt WHERE receipt_id > ? AND (? IS NULL OR channel = ?) ORDER BY receipt_id LIMIT ?",
            (after, channel, channel, limit),
        )
        return [dict(row) for row in rows]

    def messages(self, channel: str | None) -> list[dict[str, Any]]:
        """What was given, one row per key, in the order in which it first came."""
        rows = self._database.execute(
            "SELECT * FROM message WHERE ? IS NULL OR channel = ? ORDER BY message_id", (channel, channel)
        )
        return [dict(row) for row in rows]

    def stats(self) -> dict[str, dict[str, int]]:
        """Per channel: how often something was given, distinct messages, effects, repeats, and most effects of one."""
        rows = self._database.execute(
            "SELECT channel, SUM(given) AS given, COUNT(*) AS messages, SUM(effects) AS effects,"
            " SUM(given) - COUNT(*) AS repeats, MAX(effects) AS most_effects FROM message GROUP BY channel"
        )
        found = {row["channel"]: {name: row[name] for name in row.keys() if name != "channel"} for row in rows}  # noqa: SIM118
        empty = {"given": 0, "messages": 0, "effects": 0, "repeats": 0, "most_effects": 0}
        return {channel: found.get(channel, dict(empty)) for channel in CHANNELS}

    def close(self) -> None:
        """Closes the database."""
        self._database.close()


def _outcome(channel: str, key: str) -> str:
    draw = int(hashlib.sha256(f"{channel}|{key}".encode()).hexdigest()[:8], 16) % 100
    for outcome, share in _OUTCOMES[channel]:
        if draw < share:
            return outcome
        draw -= share
    raise AssertionError(f"the shares of {channel} add up to less than 100")
