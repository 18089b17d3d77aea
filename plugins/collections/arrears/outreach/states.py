"""States of a contact task, events of its attempts, and the only moves between states that exist.

```
planned ────────────┐                       ┌─► delivered
awaiting_approval ─►│ approved ─► sending ──┼─► sent ─► delivered | dead
   │                │               ▲       ├─► failed (retryable) ─► sending | dead | expired | unknown | cancelled
   └► rejected,     │               └───────┘
      lapsed        └► cancelled,           ├─► dead ─► planned, by a person, if no provider ever took it
                       blocked, expired     └─► unknown ─► what a later receipt proves
```

Every statement that changes a state names its target, and takes the rows whose state may move there: an illegal move
changes no row. A trigger of the table (`ops.guard_contact_state`) refuses the moves that are not here, whoever makes
them; a test holds the two to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a contact task stands."""

    PLANNED = "planned"
    """May go when its window is open."""
    AWAITING_APPROVAL = "awaiting_approval"
    """Waits for a person; never goes without an answer."""
    APPROVED = "approved"
    """A person said yes: may go when its window is open."""
    SENDING = "sending"
    """A worker has it; the attempt is written down."""
    SENT = "sent"
    """The provider took it (or the file was handed over)."""
    DELIVERED = "delivered"
    """The provider reported that it was carried out; `outcome` says how it ended."""
    FAILED = "failed"
    """Not taken; may be tried again today."""
    DEAD = "dead"
    """Cannot succeed; `state_reason` says why."""
    UNKNOWN = "unknown"
    """May have gone; never sent again."""
    BLOCKED = "blocked"
    """The policy stopped it at the moment of sending."""
    CANCELLED = "cancelled"
    """A later plan of the day no longer wants it."""
    REJECTED = "rejected"
    """A person said no."""
    LAPSED = "lapsed"
    """Nobody answered in time."""
    EXPIRED = "expired"
    """Its window or its day ended before it went."""


class Event(StrEnum):
    """What happened to an attempt; an attempt is the rows of its events, and rows are only ever added."""

    RESERVED = "reserved"
    """Written before anything is sent; counts as a contact until another event settles it."""
    INTERRUPTED = "interrupted"
    """The worker died after the reservation; whether anything was sent is not known."""
    SENT = "sent"
    FAILED = "failed"
    DEAD = "dead"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    ANSWERED = "answered"
    """The customer replied."""
    PROMISED = "promised"
    """The customer promised to pay."""
    OPTED_OUT = "opted_out"
    """The customer refused further contacts over the channel."""


TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.PLANNED: frozenset(
            {State.AWAITING_APPROVAL, State.SENDING, State.BLOCKED, State.CANCELLED, State.DEAD, State.EXPIRED}
        ),
        State.AWAITING_APPROVAL: frozenset(
            {State.PLANNED, State.APPROVED, State.REJECTED, State.LAPSED, State.CANCELLED}
        ),
        # a plan that changed what was approved asks again
        State.APPROVED: frozenset(
            {
                State.PLANNED,
                State.AWAITING_APPROVAL,
                State.SENDING,
                State.BLOCKED,
                State.CANCELLED,
                State.DEAD,
                State.EXPIRED,
            }
        ),
        State.SENDING: frozenset({State.SENT, State.DELIVERED, State.FAILED, State.DEAD, State.UNKNOWN}),
        # a receipt may prove that a message whose answer was lost did arrive
        State.FAILED: frozenset(
            {
                State.SENDING,
                State.SENT,
                State.DELIVERED,
                State.DEAD,
                State.EXPIRED,
                State.UNKNOWN,
                State.BLOCKED,
                State.CANCELLED,
            }
        ),
        State.SENT: frozenset({State.DELIVERED, State.DEAD}),
        State.UNKNOWN: frozenset({State.SENT, State.DELIVERED, State.DEAD}),
        State.CANCELLED: frozenset({State.PLANNED, State.AWAITING_APPROVAL}),
        State.DELIVERED: frozenset(),
        # a dead letter that a person sends again
        State.DEAD: frozenset({State.PLANNED}),
        State.BLOCKED: frozenset(),
        State.REJECTED: frozenset(),
        State.LAPSED: frozenset(),
        State.EXPIRED: frozenset(),
    }
)
"""From each state, the states that a task may move to."""

INTERRUPTED = "interrupted"
"""Reason of a task whose worker died after the attempt was written."""
DOUBTFUL_REASONS = frozenset(
    {INTERRUPTED, "http.timeout", "http.no_answer", "http.nonsense", "http.doubtful", "sftp.no_answer"}
)
"""Reasons of a failed task that may have gone all the same: it counts as a contact, and may only go again under its
key, or once the provider was asked; when it no longer may, it is unknown."""
REPLANNED = "plan.changed"
"""Reason of a task that a later plan of the day no longer wanted; only then may a still later one revive it."""

SENDABLE = (State.PLANNED, State.APPROVED, State.FAILED)
"""States from which a worker may take a task."""

REPLACEABLE = (State.PLANNED, State.AWAITING_APPROVAL, State.APPROVED, State.CANCELLED)
"""States that a later plan of the day may change, as long as nothing was tried."""


def may_move(before: State, after: State) -> bool:
    """Whether a task may move from `before` to `after`."""
    return after in TRANSITIONS[before]


def sources_of(target: State) -> tuple[State, ...]:
    """The states from which a task may move to `target`."""
    return tuple(state for state, targets in TRANSITIONS.items() if target in targets)
