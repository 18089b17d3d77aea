"""How the gateway misbehaves when it is told to: at the door, after it took a message, and in what it reports."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal[
    "ok",
    "slow",
    "429",
    "500",
    "hang",
    "nonsense",
    "refuse",
    "drop_after_accept",
    "lose",
    "forget_keys",
    "duplicate_receipts",
    "late_receipts",
    "shuffled_receipts",
    "wrong_checksum",
]
ChannelName = Literal["sms", "dialer", "email", "agency"]

AT_THE_DOOR: frozenset[Mode] = frozenset({"429", "500", "hang", "refuse"})
"""The message is not taken: busy, broken, no answer at all, hung up."""
WHEN_TAKEN: frozenset[Mode] = frozenset({"slow", "nonsense", "drop_after_accept", "lose"})
"""It is taken: late, and the answer is junk, or never comes, or is a promise that is not kept."""
REQUEST_MODES = AT_THE_DOOR | WHEN_TAKEN
RECEIPT_MODES: frozenset[Mode] = frozenset({"duplicate_receipts", "late_receipts", "shuffled_receipts"})

_LARGEST_DRAW = 2**32


class Fault(BaseModel):
    """One order to misbehave on a channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: ChannelName
    mode: Mode
    """`ok` ends all orders of the channel."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the messages that it strikes: evenly spread, or drawn where a seed is given."""
    seed: int | None = None
    """Draws by this seed, the message's key and how often the key has come: the same whatever the order and timing."""
    count: Annotated[int, Field(ge=1)] | None = None
    """After so many strikes the order is over; without it, when the channel is told something else."""
    seconds: Annotated[float, Field(ge=0, le=600)] = 1.0
    """How long a slow answer takes, a hung connection stays, or a receipt comes late."""
    retry_after: Annotated[int, Field(ge=0, le=3600)] = 1
    """Seconds that a 429 names."""
    beside: bool = False
    """Holds beside the channel's orders; else in their place."""


class _Order:
    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._due = 0.0
        self._struck = 0
        self._seen: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        return self.fault.count is not None and self._struck >= self.fault.count

    def strikes(self, key: str) -> bool:
        hit = self._drawn(key) if self.fault.seed is not None else self._in_turn()
        self._struck += hit
        return hit

    def _in_turn(self) -> bool:
        self._due += self.fault.share
        if self._due < 1.0 - 1e-9:
            return False
        self._due -= 1.0
        return True

    def _drawn(self, key: str) -> bool:
        fault = self.fault
        self._seen[key] += 1
        digest = hashlib.sha256(f"{fault.seed}|{fault.channel}|{fault.mode}|{key}|{self._seen[key]}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < fault.share * _LARGEST_DRAW


class Faults:
    """The orders in force, and how far each has come."""

    def __init__(self) -> None:
        self._orders: dict[str, list[_Order]] = {channel: [] for channel in get_args(ChannelName)}

    def order(self, fault: Fault) -> None:
        """Takes an order."""
        orders = self._orders[fault.channel]
        if not fault.beside or fault.mode == "ok":
            orders.clear()
        if fault.mode != "ok":
            orders.append(_Order(fault))

    def strike(self, channel: str, modes: Collection[Mode], key: str = "") -> Fault | None:
        """The first order of `channel` of one of `modes` that strikes the message `key`, if any does."""
        orders = self._orders[channel]
        if not orders:
            return None
        for order in orders:
            if order.fault.mode in modes and order.strikes(key):
                if order.is_over:
                    orders.remove(order)
                return order.fault
        return None

    def in_force(self) -> list[Fault]:
        """The orders in force."""
        return [order.fault for orders in self._orders.values() for order in orders]
