"""Shows what the stack does: a live table on a terminal, one line per event elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from arrears.stack.airflow_api import TaskRun
from arrears.stack.follow import DayProgress
from arrears.steps import STEPS

_MARKS = {
    "success": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "upstream_failed": ("·", "red"),
    "skipped": ("–", "dim"),
    "running": ("▸", "cyan"),
    "awaiting_input": ("?", "yellow"),
    "up_for_retry": ("↻", "yellow"),
}
_ENDED = {"success", "failed", "upstream_failed", "skipped", "awaiting_input", "up_for_retry"}


class Display:
    """Writes to one console; what is said twice is shown once."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._live: Live | None = None
        self._told: set[tuple[str, int, str, int, str]] = set()
        self._started = time.monotonic()

    def say(self, text: str, style: str = "") -> None:
        """One line, as it is: brackets are no markup."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    @contextmanager
    def stage(self, text: str) -> Iterator[None]:
        """One line about a stage of the start, with its seconds once it has ended."""
        started = time.monotonic()
        yield
        self.say(f"  {text}  {time.monotonic() - started:.1f} s")

    @contextmanager
    def day(self) -> Iterator[None]:
        """While the day is followed."""
        self._started = time.monotonic()
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=4, transient=False) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def progress(self, progress: DayProgress, why: Callable[[TaskRun], str]) -> None:
        """How far the day is; `why` tells why a try failed."""
        for item in progress.runs:
            for task in item.tasks:
                told = (task.run_id, task.map_index, task.task_id, task.try_number, "why")
                if task.state == "up_for_retry" and told not in self._told:
                    self._told.add(told)
                    self.say(f"  {task.dag_id}.{task.name}, try {task.try_number}: {why(task)}", "yellow")
        if self._live is not None:
            self._live.update(self._table(progress))
            return
        for item in progress.runs:
            for task in sorted(item.tasks, key=_order):
                told = (task.run_id, task.map_index, task.task_id, task.try_number, task.state)
                if task.state in _ENDED and told not in self._told:
                    self._told.add(told)
                    mark, _ = _MARKS[task.state]
                    self.say(f"  {mark} {task.dag_id}.{task.name}  {_state(task)}")

    def _table(self, progress: DayProgress) -> Table:
        table = Table(
            title=f"{progress.day}   {time.monotonic() - self._started:.0f} s",
            title_justify="left",
            show_header=False,
            box=None,
            padding=(0, 2, 0, 0),
        )
        for item in progress.runs:
            table.add_row(Text(item.run.dag_id, style="bold"), "", "")
            for task in sorted(item.tasks, key=_order):
                mark, style = _MARKS.get(task.state, ("·", "dim"))
                table.add_row(Text(f"  {mark} {task.name}", style=style), Text(_state(task), style="dim"))
        return table


def _order(task: TaskRun) -> tuple[int, int]:
    names = list(STEPS)
    return (names.index(task.task_id) if task.task_id in names else -1, task.map_index)


def _state(task: TaskRun) -> str:
    if task.state == "success" and task.seconds is not None:
        return f"{task.seconds:.1f} s"
    return {
        "awaiting_input": "waits for a person",
        "up_for_retry": f"try {task.try_number} failed, is tried again",
        "none": "",
    }.get(task.state, task.state.replace("_", " "))
