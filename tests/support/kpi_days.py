"""Days whose worklist is published, as `kpi_daily` finds them, and what the mart holds afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from tests.support.ledgers import Rows, publish_ledger

from arrears.kpi.facts import DIMENSIONS, FACTS
from arrears.run import Run
from arrears.strategy.steps import age_contracts, apply_rules, publish_treatments, tier_balances

_ASSIGNMENT = """
SELECT
    cases.as_of, cases.customer_id, cases.queue,
    CASE WHEN cases.work_order % 5 <> 0 THEN present.collector_id END AS collector_id,
    CASE WHEN cases.work_order % 5 <> 0 AND present.collector_id IS NOT NULL THEN 'auto' ELSE 'pool' END AS source,
    cases.work_order, 'even_split' AS reason
FROM cases
LEFT JOIN (
    SELECT collector_id, ROW_NUMBER() OVER (ORDER BY collector_id) AS seat, COUNT(*) OVER () AS seats FROM collectors
) AS present ON present.seat = cases.work_order % present.seats + 1
WHERE cases.queue <> 'none'
ORDER BY cases.customer_id
"""
_PLAN = """
SELECT
    sha256(customer_id || as_of) AS task_key, customer_id, as_of AS business_day, 'first' AS slot, lead_contract_id,
    contract_ids, split_part(channels, ',', 1) AS channel, 'reminder' AS template, 'zh' AS language, queue, placement,
    priority, placement IN ('agency', 'legal') AS needs_approval,
    CAST(as_of AS TIMESTAMP) AS window_opens_at, CAST(as_of AS TIMESTAMP) AS window_closes_at,
    CASE work_order % 10 WHEN 3 THEN 'blocked' WHEN 4 THEN 'cut' ELSE 'planned' END AS verdict,
    CASE work_order % 10 WHEN 3 THEN 'consent.refused' WHEN 4 THEN 'cap.sms' END AS verdict_rule,
    CAST(NULL AS VARCHAR) AS verdict_reason
FROM cases
WHERE queue <> 'none'
ORDER BY customer_id
"""


def publish_worklist(run: Run, ledger: Mapping[str, Rows | pa.Table]) -> None:
    """Brings the run's day from a ledger to a published worklist: four of five cases shared out, the fifth pooled."""
    publish_ledger(run, ledger)
    for step in (age_contracts, tier_balances, apply_rules, publish_treatments):
        step(run)
    with duckdb.connect() as connection:
        for name in ("cases", "collectors"):
            connection.register(name, pq.ParquetDataset(run.lake.files(name, run.day), partitioning=None).read())
        for name, select in (("assignment", _ASSIGNMENT), ("contact_plan", _PLAN)):
            rows = connection.sql(select).to_arrow_table()
            with run.lake.replace(name, run.day) as aside:
                pq.write_table(rows, aside)
    run.lake.publish("worklist", run.day, ["assignment", "contact_plan"])


def mart_rows(warehouse: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of the mart, in the order of their keys."""
    tables = [*DIMENSIONS, *(fact.table for fact in FACTS)]
    with warehouse.connect() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))
            ]
            for table in tables
        }
