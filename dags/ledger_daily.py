"""Every morning: copy the lender's ledger into the lake, judge it, and publish it.

**Runs** at 06:00 in the lender's zone, one partition a day; the partition key is the business day. It gives the asset
`ledger`, on which `strategy_daily` starts. A backfill of this Dag carries the whole chain through the days: start it
with one active run, oldest day first. Past days reach the lake (`basis=restated`) and `mart`, send nothing and change
nothing in `ops`.

**Safe to clear:** any step, at any time. Each replaces its own partition of the day. Clearing `publish_ledger` starts
the Dags that listen, for the same day.

**When the quality gate is shut,** nothing downstream starts. The message of `check_quality` names the rules, and
*quality report* under the task's *Details* opens what was found. Rows in quarantine hold their contract: no treatment
and no contact from wrong figures.
"""

from __future__ import annotations

from airflow.sdk import CronPartitionTimetable, dag

from arrears.orchestration import (
    DAY_KEY,
    EVERY_MORNING,
    LEDGER,
    OWNER,
    PATIENT,
    STEADY,
    ZONE,
    StepOperator,
    Tag,
    describe_dag,
)


@dag(
    dag_id="ledger_daily",
    schedule=CronPartitionTimetable(EVERY_MORNING, timezone=ZONE, key_format=DAY_KEY),
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **STEADY},
    tags=[Tag.DAILY, Tag.LEDGER],
    doc_md=describe_dag(__doc__, "ledger_daily"),
)
def ledger_daily() -> None:
    pull = StepOperator(task_id="pull_ledger", **PATIENT)
    check = StepOperator(task_id="check_quality", documents=["quality report"], retries=5)
    publish = StepOperator(task_id="publish_ledger", outlets=[LEDGER])
    pull >> check >> publish


ledger_daily()
