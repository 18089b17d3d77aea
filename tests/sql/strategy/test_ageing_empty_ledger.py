"""A ledger whose tables are all there and all empty: files with the columns of any other day, and no row."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.support.ledgers import Rows, write_folder

from arrears.ledger.contract import TABLES
from arrears.strategy.age_ledger import AgedFiles, age_ledger

AS_OF = date(2026, 11, 20)
FILES = {"snapshot", "brief", "installments", "history", "spells"}


def _late() -> dict[str, Rows]:
    """One contract, with one instalment that nobody paid."""
    contract: dict[str, Any] = {"contract_id": "C1", "customer_id": "K1", "product": "auto", "term_months": 1}
    contract |= {"originated_on": AS_OF - timedelta(days=60), "principal": Decimal("100.00")}
    due = {"contract_id": "C1", "installment_no": 1, "due_date": AS_OF - timedelta(days=30)}
    return {"contracts": [contract], "installments": [{**due, "amount_due": Decimal("100.00")}]}


def _columns(path: Path) -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in pq.read_schema(path)]


@pytest.mark.parametrize(
    "asked",
    [
        {"snapshot"},
        {"brief"},
        {"snapshot", "installments"},
        {"snapshot", "history"},
        {"snapshot", "spells"},
        {"brief", "installments", "spells"},
        FILES,
    ],
    ids=lambda asked: ", ".join(sorted(asked)),
)
@pytest.mark.parametrize("present", [TABLES, ("contracts", "installments", "payments")], ids=["all", "required only"])
def test_an_empty_ledger_is_aged_into_files_without_rows(
    present: Any, asked: set[str], make_settings: Any, tmp_path: Path
) -> None:
    schemas = []
    for name, tables in (("none", {}), ("one", _late())):
        folder = write_folder(tmp_path / name, {table: tables.get(table, ()) for table in present})
        files = {each: tmp_path / f"{name}.{each}.parquet" for each in asked}
        rows = age_ledger(make_settings(ledger=str(folder)), AS_OF, AgedFiles(**files))
        assert len(rows) == len(asked)
        assert all(bool(count) == (name == "one") for count in rows.values()), rows
        schemas.append({each: _columns(path) for each, path in files.items()})
    assert schemas[0] == schemas[1]
