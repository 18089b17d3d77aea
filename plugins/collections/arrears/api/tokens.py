"""Bearer tokens of the collectors' systems: issue, check, rotate with an overlap, revoke, list.

A token is `arrears_<id>_<secret>`. The id finds the row, the secret is 256 random bits, and the row keeps only the
secret's SHA-256: with that much chance in it nothing slower is needed, so a check costs one look-up. Lifetimes go by
the machine's time and never by the clock of acting: a clock that stands still must not keep a token alive.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from arrears.desk.callers import Caller, Role
from arrears.errors import ArrearsError
from arrears.warehouse.ops_cases import COLLECTOR
from arrears.warehouse.ops_tokens import API_TOKEN

LONGEST = timedelta(days=366)
"""How long a token may live at most; then it is rotated."""
PREFIX = "arrears"

_ID_BYTES = 6
_SECRET_BYTES = 32
_TOKEN = re.compile(rf"{PREFIX}_(?P<id>[0-9a-f]{{12}})_(?P<secret>[A-Za-z0-9_-]{{43}})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_NOBODY = hashlib.sha256(b"").hexdigest()


class TokenError(ArrearsError):
    """A token cannot be issued, rotated or revoked as asked."""


@dataclass(frozen=True)
class IssuedToken:
    """A new token; `text` is what its user sends, shown once and kept nowhere."""

    token_id: str
    name: str
    expires_at: datetime
    text: str


@dataclass(frozen=True)
class TokenState:
    """One token as the list shows it."""

    token_id: str
    name: str
    role: Role
    collector_id: str | None
    teams: frozenset[str] | None
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    state: str
    """live, expired or revoked."""


def now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


def is_token(text: str) -> bool:
    """Whether a text has the form of a token; only then it is looked up."""
    return _TOKEN.fullmatch(text) is not None


def check_token(connection: sa.Connection, text: str, at: datetime) -> Caller | None:
    """The caller whom a token stands for; None for one that is unknown, expired or revoked, without telling which."""
    read = _TOKEN.fullmatch(text)
    if read is None:
        return None
    row = connection.execute(sa.select(API_TOKEN).where(API_TOKEN.c.token_id == read["id"])).one_or_none()
    # an unknown id is compared as well, so that its answer takes no less time
    same = hmac.compare_digest(_digest(read["secret"]), row.digest if row else _NOBODY)
    if row is None or not same or row.revoked_at is not None or at >= row.expires_at:
        return None
    return Caller(
        name=row.name, role=row.role, collector_id=row.collector_id, teams=_read_teams(row.teams), via="token"
    )


def issue_token(
    warehouse: sa.Engine,
    name: str,
    role: Role,
    *,
    collector_id: str | None = None,
    teams: Collection[str] | None = None,
    lifetime: timedelta,
    at: datetime,
) -> IssuedToken:
    """Issues a token for `name`.

    A collector's token is scoped to one collector, a lead's or viewer's to teams (None: all). Raises TokenError for a
    scope or name that makes no sense, and for a name that has a token which still works: that one is rotated.
    """
    if _NAME.fullmatch(name) is None:
        raise _wrong("a name of letters, digits, dots, hyphens and underscores, 64 at most", "another", "Rename it.")
    if (role == "collector") != (collector_id is not None):
        raise _wrong("a collector with the role collector, and with no other", f"the role {role}", "Correct the scope.")
    if teams is not None and (role == "collector" or not teams or any("," in team or not team for team in teams)):
        raise _wrong("teams for a lead or viewer, without commas in them", "other teams", "Correct the scope.")
    with warehouse.begin() as connection:
        _lock(connection)
        if _working(connection, name, at):
            raise TokenError(
                expected=f"a name without a token that works at {at.isoformat(timespec='seconds')}",
                found="one that works",
                where=f"token {name}",
                action="Rotate it with `arrears token rotate`, or revoke it first.",
            )
        scope = {"role": role, "collector_id": collector_id, "teams": ",".join(sorted(teams)) if teams else None}
        return _insert(connection, name, scope, lifetime, at)


def rotate_token(
    warehouse: sa.Engine, name: str, *, overlap: timedelta, lifetime: timedelta, at: datetime
) -> IssuedToken:
    """Issues a new token of the same scope; the one before works on for `overlap` at most, so that nobody is cut off.

    Raises TokenError when `name` has no token that works.
    """
    if overlap < timedelta(0):
        raise _wrong("an overlap of zero or more", str(overlap), "Correct the overlap.")
    with warehouse.begin() as connection:
        _lock(connection)
        working = _working(connection, name, at)
        if not working:
            raise _unknown(name)
        newest = working[-1]
        scope = {"role": newest.role, "collector_id": newest.collector_id, "teams": newest.teams}
        new = _insert(connection, name, scope, lifetime, at, replaces=newest.token_id)
        ends = at + overlap
        for row in working:
            if ends < row.expires_at:
                # an overlap of nothing still ends after the issue, as the table wants it
                values = {"expires_at": ends} if ends > row.issued_at else {"revoked_at": at}
                connection.execute(sa.update(API_TOKEN).where(API_TOKEN.c.token_id == row.token_id).values(values))
        return new


def revoke_token(warehouse: sa.Engine, name: str, *, at: datetime) -> int:
    """Revokes all tokens of `name`, or the one with that id, at once; how many there were. TokenError for none."""
    with warehouse.begin() as connection:
        _lock(connection)
        revoked = connection.execute(
            sa.update(API_TOKEN)
            .where(
                sa.or_(API_TOKEN.c.name == name, API_TOKEN.c.token_id == name),
                API_TOKEN.c.revoked_at.is_(None),
                API_TOKEN.c.expires_at > at,
            )
            .values(revoked_at=at)
        ).rowcount
    if not revoked:
        raise _unknown(name)
    return revoked


def list_tokens(connection: sa.Connection, at: datetime) -> list[TokenState]:
    """All tokens ever issued, by name and age, without their hashes."""
    rows = connection.execute(sa.select(API_TOKEN).order_by(API_TOKEN.c.name, API_TOKEN.c.issued_at))
    return [
        TokenState(
            token_id=row.token_id,
            name=row.name,
            role=row.role,
            collector_id=row.collector_id,
            teams=_read_teams(row.teams),
            issued_at=row.issued_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            state="revoked" if row.revoked_at else "expired" if at >= row.expires_at else "live",
        )
        for row in rows
    ]


def knows_collector(connection: sa.Connection, collector_id: str) -> bool:
    """Whether the roster has the collector."""
    found = connection.scalar(sa.select(COLLECTOR.c.collector_id).where(COLLECTOR.c.collector_id == collector_id))
    return found is not None


def _insert(
    connection: sa.Connection,
    name: str,
    scope: dict[str, Any],
    lifetime: timedelta,
    at: datetime,
    replaces: str | None = None,
) -> IssuedToken:
    if not timedelta(0) < lifetime <= LONGEST:
        raise _wrong(f"a lifetime of more than nothing and at most {LONGEST.days} days", str(lifetime), "Correct it.")
    token_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
    row = {
        "token_id": token_id,
        "name": name,
        **scope,
        "digest": _digest(secret),
        "issued_at": at,
        "expires_at": at + lifetime,
        "replaces": replaces,
    }
    connection.execute(sa.insert(API_TOKEN), row)
    return IssuedToken(token_id, name, at + lifetime, f"{PREFIX}_{token_id}_{secret}")


def _working(connection: sa.Connection, name: str, at: datetime) -> list[Any]:
    working = (API_TOKEN.c.name == name, API_TOKEN.c.revoked_at.is_(None), API_TOKEN.c.expires_at > at)
    return list(connection.execute(sa.select(API_TOKEN).where(*working).order_by(API_TOKEN.c.issued_at)))


def _lock(connection: sa.Connection) -> None:
    # those who issue at once come one after the other; those who check are not held up
    connection.execute(sa.text("LOCK TABLE ops.api_token IN SHARE ROW EXCLUSIVE MODE"))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _read_teams(teams: str | None) -> frozenset[str] | None:
    return None if teams is None else frozenset(teams.split(","))


def _wrong(expected: str, found: str, action: str) -> TokenError:
    return TokenError(expected=expected, found=found, where="the token", action=action)


def _unknown(name: str) -> TokenError:
    return TokenError(
        expected="a token that works",
        found="none",
        where=f"token {name}",
        action="`arrears token list` shows all.",
    )
