"""Opens a channel by its name: which adapter serves it, and with which address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from arrears.outreach.channels.address import AddressResolver
from arrears.outreach.channels.base import Channel, Repeats
from arrears.outreach.channels.files import FileChannel
from arrears.outreach.channels.http import HttpChannel
from arrears.outreach.channels.names import LIST_CHANNELS, ChannelName
from arrears.outreach.channels.providers import load_provider
from arrears.outreach.channels.sftp import SftpChannel
from arrears.outreach.channels.smtp import SmtpChannel
from arrears.outreach.rules import ContactRules
from arrears.run import Run

OUTBOX_FOLDER = "outbox"
"""Folder below the settings' home in which lists are handed over."""


@dataclass(frozen=True)
class Opening:
    """What is needed to open the channels of a day."""

    run: Run
    contact: ContactRules
    resolver: AddressResolver

    def open(self, name: ChannelName) -> Channel:
        """The channel `name`; ChannelError when it needs an address and the resolver has none."""
        rule = self.contact.channels[name]
        day = self.run.day.key
        if name in LIST_CHANNELS:
            if rule.handover == "sftp":
                return SftpChannel(name, self.resolver(name), day)
            return FileChannel(name, self._outbox, day)
        tries, stop_after = self.contact.retry.tries, rule.breaker.failures
        if name == "email":
            return SmtpChannel(self.resolver(name), tries=tries, stop_after=stop_after, opt_out=self.contact.opt_out)
        provider = load_provider(self.run.rules, rule.provider)
        return HttpChannel(name, provider, self.resolver(name), tries=tries, stop_after=stop_after)

    def repeats(self, name: ChannelName) -> Repeats:
        """What the channel's provider does for a sender who does not know whether a message went."""
        if name in LIST_CHANNELS:
            return SftpChannel.repeats if self.contact.channels[name].handover == "sftp" else FileChannel.repeats
        if name == "email":
            return SmtpChannel.repeats
        return load_provider(self.run.rules, self.contact.channels[name].provider).repeats

    @property
    def _outbox(self) -> Path:
        return self.run.settings.home / OUTBOX_FOLDER
