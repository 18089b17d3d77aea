"""`arrears warehouse`: bring it to the newest version, say where it is, and let BI read the mart."""

from __future__ import annotations

import os
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def warehouse() -> None:
    """The warehouse: PostgreSQL with ops, mart and audit."""


@app.command()
def upgrade() -> None:
    """Bring the warehouse to the newest version; safe to repeat."""
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.migrate import current_revision
    from arrears.warehouse.migrate import upgrade as bring_up

    engine = open_warehouse(load_settings())
    try:
        before = current_revision(engine)
        bring_up(engine)
        typer.echo(f"warehouse: {before or 'empty'} -> {current_revision(engine)}")
    finally:
        engine.dispose()


@app.command()
def status() -> None:
    """Say where the warehouse is and at which version; not 0 unless it is the newest."""
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.migrate import current_revision, require_current

    engine = open_warehouse(load_settings())
    try:
        typer.echo(f"{engine.url.render_as_string(hide_password=True)}: {current_revision(engine) or 'empty'}")
        require_current(engine)
    finally:
        engine.dispose()


@app.command("bi-role")
def bi_role() -> None:
    """Make the group role arrears_bi, and let it read mart and nothing else; safe to repeat."""
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.roles import BI_ROLE, ensure_bi_role, missing_bi_role

    engine = open_warehouse(load_settings())
    try:
        with engine.begin() as connection:
            if not ensure_bi_role(connection):
                raise missing_bi_role()
    finally:
        engine.dispose()
    typer.echo(f"{BI_ROLE} reads mart and nothing else")


@app.command("bi-user")
def bi_user(
    name: Annotated[str, typer.Argument(help="Name of the login.")],
) -> None:
    """Make a login that reads the mart, or change its password.

    The password is that of ARREARS_BI_PASSWORD; without it one is generated and shown once.
    """
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.roles import PASSWORD_VARIABLE, set_bi_user

    engine = open_warehouse(load_settings())
    try:
        user = set_bi_user(engine, name, os.environ.get(PASSWORD_VARIABLE) or None)
        address = engine.url.set(drivername="postgresql", username=name, password=None)
    finally:
        engine.dispose()
    typer.echo(f"{'made' if user.made else 'changed the password of'} {name}: {address.render_as_string()}")
    if user.generated:
        typer.echo(f"password (shown this once): {user.generated}")
