"""On the day's worklist: send what may go now, one task per channel, and settle what went out.

**Runs** when `publish_worklist` has published the day's worklist. Agency and legal contacts wait in `approvals_daily`;
what becomes due later in the day goes out by `outreach_dispatch`.

**Safe to clear:** any task, at any time. Every contact is a row of the outbox, written before anything is sent; what
went out does not go again, and the providers are called with an idempotency key. A past day sends nothing.

**When a channel is down,** its task fails and is tried again; the other channels go on, and `reconcile_contacts` still
settles what went out, then fails as well, so that the run shows it. Mend the channel's connection (`arrears_<channel>`)
or wait for the provider, then clear the failed task; what was sent does not go again.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag

from arrears.orchestration import OWNER, PATIENT, WORKLIST, StepOperator, Tag, channels, describe_dag, describe_step


@dag(
    dag_id="outreach_daily",
    schedule=PartitionedAssetTimetable(assets=WORKLIST),
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **PATIENT},
    tags=[Tag.DAILY, Tag.OUTREACH],
    doc_md=describe_dag(__doc__, "outreach_daily"),
)
def outreach_daily() -> None:
    push = StepOperator.partial(
        task_id="push_contacts",
        map_index_template="{{ task.arguments['channel'] }}",
        doc_md=describe_step("push_contacts"),
    )
    reconcile = StepOperator(task_id="reconcile_contacts", trigger_rule=TriggerRule.ALL_DONE, tells_failures=True)
    push.expand(arguments=channels()) >> reconcile


outreach_daily()
