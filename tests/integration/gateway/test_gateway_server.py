"""The gateway as a server: its door, its providers' sides, its misbehaviour, its page, and a quick end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from arrears.outreach.webhooks import SIGNATURE_HEADER, check_signature

TOKEN = "token-of-the-tests"
SECRET = "secret-of-the-webhook"
STATS = {"given": 0, "messages": 0, "effects": 0, "repeats": 0, "most_effects": 0}


def send(client: httpx.Client, key: str, channel: str = "sms", text: str = "x") -> httpx.Response:
    return client.post(f"/{channel}/messages", json={"to": "+861", "text": text}, headers={"Idempotency-Key": key})


# ---- the door


def test_every_route_is_shut_to_who_has_no_token(gateway: Any) -> None:
    basic = base64.b64encode(b"anybody:wrong").decode()
    paths = (
        "/", "/page/1", "/messages", "/stats", "/report", "/receipts", "/sms/receipts", "/sms/messages/k", "/docs",
        "/openapi.json", "/nowhere",
    )  # fmt: skip
    for value in (None, "Bearer wrong", f"Bearer {TOKEN}x", "Basic !!!", f"Basic {basic}", TOKEN):
        headers = {"Authorization": value} if value else {}
        with httpx.Client(base_url=gateway.url, trust_env=False, headers=headers) as stranger:
            assert send(stranger, "k").status_code == 401
            for path in paths:
                assert stranger.get(path).status_code == 401, (value, path)
            assert stranger.post("/faults", json={"channel": "sms", "mode": "500"}).status_code == 401
            assert stranger.post("/webhooks", json={"channel": "sms", "url": None}).status_code == 401
    assert gateway.stats("sms") == STATS


def test_a_browsers_password_reads_and_changes_nothing(gateway: Any) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False, auth=("anybody", TOKEN)) as reader:
        assert "Sandbox gateway" in reader.get("/").text
        assert reader.post("/faults", json={"channel": "sms", "mode": "500"}).status_code == 401
        assert send(reader, "k").status_code == 401


def test_only_its_own_machine_reaches_what_is_not_the_providers_side(gateway: Any) -> None:
    """A header that claims to come from here does not help, and one that claims not to does no harm."""
    import asyncio

    from arrears.demo.gateway.admin import admin_app
    from arrears.demo.gateway.faults import Faults
    from arrears.demo.gateway.http import FrontDoor
    from arrears.demo.gateway.providers import Providers
    from arrears.demo.gateway.store import Store

    async def ask(address: str, path: str) -> int:
        store = Store(gateway.home.parent / "other.sqlite")
        providers = Providers(store, Faults(), 0)
        door = FrontDoor(providers, TOKEN, admin_app(providers))
        transport = httpx.ASGITransport(app=door, client=(address, 40_000))
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "127.0.0.1"}
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
                return (await client.get(path)).status_code
        finally:
            store.close()

    for path, elsewhere in (
        ("/sms/receipts", 200),
        ("/sms/messages/k", 404),
        ("/", 403),
        ("/report", 403),
        ("/x", 403),
    ):
        assert asyncio.run(ask("10.0.0.7", path)) == elsewhere, path
        assert asyncio.run(ask("127.0.0.1", path)) in {200, 404}, path
    with gateway.client() as client:
        assert client.get("/report", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 200


def test_the_access_file_is_the_owners_and_holds_no_given_token(gateway: Any) -> None:
    path = gateway.home / "gateway.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    access = json.loads(path.read_text())
    assert set(access) == {"host", "http_port", "smtp_port", "sftp_port", "pid"}
    for secret in ("server.pem", "host_key"):
        assert stat.S_IMODE((gateway.home / "identity" / secret).stat().st_mode) == 0o600


# ---- the provider over HTTP


def test_repeats_are_dropped_and_counted(gateway: Any) -> None:
    with gateway.client() as client:
        first, second = send(client, "k").json(), send(client, "k").json()
        assert first == {"id": "sms-1", "repeated": False}
        assert second == {"id": "sms-1", "repeated": True}
        assert client.get("/sms/messages/k").json() == {"id": "sms-1", "key": "k", "given": 2}
        assert client.get("/sms/messages/other").status_code == 404
        assert client.get("/dialer/messages/k").status_code == 404
    assert gateway.stats("sms") == {"given": 2, "messages": 1, "effects": 1, "repeats": 1, "most_effects": 1}


def test_what_it_does_not_take(gateway: Any) -> None:
    good = b'{"to": "+861", "text": "x"}'
    bodies = (
        (good, ""),
        (good, "k" * 257),
        (b'{"to": "", "text": "x"}', "k"),
        (b'{"to": "+861"}', "k"),
        (b'{"to": 861, "text": "x"}', "k"),
        (b"[1]", "k"),
        (b"not json", "k"),
        (b"", "k"),
        (b'{"to": "+861", "text": "' + b"x" * 70_000 + b'"}', "k"),
    )
    with gateway.client() as client:
        for body, key in bodies:
            headers = {"Idempotency-Key": key} if key else {}
            assert client.post("/sms/messages", content=body, headers=headers).status_code == 422, body[:40]
    assert gateway.stats("sms") == STATS


def test_orders_that_make_no_sense(gateway: Any) -> None:
    with gateway.client() as client:
        for order in ({"mode": "nap"}, {"mode": "500", "share": 0}, {"mode": "500", "share": 2}, {"x": 1}, {}):
            assert client.post("/faults", json={"channel": "sms", **order}).status_code == 422
        assert client.post("/faults", json={"channel": "pigeon", "mode": "500"}).status_code == 422
        assert client.post("/faults", content=b'{"channel": "sms", "mode": "500"}').status_code == 422
        assert client.get("/receipts", params={"after": "x"}).status_code == 422
        assert client.post("/webhooks", json={"channel": "sms", "url": "x", "secret": SECRET}).status_code == 422
        assert (
            client.post("/webhooks", json={"channel": "sms", "url": "http://x", "secret": "short"}).status_code == 422
        )
        assert client.get("/page/x").status_code == 422
        assert client.get("/page/99").status_code == 404
        assert send(client, "k", "pigeon").status_code == 404
        assert client.get("/report").json()["faults"] == []


def test_receipts_come_by_cursor(gateway: Any) -> None:
    with gateway.client() as client:
        for number in range(3):
            send(client, f"d{number}", "dialer")
        page = client.get("/dialer/receipts", params={"limit": 2}).json()
        assert [receipt["key"] for receipt in page["receipts"]] == ["d0", "d1"]
        rest = client.get("/dialer/receipts", params={"after": page["cursor"]}).json()
        assert [receipt["key"] for receipt in rest["receipts"]] == ["d2"]
        end = client.get("/dialer/receipts", params={"after": rest["cursor"]}).json()
        assert end == {"receipts": [], "cursor": rest["cursor"]}
        assert len(client.get("/receipts").json()["receipts"]) == 3
        (receipt,) = rest["receipts"]
        assert set(receipt) == {
            "id", "channel", "key", "delivered", "outcome", "receipt", "reply", "promised_days",
        }  # fmt: skip


@pytest.mark.parametrize(("mode", "code"), [("429", 429), ("500", 500)])
def test_refusals_over_http(gateway: Any, mode: str, code: int) -> None:
    gateway.fault("sms", mode, count=1, retry_after=7)
    with gateway.client() as client:
        refused = send(client, "k")
        assert refused.status_code == code
        assert refused.headers.get("retry-after") == ("7" if code == 429 else None)
        assert send(client, "k").status_code == 200
    report = gateway.report("sms")
    assert (report["given"], report["struck"]) == (1, {mode: 1})


@pytest.mark.parametrize(("mode", "given"), [("refuse", 0), ("drop_after_accept", 1)])
def test_answers_that_never_come(gateway: Any, mode: str, given: int) -> None:
    gateway.fault("dialer", mode, count=1)
    with gateway.client() as client:
        with pytest.raises(httpx.TransportError):
            send(client, "k", "dialer")
        assert send(client, "k", "dialer").json()["repeated"] == bool(given)
    assert gateway.stats("dialer")["given"] == given + 1


def test_one_that_hangs_is_not_taken_and_hangs_up_in_the_end(gateway: Any) -> None:
    gateway.fault("sms", "hang", count=2, seconds=0.3)
    with gateway.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/sms/messages", json={"to": "1", "text": "x"}, headers={"Idempotency-Key": "k"}, timeout=0.1)
        with pytest.raises(httpx.TransportError) as raised:
            send(client, "k")
        assert not isinstance(raised.value, httpx.TimeoutException)
    assert gateway.stats("sms")["given"] == 0


def test_nonsense_was_taken_and_what_is_lost_looks_well(gateway: Any) -> None:
    gateway.fault("sms", "nonsense", count=1)
    gateway.fault("sms", "lose", count=1, beside=True)
    with gateway.client() as client:
        answer = send(client, "n")
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            answer.json()
        assert send(client, "l").json() == {"id": "sms-2", "repeated": False}
        keys = [receipt["key"] for receipt in client.get("/sms/receipts").json()["receipts"]]
    assert set(keys) == {"n"}
    report = gateway.report("sms")
    assert (report["given"], report["effects"], report["lost"]) == (2, 1, 1)


# ---- SMTP


MAIL = "Message-ID: <{key}@lender.example>\r\nSubject: s\r\n\r\nbody\r\n"


def mailbox(gateway: Any, password: str | None = TOKEN) -> smtplib.SMTP:
    server = smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=5)
    server.starttls(context=ssl.create_default_context(cafile=str(gateway.identity.certificate)))
    if password:
        server.login("arrears", password)
    return server


def mail(server: smtplib.SMTP, key: str = "key") -> None:
    server.sendmail("a@lender.example", ["b@customer.example"], MAIL.format(key=key))


def test_mail_is_taken_behind_tls_and_a_login_alone(gateway: Any) -> None:
    for _ in range(2):
        with mailbox(gateway) as server:
            mail(server)
    with mailbox(gateway, None) as server, pytest.raises(smtplib.SMTPException):
        mail(server)
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server, pytest.raises(smtplib.SMTPException):
        mail(server)
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server, pytest.raises(smtplib.SMTPNotSupportedError):
        server.login("arrears", TOKEN)
    with mailbox(gateway, None) as server, pytest.raises(smtplib.SMTPAuthenticationError):
        server.login("arrears", "wrong")
    stats = {"given": 2, "messages": 1, "effects": 2, "repeats": 1, "most_effects": 2}
    assert gateway.stats("email") == stats
    assert gateway.messages("email")[0]["key"] == "key"


def test_its_certificate_is_trusted_only_by_who_has_it(gateway: Any) -> None:
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port) as server, pytest.raises(ssl.SSLCertVerificationError):
        server.starttls(context=ssl.create_default_context())
    assert "PRIVATE" not in gateway.identity.certificate_text


def test_the_same_mail_under_another_id_is_told(gateway: Any) -> None:
    with mailbox(gateway) as server:
        mail(server, "one")
        mail(server, "two")
    assert gateway.report("email")["same_content"] == 1


@pytest.mark.parametrize("mode", ["hang", "drop_after_accept", "nonsense", "lose", "500", "429", "refuse"])
def test_faults_over_smtp(gateway: Any, mode: str) -> None:
    gateway.fault("email", mode, count=1, seconds=0.1)
    with mailbox(gateway) as server:
        if mode == "lose":
            mail(server)
        else:
            with pytest.raises((smtplib.SMTPException, OSError)):
                mail(server)
    report = gateway.report("email")
    assert report["given"] == (1 if mode in {"drop_after_accept", "nonsense", "lose"} else 0)
    assert report["effects"] == (1 if mode in {"drop_after_accept", "nonsense"} else 0)


# ---- webhooks


class Hook:
    """A lender's webhook that answers as it is told and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.calls: list[tuple[str, bytes]] = []
        self.came = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.calls.append((self.headers[SIGNATURE_HEADER], body))
                self.send_response(hook.answers.pop(0) if hook.answers else 200)
                self.end_headers()
                hook.came.set()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hooks/dialer"

    def receipts(self) -> list[dict[str, Any]]:
        return [receipt for _, body in self.calls for receipt in json.loads(body)["receipts"]]

    def wait(self, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 20
        while len(self.receipts()) < count:
            assert time.monotonic() < deadline, f"{len(self.receipts())} of {count} receipts came"
            self.came.wait(0.05)
            self.came.clear()
        return self.receipts()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


def test_receipts_are_sent_signed_and_again_until_they_are_taken(gateway: Any, hook: Hook) -> None:
    with gateway.client() as client:
        send(client, "before", "dialer")
        order = {"channel": "dialer", "url": hook.url, "secret": SECRET}
        answer = client.post("/webhooks", json=order)
        assert SECRET not in answer.text
        hook.answers = [500, 503]
        send(client, "k", "dialer")
        hook.wait(3)
        assert [receipt["key"] for receipt in hook.receipts()] == ["k"] * 3
        signature, body = hook.calls[-1]
        check_signature(SecretStr(SECRET), signature, body, datetime.now(UTC))
        polled = client.get("/dialer/receipts").json()["receipts"]
        assert json.loads(body)["receipts"] == polled[-1:]
        deadline = time.monotonic() + 10
        while gateway.report("dialer")["webhook_delivered"] != 1:
            assert time.monotonic() < deadline
        assert gateway.report("dialer")["webhook_refused"] == 2
        # a gateway that is killed goes on where it was
        gateway.stop()
        gateway.start()
    with gateway.client() as client:
        send(client, "next", "dialer")
        assert hook.wait(4)[-1]["key"] == "next"
        client.post("/webhooks", json={"channel": "dialer", "url": None})
        send(client, "unheard", "dialer")
        assert client.get("/dialer/receipts").json()["receipts"][-1]["key"] == "unheard"
    assert len(hook.receipts()) == 4


def test_what_is_signed_is_what_was_sent() -> None:
    """The signature by hand: time, full stop, body."""
    header = hmac.new(SECRET.encode(), b"1764205200.{}", hashlib.sha256).hexdigest()
    at = datetime.fromtimestamp(1_764_205_200, UTC)
    assert check_signature(SecretStr(SECRET), f"t=1764205200,v1={header}", b"{}", at) == header


# ---- the page


def test_the_page_shows_what_came_and_escapes_it(gateway: Any) -> None:
    gateway.fault("sms", "500", share=0.5)
    with gateway.client() as client:
        assert "Nothing has come yet" in client.get("/").text
        to = "+8613812345678"
        for key in ("<b>key</b>", "other"):
            client.post(
                "/dialer/messages",
                json={"to": to, "text": "<script>alert(1)</script>"},
                headers={"Idempotency-Key": key},
            )
        answer = client.get("/")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        page = answer.text
        assert "sms: 500, 50 %" in page
        assert "<script" not in page
        assert "<b>key" not in page
        assert to not in page
        one = client.get("/page/1").text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in one
        assert "<script" not in one


def test_a_mail_is_shown_as_people_read_it(gateway: Any) -> None:
    with mailbox(gateway) as server:
        mail(server)
    with gateway.client() as client:
        page = client.get("/page/1").text
    assert "<h2>s</h2>" in page
    assert "<pre>body" in page


# ---- by command


def test_report_and_misbehave_by_command(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from arrears.demo.commands import app
    from arrears.errors import SettingsError

    def command(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["gateway", *arguments, "--home", str(gateway.home)])

    monkeypatch.setenv("ARREARS_GATEWAY_TOKEN", TOKEN)
    told = command("misbehave", "sms", "500", "--share", "0.5", "--seed", "7", "--count", "3")
    assert (
        json.loads(told.stdout)["in_force"][0] | {"mode": "500", "share": 0.5, "seed": 7, "count": 3}
        == json.loads(told.stdout)["in_force"][0]
    )
    assert [fault["mode"] for fault in json.loads(command("report").stdout)["faults"]] == ["500"]
    wrong = command("misbehave", "pigeon", "500")
    assert (wrong.exit_code, "no such channel" in wrong.stderr) == (1, True)
    gone = CliRunner().invoke(app, ["gateway", "report", "--home", str(gateway.home / "nowhere")])
    assert isinstance(gone.exception, SettingsError)


def test_the_program_serves_what_it_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from arrears.demo.gateway import __main__

    told: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(__main__, "run_gateway", lambda home, **values: told.append((home, values)))
    __main__.main(["--home", str(tmp_path), "--http-port", "1", "--smtp-port", "2", "--sftp-port", "3", "--seed", "4"])
    assert told == [
        (tmp_path, {"http_port": 1, "smtp_port": 2, "sftp_port": 3, "host": "127.0.0.1", "seed": 4}),
    ]


# ---- its life


def test_it_ends_quickly_and_remembers(gateway: Any) -> None:
    gateway.fault("dialer", "hang", seconds=600)
    with gateway.client() as client:
        send(client, "k")
        with socket.create_connection(("127.0.0.1", gateway.http_port)) as idle:
            identity = gateway.identity.public_host_key
            started = time.monotonic()
            gateway.stop()
            assert time.monotonic() - started < 5
            idle.close()
    gateway.start()
    assert gateway.stats("sms")["messages"] == 1
    assert gateway.identity.public_host_key == identity
