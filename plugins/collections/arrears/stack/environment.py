"""The environment of the stack's processes: Airflow's configuration and the library's settings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from arrears.settings import PROJECT, Settings
from arrears.stack.home import ADMIN, StackHome

METADATA = "airflow"
"""Name of the database of Airflow's metadata."""


def library_environment(settings: Settings, **more: str) -> dict[str, str]:
    """The caller's environment without any Airflow configuration, and the library's settings as they are in force."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
    forced = {
        "ARREARS_HOME": str(settings.home),
        "ARREARS_LEDGER": settings.ledger.get_secret_value() if settings.ledger else "",
        "ARREARS_COLLECTORS": str(settings.collectors.resolve()) if settings.collectors else "",
        "ARREARS_LEDGER_MAPPING": str(settings.ledger_mapping.resolve()) if settings.ledger_mapping else "",
        "ARREARS_MATERIALITY": settings.materiality or "",
        "ARREARS_WAREHOUSE_URL": settings.warehouse_url.get_secret_value() if settings.warehouse_url else "",
        "ARREARS_CLOCK": settings.clock.isoformat() if settings.clock else "",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    return {**inherited, **forced, **more}


def connection_environment(connections: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Connections by id as the variables in which Airflow and the library look for them."""
    return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in connections.items()}


def airflow_environment(
    home: StackHome, settings: Settings, metadata: sa.URL, port: int, connections: Mapping[str, Mapping[str, object]]
) -> dict[str, str]:
    """The environment of Airflow's processes.

    `metadata` is the URL of Airflow's database, `port` that of its API server; `connections` are Airflow
    connections by id. Secrets travel in the environment only, and are kept in files of mode 0600.
    """
    home.admin_password()
    place = sa.URL.create(
        "postgresql",
        username=metadata.username,
        password=metadata.password,
        host=metadata.host,
        port=metadata.port,
        database=metadata.database,
    )
    options = {
        "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": home.secret("fernet_key"),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords),
        "DATABASE__SQL_ALCHEMY_CONN": _rendered(place, "psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": _rendered(place, "asyncpg"),
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": "1",
        "API__SECRET_KEY": home.secret("api_secret_key"),
        "API__INSTANCE_NAME": "Arrears",
        "API_AUTH__JWT_SECRET": home.secret("jwt_secret"),
        "API_AUTH__JWT_ISSUER": f"arrears:{home.home}",
        "CORE__MP_FORKSERVER_PRELOAD": "airflow.executors.local_executor,arrears.orchestration.preload",
        "SCHEDULER__MP_START_METHOD": "forkserver",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    named = {f"AIRFLOW__{name}": value for name, value in options.items()}
    named |= connection_environment(connections)
    return library_environment(settings, AIRFLOW_HOME=str(home.airflow), **named)


def _rendered(url: sa.URL, driver: str) -> str:
    return url.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)
