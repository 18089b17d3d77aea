"""On the day's worklist: compute the KPIs, load them into the warehouse, and write the report.

**Runs** when `publish_worklist` has published the day's worklist, beside `outreach_daily`. It gives the asset `kpi`. It
writes the day's opening facts (portfolio, loans, rolls, assignments, pool) and the closing facts (collector, channel,
pool) of the finished days before it.

**Safe to clear:** any step, at any time. `load_warehouse` replaces the day in one transaction; BI sees the old rows or
the new ones. A past day is loaded as `basis=restated`, beside what was known then.

**When `load_warehouse` fails,** nothing was changed: clear it once the warehouse answers.
"""

from __future__ import annotations

from airflow.sdk import PartitionedAssetTimetable, chain, dag

from arrears.orchestration import KPI, OWNER, PATIENT, STEADY, WORKLIST, StepOperator, Tag, describe_dag


@dag(
    dag_id="kpi_daily",
    schedule=PartitionedAssetTimetable(assets=WORKLIST),
    max_active_runs=1,
    catchup=False,
    default_args={"owner": OWNER, **STEADY},
    tags=[Tag.DAILY, Tag.KPI],
    doc_md=describe_dag(__doc__, "kpi_daily"),
)
def kpi_daily() -> None:
    chain(
        StepOperator(task_id="build_kpis"),
        StepOperator(task_id="load_warehouse", **PATIENT),
        StepOperator(task_id="publish_report", documents=["report"], outlets=[KPI]),
    )


kpi_daily()
