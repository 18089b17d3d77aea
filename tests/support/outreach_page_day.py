"""A day of outreach written into warehouse and lake: every state, verdict and receipt that the page shows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from arrears.day import BusinessDay
from arrears.lake import Lake
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice
from arrears.warehouse.ops_contacts import (
    ContactAttempt,
    ContactChannel,
    ContactTask,
    ContactWorker,
    PartnerFile,
    UnmatchedReceipt,
)
from arrears.warehouse.ops_desk import ContactResult, Promise

DAY = date(2026, 11, 20)
NINE = datetime(2026, 11, 20, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
GUIDELINE = "cn: 金融机构个人消费类贷款催收工作指引（试行）, China Banking Association"
# channel, state, how many, events after the reservation, outcome, further values
Kind = tuple[str, str, int, tuple[str, ...], str | None, dict[str, Any]]
KINDS: tuple[Kind, ...] = (
    ("sms", "planned", 3, (), None, {}),
    (
        "sms",
        "blocked",
        2,
        (),
        None,
        {"state_reason": "cn.hours", "policy_rule": "cn.hours", "policy_source": GUIDELINE},
    ),
    ("sms", "sent", 4, ("sent",), None, {"provider_id": "sms-1"}),
    ("sms", "delivered", 9, ("sent", "delivered"), "delivered", {"provider_id": "sms-2"}),
    ("sms", "delivered", 1, ("sent", "delivered", "opted_out"), "opt_out", {"provider_id": "sms-3"}),
    ("sms", "delivered", 2, ("sent", "delivered", "promised"), "promise", {"provider_id": "sms-4"}),
    ("sms", "dead", 2, ("dead",), None, {"state_reason": "http.400"}),
    ("sms", "dead", 1, ("sent", "undelivered"), "failed", {"state_reason": "provider.failed", "provider_id": "sms-5"}),
    ("sms", "failed", 1, ("failed",), None, {"state_reason": "http.500"}),
    ("dialer", "delivered", 3, ("sent", "delivered"), "right_party", {"provider_id": "d-1"}),
    ("dialer", "delivered", 4, ("sent", "delivered"), "no_answer", {"provider_id": "d-2"}),
    ("dialer", "cancelled", 1, (), None, {"state_reason": "plan.changed"}),
    ("dialer", "expired", 1, (), None, {"state_reason": "window.closed"}),
    ("email", "unknown", 2, ("unknown",), None, {"state_reason": "smtp.no_answer"}),
    ("email", "sent", 5, ("sent",), None, {"provider_id": "<k@lender.example>"}),
    ("agency", "awaiting_approval", 2, (), None, {"needs_approval": True, "placement": "agency"}),
    ("agency", "rejected", 1, (), None, {"needs_approval": True, "placement": "agency", "decided_by": "lina"}),
)
PLANNED_ONLY = (
    *[("sms", "blocked", "consent.refused", "the lender's own record")] * 5,
    *[("sms", "blocked", "promise.live", None)] * 2,
    *[("dialer", "cut", "cap.channel", None)] * 3,
    *[("dialer", "planned", None, None)] * 9,
)


def key_of(number: int) -> str:
    return f"{number:064x}"


def task(number: int, channel: str = "sms", state: str = "planned", **values: Any) -> dict[str, Any]:
    """One row of the outbox; its customer is `C` and the number."""
    under_way = state == "sending"
    return {
        "task_key": key_of(number),
        "business_day": DAY,
        "customer_id": f"C{number:05}",
        "slot": "morning",
        "lead_contract_id": f"K{number:05}",
        "contract_ids": f"K{number:05}",
        "channel": channel,
        "template": "reminder_sms" if channel == "sms" else None,
        "language": "zh",
        "queue": "phone",
        "placement": "in_house",
        "priority": 10,
        "needs_approval": False,
        "window_opens_at": NINE,
        "window_closes_at": NINE + timedelta(hours=3),
        "state": state,
        "state_reason": None,
        "attempts": 0,
        "outcome": None,
        "provider_id": None,
        "last_attempt_at": None,
        "decided_by": None,
        "worker": 7 if under_way else None,
        "policy": "cn",
        "policy_rule": None,
        "policy_source": None,
        "policy_flags": None,
        "planned_at": NINE - timedelta(hours=2),
        "changed_at": NINE,
        **values,
    }


def event(of: dict[str, Any], name: str, minutes: int, *, attempt: int = 1, **values: Any) -> dict[str, Any]:
    """One event of an attempt at a task."""
    return {
        "task_key": of["task_key"],
        "attempt_no": attempt,
        "event": name,
        "at": NINE + timedelta(minutes=minutes),
        "business_day": of["business_day"],
        "customer_id": of["customer_id"],
        "channel": of["channel"],
        "outcome": None,
        "reason": None,
        "provider_id": None,
        "tries": 1,
        **values,
    }


def case(number: int, **values: Any) -> dict[str, Any]:
    """The open case of the task `number`."""
    return {
        "case_id": f"C{number:05}@2026-11-18",
        "customer_id": f"C{number:05}",
        "state": "owned",
        "collector_id": "C-017",
        "source": "auto",
        "owned_from": NINE,
        "opened_on": DAY - timedelta(days=2),
        "as_of": DAY,
        "queue": "phone",
        "segment": "mid_phone",
        "treatment": "phone_pressure",
        "intensity": 3,
        "placement": "in_house",
        "priority": 50,
        "work_order": number,
        "contracts": 2,
        "contract_ids": f"K{number:05},L{number:05}",
        "lead_contract_id": f"K{number:05}",
        "overdue_amount": 1000,
        "outstanding_amount": 50000,
        "days_past_due": 40,
        "bucket": "M2",
        "class": "mid",
        "rule_set": "shipped",
        "rule_set_version": 1,
        "rule_set_hash": "0" * 64,
        **values,
    }


def write_plan(lake_root: Path, rows: Iterable[tuple[str, str, str | None, str | None]] = PLANNED_ONLY) -> None:
    """The day's plan in the lake: channel, verdict, rule and its source."""
    columns = list(zip(*rows, strict=True))
    names = ("channel", "verdict", "verdict_rule", "policy_source")
    table = pa.table({name: pa.array(values, pa.string()) for name, values in zip(names, columns, strict=True)})
    with Lake(lake_root).replace("contact_plan", BusinessDay(DAY, "frozen")) as path:
        pq.write_table(table, path)


def write_day(warehouse: sa.Engine, lake_root: Path) -> None:
    """Everything."""
    tasks, events = [], []
    number = 0
    for channel, state, count, after, outcome, values in KINDS:
        for _ in range(count):
            number += 1
            made = task(number, channel, state, outcome=outcome, attempts=1 if after else 0, **values)
            if after:
                made["last_attempt_at"] = NINE + timedelta(minutes=number)
                events.append(event(made, "reserved", number, tries=0))
            for place, name in enumerate(after, start=1):
                late = name in {"delivered", "undelivered", "opted_out", "promised"}
                events.append(event(made, name, number + place, outcome=outcome if late else None))
            tasks.append(made)
    call = task(901, "phone", "delivered", slot="call-1", outcome="right_party", attempts=1)
    tasks.append(call)
    events += [event(call, "reserved", 30), event(call, "delivered", 35, outcome="right_party")]
    history = task(
        900, "dialer", "delivered", attempts=2, outcome="right_party", policy_flags="warn:cn.unanswered_tries"
    )
    history |= {"policy_rule": "cn.unanswered_tries", "policy_source": GUIDELINE}
    tasks += [history, {**task(902), "customer_id": "C00900", "slot": "afternoon"}]
    tasks.append(
        {**task(903, "sms", "dead", state_reason="http.400", attempts=1), "customer_id": "C00900", "slot": "noon"}
    )
    events += [
        event(history, "reserved", 1, tries=0),
        event(history, "failed", 2, reason="http.503", tries=3),
        event(history, "reserved", 8, attempt=2, tries=0),
        event(history, "sent", 9, attempt=2),
        event(history, "delivered", 12, attempt=2, outcome="right_party"),
    ]
    told = {
        "contract_id": "K00901",
        "customer_id": "C00901",
        "case_id": case(901)["case_id"],
        "collector_id": "C-017",
        "queue": "phone",
        "channel": "phone",
        "attempted_at": NINE + timedelta(minutes=35),
        "outcome": "right_party",
        "initiated_by": "lender",
        "recorded_by": "C-017",
        "recorded_at": NINE + timedelta(minutes=36),
        "business_day": DAY,
    }
    other = {"case_id": case(900)["case_id"], "customer_id": "C00900", "contract_id": "K00900", "channel": "visit"}
    with warehouse.begin() as connection:
        connection.execute(sa.insert(CASE), [case(900), case(901)])
        connection.execute(sa.insert(ContactTask), tasks)
        connection.execute(sa.insert(ContactAttempt), events)
        connection.execute(
            sa.insert(ContactResult),
            [
                {**told, "result_id": "R1", "task_key": call["task_key"]},
                {**told, **other, "result_id": "R2", "task_key": None, "outcome": "no_answer"},
            ],
        )
        connection.execute(
            sa.insert(Promise),
            {
                "promise_id": "P1",
                "result_id": "R1",
                "case_id": told["case_id"],
                "contract_id": "K00901",
                "customer_id": "C00901",
                "collector_id": "C-017",
                "made_on": DAY,
                "due_on": DAY + timedelta(days=3),
                "amount": 500,
                "recorded_by": "C-017",
                "recorded_at": NINE,
                "business_day": DAY,
            },
        )
        connection.execute(
            sa.insert(CustomerNotice),
            [
                {
                    "notice_id": f"N{name}",
                    "customer_id": customer,
                    "kind": "payment",
                    "amount": 10,
                    "at": NINE + timedelta(minutes=minutes),
                    "source": "test",
                    "recorded_at": NINE + timedelta(minutes=minutes),
                }
                # the first sent text's customer afterwards; the next one's before he was tried: it does not count
                for name, customer, minutes in (("1", "C00006", 60), ("2", "C00007", 1), ("3", "C00900", 90))
            ],
        )
        connection.execute(
            sa.insert(CustomerConsent),
            {
                "consent_id": "S1",
                "customer_id": "C00900",
                "channel": "sms",
                "allowed": False,
                "reason": "opt_out",
                "valid_from": NINE + timedelta(minutes=20),
                "source": "sms",
                "recorded_by": "sms",
                "recorded_at": NINE + timedelta(minutes=20),
            },
        )
        connection.execute(
            sa.insert(ContactChannel),
            [
                {"channel": "sms", "breaker": "open", "breaker_failures": 8, "breaker_until": NINE, "changed_at": NINE},
                {
                    "channel": "dialer",
                    "breaker": "closed",
                    "breaker_failures": 0,
                    "breaker_until": None,
                    "changed_at": NINE,
                },
            ],
        )
        connection.execute(
            sa.insert(ContactWorker),
            {"worker": 5, "channel": "dialer", "machine": "m", "process": 1, "began_at": NINE},
        )
        connection.execute(
            sa.insert(UnmatchedReceipt),
            {
                "channel": "sms",
                "key_digest": "0" * 64,
                "outcome": "<b>delivered</b>",
                "reason": "unknown_task",
                "times": 3,
                "first_at": NINE,
                "last_at": NINE + timedelta(minutes=5),
            },
        )
        connection.execute(
            sa.insert(PartnerFile),
            [
                {
                    "channel": "agency",
                    "file": f"placement-2026-11-20-{name}.csv",
                    "kind": "placement",
                    "business_day": DAY,
                    "sha256": "0" * 64,
                    "rows": 3,
                    "at": NINE,
                    "acknowledged_at": acknowledged,
                    "accepted": accepted,
                    "reason": reason,
                }
                for name, acknowledged, accepted, reason in (
                    ("a", None, None, None),
                    ("b", NINE, True, None),
                    ("c", NINE, False, "checksum"),
                )
            ],
        )
    write_plan(lake_root)
    at = datetime(2026, 11, 19, 15, 0)  # noqa: DTZ001 (the ledger tells local time)
    results = {
        # R2 is fed back from the desk
        "result_id": ["L1", "R2", "L2"],
        "customer_id": ["C00900", "C00900", "C00001"],
        "collector_id": ["AG-1", "C-017", None],
        "channel": ["agency_call", "visit", "call"],
        "attempted_at": pa.array([at, at, at], pa.timestamp("us")),
        "outcome": ["right_party", "no_answer", "busy"],
    }
    with Lake(lake_root).replace("contact_results", BusinessDay(DAY, "frozen")) as path:
        pq.write_table(pa.table(results), path)
