"""On the day's worklist: ask a person about agency, legal and repossession contacts, and send what was approved.

**Runs** when `publish_worklist` has published the day's worklist. The question waits in Airflow under *Required
actions*, with the counts per treatment; nothing else waits for it, and several days may wait at once. The page
*Approvals* has the contacts one by one, and why; what a lead decides there stays. *Approve* sends those of the contacts
asked about that still wait. *Reject*, or no answer until the day's end, sends none of them.

**Safe to clear:** both tasks. Clearing `approve_sensitive` asks anew about what has not been sent; clearing
`push_approved` hands over nothing twice. A day without such contacts asks nothing; a past day skips.

**When `push_approved` fails,** the agency's or court's folder or connection is not reachable: mend it, then clear it.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, dag

from arrears.orchestration import (
    OWNER,
    PATIENT,
    WORKLIST,
    ApprovalStepOperator,
    StepOperator,
    Tag,
    describe_dag,
)


@dag(
    dag_id="approvals_daily",
    schedule=PartitionedAssetTimetable(assets=WORKLIST),
    max_active_runs=16,
    catchup=False,
    default_args={"owner": OWNER, **PATIENT},
    tags=[Tag.DAILY, Tag.OUTREACH, Tag.HUMAN],
    doc_md=describe_dag(__doc__, "approvals_daily"),
)
def approvals_daily() -> None:
    approve = ApprovalStepOperator(task_id="approve_sensitive")
    push = StepOperator(task_id="push_approved")
    approve >> push


approvals_daily()
