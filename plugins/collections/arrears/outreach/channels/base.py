"""What a channel does: it takes messages under their keys, and tells of each what became of it."""

from __future__ import annotations

import random
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


@dataclass(frozen=True)
class ReceiptPage:
    """Receipts after a cursor, oldest first, and the cursor behind them."""

    receipts: Sequence[Receipt]
    cursor: str


class Channel(Protocol):
    """One way to reach a customer, or to hand over a case."""

    name: str
    drops_repeats: bool
    """Whether a message may be sent again under its key: the provider (or the file) takes it once."""
    largest_batch: int
    """How many messages one call of `send` takes at most."""

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Sends the messages and tells of each what became of it; what goes wrong is a result, not an exception."""
        ...

    def receipts(self, cursor: str) -> ReceiptPage | None:
        """Receipts after `cursor` (empty: from the beginning); None when there are no more, or the channel has none.

        Raises ChannelError when the provider cannot be asked.
        """
        ...

    def close(self) -> None:
        """Closes connections."""
        ...
