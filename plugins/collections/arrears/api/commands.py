"""`arrears token`: issue, rotate, revoke and list the bearer tokens of the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import sqlalchemy as sa

    from arrears.api.tokens import IssuedToken
    from arrears.desk.callers import Role

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Who uses it, as the audit names him: a system or a place of work.")]
Days = Annotated[int, typer.Option("--days", min=1, max=366, help="Days for which it works.")]


@app.callback()
def token() -> None:
    """Bearer tokens of the API."""


@app.command()
def issue(
    name: Name,
    collector: Annotated[str | None, typer.Option("--collector", help="For this collector's cases.")] = None,
    lead: Annotated[bool, typer.Option("--lead", help="For a lead.")] = False,
    viewer: Annotated[bool, typer.Option("--viewer", help="For somebody who only looks; also for Prometheus.")] = False,
    team: Annotated[list[str] | None, typer.Option("--team", help="Of a lead or viewer; default: all teams.")] = None,
    days: Days = 90,
) -> None:
    """Issue a token and print it, once: only its hash is kept."""
    from arrears.api import tokens

    asked: dict[Role, bool] = {"collector": collector is not None, "lead": lead, "viewer": viewer}
    roles = [role for role, wanted in asked.items() if wanted]
    if len(roles) != 1:
        raise tokens.TokenError(
            expected="one of --collector ID, --lead and --viewer",
            found=f"{len(roles)} of them",
            where="arrears token issue",
            action="Say whom the token stands for.",
        )
    with _warehouse() as warehouse:
        new = tokens.issue_token(
            warehouse,
            name,
            roles[0],
            collector_id=collector,
            teams=team or None,
            lifetime=timedelta(days=days),
            at=tokens.now(),
        )
        if collector is not None:
            with warehouse.connect() as connection:
                if not tokens.knows_collector(connection, collector):
                    typer.echo("note: the roster does not have this collector yet", err=True)
    _show(new)


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[int, typer.Option("--overlap", min=0, help="Hours for which the old one works on.")] = 24,
    days: Days = 90,
) -> None:
    """Issue a new token of the same scope; the old one works on for the overlap."""
    from arrears.api import tokens

    with _warehouse() as warehouse:
        new = tokens.rotate_token(
            warehouse, name, overlap=timedelta(hours=overlap), lifetime=timedelta(days=days), at=tokens.now()
        )
    _show(new)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="Name, or id of a single token.")]) -> None:
    """Revoke a token at once, with all that are left of its rotations."""
    from arrears.api import tokens

    with _warehouse() as warehouse:
        count = tokens.revoke_token(warehouse, name, at=tokens.now())
    typer.echo(f"{count} revoked")


@app.command("list")
def list_() -> None:
    """Show all tokens, without anything secret."""
    from arrears.api import tokens

    with _warehouse() as warehouse, warehouse.connect() as connection:
        found = tokens.list_tokens(connection, tokens.now())
    for each in found:
        scope = each.collector_id or (", ".join(sorted(each.teams)) if each.teams is not None else "all teams")
        until = f"{each.expires_at:%Y-%m-%d %H:%M} UTC"
        typer.echo(f"{each.token_id}  {each.name}  {each.role} {scope}  {each.state}  until {until}")
    if not found:
        typer.echo("no tokens")


@contextmanager
def _warehouse() -> Iterator[sa.Engine]:
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse

    warehouse = open_warehouse(load_settings())
    try:
        yield warehouse
    finally:
        warehouse.dispose()


def _show(new: IssuedToken) -> None:
    typer.echo(f"token {new.token_id} of {new.name}, until {new.expires_at:%Y-%m-%d %H:%M} UTC; shown once:", err=True)
    typer.echo(new.text)
