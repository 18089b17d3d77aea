"""Ages the book of a run's day: the ledger's tables of the lake into `snapshot`, and when each case began."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from arrears.rules.rule_set import RuleSet
from arrears.run import Run
from arrears.sqlmodel import run_select
from arrears.strategy.ageing import ageing_parameters, bucket_relation, stop_hold_relation
from arrears.strategy.chain import chained

TABLES = ("balances", "positions", "overdue_spells", "snapshot", "sibling_spells", "case_entry")
"""The lake tables that `age_book` makes, in this order; each reads those before it."""
HISTORY = ("bucket_history", "spells")
"""The lake tables that `age_history` makes: the whole book on all its days."""
_CHAINS: dict[str, tuple[str, ...]] = {
    "positions": ("pauses", "walk", "positions"),
    "snapshot": ("advances", "snapshot"),
    "brief": ("pauses", "walk", "positions", "brief"),
    "installment_ageing": ("pauses", "walk", "installment_ageing"),
    "overdue_spells": ("walk", "book_period", "overdue_scope", "overdue_needs", "arrears_states", "overdue_spells"),
    "sibling_spells": ("book_period", "sibling_scope", "needs", "arrears_states", "overdue_spells"),
    "bucket_history": ("book_period", "whole_scope", "pauses", "oldest_unmet", "bucket_history"),
}
"""Tables that several models make in one statement; each model reads those before it."""
_NAMES = {
    "strategy/overdue_scope": "scope",
    "strategy/sibling_scope": "scope",
    "strategy/whole_scope": "scope",
    "strategy/overdue_needs": "needs",
}
"""Models of one kind, under the name by which those after them read them."""


def ageing_select(sql_root: Path, table: str, stored: Collection[str] = ()) -> exp.Query:
    """The SELECT that makes one table of ageing.

    It reads the ledger's tables, `buckets` and `stop_holds`, and of TABLES and HISTORY those before it;
    `installment_ageing` and `brief` read `balances`. The models in `stored` are tables already, and not computed again.
    """
    models = [model for model in _CHAINS.get(table, (table,)) if model == table or model not in stored]
    return chained(sql_root, *(f"strategy/{model}" for model in models), names=_NAMES)


def age_book(run: Run) -> dict[str, int]:
    """Replaces the day's partitions of TABLES; returns the rows of each."""
    return {table: _make(run, table) for table in TABLES}


def age_installments(run: Run) -> int:
    """Replaces the day's partition of `installment_ageing`, every item that is not paid in full; returns its rows.

    Reads what `age_book` made.
    """
    return _make(run, "installment_ageing")


def age_history(run: Run, *, live_only: bool = False) -> dict[str, int]:
    """Replaces the day's partitions of HISTORY: every contract's buckets and spells up to the day; returns the rows.

    With `live_only` a write-off ends them, whether or not the rules work the recovery book.
    """
    changed: dict[str, Any] = {"recovery_worked": False} if live_only else {}
    return {table: _make(run, table, changed) for table in HISTORY}


def _make(run: Run, table: str, changed: Mapping[str, Any] | None = None) -> int:
    return run_select(
        run,
        ageing_select(run.settings.sql, table),
        table=table,
        where=f"strategy/{table}.sql",
        params={**ageing_parameters(run.settings, run.rules), **(changed or {})},
        relations=rule_relations(run.rules),
    )


def rule_relations(rules: RuleSet) -> dict[str, pa.Table]:
    """What the models of ageing read of the rules, under the names that they read it by."""
    return {"buckets": bucket_relation(rules), "stop_holds": stop_hold_relation(rules)}
