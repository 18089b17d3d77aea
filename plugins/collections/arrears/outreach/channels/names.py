"""The channels that exist."""

from __future__ import annotations

from typing import Literal

ChannelName = Literal["sms", "email", "dialer", "field", "agency", "legal", "repossession"]

MESSAGE_CHANNELS: tuple[ChannelName, ...] = ("sms", "email", "dialer")
"""Channels that carry a text made from a template to an address."""
LIST_CHANNELS: tuple[ChannelName, ...] = ("field", "agency", "legal", "repossession")
"""Channels that hand over a list as a file."""
CHANNELS: tuple[ChannelName, ...] = (*MESSAGE_CHANNELS, *LIST_CHANNELS)
"""All channels, in the order in which they are worked."""

MANUAL_CHANNEL = "phone"
"""A call that a collector makes by hand: in the outbox like any contact, never pushed."""
