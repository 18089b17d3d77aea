"""What containers do beside their services, against a real PostgreSQL and a real HTTP server."""

from __future__ import annotations

import json
import stat
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from arrears.deploy.healthy import is_healthy
from arrears.deploy.prepare import ensure_database, prepare, write_password
from arrears.errors import SettingsError, WarehouseError
from arrears.warehouse.embedded import EmbeddedPostgres


@pytest.fixture
def admin(postgres: EmbeddedPostgres) -> sa.URL:
    """The superuser's URL."""
    return postgres.url("postgres")


@pytest.fixture
def wanted(admin: sa.URL) -> sa.URL:
    """A role and a database that are not there yet, with names that need quoting."""
    name = f"Lender's-{uuid.uuid4().hex[:8]}"
    return admin.set(username=name, password="it's a %secret", database=f"{name}_db")


def _who(url: sa.URL) -> tuple[str, str]:
    parameters = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    with psycopg.connect(**parameters, password=url.password) as connection:
        row = connection.execute("SELECT current_user::text, current_database()::text").fetchone()
    assert row is not None
    return row


def test_role_and_database_are_made_once_and_belong_together(admin: sa.URL, wanted: sa.URL) -> None:
    ensure_database(admin, wanted)
    ensure_database(admin, wanted)
    assert _who(wanted) == (wanted.username, wanted.database)


def test_a_changed_password_is_set(admin: sa.URL, wanted: sa.URL) -> None:
    ensure_database(admin, wanted)
    changed = wanted.set(password="another")
    ensure_database(admin, changed)
    assert _who(changed) == (wanted.username, wanted.database)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _who(wanted)


def test_a_role_of_the_warehouse_may_make_the_role_of_bi(admin: sa.URL, wanted: sa.URL) -> None:
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.migrate import require_current, upgrade

    ensure_database(admin, wanted, makes_roles=True)
    url = wanted.set(drivername="postgresql").render_as_string(hide_password=False)
    warehouse = open_warehouse(load_settings({"warehouse_url": url}))
    upgrade(warehouse)
    require_current(warehouse)
    warehouse.dispose()


def test_a_server_that_does_not_answer_is_named_without_its_password(admin: sa.URL, wanted: sa.URL) -> None:
    with pytest.raises(WarehouseError) as caught:
        ensure_database(admin.set(port=1), wanted)
    assert "127.0.0.1:1" in str(caught.value)
    assert str(admin.password) not in str(caught.value)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="ARREARS_WAREHOUSE_URL"):
        prepare({})


def test_the_password_file_is_for_the_api_server_alone(tmp_path: Path) -> None:
    path = tmp_path / "auth" / "passwords.json"
    for password in ("first", "second"):
        write_password(path, password)
    assert json.loads(path.read_text(encoding="utf-8")) == {"admin": "second"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture
def api_server() -> Iterator[str]:
    """Answers as Airflow's API server does, with a triggerer that is down."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            parts = {"scheduler": {"status": "healthy"}, "triggerer": {"status": None}}
            self.wfile.write(json.dumps(parts if self.path == "/api/v2/monitor/health" else {}).encode())

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("part", "healthy"), [("scheduler", True), ("triggerer", False), ("metadatabase", False)])
def test_health_is_that_of_the_part(api_server: str, part: str, healthy: bool) -> None:
    assert is_healthy(part, api_server) is healthy


def test_a_server_that_is_not_there_is_not_healthy() -> None:
    assert not is_healthy("scheduler", "http://127.0.0.1:1")
