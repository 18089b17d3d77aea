"""`arrears outreach`: plan, send, settle and approve contacts without Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arrears.command_options import AsOf

if TYPE_CHECKING:
    from arrears.desk.callers import Caller
    from arrears.outreach.handling import Handled
    from arrears.run import Run, StepResult

app = typer.Typer(no_args_is_help=True)


@app.callback()
def outreach() -> None:
    """Plan, send and settle contacts. Channels are found by AIRFLOW_CONN_ARREARS_<CHANNEL>."""


@app.command()
def plan(as_of: AsOf = None) -> None:
    """Plan the day's contacts; on the current day into the outbox."""
    from arrears.steps import run_step

    with _run(as_of) as run:
        _show(run_step(run, "plan_contacts"))


@app.command()
def push(
    channel: Annotated[
        str | None, typer.Option("--channel", help="One channel; default all, one after the other.")
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Send what may go now. What was sent does not go again."""
    from arrears.errors import ChannelError
    from arrears.outreach.channels import CHANNELS
    from arrears.steps import run_step

    failed: ChannelError | None = None
    with _run(as_of) as run:
        for name in [channel] if channel else CHANNELS:
            try:
                _show(run_step(run, "push_contacts", channel=name))
            except ChannelError as error:
                # one channel that is down does not hold up the others
                failed = failed or error
    if failed is not None:
        raise failed


@app.command("push-approved")
def push_approved(as_of: AsOf = None) -> None:
    """Send the contacts that a person approved."""
    from arrears.steps import run_step

    with _run(as_of) as run:
        _show(run_step(run, "push_approved"))


@app.command()
def reconcile(as_of: AsOf = None) -> None:
    """Settle what is in doubt, take in receipts, end what is too late, and count."""
    from arrears.steps import run_step

    with _run(as_of) as run:
        _show(run_step(run, "reconcile_contacts"))


@app.command()
def dispatch(as_of: AsOf = None) -> None:
    """What outreach_dispatch does: send what has become due, retry, take in receipts, expire."""
    from arrears.outreach.steps import dispatch_contacts

    with _run(as_of) as run:
        _show(dispatch_contacts(run))


@app.command()
def pending(as_of: AsOf = None) -> None:
    """Show how many contacts wait for approval, by placement."""
    from arrears.outreach.steps import pending_approvals

    with _run(as_of) as run:
        waiting = pending_approvals(run)
    for placement, count in sorted(waiting.items()):
        typer.echo(f"{placement:<12} {count:>8,}")
    if not waiting:
        typer.echo("nothing waits for approval")


@app.command()
def approve(
    decision: Annotated[Literal["approve", "reject"], typer.Argument(help="What the person decides.")],
    approved_by: Annotated[str, typer.Option("--by", help="Login of the person who decides.")],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; on the contacts and in the audit.")] = None,
    placement: Annotated[
        list[str] | None, typer.Option("--placement", help="Only this placement; default all.")
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Approve or reject the contacts that wait; approved ones go with push-approved."""
    from arrears.desk.audit import given_reason
    from arrears.desk.callers import Caller
    from arrears.outreach.steps import approve as decide

    words = None if reason is None else given_reason(reason, "an approval")
    with _run(as_of) as run:
        _show(decide(run, decision, Caller(approved_by, "lead", via="command"), placement or None, words))


Keys = Annotated[list[str], typer.Argument(help="Keys of contacts, as `dead` shows them.")]
By = Annotated[str, typer.Option("--by", help="Login of the person who decides.")]
Why = Annotated[str, typer.Option("--why", help="Why, for the record; nothing personal.")]


@app.command()
def dead(
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Contacts at most.")] = 500,
    as_of: AsOf = None,
) -> None:
    """List what cannot succeed or may have gone, with the reason, and whether it may be sent again."""
    from arrears.outreach import outbox

    with _run(as_of) as run, run.warehouse.connect() as connection:
        letters = outbox.dead_letters(connection, run.clock.now(), day=run.day.as_of, channel=channel, limit=limit)
    for each in letters:
        again = "may go again" if each.why_not is None else f"not again: {each.why_not}"
        typer.echo(f"{each.task_key} {each.channel:<12} {each.state:<8} {each.state_reason or '-':<24} {again}")
    if not letters:
        typer.echo("no dead letters")


@app.command()
def redrive(keys: Keys, by: By, why: Why, as_of: AsOf = None) -> None:
    """Plan dead letters again that no provider took; they pass the policy and go with the next push."""
    from arrears.outreach.handling import Contacts

    with _run(as_of) as run:
        _told(Contacts(run.warehouse, run.clock).redrive(_lead(by), keys, reason=why))


@app.command()
def cancel(keys: Keys, by: By, why: Why, as_of: AsOf = None) -> None:
    """Cancel contacts that have not gone; no later plan of the day brings them back."""
    from arrears.outreach.handling import Contacts

    with _run(as_of) as run:
        _told(Contacts(run.warehouse, run.clock).cancel(_lead(by), keys, reason=why))


@contextmanager
def _run(as_of: str | None) -> Iterator[Run]:
    from arrears.day import parse_day
    from arrears.offline import warehouse_ready
    from arrears.run import open_run
    from arrears.settings import load_settings

    settings = load_settings()
    day = parse_day(as_of, where="--as-of") if as_of else settings.acting_clock().today()
    with warehouse_ready(settings), open_run(settings, day) as run:
        yield run


def _lead(name: str) -> Caller:
    from arrears.desk.callers import Caller

    return Caller(name, "lead", via="command")


def _told(handled: Handled) -> None:
    typer.echo(f"{len(handled.done)} done")
    for key, rule in handled.refused:
        typer.echo(f"refused {key}: {rule}", err=True)
    if handled.refused:
        raise typer.Exit(1)


def _show(result: StepResult) -> None:
    import json

    typer.echo(json.dumps(result.figures, indent=2, ensure_ascii=False))
    for warning in result.warnings:
        typer.echo(f"warning: {warning}", err=True)
