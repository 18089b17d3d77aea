"""Runs the gateway: one process, one loop, servers for HTTP, SMTP and SFTP."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from arrears.demo.gateway.admin import admin_app
from arrears.demo.gateway.agency import Agency
from arrears.demo.gateway.faults import Faults
from arrears.demo.gateway.http import Connections, FrontDoor
from arrears.demo.gateway.identity import gateway_identity
from arrears.demo.gateway.mail import mail_server, tls_of
from arrears.demo.gateway.providers import Providers
from arrears.demo.gateway.store import Store
from arrears.demo.gateway.webhooks import send_receipts
from arrears.local import write_private

TOKEN_VARIABLE = "ARREARS_GATEWAY_TOKEN"  # noqa: S105 (a name, not a secret)
"""Environment variable of the bearer token; without it one is made and written to `gateway.json`."""
_BACKLOG = 256


def run_gateway(home: Path, *, http_port: int, smtp_port: int, sftp_port: int, host: str, seed: int = 0) -> None:
    """Serves until SIGTERM or SIGINT. A port of 0 is chosen free; all are written to `<home>/gateway.json`.

    `seed` decides how messages end: the same key and seed, the same outcome.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = os.environ.get(TOKEN_VARIABLE, "")
    token = given or secrets.token_urlsafe(24)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # these tell of every connection that a fault cuts off
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    with _listen(host, http_port) as http, _listen(host, smtp_port) as smtp, _listen(host, sftp_port) as sftp:
        access = {
            "host": host,
            "http_port": http.getsockname()[1],
            "smtp_port": smtp.getsockname()[1],
            "sftp_port": sftp.getsockname()[1],
            "pid": os.getpid(),
        }
        asyncio.run(_serve(home, token, seed, (http, smtp, sftp), access if given else access | {"token": token}))


async def _serve(home: Path, token: str, seed: int, sockets: Sequence[socket.socket], access: dict[str, Any]) -> None:
    http, smtp, sftp = sockets
    store = Store(home / "gateway.sqlite")
    providers = Providers(store, Faults(), seed)
    identity = gateway_identity(home)
    tls = tls_of(identity)
    agency = Agency(home / "agency", providers)
    mail = await asyncio.get_running_loop().create_server(lambda: mail_server(providers, token, tls), sock=smtp)
    files = await agency.listen(sftp, identity, token)
    server = uvicorn.Server(
        uvicorn.Config(
            FrontDoor(providers, token, admin_app(providers)),
            http=Connections,
            ws="none",
            log_config=None,
            access_log=False,
            # who asks is told by the connection alone, not by a header that anybody can write
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
    )
    write_private(home / "gateway.json", json.dumps(access))
    background = [asyncio.create_task(_lasting(work)) for work in (agency.work(), send_receipts(store))]
    try:
        # uvicorn takes the signals and returns when one came
        await server.serve(sockets=[http])
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        files.close()
        mail.close()
        store.close()


async def _lasting(work: Coroutine[Any, Any, None]) -> None:
    """Work in the background: what it ends with is in the log, and ends the gateway."""
    try:
        await work
    except Exception:
        logging.getLogger(__name__).exception("the gateway cannot go on")
        os.kill(os.getpid(), 15)
        raise


def _listen(host: str, port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it each answer would take 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
