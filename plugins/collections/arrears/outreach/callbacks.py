"""Status callbacks that a provider signs in its own way, as its file says (`callbacks` of `providers/<name>.yaml`).

The provider posts a form to the address that a message named. Its signature is the base64 of the HMAC-SHA1, under the
connection's password, over that address as it was named, followed by every field's name and value in the order of the
names. It has no time: a call that is played again has the signature of the first, and says what is known already.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from pydantic import SecretStr

from arrears.outreach.channels.base import Receipt
from arrears.outreach.channels.providers import CODE, Callbacks

_MOST_FIELDS = 200

Fields = Sequence[tuple[str, str]]


def callback_address(base: str, callbacks: Callbacks, key: str) -> str:
    """The address that the message of `key` names: the connection's, and the key as a parameter of its query."""
    return f"{base}{'&' if '?' in base else '?'}{urlencode({callbacks.key: key})}"


def read_form(text: bytes) -> Fields:
    """The fields of a form or a query, with empty ones; ValueError for anything else."""
    return parse_qsl(text.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)


def form_signature(secret: SecretStr, address: str, fields: Fields) -> str:
    """The signature of a form that was posted to `address`."""
    signed = address + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(secret.get_secret_value().encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def read_callback(callbacks: Callbacks, query: Fields, fields: Fields) -> Receipt | None:
    """What a call says of its message; None for a status that settles nothing.

    Raises KeyError or ValueError for a call that names no message, or whose values are no codes.
    """
    told = dict(fields)
    key, status, provider_id = dict(query)[callbacks.key], told[callbacks.status], told[callbacks.id]
    if "\0" in key or not CODE.fullmatch(status) or not CODE.fullmatch(provider_id):
        raise ValueError("a key, a status and an id that are codes")
    if status in callbacks.delivered:
        return Receipt(key, True, "delivered", provider_id)
    return Receipt(key, False, status, provider_id) if status in callbacks.undelivered else None
