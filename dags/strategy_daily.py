"""On the day's ledger: age every contract, tier what is overdue, and decide a treatment from the rules.

**Runs** when `publish_ledger` has published the day's ledger. It gives the asset `treatment`, on which
`worklist_daily` starts.

**Safe to clear:** any step, at any time. Each replaces its own partition of the day, and the rules are read anew: to
apply a corrected rule file to today, clear `check_rules`. What was sent already stays sent; `worklist_daily` plans the
rest anew.

**When `check_rules` fails,** the message names file, line and a suggestion. Nothing was decided by the wrong rules.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, chain, dag

from arrears.orchestration import LEDGER, OWNER, STEADY, TREATMENT, StepOperator, Tag, describe_dag


@dag(
    dag_id="strategy_daily",
    schedule=PartitionedAssetTimetable(assets=LEDGER),
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **STEADY},
    tags=[Tag.DAILY, Tag.STRATEGY],
    doc_md=describe_dag(__doc__, "strategy_daily"),
)
def strategy_daily() -> None:
    chain(
        StepOperator(task_id="check_rules"),
        StepOperator(task_id="age_contracts"),
        StepOperator(task_id="tier_balances"),
        StepOperator(task_id="apply_rules"),
        StepOperator(task_id="publish_treatments", outlets=[TREATMENT]),
    )


strategy_daily()
