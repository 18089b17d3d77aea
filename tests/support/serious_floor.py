"""Contacts that wait for a person, in a warehouse, for tests of approvals, vehicles and hand-overs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_contacts import ContactTask

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
_EMPTIED = (
    "ops.placement_recall, ops.vehicle_step, ops.case_event, ops.desk_request, ops.contact_attempt, ops.contact_task, "
    "ops.promise, ops.contact_result, ops.case_assignment, ops.case, ops.customer_notice, ops.customer_consent"
)


def empty(engine: sa.Engine) -> None:
    """Empties what these tests write."""
    with engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {_EMPTIED} CASCADE"))


def key_of(number: int) -> str:
    """Key of the contact with customer `number`."""
    return f"{number:064x}"


def put_contacts(
    engine: sa.Engine,
    numbers: Sequence[int],
    *,
    placement: str = "agency",
    state: str = "awaiting_approval",
    day: date = DAY,
    at: datetime = AT,
    **other: Any,
) -> list[str]:
    """Puts one contact per number into the outbox, for customer C<number> with the contract K<number>; their keys."""
    rows = [
        {
            "task_key": key_of(number),
            "business_day": day,
            "customer_id": f"C{number}",
            "slot": "handover",
            "lead_contract_id": f"K{number}",
            "contract_ids": f"K{number}",
            "channel": placement,
            "language": "zh",
            "queue": placement,
            "placement": placement,
            "priority": 100 - number,
            "needs_approval": True,
            "window_opens_at": at.replace(hour=8),
            "window_closes_at": at.replace(hour=20),
            "state": state,
            "attempts": 0 if state == "awaiting_approval" else 1,
            "last_attempt_at": None if state == "awaiting_approval" else at,
            "planned_at": at,
            "changed_at": at,
            **other,
        }
        for number in numbers
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(ContactTask), rows)
    return [row["task_key"] for row in rows]


def put_cases(
    engine: sa.Engine, numbers: Sequence[int], *, placement: str = "agency", close_reason: str | None = None
) -> list[str]:
    """Puts one case per number, open in the pool, or closed with a reason; their ids."""
    closed = close_reason is not None
    rows = [
        {
            "case_id": f"C{number}@2026-11-01",
            "customer_id": f"C{number}",
            "state": "closed" if closed else "pool",
            "pool_opened_at": None if closed else AT - timedelta(hours=2),
            "closed_on": DAY if closed else None,
            "close_reason": close_reason,
            "opened_on": date(2026, 11, 1),
            "as_of": DAY,
            "queue": placement,
            "segment": "high",
            "treatment": "repossession" if placement == "repossession" else "placement",
            "intensity": 5,
            "placement": placement,
            "priority": 1,
            "work_order": number,
            "contracts": 1,
            "contract_ids": f"K{number}",
            "lead_contract_id": f"K{number}",
            "overdue_amount": Decimal("1000.00"),
            "outstanding_amount": Decimal("90000.00"),
            "days_past_due": 200,
            "bucket": "M7",
            "class": "high",
            "rule_set": "standard",
            "rule_set_version": 1,
            "rule_set_hash": "0" * 64,
        }
        for number in numbers
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(CASE), rows)
    return [str(row["case_id"]) for row in rows]


def contact_rows(engine: sa.Engine) -> dict[str, sa.Row[Any]]:
    """The outbox by customer."""
    with engine.connect() as connection:
        return {row.customer_id: row for row in connection.execute(sa.select(ContactTask.__table__))}
