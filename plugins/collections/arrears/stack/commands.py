"""`arrears stack`: run one day through Airflow and stop, stay up with the UI, or stop a stack that stays up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from arrears.errors import ArrearsError
from arrears.settings import load_settings
from arrears.stack.processes import STOP_SIGNALS

app = typer.Typer(help="Airflow and all that it needs, on this machine.", no_args_is_help=True)

AsOf = Annotated[str, typer.Option(envvar="ARREARS_AS_OF", help="Business day, YYYY-MM-DD; default today.")]

_INTERRUPTED = 130


class _Interrupted(Exception):  # noqa: N818 - not an error: somebody asked us to stop
    """SIGINT or SIGTERM came."""


@app.command()
def run(as_of: AsOf = "") -> None:
    """Starts everything, runs one business day through the Dags, prints what came out, and stops everything."""
    from arrears.stack.day import run_one_day

    with _told_errors(), _interruptible():
        raise typer.Exit(run_one_day(as_of or None))


@app.command()
def up(as_of: AsOf = "") -> None:
    """Starts everything and stays, with the UI on this machine, until Ctrl-C or `down`."""
    from arrears.stack.day import stay_up

    with _told_errors(), _interruptible():
        stay_up(as_of or None, wait=lambda: time.sleep(1))


@app.command()
def down() -> None:
    """Stops the stack of this checkout that runs elsewhere."""
    from arrears.stack.home import StackHome
    from arrears.stack.supervisor import stop_running

    with _told_errors():
        home = load_settings().home.resolve()
        stopped = [place for place in _homes(home) if stop_running(StackHome(place))]
        for place in stopped:
            typer.echo(f"stopped {place}")
        if not stopped:
            typer.echo(f"nothing runs in {home}")


def _homes(home: Path) -> list[Path]:
    return [home, *sorted(path for path in (home / "ledgers").glob("*") if path.is_dir())]


@contextmanager
def _told_errors() -> Iterator[None]:
    try:
        yield
    except ArrearsError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    except (_Interrupted, KeyboardInterrupt):
        typer.echo("stopped", err=True)
        raise typer.Exit(_INTERRUPTED) from None


@contextmanager
def _interruptible() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        # a second signal must not cut off the stopping that the first one began
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise _Interrupted

    before = {each: signal.signal(each, interrupt) for each in STOP_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
