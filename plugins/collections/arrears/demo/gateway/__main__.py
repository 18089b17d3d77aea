"""`python -m arrears.demo.gateway`: the sandbox gateway as a program."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from arrears.demo.gateway.server import run_gateway


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m arrears.demo.gateway", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder that keeps what the gateway gets")
    parser.add_argument("--http-port", type=int, default=0, help="0: chosen free")
    parser.add_argument("--smtp-port", type=int, default=0, help="0: chosen free")
    parser.add_argument("--sftp-port", type=int, default=0, help="0: chosen free")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=0, help="decides how messages end")
    given = parser.parse_args(arguments)
    run_gateway(
        given.home,
        http_port=given.http_port,
        smtp_port=given.smtp_port,
        sftp_port=given.sftp_port,
        host=given.host,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()
