"""Ages the book of a run's day: the ledger's tables of the lake into `snapshot`, and when each case began."""

from __future__ import annotations

from arrears.run import Run
from arrears.sqlmodel import run_model, run_select
from arrears.strategy.ageing import ageing_parameters, bucket_relation, stop_hold_relation
from arrears.strategy.chain import chained

TABLES = ("balances", "snapshot", "overdue_spells", "case_entry")
"""The lake tables that `age_book` makes, in the order in which it makes them."""


def age_book(run: Run) -> dict[str, int]:
    """Replaces the day's partitions of TABLES; returns the rows of each."""
    parameters = ageing_parameters(run.settings, run.rules)
    rows = {
        "balances": run_model(run, "strategy/balances"),
        "snapshot": run_model(
            run,
            "strategy/snapshot",
            params=parameters,
            relations={"buckets": bucket_relation(run.rules), "stop_holds": stop_hold_relation(run.rules)},
        ),
    }
    rows["overdue_spells"] = run_select(
        run,
        chained(
            run.settings.sql,
            "strategy/overdue_scope",
            "strategy/needs",
            "strategy/arrears_states",
            "strategy/overdue_spells",
            scope="strategy/overdue_scope",
        ),
        table="overdue_spells",
        where="strategy/overdue_spells.sql",
        params=parameters,
    )
    rows["case_entry"] = run_model(run, "strategy/case_entry")
    return rows
