"""Channels: e-mail by SMTP, SMS and dialer by HTTP, lists as files; one small protocol for all of them."""

from arrears.outreach.channels.names import CHANNELS, LIST_CHANNELS, MESSAGE_CHANNELS, ChannelName

__all__ = ["CHANNELS", "LIST_CHANNELS", "MESSAGE_CHANNELS", "ChannelName"]
