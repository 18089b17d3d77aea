"""Migrations of the warehouse with Alembic: bring a database to the newest version, or say that it is not."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from arrears.errors import WarehouseError
from arrears.warehouse import locks
from arrears.warehouse.base import AUDIT


def upgrade(warehouse: sa.Engine, revision: str = "head") -> None:
    """Brings the warehouse to `revision`. Safe to call again and from several processes."""
    with warehouse.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(locks.MIGRATION)))
        connection.commit()
        try:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(sa.select(sa.func.pg_advisory_unlock(locks.MIGRATION)))
            connection.commit()


def current_revision(warehouse: sa.Engine) -> str | None:
    """The revision that the warehouse is at, None before the first."""
    with warehouse.connect() as connection:
        return MigrationContext.configure(connection, opts={"version_table_schema": AUDIT}).get_current_revision()


def require_current(warehouse: sa.Engine) -> None:
    """Raises WarehouseError unless the warehouse is at the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    found = current_revision(warehouse)
    if found != head:
        raise WarehouseError(
            expected=f"the warehouse at revision {head}",
            found=str(found),
            where=warehouse.url.render_as_string(hide_password=True),
            action="Run `arrears warehouse upgrade`.",
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
