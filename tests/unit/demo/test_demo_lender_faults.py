"""Each fault breaks what it says, the same rows every time, and nothing else."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from arrears.demo.lender import faults
from arrears.ledger.contract import TABLES

DAY = date(2026, 11, 20)


@pytest.fixture
def folder(lender: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lender(DAY), tmp_path / "broken"))


def _changed_tables(folder: Path, whole: Path) -> list[str]:
    return [
        name
        for name in TABLES
        if not (folder / f"{name}.parquet").exists()
        or not pq.read_table(folder / f"{name}.parquet").equals(pq.read_table(whole / f"{name}.parquet"))
    ]


@pytest.mark.parametrize("name", [name for name in faults.FAULTS if name not in {"empty_ledger", "stale_ledger"}])
def test_a_fault_touches_only_the_table_that_it_names(folder: Path, lender: Any, name: str) -> None:
    damage = faults.FAULTS[name](folder)

    assert _changed_tables(folder, lender(DAY)) == [damage.table]


def test_missing_table(folder: Path) -> None:
    faults.missing_table(folder, "installments")
    assert not (folder / "installments.parquet").exists()


def test_missing_column(folder: Path) -> None:
    faults.missing_column(folder, "payments", "value_date")
    assert "value_date" not in pq.read_schema(folder / "payments.parquet").names


def test_wrong_type(folder: Path) -> None:
    faults.wrong_type(folder)
    assert pq.read_table(folder / "payments.parquet")["amount"][0].as_py().startswith("about ")


def test_duplicate_contracts(folder: Path, read: Any) -> None:
    damage = faults.duplicate_contracts(folder, 4)
    twice = (
        read(folder).execute("SELECT contract_id FROM contracts GROUP BY 1 HAVING count(*) = 2 ORDER BY 1").fetchall()
    )

    assert [contract_id for (contract_id,) in twice] == sorted(damage.contract_ids)
    assert len(twice) == 4


def test_payments_without_contract(folder: Path, read: Any) -> None:
    damage = faults.payments_without_contract(folder, 6)
    strangers = read(folder).execute(
        "SELECT contract_id FROM payments WHERE contract_id NOT IN (SELECT contract_id FROM contracts) ORDER BY 1"
    )

    assert tuple(contract_id for (contract_id,) in strangers.fetchall()) == damage.contract_ids
    assert len(damage.contract_ids) == 6


@pytest.mark.parametrize(
    ("fault", "condition"), [(faults.negative_amount, "amount < 0"), (faults.null_amount, "amount IS NULL")]
)
def test_wrong_amounts(folder: Path, read: Any, fault: Any, condition: str) -> None:
    damage = fault(folder)
    wrong = read(folder).view("payments").filter(condition).project("contract_id").fetchall()

    assert sorted(contract_id for (contract_id,) in wrong) == sorted(damage.contract_ids)
    assert len(wrong) == 3


def test_wrong_amounts_of_another_table(folder: Path, read: Any) -> None:
    faults.negative_amount(folder, "installments", "amount_due", count=2)
    assert read(folder).execute("SELECT count(*) FROM installments WHERE amount_due < 0").fetchone() == (2,)


def test_empty_ledger(folder: Path) -> None:
    faults.empty_ledger(folder)
    assert {pq.read_metadata(folder / f"{name}.parquet").num_rows for name in TABLES} == {0}


def test_stale_ledger(folder: Path, read: Any, lender: Any) -> None:
    faults.stale_ledger(folder, 10)
    connection = read(folder)

    assert connection.execute("SELECT max(value_date), max(booked_at)::DATE FROM payments").fetchone() == (
        date(2026, 11, 10),
        date(2026, 11, 10),
    )
    assert connection.execute("SELECT max(closed_on) <= DATE '2026-11-10' FROM contracts").fetchone() == (True,)
    assert connection.execute(
        "SELECT max(attempted_at)::DATE <= DATE '2026-11-10' FROM contact_results"
    ).fetchone() == (True,)
    assert _changed_tables(folder, lender(DAY)) != []
    assert pq.read_metadata(folder / "contracts.parquet").num_rows == 2_000
