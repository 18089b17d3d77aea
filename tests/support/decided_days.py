"""Days that were decided: a small ledger run through the steps of the strategy, for what looks back on decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from tests.support.ledgers import publish_ledger

from arrears.demo.lender import write_parquet
from arrears.ledger.contract import TABLES
from arrears.run import Run
from arrears.strategy import steps

AS_OF = date(2026, 11, 20)


def decide(run: Run, tables: Mapping[str, Any]) -> None:
    """Publishes the ledger and runs the strategy over it."""
    publish_ledger(run, tables)
    decide_published(run)


def decide_published(run: Run) -> None:
    """Runs the strategy over the ledger that is published already."""
    for step in (steps.age_contracts, steps.tier_balances, steps.apply_rules, steps.publish_treatments):
        step(run)


def lender_tables(folder: Path, contracts: int = 2_000, seed: int = 7) -> dict[str, pa.Table]:
    """The demo lender's ledger as tables."""
    write_parquet(folder, AS_OF, contracts, seed)
    return {name: duckdb.read_parquet(str(folder / f"{name}.parquet")).to_arrow_table() for name in TABLES}


def contract(contract_id: str, customer_id: str | None = None, **columns: Any) -> dict[str, Any]:
    """A contract of a customer of its own, disbursed long ago."""
    return {
        "contract_id": contract_id,
        "customer_id": customer_id or f"K-{contract_id}",
        "product": "auto",
        "term_months": 24,
        "originated_on": date(2024, 1, 1),
        "principal": Decimal(100_000),
        "currency": "CNY",
        **columns,
    }


def dues(contract_id: str, *items: tuple[date, int | str]) -> list[dict[str, Any]]:
    """Instalments of a contract: due date and amount."""
    return [
        {"contract_id": contract_id, "installment_no": number, "due_date": due, "amount_due": Decimal(amount)}
        for number, (due, amount) in enumerate(items, start=1)
    ]


def payment(contract_id: str, on: date, amount: int | str, returned: date | None = None) -> dict[str, Any]:
    """A payment, returned or not."""
    return {
        "payment_id": f"{contract_id}-{on}",
        "contract_id": contract_id,
        "value_date": on,
        "amount": Decimal(amount),
        "reversed_on": returned,
    }


def score(contract_id: str, model: str, value: int, scored_on: date) -> dict[str, Any]:
    """A score of a model for all stages."""
    return {"contract_id": contract_id, "model": model, "score": value, "scored_on": scored_on}


def rows(*parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of several contracts in one table."""
    return [row for part in parts for row in part]
