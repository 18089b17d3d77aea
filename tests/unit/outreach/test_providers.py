"""Providers as data: what a file may say, what the answers mean, and that a message's words stay values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from arrears.errors import RulesError
from arrears.outreach.callbacks import form_signature
from arrears.outreach.channels.address import ChannelAddress
from arrears.outreach.channels.base import Message, SendResult
from arrears.outreach.channels.http import HttpChannel
from arrears.outreach.channels.providers import Provider
from arrears.outreach.states import State
from arrears.outreach.templates import Text
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT

FOLDER = PROJECT / "include" / "rules" / "providers"
NASTY = 'Wang "x"}\r\nX-Evil: 1&To=+1&${key}'
SECRET = "the-password"


CALLBACKS = {
    "signature": "url_and_fields_sha1", "header": "X-S", "key": "key", "id": "Id", "status": "S",
    "delivered": ["ok"], "undelivered": ["no"],
}  # fmt: skip


def provider(name: str = "generic", **changed: Any) -> Provider:
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return Provider.model_validate({**content, **changed})


class Answering:
    """A provider that answers as it is told, one answer a request, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def channel(told: Provider, answering: Answering, *, tries: int = 1, **address: Any) -> HttpChannel:
    given = {"conn_type": "http", "host": "provider.example", "password": SECRET, "login": "AC1", **address}
    made = HttpChannel("sms", told, ChannelAddress(**given), tries=tries, stop_after=100)
    made._transport = made._client._transport = httpx.MockTransport(answering)
    return made


def send(told: Provider, *answers: httpx.Response | Exception, tries: int = 1) -> tuple[SendResult, Answering]:
    answering = Answering(*answers)
    made = channel(told, answering, tries=tries, extra={"sender": "+15550100"})
    (result,) = made.send([Message("0123abcd", to="+8613812345678", text=Text(None, NASTY), language="zh")])
    made.close()
    return result, answering


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_is_right_and_says_where_it_comes_from(path: Path) -> None:
    found = parse_rules(path, Provider)
    assert len(found.source) > 20


def test_the_generic_request() -> None:
    result, answering = send(provider(), httpx.Response(200, json={"id": "sms-7"}))
    assert (result.state, result.provider_id, result.tries) == (State.SENT, "sms-7", 1)
    (request,) = answering.asked
    assert (request.method, str(request.url)) == ("POST", "http://provider.example/sms/messages")
    assert request.headers["idempotency-key"] == "0123abcd"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert httpx.Response(200, content=request.content).json() == {
        "to": "+8613812345678",
        "text": NASTY,
        "language": "zh",
        "sender": "+15550100",
        "reference": "0123abcd",
    }
    assert "X-Evil" not in request.headers


def test_the_request_of_twilio() -> None:
    result, answering = send(provider("twilio"), httpx.Response(201, json={"sid": "SM1", "status": "queued"}))
    assert (result.state, result.provider_id) == (State.SENT, "SM1")
    (request,) = answering.asked
    assert request.url.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"].startswith("Basic ")
    fields = httpx.QueryParams(request.content.decode())
    assert dict(fields) == {"To": "+8613812345678", "From": "+15550100", "Body": NASTY}


def test_a_message_of_twilio_names_where_its_status_is_reported() -> None:
    answering = Answering(httpx.Response(201, json={"sid": "SM1"}))
    extra = {"sender": "+15550100", "callback": "https://lender.example/hooks/sms"}
    made = channel(provider("twilio"), answering, extra=extra)
    made.send([Message("0123abcd", to="+8613812345678", text=Text(None, NASTY), language="zh")])
    made.close()
    fields = httpx.QueryParams(answering.asked[0].content.decode())
    assert fields["StatusCallback"] == "https://lender.example/hooks/sms?key=0123abcd"


def test_the_signature_of_a_form_is_that_of_the_description() -> None:
    # printf '%s' '<address><names and values by name>' | openssl dgst -sha1 -hmac <secret> -binary | base64
    secret, address = SecretStr("0123456789abcdef0123456789abcdef"), "https://lender.example/hooks/sms?key=0123abcd"
    fields = {
        "To": "+8613812345678",
        "MessageStatus": "delivered",
        "MessageSid": "SM1",
        "From": "+15550100",
        "Body": "",
        "AccountSid": "AC1",
    }
    assert form_signature(secret, address, list(fields.items())) == "o/7u1LvqlOhXP5Yq41imntTtgv0="
    # a name that comes twice is signed with each of its values once
    twice = [("b", "2"), ("a", "1"), ("b", "1"), ("b", "2")]
    assert form_signature(secret, address, twice) == form_signature(
        secret, address, [("a", "1"), ("b", "1"), ("b", "2")]
    )


@pytest.mark.parametrize(
    ("name", "answer", "state", "reason"),
    [
        ("generic", httpx.Response(429), State.FAILED, "http.429"),
        ("generic", httpx.Response(401), State.FAILED, "http.401"),
        ("generic", httpx.Response(503), State.FAILED, "http.503"),
        ("generic", httpx.Response(422), State.DEAD, "http.422"),
        ("generic", httpx.Response(302), State.FAILED, "http.doubtful"),
        ("generic", httpx.Response(200, text="<html>welcome</html>"), State.FAILED, "http.nonsense"),
        ("generic", httpx.Response(200, json=[]), State.FAILED, "http.nonsense"),
        ("generic", httpx.Response(200, json={"id": None}), State.FAILED, "http.nonsense"),
        ("generic", httpx.Response(200, json={"id": "a name with spaces"}), State.FAILED, "http.nonsense"),
        ("generic", httpx.ConnectError("no"), State.FAILED, "http.refused"),
        ("generic", httpx.ReadTimeout("no"), State.FAILED, "http.timeout"),
        ("generic", httpx.RemoteProtocolError("no"), State.FAILED, "http.no_answer"),
        ("twilio", httpx.Response(429), State.FAILED, "http.429"),
        ("twilio", httpx.Response(400), State.DEAD, "http.400"),
        ("twilio", httpx.ConnectError("no"), State.FAILED, "http.refused"),
        # it can neither drop a repeat nor be asked: what may have gone is never sent again
        ("twilio", httpx.Response(500), State.UNKNOWN, "http.doubtful"),
        ("twilio", httpx.Response(200, json={"sid": "SM1"}), State.UNKNOWN, "http.doubtful"),
        ("twilio", httpx.Response(201, text="?"), State.UNKNOWN, "http.nonsense"),
        ("twilio", httpx.ReadTimeout("no"), State.UNKNOWN, "http.timeout"),
    ],
)
def test_what_answers_mean(name: str, answer: httpx.Response | Exception, state: State, reason: str) -> None:
    result, _ = send(provider(name), answer)
    assert (result.state, result.reason) == (state, reason)


@pytest.mark.parametrize(
    ("name", "requests", "state"),
    [("generic", 3, State.SENT), ("askable", 1, State.FAILED), ("twilio", 1, State.UNKNOWN)],
)
def test_only_who_drops_repeats_is_sent_one(name: str, requests: int, state: State) -> None:
    taken = httpx.Response(201, json={"id": "m", "sid": "m"})
    result, answering = send(provider(name), httpx.ReadTimeout("1"), httpx.ReadTimeout("2"), taken, tries=3)
    assert (len(answering.asked), result.state) == (requests, state)


def test_a_doubt_outlives_a_later_refusal() -> None:
    result, answering = send(provider(), httpx.ReadTimeout("1"), httpx.Response(503), tries=2)
    assert (result.state, result.reason, len(answering.asked)) == (State.FAILED, "http.timeout", 2)


@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        ("OK", State.SENT, None),
        ("LIMIT", State.FAILED, "provider.LIMIT"),
        ("BLACK", State.DEAD, "provider.BLACK"),
        ("WHAT", State.FAILED, "http.doubtful"),
        ("a person's name", State.FAILED, "http.doubtful"),
    ],
)
def test_a_provider_that_says_everything_with_200(code: str, state: State, reason: str | None) -> None:
    codes = {"at": "result.code", "taken": ["OK"], "again": ["LIMIT"], "never": ["BLACK"]}
    told = provider(answers={"id": "result.biz_id", "taken": ["200"], "codes": codes})
    result, _ = send(told, httpx.Response(200, json={"result": {"code": code, "biz_id": 9}}))
    assert (result.state, result.reason) == (state, reason)


def test_a_provider_is_asked_about_keys() -> None:
    answering = Answering(httpx.Response(404), httpx.Response(200, json={"id": "sms-9"}), httpx.Response(404))
    made = channel(provider("askable"), answering)
    assert len(made.ask(["a/b", "b", "c"])) == 1
    assert {request.url.raw_path for request in answering.asked} == {
        b"/sms/messages/a%2Fb",
        b"/sms/messages/b",
        b"/sms/messages/c",
    }
    made.close()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"repeats": "can_be_asked"}, "ask where the provider can be asked"),
        ({"send": {"path": "/x", "fields": {"to": "${to}"}}}, "names ${key}, by which repeats are dropped"),
        ({"repeats": "neither", "send": {"path": "/x", "fields": {"text": "${text}"}}}, "names ${to}"),
        ({"send": {"path": "/x", "fields": {"to": "${tox}"}}}, "did you mean ${to}?"),
        ({"send": {"path": "/x", "fields": {"to": "$"}}}, "$$ for a dollar sign"),
        ({"answers": {"id": "id", "taken": ["200"], "never": ["200"]}}, "each status once"),
        ({"answers": {"id": "id", "taken": ["2x"]}}, "should match pattern"),
        ({"ask": {"path": "/x", "id": "id"}, "repeats": "can_be_asked"}, "names ${key}"),
        ({"callbacks": CALLBACKS}, "a field of the request that names ${callback}"),
        ({"callbacks": {**CALLBACKS, "undelivered": ["ok"]}}, "each status once"),
        ({"send": {"path": "/x", "fields": {"to": "${to}", "k": "${key}", "c": "${callback}"}}}, "or neither"),
        (
            {"callbacks": CALLBACKS, "send": {"path": "/${callback}", "fields": {"to": "${to}", "k": "${key}"}}},
            "a field of the body",
        ),
    ],
)
def test_a_file_that_cannot_be_meant(tmp_path: Path, changed: dict[str, Any], expected: str) -> None:
    content = yaml.safe_load((FOLDER / "generic.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**content, **changed}), encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        parse_rules(path, Provider)
    assert expected in raised.value.expected
    assert raised.value.where.startswith(f"{path}:")


def test_a_receipt_that_is_none_holds_up_no_other() -> None:
    good = {"key": "k", "id": "sms-1", "delivered": True, "outcome": "delivered"}
    page = {"receipts": [good, {"key": "x"}, "<html>", {**good, "outcome": "a sentence about somebody"}], "cursor": "7"}
    made = channel(provider(), Answering(httpx.Response(200, json=page)))
    found = made.receipts("")
    made.close()
    assert found is not None
    assert ([each.key for each in found.receipts], len(found.unreadable), found.cursor) == (["k"], 3, "7")
    assert "sentence" not in str(found)
