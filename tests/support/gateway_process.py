"""The sandbox gateway as a process of its own, for tests."""

from __future__ import annotations

import json
import os
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
from tests.support.gateway_child import start_gateway

from arrears.demo.gateway.identity import Identity, gateway_identity

TOKEN = "token-of-the-tests"
_START_SECONDS = 60


class GatewayProcess:
    """A running gateway and the tests' side of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._process: BaseProcess | None = None
        self.http_port = 0
        self.smtp_port = 0
        self.sftp_port = 0
        self.start()

    def start(self) -> None:
        """Starts it; a second start takes the ports of the first."""
        access = self.home / "gateway.json"
        access.unlink(missing_ok=True)
        self._process = start_gateway(self.home, TOKEN, (self.http_port, self.smtp_port, self.sftp_port))
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready(access):
            assert self._process.is_alive(), "the gateway did not start"
            assert time.monotonic() < deadline, "the gateway is not ready in time"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stops it and waits for its end."""
        if self._process is not None:
            pid = self._process.pid
            assert pid is not None
            os.kill(pid, how)
            self._process.join(timeout=10)
            assert self._process.exitcode is not None, "the gateway does not end"
            self._process = None

    @property
    def url(self) -> str:
        """Address of its HTTP server."""
        return f"http://127.0.0.1:{self.http_port}"

    def client(self) -> httpx.Client:
        """A client with the token."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)

    def fault(self, channel: str, mode: str, **other: Any) -> None:
        """Tells it to misbehave."""
        with self.client() as client:
            client.post("/faults", json={"channel": channel, "mode": mode, **other}).raise_for_status()

    def report(self, channel: str) -> dict[str, Any]:
        """The whole account of a channel."""
        with self.client() as client:
            account: dict[str, Any] = client.get("/report").json()["channels"][channel]
            return account

    def stats(self, channel: str) -> dict[str, int]:
        """What it counted on a channel."""
        with self.client() as client:
            counts: dict[str, int] = client.get("/stats").json()["channels"][channel]
            return counts

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """What it was given on a channel."""
        with self.client() as client:
            found: list[dict[str, Any]] = client.get("/messages", params={"channel": channel}).json()["messages"]
            return found

    @property
    def identity(self) -> Identity:
        """What it proves itself with."""
        return gateway_identity(self.home)

    def connections(self) -> dict[str, str]:
        """Environment variables that lead the channels here."""
        web = {"conn_type": "http", "host": self.url, "password": TOKEN, "extra": {"timeout": 5}}
        mail = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": self.smtp_port,
            "login": "arrears",
            "password": TOKEN,
            "extra": {"tls": "starttls", "ca_file": str(self.identity.certificate), "timeout": 5},
        }
        files = {
            "conn_type": "sftp",
            "host": "127.0.0.1",
            "port": self.sftp_port,
            "login": "agency",
            "password": TOKEN,
            "extra": {"host_key": self.identity.public_host_key, "timeout": 5},
        }
        connections = {"SMS": web, "DIALER": web, "EMAIL": mail, "AGENCY": files}
        return {f"AIRFLOW_CONN_ARREARS_{name}": json.dumps(parts) for name, parts in connections.items()}

    def _is_ready(self, access: Path) -> bool:
        if not access.exists():
            return False
        found = json.loads(access.read_text(encoding="utf-8"))
        self.http_port, self.smtp_port, self.sftp_port = (found[f"{kind}_port"] for kind in ("http", "smtp", "sftp"))
        try:
            with self.client() as client:
                return client.get("/stats").is_success
        except httpx.HTTPError:
            return False
