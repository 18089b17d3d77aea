"""Builds a published day for outreach tests: a few cases with all that is true of their customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arrears.ledger.contract import arrow_schema
from arrears.run import Run

DAY = date(2026, 11, 20)

_T, _I, _M, _B = pa.string(), pa.int32(), pa.decimal128(18, 2), pa.bool_()
CASES = pa.schema(
    [
        ("as_of", pa.date32()), ("customer_id", _T), ("entered_on", pa.date32()), ("contracts", _I),
        ("contract_ids", _T), ("lead_contract_id", _T), ("region", _T), ("product", _T), ("vehicle_type", _T),
        ("language", _T), ("overdue_amount", _M), ("outstanding_amount", _M), ("days_past_due", _I),
        ("delinquent_days", _I), ("bucket", _T), ("bucket_no", _I), ("class", _T), ("segment", _T),
        ("treatment", _T), ("intensity", _I), ("placement", _T), ("channels", _T), ("queue", _T), ("priority", _I),
        ("work_order", _I), ("held", _B), ("hold_kind", _T), ("treatment_rule", _T), ("rule_set", _T),
        ("rule_set_version", _I), ("rule_set_hash", _T),
    ]
)  # fmt: skip
TREATMENT = pa.schema(
    [
        ("as_of", pa.date32()), ("contract_id", _T), ("customer_id", _T), ("currency", _T), ("days_past_due", _I),
        ("overdue_amount", _M), ("held", _B), ("hold_kind", _T),
    ]
)  # fmt: skip
ASSIGNMENT = pa.schema([("as_of", pa.date32()), ("customer_id", _T), ("queue", _T), ("collector_id", _T)])

KINDS: Mapping[str, Mapping[str, Any]] = {
    "reminder": {
        "treatment": "soft_reminder", "intensity": 1, "placement": "in_house", "channels": "sms,email",
        "queue": "reminder", "priority": 10,
    },
    "mail": {
        "treatment": "soft_reminder", "intensity": 1, "placement": "in_house", "channels": "email,sms",
        "queue": "reminder", "priority": 10,
    },
    "call": {
        "treatment": "early_call", "intensity": 2, "placement": "in_house", "channels": "dialer,sms",
        "queue": "phone", "priority": 20,
    },
    "pressure": {
        "treatment": "phone_pressure", "intensity": 3, "placement": "in_house", "channels": "dialer,sms",
        "queue": "phone", "priority": 40,
    },
    "field": {
        "treatment": "field_visit", "intensity": 4, "placement": "field", "channels": "field", "queue": "field",
        "priority": 50,
    },
    "agency": {
        "treatment": "agency_placement", "intensity": 4, "placement": "agency", "channels": "agency",
        "queue": "agency", "priority": 50,
    },
    "legal": {
        "treatment": "legal_action", "intensity": 5, "placement": "legal", "channels": "legal", "queue": "legal",
        "priority": 70,
    },
    "repossession": {
        "treatment": "repossession", "intensity": 5, "placement": "repossession", "channels": "repossession",
        "queue": "repossession", "priority": 80,
    },
}  # fmt: skip


def case(customer_id: str, kind: str = "reminder", **other: Any) -> dict[str, Any]:
    """A case of one contract, treated as `kind` says; keyword arguments go over it."""
    return {
        "as_of": DAY,
        "customer_id": customer_id,
        "entered_on": DAY - timedelta(days=12),
        "contracts": 1,
        "contract_ids": f"K-{customer_id}",
        "lead_contract_id": f"K-{customer_id}",
        "region": "sichuan",
        "product": "commercial_vehicle",
        "vehicle_type": "heavy_truck",
        "language": "zh",
        "overdue_amount": Decimal("1234.50"),
        "outstanding_amount": Decimal("99000.00"),
        "days_past_due": 12,
        "delinquent_days": 12,
        "bucket": "M1",
        "bucket_no": 1,
        "class": "low",
        "segment": "low_soft",
        "work_order": 1,
        "held": False,
        "rule_set": "standard",
        "rule_set_version": 1,
        "rule_set_hash": "0" * 64,
        **KINDS[kind],
        **other,
    }


def customer(customer_id: str, **other: Any) -> dict[str, Any]:
    """A customer with phone and e-mail; keyword arguments go over them."""
    number = sum(ord(char) * 7**place for place, char in enumerate(customer_id)) % 100_000_000
    return {
        "customer_id": customer_id,
        "name": f"样例{customer_id}",
        "phone": f"138{number:08d}",
        "email": f"{customer_id.lower()}@customer.example",
        "region": "sichuan",
        "time_zone": "Asia/Shanghai",
        "language": "zh",
        **other,
    }


def publish(run: Run, cases: Sequence[Mapping[str, Any]], **tables: Sequence[Mapping[str, Any]]) -> None:
    """Writes and publishes ledger and treatment of the run's day; customers without a row of their own get one."""
    named = {row["customer_id"] for row in tables.get("customers", ())}
    customers = [*tables.get("customers", ())]
    customers += [customer(row["customer_id"]) for row in cases if row["customer_id"] not in named]
    contracts = [
        {"contract_id": contract_id, "customer_id": row["customer_id"]}
        for row in cases
        for contract_id in row["contract_ids"].split(",")
    ]
    overdue = {row["lead_contract_id"]: row["overdue_amount"] for row in cases}
    ledger = ("contracts", "customers", "consents", "contact_results", "holds", "payments", "promises")
    given = {**tables, "customers": customers, "contracts": contracts}
    for table in ledger:
        write(run, table, given.get(table, ()), arrow_schema(table))
    treated = [
        {
            "as_of": run.day.as_of,
            "contract_id": contract["contract_id"],
            "customer_id": contract["customer_id"],
            "currency": "CNY",
            "overdue_amount": overdue.get(contract["contract_id"]),
            "held": False,
        }
        for contract in contracts
    ]
    write(run, "cases", [{**row, "as_of": run.day.as_of} for row in cases], CASES)
    write(run, "treatment", treated, TREATMENT)
    write(run, "assignment", [{"as_of": run.day.as_of, "customer_id": row["customer_id"]} for row in cases], ASSIGNMENT)
    run.lake.publish("ledger", run.day, ledger)
    run.lake.publish("treatment", run.day, ("treatment", "cases"))


def write(run: Run, table: str, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """Replaces a partition; columns that a row does not name are NULL."""
    instants = {field.name for field in schema if pa.types.is_timestamp(field.type)}
    made = [{name: _instant(value) if name in instants else value for name, value in row.items()} for row in rows]
    with run.lake.replace(table, run.day) as path:
        pq.write_table(pa.Table.from_pylist(made, schema=schema), path)


def _instant(value: object) -> object:
    """A day as its first instant."""
    return datetime.combine(value, time.min) if isinstance(value, date) and not isinstance(value, datetime) else value


def plan_rows(run: Run) -> list[dict[str, Any]]:
    """The day's contact plan, ordered by customer and slot."""
    rows = pq.read_table(run.lake.path("contact_plan", run.day)).to_pylist()
    return sorted(rows, key=lambda row: (row["customer_id"], str(row["window_opens_at"]), row["slot"]))
