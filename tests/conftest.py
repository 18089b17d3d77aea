"""Fixtures that all tests share: settings in a folder of their own, an embedded PostgreSQL, a run of a day."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts

from arrears.run import Run, open_run
from arrears.settings import PROJECT, Settings, load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.migrate import upgrade

REAL_LEDGER = Path(os.environ.get("ARREARS_REAL_LEDGER") or PROJECT.parent / "shared" / "data" / "ally")

RunMaker = Callable[..., AbstractContextManager[Run]]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("ARREARS_", "AIRFLOW_CONN_ARREARS_")) and name != "ARREARS_REAL_LEDGER":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _network_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Unit tests reach nobody; the others reach servers on this machine only."""
    if "unit" in Path(str(request.path)).parts:
        disable_socket(allow_unix_socket=True)
    else:
        socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """One embedded PostgreSQL for the whole session."""
    # not below pytest's folder, which every start of pytest closes to others: as root, PostgreSQL runs as a user of
    # its own
    with tempfile.TemporaryDirectory(prefix="arrears-test-postgres-") as folder:
        server = EmbeddedPostgres(Path(folder) / "server")
        server.ensure_running()
        yield server
        server.stop(mode="immediate")


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated warehouse database that nobody uses: those of the tests are copies of it."""
    name = "warehouse_template"
    engine = open_warehouse(load_settings({"warehouse_url": postgres.url(name).render_as_string(hide_password=False)}))
    upgrade(engine)
    engine.dispose()
    return name


@pytest.fixture(scope="module")
def pg_url(postgres: EmbeddedPostgres, migrated: str) -> str:
    """URL (with password) of a fresh, migrated warehouse database of this module."""
    name = f"warehouse_{uuid.uuid4().hex[:12]}"
    server = sa.create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{migrated}"'))
    return postgres.url(name).render_as_string(hide_password=False)


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings whose state is in the test's folder; keyword arguments go over them."""

    def make(**values: Any) -> Settings:
        return load_settings({"home": tmp_path / "home", "duckdb_memory": "1GB", **values})

    return make


@pytest.fixture
def make_run(make_settings: Callable[..., Settings]) -> RunMaker:
    """Opens the run of a day (the current one unless `today` says otherwise) at 09:30 of `today`."""

    def make(as_of: date, *, today: date | None = None, **values: Any) -> AbstractContextManager[Run]:
        clock = datetime.combine(today or as_of, datetime.min.time()).replace(hour=9, minute=30)
        return open_run(make_settings(clock=clock, **values), as_of)

    return make


@pytest.fixture(scope="session")
def real_ledger() -> Path:
    """The folder of the real ledger; fails when a test asks for it and it is not there."""
    if not (REAL_LEDGER / "contracts.parquet").exists():
        pytest.fail(f"the real ledger is not at {REAL_LEDGER}; set ARREARS_REAL_LEDGER")
    return REAL_LEDGER
