"""Webhooks through the API that is served alone: only what is signed comes in, and it needs no caller."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from arrears.outreach.webhooks import SIGNATURE_HEADER, sign

from .conftest import Api, send

SECRET = SecretStr("a-secret-of-the-tests-0123")
BODY = b'{"receipts": [{"key": "nobody", "id": "sms-1", "delivered": true, "outcome": "delivered"}]}'


def call(api: Api, header: str | None, body: bytes = BODY, channel: str = "sms", **headers: str) -> Any:
    signed = {} if header is None else {SIGNATURE_HEADER: header}
    return send(api.app, "POST", f"/hooks/{channel}", {**signed, **headers}, content=body)


@pytest.fixture
def signing(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API, whose channel sms has a secret."""
    connection = {"conn_type": "http", "host": "provider.example"}
    secret = {"extra": {"webhook_secret": SECRET.get_secret_value()}}
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_SMS", json.dumps({**connection, **secret}))
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_DIALER", json.dumps(connection))
    return api


def test_a_signed_call_needs_no_token_and_is_taken_once(signing: Api) -> None:
    header = sign(SECRET, BODY, signing.machine.now())
    first = call(signing, header)
    assert (first.status_code, first.json()["unmatched"]) == (200, 1), first.text
    again = call(signing, header)
    assert (again.status_code, again.json()["repeated"], again.json()["unmatched"]) == (200, 1, 0)
    assert [row["times"] for row in signing.floor.rows("unmatched_receipt")] == [1]


@pytest.mark.parametrize("wrong", ["unsigned", "forged", "stale", "another body", "no secret", "no connection"])
def test_whoever_is_not_signed_is_refused(signing: Api, wrong: str) -> None:
    now = signing.machine.now()
    header: str | None = sign(SECRET, BODY, now - timedelta(minutes=6) if wrong == "stale" else now)
    body, channel = BODY, "sms"
    rule = {"unsigned": "hook.unsigned", "stale": "hook.stale"}.get(wrong, "hook.forged")
    if wrong == "unsigned":
        header = None
    elif wrong == "forged":
        header = sign(SecretStr("another-secret-0123456"), BODY, now)
    elif wrong == "another body":
        body = BODY.replace(b"true", b"false")
    elif wrong.startswith("no"):
        channel, rule = ("dialer" if wrong == "no secret" else "agency"), "hook.no_secret"
    token = signing.lead()
    for headers in ({}, {"authorization": f"Bearer {token}"}):
        answer = call(signing, header, body, channel, **headers)
        assert (answer.status_code, answer.json()["rule"]) == (401, rule), answer.text
    assert signing.floor.rows("unmatched_receipt") == []


def test_a_channel_that_does_not_exist_needs_a_caller(signing: Api) -> None:
    assert call(signing, sign(SECRET, BODY, signing.machine.now()), channel="pigeon").status_code == 401


@pytest.mark.parametrize("body", [b"", b"[]", b'{"receipts": [{"key": 1}]}', b"\xff\xfe"])
def test_a_signed_body_that_is_none_changes_nothing(signing: Api, body: bytes) -> None:
    answer = call(signing, sign(SECRET, body, signing.machine.now()), body)
    assert (answer.status_code, answer.json()["rule"]) == (422, "hook.body")


def test_a_body_that_is_too_large_is_not_read(signing: Api) -> None:
    body = b"x" * 10_000_000
    assert call(signing, sign(SECRET, body, signing.machine.now()), body).status_code == 413
