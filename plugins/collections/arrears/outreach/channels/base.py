"""What a channel does: it takes messages under their keys, and tells of each what became of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from arrears.outreach.states import State
from arrears.outreach.templates import Text

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


def pause(number: int) -> float:
    """Seconds to wait before the try `number` (2 is the first repeat): doubling, with jitter."""
    longest = min(_FIRST_PAUSE_SECONDS * 2.0 ** (number - 1), _LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (jitter, nothing secret)


@dataclass(frozen=True)
class Message:
    """One contact, ready to go. Personal: never logged, never kept; its repr shows the key alone."""

    key: str
    """Idempotency key: the task's."""
    to: str = field(default="", repr=False)
    text: Text | None = field(default=None, repr=False)
    language: str = ""
    row: Mapping[str, str] = field(default_factory=dict, repr=False)
    """For lists: the columns of the contact's row."""


Repeats = Literal["dropped_by_key", "can_be_asked", "neither"]
"""What a provider does for a sender who does not know whether a message went.

dropped_by_key: it takes a message once, however often it is sent under its key. can_be_asked: it tells whether it has
the message of a key. neither: a message that may have gone is never sent again."""

Ending = Literal[State.SENT, State.FAILED, State.DEAD, State.UNKNOWN]


@dataclass(frozen=True)
class SendResult:
    """What became of one message. `reason` is a code, without anything that the provider said."""

    key: str
    state: Ending
    provider_id: str | None = None
    reason: str | None = None
    tries: int = 1


@dataclass(frozen=True)
class Receipt:
    """What a provider reports later about a message that it took."""

    key: str
    delivered: bool
    outcome: str
    provider_id: str | None
    reply: str | None = field(default=None, repr=False)
    """What the customer answered. Personal: read and forgotten."""
    promised_days: int | None = None
    """In how many days the customer promised to pay."""


@dataclass(frozen=True)
class ReceiptPage:
    """Receipts after a cursor, oldest first, and the cursor behind them."""

    receipts: Sequence[Receipt]
    cursor: str
    unreadable: Sequence[str] = ()
    """SHA-256 of each receipt that is none: one of them holds up no other."""


class Stopped:
    """Whether a channel stopped sending: it failed so often in a row that the rest of a batch is not spent on it."""

    REASON = "breaker.open"
    """Reason of a message that was not tried."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._failures = 0
        self._lock = threading.Lock()

    def tell(self, result: SendResult) -> None:
        """Tells how one message ended."""
        with self._lock:
            self._failures = self._failures + 1 if result.state in {State.FAILED, State.UNKNOWN} else 0

    def __bool__(self) -> bool:
        return self._failures >= self._after


class Channel(Protocol):
    """One way to reach a customer, or to hand over a case."""

    name: str
    repeats: Repeats
    largest_batch: int
    """How many messages one call of `send` takes at most."""

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Sends the messages and tells of each what became of it; what goes wrong is a result, not an exception."""
        ...

    def ask(self, keys: Sequence[str]) -> Mapping[str, str]:
        """The provider's ids of those of `keys` that it has, where it can be asked; the others it never took.

        Raises ChannelError when the provider cannot be asked now.
        """
        ...

    def receipts(self, cursor: str) -> ReceiptPage | None:
        """Receipts after `cursor` (empty: from the beginning); None when there are no more, or the channel has none.

        Raises ChannelError when the provider cannot be asked.
        """
        ...

    def close(self) -> None:
        """Closes connections."""
        ...


def never_asked(channel: str, keys: Sequence[str]) -> Mapping[str, str]:
    """What a channel answers that cannot be asked; only a fault of ours asks it."""
    raise AssertionError(f"{channel} cannot be asked about {len(keys)} messages")
