"""BI reads every table of the mart and nothing else."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from arrears.errors import WarehouseError
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.migrate import require_current, upgrade
from arrears.warehouse.roles import BI_ROLE, BiUser, ensure_bi_role, set_bi_user

OTHERS = sa.text(
    "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'mart')"
    " AND n.nspname NOT LIKE 'pg_%'"
)


def as_user(engine: sa.Engine, user: BiUser, password: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
    url = engine.url
    return psycopg.connect(
        host=url.host,
        port=url.port,
        dbname=url.database,
        user=user.name,
        password=password or user.generated,
        autocommit=True,
    )


@pytest.fixture
def warehouse(pg_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(pg_url)
    yield engine
    engine.dispose()


@pytest.fixture
def name() -> str:
    return f"analyst_{uuid.uuid4().hex[:8]}"


def relations(engine: sa.Engine, statement: sa.TextClause) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(statement)]


def test_bi_reads_every_mart_table_and_nothing_else(warehouse: sa.Engine, name: str) -> None:
    user = set_bi_user(warehouse, name)
    inside = relations(
        warehouse,
        sa.text(
            "SELECT 'mart', c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'mart' AND c.relkind IN ('r', 'v')"
        ),
    )
    others = relations(warehouse, OTHERS)
    assert len(inside) > 30
    assert {schema for schema, _ in others} >= {"ops", "audit"}
    with as_user(warehouse, user) as reader:
        for schema, table in inside:
            reader.execute(psycopg.sql.SQL("SELECT * FROM {}").format(psycopg.sql.Identifier(schema, table)))
        for schema, table in others:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(psycopg.sql.SQL("SELECT * FROM {}").format(psycopg.sql.Identifier(schema, table)))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO mart.dim_team VALUES ('x', 1)",
        "UPDATE mart.dim_team SET collectors = 0",
        "DELETE FROM mart.run_day",
        "TRUNCATE mart.run_day",
        "CREATE TABLE mart.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "CREATE SCHEMA mine",
    ],
)
def test_bi_changes_nothing(warehouse: sa.Engine, name: str, statement: str) -> None:
    user = set_bi_user(warehouse, name)
    with as_user(warehouse, user) as reader:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute(statement)  # type: ignore[call-overload]
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement)  # type: ignore[call-overload]


def test_bi_reads_what_later_migrations_add(warehouse: sa.Engine, name: str) -> None:
    user = set_bi_user(warehouse, name)
    with warehouse.begin() as connection:
        connection.execute(sa.text("CREATE TABLE mart.added (x int)"))
    with as_user(warehouse, user) as reader:
        assert reader.execute("SELECT * FROM added").fetchall() == []  # found by the search path
    with warehouse.begin() as connection:
        connection.execute(sa.text("DROP TABLE mart.added"))


def test_bi_reads_no_other_database_of_the_server(warehouse: sa.Engine, postgres: EmbeddedPostgres, name: str) -> None:
    user = set_bi_user(warehouse, name)
    other = sa.create_engine(postgres.url(f"lender_{uuid.uuid4().hex[:8]}"))
    with other.begin() as connection:
        connection.execute(sa.text("CREATE TABLE customers (phone text)"))
    with as_user(other, user) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute("SELECT * FROM public.customers")
    other.dispose()


def test_a_password_can_be_given_and_changed(warehouse: sa.Engine, name: str) -> None:
    first, second = secrets.token_urlsafe(9), secrets.token_urlsafe(9)
    made = set_bi_user(warehouse, name, first)
    assert (made.made, made.generated) == (True, None)
    as_user(warehouse, made, first).close()
    changed = set_bi_user(warehouse, name, second)
    assert changed.made is False
    as_user(warehouse, made, second).close()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        as_user(warehouse, made, first)


@pytest.mark.parametrize("other", ["postgres", BI_ROLE])
def test_no_other_role_gets_a_password(warehouse: sa.Engine, other: str) -> None:
    with pytest.raises(WarehouseError, match="changes passwords of BI readers only"):
        set_bi_user(warehouse, other, "x")


def test_the_command_shows_a_generated_password_once(pg_url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from arrears.warehouse.commands import app

    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
    shown = CliRunner().invoke(app, ["bi-user", name])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("password (shown this once)") == 1
    secret = sa.make_url(pg_url).password
    assert isinstance(secret, str)
    assert secret not in shown.output
    monkeypatch.setenv("ARREARS_BI_PASSWORD", "given-by-somebody")
    shown = CliRunner().invoke(app, ["bi-user", name])
    assert shown.exit_code == 0
    assert "given-by-somebody" not in shown.output
    assert "shown this once" not in shown.output


def test_a_user_without_createrole_migrates_and_is_told_what_to_ask_for(
    postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the group role belongs to the server, which the other tests use: here it goes by another name
    monkeypatch.setattr("arrears.warehouse.roles.BI_ROLE", f"bi_{uuid.uuid4().hex[:8]}")
    from arrears.warehouse import roles

    owner, database = f"owner_{uuid.uuid4().hex[:8]}", f"managed_{uuid.uuid4().hex[:8]}"
    password = secrets.token_urlsafe(9)
    admin = sa.create_engine(postgres.url(database))
    with admin.begin() as connection:
        quoted = connection.dialect.identifier_preparer.quote_identifier
        connection.execute(sa.DDL("CREATE ROLE %(n)s LOGIN PASSWORD '%(p)s'", context={"n": owner, "p": password}))
        connection.execute(
            sa.DDL("GRANT CREATE ON DATABASE %(d)s TO %(n)s", context={"d": quoted(database), "n": owner})
        )
    managed = sa.create_engine(postgres.url(database, user=owner, password=password))
    with caplog.at_level("WARNING"):
        upgrade(managed)
    require_current(managed)
    assert f"CREATE ROLE {roles.BI_ROLE} NOLOGIN" in caplog.text
    with managed.begin() as connection:
        assert ensure_bi_role(connection) is False
    with pytest.raises(WarehouseError, match="Ask the administrator"):
        set_bi_user(managed, f"analyst_{owner}")
    # the administrator makes the role; the grants are the owner's own to give
    with admin.begin() as connection:
        connection.execute(sa.DDL("CREATE ROLE %(n)s NOLOGIN", context={"n": roles.BI_ROLE}))
    with managed.begin() as connection:
        assert ensure_bi_role(connection) is True
        may = sa.text("SELECT has_table_privilege(:role, 'mart.run_day', 'SELECT')")
        assert connection.execute(may, {"role": roles.BI_ROLE}).scalar() is True
    with pytest.raises(WarehouseError, match="CREATEROLE"):
        set_bi_user(managed, f"analyst_{owner}")
    managed.dispose()
    admin.dispose()


def test_dates_read_as_dates(warehouse: sa.Engine, name: str) -> None:
    with warehouse.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO mart.run_day VALUES ('2026-11-20', 'frozen', 'x', 1, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
            )
        )
    with as_user(warehouse, set_bi_user(warehouse, name)) as reader:
        assert reader.execute("SELECT as_of FROM run_day").fetchall() == [(date(2026, 11, 20),)]
