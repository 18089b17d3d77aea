"""On the day's treatments: give the cases to collectors, the remainder to the grab pool, and plan the contacts.

**Runs** when `publish_treatments` has published the day's treatments. It gives the asset `worklist`, on which
`outreach_daily`, `approvals_daily` and `kpi_daily` start.

**Safe to clear:** any step, at any time. Human actions win: a case that somebody grabbed, worked or contacted today
keeps its owner, and a contact that was tried stays as it is. Only the current business day changes `ops`; a past one
ends in the lake.

**When nobody is present for a queue,** that is a warning and not a failure: its cases go to the pool.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, chain, dag

from arrears.orchestration import OWNER, PATIENT, STEADY, TREATMENT, WORKLIST, StepOperator, Tag, describe_dag


@dag(
    dag_id="worklist_daily",
    schedule=PartitionedAssetTimetable(assets=TREATMENT),
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **STEADY},
    tags=[Tag.DAILY, Tag.WORKLIST],
    doc_md=describe_dag(__doc__, "worklist_daily"),
)
def worklist_daily() -> None:
    chain(
        StepOperator(task_id="allocate_cases"),
        StepOperator(task_id="open_grab_pool", **PATIENT),
        StepOperator(task_id="plan_contacts", **PATIENT),
        StepOperator(task_id="publish_worklist", outlets=[WORKLIST]),
    )


worklist_daily()
