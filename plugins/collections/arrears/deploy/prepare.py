"""`python -m arrears.deploy.prepare`: brings the databases of a deployment to where its containers can start.

Makes the roles and databases of Airflow and of the warehouse where they are missing, migrates both, and writes the
password of Airflow's user. Safe to run at every start: what stands already stays.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql

from arrears.errors import SettingsError, WarehouseError


def prepare(environment: Mapping[str, str]) -> None:
    """Prepares what `environment` names; raises SettingsError for a variable that is missing."""
    warehouse = sa.make_url(required(environment, "ARREARS_WAREHOUSE_URL"))
    airflow = sa.make_url(required(environment, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"))
    admin = sa.make_url(required(environment, "POSTGRES_ADMIN_URL"))
    ledger = environment.get("ARREARS_LEDGER", "")
    lender = [sa.make_url(ledger)] if "://" in ledger else []
    for url in (airflow, warehouse, *lender):
        # a database on another server belongs to somebody else, who has made it
        if (url.host, url.port) == (admin.host, admin.port):
            # the warehouse's migrations make the role of BI
            ensure_database(admin, url, makes_roles=url is warehouse)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True)
    _migrate_warehouse()
    write_password(
        Path(required(environment, "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")),
        required(environment, "AIRFLOW_ADMIN_PASSWORD"),
    )


def ensure_database(admin: sa.URL, wanted: sa.URL, *, makes_roles: bool = False) -> None:
    """Makes the role and the database that `wanted` names, if they are missing, and sets the role's password.

    `makes_roles` says whether the role may make further roles.
    """
    role, database = sql.Identifier(str(wanted.username)), sql.Identifier(str(wanted.database))
    with _connected(admin) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [wanted.username]).fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        right = sql.SQL("CREATEROLE" if makes_roles else "NOCREATEROLE")
        attributes = sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}")
        connection.execute(attributes.format(verb, role, right, sql.Literal(str(wanted.password))))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [wanted.database]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))


def write_password(path: Path, password: str) -> None:
    """Writes the password of Airflow's user `admin` where the API server reads it, for this user's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"admin": password}) + "\n", encoding="utf-8")


def _migrate_warehouse() -> None:
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.migrate import upgrade

    engine = open_warehouse(load_settings())
    try:
        upgrade(engine)
    finally:
        engine.dispose()


def _connected(url: sa.URL) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)
    except psycopg.OperationalError as error:
        raise WarehouseError(
            expected="a PostgreSQL that answers",
            found=str(error).splitlines()[0],
            where=url.render_as_string(hide_password=True),
            action="Start the server, or correct the variables in .env.",
        ) from None


def required(environment: Mapping[str, str], name: str) -> str:
    """The value of a variable; SettingsError when it is absent or empty."""
    value = environment.get(name, "")
    if not value:
        raise SettingsError(expected="a value", found="none", where=name, action="Set it; env.template lists them.")
    return value


if __name__ == "__main__":
    prepare(os.environ)
