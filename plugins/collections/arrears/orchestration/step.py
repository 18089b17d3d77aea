"""The operator that runs one step of the library for the day of its Dag run."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.exceptions import AirflowFailException

from arrears.orchestration.addresses import address_from_connection
from arrears.orchestration.day import airflow_errors, opened_run
from arrears.orchestration.day_before import require_day_before
from arrears.orchestration.docs import describe_step
from arrears.web.documents import day_documents

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from arrears.run import StepResult

_TALKS_TO_CHANNELS = {"push_contacts", "push_approved", "reconcile_contacts"}
_NEEDS_DAY_BEFORE = {"check_quality"}

# it tells at INFO of every function that it does not register, hundreds of lines in a task's log
logging.getLogger("great_expectations").setLevel(logging.WARNING)

DOCUMENTS_PATH = "/arrears/documents"
"""Where the pages serve the documents that steps write."""


@attrs.define()
class DocumentLink(BaseOperatorLink):
    """A button on the task that opens a document which the step wrote, for example the quality report."""

    document: str

    @property
    def name(self) -> str:
        return self.document

    @property
    def xcom_key(self) -> str:
        return f"_link_{self.document}"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        path = getattr(operator, "documents_written", {}).get(self.document)
        return document_url(path) if path else ""


class StepOperator(BaseOperator):
    """Runs the step that has the task's id, and hands back counts and paths.

    `arguments` go to the step (`push_contacts` takes its channel). `documents` names those of the step's documents
    that the task gets a button for. `tells_failures` is for a step that runs whatever became of the tasks before it:
    it then fails for them once its own work is done, since a run's state is that of its last task.
    """

    ui_color = "#e7f0f7"

    def __init__(
        self,
        *,
        arguments: Mapping[str, str] | None = None,
        documents: Sequence[str] = (),
        tells_failures: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"doc_md": describe_step(kwargs["task_id"]), **kwargs})
        self.arguments = dict(arguments or {})
        self.documents = tuple(documents)
        self.tells_failures = tells_failures
        self.documents_written: dict[str, str] = {}
        self.operator_extra_links = tuple(DocumentLink(name) for name in documents)

    def execute(self, context: Context) -> dict[str, Any]:
        from arrears.steps import run_step

        with opened_run(context["dag_run"]) as run, airflow_errors():
            if self.task_id in _NEEDS_DAY_BEFORE:
                require_day_before(run)
            try:
                result = run_step(run, self.task_id, **step_arguments(self.task_id, self.arguments))
            finally:
                # a failed step may have written its document all the same: it says why
                self.documents_written = day_documents(run.settings.reports_root, run.day)
        if self.tells_failures:
            self._tell_failures(context)
        return summarised(result, run.day.basis)

    def _tell_failures(self, context: Context) -> None:
        run, before = context["dag_run"], sorted(self.upstream_task_ids)
        states = context["ti"].get_task_states(run.dag_id, task_ids=before, run_ids=[run.run_id]).get(run.run_id, {})
        failed = sorted(task for task, state in states.items() if state == "failed")
        if failed:
            raise AirflowFailException(
                f"{self.task_id} is done, but {len(failed)} of {len(states)} tasks before it failed: "
                f"{', '.join(failed)}. Mend what they name, then clear them; this one follows."
            )


def step_arguments(name: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a step; one that talks to channels gets their addresses from Airflow's connections."""
    if name in _TALKS_TO_CHANNELS:
        return {**arguments, "resolver": address_from_connection}
    return dict(arguments)


def summarised(result: StepResult, basis: str) -> dict[str, Any]:
    """What a step's task hands back: counts and paths, never rows."""
    return {"basis": basis, "rows": result.rows, "documents": result.links, "warnings": len(result.warnings)}


def document_url(path: str) -> str:
    """The address of a document of the reports folder in the pages, below the path of the API server."""
    from airflow.sdk import conf

    base: str = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}{DOCUMENTS_PATH}/{path.lstrip(os.sep)}"
