"""SMS and dialer over HTTP: JSON requests whose idempotency key lets the provider take each message once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from arrears.errors import ChannelError
from arrears.outreach.channels.address import ChannelAddress, connection_variable
from arrears.outreach.channels.base import Message, Receipt, ReceiptPage, SendResult, pause
from arrears.outreach.states import DOUBTFUL_REASONS, State

_PARALLEL = 8
_RECEIPTS_PER_PAGE = 500
_RETRYABLE = frozenset({408, 425, 429})


class HttpChannel:
    """A provider that takes `POST` requests and drops repeats by the header `Idempotency-Key`.

    The connection's extra may say `send_path`, `receipts_path`, `sender` and `timeout` (seconds); its password is
    sent as a bearer token.
    """

    drops_repeats = True
    largest_batch = 128

    def __init__(self, name: str, address: ChannelAddress, *, tries: int) -> None:
        self.name = name
        self._tries = tries
        self._send_path = address.text("send_path", f"/{name}/messages")
        self._receipts_path = address.text("receipts_path", f"/{name}/receipts")
        self._sender = address.text("sender", "")
        token = address.password.get_secret_value()
        self._client = httpx.Client(
            base_url=_base_url(address),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(address.number("timeout", 10.0)),
            limits=httpx.Limits(max_connections=_PARALLEL, max_keepalive_connections=_PARALLEL),
            trust_env=False,
        )
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix=f"arrears-{name}")

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        return list(self._pool.map(self._send_one, messages))

    def receipts(self, cursor: str) -> ReceiptPage | None:
        try:
            response = self._client.get(self._receipts_path, params={"after": cursor, "limit": str(_RECEIPTS_PER_PAGE)})
            response.raise_for_status()
            content = response.json()
            receipts = [_receipt(each) for each in content["receipts"]]
            after = str(content["cursor"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ChannelError(
                expected="a page of receipts from the provider",
                found=_code(error),
                where=f"channel {self.name}",
                action=f"Look at the provider and at {connection_variable(self.name)}; receipts are asked for again.",
            ) from None
        return ReceiptPage(receipts, after) if receipts else None

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._client.close()

    def _send_one(self, message: Message) -> SendResult:
        request = {
            "to": message.to,
            "text": message.text.body if message.text else "",
            "language": message.language,
            "sender": self._sender,
            "reference": message.key,
        }
        doubt: str | None = None
        for number in range(1, self._tries + 1):
            if number > 1:
                time.sleep(pause(number))
            result = self._try(message.key, request, number)
            if result.state != State.FAILED:
                return result
            if result.reason in DOUBTFUL_REASONS:
                doubt = result.reason
        return SendResult(message.key, State.FAILED, reason=doubt or result.reason, tries=self._tries)

    def _try(self, key: str, request: dict[str, str], number: int) -> SendResult:
        try:
            response = self._client.post(self._send_path, json=request, headers={"Idempotency-Key": key})
        except httpx.HTTPError as error:
            # also when the provider may have taken it: the same key makes the repeat harmless
            return SendResult(key, State.FAILED, reason=_code(error), tries=number)
        if response.is_success:
            try:
                provider_id = str(response.json()["id"])
            except (ValueError, KeyError, TypeError):
                return SendResult(key, State.FAILED, reason="http.nonsense", tries=number)
            return SendResult(key, State.SENT, provider_id=provider_id, tries=number)
        retryable = response.status_code in _RETRYABLE or response.status_code >= 500
        # a refused token is the connection's fault, not the message's
        retryable = retryable or response.status_code in {401, 403, 404}
        state: Any = State.FAILED if retryable else State.DEAD
        return SendResult(key, state, reason=f"http.{response.status_code}", tries=number)


def _base_url(address: ChannelAddress) -> str:
    host = address.host
    if "://" not in host:
        protocol = address.protocol or (address.conn_type if address.conn_type in {"http", "https"} else "http")
        host = f"{protocol}://{host}"
    return f"{host}:{address.port}" if address.port else host


def _receipt(content: dict[str, Any]) -> Receipt:
    return Receipt(
        key=str(content["key"]),
        delivered=bool(content["delivered"]),
        outcome=str(content["outcome"]),
        provider_id=str(content["id"]),
    )


def _code(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"http.{error.response.status_code}"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return "http.refused"
    if isinstance(error, httpx.TimeoutException):
        return "http.timeout"
    return "http.no_answer" if isinstance(error, httpx.HTTPError) else "http.nonsense"
