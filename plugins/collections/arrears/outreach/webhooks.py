"""Webhooks: how a provider signs what it reports, and how a signature is checked.

A call carries the header `X-Arrears-Signature: t=<seconds>,v1=<hex>`: the sender's time as whole seconds since 1970,
and the HMAC-SHA256, under the secret of the channel's connection (extra `webhook_secret`), over the bytes
`<seconds>.<body>`. While a secret is changed, a sender may add a further `v1=` under the other one. A call older or
newer than the tolerance by the machine's clock is refused; within it, each signature is taken once. The body is JSON:
`{"receipts": [...]}`, each as the provider's receipts are when they are asked for.

A call without that header is taken from a provider that signs in a way of its own: as its file says (`callbacks`),
where the channel's connection has an address for it (extra `callback`).

Receipts that come by a webhook and are polled as well are taken in once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert

from arrears.clock import Clock
from arrears.errors import ChannelError
from arrears.outreach.callbacks import form_signature, read_callback, read_form
from arrears.outreach.channels.address import AddressResolver, ChannelAddress
from arrears.outreach.channels.base import Receipt
from arrears.outreach.channels.http import receipt_of
from arrears.outreach.channels.providers import load_provider
from arrears.outreach.receipts import Desk, take_in
from arrears.outreach.rules import load_contact_rules
from arrears.rules.rule_set import RuleSet, load_rule_set
from arrears.settings import Settings
from arrears.warehouse.ops_contacts import WebhookCall

SIGNATURE_HEADER = "X-Arrears-Signature"
"""Header that carries time and signature."""
TOLERANCE = timedelta(minutes=5)
"""How far the sender's time may be from the machine's."""
SHORTEST_SECRET = 16
"""Characters that a secret has at least."""

_CALL: sa.Table = WebhookCall.__table__  # type: ignore[assignment]
_MOST_RECEIPTS = 5_000
_PART = re.compile(r"(t=(?P<at>[0-9]{1,12})|v1=(?P<digest>[0-9a-f]{64}))", re.ASCII)


class SignatureError(Exception):
    """A call that is not signed as it must be; `rule` names why, and nothing tells what the call said."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


class BodyError(Exception):
    """A signed call whose body is not what it must be; nothing of it was taken in."""


class Webhooks:
    """Takes the calls of providers; safe between threads.

    `machine_time` is what signatures go by, the clock of acting what is written.
    """

    def __init__(
        self,
        settings: Settings,
        warehouse: Callable[[], sa.Engine],
        resolver: AddressResolver,
        clock: Clock,
        machine_time: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._resolver = resolver
        self._clock = clock
        self._machine_time = machine_time

    def take(self, channel: str, headers: Mapping[str, str], body: bytes, query: str = "") -> dict[str, int]:
        """Takes one call of the provider of `channel`; gives how many receipts did what, as `receipts.take_in` does.

        noted: it settles nothing. A call that was taken before is answered and changes nothing. Raises SignatureError
        for one that is not signed as it must be, or whose channel has no secret; BodyError.
        """
        now, told = self._machine_time(), {name.lower(): value for name, value in headers.items()}
        try:
            address = self._resolver(channel)
        except ChannelError:
            raise SignatureError("hook.no_secret") from None
        header = told.get(SIGNATURE_HEADER.lower())
        callback = address.text("callback", "")
        if header is None and callback:
            rules = load_rule_set(self._settings.rules, self._clock.today())
            signature, receipts = _read_own(rules, channel, address, callback, told, body, query)
        else:
            signature = check_signature(_secret(address.text("webhook_secret", "")), header, body, now)
            receipts = read_body(body)
            rules = load_rule_set(self._settings.rules, self._clock.today())
        contact, _ = load_contact_rules(rules)
        with self._warehouse().begin() as connection:
            if not _is_new(connection, channel, signature, now):
                return {"repeated": max(len(receipts), 1)}
            desk = Desk(contact, self._clock.today(), self._clock.now())
            counts: Counter[str] = take_in(connection, channel, receipts, desk)
        if header is None and not receipts:
            counts["noted"] += 1
        return dict(counts)


def _secret(text: str) -> SecretStr:
    if len(text) < SHORTEST_SECRET:
        raise SignatureError("hook.no_secret")
    return SecretStr(text)


def _read_own(
    rules: RuleSet,
    channel: str,
    address: ChannelAddress,
    callback: str,
    headers: Mapping[str, str],
    body: bytes,
    query: str,
) -> tuple[str, Sequence[Receipt]]:
    """Signature and receipts of a call that is signed as the channel's provider does it."""
    contact, _ = load_contact_rules(rules)
    rule = {str(name): each for name, each in contact.channels.items()}.get(channel)
    callbacks = None if rule is None else load_provider(rules, rule.provider).callbacks
    given = None if callbacks is None else headers.get(callbacks.header.lower())
    if callbacks is None or given is None:
        raise SignatureError("hook.unsigned")
    secret = _secret(address.password.get_secret_value())
    try:
        fields = read_form(body)
        # what is signed is the address as the message named it, whatever stands before this server
        right = form_signature(secret, f"{callback.partition('?')[0]}?{query}", fields)
    except ValueError:
        raise SignatureError("hook.forged") from None
    if not hmac.compare_digest(right.encode(), given.encode()):
        raise SignatureError("hook.forged")
    try:
        receipt = read_callback(callbacks, read_form(query.encode()), fields)
    except (KeyError, ValueError):
        raise BodyError from None
    return right, [] if receipt is None else [receipt]


def read_body(body: bytes) -> Sequence[Receipt]:
    """The receipts of a call; BodyError for anything else."""
    try:
        receipts = json.loads(body)["receipts"]
        if not isinstance(receipts, list) or len(receipts) > _MOST_RECEIPTS:
            raise BodyError
        return [receipt_of(each) for each in receipts]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BodyError from None


def _is_new(connection: sa.Connection, channel: str, signature: str, now: datetime) -> bool:
    # what is older than twice the tolerance is refused as stale before it is looked up
    connection.execute(sa.delete(_CALL).where(_CALL.c.received_at < now - 3 * TOLERANCE))
    noted = connection.execute(
        insert(_CALL)
        .values(channel=channel, signature=signature, received_at=now)
        .on_conflict_do_nothing()
        .returning(_CALL.c.signature)
    ).scalar_one_or_none()
    return noted is not None


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
