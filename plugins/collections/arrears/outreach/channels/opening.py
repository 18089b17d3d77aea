"""Opens a channel by its name: which adapter serves it, and with which address."""

from __future__ import annotations

from pathlib import Path

from arrears.outreach.channels.address import AddressResolver
from arrears.outreach.channels.base import Channel
from arrears.outreach.channels.files import FileChannel
from arrears.outreach.channels.http import HttpChannel
from arrears.outreach.channels.names import LIST_CHANNELS, ChannelName
from arrears.outreach.channels.smtp import SmtpChannel


def open_channel(name: ChannelName, *, resolver: AddressResolver, outbox: Path, day: str, tries: int) -> Channel:
    """The channel `name`; ChannelError when it needs an address and `resolver` has none."""
    if name in LIST_CHANNELS:
        return FileChannel(name, outbox, day)
    address = resolver(name)
    return SmtpChannel(address, tries=tries) if name == "email" else HttpChannel(name, address, tries=tries)


def drops_repeats(name: ChannelName) -> bool:
    """Whether the channel takes a message once, however often it is sent under its key."""
    if name in LIST_CHANNELS:
        return FileChannel.drops_repeats
    return SmtpChannel.drops_repeats if name == "email" else HttpChannel.drops_repeats
