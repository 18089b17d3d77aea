"""How the gateway misbehaves when it is told to: slow, busy, broken, gone, or gone after it took the message."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal["ok", "slow", "429", "500", "drop_after_accept", "refuse"]
ChannelName = Literal["sms", "dialer", "email"]


class Fault(BaseModel):
    """One order to misbehave on a channel; it replaces the order before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: ChannelName
    mode: Mode
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the messages that it strikes, evenly spread."""
    count: Annotated[int, Field(ge=1)] | None = None
    """After so many strikes the channel is well again; without it, until it is told so."""
    seconds: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How long a slow answer takes."""


class Faults:
    """The orders in force, and how far each has come."""

    def __init__(self) -> None:
        self._orders: dict[str, Fault] = {}
        self._due: dict[str, float] = {}
        self._struck: dict[str, int] = {}

    def order(self, fault: Fault) -> None:
        """Takes an order."""
        self._orders[fault.channel] = fault
        self._due[fault.channel] = 0.0
        self._struck[fault.channel] = 0

    def strike(self, channel: str, modes: Collection[Mode]) -> Fault | None:
        """The fault that strikes this message of `channel`, if one of `modes` is in force and it is its turn."""
        fault = self._orders.get(channel)
        if fault is None or fault.mode not in modes:
            return None
        self._due[channel] += fault.share
        if self._due[channel] < 1.0 - 1e-9:
            return None
        self._due[channel] -= 1.0
        self._struck[channel] += 1
        if fault.count is not None and self._struck[channel] >= fault.count:
            del self._orders[channel]
        return fault

    def in_force(self) -> list[Fault]:
        """The orders in force."""
        return [fault for fault in self._orders.values() if fault.mode != "ok"]
