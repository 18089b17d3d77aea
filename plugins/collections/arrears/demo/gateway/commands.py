"""`arrears demo gateway`: run the sandbox gateway, see what it was given, tell it to misbehave."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import httpx

app = typer.Typer(no_args_is_help=True)

Home = Annotated[
    Path | None, typer.Option("--home", help="Folder that keeps what the gateway gets; default that of make up.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0: chosen free.")]


@app.callback()
def gateway() -> None:
    """A stand-in for the providers of texts, calls and mail, and for an agency."""


@app.command()
def serve(
    home: Home = None,
    http_port: Port = 0,
    smtp_port: Port = 0,
    sftp_port: Port = 0,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    seed: Annotated[int, typer.Option("--seed", help="Decides, with a message's key, how the message ends.")] = 0,
) -> None:
    """Run it until it is told to stop."""
    from arrears.demo.gateway.server import run_gateway

    run_gateway(
        home or _default_home(), http_port=http_port, smtp_port=smtp_port, sftp_port=sftp_port, host=host, seed=seed
    )


@app.command()
def report(home: Home = None) -> None:
    """Show all that a running one was given, repeats and losses included, as JSON."""
    with _client(home) as client:
        typer.echo(json.dumps(client.get("/report").raise_for_status().json(), indent=2))


@app.command()
def misbehave(
    channel: Annotated[str, typer.Argument(help="sms, dialer, email or agency.")],
    mode: Annotated[str, typer.Argument(help="How; ok ends it. docs/outreach.md has the list.")],
    share: Annotated[float, typer.Option("--share", help="Share of the messages, above 0 to 1.")] = 1.0,
    seconds: Annotated[float, typer.Option("--seconds", help="How slow, how late.")] = 1.0,
    count: Annotated[int | None, typer.Option("--count", help="End after so many.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Draw by key and seed instead of spreading evenly.")
    ] = None,
    beside: Annotated[bool, typer.Option("--beside", help="Beside what is in force, not in its place.")] = False,
    home: Home = None,
) -> None:
    """Tell a running one to misbehave on a channel."""
    order = {"channel": channel, "mode": mode, "share": share, "seconds": seconds, "count": count, "seed": seed}
    with _client(home) as client:
        answer = client.post("/faults", json={**order, "beside": beside})
    if answer.status_code == 422:
        typer.echo("no such channel or way to misbehave, or a value out of bounds; docs/outreach.md has them", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps(answer.raise_for_status().json(), indent=2))


def _default_home() -> Path:
    from arrears.settings import load_settings

    return load_settings().home / "gateway"


def _client(home: Path | None) -> httpx.Client:
    import httpx

    from arrears.demo.gateway.server import TOKEN_VARIABLE
    from arrears.errors import SettingsError

    folder = home or _default_home()
    path = folder / "gateway.json"
    if not path.exists():
        raise SettingsError(
            expected="a gateway that runs",
            found="none",
            where=str(folder),
            action="Start one with `make up` or `arrears demo gateway serve`, or name its folder with --home.",
        )
    access = json.loads(path.read_text(encoding="utf-8"))
    kept = folder.parent / "stack" / "gateway_token"
    token = os.environ.get(TOKEN_VARIABLE) or access.get("token") or (kept.read_text("utf-8") if kept.exists() else "")
    return httpx.Client(
        base_url=f"http://127.0.0.1:{access['http_port']}",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=10.0,
    )
