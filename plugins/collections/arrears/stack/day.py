"""What `make run` and `make up` do with a stack: run a day and tell what came out, or stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from rich.console import Console

from arrears.stack.airflow_api import AirflowApi
from arrears.stack.display import Display
from arrears.stack.follow import CHAIN, FIRST, DagProgress, DayProgress
from arrears.stack.home import ADMIN
from arrears.stack.settings import library_settings, load_stack_settings
from arrears.stack.summary import print_summary, read_summary
from arrears.stack.supervisor import DISPATCH, Stack

_LOG_LINES = 40


def run_one_day(as_of: str | None = None, *, console: Console | None = None) -> int:
    """Runs one business day with the clock fixed at 09:30 of it; 0, or 1 when a task failed."""
    stack = open_stack(as_of, fixed_clock=True, console=console)
    with stack.running() as api:
        ready_for_the_day(api, stack.as_of)
        progress = stack.run_day(api)
        if progress.failed_runs:
            _tell_failure(stack.display, api, progress)
            return 1
        view = read_summary(stack.settings, progress)
        print_summary(stack.display.console, stack.settings, view, progress)
    return 0


def stay_up(as_of: str | None = None, *, wait: Callable[[], None], console: Console | None = None) -> None:
    """Starts the stack and stays until somebody interrupts or a service dies.

    The day is started once; with `as_of` the clock is fixed at its 09:30, else it is the machine's.
    """
    stack = open_stack(as_of, fixed_clock=as_of is not None, console=console)
    with stack.running() as api:
        _set_pauses(api, dispatch_paused=False)
        if not any(run.dag_id == FIRST for run in api.runs(stack.as_of)):
            api.trigger(FIRST, stack.as_of)
        stack.wait_complete()
        stack.display.say(f"\nAirflow is at {api.url}   user {ADMIN}   password {stack.home.admin_password()}")
        stack.display.say(f"The day {stack.as_of} is in the navigation under Day 日览. Ctrl-C stops everything.")
        while True:
            stack.check_alive()
            wait()


def open_stack(as_of: str | None, *, fixed_clock: bool, console: Console | None = None) -> Stack:
    """The stack that the environment asks for, not started yet."""
    asked = load_stack_settings(as_of=as_of)
    settings = library_settings(asked, fixed_clock=fixed_clock)
    stack = Stack(settings=settings, stack=asked, display=Display(console))
    stack.display.say(f"Business day {stack.as_of}, state in {settings.home}")
    return stack


def ready_for_the_day(api: AirflowApi, day: date) -> None:
    """Lets the daily Dags go, holds the dispatcher, and gives up what an interrupted start left unfinished."""
    _set_pauses(api, dispatch_paused=True)
    _give_up_leftovers(api, day)


def _set_pauses(api: AirflowApi, *, dispatch_paused: bool) -> None:
    for dag_id in CHAIN:
        api.pause(dag_id, False)
    api.pause(DISPATCH, dispatch_paused)


def _give_up_leftovers(api: AirflowApi, day: date) -> None:
    # they would go on beside the new run; only a question of another day may wait
    for dag_id in CHAIN:
        for run in api.unfinished(dag_id):
            if run.day == day.isoformat() or not DagProgress(run, tuple(api.tasks(run))).waits_for_a_person:
                api.give_up(run, f"Given up for a new run of {day}.")


def _tell_failure(display: Display, api: AirflowApi, progress: DayProgress) -> None:
    for run in progress.failed_runs:
        display.say(f"\n{run.dag_id} failed for {progress.day}", "bold red")
    for task in progress.failed_tasks:
        display.say(f"\n{task.dag_id}.{task.name}, try {task.try_number}; the end of its log:", "bold")
        for line in api.log(task)[-_LOG_LINES:]:
            display.say(f"  {line}")
