"""Webhooks: how a provider signs what it reports, and how a signature is checked.

A call carries the header `X-Arrears-Signature: t=<seconds>,v1=<hex>`: the sender's time as whole seconds since 1970,
and the HMAC-SHA256, under the secret of the channel's connection (extra `webhook_secret`), over the bytes
`<seconds>.<body>`. While a secret is changed, a sender may add a further `v1=` under the other one. A call older or
newer than the tolerance by the machine's clock is refused; within it, each signature is taken once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta

from pydantic import SecretStr

SIGNATURE_HEADER = "X-Arrears-Signature"
"""Header that carries time and signature."""
TOLERANCE = timedelta(minutes=5)
"""How far the sender's time may be from the machine's."""
SHORTEST_SECRET = 16
"""Characters that a secret has at least."""

_PART = re.compile(r"(t=(?P<at>[0-9]{1,12})|v1=(?P<digest>[0-9a-f]{64}))", re.ASCII)


class SignatureError(Exception):
    """A call that is not signed as it must be; `rule` names why, and nothing tells what the call said."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


def sign(secret: SecretStr, body: bytes, at: datetime) -> str:
    """The value of the header for `body`, sent at `at` (aware)."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def check_signature(secret: SecretStr, header: str | None, body: bytes, now: datetime) -> str:
    """The signature that holds, in hexadecimal: it is new for every call, and names it.

    Raises SignatureError: `hook.unsigned` without a readable header, `hook.forged` when no signature holds,
    `hook.stale` when one does, but at another time than `now` (aware, by the machine's clock).
    """
    seconds, given = _read(header)
    right = _digest(secret, seconds, body)
    if not any(hmac.compare_digest(right, each) for each in given):
        raise SignatureError("hook.forged")
    if abs(now.timestamp() - int(seconds)) > TOLERANCE.total_seconds():
        raise SignatureError("hook.stale")
    return right


def _read(header: str | None) -> tuple[str, list[str]]:
    parts = [_PART.fullmatch(part.strip()) for part in (header or "").split(",")]
    times = [part["at"] for part in parts if part and part["at"]]
    digests = [part["digest"] for part in parts if part and part["digest"]]
    if None in parts or len(times) != 1 or not digests:
        raise SignatureError("hook.unsigned")
    return times[0], digests


def _digest(secret: SecretStr, seconds: str, body: bytes) -> str:
    return hmac.new(secret.get_secret_value().encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
