"""What the gateway got and what it reports, in SQLite: every delivery is counted, also the repeats that it drops."""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arrears.demo.gateway.outcomes import Report

HTTP_CHANNELS = ("sms", "dialer")
EMAIL = "email"
AGENCY = "agency"
CHANNELS = (*HTTP_CHANNELS, EMAIL, AGENCY)

_VERSION = 2
"""Of the tables below; a store of another version is put aside, not read."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    message_id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    recipient TEXT NOT NULL,
    content TEXT NOT NULL,
    -- of the recipient and what is said: the same under another key is the same message to a person
    digest BLOB NOT NULL,
    given INTEGER NOT NULL,
    effects INTEGER NOT NULL,
    UNIQUE (channel, key)
);
CREATE TABLE IF NOT EXISTS receipt (
    receipt_id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reply TEXT,
    promised_days INTEGER
);
CREATE TABLE IF NOT EXISTS held_receipt (
    held_id INTEGER PRIMARY KEY,
    due_at REAL NOT NULL,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    message_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reply TEXT,
    promised_days INTEGER
);
CREATE TABLE IF NOT EXISTS taken_file (
    name TEXT PRIMARY KEY
);
CREATE TABLE IF NOT EXISTS strike (
    channel TEXT NOT NULL,
    mode TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (channel, mode)
);
CREATE TABLE IF NOT EXISTS webhook (
    channel TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    refused INTEGER NOT NULL
);
"""
_RECEIPT = "channel, key, message_id, number, delivered, outcome, reply, promised_days"
_TAKE = (
    "INSERT INTO message (channel, key, recipient, content, digest, given, effects) VALUES (?, ?, ?, ?, ?, 1, ?)"
    " ON CONFLICT (channel, key) DO UPDATE SET given = given + 1, effects = effects + ? RETURNING message_id, given"
)
_STATS = (
    "SELECT channel, SUM(given) AS given, COUNT(*) AS messages, SUM(effects) AS effects,"
    " SUM(given) - COUNT(*) AS repeats, MAX(effects) AS most_effects FROM message GROUP BY channel"
)
_MORE = (
    "SELECT channel, COUNT(*) - COUNT(DISTINCT digest) AS same_content,"
    " SUM(effects = 0) AS lost FROM message GROUP BY channel"
)


@dataclass(frozen=True)
class Taken:
    """What the gateway says of a message that it was given."""

    message_id: int
    repeated: bool


@dataclass(frozen=True)
class Later:
    """A report of a message, and after how many seconds it is given out."""

    number: int
    report: Report
    seconds: float = 0.0


@dataclass(frozen=True)
class Webhook:
    """Where a channel's receipts are sent."""

    channel: str
    url: str
    secret: str
    cursor: int
    """The last receipt that was taken there."""


class Store:
    """The gateway's memory; used from one thread. `now` tells the seconds that held receipts wait by."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _put_aside_other_version(path)
        self._now = now
        self._database = sqlite3.connect(path, isolation_level=None)
        path.chmod(0o600)
        self._database.row_factory = sqlite3.Row
        # what is committed outlives a killed gateway; an outage of the machine is not what a sandbox is for
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA user_version = {_VERSION}")
        self._next_due = self._first_due()

    def take(
        self,
        channel: str,
        key: str,
        recipient: str,
        content: str,
        *,
        reports: Callable[[], Sequence[Later]] | None = None,
        has_effect: bool = True,
        drops_repeats: bool = True,
        said: str | None = None,
    ) -> Taken:
        """Takes a message; the first time, its `reports` are asked for and kept as well.

        A repeat of a key has an effect where the channel does not drop repeats, as with real mail. `has_effect` False:
        it is taken and never delivered. `said` is what it says, where `content` has more than that.
        """
        digest = hashlib.sha256(f"{recipient}\0{content if said is None else said}".encode()).digest()[:16]
        with self._together():
            row = self._database.execute(
                _TAKE, (channel, key, recipient, content, digest, int(has_effect), 0 if drops_repeats else 1)
            ).fetchone()
            if row["given"] == 1 and reports is not None:
                self._keep(channel, key, row["message_id"], reports())
        return Taken(row["message_id"], repeated=row["given"] > 1)

    def took_effect_again(self, message_id: int) -> None:
        """Counts a further effect: the channel had forgotten the key."""
        self._database.execute("UPDATE message SET effects = effects + 1 WHERE message_id = ?", (message_id,))

    def is_new_file(self, name: str) -> bool:
        """Whether a file is read for the first time; once, however often it is asked in committed transactions."""
        return self._database.execute("INSERT OR IGNORE INTO taken_file VALUES (?)", (name,)).rowcount == 1

    @contextmanager
    def together(self) -> Iterator[None]:
        """Makes what is taken inside one transaction."""
        self._database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def message(self, channel: str, key: str) -> dict[str, Any] | None:
        """What was given under a key."""
        row = self._database.execute("SELECT * FROM message WHERE channel = ? AND key = ?", (channel, key)).fetchone()
        return None if row is None else _shown(row)

    def message_of(self, message_id: int) -> dict[str, Any] | None:
        """A message by the gateway's own number."""
        row = self._database.execute("SELECT * FROM message WHERE message_id = ?", (message_id,)).fetchone()
        return None if row is None else _shown(row)

    def messages(self, channel: str | None) -> list[dict[str, Any]]:
        """What was given, one row per key, in the order in which it first came."""
        rows = self._database.execute(
            "SELECT * FROM message WHERE ? IS NULL OR channel = ? ORDER BY message_id", (channel, channel)
        )
        return [_shown(row) for row in rows]

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The messages that came last, with what was last reported of each."""
        rows = self._database.execute(
            "SELECT message.*, (SELECT outcome FROM receipt WHERE receipt.message_id = message.message_id"
            " ORDER BY receipt_id DESC LIMIT 1) AS outcome FROM message ORDER BY message_id DESC LIMIT ?",
            (limit,),
        )
        return [_shown(row) for row in rows]

    def receipts(self, channel: str | None, after: int, limit: int) -> list[dict[str, Any]]:
        """Receipts behind the cursor `after`, oldest first; those that are held are given out when they are due."""
        self.release()
        rows = self._database.execute(
            "SELECT * FROM receipt WHERE receipt_id > ? AND (? IS NULL OR channel = ?) ORDER BY receipt_id LIMIT ?",
            (after, channel, channel, limit),
        )
        return [dict(row) for row in rows]

    def release(self) -> None:
        """Gives out the receipts that were held and are due."""
        now = self._now()
        if now < self._next_due:
            return
        with self._together():
            self._database.execute(
                f"INSERT INTO receipt ({_RECEIPT}) SELECT {_RECEIPT} FROM held_receipt"  # noqa: S608 (names of ours)
                " WHERE due_at <= ? ORDER BY due_at, held_id",
                (now,),
            )
            self._database.execute("DELETE FROM held_receipt WHERE due_at <= ?", (now,))
        self._next_due = self._first_due()

    def struck(self, channel: str, mode: str) -> None:
        """Counts a misbehaviour."""
        self._database.execute(
            "INSERT INTO strike VALUES (?, ?, 1) ON CONFLICT (channel, mode) DO UPDATE SET times = times + 1",
            (channel, mode),
        )

    def stats(self) -> dict[str, dict[str, int]]:
        """Per channel: how often something was given, distinct messages, effects, repeats, and most effects of one."""
        found = {row["channel"]: _without_channel(row) for row in self._database.execute(_STATS)}
        empty = {"given": 0, "messages": 0, "effects": 0, "repeats": 0, "most_effects": 0}
        return {channel: found.get(channel, dict(empty)) for channel in CHANNELS}

    def report(self) -> dict[str, dict[str, Any]]:
        """The whole account per channel: `stats`, the same content under another key, what was taken and lost, each
        misbehaviour with its count, and receipts given out, held, and taken or refused at the webhook."""
        account: dict[str, dict[str, Any]] = {
            channel: {
                **counts,
                "same_content": 0,
                "lost": 0,
                "struck": {},
                "receipts": 0,
                "held_receipts": 0,
                "webhook_delivered": 0,
                "webhook_refused": 0,
            }
            for channel, counts in self.stats().items()
        }
        for statement in (
            _MORE,
            "SELECT channel, COUNT(*) AS receipts FROM receipt GROUP BY channel",
            "SELECT channel, COUNT(*) AS held_receipts FROM held_receipt GROUP BY channel",
            "SELECT channel, delivered AS webhook_delivered, refused AS webhook_refused FROM webhook",
        ):
            for row in self._database.execute(statement):
                account[row["channel"]] |= _without_channel(row)
        for row in self._database.execute("SELECT channel, mode, times FROM strike ORDER BY channel, mode"):
            account[row["channel"]]["struck"][row["mode"]] = row["times"]
        return account

    def set_webhook(self, channel: str, url: str, secret: str) -> None:
        """Sends a channel's receipts to `url` from now on; those that were given out before are not sent."""
        last = self._database.execute("SELECT COALESCE(MAX(receipt_id), 0) FROM receipt").fetchone()[0]
        self._database.execute(
            "INSERT INTO webhook VALUES (?, ?, ?, ?, 0, 0) ON CONFLICT (channel) DO UPDATE"
            " SET url = excluded.url, secret = excluded.secret",
            (channel, url, secret, last),
        )

    def end_webhook(self, channel: str) -> None:
        """Sends a channel's receipts nowhere."""
        self._database.execute("DELETE FROM webhook WHERE channel = ?", (channel,))

    def webhooks(self) -> list[Webhook]:
        """Where receipts are sent."""
        rows = self._database.execute("SELECT channel, url, secret, cursor FROM webhook ORDER BY channel")
        return [Webhook(**dict(row)) for row in rows]

    def sent(self, channel: str, cursor: int, receipts: int, *, taken: bool) -> None:
        """Writes down that a webhook took receipts up to `cursor`, or refused them."""
        if taken:
            change = "UPDATE webhook SET cursor = ?, delivered = delivered + ? WHERE channel = ?"
        else:
            change = "UPDATE webhook SET cursor = ?, refused = refused + ? WHERE channel = ?"
        self._database.execute(change, (cursor, receipts, channel))

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    @contextmanager
    def _together(self) -> Iterator[None]:
        if self._database.in_transaction:
            yield
            return
        with self.together():
            yield

    def _keep(self, channel: str, key: str, message_id: int, reports: Sequence[Later]) -> None:
        for later in reports:
            said = later.report
            row = (
                channel,
                key,
                message_id,
                later.number,
                int(said.delivered),
                said.outcome,
                said.reply,
                said.promised_days,
            )
            if later.seconds <= 0:
                self._database.execute(
                    f"INSERT INTO receipt ({_RECEIPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 (names of ours)
                    row,
                )
                continue
            due = self._now() + later.seconds
            self._database.execute(
                f"INSERT INTO held_receipt (due_at, {_RECEIPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (due, *row),
            )
            self._next_due = min(self._next_due, due)

    def _first_due(self) -> float:
        first = self._database.execute("SELECT MIN(due_at) FROM held_receipt").fetchone()[0]
        return math.inf if first is None else float(first)


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() if name != "digest"}  # noqa: SIM118 (a row is no mapping)


def _without_channel(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() if name != "channel"}  # noqa: SIM118


def _put_aside_other_version(path: Path) -> None:
    if not path.exists():
        return
    database = sqlite3.connect(path)
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        tables = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if tables and version != _VERSION:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()
    if tables and version != _VERSION:
        os.replace(path, path.with_name(f"{path.name}.v{version}"))
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink(missing_ok=True)
