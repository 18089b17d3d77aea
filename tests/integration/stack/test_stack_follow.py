"""When a day has come to its end, told from what Airflow's API shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from arrears.stack.airflow_api import AirflowApi, DagRun, TaskRun
from arrears.stack.follow import DayProgress, follow, look
from arrears.stack.processes import StackError

DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
MAIN = ("ledger_daily", "strategy_daily", "worklist_daily")
REST = ("outreach_daily", "approvals_daily", "kpi_daily")


def run(dag_id: str, state: str, *, minutes: int = 0, day: date = DAY) -> DagRun:
    return DagRun(dag_id, f"{dag_id}-{minutes}", state, day.isoformat(), START + timedelta(minutes=minutes))


def task(of: DagRun, name: str, state: str) -> TaskRun:
    return TaskRun(of.dag_id, of.run_id, name, -1, "", state, 1, 1.0)


@dataclass
class FakeApi(AirflowApi):
    """Shows one list of runs after the other; the last one stays."""

    shows: Sequence[Sequence[DagRun]] = ()
    task_states: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    looks: int = 0

    def runs(self, day: date, *, dag_id: str = "~") -> list[DagRun]:
        del day, dag_id
        shown = self.shows[min(self.looks, len(self.shows) - 1)]
        self.looks += 1
        return list(shown)

    def tasks(self, run: DagRun) -> list[TaskRun]:
        states = self.task_states.get(run.dag_id, {"step": run.state})
        return [task(run, name, state) for name, state in states.items()]


def progress(runs: Sequence[DagRun], **task_states: Mapping[str, str]) -> DayProgress:
    first = next(item for item in runs if item.dag_id == "ledger_daily")
    return look(FakeApi(shows=[runs], task_states=task_states), first, DAY, {})


def done(*dag_ids: str) -> list[DagRun]:
    return [run(dag_id, "success", minutes=number) for number, dag_id in enumerate(dag_ids)]


def test_the_day_is_settled_when_every_dag_has_succeeded() -> None:
    assert progress(done(*MAIN, *REST)).settled


@pytest.mark.parametrize("missing", [*MAIN[1:], *REST])
def test_a_dag_that_is_still_to_come_keeps_the_day_open(missing: str) -> None:
    assert not progress(done(*(dag_id for dag_id in (*MAIN, *REST) if dag_id != missing))).settled


def test_a_failure_ends_the_day_where_nothing_can_follow() -> None:
    seen = progress([run("ledger_daily", "success"), run("strategy_daily", "failed", minutes=1)])
    assert seen.settled
    assert [item.dag_id for item in seen.failed_runs] == ["strategy_daily"]


def test_a_failure_beside_others_waits_for_them() -> None:
    assert not progress(
        [*done(*MAIN), run("outreach_daily", "failed", minutes=5), run("kpi_daily", "running", minutes=5)]
    ).settled


def test_only_tasks_that_failed_by_themselves_are_told() -> None:
    seen = progress(
        [run("ledger_daily", "failed")],
        ledger_daily={"pull_ledger": "failed", "check_quality": "upstream_failed", "publish_ledger": "upstream_failed"},
    )
    assert [item.task_id for item in seen.failed_tasks] == ["pull_ledger"]


def test_a_question_that_waits_for_a_person_counts_as_settled() -> None:
    runs = [*done(*MAIN, "outreach_daily", "kpi_daily"), run("approvals_daily", "running", minutes=9)]
    waiting = {"approve_sensitive": "awaiting_input", "push_approved": "none"}
    seen = progress(runs, approvals_daily=waiting)
    assert seen.settled
    assert [item.run.dag_id for item in seen.runs if item.waits_for_a_person] == ["approvals_daily"]


@pytest.mark.parametrize("state", ["queued", "running", "up_for_retry", "scheduled"])
def test_a_run_with_a_task_under_way_is_not_settled(state: str) -> None:
    runs = [*done(*MAIN, "outreach_daily", "kpi_daily"), run("approvals_daily", "running", minutes=9)]
    assert not progress(runs, approvals_daily={"approve_sensitive": state, "push_approved": "none"}).settled


def test_runs_of_before_and_of_other_days_do_not_count() -> None:
    runs = [
        run("ledger_daily", "success"),
        run("strategy_daily", "success", minutes=-5),
        run("worklist_daily", "running", minutes=1, day=date(2026, 11, 19)),
        run("outreach_dispatch", "running", minutes=1),
    ]
    assert [item.run.dag_id for item in progress(runs).runs] == ["ledger_daily"]


def test_the_day_is_followed_to_its_end() -> None:
    shows = [[run("ledger_daily", "running")], done("ledger_daily"), done(*MAIN), done(*MAIN, *REST)]
    api, seen, checks = FakeApi(shows=shows), [], []
    ended = follow(
        api, shows[0][0], DAY, seconds=60, on_progress=seen.append, check=lambda: checks.append(1), poll_seconds=0
    )
    assert ended.settled
    assert len(seen) == len(checks) == 4


def test_a_day_that_takes_too_long_is_told_with_what_is_under_way() -> None:
    runs = [run("ledger_daily", "running")]
    with pytest.raises(StackError, match=r"ledger_daily still under way.*ARREARS_DAY_SECONDS"):
        follow(
            FakeApi(shows=[runs]),
            runs[0],
            DAY,
            seconds=0,
            on_progress=lambda _: None,
            check=lambda: None,
            poll_seconds=0,
        )


def test_following_ends_when_a_service_dies() -> None:
    def check() -> None:
        raise StackError(expected="scheduler to run", found="its end", where="log", action="Look.")

    runs = [run("ledger_daily", "running")]
    with pytest.raises(StackError, match="scheduler to run"):
        follow(FakeApi(shows=[runs]), runs[0], DAY, seconds=60, on_progress=lambda _: None, check=check)
