"""Connections to the warehouse: the configured PostgreSQL, or the embedded one."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from arrears.errors import WarehouseError
from arrears.settings import Settings

DATABASE = "warehouse"
"""Name of the warehouse database in the embedded PostgreSQL."""


def warehouse_url(settings: Settings) -> sa.URL:
    """The warehouse's URL with the psycopg 3 driver; starts the embedded PostgreSQL when none is configured.

    Raises WarehouseError when the configured URL cannot be read or is not PostgreSQL.
    """
    if settings.warehouse_url is None:
        from arrears.warehouse.embedded import embedded_postgres

        return embedded_postgres(settings.home).ensure_running().url(DATABASE)
    try:
        url = sa.make_url(settings.warehouse_url.get_secret_value())
    except ArgumentError:
        raise _not_postgres("something that is not a URL") from None
    if url.get_backend_name() != "postgresql":
        raise _not_postgres(f"a URL of {url.get_backend_name()}")
    return url.set(drivername="postgresql+psycopg")


def open_warehouse(
    settings: Settings, *, connections: int = 5, wait_seconds: float = 30, statement_seconds: float | None = None
) -> sa.Engine:
    """An engine on the warehouse; connections are checked before use, so a restarted server is met with a new one.

    It keeps up to `connections` open, for which a thread waits up to `wait_seconds`; a statement may take
    `statement_seconds` (None: as long as the server lets it).
    """
    options = "-c timezone=UTC"
    if statement_seconds is not None:
        options += f" -c statement_timeout={int(statement_seconds * 1000)}"
    return sa.create_engine(
        warehouse_url(settings),
        pool_pre_ping=True,
        pool_size=connections,
        pool_timeout=wait_seconds,
        connect_args={"application_name": "arrears", "connect_timeout": 10, "options": options},
    )


def _not_postgres(found: str) -> WarehouseError:
    return WarehouseError(
        expected="a SQLAlchemy URL of PostgreSQL, postgresql://user@host/database",
        found=found,
        where="ARREARS_WAREHOUSE_URL",
        action="Correct the variable, or unset it to use the embedded PostgreSQL.",
    )
