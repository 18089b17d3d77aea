"""The stack's part of a checkout's state: ports, secrets, logs, and which processes run."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from filelock import FileLock, Timeout

from arrears.errors import SettingsError
from arrears.local import free_port, is_free, write_private

_SECRETS: dict[str, Callable[[], str]] = {
    "fernet_key": lambda: Fernet.generate_key().decode(),
    "jwt_secret": lambda: secrets.token_urlsafe(64),
    "api_secret_key": lambda: secrets.token_urlsafe(32),
    "gateway_token": lambda: secrets.token_urlsafe(24),
    "webhook_secret": lambda: secrets.token_urlsafe(32),
}
ADMIN = "admin"
"""The one user of a local stack."""


@dataclass(frozen=True)
class StackHome:
    """Files below `<home>/stack` and `<home>/airflow`; both folders are for this user only."""

    home: Path

    def prepare(self) -> None:
        """Makes the folders, closed to others."""
        for folder in (self.home, self.folder, self.airflow, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, self.airflow):
            folder.chmod(0o700)

    @property
    def folder(self) -> Path:
        return self.home / "stack"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """Logs of the processes; those of tasks are below Airflow's home."""
        return self.folder / "logs"

    @property
    def passwords(self) -> Path:
        """Passwords of Airflow's simple auth manager."""
        return self.airflow / "passwords.json"

    def lock(self) -> FileLock:
        """The lock that whoever runs this stack holds."""
        return FileLock(self.folder / "running.lock")

    def acquire(self) -> FileLock:
        """Takes the lock; SettingsError when another process of this checkout runs the stack."""
        lock = self.lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise SettingsError(
                expected="no other stack of this checkout to run",
                found="one that runs",
                where=str(self.folder),
                action="Use that one, or stop it with `make down`.",
            ) from None
        return lock

    def secret(self, name: str) -> str:
        """A secret of this stack, made on first use and kept in a file of mode 0600."""
        path = self.folder / name
        if not path.exists():
            write_private(path, _SECRETS[name]())
        return path.read_text(encoding="utf-8")

    def admin_password(self) -> str:
        """The admin's password, in the file that Airflow reads."""
        if not self.passwords.exists():
            write_private(self.passwords, json.dumps({ADMIN: secrets.token_urlsafe(12)}))
        password: str = json.loads(self.passwords.read_text(encoding="utf-8"))[ADMIN]
        return password

    def port(self, name: str, wanted: int | None) -> int:
        """The port of a service: the wanted one, else the one of last time if it is free, else a free one; kept.

        Raises SettingsError when the wanted port is taken.
        """
        ports = self.read("ports.json")
        if wanted is not None and not is_free(wanted):
            raise SettingsError(
                expected=f"port {wanted} to be free",
                found="another program that listens there",
                where=f"ARREARS_{name.upper()}_PORT",
                action="Stop that program or choose another port.",
            )
        port: int = wanted or ports.get(name) or free_port()
        if not is_free(port):
            port = free_port()
        self.write("ports.json", {**ports, name: port})
        return port

    def read(self, name: str) -> dict[str, Any]:
        """What was kept in the JSON file `name`; empty when there is none."""
        path = self.folder / name
        if not path.exists():
            return {}
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Keeps `content` in the JSON file `name`."""
        write_private(self.folder / name, json.dumps(content, indent=1, default=str))

    def forget(self, name: str) -> None:
        """Removes the JSON file `name`."""
        (self.folder / name).unlink(missing_ok=True)
