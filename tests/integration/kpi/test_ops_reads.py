"""What the closing facts see of contact tasks, attempts and grabs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from arrears.kpi import ops_reads
from arrears.warehouse.audit import StepResultRow
from arrears.warehouse.ops_cases import Case, CaseAssignment
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask
from arrears.warehouse.ops_desk import ContactResult, Promise

DAY = date(2026, 11, 19)
NINE = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)


@pytest.fixture
def connection(pg_url: str) -> Iterator[sa.Connection]:
    """A transaction that is rolled back."""
    engine = sa.create_engine(pg_url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


class OneConnection:
    """Stands for the engine, so that what the test wrote is seen and leaves no trace."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def connect(self) -> OneConnection:
        return self

    def __enter__(self) -> sa.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        """The test's own fixture ends the transaction."""


def task(key: str, *, day: date = DAY, channel: str = "sms", state: str = "sent", attempts: int = 1) -> dict[str, Any]:
    return {
        "task_key": key,
        "business_day": day,
        "customer_id": f"K{key}",
        "slot": "first",
        "lead_contract_id": "C",
        "contract_ids": "C",
        "channel": channel,
        "language": "zh",
        "queue": "phone",
        "placement": "in_house",
        "priority": 1,
        "needs_approval": False,
        "window_opens_at": NINE,
        "window_closes_at": NINE + timedelta(hours=1),
        "state": state,
        "attempts": attempts,
        "planned_at": NINE,
        "changed_at": NINE,
    }


def event(key: str, number: int, name: str, *, outcome: str | None = None, day: date = DAY) -> dict[str, Any]:
    return {
        "task_key": key,
        "attempt_no": number,
        "event": name,
        "at": NINE,
        "business_day": day,
        "customer_id": f"K{key}",
        "channel": "sms",
        "outcome": outcome,
        "tries": 1,
    }


def test_tasks_are_counted_by_state_and_whether_they_were_tried(connection: sa.Connection) -> None:
    connection.execute(
        sa.insert(ContactTask),
        [
            task("1"),
            task("2"),
            task("3", state="blocked", attempts=0),
            task("4", channel="agency", state="lapsed", attempts=0),
            task("5", day=DAY - timedelta(days=1)),
        ],
    )
    found = ops_reads.contact_tasks(OneConnection(connection), [DAY])  # type: ignore[arg-type]
    assert sorted(tuple(row.values()) for row in found.to_pylist()) == [
        (DAY, "agency", "lapsed", 0, 1),
        (DAY, "sms", "blocked", 0, 1),
        (DAY, "sms", "sent", 1, 2),
    ]


def test_an_attempt_is_its_events(connection: sa.Connection) -> None:
    connection.execute(sa.insert(ContactTask), [task("1"), task("2"), task("3")])
    connection.execute(
        sa.insert(ContactAttempt),
        [
            event("1", 1, "reserved"),
            event("1", 1, "failed"),
            event("1", 2, "reserved"),
            event("1", 2, "sent"),
            event("1", 2, "delivered", outcome="right_party"),
            event("2", 1, "reserved"),
            event("3", 1, "reserved"),
            event("3", 1, "sent"),
        ],
    )
    found = ops_reads.contact_attempts(OneConnection(connection), [DAY])  # type: ignore[arg-type]
    assert sorted((row["customer_id"], row["ended"], row["outcome"] or "") for row in found.to_pylist()) == [
        ("K1", "delivered", "right_party"),
        ("K1", "failed", ""),
        ("K2", "unknown", ""),
        ("K3", "sent", ""),
    ]


def test_how_far_an_attempt_came_is_told_as_the_page_tells_it(connection: sa.Connection) -> None:
    connection.execute(sa.insert(ContactTask), [task(str(number)) for number in range(1, 8)])
    connection.execute(
        sa.insert(ContactAttempt),
        [
            event("1", 1, "reserved"),
            event("1", 1, "sent"),
            event("2", 1, "sent"),
            event("2", 1, "delivered", outcome="delivered"),
            event("3", 1, "delivered", outcome="delivered"),
            event("3", 1, "opted_out", outcome="opt_out"),
            event("4", 1, "sent"),
            event("4", 1, "answered", outcome="delivered"),
            event("5", 1, "delivered", outcome="promise"),
            event("5", 1, "promised", outcome="promise"),
            event("6", 1, "delivered", outcome="no_answer"),
            event("7", 1, "undelivered", outcome="invalid"),
        ],
    )
    found = ops_reads.contact_attempts(OneConnection(connection), [DAY])  # type: ignore[arg-type]
    stages = {row["customer_id"]: (row["arrived"], row["answered"], row["promised"]) for row in found.to_pylist()}
    assert stages == {
        "K1": (False, False, False),
        "K2": (True, False, False),
        "K3": (True, True, False),
        "K4": (True, True, False),
        "K5": (True, True, True),
        "K6": (False, False, False),
        "K7": (False, False, False),
    }


def test_a_grab_knows_its_wait_and_what_people_recorded_is_no_second_contact(connection: sa.Connection) -> None:
    case = {
        "case_id": "K1@2026-11-19",
        "customer_id": "K1",
        "state": "owned",
        "collector_id": "ann",
        "source": "grab",
        "owned_from": NINE,
        "opened_on": DAY,
        "as_of": DAY,
        "queue": "phone",
        "segment": "mid_phone",
        "treatment": "phone_pressure",
        "intensity": 3,
        "placement": "in_house",
        "priority": 1,
        "work_order": 1,
        "contracts": 1,
        "contract_ids": "C",
        "lead_contract_id": "C",
        "overdue_amount": 1,
        "outstanding_amount": 1,
        "days_past_due": 40,
        "bucket": "M2",
        "class": "mid",
        "rule_set": "standard",
        "rule_set_version": 1,
        "rule_set_hash": "x",
    }
    connection.execute(sa.insert(Case.__table__), case)
    told = {
        "case_id": case["case_id"],
        "contract_id": "C",
        "customer_id": "K1",
        "collector_id": "ann",
        "queue": "phone",
        "channel": "phone",
        "attempted_at": NINE,
        "outcome": "right_party",
        "initiated_by": "lender",
        "recorded_by": "ann",
        "recorded_at": NINE,
        "business_day": DAY,
    }
    call = {**task("1", channel="phone", state="delivered"), "slot": "call-1"}
    connection.execute(sa.insert(ContactTask), [call, task("2")])
    connection.execute(
        sa.insert(ContactAttempt),
        [event("1", 1, "reserved"), event("1", 1, "delivered", outcome="right_party"), event("2", 1, "sent")],
    )
    connection.execute(
        sa.insert(ContactResult),
        [
            {**told, "result_id": "D1", "task_key": "1"},
            {**told, "result_id": "D2", "task_key": None, "channel": "visit", "outcome": "invalid"},
            {**told, "result_id": "D3", "task_key": None, "initiated_by": "customer"},
            {**told, "result_id": "D4", "task_key": None, "business_day": DAY + timedelta(days=1)},
        ],
    )
    due = DAY + timedelta(days=5)
    promised = {name: value for name, value in told.items() if name in Promise.__table__.columns}
    connection.execute(
        sa.insert(Promise),
        {**promised, "promise_id": "P1", "result_id": "D1", "made_on": DAY, "due_on": due, "amount": 5},
    )
    engine: Any = OneConnection(connection)
    results = ops_reads.desk_results(engine, DAY, DAY, "Asia/Shanghai").to_pylist()
    assert sorted(row["result_id"] for row in results) == ["D1", "D2", "D3"]
    assert {row["attempted_at"] for row in results} == {datetime(2026, 11, 19, 9, 0)}  # noqa: DTZ001 local time
    # the call that D1 settles is the same contact as D1
    attempts = ops_reads.contact_attempts(engine, [DAY])
    assert attempts["customer_id"].to_pylist() == ["K1", "K2"]
    assert attempts["promised"].to_pylist() == [True, False], "the promise that a collector recorded"
    assert ops_reads.contact_attempts(engine, [DAY], recorded=False)["customer_id"].to_pylist() == ["K2"]
    assert ops_reads.contact_counts(engine, DAY, DAY)["customer_id"].to_pylist() == ["K2"]
    unreserved = ops_reads.unreserved_attempts(engine, [DAY]).to_pylist()
    assert [(row["channel"], row["ended"], row["outcome"]) for row in unreserved] == [("visit", "failed", "invalid")]
    assert ops_reads.desk_promises(engine, due, due)["promise_id"].to_pylist() == ["P1"]
    assert ops_reads.desk_promises(engine, DAY + timedelta(days=1), DAY + timedelta(days=2)).num_rows == 0
    pooled = {"case_id": case["case_id"], "queue": "phone", "from_day": DAY, "reason": "limits_reached"}
    connection.execute(
        sa.insert(CaseAssignment),
        [
            {
                **pooled,
                "interval_no": 1,
                "source": "pool",
                "collector_id": None,
                "from_at": NINE,
                "to_at": NINE + timedelta(minutes=30, seconds=59),
                "to_day": DAY,
                "end_reason": "grabbed",
            },
            {
                **pooled,
                "interval_no": 2,
                "source": "grab",
                "collector_id": "ann",
                "from_at": NINE + timedelta(minutes=30, seconds=59),
                "to_at": None,
                "to_day": None,
                "end_reason": None,
            },
        ],
    )
    found = ops_reads.grabs(OneConnection(connection), [DAY])  # type: ignore[arg-type]
    assert found.to_pylist() == [{"as_of": DAY, "customer_id": "K1", "minutes": 30}]
    # of a case that lay there before, from when the pool was opened that day
    step = {
        "as_of": DAY,
        "basis": "frozen",
        "dag": "worklist_daily",
        "step": "open_grab_pool",
        "detail": "",
        "state": "success",
        "recorded_at": NINE,
        "seconds": 1,
        "rows": {},
        "figures": {},
        "links": {},
        "warnings": [],
    }
    opened = [{**step, "acted_at": NINE + timedelta(minutes=late)} for late in (25, 60)]
    connection.execute(sa.insert(StepResultRow), opened)
    found = ops_reads.grabs(OneConnection(connection), [DAY])  # type: ignore[arg-type]
    assert found["minutes"].to_pylist() == [5]
    assert ops_reads.grabs(OneConnection(connection), [DAY - timedelta(days=1)]).num_rows == 0  # type: ignore[arg-type]
    held = ops_reads.intervals(engine, [DAY]).sort_by("interval_no").to_pylist()
    assert [(row["source"], row["collector_id"], row["minutes"], row["end_reason"]) for row in held] == [
        ("pool", None, 30, "grabbed"),
        ("grab", "ann", None, None),
    ]
    assert ops_reads.intervals(engine, [DAY - timedelta(days=1)]).num_rows == 0
    assert ops_reads.intervals(engine, [DAY + timedelta(days=1)])["source"].to_pylist() == ["grab"]
