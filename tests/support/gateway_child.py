"""The sandbox gateway as a child of the tests' fork server: it starts in a moment, since all is imported already."""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["arrears.demo.gateway.server"])


def start_gateway(home: Path, token: str, ports: tuple[int, int, int]) -> BaseProcess:
    """Starts a gateway that keeps what it gets in `home`, on its ports for HTTP, SMTP and SFTP; 0: chosen free."""
    process = _CONTEXT.Process(target=_serve, args=(home, token, ports), daemon=True)
    process.start()
    return process


def _serve(home: Path, token: str, ports: tuple[int, int, int]) -> None:
    from arrears.demo.gateway.server import TOKEN_VARIABLE, run_gateway

    os.environ[TOKEN_VARIABLE] = token
    http_port, smtp_port, sftp_port = ports
    run_gateway(home, http_port=http_port, smtp_port=smtp_port, sftp_port=sftp_port, host="127.0.0.1")
