"""The operator that asks a person before agency and legal contacts go out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from arrears.orchestration.day import airflow_errors, opened_run

if TYPE_CHECKING:
    import sqlalchemy as sa
    from airflow.sdk import Context

    from arrears.outreach.steps import Decision

_ASKED = "asked"
"""XCom in which a question keeps what it asked about, as a digest."""


class ApprovalStepOperator(ApprovalOperator):
    """Asks for approval of the day's sensitive contacts, with their counts and nothing personal.

    The answer is written on exactly the contacts that were asked about: when others wait by then, because the day was
    planned anew, the task fails and wants to be cleared. No answer until the end of the business day is taken as
    *Reject*, and the contacts lapse. A day without such contacts asks nothing and goes on; a past day skips.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{
                "subject": "Send the agency and legal contacts of {{ dag_run.partition_key }}?",
                "body": "",
                "defaults": self.REJECT,
                "doc_md": "Asks whether the day's agency and legal contacts may go; *Reject* when nobody answers.",
                **kwargs,
            }
        )

    def execute(self, context: Context) -> Any:
        from arrears.outreach.steps import pending_approvals

        with opened_run(context["dag_run"]) as run, airflow_errors():
            if not run.is_current:
                raise AirflowSkipException(f"{run.day} is not the current business day: nothing is sent")
            pending = pending_approvals(run)
            if not pending:
                self.log.info("nothing waits for approval on %s", run.day)
                return {"asked": 0}
            context["ti"].xcom_push(_ASKED, waiting_digest(run.warehouse, run.day.as_of))
            self.body = question(pending)
            self.response_timeout = until_end_of_day(run.clock.now())
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" not in event and not event.get("timedout"):
            self._write_answer(context, event)
        answer = super().execute_complete(context, event)
        return {"answer": answer["chosen_options"][0]}

    def _write_answer(self, context: Context, event: Mapping[str, Any]) -> None:
        from arrears.outreach.steps import approve, pending_approvals

        with opened_run(context["dag_run"]) as run, airflow_errors():
            if not pending_approvals(run):
                self.log.info("nothing waits any more on %s: another answer came first", run.day)
                return
            asked = context["ti"].xcom_pull(task_ids=self.task_id, key=_ASKED)
            if asked != waiting_digest(run.warehouse, run.day.as_of):
                raise AirflowFailException(
                    f"approval of {run.day}: expected the contacts that were asked about; found others, because the "
                    "day was planned anew. Nothing was sent. Answer the newer question, or clear this task."
                )
            decision: Decision = "approve" if event["chosen_options"] == [self.APPROVE] else "reject"
            by = (event.get("responded_by_user") or {}).get("name") or "unknown"
            result = approve(run, decision, by)
            self.log.info("%s: %s", decision, result.figures)


def waiting_digest(warehouse: sa.Engine, day: date) -> str:
    """SHA-256 over the contacts of `day` that wait for approval: keys, channels and the contracts they cover."""
    import sqlalchemy as sa

    from arrears.outreach.states import State
    from arrears.warehouse.ops_contacts import ContactTask as Task

    query = (
        sa.select(Task.task_key, Task.channel, Task.contract_ids)
        .where(Task.business_day == day, Task.state == State.AWAITING_APPROVAL.value)
        .order_by(Task.task_key)
    )
    digest = hashlib.sha256()
    with warehouse.connect() as connection:
        for row in connection.execute(query):
            digest.update("\t".join(row).encode() + b"\n")
    return digest.hexdigest()


def question(pending: Mapping[str, int]) -> str:
    """The question's text: how many contacts wait, by placement."""
    rows = [f"| {placement} | {count:,} |" for placement, count in sorted(pending.items())]
    return "\n".join(
        [
            f"**{sum(pending.values()):,}** contacts need a person's approval before they go out.",
            "",
            "| placement | contacts |",
            "|---|---|",
            *rows,
            "",
            "*Approve* sends them. *Reject*, or no answer until the end of the day, sends none.",
        ]
    )


def until_end_of_day(now: datetime) -> timedelta:
    """Time left of the business day."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time.min, tzinfo=now.tzinfo)
    return midnight - now
