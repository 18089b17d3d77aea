"""The sandbox gateway as a service of the stack, and the Airflow connections that lead to it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from arrears.demo.gateway.agency import USER
from arrears.demo.gateway.identity import gateway_identity
from arrears.demo.gateway.server import TOKEN_VARIABLE
from arrears.settings import PROJECT
from arrears.stack.home import StackHome
from arrears.stack.processes import Service
from arrears.stack.settings import StackSettings

HOST = "127.0.0.1"
"""Where all of it listens: on this machine alone."""
_ANSWER_SECONDS = 1.0


@dataclass(frozen=True)
class GatewayPorts:
    """Where the gateway's servers listen."""

    http: int
    smtp: int
    sftp: int


def gateway_ports(home: StackHome, stack: StackSettings) -> GatewayPorts:
    """The ports of the gateway's servers."""
    return GatewayPorts(
        http=home.port("gateway_http", stack.gateway_http_port),
        smtp=home.port("gateway_smtp", stack.gateway_smtp_port),
        sftp=home.port("gateway_sftp", stack.gateway_sftp_port),
    )


def gateway_service(home: StackHome, ports: GatewayPorts, environment: Mapping[str, str]) -> Service:
    """The gateway, which keeps what it received below the stack's home."""
    command = [sys.executable, "-m", "arrears.demo.gateway", "--home", str(home.home / "gateway")]
    command += ["--http-port", str(ports.http), "--smtp-port", str(ports.smtp), "--sftp-port", str(ports.sftp)]
    return Service(
        name="sandbox gateway",
        command=command,
        environment={**environment, TOKEN_VARIABLE: home.secret("gateway_token")},
        folder=PROJECT,
        log=home.logs / "gateway.log",
        is_ready=lambda: all(map(answers, (ports.http, ports.smtp, ports.sftp))),
    )


def gateway_connections(home: StackHome, ports: GatewayPorts) -> dict[str, dict[str, object]]:
    """Airflow connections by id, one per channel that has a provider: all lead to the gateway, whose receipts by
    webhook are signed with a secret of this stack."""
    token = home.secret("gateway_token")
    identity = gateway_identity(home.home / "gateway")
    web: dict[str, object] = {"conn_type": "http", "host": HOST, "port": ports.http, "password": token}
    web["extra"] = {"webhook_secret": home.secret("webhook_secret")}
    return {
        "arrears_sms": web,
        "arrears_dialer": web,
        "arrears_email": {
            "conn_type": "smtp",
            "host": HOST,
            "port": ports.smtp,
            "login": "arrears",
            "password": token,
            "extra": {"tls": "starttls", "ca_file": str(identity.certificate)},
        },
        "arrears_agency": {
            "conn_type": "sftp",
            "host": HOST,
            "port": ports.sftp,
            "login": USER,
            "password": token,
            "extra": {"host_key": identity.public_host_key},
        },
    }


def answers(port: int) -> bool:
    """Whether something on this machine listens at `port`."""
    try:
        with socket.create_connection((HOST, port), timeout=_ANSWER_SECONDS):
            return True
    except OSError:
        return False
