"""Airflow's metadata database: migrated when it has to be, left alone when it is up to date."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from arrears.stack.home import StackHome
from arrears.stack.processes import StackError, tail

_KEPT = "metadata.json"
_SECONDS = 300


def migrate_metadata(home: StackHome, url: sa.URL, environment: Mapping[str, str]) -> None:
    """Brings the metadata to the installed Airflow's version.

    Asking Airflow takes seconds; so the revision that a migration left is kept with Airflow's version, and nothing
    is done while both are still the same. Raises StackError with the end of the log when the migration fails.
    """
    installed = version("apache-airflow-core")
    kept = home.read(_KEPT)
    if kept.get("airflow") == installed and kept.get("revision") == _revision(url) is not None:
        return
    log = home.logs / "airflow-db-migrate.log"
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    with log.open("wb") as file:
        ended = subprocess.run(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
            cwd=Path(home.airflow),
        )
    if ended.returncode != 0:
        raise StackError(
            expected="Airflow's metadata to be migrated",
            found=f"the end of its log:\n{tail(log)}\n",
            where=str(log),
            action="Mend what the log says, then start again.",
        )
    home.write(_KEPT, {"airflow": installed, "revision": _revision(url)})


def _revision(url: sa.URL) -> str | None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)
    except ProgrammingError:
        return None
