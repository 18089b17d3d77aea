"""Requests with a key: a repetition is given the stored answer and changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert

from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.warehouse.ops_desk import DeskRequest

KEPT_DAYS = 7
"""Days for which answers are kept."""
_LONGEST_KEY = 200

_REQUEST: sa.Table = DeskRequest.__table__  # type: ignore[assignment]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Request:
    """One request of a caller: what is asked for, under which key."""

    caller: Caller
    action: str
    key: str | None
    body: tuple[Any, ...]
    day: date

    def answer(self, connection: sa.Connection, kind: type[Answer], act: Callable[[], Answer]) -> Answer:
        """The stored answer of a request that was made before, else what `act` answers, which is then stored.

        Both in the caller's transaction: a request that fails, or is killed, has not been made. Raises Refusal for a
        key that was used for something else.
        """
        if self.key is None:
            return act()
        if not 0 < len(self.key) <= _LONGEST_KEY or not self.key.isprintable():
            raise Refusal(
                kind="invalid",
                rule="request.key",
                expected=f"a request key of 1 to {_LONGEST_KEY} printable characters",
                found="another text",
                where=self.action,
                action="Use a new random key, for example a UUID, for every request.",
            )
        own = {"caller": f"{self.caller.via}:{self.caller.name}", "action": self.action, "request_key": self.key}
        body = hashlib.sha256(json.dumps(self.body, default=str).encode()).hexdigest()
        # waits for a request of the same key that is under way
        new = insert(_REQUEST).values(**own, body=body, answer=None, business_day=self.day).on_conflict_do_nothing()
        mine = sa.and_(*[_REQUEST.c[name] == value for name, value in own.items()])
        if not connection.execute(new.returning(_REQUEST.c.body)).first():
            before = connection.execute(sa.select(_REQUEST.c.body, _REQUEST.c.answer).where(mine)).one()
            if before.body != body:
                raise Refusal(
                    kind="conflict",
                    rule="request.key_reused",
                    expected="a request as it was made before under this key",
                    found="another one",
                    where=self.action,
                    action="Use a new key for every request.",
                )
            stored: Answer = _adapter(kind).validate_python(before.answer)
            return stored
        answer = act()
        connection.execute(
            sa.update(_REQUEST).where(mine).values(answer=_adapter(kind).dump_python(answer, mode="json"))
        )
        return answer


def forget_old(connection: sa.Connection, day: date) -> int:
    """Forgets answers that are older than KEPT_DAYS; how many."""
    old = _REQUEST.c.business_day < day - timedelta(days=KEPT_DAYS)
    return connection.execute(sa.delete(_REQUEST).where(old)).rowcount


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
