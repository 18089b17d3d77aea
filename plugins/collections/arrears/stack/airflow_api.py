"""Airflow's REST API as the stack uses it: log in, trigger, and look at runs, tasks and logs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import httpx

from arrears.stack.processes import StackError

_PAGE = 100
_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class DagRun:
    """One run of a Dag."""

    dag_id: str
    run_id: str
    state: str
    day: str
    run_after: datetime

    @property
    def ended(self) -> bool:
        return self.state in {"success", "failed"}


@dataclass(frozen=True)
class TaskRun:
    """One task of a run."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    label: str
    state: str
    try_number: int
    seconds: float | None

    @property
    def name(self) -> str:
        """The task's id, with its label or number when it is one of several."""
        if self.map_index < 0:
            return self.task_id
        return f"{self.task_id}[{self.label or self.map_index}]"


class AirflowApi:
    """A client of one Airflow, logged in on first use."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user = user
        self._password = password
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self._logged_in_at: float | None = None

    def close(self) -> None:
        self._client.close()

    def health(self) -> Mapping[str, str]:
        """State of metadatabase, scheduler, triggerer and dag_processor; empty while the server does not answer."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
        except httpx.HTTPError:
            return {}
        if answer.status_code != httpx.codes.OK:
            return {}
        return {name: str(part.get("status")) for name, part in answer.json().items() if isinstance(part, dict)}

    def dags(self, *, read_since: datetime) -> dict[str, bool]:
        """The Dags whose files were read since then, and whether each is paused."""
        return {
            dag["dag_id"]: bool(dag["is_paused"])
            for dag in self._get("/dags", limit=_PAGE)["dags"]
            if dag["last_parsed_time"] and datetime.fromisoformat(dag["last_parsed_time"]) >= read_since
        }

    def import_errors(self, *, since: datetime) -> dict[str, str]:
        """Dag files that could not be read since then, with the error."""
        errors = self._get("/importErrors", limit=_PAGE)["import_errors"]
        return {
            error["filename"]: error["stack_trace"]
            for error in errors
            if datetime.fromisoformat(error["timestamp"]) >= since
        }

    def pause(self, dag_id: str, paused: bool) -> None:
        """Pauses a Dag, or lets it go on."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(self, dag_id: str, day: date) -> DagRun:
        """Starts a run of a partitioned Dag for `day`."""
        body = {"logical_date": None, "partition_key": day.isoformat()}
        return _dag_run(self._call("POST", f"/dags/{dag_id}/dagRuns", json=body))

    def runs(self, day: date, *, dag_id: str = "~") -> list[DagRun]:
        """All runs of the day, oldest first."""
        found = self._get(
            f"/dags/{dag_id}/dagRuns",
            limit=_PAGE,
            order_by="run_after",
            partition_key_prefix_pattern=day.isoformat(),
        )
        return [_dag_run(run) for run in found["dag_runs"]]

    def unfinished(self, dag_id: str) -> list[DagRun]:
        """Runs of a Dag that are queued or running, of whatever day, oldest first."""
        found = self._get(f"/dags/{dag_id}/dagRuns", limit=_PAGE, order_by="run_after", state=["queued", "running"])
        return [_dag_run(run) for run in found["dag_runs"]]

    def give_up(self, run: DagRun, note: str) -> None:
        """Ends a run as failed; a note says why."""
        self._call("PATCH", f"/dags/{run.dag_id}/dagRuns/{run.run_id}", json={"state": "failed", "note": note})

    def tasks(self, run: DagRun) -> list[TaskRun]:
        """The tasks of a run."""
        found = self._get(f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances", limit=_PAGE)
        return [_task_run(task) for task in found["task_instances"]]

    def log(self, task: TaskRun) -> list[str]:
        """The lines of the log of a task's last try, without the marks that only the UI understands."""
        lines = [line for entry in self._log(task) for line in _log_line(entry).splitlines()]
        return [line for line in lines if "::group::" not in line and "::endgroup::" not in line]

    def error(self, task: TaskRun) -> str:
        """The error that ended a task's last try, in one line; empty when its log has none."""
        errors = [
            f"{detail.get('exc_type')}: {detail.get('exc_value')}"
            for entry in self._log(task)
            if isinstance(entry, Mapping)
            for detail in (entry.get("error_detail") or [])[:1]
        ]
        return errors[-1].splitlines()[0] if errors else ""

    def extra_links(self, run: DagRun, task_id: str) -> dict[str, str]:
        """The buttons of a task: addresses by name."""
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/links"
        links: dict[str, str] = self._get(path)["extra_links"]
        return links

    def xcoms(self, run: DagRun) -> list[Any]:
        """What the tasks of a run handed back or on."""
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances"
        return [
            self._get(f"{path}/{entry['task_id']}/xcomEntries/{entry['key']}", map_index=entry["map_index"])["value"]
            for entry in self._get(f"{path}/~/xcomEntries", limit=_PAGE)["xcom_entries"]
        ]

    def clear(self, task: TaskRun) -> None:
        """Clears a task and what follows it in its run."""
        body = {
            "dry_run": False,
            "dag_run_id": task.run_id,
            "task_ids": [task.task_id],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self._call("POST", f"/dags/{task.dag_id}/clearTaskInstances", json=body)

    def backfill(self, dag_id: str, first: date, last: date) -> int:
        """Starts a backfill from `first` to `last`, one day after the other; its id."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first.isoformat()}T00:00:00Z",
            "to_date": f"{last.isoformat()}T23:59:59Z",
            "max_active_runs": 1,
            "reprocess_behavior": "completed",
            "run_backwards": False,
            "dag_run_conf": {},
        }
        return int(self._call("POST", "/backfills", json=body)["id"])

    def answer(self, task: TaskRun, option: str) -> None:
        """Answers a human-in-the-loop task with one of its options."""
        path = f"/dags/{task.dag_id}/dagRuns/{task.run_id}/taskInstances/{task.task_id}/{task.map_index}/hitlDetails"
        self._call("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def _log(self, task: TaskRun) -> list[Any]:
        path = f"/dags/{task.dag_id}/dagRuns/{task.run_id}/taskInstances/{task.task_id}/logs/{max(task.try_number, 1)}"
        content: list[Any] = self._get(path, map_index=task.map_index, full_content=True)["content"]
        return content

    def _get(self, path: str, **params: Any) -> Any:
        return self._call("GET", path, params=params)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        self._log_in()
        answer = self._client.request(method, f"/api/v2{path}", **arguments)
        if answer.is_error:
            raise StackError(
                expected="Airflow's API to accept the call",
                found=f"{answer.status_code}: {answer.text[:500]}",
                where=f"{method} {path}",
                action="Look at the API server's log.",
            )
        return answer.json()

    def _log_in(self) -> None:
        # a token lives for a day; `make up` may live longer
        if self._logged_in_at is None or time.monotonic() - self._logged_in_at > _TOKEN_SECONDS:
            answer = self._client.post("/auth/token", json={"username": self._user, "password": self._password})
            if answer.is_error:
                raise StackError(
                    expected="Airflow to accept the stack's own user",
                    found=str(answer.status_code),
                    where=f"{self.url}/auth/token",
                    action="Remove the passwords file in Airflow's home and start again.",
                )
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            self._logged_in_at = time.monotonic()


def _dag_run(run: Mapping[str, Any]) -> DagRun:
    return DagRun(
        dag_id=run["dag_id"],
        run_id=run["dag_run_id"],
        state=run["state"],
        day=run["partition_key"] or "",
        run_after=datetime.fromisoformat(run["run_after"]),
    )


def _task_run(task: Mapping[str, Any]) -> TaskRun:
    return TaskRun(
        dag_id=task["dag_id"],
        run_id=task["dag_run_id"],
        task_id=task["task_id"],
        map_index=task["map_index"],
        label=task.get("rendered_map_index") or "",
        state=task["state"] or "none",
        try_number=task["try_number"] or 0,
        seconds=task["duration"],
    )


def _log_line(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    line = f"{entry.get('level') or '':<8}{entry.get('event', '')}"
    for error in entry.get("error_detail") or []:
        line += f"\n        {error.get('exc_type')}: {error.get('exc_value')}"
    return line
