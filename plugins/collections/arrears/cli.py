"""The `arrears` command: every stage of the day without Airflow, on the same code.

Each area brings its own commands in `<area>/commands.py`; they are imported when they are called for, so that
`arrears --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from arrears.command_options import AsOf, ClockAt, Collectors, GraceDays, Ledger, LedgerMapping, Materiality
from arrears.errors import ArrearsError

if TYPE_CHECKING:
    from datetime import date

    from arrears.offline import OfflineDay
    from arrears.settings import Settings

AREAS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ledger": ("arrears.ledger.commands", "Look at a ledger, pull one, generate one."),
        "quality": ("arrears.quality.commands", "Judge a pulled ledger."),
        "rules": ("arrears.rules.commands", "Check the rule files."),
        "strategy": ("arrears.strategy.commands", "Age, tier and treat contracts."),
        "allocation": ("arrears.allocation.commands", "Give cases to collectors."),
        "desk": ("arrears.desk.commands", "Grab, hand over, record, call: what people do with cases."),
        "outreach": ("arrears.outreach.commands", "Plan, send and settle contacts."),
        "vehicles": ("arrears.outreach.vehicle_commands", "Proceedings about vehicles: look, record steps."),
        "kpi": ("arrears.kpi.commands", "Build KPIs, load them, write the report."),
        "warehouse": ("arrears.warehouse.commands", "Upgrade the warehouse; the BI reader."),
        "demo": ("arrears.demo.commands", "The demo lender and the sandbox gateway."),
        "stack": ("arrears.stack.commands", "The whole stack with Airflow: what make run and make up call."),
        "token": ("arrears.api.commands", "Bearer tokens of the API."),
        "docs": ("arrears.docs.commands", "Write the generated documentation."),
    }
)
"""Area → (module whose `app` holds its commands, what they are for)."""


class _AreaGroup(TyperGroup):
    """Stands for an area until one of its commands is called for."""

    def __init__(self, name: str, module: str, purpose: str) -> None:
        super().__init__(name=name, help=purpose, rich_help_panel="Areas")
        self._module = module

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        group = get_group(import_module(self._module).app)
        group.name = self.name
        group.help = group.help or self.help
        return group.make_context(info_name, args, parent=parent, **extra)


class _Root(TyperGroup):
    """Knows the areas by name, and turns the library's errors into a message and exit code 1."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *AREAS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in AREAS:
            return _AreaGroup(cmd_name, *AREAS[cmd_name])
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ArrearsError as error:
            if ctx.params.get("debug"):
                raise
            show_error(error)
            raise typer.Exit(1) from None


def show_error(error: ArrearsError) -> None:
    """Writes an error of the library to standard error, part by part."""
    typer.echo(
        f"{error.where}:\n  expected {error.expected}\n  found {error.found}\n  {error.action}",
        err=True,
    )


app = typer.Typer(cls=_Root, no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False)


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of errors, and all log lines.")] = False,
) -> None:
    """A lender's daily collections strategy: every stage of the day without Airflow, on the same code."""
    import logging

    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


@app.command()
def day(
    context: typer.Context,
    as_of: AsOf = None,
    ledger: Ledger = None,
    mapping: LedgerMapping = None,
    collectors: Collectors = None,
    materiality: Materiality = None,
    grace_days: GraceDays = None,
    clock: ClockAt = None,
    no_push: Annotated[bool, typer.Option("--no-push", help="Leave out the steps that send contacts.")] = False,
) -> None:
    """Run a whole day, each step in a process of its own, and tell rows, seconds and peak memory of each.

    A day before today by the clock of acting is restated: it reaches the lake and mart, sends nothing and leaves ops
    as it is. --clock makes a past day the current one.
    """
    from arrears.offline import whole_day

    settings = _settings(
        ledger=ledger,
        ledger_mapping=mapping,
        collectors=collectors,
        materiality=materiality,
        grace_days=grace_days,
        clock=clock,
    )
    _show(context, whole_day(settings, _day(settings, as_of), push=not no_push))


@app.command()
def step(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The step's name, as docs/dags-and-steps.md lists them.")],
    as_of: AsOf = None,
    ledger: Ledger = None,
    mapping: LedgerMapping = None,
    collectors: Collectors = None,
    materiality: Materiality = None,
    grace_days: GraceDays = None,
    clock: ClockAt = None,
    channel: Annotated[str | None, typer.Option("--channel", help="For push_contacts: the one channel.")] = None,
) -> None:
    """Run one step of a day."""
    from arrears.offline import one_step

    settings = _settings(
        ledger=ledger,
        ledger_mapping=mapping,
        collectors=collectors,
        materiality=materiality,
        grace_days=grace_days,
        clock=clock,
    )
    _show(context, one_step(settings, _day(settings, as_of), name, channel))


@app.command()
def age(
    as_of: Annotated[str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Business day.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .parquet or .csv.")],
    installments: Annotated[
        Path | None, typer.Option("--installments", help="File for every item not paid in full, with its own days.")
    ] = None,
    brief: Annotated[
        bool, typer.Option("--brief", help="Only how late, how much and which bucket, in less than half the time.")
    ] = False,
    history: Annotated[
        Path | None, typer.Option("--history", help="File for the bucket of every contract on every day so far.")
    ] = None,
    spells: Annotated[
        Path | None, typer.Option("--spells", help="File for every spell so far: entry, exit, how bad it got.")
    ] = None,
    ledger: Ledger = None,
    mapping: LedgerMapping = None,
    materiality: Materiality = None,
    grace_days: GraceDays = None,
) -> None:
    """Age every contract of a ledger into files, without lake or warehouse."""
    from arrears.day import parse_day
    from arrears.offline import measured
    from arrears.offline_display import human_size
    from arrears.strategy.age_ledger import AgedFiles, age_ledger

    settings = _settings(ledger=ledger, ledger_mapping=mapping, materiality=materiality, grace_days=grace_days)
    files = AgedFiles(
        snapshot=None if brief else out,
        brief=out if brief else None,
        installments=installments,
        history=history,
        spells=spells,
    )
    with measured() as measure:
        rows = age_ledger(settings, parse_day(as_of, where="--as-of"), files)
    written = {
        "snapshot": "contracts",
        "brief": "contracts",
        "installment_ageing": "items",
        "bucket_history": "runs",
        "spells": "spells",
    }
    for table, path in files.by_table().items():
        typer.echo(f"{rows[table]:,} {written[table]} in {path}")
    typer.echo(f"{measure.seconds:.1f} s, peak memory {human_size(measure.peak_bytes)}")


@app.command()
def explain(
    contract: Annotated[str, typer.Argument(help="Id of the contract.", metavar="CONTRACT")],
    as_of: AsOf = None,
    basis: Annotated[str | None, typer.Option("--basis", help="frozen or restated; default the frozen one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole explanation as JSON.")] = False,
    lang: Annotated[str, typer.Option("--lang", help="en or zh.")] = "en",
) -> None:
    """Tell why a contract was treated as it was on a day: ledger figures, rules, near misses, policy, arm, versions."""
    from arrears.day import parse_basis
    from arrears.strategy.explain import explain as explain_contract
    from arrears.strategy.explain_text import as_text, parse_language

    settings = _settings()
    language = parse_language(lang, where="--lang")
    chosen = parse_basis(basis, where="--basis") if basis else None
    explanation = explain_contract(settings, contract, _day(settings, as_of), chosen)
    typer.echo(explanation.model_dump_json(indent=2) if as_json else as_text(explanation, language), nl=as_json)


@app.command()
def replay(
    as_of: Annotated[str, typer.Option("--as-of", metavar="YYYY-MM-DD", help="Business day.")],
    basis: Annotated[str | None, typer.Option("--basis", help="frozen or restated; default the frozen one.")] = None,
    code: Annotated[
        str, typer.Option("--code", help="SQL models: stored (as the day ran them) or present.")
    ] = "stored",
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Recompute a day from its stored ledger and kept rules, and compare every row; exit code 1 if any differs."""
    from arrears.day import parse_basis, parse_day
    from arrears.strategy.replay import parse_code
    from arrears.strategy.replay import replay as replay_day
    from arrears.strategy.replay_text import as_text

    chosen = parse_basis(basis, where="--basis") if basis else None
    day = parse_day(as_of, where="--as-of")
    result = replay_day(_settings(), day, chosen, code=parse_code(code, where="--code"))
    typer.echo(result.model_dump_json(indent=2) if as_json else as_text(result), nl=as_json)
    if not result.same:
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8090,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that answer.")] = 1,
) -> None:
    """Serve the API alone, for the collectors' systems; `arrears token issue` makes their tokens."""
    from arrears.api.serve import serve as serve_api

    serve_api(host, port, workers)


def _show(context: typer.Context, offline: OfflineDay) -> None:
    from arrears.offline_display import show_day

    if not show_day(offline, debug=context.find_root().params["debug"]):
        raise typer.Exit(1)


def _settings(**values: Any) -> Settings:
    from arrears.settings import load_settings

    return load_settings({name: value for name, value in values.items() if value is not None})


def _day(settings: Settings, as_of: str | None) -> date:
    from arrears.day import parse_day

    return parse_day(as_of, where="--as-of") if as_of else settings.acting_clock().today()
