"""A ledger in a database that only SQLAlchemy speaks to: exact amounts, declared types, one transaction."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from arrears.errors import LedgerError
from arrears.ledger.pull import pull_ledger, pulled

DAY = date(2025, 3, 10)

TABLES = """
CREATE TABLE contracts (contract_id TEXT, customer_id TEXT, product TEXT, originated_on DATE,
                        principal DECIMAL(18,2), term_months INTEGER, vehicle_new BOOLEAN, annual_rate REAL);
CREATE TABLE installments (contract_id TEXT, installment_no INTEGER, due_date DATE, amount_due DECIMAL(18,2));
CREATE TABLE takings (payment_id INTEGER, contract_id TEXT, value_date DATE, amount NUMERIC, booked_at TIMESTAMP);
CREATE VIEW payments AS SELECT * FROM takings;
INSERT INTO contracts VALUES ('C1', 'U1', 'auto', '2025-01-01', 27971.1, 24, 1, 0.0425);
INSERT INTO installments VALUES ('C1', 2, '2025-03-01', 426.09), ('C1', 1, '2025-02-01', 426.09);
INSERT INTO takings VALUES (7, 'C1', '2025-02-01', 0.07, '2025-02-01 09:00:00');
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "lender.db"
    connection = sqlite3.connect(path)
    connection.executescript(TABLES)
    connection.close()
    return path


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_tables_and_views_arrive_exactly(make_run: Any, database: Path) -> None:
    with make_run(DAY, ledger=f"sqlite:///{database}") as run:
        result = pull_ledger(run)
        assert result.rows["installments"] == 2
        assert result.rows["holds"] == 0
        (contract,) = pq.read_table(run.lake.existing(pulled("contracts"), run.day)).to_pylist()
        (payment,) = pq.read_table(run.lake.existing(pulled("payments"), run.day)).to_pylist()
    assert contract["principal"] == Decimal("27971.10")
    assert contract["vehicle_new"] is True
    assert (payment["payment_id"], payment["amount"]) == ("7", Decimal("0.07"))
    assert payment["booked_at"] == datetime(2025, 2, 1, 9)  # noqa: DTZ001


def test_an_amount_with_more_decimals_is_refused(make_run: Any, database: Path) -> None:
    change(database, "UPDATE takings SET amount = 0.075")
    with make_run(DAY, ledger=f"sqlite:///{database}") as run, pytest.raises(LedgerError, match="payment_id=7"):
        pull_ledger(run)


def test_a_value_that_its_column_does_not_declare_is_refused_without_being_shown(make_run: Any, database: Path) -> None:
    change(database, "UPDATE contracts SET originated_on = 'a secret'")
    with make_run(DAY, ledger=f"sqlite:///{database}") as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert "contracts" in refused.value.where
    assert "secret" not in str(refused.value)


def test_a_wrong_declared_type_is_refused(make_run: Any, database: Path) -> None:
    change(database, "DROP VIEW payments")
    change(
        database,
        "CREATE VIEW payments AS SELECT payment_id, contract_id, value_date, contract_id AS amount FROM takings",
    )
    with make_run(DAY, ledger=f"sqlite:///{database}") as run, pytest.raises(LedgerError, match=r"payments\.amount"):
        pull_ledger(run)


def test_what_others_write_meanwhile_is_not_seen(
    make_run: Any, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(database, "PRAGMA journal_mode=WAL")
    from arrears.ledger import pull as module

    copy = module._copy_table

    def copy_and_let_others_write(*arguments: Any) -> int:
        rows = copy(*arguments)
        if arguments[3].contract.name == "contracts":
            change(
                database, "INSERT INTO contracts SELECT 'C9', 'U9', product, originated_on, 1, 1, 1, 0 FROM contracts"
            )
            change(database, "INSERT INTO takings VALUES (9, 'C9', '2025-02-01', 1, NULL)")
        return rows

    monkeypatch.setattr(module, "_copy_table", copy_and_let_others_write)
    with make_run(DAY, ledger=f"sqlite:///{database}") as run:
        rows = pull_ledger(run).rows
    assert (rows["contracts"], rows["payments"]) == (1, 1)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("sqlite:////no/such/folder/lender.db", "OperationalError"),
        ("nosuch://bob:hunter2@host/db", "none installed"),
        ("not a url ://bob:hunter2", "not shown"),
    ],
)
def test_a_database_that_cannot_be_opened_never_shows_its_password(make_run: Any, url: str, found: str) -> None:
    with make_run(DAY, ledger=url) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert found in refused.value.found
    assert "hunter2" not in str(refused.value)
