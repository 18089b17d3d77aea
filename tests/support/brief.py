"""The brief ageing of a run's day, as `arrears age --brief` computes it, over the lake's ledger."""

from __future__ import annotations

from typing import Any

from tests.support.ledgers import partition

from arrears.run import Run
from arrears.sqlmodel import run_select
from arrears.strategy.age_book import ageing_select, rule_relations
from arrears.strategy.ageing import ageing_parameters


def age_brief(run: Run) -> list[dict[str, Any]]:
    """Replaces the day's partitions of `brief_balances` and `brief`; returns the rows of the latter."""
    for table in ("brief_balances", "brief"):
        run_select(
            run,
            ageing_select(run.settings.sql, table),
            table=table,
            where=f"strategy/{table}.sql",
            params=ageing_parameters(run.settings, run.rules),
            relations=rule_relations(run.rules),
            sources={"balances": "brief_balances"},
        )
    return partition(run, "brief")
