"""The API as a service of the stack, at which the sandbox gateway reports by webhook: an option of the stack.

Both keep running whatever the other does: what the API did not take is sent again, and what it took is polled as well
and counted once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from arrears.settings import PROJECT
from arrears.stack.gateway import HOST, answers
from arrears.stack.home import StackHome
from arrears.stack.processes import Service

CHANNELS = ("sms", "dialer")
"""Channels whose receipts the gateway can send."""

_SECONDS = 10.0


def api_service(home: StackHome, port: int, environment: Mapping[str, str]) -> Service:
    """`arrears serve` on this machine; `environment` has the channels' connections, with their secrets."""
    arrears = str(Path(sys.executable).with_name("arrears"))
    return Service(
        name="API",
        command=[arrears, "serve", "--host", HOST, "--port", str(port)],
        environment=environment,
        folder=PROJECT,
        log=home.logs / "api.log",
        is_ready=lambda: answers(port),
    )


def order_webhooks(home: StackHome, gateway_port: int, api_port: int | None) -> None:
    """Tells the gateway to send its receipts to the API at `api_port`; None: nowhere, they wait to be polled."""
    headers = {"Authorization": f"Bearer {home.secret('gateway_token')}"}
    with httpx.Client(base_url=f"http://{HOST}:{gateway_port}", headers=headers, trust_env=False) as client:
        for channel in CHANNELS:
            order: dict[str, object] = {"channel": channel, "url": None}
            if api_port is not None:
                url = f"http://{HOST}:{api_port}/hooks/{channel}"
                order |= {"url": url, "secret": home.secret("webhook_secret")}
            client.post("/webhooks", json=order, timeout=_SECONDS).raise_for_status()
