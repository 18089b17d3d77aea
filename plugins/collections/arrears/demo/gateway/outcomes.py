"""How a message ends: drawn from its key and the gateway's seed, so that a run can be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Report:
    """One thing that a provider reports of a message that it took."""

    outcome: str
    delivered: bool = True
    reply: str | None = None
    """What the customer wrote back."""
    promised_days: int | None = None
    """In how many days the customer said that he would pay."""


SHARES: Mapping[str, Sequence[tuple[str, int]]] = MappingProxyType(
    {
        "sms": (("delivered", 91), ("opt_out", 2), ("promise", 3), ("failed", 4)),
        "dialer": (
            ("right_party", 26),
            ("promise", 6),
            ("connected", 6),
            ("wrong_party", 3),
            ("no_answer", 34),
            ("busy", 10),
            ("voicemail", 10),
            ("invalid", 5),
        ),
        "agency": (
            ("right_party", 20),
            ("promise", 8),
            ("connected", 8),
            ("no_answer", 50),
            ("busy", 10),
            ("invalid", 4),
        ),
    }
)
"""How messages end, in percent. opt_out and promise of a text are replies to one that was delivered; a promise on the
telephone is a talk with the right party, who says when he will pay."""
OPT_OUT_REPLIES = ("TD", "退订", "STOP")
"""What a customer writes who wants no more texts."""
PROMISE_REPLIES = ("{days}天内还款", "I will pay in {days} days")

_NOT_DELIVERED = frozenset({"failed", "invalid"})
_LONGEST_PROMISE_DAYS = 7


def reports_of(channel: str, key: str, seed: int) -> list[Report]:
    """What a provider reports of a message, in the order in which it happens; nothing over a channel without shares."""
    shares = SHARES.get(channel)
    if shares is None:
        return []
    digest = hashlib.sha256(f"{seed}|{channel}|{key}".encode()).digest()
    outcome = _pick(shares, int.from_bytes(digest[:4], "big") % 100)
    draw = int.from_bytes(digest[4:8], "big")
    days = 1 + draw % _LONGEST_PROMISE_DAYS
    if outcome == "promise" and channel == "sms":
        words = PROMISE_REPLIES[draw % len(PROMISE_REPLIES)].format(days=days)
        return [Report("delivered"), Report("promise", reply=words, promised_days=days)]
    if outcome == "promise":
        return [Report("promise", promised_days=days)]
    if outcome == "opt_out":
        return [Report("delivered"), Report("opt_out", reply=OPT_OUT_REPLIES[draw % len(OPT_OUT_REPLIES)])]
    return [Report(outcome, delivered=outcome not in _NOT_DELIVERED)]


def _pick(shares: Sequence[tuple[str, int]], draw: int) -> str:
    for outcome, share in shares:
        if draw < share:
            return outcome
        draw -= share
    raise AssertionError("shares that add up to less than 100")
