"""The pull from a real PostgreSQL: exact amounts, one snapshot while others write, no password in any message."""

from __future__ import annotations

import threading
import uuid
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from arrears.errors import LedgerError
from arrears.ledger.pull import PULLED, pull_ledger, pulled
from arrears.ledger.sources.postgres import PostgresSource
from arrears.warehouse.embedded import EmbeddedPostgres

DAY = date(2025, 3, 10)

TABLES = """
CREATE SCHEMA core;
CREATE TABLE core."Loan Master" ("No" char(6) PRIMARY KEY, customer_id uuid, product varchar(20), originated_on date,
    principal numeric, term_months smallint, annual_rate numeric(6,4), branch text);
CREATE VIEW contracts AS SELECT 'hidden'::text AS contract_id;
CREATE TABLE installments (contract_id char(6), installment_no bigint, due_date timestamp, amount_due numeric(18,2));
CREATE TABLE payments (payment_id bigint, contract_id char(6), value_date date, amount numeric(20,4),
    booked_at timestamptz, note jsonb);
INSERT INTO core."Loan Master" VALUES
    ('C1', '00000000-0000-0000-0000-000000000001', 'auto', '2025-01-01', 9999999999999999.99, 24, 0.0425, 'north');
INSERT INTO installments VALUES ('C1', 1, '2025-02-01', 426.09), ('C1', 2, '2025-03-01', 426.09);
INSERT INTO payments VALUES (1, 'C1', '2025-02-01', 0.0700, '2025-02-01 20:00:00+00', '{}');
"""

MAPPING = """
tables:
  core.Loan Master:
    table: contracts
    columns: {"No": contract_id}
    extra: [branch]
"""


@pytest.fixture
def lender(postgres: EmbeddedPostgres) -> sa.URL:
    """A fresh database of a lender with names and types of its own."""
    url = postgres.url(f"lender_{uuid.uuid4().hex[:12]}")
    with psycopg.connect(conninfo(url)) as connection:
        connection.execute(TABLES)
    return url


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def conninfo(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def execute(url: sa.URL, statement: str) -> None:
    with psycopg.connect(conninfo(url)) as connection:
        connection.execute(statement)


def text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


def test_a_lenders_types_arrive_exactly(make_run: Any, lender: sa.URL, mapping: Path) -> None:
    with make_run(DAY, ledger=text(lender), ledger_mapping=mapping, time_zone="Asia/Shanghai") as run:
        result = pull_ledger(run)
        (contract,) = pq.read_table(run.lake.existing(pulled("contracts"), run.day)).to_pylist()
        first, second = pq.read_table(run.lake.existing(pulled("installments"), run.day)).to_pylist()
        (payment,) = pq.read_table(run.lake.existing(pulled("payments"), run.day)).to_pylist()
    assert contract["contract_id"] == first["contract_id"] == payment["contract_id"] == "C1"
    assert contract["customer_id"] == "00000000-0000-0000-0000-000000000001"
    assert contract["principal"] == Decimal("9999999999999999.99")
    assert contract["annual_rate"] == 0.0425
    assert contract["branch"] == "north"
    assert (first["due_date"], second["due_date"]) == (date(2025, 2, 1), date(2025, 3, 1))
    assert payment["amount"] == Decimal("0.07")
    assert payment["booked_at"] == datetime(2025, 2, 2, 4)  # noqa: DTZ001
    assert result.rows["holds"] == 0


def test_a_second_pull_gives_the_same_files(make_run: Any, lender: sa.URL, mapping: Path) -> None:
    with make_run(DAY, ledger=text(lender), ledger_mapping=mapping) as run:
        pull_ledger(run)
        before = run.lake.digests(run.day, PULLED)
        pull_ledger(run)
        assert run.lake.digests(run.day, PULLED) == before


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE payments SET amount = 0.075", r"payments\.amount of the row payment_id=1"),
        ("ALTER TABLE payments ALTER amount TYPE numeric; UPDATE payments SET amount = 'NaN'", r"payments\.amount"),
        ("ALTER TABLE payments ALTER amount TYPE double precision", r"payments\.amount.*float8|payments\.amount"),
        ("ALTER TABLE payments ALTER amount TYPE money", r"payments\.amount"),
        ("ALTER TABLE payments ALTER value_date TYPE text", r"payments\.value_date"),
        (
            "UPDATE installments SET due_date = due_date + interval '1 hour'",
            r"installments\.due_date of the row contract_id=C1",
        ),
        ("ALTER TABLE payments DROP value_date", "payments"),
        ("DROP TABLE payments", "required table payments"),
    ],
)
def test_what_does_not_keep_the_contract_stops_at_the_door(
    make_run: Any, lender: sa.URL, mapping: Path, statement: str, where: str
) -> None:
    execute(lender, statement)
    with (
        make_run(DAY, ledger=text(lender), ledger_mapping=mapping) as run,
        pytest.raises(LedgerError, match=where) as refused,
    ):
        pull_ledger(run)
    assert str(lender.password) not in str(refused.value)


def test_no_payment_points_to_a_contract_that_was_not_there_yet(
    make_run: Any, lender: sa.URL, mapping: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loan office opens contracts and takes first payments in single transactions all through the pull."""
    done, written = threading.Event(), 0

    def loan_office() -> None:
        nonlocal written
        with psycopg.connect(conninfo(lender), autocommit=True) as connection:
            while not done.is_set():
                with connection.transaction():
                    written += 1
                    key = f"N{written}"
                    connection.execute(
                        "INSERT INTO core.\"Loan Master\" VALUES (%s, gen_random_uuid(), 'x', %s, 1000, 24, 0, NULL)",
                        (key, DAY),
                    )
                    connection.execute("INSERT INTO installments VALUES (%s, 1, %s, 10)", (key, DAY))
                    connection.execute(
                        "INSERT INTO payments VALUES (%s, %s, %s, 10, NULL, NULL)", (1000 + written, key, DAY)
                    )

    office = threading.Thread(target=loan_office)
    attach = PostgresSource.attach

    def attach_late(self: PostgresSource, connection: Any, table: str, columns: Any, relation: str) -> Any:
        # contracts are read first, payments only after the office has gone on for a while
        seen = written
        while office.is_alive() and written < seen + 20:
            pass
        return attach(self, connection, table, columns, relation)

    monkeypatch.setattr(PostgresSource, "attach", attach_late)
    with make_run(DAY, ledger=text(lender), ledger_mapping=mapping) as run:
        office.start()
        try:
            rows = pull_ledger(run).rows
        finally:
            done.set()
            office.join()
        contracts = {
            row["contract_id"] for row in pq.read_table(run.lake.existing(pulled("contracts"), run.day)).to_pylist()
        }
        for table in ("installments", "payments"):
            found = pq.read_table(run.lake.existing(pulled(table), run.day)).to_pylist()
            assert {row["contract_id"] for row in found} == contracts
    assert written > rows["contracts"]


def test_a_server_that_is_not_there_is_named_without_the_password(make_run: Any) -> None:
    with (
        make_run(DAY, ledger="postgresql+psycopg://bob:hunter2@127.0.0.1:1/ledger") as run,
        pytest.raises(LedgerError) as refused,
    ):
        pull_ledger(run)
    assert refused.value.where == "postgresql://127.0.0.1:1/ledger"
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_role_that_may_not_read_is_told_so(make_run: Any, lender: sa.URL, mapping: Path) -> None:
    role = f"nobody_{uuid.uuid4().hex[:8]}"
    execute(lender, f"CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; GRANT USAGE ON SCHEMA core TO {role}")
    url = lender.set(username=role, password="hunter2")
    with make_run(DAY, ledger=text(url), ledger_mapping=mapping) as run, pytest.raises(LedgerError) as refused:
        pull_ledger(run)
    assert "42501" in refused.value.found
    assert "hunter2" not in str(refused.value)
