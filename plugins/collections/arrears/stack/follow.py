"""Follows one business day through the Dags until the chain has ended, whatever way it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from arrears.stack.airflow_api import AirflowApi, DagRun, TaskRun
from arrears.stack.processes import StackError

FIRST = "ledger_daily"
CHAIN = {
    "ledger_daily": ("strategy_daily",),
    "strategy_daily": ("worklist_daily",),
    "worklist_daily": ("outreach_daily", "approvals_daily", "kpi_daily"),
    "outreach_daily": (),
    "approvals_daily": (),
    "kpi_daily": (),
}
"""The daily Dags in their order, and which ones each of them starts by its asset."""

_POLL_SECONDS = 0.5
_WAITING = "awaiting_input"
_UNDER_WAY = {"scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule", "deferred"}


@dataclass(frozen=True)
class DagProgress:
    """One run of a Dag and its tasks."""

    run: DagRun
    tasks: Sequence[TaskRun] = field(default=())

    @property
    def waits_for_a_person(self) -> bool:
        """Whether nothing goes on in the run but waiting for an answer."""
        states = {task.state for task in self.tasks}
        return self.run.state == "running" and _WAITING in states and not states & _UNDER_WAY

    @property
    def settled(self) -> bool:
        """Whether the run needs no more following."""
        return self.run.ended or self.waits_for_a_person


@dataclass(frozen=True)
class DayProgress:
    """How far the day is: runs since it was started, by Dag in the order of the chain."""

    day: date
    runs: tuple[DagProgress, ...]

    @property
    def settled(self) -> bool:
        """Whether every Dag that can still be reached has ended or waits for a person."""
        if not all(progress.settled for progress in self.runs):
            return False
        known = {progress.run.dag_id for progress in self.runs}
        succeeded = {progress.run.dag_id for progress in self.runs if progress.run.state == "success"}
        return known >= {FIRST, *(next_one for dag_id in succeeded for next_one in CHAIN.get(dag_id, ()))}

    @property
    def failed_tasks(self) -> list[TaskRun]:
        """Tasks that failed by themselves, in runs that failed."""
        return [
            task
            for progress in self.runs
            if progress.run.state == "failed"
            for task in progress.tasks
            if task.state == "failed"
        ]

    @property
    def failed_runs(self) -> list[DagRun]:
        return [progress.run for progress in self.runs if progress.run.state == "failed"]


def follow(
    api: AirflowApi,
    first: DagRun,
    day: date,
    *,
    seconds: float,
    on_progress: Callable[[DayProgress], None],
    check: Callable[[], None],
    poll_seconds: float = _POLL_SECONDS,
) -> DayProgress:
    """Follows the day that `first` began until it is settled.

    `on_progress` is told after each look, `check` raises when a service has died. Raises StackError when the day
    takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    settled: dict[str, DagProgress] = {}
    while True:
        check()
        progress = look(api, first, day, settled)
        on_progress(progress)
        if progress.settled:
            return progress
        if time.monotonic() > deadline:
            under_way = [item.run.dag_id for item in progress.runs if not item.settled]
            raise StackError(
                expected=f"the day {day} to end within {seconds:.0f} seconds",
                found=f"{', '.join(under_way) or 'no run'} still under way",
                where="the Dags",
                action="Look at the tasks with `make up`; for a large ledger raise ARREARS_DAY_SECONDS.",
            )
        time.sleep(poll_seconds)


def look(api: AirflowApi, first: DagRun, day: date, settled: dict[str, DagProgress]) -> DayProgress:
    """One look at the runs of the day since `first`; `settled` keeps runs that need no second look."""
    found: list[DagProgress] = []
    for run in api.runs(day):
        if run.day != day.isoformat() or run.dag_id not in CHAIN or run.run_after < first.run_after:
            continue
        known = settled.get(run.run_id)
        progress = known if known and known.run.state == run.state else DagProgress(run, tuple(api.tasks(run)))
        if run.ended:
            settled[run.run_id] = progress
        found.append(progress)
    order = list(CHAIN)
    found.sort(key=lambda item: (order.index(item.run.dag_id), item.run.run_after))
    return DayProgress(day, tuple(found))
