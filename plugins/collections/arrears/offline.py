"""The day without Airflow: the same steps in the same order, each in a process of its own that is measured.

A process of its own gives each step's true peak memory (the high-water mark of a process never falls again), and
lets a step that is killed for want of memory be named instead of taking the command with it.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from typing import Any

from arrears.errors import ArrearsError, SettingsError
from arrears.run import StepResult, open_run
from arrears.settings import Settings
from arrears.steps import STEPS, run_step

_SENDING = frozenset({"push_contacts", "reconcile_contacts", "push_approved"})
_PRELOADED = ["arrears.offline", "arrears.sqlmodel", "arrears.engines.duckdb", "arrears.warehouse.connect"]


@dataclass(frozen=True)
class StepCall:
    """A step and, for one that runs once per channel, the channel."""

    name: str
    channel: str | None = None

    @property
    def label(self) -> str:
        """How the call is shown."""
        return f"{self.name} {self.channel}" if self.channel else self.name


@dataclass
class Measure:
    """What something cost; filled in when it has ended."""

    seconds: float = 0.0
    peak_bytes: int = 0


@dataclass(frozen=True)
class Failure:
    """Why a step failed: the library's own message, or what else happened, with its traceback."""

    message: str
    trace: str


@dataclass(frozen=True)
class StepReport:
    """How one call went. Exactly one of `result` and `failure` is there."""

    call: StepCall
    result: StepResult | None
    failure: Failure | None
    measure: Measure


class OfflineDay:
    """The calls of a day, and their reports as they come; it ends with the first failure."""

    def __init__(self, settings: Settings, as_of: date, calls: list[StepCall]) -> None:
        self.calls = calls
        self._settings = settings
        self._as_of = as_of

    def reports(self) -> Iterator[StepReport]:
        """Runs the calls one after the other."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        with warehouse_ready(self._settings):
            for call in self.calls:
                report = _in_own_process(context, self._settings, self._as_of, call)
                yield report
                if report.failure is not None:
                    return


def whole_day(settings: Settings, as_of: date, *, push: bool) -> OfflineDay:
    """Every step of the day in order; without `push` those that send are left out."""
    from arrears.outreach.channels import CHANNELS

    calls: list[StepCall] = []
    for name in STEPS:
        if name in _SENDING and not push:
            continue
        calls += [StepCall(name, channel) for channel in CHANNELS] if name == "push_contacts" else [StepCall(name)]
    return OfflineDay(settings, as_of, calls)


def one_step(settings: Settings, as_of: date, name: str, channel: str | None) -> OfflineDay:
    """One step alone; SettingsError when there is none of that name, or its channel is missing."""
    if name not in STEPS:
        raise SettingsError(
            expected=f"one of the steps {', '.join(STEPS)}",
            found=repr(name),
            where="arrears step",
            action="Correct the name.",
        )
    if (name == "push_contacts") != (channel is not None):
        raise SettingsError(
            expected="--channel with push_contacts, and with no other step",
            found=f"{name} {'with' if channel else 'without'} a channel",
            where="arrears step",
            action="Give or leave out --channel.",
        )
    return OfflineDay(settings, as_of, [StepCall(name, channel)])


@contextmanager
def warehouse_ready(settings: Settings) -> Iterator[None]:
    """Holds a migrated warehouse: starts the embedded one if none is configured, and stops it if it was started here.

    A configured warehouse is only checked: who may upgrade it is not ours to decide.
    """
    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.embedded import embedded_postgres
    from arrears.warehouse.migrate import require_current, upgrade

    embedded = embedded_postgres(settings.home) if settings.warehouse_url is None else None
    was_running = embedded is not None and embedded.data.exists() and embedded.is_running()
    try:
        warehouse = open_warehouse(settings)
        try:
            if embedded is None:
                require_current(warehouse)
            else:
                upgrade(warehouse)
        finally:
            warehouse.dispose()
        yield
    finally:
        if embedded is not None and not was_running:
            embedded.stop()


@contextmanager
def measured() -> Iterator[Measure]:
    """Measures this process: wall time of the block, and peak memory up to its end (children that ended included)."""
    measure = Measure()
    started = time.monotonic()
    try:
        yield measure
    finally:
        measure.seconds = time.monotonic() - started
        measure.peak_bytes = _peak_bytes()


def _peak_bytes() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Linux counts in KiB, macOS in bytes
    return max(own, largest_child) * (1 if sys.platform == "darwin" else 1024)


def _in_own_process(context: Any, settings: Settings, as_of: date, call: StepCall) -> StepReport:
    receiver, sender = context.Pipe(duplex=False)
    arguments = (sender, settings, as_of, call, logging.getLogger().level)
    process = context.Process(target=_run_and_report, args=arguments, name=call.label)
    started = time.monotonic()
    process.start()
    sender.close()
    try:
        report: StepReport = receiver.recv()
    except EOFError:
        process.join()
        report = StepReport(call, None, Failure(_death(process.exitcode), ""), Measure(time.monotonic() - started))
    finally:
        receiver.close()
    process.join()
    return report


def _run_and_report(sender: Connection, settings: Settings, as_of: date, call: StepCall, log_level: int) -> None:
    logging.basicConfig(level=log_level, format="%(levelname)s %(name)s: %(message)s")
    if log_level > logging.DEBUG:
        # the report carries the step's warnings; they need not be logged as well
        logging.getLogger("arrears.steps").setLevel(logging.ERROR)
    result: StepResult | None = None
    failure: Failure | None = None
    arguments = {"channel": call.channel} if call.channel else {}
    with measured() as measure:
        try:
            with open_run(settings, as_of) as run:
                result = run_step(run, call.name, **arguments)
        except ArrearsError as error:
            failure = Failure(str(error), traceback.format_exc())
        except Exception as error:
            failure = Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
    sender.send(StepReport(call, result, failure, measure))
    sender.close()


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = ": the machine may be out of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with code {exit_code} before it had reported"
