"""Roles: the group `arrears_bi`, which reads the mart and nothing else, and the logins in it.

Roles belong to the whole server, tables to one database, and on a managed PostgreSQL the migrating user often may not
make roles. So a missing role never stops a migration: the administrator makes it, and the grants follow.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from arrears.errors import WarehouseError
from arrears.warehouse.base import AUDIT, MART, OPS

log = logging.getLogger(__name__)

BI_ROLE = "arrears_bi"
"""Group role of all BI readers; cannot log in itself."""
PASSWORD_VARIABLE = "ARREARS_BI_PASSWORD"  # noqa: S105 - the name of the variable, not a password

_TAKEN_OR_MADE_MEANWHILE = (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation)


def ensure_bi_role(connection: sa.Connection) -> bool:
    """Makes the group role if it can, and gives it exactly the mart; safe to repeat.

    Returns False when the role is missing and the user may not make one: then nothing was changed.
    """
    if not _exists(connection, BI_ROLE) and not _make_group(connection):
        return False
    role = sql.Identifier(BI_ROLE)
    mart = sql.Identifier(MART)
    _execute(connection, sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(mart, role))
    _execute(connection, sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(mart, role))
    # what later migrations of the same user add
    _execute(
        connection,
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT SELECT ON TABLES TO {}").format(mart, role),
    )
    for schema in (OPS, AUDIT):
        _execute(connection, sql.SQL("REVOKE ALL ON SCHEMA {} FROM PUBLIC").format(sql.Identifier(schema)))
    _close_public_schema(connection)
    return True


def drop_bi_role(connection: sa.Connection) -> None:
    """Takes the grants in this database back, and the role itself when no other database uses it."""
    if not _exists(connection, BI_ROLE):
        return
    role = sql.Identifier(BI_ROLE)
    mart = sql.Identifier(MART)
    _execute(
        connection,
        sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} REVOKE SELECT ON TABLES FROM {}").format(mart, role),
    )
    _execute(connection, sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(mart, role))
    _execute(connection, sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(mart, role))
    members = connection.execute(
        sa.text("SELECT 1 FROM pg_auth_members WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = :name)"),
        {"name": BI_ROLE},
    ).first()
    if members is not None:
        return
    try:
        with connection.begin_nested():
            _execute(connection, sql.SQL("DROP ROLE {}").format(role))
    except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege):
        log.info("the role %s stays: other databases use it, or it is not ours to drop", BI_ROLE)


def missing_bi_role() -> WarehouseError:
    """What to tell when the group role is missing and the user may not make it."""
    return WarehouseError(
        expected=f"the role {BI_ROLE}, or a user who may make it",
        found="neither",
        where="the warehouse",
        action=f"Ask the administrator for: CREATE ROLE {BI_ROLE} NOLOGIN; then run `arrears warehouse bi-role`.",
    )


@dataclass(frozen=True)
class BiUser:
    """A login of a BI reader."""

    name: str
    made: bool
    """True when the login is new; False when its password was changed."""
    generated: str | None
    """The password, if it was generated here: shown once, kept nowhere."""


def set_bi_user(warehouse: sa.Engine, name: str, password: str | None = None) -> BiUser:
    """Makes the login `name` in the group, or changes its password; without `password` one is generated.

    The server gets the password's SCRAM verifier only, so no log of its statements holds the password. Raises
    WarehouseError when the role is no BI reader, or when the user may not make roles.
    """
    chosen = password or secrets.token_urlsafe(18)
    login = sql.Identifier(name)
    try:
        with warehouse.begin() as connection:
            if not ensure_bi_role(connection):
                raise missing_bi_role()
            made = not _exists(connection, name)
            if not made:
                _must_be_reader(connection, name)
            verifier = sql.Literal(_scram(connection, name, chosen))
            verb = sql.SQL("CREATE" if made else "ALTER")
            _execute(connection, sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, login, verifier))
            _execute(connection, sql.SQL("GRANT {} TO {}").format(sql.Identifier(BI_ROLE), login))
            _execute(connection, sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(login))
            _execute(connection, sql.SQL("ALTER ROLE {} SET search_path = {}").format(login, sql.Identifier(MART)))
    except psycopg.errors.InsufficientPrivilege:
        raise WarehouseError(
            expected="a user who may make roles (CREATEROLE), and grant the role arrears_bi",
            found="one who may not",
            where=warehouse.url.render_as_string(hide_password=True),
            action="Run the command as the administrator, or ask for a login that is a member of arrears_bi.",
        ) from None
    return BiUser(name=name, made=made, generated=None if password else chosen)


def _exists(connection: sa.Connection, role: str) -> bool:
    found = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": role}).first()
    return found is not None


def _make_group(connection: sa.Connection) -> bool:
    may = connection.execute(
        sa.text("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")
    ).scalar()
    if not may:
        return False
    try:
        with connection.begin_nested():
            _execute(connection, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(BI_ROLE)))
    except _TAKEN_OR_MADE_MEANWHILE:
        # another database of the server was migrated at the same time
        log.debug("the role %s was made meanwhile", BI_ROLE)
    return True


def _must_be_reader(connection: sa.Connection, name: str) -> None:
    other = connection.execute(
        sa.text(
            "SELECT NOT (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb)"
            " AND coalesce(array_agg(g.rolname::text) = ARRAY[CAST(:group AS text)], false)"
            " FROM pg_roles r LEFT JOIN pg_auth_members m ON m.member = r.oid LEFT JOIN pg_roles g ON g.oid = m.roleid"
            " WHERE r.rolname = :name GROUP BY r.rolsuper, r.rolcreaterole, r.rolcreatedb"
        ),
        {"name": name, "group": BI_ROLE},
    ).scalar()
    if not other:
        raise WarehouseError(
            expected=f"a new name, or a login that is in {BI_ROLE} and in nothing else",
            found=f"the role {name}, which is more than that",
            where="the warehouse's roles",
            action="Choose another name: this command changes passwords of BI readers only.",
        )


def _close_public_schema(connection: sa.Connection) -> None:
    # Databases older than PostgreSQL 15 let everybody make tables in public. Only its owner may end that.
    owned = connection.execute(
        sa.text("SELECT pg_has_role(current_user, nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'public'")
    ).scalar()
    if owned:
        _execute(connection, sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))


def _scram(connection: sa.Connection, name: str, password: str) -> str:
    driver: Any = connection.connection.driver_connection
    encrypted: bytes = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    return encrypted.decode()


def _execute(connection: sa.Connection, statement: sql.Composed | sql.SQL) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute(statement)
