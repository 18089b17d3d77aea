"""The embedded PostgreSQL: made once, remembered, on loopback with a password, two folders side by side."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from arrears.errors import WarehouseError
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse, warehouse_url
from arrears.warehouse.embedded import MAJOR, EmbeddedPostgres, embedded_postgres


def scalar(url: sa.URL, statement: str) -> object:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        return connection.execute(sa.text(statement)).scalar()


def test_it_starts_stops_and_keeps_its_data_and_port(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "one")
    other = EmbeddedPostgres(tmp_path / "two")
    try:
        url = server.ensure_running().url("warehouse")
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE kept AS SELECT 1 AS x"))
        assert server.ensure_running().url("warehouse") == url, "a second start is none"
        assert other.ensure_running().url("warehouse").port != url.port
        server.stop()
        assert not server.is_running()
        assert server.ensure_running().url("warehouse") == url
        assert scalar(url, "SELECT x FROM kept") == 1
        server.stop(mode="immediate")
        assert scalar(server.ensure_running().url("warehouse"), "SELECT x FROM kept") == 1
    finally:
        server.stop(mode="immediate")
        other.stop(mode="immediate")


def test_nobody_comes_in_without_the_password(postgres: EmbeddedPostgres) -> None:
    url = postgres.url("warehouse")
    assert url.host == "127.0.0.1"
    for wrong in (url.set(password="guess"), url._replace(password=None)):
        with pytest.raises(sa.exc.OperationalError, match=r"password"):
            scalar(wrong, "SELECT 1")
    assert scalar(url, "SHOW listen_addresses") == "127.0.0.1"
    assert stat.S_IMODE((postgres.folder / "access.json").stat().st_mode) == 0o600


def test_a_name_is_quoted_not_pasted(postgres: EmbeddedPostgres) -> None:
    name = 'odd"; DROP DATABASE postgres; --'
    assert scalar(postgres.url(name), "SELECT current_database()") == name


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "broken")
    server.ensure_running()
    server.stop()
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as config:
        config.write("no_such_setting = 1\n")
    with pytest.raises(WarehouseError, match="no_such_setting"):
        server.ensure_running()


MAKE_AND_STOP = """
import sys
from pathlib import Path
from arrears.warehouse.embedded import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]))
try:
    server.ensure_running()
finally:
    server.stop(mode="immediate")
"""


def test_the_version_is_one_whatever_the_environment_says(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "server")
    outside = {**os.environ, "PGSERVER_POSTGRES_VERSION": "16"}
    subprocess.run([sys.executable, "-c", MAKE_AND_STOP, str(server.folder)], env=outside, check=True, timeout=120)
    made_by = server.data / "PG_VERSION"
    assert made_by.read_text().strip() == str(MAJOR) == "18"
    made_by.write_text("16\n")
    with pytest.raises(WarehouseError, match=r"data of PostgreSQL 18, .*found data of PostgreSQL 16.*pg_dumpall"):
        server.ensure_running()


def test_the_warehouse_is_the_embedded_one_unless_another_is_named(tmp_path: Path) -> None:
    settings = load_settings({"home": tmp_path})
    try:
        url = warehouse_url(settings)
        assert (url.host, url.database) == ("127.0.0.1", "warehouse")
        engine = open_warehouse(settings)
        with engine.connect() as connection:
            assert connection.execute(sa.text("SHOW timezone")).scalar() == "UTC"
        engine.dispose()
    finally:
        embedded_postgres(tmp_path).stop(mode="immediate")


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "not a url", "sqlite:///x"])
def test_another_database_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(WarehouseError, match="ARREARS_WAREHOUSE_URL") as error:
        warehouse_url(load_settings({"home": tmp_path, "warehouse_url": url}))
    assert "secret" not in str(error.value)
