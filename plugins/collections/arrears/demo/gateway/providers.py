"""What all providers of the gateway share: they take messages, draw what becomes of them, and misbehave as told."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from arrears.demo.gateway.faults import Fault, Faults, Mode
from arrears.demo.gateway.outcomes import Report, reports_of
from arrears.demo.gateway.store import EMAIL, HTTP_CHANNELS, Later, Store, Taken

_FORGET: frozenset[Mode] = frozenset({"forget_keys"})
_DUPLICATE: frozenset[Mode] = frozenset({"duplicate_receipts"})
_LATE: frozenset[Mode] = frozenset({"late_receipts"})
_SHUFFLED: frozenset[Mode] = frozenset({"shuffled_receipts"})


class Providers:
    """Takes messages of any channel; `seed` decides how they end."""

    def __init__(self, store: Store, faults: Faults, seed: int) -> None:
        self.store = store
        self.faults = faults
        self._seed = seed

    def strike(self, channel: str, modes: Collection[Mode], key: str = "") -> Fault | None:
        """The fault that strikes a message, if one does; it is counted."""
        fault = self.faults.strike(channel, modes, key)
        if fault is not None:
            self.store.struck(channel, fault.mode)
        return fault

    def take(
        self,
        channel: str,
        key: str,
        recipient: str,
        content: str,
        *,
        lose: bool = False,
        said: str | None = None,
    ) -> Taken:
        """Takes a message; `lose`: nobody will ever get it, and nothing is reported of it."""
        taken = self.store.take(
            channel,
            key,
            recipient,
            content,
            reports=None if lose or channel not in HTTP_CHANNELS else lambda: self._later(channel, key),
            has_effect=not lose,
            drops_repeats=channel != EMAIL,
            said=said,
        )
        if taken.repeated and channel in HTTP_CHANNELS and self.strike(channel, _FORGET, key) is not None:
            self.store.took_effect_again(taken.message_id)
        return taken

    def reports_of(self, channel: str, key: str) -> list[Report]:
        """What becomes of a message."""
        return reports_of(channel, key, self._seed)

    def _later(self, channel: str, key: str) -> Sequence[Later]:
        """What will be reported of a message and when: once and in order, unless the channel misbehaves."""
        reports = [Later(number, report) for number, report in enumerate(self.reports_of(channel, key), start=1)]
        if self.strike(channel, _DUPLICATE, key) is not None:
            reports += reports
        late = self.strike(channel, _LATE, key)
        if late is not None:
            reports = [Later(each.number, each.report, late.seconds) for each in reports]
        shuffled = self.strike(channel, _SHUFFLED, key)
        if shuffled is not None:
            # the last one first, and each at a time of its own, so that it meets those of other messages in any order
            reports = [
                Later(each.number, each.report, each.seconds + shuffled.seconds * _draw(key, place))
                for place, each in enumerate(reversed(reports))
            ]
        return reports


def _draw(key: str, number: int) -> float:
    digest = hashlib.sha256(f"{key}|{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
