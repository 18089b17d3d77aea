"""The gateway over HTTP: the door that asks for the token, and the short way in for messages.

Messages come hundreds a second, and the gateway shares the machine with what is measured: they are read and answered
without a framework. All else goes on to the application of `admin.py`, which knows its caller already.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from arrears.demo.gateway.faults import REQUEST_MODES, Fault
from arrears.demo.gateway.providers import Providers
from arrears.demo.gateway.store import HTTP_CHANNELS

LARGEST_BODY = 64 * 1024
_LONGEST_KEY = 256

_PROVIDERS_SIDE = re.compile(r"/receipts|/(?:sms|dialer)/(?:receipts|messages(?:/[^/]+)?)")
"""Paths that a lender's systems use; every other one is the tests' and the demo's, and open on this machine only."""
_SENDS = {f"/{channel}/messages": channel for channel in HTTP_CHANNELS}
_READS = frozenset({"GET", "HEAD"})
_JSON = (b"content-type", b"application/json")
_NONSENSE = b"<html>It works!</html>"


class MessageRequest(BaseModel):
    """A message or a call."""

    to: Annotated[str, Field(min_length=1)]
    text: str
    language: str = ""
    sender: str = ""
    reference: str = ""


class Connections(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's protocol, which also knows the connection of each client, so that it can be cut off."""

    open: dict[tuple[str, int], asyncio.Transport] = {}  # noqa: RUF012 (of the process, as uvicorn makes instances)

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.pop(self.client, None)
        super().connection_lost(exc)


class FrontDoor:
    """Lets in who has the token, and only this machine to what is not the providers' side."""

    def __init__(self, providers: Providers, token: str, rest: ASGIApp) -> None:
        self._providers = providers
        self._token = token.encode()
        self._bearer = b"Bearer " + self._token
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        if not self._is_known(scope["headers"], method):
            challenge = (b"www-authenticate", b'Basic realm="sandbox gateway, any name, the token as password"')
            await _say(send, 401, {"error": "the token is needed"}, challenge)
        elif method == "POST" and path in _SENDS:
            await self._take(_SENDS[path], scope, receive, send)
        elif _PROVIDERS_SIDE.fullmatch(path) or _is_loopback(scope):
            await self._rest(scope, receive, send)
        else:
            await _say(send, 403, {"error": "this is answered on the gateway's own machine only"})

    def _is_known(self, headers: Sequence[tuple[bytes, bytes]], method: str) -> bool:
        given = next((value for name, value in headers if name == b"authorization"), b"")
        if hmac.compare_digest(given, self._bearer):
            return True
        # a browser sends a password along by itself, also when another site makes it ask: good for reading only
        if method not in _READS or not given.startswith(b"Basic "):
            return False
        with suppress(binascii.Error, ValueError):
            _, _, password = base64.b64decode(given[6:], validate=True).partition(b":")
            return hmac.compare_digest(password, self._token)
        return False

    async def _take(self, channel: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        key = next((value for name, value in scope["headers"] if name == b"idempotency-key"), b"").decode("latin-1")
        try:
            if body is None or not 0 < len(key) <= _LONGEST_KEY:
                raise ValueError
            request = MessageRequest.model_validate_json(body)
        except (ValidationError, ValueError):
            await _say(send, 422, {"error": "a key in Idempotency-Key, and a message with to and text"})
            return
        fault = self._providers.strike(channel, REQUEST_MODES, key)
        if fault is not None and await _refused(fault, scope, receive, send):
            return
        lose = fault is not None and fault.mode == "lose"
        taken = self._providers.take(channel, key, request.to, request.text, lose=lose)
        if fault is not None and fault.mode == "drop_after_accept":
            await _hang_up(scope, receive)
        elif fault is not None and fault.mode == "nonsense":
            await _answer(send, 200, _NONSENSE, (b"content-type", b"text/html"))
        else:
            await _say(send, 200, {"id": f"{channel}-{taken.message_id}", "repeated": taken.repeated})


async def _refused(fault: Fault, scope: Scope, receive: Receive, send: Send) -> bool:
    """Does what a fault does before the message is taken; whether that was all."""
    match fault.mode:
        case "slow":
            await asyncio.sleep(fault.seconds)
            return False
        case "429":
            await _say(send, 429, {"error": "slow down"}, (b"retry-after", str(fault.retry_after).encode()))
        case "500":
            await _say(send, 500, {"error": "broken"})
        case "hang":
            with suppress(TimeoutError):
                async with asyncio.timeout(fault.seconds):
                    await _gone(receive)
            await _hang_up(scope, receive)
        case "refuse":
            await _hang_up(scope, receive)
        case _:
            return False
    return True


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large or breaks off."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Cuts the connection off without an answer."""
    transport = Connections.open.get(tuple(scope["client"]))
    if transport is not None:
        transport.abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _say(send: Send, status: int, content: dict[str, Any], *headers: tuple[bytes, bytes]) -> None:
    await _answer(send, status, json.dumps(content).encode(), _JSON, *headers)


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
