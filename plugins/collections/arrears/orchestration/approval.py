"""The operator that asks a person before agency and legal contacts go out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from arrears.orchestration.day import airflow_errors, opened_run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from arrears.outreach.steps import Decision
    from arrears.run import Run

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
        with opened_run(context["dag_run"]) as run, airflow_errors():
            if not run.is_current:
                raise AirflowSkipException(f"{run.day} is not the current business day: nothing is sent")
            waiting = waiting_contacts(run)
            if not waiting:
                self.log.info("nothing waits for approval on %s", run.day)
                return {"asked": 0}
            context["ti"].xcom_push(_ASKED, digest_of(waiting))
            self.body = question(run, waiting)
            self.response_timeout = until_end_of_day(run.clock.now())
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" not in event and not event.get("timedout"):
            self._write_answer(context, event)
        answer = super().execute_complete(context, event)
        return {"answer": answer["chosen_options"][0]}

    def _write_answer(self, context: Context, event: Mapping[str, Any]) -> None:
        from arrears.outreach.steps import approve

        with opened_run(context["dag_run"]) as run, airflow_errors():
            waiting = waiting_contacts(run)
            if not waiting:
                self.log.info("nothing waits any more on %s: another answer came first", run.day)
                return
            if context["ti"].xcom_pull(task_ids=self.task_id, key=_ASKED) != digest_of(waiting):
                raise AirflowFailException(
                    f"approval of {run.day}: expected the contacts that were asked about; found others, because the "
                    "day was planned anew. Nothing was sent. Answer the newer question, or clear this task."
                )
            decision: Decision = "approve" if event["chosen_options"] == [self.APPROVE] else "reject"
            by = (event.get("responded_by_user") or {}).get("name") or "unknown"
            result = approve(run, decision, by)
            self.log.info("%s: %s", decision, result.figures)


@dataclass(frozen=True)
class WaitingContact:
    """A contact that waits for a person."""

    task_key: str
    channel: str
    contract_ids: str
    customer_id: str = field(repr=False)


def waiting_contacts(run: Run) -> list[WaitingContact]:
    """The contacts of the run's day that wait for a person, ordered by key."""
    import sqlalchemy as sa

    from arrears.outreach.states import State
    from arrears.warehouse.ops_contacts import ContactTask as Task

    query = (
        sa.select(Task.task_key, Task.channel, Task.contract_ids, Task.customer_id)
        .where(Task.business_day == run.day.as_of, Task.state == State.AWAITING_APPROVAL.value)
        .order_by(Task.task_key)
    )
    with run.warehouse.connect() as connection:
        return [WaitingContact(**row) for row in connection.execute(query).mappings()]


def digest_of(waiting: Sequence[WaitingContact]) -> str:
    """SHA-256 over which contacts wait: their keys, channels and the contracts they cover."""
    digest = hashlib.sha256()
    for contact in waiting:
        digest.update(f"{contact.task_key}\t{contact.channel}\t{contact.contract_ids}\n".encode())
    return digest.hexdigest()


def question(run: Run, waiting: Sequence[WaitingContact]) -> str:
    """The question's text: how many contacts wait, by treatment and channel."""
    treatments = _treatments(run)
    counts = Counter((treatments.get(contact.customer_id, "–"), contact.channel) for contact in waiting)
    rows = [f"| {treatment} | {channel} | {count:,} |" for (treatment, channel), count in sorted(counts.items())]
    return "\n".join(
        [
            f"**{len(waiting):,}** contacts need a person's approval before they go out.",
            "",
            "| treatment | channel | contacts |",
            "|---|---|---|",
            *rows,
            "",
            "*Approve* sends them. *Reject*, or no answer until the end of the day, sends none.",
        ]
    )


def _treatments(run: Run) -> dict[str, str]:
    """Treatment by customer, from the day's cases."""
    import pyarrow.parquet as pq

    if not run.lake.exists("cases", run.day):
        return {}
    cases = [pq.read_table(path, columns=["customer_id", "treatment"]) for path in run.lake.files("cases", run.day)]
    return {row["customer_id"]: row["treatment"] for table in cases for row in table.to_pylist()}


def until_end_of_day(now: datetime) -> timedelta:
    """Time left of the business day."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time.min, tzinfo=now.tzinfo)
    return midnight - now
