"""Each SELECT of bad rows on a table of good and bad ones: it finds the bad ones, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from arrears.ledger.contract import TABLES
from arrears.quality.quarantine import bad_rows_table, find_bad_rows, open_quarantine
from arrears.quality.rules import QualityRules, RowRule
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT

SQL = PROJECT / "include" / "sql"
RULES = parse_rules(PROJECT / "include" / "rules" / "quality.yaml", QualityRules)
ROW_RULES = {rule.rule: rule for _, suite in RULES.suites() for rule in suite.rows}
DAY = date(2025, 3, 10)

CONTRACT = {
    "contract_id": "C1",
    "customer_id": "U1",
    "product": "auto",
    "originated_on": date(2025, 1, 1),
    "principal": "1000.00",
    "term_months": 12,
}
INSTALLMENT = {"contract_id": "C1", "installment_no": 1, "due_date": date(2025, 2, 1), "amount_due": "100.00"}
PAYMENT = {"payment_id": "P1", "contract_id": "C1", "value_date": date(2025, 2, 1), "amount": "100.00"}
CHARGE = {"charge_id": "X1", "contract_id": "C1", "due_date": date(2025, 2, 1), "amount": "5.00"}
SCORE = {"contract_id": "C1", "model": "collection", "stage": None, "score": 600.0, "scored_on": DAY}
HOLD = {"contract_id": "C1", "kind": "pause", "start_date": date(2025, 2, 1)}
PROMISE = {"promise_id": "R1", "contract_id": "C1", "made_on": DAY, "due_on": DAY, "amount": "5.00"}
RESULT = {"result_id": "T1", "channel": "call", "attempted_at": "2025-03-01 10:00:00"}
CONSENT = {"customer_id": "U1", "channel": "sms", "allowed": False}
COLLECTOR = {"collector_id": "K1", "daily_quota": 0, "capacity": None}
CUSTOMER = {"customer_id": "U1", "phone": "+861", "birth_date": date(1990, 1, 1)}

GOOD: dict[str, list[dict[str, Any]]] = {
    "contracts": [CONTRACT],
    "installments": [INSTALLMENT],
    "payments": [PAYMENT],
    "charges": [CHARGE],
    "scores": [SCORE],
    "holds": [HOLD],
    "promises": [PROMISE],
    "contact_results": [{**RESULT, "contract_id": "C1", "customer_id": "U1", "collector_id": "K1"}],
    "consents": [CONSENT],
    "collectors": [COLLECTOR],
    "customers": [CUSTOMER],
}

CASES: list[tuple[str, list[dict[str, Any]], list[int]]] = [
    # rule, rows that follow the good one (row 1), numbers of the bad rows
    ("contracts_missing_value", [{**CONTRACT, "principal": None}, {**CONTRACT, "customer_id": None}], [2, 3]),
    ("contracts_duplicated_key", [CONTRACT, {**CONTRACT, "contract_id": "C2"}, CONTRACT], [2, 4]),
    ("contracts_without_customer", [{**CONTRACT, "contract_id": "C2", "customer_id": "U9"}], [2]),
    (
        "contracts_insane_figures",
        [
            {**CONTRACT, "principal": "0.01"},
            {**CONTRACT, "principal": "0.00"},
            {**CONTRACT, "term_months": 0},
            {**CONTRACT, "annual_rate": 10.0},
            {**CONTRACT, "annual_rate": 10.1},
            {**CONTRACT, "annual_rate": -0.01},
        ],
        [3, 4, 6, 7],
    ),
    (
        "contracts_insane_dates",
        [
            {**CONTRACT, "closed_on": date(2025, 1, 1)},
            {**CONTRACT, "closed_on": date(2024, 12, 31)},
            {**CONTRACT, "written_off_on": date(2024, 12, 31)},
            {**CONTRACT, "originated_on": date(1969, 12, 31)},
            {**CONTRACT, "originated_on": date(2055, 3, 10)},
            {**CONTRACT, "originated_on": date(2055, 3, 11)},
        ],
        [3, 4, 5, 7],
    ),
    (
        "contracts_without_schedule",
        [
            {**CONTRACT, "contract_id": "C2"},
            {**CONTRACT, "contract_id": "C3", "closed_on": DAY},
            {**CONTRACT, "contract_id": "C4", "originated_on": date(2025, 3, 11)},
        ],
        [2],
    ),
    ("installments_missing_value", [{**INSTALLMENT, "amount_due": None}, {**INSTALLMENT, "due_date": None}], [2, 3]),
    ("installments_duplicated_key", [{**INSTALLMENT, "installment_no": 2}, INSTALLMENT], [3]),
    (
        "installments_without_contract",
        [{**INSTALLMENT, "contract_id": "C9"}, {**INSTALLMENT, "contract_id": None}],
        [2],
    ),
    (
        "installments_insane_amount",
        [
            {**INSTALLMENT, "amount_due": "0.00"},
            {**INSTALLMENT, "amount_due": "-0.01"},
            {**INSTALLMENT, "principal_due": "80.00", "interest_due": "20.00"},
            {**INSTALLMENT, "principal_due": "80.00", "interest_due": "20.01"},
            {**INSTALLMENT, "principal_due": "80.00", "interest_due": "15.00", "fee_due": "5.00"},
            {**INSTALLMENT, "principal_due": "110.00", "interest_due": "-10.00"},
            {**INSTALLMENT, "principal_due": "80.00"},
        ],
        [3, 5, 7],
    ),
    (
        "installments_insane_due_date",
        [
            {**INSTALLMENT, "due_date": date(2025, 1, 1)},
            {**INSTALLMENT, "due_date": date(2024, 12, 31)},
            {**INSTALLMENT, "due_date": date(2036, 1, 1)},
            {**INSTALLMENT, "due_date": date(2036, 2, 1)},
        ],
        [3, 5],
    ),
    ("payments_missing_value", [{**PAYMENT, "amount": None}, {**PAYMENT, "payment_id": None}], [2, 3]),
    ("payments_duplicated_key", [PAYMENT, {**PAYMENT, "payment_id": None}, {**PAYMENT, "payment_id": None}], [2]),
    ("payments_without_contract", [{**PAYMENT, "contract_id": "C9"}], [2]),
    (
        "payments_insane_amount",
        [{**PAYMENT, "amount": "0.01"}, {**PAYMENT, "amount": "0.00"}, {**PAYMENT, "amount": "-5.00"}],
        [3, 4],
    ),
    (
        "payments_insane_dates",
        [
            {**PAYMENT, "reversed_on": date(2025, 2, 1)},
            {**PAYMENT, "reversed_on": date(2025, 1, 31)},
            {**PAYMENT, "value_date": date(2026, 1, 1)},
            {**PAYMENT, "value_date": date(2024, 1, 1)},
            {**PAYMENT, "value_date": date(2023, 12, 31)},
            {**PAYMENT, "value_date": date(2055, 3, 11)},
        ],
        [3, 6, 7],
    ),
    ("charges_missing_value", [{**CHARGE, "due_date": None}], [2]),
    ("charges_duplicated_key", [CHARGE], [2]),
    ("charges_without_contract", [{**CHARGE, "contract_id": "C9"}], [2]),
    ("charges_insane_amount", [{**CHARGE, "amount": "0.00"}, {**CHARGE, "amount": "-0.01"}], [3]),
    ("customers_missing_value", [{**CUSTOMER, "customer_id": None}], [2]),
    ("customers_duplicated_key", [CUSTOMER], [2]),
    (
        "customers_unlikely_profile",
        [
            {**CUSTOMER, "birth_date": None, "employed_since": DAY},
            {**CUSTOMER, "employed_since": date(2025, 3, 11)},
            {**CUSTOMER, "birth_date": date(2015, 1, 1)},
            {**CUSTOMER, "birth_date": date(1900, 1, 1)},
            {**CUSTOMER, "birth_date": date(2100, 1, 1)},
        ],
        [3, 4, 5, 6],
    ),
    ("customers_without_address", [{**CUSTOMER, "phone": None}, {**CUSTOMER, "phone": None, "email": "a@b"}], [2]),
    ("scores_missing_value", [{**SCORE, "score": None}, {**SCORE, "model": None}], [2, 3]),
    ("scores_duplicated_key", [{**SCORE, "stage": "M0M1"}, SCORE], [3]),
    ("scores_without_contract", [{**SCORE, "contract_id": "C9"}], [2]),
    ("holds_missing_value", [{**HOLD, "kind": None}], [2]),
    ("holds_duplicated_key", [HOLD, {**HOLD, "kind": "dispute"}], [2]),
    ("holds_without_contract", [{**HOLD, "contract_id": "C9"}], [2]),
    ("holds_insane_dates", [{**HOLD, "end_date": date(2025, 2, 1)}, {**HOLD, "end_date": date(2025, 1, 31)}], [3]),
    ("promises_missing_value", [{**PROMISE, "due_on": None}], [2]),
    ("promises_duplicated_key", [PROMISE], [2]),
    ("promises_without_contract", [{**PROMISE, "contract_id": "C9"}], [2]),
    (
        "promises_insane_figures",
        [{**PROMISE, "due_on": date(2025, 3, 9)}, {**PROMISE, "amount": "0.00"}, {**PROMISE, "amount": None}],
        [2, 3],
    ),
    ("contact_results_missing_value", [{**RESULT, "channel": None}], [2]),
    ("contact_results_duplicated_key", [RESULT], [2]),
    ("contact_results_without_contract", [RESULT, {**RESULT, "contract_id": "C9"}], [3]),
    ("contact_results_without_customer", [RESULT, {**RESULT, "customer_id": "U9"}], [3]),
    ("contact_results_without_collector", [RESULT, {**RESULT, "collector_id": "K9"}], [3]),
    ("consents_missing_value", [{**CONSENT, "allowed": None}], [2]),
    ("consents_duplicated_key", [CONSENT, {**CONSENT, "valid_from": DAY}], [2]),
    ("consents_without_customer", [{**CONSENT, "customer_id": "U9"}], [2]),
    (
        "consents_insane_dates",
        [{**CONSENT, "valid_from": DAY, "valid_to": DAY}, {**CONSENT, "valid_from": DAY, "valid_to": date(2025, 3, 9)}],
        [3],
    ),
    ("collectors_missing_value", [{**COLLECTOR, "collector_id": None}], [2]),
    ("collectors_duplicated_key", [COLLECTOR], [2]),
    (
        "collectors_insane_figures",
        [
            {**COLLECTOR, "daily_quota": -1},
            {**COLLECTOR, "capacity": -1},
            {**COLLECTOR, "active_from": DAY, "active_to": date(2025, 3, 9)},
        ],
        [2, 3, 4],
    ),
]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def load(connection: duckdb.DuckDBPyConnection, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Registers each table with row numbers, as the gate's views have them."""
    for name, contract in TABLES.items():
        text = pa.schema([pa.field(column.name, pa.string()) for column in contract.columns])
        rows = [
            {
                column.name: None if row.get(column.name) is None else str(row[column.name])
                for column in contract.columns
            }
            for row in tables.get(name, [])
        ]
        typed = pa.Table.from_pylist(rows, schema=text)
        connection.register(f"text_{name}", typed)
        columns = ", ".join(f"CAST({c.name} AS {duck_type(c.type)}) AS {c.name}" for c in contract.columns)
        connection.execute(
            f"CREATE TABLE {name} AS SELECT {columns}, row_number() OVER () AS row_number FROM text_{name}"  # noqa: S608
        )


def duck_type(type_: pa.DataType) -> str:
    names = {"string": "VARCHAR", "date32[day]": "DATE", "int32": "INTEGER", "double": "DOUBLE", "bool": "BOOLEAN"}
    return names.get(str(type_), "DECIMAL(18,2)" if pa.types.is_decimal(type_) else "TIMESTAMP")


def find(connection: duckdb.DuckDBPyConnection, rule: RowRule, sql_root: Path = SQL) -> list[int]:
    open_quarantine(connection)
    count = find_bad_rows(connection, sql_root, rule, "blocking", DAY, allowed=0)
    found = connection.execute(f"SELECT row_number FROM {bad_rows_table(rule)} ORDER BY 1").fetchall()  # noqa: S608
    assert len(found) == count
    return [row for (row,) in found]


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in CASES} == set(ROW_RULES)


@pytest.mark.parametrize(("name", "more", "bad"), CASES, ids=[case[0] for case in CASES])
def test_a_select_finds_the_bad_rows_and_no_others(
    connection: duckdb.DuckDBPyConnection, name: str, more: list[dict[str, Any]], bad: list[int]
) -> None:
    rule = ROW_RULES[name]
    load(connection, {**GOOD, rule.table: [*GOOD[rule.table], *more]})
    assert find(connection, rule) == bad


@pytest.mark.parametrize("name", sorted(ROW_RULES))
def test_good_rows_and_empty_tables_have_no_bad_rows(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    load(connection, GOOD)
    assert find(connection, ROW_RULES[name]) == []
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    connection.execute("DROP TABLE quarantine")
    connection.execute(f"DROP TABLE {bad_rows_table(ROW_RULES[name])}")
    assert find(connection, ROW_RULES[name]) == []


def test_a_ledger_without_customers_or_collectors_is_not_judged_by_them(connection: duckdb.DuckDBPyConnection) -> None:
    load(connection, {**GOOD, "customers": [], "collectors": []})
    for name in ("contracts_without_customer", "consents_without_customer", "contact_results_without_collector"):
        assert find(connection, ROW_RULES[name]) == []
        connection.execute("DROP TABLE quarantine")


def test_quarantine_names_key_contract_and_reason_and_no_personal_value(connection: duckdb.DuckDBPyConnection) -> None:
    load(
        connection, {**GOOD, "installments": [INSTALLMENT, {**INSTALLMENT, "installment_no": 2, "amount_due": "-1.00"}]}
    )
    find(connection, ROW_RULES["installments_insane_amount"])
    assert connection.execute("SELECT * FROM quarantine").fetchall() == [
        (
            "installments_insane_amount",
            "blocking",
            "installments",
            2,
            "contract_id=C1, installment_no=2",
            "C1",
            "amount_due is negative",
        )
    ]
