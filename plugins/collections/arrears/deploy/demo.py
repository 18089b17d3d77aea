"""`python -m arrears.deploy.demo`: loads the demo lender, and leads the channels to the sandbox gateway.

For the compose profile `demo`. Connections that are there already stay, so a real provider is never replaced.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arrears.day import parse_day
from arrears.demo.gateway.agency import USER
from arrears.demo.gateway.identity import Identity, gateway_identity
from arrears.demo.gateway.server import TOKEN_VARIABLE
from arrears.demo.lender import write_database
from arrears.deploy.prepare import required
from arrears.settings import load_settings

HTTP = ("http", 8025)
SMTP = ("smtp", 2525)
SFTP = ("sftp", 2222)
"""Connection type and port of the gateway's servers, as docker-compose.yml starts them."""
HOME = Path("/var/lib/arrears/gateway")
"""The gateway's home, which docker-compose.yml mounts here as well: its certificate and host key are in it."""


def load_demo(environment: Mapping[str, str]) -> None:
    """Loads the lender of ARREARS_AS_OF (or today) into the ledger's database, and adds the channels' connections."""
    asked = environment.get("ARREARS_AS_OF", "")
    as_of = parse_day(asked, where="ARREARS_AS_OF") if asked else load_settings().acting_clock().today()
    write_database(required(environment, "ARREARS_LEDGER"), as_of)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connections.json"
        path.touch(mode=0o600)
        token = required(environment, TOKEN_VARIABLE)
        path.write_text(json.dumps(gateway_connections("gateway", token, gateway_identity(HOME))))
        subprocess.run([sys.executable, "-m", "airflow", "connections", "import", str(path)], check=True)


def gateway_connections(host: str, token: str, identity: Identity) -> dict[str, dict[str, Any]]:
    """Airflow connections by id, as `airflow connections import` reads them: all lead to the gateway at `host`."""
    (web, web_port), (mail, mail_port), (files, files_port) = HTTP, SMTP, SFTP
    http = {"conn_type": web, "host": host, "port": web_port, "password": token}
    smtp = {"conn_type": mail, "host": host, "port": mail_port, "login": "arrears", "password": token}
    sftp = {"conn_type": files, "host": host, "port": files_port, "login": USER, "password": token}
    return {
        "arrears_sms": http,
        "arrears_dialer": http,
        "arrears_email": {**smtp, "extra": {"tls": "starttls", "ca": identity.certificate_text}},
        "arrears_agency": {**sftp, "extra": {"host_key": identity.public_host_key}},
    }


if __name__ == "__main__":
    load_demo(os.environ)
