"""What leads do to single contacts: send dead letters again, cancel what has not gone. With who and why, and once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from arrears.clock import Clock
from arrears.desk.audit import given_reason
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.desk.requests import Request
from arrears.outreach import outbox

MOST_CONTACTS = 500
"""Contacts that one request may name."""


class NotHandled(NamedTuple):
    """A contact that was left as it is, and why."""

    task_key: str
    rule: str


@dataclass(frozen=True)
class Handled:
    """What came of a request: each contact is done or refused."""

    done: tuple[str, ...]
    refused: tuple[NotHandled, ...] = ()


class Contacts:
    """Contacts of one warehouse, in the hands of leads; safe between threads."""

    def __init__(self, warehouse: sa.Engine, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock

    def redrive(
        self, caller: Caller, task_keys: Collection[str], *, reason: str, request_key: str | None = None
    ) -> Handled:
        """Plans dead letters again: they pass the gate and go once their channel sends.

        Refused one by one: redrive.unknown (nobody knows whether it went), redrive.taken (the provider took it),
        redrive.state, redrive.day, redrive.window, redrive.no_such_task. Raises Refusal: role.lead, scope.queue,
        reason.…, contacts.number.
        """
        return self._act(caller, "redrive", outbox.redrive, task_keys, reason, request_key)

    def cancel(
        self, caller: Caller, task_keys: Collection[str], *, reason: str, request_key: str | None = None
    ) -> Handled:
        """Cancels contacts that have not gone; no later plan of the day brings them back.

        Refused one by one: cancel.state (under way, gone or ended), cancel.doubtful (it may have gone),
        cancel.no_such_task. Raises Refusal as `redrive` does.
        """
        return self._act(caller, "cancel", outbox.cancel, task_keys, reason, request_key)

    def _act(
        self,
        caller: Caller,
        action: str,
        do: Callable[..., outbox.Acted],
        task_keys: Collection[str],
        reason: str,
        request_key: str | None,
    ) -> Handled:
        what = {"redrive": "sending again", "cancel": "a cancellation"}[action]
        caller.must_lead_all(what)
        words = given_reason(reason, what)
        keys = list(dict.fromkeys(task_keys))
        if not 1 <= len(keys) <= MOST_CONTACTS:
            raise Refusal(
                kind="invalid",
                rule="contacts.number",
                expected=f"1 to {MOST_CONTACTS} contacts",
                found=str(len(keys)),
                where=what,
                action="Name fewer contacts in one request.",
            )
        request = Request(caller, f"{action}_contacts", request_key, (*keys, words), self._clock.today())

        def act() -> Handled:
            acted = do(connection, keys, caller.name, words, self._clock.now())
            done = set(acted.done)
            refused = [NotHandled(key, f"{action}.{acted.refused[key]}") for key in keys if key in acted.refused]
            return Handled(tuple(key for key in keys if key in done), tuple(refused))

        with self._warehouse.begin() as connection:
            return request.answer(connection, Handled, act)
