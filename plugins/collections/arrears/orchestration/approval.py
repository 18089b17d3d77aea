"""The operator that asks a person before agency and legal contacts go out."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowSkipException

from arrears.orchestration.day import airflow_errors, opened_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


class ApprovalStepOperator(ApprovalOperator):
    """Asks for approval of the day's sensitive contacts, with the counts per treatment and nothing personal.

    Skips itself and what follows when there is nothing to ask, and on a past day, which sends nothing. The question
    lapses at the end of the business day: no answer is taken as *Reject*.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{
                "subject": "Send the agency and legal contacts of {{ dag_run.partition_key }}?",
                "body": "",
                "defaults": self.REJECT,
                "doc_md": "Asks a person whether the day's agency and legal contacts may go; *Reject* when nobody answers.",
                **kwargs,
            }
        )

    def execute(self, context: Context) -> Any:
        from arrears.outreach.steps import pending_approvals

        with opened_run(context["dag_run"]) as run:
            if not run.is_current:
                raise AirflowSkipException(f"{run.day} is not the current business day: nothing is sent")
            with airflow_errors():
                pending = pending_approvals(run)
            if not pending:
                raise AirflowSkipException(f"nothing to approve for {run.day}")
            self.body = question(pending)
            self.response_timeout = until_end_of_day(run.clock.now())
        return super().execute(context)


def question(pending: Mapping[str, int]) -> str:
    """The question's text: how many contacts wait, by treatment."""
    rows = [f"| {treatment} | {count:,} |" for treatment, count in sorted(pending.items())]
    return "\n".join(
        [
            f"**{sum(pending.values()):,}** contacts need a person's approval before they go out.",
            "",
            "| treatment | contacts |",
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
