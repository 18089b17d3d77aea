"""The API's parts without a warehouse: the front and the gate, rate limits, the line, tokens' form, logs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from arrears.api import log
from arrears.api.app import create_api
from arrears.api.front import bearer_of, not_known
from arrears.api.limits import TokenBuckets
from arrears.api.problems import ProblemError
from arrears.api.routes import Services
from arrears.api.settings import ApiSettings, load_api_settings
from arrears.api.tokens import is_token
from arrears.api.work import Work
from arrears.desk.callers import Caller
from arrears.desk.refusals import Kind, Refusal
from arrears.desk.views import Changed, Grabbed, Refused
from arrears.errors import NotPublishedError, SettingsError

AT = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
CASE = "CU0000000017@2026-11-20"


class FakeDesk:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Any = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def act(*arguments: Any, **named: Any) -> Any:
            self.asked.append((name, arguments, named))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer() if callable(self.answer) else self.answer

        return act


async def by_name(request: Request) -> Caller:
    """The bearer's text is the collector."""
    name = bearer_of(request.headers)
    if name is None:
        raise not_known()
    return Caller(name, "collector", name, via="token")


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


def make(desk: Any, **settings: Any) -> FastAPI:
    services = Services(desk=lambda: desk, performance=desk.performance, healthy=lambda: None)
    return create_api(services, by_name, ApiSettings(**settings), lambda: AT)


def ask(app: FastAPI, method: str = "GET", path: str = "/api/v1/me", **request: Any) -> httpx.Response:
    return asks(app, [(method, path, request)])[0]


def asks(app: FastAPI, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
    """Requests to an application, all at once."""

    async def all_of_them() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api") as client:
            sent = []
            for method, path, request in requests:
                headers = {"authorization": "Bearer C1"} | request.pop("headers", {})
                sent.append(client.request(method, path, headers=headers, **request))
            return list(await asyncio.gather(*sent))

    return asyncio.run(all_of_them())


# ---- what every request passes


def test_an_id_of_the_caller_comes_back_if_it_can_be_no_name(desk: FakeDesk) -> None:
    app = make(desk)
    own = "5f0c9a52-3f0e-4f0b-9a55-0d4a3e1a9b11"
    assert ask(app, headers={"x-request-id": own}).headers["x-request-id"] == own
    for other in (CASE, "Wang Wei", "x" * 65, "5f0c"):
        made = ask(app, headers={"x-request-id": other}).headers["x-request-id"]
        assert len(made) == 32
        assert made != other


def test_answers_are_kept_by_nobody(desk: FakeDesk) -> None:
    headers = ask(make(desk)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_the_body_of_nobody_is_not_read(desk: FakeDesk) -> None:
    answer = ask(make(desk), "POST", "/api/v1/calls", content=b"{not json", headers={"authorization": ""})
    assert answer.status_code == 401


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(1024, 422), (1025, 413)])
def test_a_body_has_a_limit_however_it_is_sent(desk: FakeDesk, chunked: bool, size: int, status: int) -> None:
    async def chunks() -> Any:
        for start in range(0, size, 100):
            yield b"x" * min(100, size - start)

    content = chunks() if chunked else b"x" * size
    answer = ask(make(desk, body_bytes=1024), "POST", "/api/v1/calls", content=content)
    assert answer.status_code == status
    assert desk.asked == []


def test_a_caller_who_asks_too_often_waits_and_others_do_not(desk: FakeDesk) -> None:
    # a token comes back after a quarter of an hour: however slow this machine is, not while it answers
    app = make(desk, rate=0.001, burst=3)
    answers = asks(app, [("GET", "/api/v1/me", {}) for _ in range(5)])
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 429, 429]
    refused = next(each for each in answers if each.status_code == 429)
    assert refused.json()["rule"] == "rate.caller"
    assert 900 <= int(refused.headers["retry-after"]) <= 1000
    assert ask(app, headers={"authorization": "Bearer C2"}).status_code == 200


def test_a_bucket_fills_up_again_and_no_further() -> None:
    at = 0.0
    buckets = TokenBuckets(rate=2, burst=3, clock=lambda: at)
    assert [buckets.take("a") for _ in range(4)] == [None, None, None, 1]
    at = 0.49
    assert buckets.take("a") == 1
    at = 0.5
    assert buckets.take("a") is None
    at = 1000
    assert [buckets.take("a") for _ in range(4)] == [None, None, None, 1]


def test_many_callers_do_not_fill_the_memory() -> None:
    buckets = TokenBuckets(rate=1, burst=1, clock=lambda: 0.0)
    for number in range(20_000):
        buckets.take(str(number))
    assert len(buckets._buckets) <= 10_000


def test_who_comes_when_all_threads_are_busy_waits_for_a_while_only() -> None:
    most, now, lock = 0, 0, threading.Lock()

    def busy(seconds: float) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(seconds)
        with lock:
            now -= 1

    async def crowd(seconds: float, count: int) -> list[Any]:
        work = Work(threads=2, wait_seconds=0.2)
        return await asyncio.gather(*(work.run(busy, seconds) for _ in range(count)), return_exceptions=True)

    assert asyncio.run(crowd(0.02, 8)) == [None] * 8
    assert most == 2
    refused = [each for each in asyncio.run(crowd(0.6, 4)) if each is not None]
    assert len(refused) == 2
    assert all(isinstance(each, ProblemError) and each.status == 503 for each in refused)


# ---- what it tells


@pytest.mark.parametrize(
    ("kind", "status"),
    [("not_found", 404), ("forbidden", 403), ("conflict", 409), ("gone", 410), ("invalid", 422), ("limit", 429)],
)
def test_a_refusal_is_a_problem_with_its_rule(desk: FakeDesk, kind: Kind, status: int) -> None:
    desk.answer = Refusal(kind=kind, rule="a.rule", expected="this", found="that", where="here", action="Do it.")
    answer = ask(make(desk), "POST", "/api/v1/calls", json={"case_id": CASE})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["rule"], told["status"], told["expected"]) == ("a.rule", status, "this")
    assert told["detail"] == "here: expected this; found that. Do it."


@pytest.mark.parametrize(
    ("error", "status", "rule"),
    [
        (OperationalError("SELECT", {}, Exception(f"Key (case_id)=({CASE})")), 503, "service.unavailable"),
        (NotPublishedError(expected="a", found="b", where="c", action="d"), 503, "service.fault"),
        (ValueError(f"something about {CASE}"), 500, "service.fault"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_fault_is_told_without_its_words(desk: FakeDesk, error: Exception, status: int, rule: str) -> None:
    desk.answer = error
    answer = ask(make(desk), "POST", "/api/v1/calls", json={"case_id": CASE})
    assert (answer.status_code, answer.json()["rule"]) == (status, rule)
    assert "CU00" not in answer.text


@pytest.mark.parametrize(
    "body",
    ["{", "[]", "null", '{"case_ids": []}', '{"case_ids": ["x"], "secret": 1}', '{"case_ids": [7]}', "\ud83d", ""],
)
def test_a_body_that_makes_no_sense_is_not_repeated(desk: FakeDesk, body: str) -> None:
    content = body.encode("utf-8", "surrogatepass")
    answer = ask(
        make(desk), "POST", "/api/v1/leases/renew", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert desk.asked == []


def test_what_is_asked_reaches_the_desk_and_its_answer_the_caller(desk: FakeDesk) -> None:
    desk.answer = Changed((CASE,), (Refused("x", "case.not_yours"),))
    body = {"case_ids": [CASE, "x"], "reason": " workload "}
    answer = ask(make(desk), "POST", "/api/v1/returns", json=body, headers={"idempotency-key": "k"})
    caller = Caller("C1", "collector", "C1", via="token")
    assert desk.asked == [("give_back", (caller, [CASE, "x"]), {"reason": "workload", "request_key": "k"})]
    assert answer.json() == {
        "done": [CASE],
        "refused": [{"case_id": "x", "rule": "case.not_yours"}],
        "lease_until": None,
    }


@pytest.mark.parametrize("body", [None, {}])
def test_a_grab_needs_no_body(desk: FakeDesk, body: Any) -> None:
    desk.answer = Grabbed((), None, 20, None, None, 0)
    answer = ask(make(desk), "POST", "/api/v1/pools/phone/grab", **({} if body is None else {"json": body}))
    assert answer.status_code == 200
    assert desk.asked[0][2] == {"batch": None, "collector_id": None, "request_key": None}


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "ключ"])
def test_a_key_has_its_form(desk: FakeDesk, key: str) -> None:
    headers = {"idempotency-key": key.encode()}
    assert ask(make(desk), "POST", "/api/v1/pools/phone/grab", headers=headers).status_code == 422


# ---- what it logs


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The JSON lines that a process of the API would log; logging is as before afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    named = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx")]
    states = [(each.disabled, each.propagate, list(each.handlers)) for each in named]
    log.configure(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    for each, (disabled, propagate, handlers) in zip(named, states, strict=True):
        each.disabled, each.propagate, each.handlers[:] = disabled, propagate, handlers
    structlog.reset_defaults()


def test_a_request_is_one_line_without_ids_of_cases(
    desk: FakeDesk, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from arrears.api import front

    monkeypatch.setattr(front, "log", structlog.get_logger("arrears.api"))
    app = make(desk)
    desk.answer = ValueError(f"something about {CASE}")
    answer = ask(app, "POST", f"/api/v1/calls?{CASE}", json={"case_id": CASE})
    ask(app, "GET", f"/api/v1/{CASE}")
    fault, line, nowhere = lines()
    assert line["event"] == "request"
    assert line["request_id"] == answer.headers["x-request-id"] == fault["request_id"]
    assert (line["route"], line["status"], line["collector"]) == ("/api/v1/calls", 500, "C1")
    assert nowhere["route"] == "(none)"
    assert fault["error"] == "ValueError"
    assert "CU00" not in json.dumps([fault, line, nowhere])


# ---- settings and tokens


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARREARS_API_RATE", "")
    assert load_api_settings().rate == 10
    monkeypatch.setenv("ARREARS_API_RATE", "none")
    with pytest.raises(SettingsError, match="ARREARS_API_RATE"):
        load_api_settings()


def test_only_what_has_a_tokens_form_is_looked_up() -> None:
    good = f"arrears_{'a' * 12}_{'B' * 43}"
    assert is_token(good)
    for other in (good + "x", good[:-1], good.upper(), "", good + "\n", good.replace("B", "é")):
        assert not is_token(other)
