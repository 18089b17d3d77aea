"""The gateway as a server: its guard, receipts by cursor, its page, and a quick end."""

from __future__ import annotations

import json
import smtplib
import stat
import time
from typing import Any

import httpx
import pytest


def send(client: httpx.Client, key: str, channel: str = "sms") -> httpx.Response:
    return client.post(f"/{channel}/messages", json={"to": "+861", "text": "x"}, headers={"Idempotency-Key": key})


def test_the_providers_side_asks_for_the_token(gateway: Any) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as stranger:
        assert send(stranger, "k").status_code == 401
        for path in ("/messages", "/stats", "/receipts", "/sms/receipts"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/faults", json={"channel": "sms", "mode": "500"}).status_code == 401
        assert stranger.get("/health").json() == {"status": "ready"}
        assert "Sandbox gateway" in stranger.get("/").text


def test_repeats_are_dropped_and_counted(gateway: Any) -> None:
    with gateway.client() as client:
        first, second = send(client, "k").json(), send(client, "k").json()
        assert first == {"id": "sms-1", "repeated": False}
        assert second == {"id": "sms-1", "repeated": True}
        assert "<td>2</td><td>1</td><td>1</td><td>1</td>" in client.get("/").text
    assert gateway.stats("sms") == {"given": 2, "messages": 1, "effects": 1, "repeats": 1, "most_effects": 1}


def test_what_it_does_not_take(gateway: Any) -> None:
    with gateway.client() as client:
        assert client.post("/sms/messages", json={"to": "+861", "text": "x"}).status_code == 422
        assert client.post("/sms/messages", json={"to": ""}, headers={"Idempotency-Key": "k"}).status_code == 422
        assert send(client, "k", "pigeon").status_code == 422
        assert client.post("/faults", json={"channel": "sms", "mode": "nap"}).status_code == 422
        assert client.get("/receipts", params={"after": "x"}).status_code == 422
    assert gateway.stats("sms")["given"] == 0


def test_receipts_come_by_cursor(gateway: Any) -> None:
    with gateway.client() as client:
        for number in range(3):
            send(client, f"s{number}")
            send(client, f"d{number}", "dialer")
        page = client.get("/sms/receipts", params={"limit": 2}).json()
        assert [receipt["key"] for receipt in page["receipts"]] == ["s0", "s1"]
        rest = client.get("/sms/receipts", params={"after": page["cursor"]}).json()
        assert [receipt["key"] for receipt in rest["receipts"]] == ["s2"]
        end = client.get("/sms/receipts", params={"after": rest["cursor"]}).json()
        assert end == {"receipts": [], "cursor": rest["cursor"]}
        assert len(client.get("/receipts").json()["receipts"]) == 6


@pytest.mark.parametrize(("mode", "code"), [("429", 429), ("500", 500)])
def test_faults_over_http(gateway: Any, mode: str, code: int) -> None:
    gateway.fault("sms", mode, count=1)
    with gateway.client() as client:
        assert send(client, "k").status_code == code
        assert send(client, "k").status_code == 200
    assert gateway.stats("sms")["given"] == 1


@pytest.mark.parametrize(("mode", "given"), [("refuse", 0), ("drop_after_accept", 1)])
def test_answers_that_never_come(gateway: Any, mode: str, given: int) -> None:
    gateway.fault("dialer", mode, count=1)
    with gateway.client() as client, pytest.raises(httpx.RemoteProtocolError):
        send(client, "k", "dialer")
    assert gateway.stats("dialer")["given"] == given


def test_mail_with_and_without_login(gateway: Any) -> None:
    message = "Message-ID: <key@lender.example>\r\nSubject: s\r\n\r\nbody\r\n"
    for password in (None, "token-of-the-tests"):
        with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server:
            if password:
                server.login("arrears", password)
            server.sendmail("a@lender.example", ["b@customer.example"], message)
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server, pytest.raises(smtplib.SMTPAuthenticationError):
        server.login("arrears", "wrong")
    assert gateway.stats("email") == {"given": 2, "messages": 1, "effects": 2, "repeats": 1, "most_effects": 2}
    assert gateway.messages("email")[0]["key"] == "key"


def test_it_ends_quickly_and_remembers(gateway: Any) -> None:
    with gateway.client() as client:
        send(client, "k")
    started = time.monotonic()
    gateway.stop()
    assert time.monotonic() - started < 5
    gateway.start()
    assert gateway.stats("sms")["messages"] == 1


def test_the_access_file_is_the_owners_and_holds_no_given_token(gateway: Any) -> None:
    path = gateway.home / "gateway.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    access = json.loads(path.read_text())
    assert set(access) == {"host", "http_port", "smtp_port", "pid"}
