"""The sandbox gateway as a process of its own, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

TOKEN = "token-of-the-tests"
_START_SECONDS = 60


class GatewayProcess:
    """A running gateway and the tests' side of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._process: subprocess.Popen[bytes] | None = None
        self.http_port = 0
        self.smtp_port = 0
        self.start()

    def start(self) -> None:
        """Starts it; a second start takes the ports of the first."""
        access = self.home / "gateway.json"
        access.unlink(missing_ok=True)
        command = [sys.executable, "-m", "arrears.demo.gateway", "--home", str(self.home)]
        command += ["--http-port", str(self.http_port), "--smtp-port", str(self.smtp_port)]
        self._process = subprocess.Popen(command, env={**os.environ, "ARREARS_GATEWAY_TOKEN": TOKEN})
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready(access):
            assert self._process.poll() is None, "the gateway did not start"
            assert time.monotonic() < deadline, "the gateway is not ready in time"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stops it and waits for its end."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=10)
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

    def connections(self) -> dict[str, str]:
        """Environment variables that lead the channels here."""
        web = json.dumps({"conn_type": "http", "host": self.url, "password": TOKEN, "extra": {"timeout": 5}})
        mail = json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.smtp_port, "extra": {"timeout": 5}})
        return {
            "AIRFLOW_CONN_ARREARS_SMS": web,
            "AIRFLOW_CONN_ARREARS_DIALER": web,
            "AIRFLOW_CONN_ARREARS_EMAIL": mail,
        }

    def _is_ready(self, access: Path) -> bool:
        if not access.exists():
            return False
        found = json.loads(access.read_text(encoding="utf-8"))
        self.http_port, self.smtp_port = found["http_port"], found["smtp_port"]
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False
