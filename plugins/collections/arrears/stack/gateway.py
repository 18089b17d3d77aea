"""The sandbox gateway as a service of the stack, and the Airflow connections that lead to it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping

from arrears.demo.gateway.server import TOKEN_VARIABLE
from arrears.settings import PROJECT
from arrears.stack.home import StackHome
from arrears.stack.processes import Service
from arrears.stack.settings import StackSettings

_HOST = "127.0.0.1"
_ANSWER_SECONDS = 1.0


def gateway_ports(home: StackHome, stack: StackSettings) -> tuple[int, int]:
    """The ports of the gateway's HTTP and SMTP servers."""
    return home.port("gateway_http", stack.gateway_http_port), home.port("gateway_smtp", stack.gateway_smtp_port)


def gateway_service(home: StackHome, http: int, smtp: int, environment: Mapping[str, str]) -> Service:
    """The gateway, which keeps what it received below the stack's home."""
    command = [sys.executable, "-m", "arrears.demo.gateway", "--http-port", str(http), "--smtp-port", str(smtp)]
    return Service(
        name="sandbox gateway",
        command=[*command, "--home", str(home.home / "gateway")],
        environment={**environment, TOKEN_VARIABLE: home.secret("gateway_token")},
        folder=PROJECT,
        log=home.logs / "gateway.log",
        is_ready=lambda: _answers(http) and _answers(smtp),
    )


def gateway_connections(home: StackHome, http: int, smtp: int) -> dict[str, dict[str, object]]:
    """Airflow connections by id, one per channel: all lead to the gateway."""
    token = home.secret("gateway_token")
    web: dict[str, object] = {"conn_type": "http", "host": _HOST, "port": http, "password": token}
    mail: dict[str, object] = {"conn_type": "smtp", "host": _HOST, "port": smtp, "extra": {"tls": "none"}}
    return {
        "arrears_sms": web,
        "arrears_dialer": web,
        "arrears_email": {**mail, "login": "arrears", "password": token},
    }


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=_ANSWER_SECONDS):
            return True
    except OSError:
        return False
