"""`arrears vehicles`: the proceedings about vehicles without the pages; for ops. Who acts is the system's user."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arrears.outreach.vehicles import Step

if TYPE_CHECKING:
    from arrears.desk.callers import Caller
    from arrears.outreach.vehicle_steps import Vehicles, VehicleView

app = typer.Typer(no_args_is_help=True)


@app.callback()
def vehicles() -> None:
    """Look at proceedings and record steps. Acts as a lead of all teams, in the name of the system's user."""


@app.command("list")
def list_vehicles(limit: Annotated[int, typer.Option(help="How many contracts at most.")] = 50) -> None:
    """Show where the proceedings stand, those with the latest step first."""
    with _vehicles() as (at, caller):
        found = at.read(caller, limit=limit)
    for each in found.vehicles:
        late = ", notice late" if each.notice_late else ""
        typer.echo(f"{each.contract_id}: {each.stage}, {len(each.steps)} steps{late}")
    typer.echo(f"{found.total} contracts", err=True)


@app.command()
def show(contract: Annotated[str, typer.Argument(help="Contract.")]) -> None:
    """Show the steps of one contract's vehicle, and what may follow."""
    with _vehicles() as (at, caller):
        found = at.read(caller, contract_id=contract).vehicles
    if not found:
        typer.echo("no proceedings")
    for each in found:
        _show(each)


@app.command()
def record(
    contract: Annotated[str, typer.Argument(help="Contract.")],
    step: Annotated[Step, typer.Argument(help="What was done.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; for the record.")],
    on: Annotated[str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="When; default today.")] = None,
    order: Annotated[str | None, typer.Option("--order", help="The order's id.")] = None,
    gps: Annotated[
        Literal["online", "offline", "none"] | None, typer.Option("--gps", help="State of the GPS unit.")
    ] = None,
    amount: Annotated[str | None, typer.Option("--amount", help="What redeemed it, or what it was sold for.")] = None,
    request_key: Annotated[
        str | None, typer.Option("--request-key", help="Sent again, the same request is done once.")
    ] = None,
) -> None:
    """Record a step, or be told the rule that it would break."""
    from arrears.day import parse_day

    with _vehicles() as (at, caller):
        day = parse_day(on, where="--on") if on else at.today
        _show(
            at.record(
                caller,
                contract,
                step,
                on_day=day,
                reason=reason,
                order_id=order,
                gps_status=gps,
                amount=_amount(amount),
                request_key=request_key,
            )
        )


def _amount(text: str | None) -> Decimal | None:
    from arrears.errors import SettingsError

    try:
        found = None if text is None else Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if found is not None and not (found.is_finite() and found >= 0):
        raise SettingsError(
            expected="an amount of money, 1200.00",
            found="something else",
            where="--amount",
            action="Give the amount without a currency.",
        )
    return found


def _show(view: VehicleView) -> None:
    for step in view.steps:
        parts = [step.order_id, step.gps_status and f"gps {step.gps_status}", step.amount and str(step.amount)]
        more = "".join(f" {part}" for part in parts if part)
        typer.echo(f"{step.on_day} {step.step}{more} ({step.recorded_by}: {step.reason})")
    follows = ", ".join(f"{each.step} from {each.from_day}" if each.from_day else each.step for each in view.next_steps)
    typer.echo(f"{view.contract_id}: {view.stage}; may follow: {follows or 'nothing'}")


@contextmanager
def _vehicles() -> Iterator[tuple[Vehicles, Caller]]:
    from functools import partial

    from arrears.desk.callers import Caller
    from arrears.outreach.vehicle_steps import Vehicles
    from arrears.rules.rule_set import load_rule_set
    from arrears.settings import load_settings
    from arrears.warehouse.connect import open_warehouse

    settings = load_settings()
    warehouse = open_warehouse(settings)
    try:
        found = Vehicles(warehouse, settings.acting_clock(), partial(load_rule_set, settings.rules))
        yield found, Caller(_user(), "lead", via="command")
    finally:
        warehouse.dispose()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # a container may run under a number that has no name
        return "command"
