"""The operator that asks a person before agency, legal and repossession contacts go out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from arrears.orchestration.day import airflow_errors, opened_run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from arrears.outreach.approvals import Decision
    from arrears.run import Run

_ASKED = "asked"
"""XCom in which a question keeps since when and what it asks, as a digest."""
_LONGEST_REASON = 200
PAGE = "/arrears/approvals"
"""The page on which the contacts stand one by one."""


class ApprovalStepOperator(ApprovalOperator):
    """Asks for approval of the day's sensitive contacts, with their counts and nothing personal.

    The answer is written on those of the contacts asked about that still wait: what a lead decided on the page in the
    meantime stays as he decided it. When others wait by then, because the day was planned anew, the task fails and
    wants to be cleared. No answer until the end of the business day is taken as *Reject*, and the contacts lapse. A
    day without such contacts asks nothing and goes on; a past day skips.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{
                "subject": "Send the agency, legal and repossession contacts of {{ dag_run.partition_key }}?",
                "body": "",
                "defaults": self.REJECT,
                "params": {
                    "reason": Param(
                        "",
                        type="string",
                        title="Reason 原因",
                        maxLength=_LONGEST_REASON,
                        description="Kept on the contacts and in the record of changes; no personal data, please.",
                    )
                },
                "doc_md": "Asks whether the day's agency, legal and repossession contacts may go; *Reject* when nobody "
                "answers. Single ones are decided on the page *Approvals*.",
                **kwargs,
            }
        )

    def execute(self, context: Context) -> Any:
        with opened_run(context["dag_run"]) as run, airflow_errors():
            if not run.is_current:
                raise AirflowSkipException(f"{run.day} is not the current business day: nothing is sent")
            now = run.clock.now()
            asked = asked_about(run, now)
            waiting = [contact for contact in asked if contact.waits]
            if not waiting:
                self.log.info("nothing waits for approval on %s", run.day)
                return {"asked": 0}
            context["ti"].xcom_push(_ASKED, {"since": now.isoformat(), "digest": digest_of(asked)})
            self.body = question(run, waiting)
            self.response_timeout = until_end_of_day(now)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        approved = 0
        if "error" not in event and not event.get("timedout"):
            approved = self._write_answer(context, event)
        if approved:
            # a rejection of the rest must not skip the push of what was approved on the page
            answer = HITLOperator.execute_complete(self, context, event)
        else:
            answer = super().execute_complete(context, event)
        return {"answer": answer["chosen_options"][0]}

    def _write_answer(self, context: Context, event: Mapping[str, Any]) -> int:
        """Writes the answer; returns how many contacts are approved and have not gone."""
        from arrears.desk.callers import Caller
        from arrears.outreach.steps import approve

        with opened_run(context["dag_run"]) as run, airflow_errors():
            asked = context["ti"].xcom_pull(task_ids=self.task_id, key=_ASKED)
            found = asked_about(run, datetime.fromisoformat(asked["since"]))
            if not any(contact.waits for contact in found):
                self.log.info("nothing waits any more on %s: other answers came first", run.day)
                return approved_to_go(run)
            if asked["digest"] != digest_of(found):
                raise AirflowFailException(
                    f"approval of {run.day}: expected the contacts that were asked about; found others, because the "
                    "day was planned anew. Nothing was sent. Answer the newer question, or clear this task."
                )
            decision: Decision = "approve" if event["chosen_options"] == [self.APPROVE] else "reject"
            by = (event.get("responded_by_user") or {}).get("name") or "unknown"
            reason = " ".join(str((event.get("params_input") or {}).get("reason") or "").split()) or None
            result = approve(run, decision, Caller(by, "lead", via="airflow"), reason=reason)
            self.log.info("%s: %s", decision, result.figures)
            return approved_to_go(run)


@dataclass(frozen=True)
class AskedContact:
    """A contact that a question is about."""

    task_key: str
    channel: str
    contract_ids: str
    waits: bool
    customer_id: str = field(repr=False)


def asked_about(run: Run, since: datetime) -> list[AskedContact]:
    """The contacts of the run's day that wait for a person, or were decided by one from `since` on; ordered by key."""
    import sqlalchemy as sa

    from arrears.outreach.states import State
    from arrears.warehouse.ops_contacts import ContactTask as Task

    waits = Task.state == State.AWAITING_APPROVAL.value
    query = (
        sa.select(Task.task_key, Task.channel, Task.contract_ids, waits.label("waits"), Task.customer_id)
        .where(
            Task.business_day == run.day.as_of,
            Task.needs_approval,
            sa.or_(waits, sa.and_(Task.decided_at >= since, Task.state != State.CANCELLED.value)),
        )
        .order_by(Task.task_key)
    )
    with run.warehouse.connect() as connection:
        return [AskedContact(**row) for row in connection.execute(query).mappings()]


def approved_to_go(run: Run) -> int:
    """How many contacts of the run's day are approved and have not gone yet."""
    import sqlalchemy as sa

    from arrears.outreach.states import State
    from arrears.warehouse.ops_contacts import ContactTask as Task

    query = (
        sa.select(sa.func.count())
        .select_from(Task)
        .where(
            Task.business_day == run.day.as_of,
            Task.needs_approval,
            Task.state.in_([State.APPROVED.value, State.FAILED.value]),
        )
    )
    with run.warehouse.connect() as connection:
        return connection.scalar(query) or 0


def digest_of(asked: Sequence[AskedContact]) -> str:
    """SHA-256 over what is asked about: keys, channels and the contracts that they cover."""
    digest = hashlib.sha256()
    for contact in asked:
        digest.update(f"{contact.task_key}\t{contact.channel}\t{contact.contract_ids}\n".encode())
    return digest.hexdigest()


def question(run: Run, waiting: Sequence[AskedContact]) -> str:
    """The question's text: how many contacts wait, by treatment and channel, and where they stand one by one."""
    treatments = _treatments(run)
    counts = Counter((treatments.get(contact.customer_id, "–"), contact.channel) for contact in waiting)
    rows = [f"| {treatment} | {channel} | {count:,} |" for (treatment, channel), count in sorted(counts.items())]
    return "\n".join(
        [
            "**1** contact needs a person's approval before it goes out."
            if len(waiting) == 1
            else f"**{len(waiting):,}** contacts need a person's approval before they go out.",
            "",
            "| treatment | channel | contacts |",
            "|---|---|---|",
            *rows,
            "",
            f"[The cases one by one, and why]({PAGE}): there each can be approved or rejected by itself, and stays so.",
            "",
            "*Approve* sends all that still wait. *Reject*, or no answer until the end of the day, sends none of them.",
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
