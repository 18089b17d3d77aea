"""Runs the gateway: one process, one loop, an HTTP and an SMTP server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
from pathlib import Path

import uvicorn

from arrears.demo.gateway.faults import Faults
from arrears.demo.gateway.mail import mail_server
from arrears.demo.gateway.store import Store
from arrears.demo.gateway.web import gateway_app

TOKEN_VARIABLE = "ARREARS_GATEWAY_TOKEN"  # noqa: S105 (a name, not a secret)
"""Environment variable of the bearer token; without it one is made and written to `gateway.json`."""
_BACKLOG = 256


def run_gateway(home: Path, *, http_port: int, smtp_port: int, host: str) -> None:
    """Serves until SIGTERM or SIGINT. A port of 0 is chosen free; both are written to `<home>/gateway.json`."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = os.environ.get(TOKEN_VARIABLE, "")
    token = given or secrets.token_urlsafe(24)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # these two tell of every connection that a fault cuts off
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    with _listen(host, http_port) as http, _listen(host, smtp_port) as smtp:
        access = {
            "host": host,
            "http_port": http.getsockname()[1],
            "smtp_port": smtp.getsockname()[1],
            "pid": os.getpid(),
        }
        _write(home / "gateway.json", access if given else access | {"token": token})
        asyncio.run(_serve(home, token, http, smtp))


async def _serve(home: Path, token: str, http: socket.socket, smtp: socket.socket) -> None:
    store, faults = Store(home / "gateway.sqlite"), Faults()
    mail = await asyncio.get_running_loop().create_server(lambda: mail_server(store, faults, token), sock=smtp)
    server = uvicorn.Server(
        uvicorn.Config(
            gateway_app(store, faults, token),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
    )
    try:
        # uvicorn takes the signals and returns when one came
        await server.serve(sockets=[http])
    finally:
        mail.close()
        store.close()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


def _write(path: Path, content: dict[str, object]) -> None:
    aside = path.with_suffix(".tmp")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(aside, path)
