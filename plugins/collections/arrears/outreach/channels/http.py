"""SMS and dialer over HTTP, as the provider's file says: one request a message, under the message's key."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from arrears.errors import ChannelError
from arrears.outreach.callbacks import callback_address
from arrears.outreach.channels.address import ChannelAddress, connection_variable
from arrears.outreach.channels.base import (
    Ending,
    Message,
    Receipt,
    ReceiptPage,
    Repeats,
    SendResult,
    Stopped,
    never_asked,
    pause,
)
from arrears.outreach.channels.providers import CODE, Meaning, Provider, filled, filled_path, found_at, without_callback
from arrears.outreach.states import DOUBTFUL_REASONS, State

_PARALLEL = 8
_RECEIPTS_PER_PAGE = 500
_LONGEST_RETRY_AFTER = 1.0


class HttpChannel:
    """A provider over HTTP.

    The connection's extra may say `sender`, `timeout` (seconds) and `callback` (the address to which a provider that
    signs in its own way reports); its password is shown as the provider's file says.
    """

    largest_batch = 256

    def __init__(self, name: str, provider: Provider, address: ChannelAddress, *, tries: int, stop_after: int) -> None:
        self.name = name
        self.repeats: Repeats = provider.repeats
        self._provider = provider
        self._tries = tries
        self._stopped = Stopped(stop_after)
        self._values = {"channel": name, "sender": address.text("sender", ""), "login": address.login or ""}
        self._callback = address.text("callback", "")
        self._fields = provider.send.fields if self._callback else without_callback(provider.send.fields)
        self._url = _base_url(address).rstrip("/")
        self._headers = _authorization(provider, address)
        timeout = httpx.Timeout(address.number("timeout", 10.0))
        self._extensions = {"timeout": timeout.as_dict()}
        limits = httpx.Limits(max_connections=_PARALLEL, max_keepalive_connections=_PARALLEL)
        # what is sent goes to the transport itself: a client's cookies and redirects cost as much as all the rest
        self._transport: httpx.BaseTransport = httpx.HTTPTransport(limits=limits, trust_env=False)
        self._client = httpx.Client(
            base_url=self._url, timeout=timeout, headers=self._headers, transport=self._transport, trust_env=False
        )
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix=f"arrears-{name}")

    def send(self, messages: Sequence[Message]) -> list[SendResult]:
        return list(self._pool.map(self._send_one, messages))

    def ask(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {key: found for key, found in zip(keys, self._pool.map(self._ask_one, keys), strict=True) if found}

    def receipts(self, cursor: str) -> ReceiptPage | None:
        if self._provider.receipts is None:
            return None
        path = filled_path(self._provider.receipts.path, self._values)
        try:
            response = self._client.get(path, params={"after": cursor, "limit": str(_RECEIPTS_PER_PAGE)})
            response.raise_for_status()
            content = response.json()
            receipts, unreadable = _read_receipts(content["receipts"])
            after = str(content["cursor"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._no_answer("a page of receipts from the provider", _code(error)) from None
        return ReceiptPage(receipts, after, unreadable) if receipts or unreadable else None

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._client.close()

    def _send_one(self, message: Message) -> SendResult:
        if self._stopped:
            return SendResult(message.key, State.FAILED, reason=Stopped.REASON, tries=0)
        result = self._send_with_tries(message)
        self._stopped.tell(result)
        return result

    def _send_with_tries(self, message: Message) -> SendResult:
        doubt: str | None = None
        number = 1
        while True:
            result, wait = self._try(message, number)
            if result.state != State.FAILED:
                return result
            if result.reason in DOUBTFUL_REASONS:
                doubt = result.reason
            # after a doubtful answer only a provider that drops repeats is sent the message again
            if number >= self._tries or (doubt and self.repeats != "dropped_by_key"):
                break
            number += 1
            time.sleep(max(pause(number), min(wait, _LONGEST_RETRY_AFTER)))
        if doubt is None:
            return result
        state: Ending = State.UNKNOWN if self.repeats == "neither" else State.FAILED
        return SendResult(message.key, state, reason=doubt, tries=number)

    def _try(self, message: Message, number: int) -> tuple[SendResult, float]:
        """What became of one request, and how long the provider wants to be left alone."""
        try:
            response = self._transport.handle_request(self._request(message))
            response.read()
        except httpx.HTTPError as error:
            return SendResult(message.key, State.FAILED, reason=_code(error), tries=number), 0.0
        meaning, provider_id, reason = self._read(response)
        if meaning == "taken":
            return SendResult(message.key, State.SENT, provider_id=provider_id, tries=number), 0.0
        state: Ending = State.DEAD if meaning == "never" else State.FAILED
        wait = response.headers.get("retry-after", "")
        return SendResult(message.key, state, reason=reason, tries=number), float(wait) if wait.isdecimal() else 0.0

    def _request(self, message: Message) -> httpx.Request:
        send = self._provider.send
        values = {
            **self._values,
            "to": message.to,
            "text": message.text.body if message.text else "",
            "language": message.language,
            "key": message.key,
        }
        if self._provider.callbacks is not None:
            values["callback"] = callback_address(self._callback, self._provider.callbacks, message.key)
        fields = {name: filled(value, values) for name, value in self._fields.items()}
        headers = {name: filled(value, values) for name, value in send.headers.items()}
        return httpx.Request(
            send.method,
            self._url + filled_path(send.path, values),
            headers={**self._headers, **headers},
            json=fields if send.body == "json" else None,
            data=fields if send.body == "form" else None,
            extensions=self._extensions,
        )

    def _read(self, response: httpx.Response) -> tuple[Meaning, str | None, str | None]:
        """What an answer means, the provider's id, and the code of what went wrong."""
        answers = self._provider.answers
        meaning = answers.meaning(response.status_code)
        if meaning == "doubtful":
            return meaning, None, "http.doubtful"
        if meaning != "taken":
            return meaning, None, f"http.{response.status_code}"
        try:
            content = response.json()
            if answers.codes is not None:
                code = str(found_at(content, answers.codes.at))
                if (said := answers.codes.meaning(code)) != "taken":
                    known = CODE.fullmatch(code) and said != "doubtful"
                    return said, None, f"provider.{code}" if known else "http.doubtful"
            provider_id = found_at(content, answers.id)
        except (ValueError, KeyError, TypeError):
            return "doubtful", None, "http.nonsense"
        if not isinstance(provider_id, str | int) or not CODE.fullmatch(str(provider_id)):
            return "doubtful", None, "http.nonsense"
        return "taken", str(provider_id), None

    def _ask_one(self, key: str) -> str | None:
        ask = self._provider.ask
        if ask is None:
            never_asked(self.name, [key])
            return None
        try:
            response = self._client.get(filled_path(ask.path, {**self._values, "key": key}))
            status = str(response.status_code)
            if status in ask.missing:
                return None
            if status in ask.found:
                return str(found_at(response.json(), ask.id))
            found = f"http.{status}"
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            found = _code(error)
        raise self._no_answer("an answer whether the provider has a message", found)

    def _no_answer(self, expected: str, found: str) -> ChannelError:
        return ChannelError(
            expected=expected,
            found=found,
            where=f"channel {self.name}",
            action=f"Look at the provider and at {connection_variable(self.name)}; it is asked again.",
        )


def _read_receipts(content: Sequence[Any]) -> tuple[list[Receipt], list[str]]:
    receipts: list[Receipt] = []
    unreadable: list[str] = []
    for each in content:
        try:
            receipts.append(receipt_of(each))
        except (ValueError, KeyError, TypeError):
            unreadable.append(hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest())
    return receipts, unreadable


def receipt_of(content: Mapping[str, Any]) -> Receipt:
    """A receipt as providers write it: key, id, delivered, outcome; a reply and promised_days where there are any.

    Raises KeyError, TypeError or ValueError for anything else.
    """
    outcome, promised = content["outcome"], content.get("promised_days")
    if not isinstance(content["key"], str) or "\0" in content["key"] or not isinstance(content["delivered"], bool):
        raise TypeError("a receipt with a key and whether it was delivered")
    if not isinstance(outcome, str) or not CODE.fullmatch(outcome):
        raise ValueError("an outcome that is a code")
    if promised is not None and (not isinstance(promised, int) or isinstance(promised, bool) or promised < 0):
        raise ValueError("promised days that are a number")
    provider_id = str(content["id"])
    if not CODE.fullmatch(provider_id):
        raise ValueError("a provider's id that is a code")
    reply = content.get("reply")
    return Receipt(content["key"], content["delivered"], outcome, provider_id, str(reply) if reply else None, promised)


def _authorization(provider: Provider, address: ChannelAddress) -> dict[str, str]:
    secret = address.password.get_secret_value()
    if provider.authorization == "basic":
        told = base64.b64encode(f"{address.login or ''}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {told}"}
    return {"Authorization": f"Bearer {secret}"} if provider.authorization == "bearer" and secret else {}


def _base_url(address: ChannelAddress) -> str:
    host = address.host
    if "://" not in host:
        protocol = address.protocol or (address.conn_type if address.conn_type in {"http", "https"} else "http")
        host = f"{protocol}://{host}"
    return f"{host}:{address.port}" if address.port else host


def _code(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"http.{error.response.status_code}"
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return "http.refused"
    if isinstance(error, httpx.TimeoutException):
        return "http.timeout"
    return "http.no_answer" if isinstance(error, httpx.HTTPError) else "http.nonsense"
