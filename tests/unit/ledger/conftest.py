"""A ledger small enough to read: two contracts, in files that a test may change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CSV = {
    "contracts": [
        "contract_id,customer_id,product,originated_on,principal,term_months,closed_on",
        "C2,U2,auto,2025-02-01,12000.50,24,",
        "C1,U1,commercial_vehicle,2025-01-01,90000,36,2026-01-01",
    ],
    "installments": [
        "contract_id,installment_no,due_date,amount_due",
        "C1,2,2025-03-01,2500.00",
        "C1,1,2025-02-01,2500.00",
        "C2,1,2025-03-01,510.25",
    ],
    "payments": [
        "payment_id,contract_id,value_date,amount,booked_at",
        "P1,C1,2025-02-01,2500.00,2025-02-01 10:30:00",
    ],
}

LedgerMaker = Callable[..., Path]


@pytest.fixture
def csv_ledger(tmp_path: Path) -> LedgerMaker:
    """Writes the small ledger as CSV files; keyword arguments replace a table's lines, None leaves the table out."""

    def make(**tables: list[str] | None) -> Path:
        folder = tmp_path / "ledger"
        folder.mkdir(exist_ok=True)
        for table, lines in {**CSV, **tables}.items():
            if lines is not None:
                (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder

    return make
