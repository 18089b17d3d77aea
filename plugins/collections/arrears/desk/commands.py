"""`arrears desk`: all that people do with cases, without the pages; for ops. Who acts is the system's user."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from arrears.desk.refusals import Refusal

if TYPE_CHECKING:
    from arrears.desk.callers import Caller
    from arrears.desk.desk import Desk
    from arrears.desk.views import Changed

app = typer.Typer(no_args_is_help=True)

Cases = Annotated[list[str], typer.Argument(help="Ids of cases, as the worklist shows them.")]
Why = Annotated[str, typer.Option("--reason", help="Why; goes into the audit.")]
Key = Annotated[str | None, typer.Option("--request-key", help="Sent again, the same request is done once.")]
QueueName = Annotated[str, typer.Argument(help="Queue.")]
CollectorId = Annotated[str, typer.Argument(help="Collector.")]


@app.callback()
def desk() -> None:
    """Grab, hand over, record, call. Acts as a lead of all teams, in the name of the system's user."""


@app.command()
def pools() -> None:
    """Show how many cases lie in the pool of each queue, and since when."""
    with _desk() as (at, caller):
        found = [pool for pool in at.pools(caller) if pool.cases or pool.leased]
        for pool in found:
            since = pool.oldest_opened_at
            oldest = f", the oldest since {since.astimezone(at.zone):%Y-%m-%d %H:%M}" if since else ""
            typer.echo(f"{pool.queue}: {pool.cases} cases{oldest}; {pool.leased} leased; batch {pool.batch}")
        if not found:
            typer.echo("no cases in any pool")


@app.command()
def grab(
    queue: QueueName,
    collector: CollectorId,
    batch: Annotated[int | None, typer.Option("--batch", help="How many at most; default: the queue's batch.")] = None,
    request_key: Key = None,
) -> None:
    """Give a collector the best cases of a pool that he may have, and print their ids."""
    with _desk() as (at, caller):
        found = at.grab(caller, queue, batch=batch, collector_id=collector, request_key=request_key)
    for case in found.cases:
        typer.echo(case.case_id)
    lease = f", leased until {found.lease_until.astimezone(at.zone):%H:%M}" if found.lease_until else ""
    typer.echo(f"{len(found.cases)} cases of {queue} for {collector}{lease}; {found.pool_left} left", err=True)


@app.command()
def worklist(collector: CollectorId, queue: Annotated[str | None, typer.Option("--queue")] = None) -> None:
    """Show the cases of a collector, best first."""
    with _desk() as (at, caller):
        found = at.worklist(caller, collector_id=collector, queue=queue)
    for case in found.cases:
        lease = f" lease until {case.lease_until.astimezone(at.zone):%Y-%m-%d %H:%M}" if case.lease_until else ""
        typer.echo(
            f"{case.case_id} {case.queue} {case.work_order} {case.bucket} {case.overdue_amount} {case.source}{lease}"
        )
    typer.echo(f"{found.total} cases", err=True)


@app.command()
def renew(cases: Cases, request_key: Key = None) -> None:
    """Renew the leases of cases."""
    with _desk() as (at, caller):
        _show(at.renew(caller, cases, request_key=request_key))


@app.command("give-back")
def give_back(cases: Cases, reason: Why, request_key: Key = None) -> None:
    """Give grabbed cases back to the pool, for one of the reasons of allocation.yaml."""
    with _desk() as (at, caller):
        _show(at.give_back(caller, cases, reason=reason, request_key=request_key))


@app.command("hand-over")
def hand_over(
    cases: Cases,
    reason: Why,
    to: Annotated[str | None, typer.Option("--to", help="Collector who gets them; without: the pool.")] = None,
    request_key: Key = None,
) -> None:
    """Give cases to another collector, or to the pool."""
    with _desk() as (at, caller):
        _show(at.hand_over(caller, cases, to=to, reason=reason, request_key=request_key))


@app.command()
def recall(
    reason: Why,
    cases: Annotated[list[str] | None, typer.Argument(help="Ids of cases; or --collector, or --queue.")] = None,
    collector: Annotated[str | None, typer.Option("--collector", help="All of this agency collector.")] = None,
    queue: Annotated[str | None, typer.Option("--queue", help="All of this queue.")] = None,
    request_key: Key = None,
) -> None:
    """Take cases back from agencies into the pool."""
    with _desk() as (at, caller):
        _show(
            at.recall(
                caller,
                reason=reason,
                case_ids=cases or None,
                collector_id=collector,
                queue=queue,
                request_key=request_key,
            )
        )


@app.command()
def absent(
    collector: CollectorId,
    reason: Why,
    back: Annotated[bool, typer.Option("--back", help="Take the absence back.")] = False,
) -> None:
    """Report a collector absent today and have his cases dealt to others, or take that back."""
    with _desk() as (at, caller):
        done = at.set_absent(caller, collector, absent=not back, reason=reason)
    for who, number in done.given.items():
        typer.echo(f"{who}: {number} cases")
    typer.echo(f"{collector} is {'absent' if done.absent else 'in the roster'}; {done.pooled} cases to the pool")


@app.command("set-batch")
def set_batch(
    queue: QueueName, reason: Why, batch: Annotated[int | None, typer.Option(help="Without: as the rules say.")] = None
) -> None:
    """Set for today how many cases a grab takes."""
    with _desk() as (at, caller):
        done = at.set_batch(caller, queue, batch=batch, reason=reason)
    typer.echo(f"{queue}: batch {done.grab_batch}")


@app.command("set-quota")
def set_quota(
    collector: CollectorId,
    queue: QueueName,
    reason: Why,
    quota: Annotated[int | None, typer.Option(help="Without: as the rules say.")] = None,
) -> None:
    """Set for today how many cases of a queue the split gives a collector."""
    with _desk() as (at, caller):
        done = at.set_quota(caller, collector, queue, quota=quota, reason=reason)
    typer.echo(f"{collector}, {queue}: {'as the rules say' if done.quota is None else done.quota}")


@app.command()
def result(
    case: Annotated[str, typer.Argument(help="Case.")],
    channel: Annotated[str, typer.Argument(help="phone, visit, …")],
    outcome: Annotated[str, typer.Argument(help="right_party, no_answer, …")],
    contract: Annotated[str | None, typer.Option("--contract", help="Default: the harshest.")] = None,
    call_id: Annotated[str | None, typer.Option("--call", help="Reserved call that it settles.")] = None,
    amount: Annotated[str | None, typer.Option("--promise", metavar="AMOUNT", help="Promised amount.")] = None,
    due_on: Annotated[str | None, typer.Option("--due", metavar="YYYY-MM-DD", help="Day of the promise.")] = None,
    request_key: Key = None,
) -> None:
    """Record how a contact ended, for the case's owner."""
    from arrears.desk.views import PromiseIn, ResultIn

    promise = None
    if amount is not None or due_on is not None:
        try:
            promise = PromiseIn(Decimal(amount or ""), date.fromisoformat(due_on or ""))
        except (InvalidOperation, ValueError):
            raise Refusal(
                kind="invalid",
                rule="promise.amount",
                expected="an amount and a day, --promise 100.00 --due 2026-12-01",
                found="something else",
                where="the promise",
                action="Correct both options.",
            ) from None
    with _desk() as (at, caller):
        done = at.record_result(
            caller, ResultIn(case, channel, outcome, contract, call_id, promise), request_key=request_key
        )
    typer.echo(done.result_id)


@app.command()
def call(case: Annotated[str, typer.Argument(help="Case.")], request_key: Key = None) -> None:
    """Reserve a call by hand under the day's limits, for the case's owner; prints the call's id."""
    with _desk() as (at, caller):
        done = at.reserve_call(caller, case, request_key=request_key)
    typer.echo(done.call_id)
    for warning in done.warnings:
        typer.echo(f"warning: {warning}", err=True)


@app.command()
def allocation(queue: Annotated[str | None, typer.Option("--queue", help="One queue; default all.")] = None) -> None:
    """Show how the cases are split at this moment, and why somebody has fewer."""
    with _desk() as (at, caller):
        view = at.allocation(caller, queue)
    for share in view.queues:
        typer.echo(f"{share.queue}: {share.cases} cases, {share.pool} in the pool, {share.overdue_amount} overdue")
        for each in share.collectors:
            why = f" ({', '.join(each.fewer_because)})" if each.fewer_because else ""
            typer.echo(f"  {each.collector_id}: {each.cases} cases, {each.overdue_amount}{why}")


@app.command()
def audit(
    limit: Annotated[int, typer.Option(help="How many lines at most.")] = 50,
    case: Annotated[str | None, typer.Option("--case", help="Of one case.")] = None,
    collector: Annotated[str | None, typer.Option("--collector", help="About one collector.")] = None,
) -> None:
    """Show who did what, newest first."""
    with _desk() as (at, caller):
        found = at.audit(caller, limit=limit, case_id=case, collector_id=collector)
    for event in found.events:
        parts = (event.case_id, event.queue, event.collector_id, event.to_collector_id, event.reason)
        about = " ".join(part or "-" for part in parts)
        typer.echo(f"{event.at.astimezone(at.zone):%Y-%m-%d %H:%M:%S} {event.actor} {event.action} {about}")


@app.command()
def expire() -> None:
    """Put cases whose lease is over back into the pool, as the Dag does every few minutes."""
    with _desk() as (at, _):
        typer.echo(f"{at.expire()} leases were over")


@contextmanager
def _desk() -> Iterator[tuple[Desk, Caller]]:
    from arrears.desk.callers import Caller
    from arrears.desk.desk import Desk
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse

    settings = load_settings()
    warehouse = open_warehouse(settings)
    found = Desk(warehouse, settings, settings.acting_clock())
    try:
        yield found, Caller(_user(), "lead", via="command")
    finally:
        found.close()
        warehouse.dispose()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container may run under a number that has no name
        return "command"


def _show(changed: Changed) -> None:
    _lines(changed.done, "done")
    for case_id, rule in changed.refused:
        typer.echo(f"{case_id}: refused, {rule}")
    if changed.refused:
        raise typer.Exit(1)


def _lines(ids: Sequence[str], word: str) -> None:
    for case_id in ids:
        typer.echo(f"{case_id}: {word}")
