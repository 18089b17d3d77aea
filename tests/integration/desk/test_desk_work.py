"""Work on a case: results, promises, calls by hand under the day's limits, and what they do to leases and messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from tests.support import outreach_day
from tests.support.desk_floor import NOON, TODAY, collector, lead, viewer

from arrears.desk.refusals import Refusal
from arrears.desk.views import PromiseIn, ResultIn
from arrears.run import open_run
from arrears.warehouse.ops_desk import ContactResult

E1 = collector("E1")


@pytest.fixture
def ledger(floor):
    """Publishes the day's ledger for the customers of cases C00001 to C00004."""

    def publish(number: int = 4, **tables):
        cases = [
            outreach_day.case(f"C{i:05d}", "pressure", contract_ids=f"K{i:05d}", lead_contract_id=f"K{i:05d}")
            for i in range(1, number + 1)
        ]
        with open_run(floor.settings, TODAY, floor.clock) as run:
            outreach_day.publish(run, cases, **tables)

    return publish


@pytest.fixture
def held(floor):
    """Two cases that E1 grabbed, his lease running."""
    ids = floor.cases(2)
    floor.collectors("E1", "E2")
    floor.desk.grab(E1, "phone")
    return ids


def refusal(act, *args, **kwargs) -> tuple[str, str]:
    with pytest.raises(Refusal) as refused:
        act(*args, **kwargs)
    return refused.value.kind, refused.value.rule


def test_a_result_is_written_down_and_ends_the_lease(floor, held):
    done = floor.desk.record_result(E1, ResultIn(held[0], "visit", "right_party"))
    row = floor.rows("contact_result")[0]
    assert (row["result_id"], row["contract_id"], row["collector_id"], row["outcome"]) == (
        done.result_id,
        "K00001",
        "E1",
        "right_party",
    )
    assert (row["recorded_by"], row["business_day"], row["task_key"]) == ("token-E1", TODAY, None)
    assert floor.case(held[0]).lease_until is None
    assert floor.actions()[-2:] == ["result", "worked"]
    floor.clock.forward(hours=2)
    assert floor.desk.expire() == 1
    assert floor.desk.worklist(E1).cases[0].last_result == "right_party"


def test_a_promise_is_kept_with_its_contact(floor, held):
    result = ResultIn(held[0], "phone", "right_party", promise=PromiseIn(Decimal("250.00"), TODAY + timedelta(days=7)))
    done = floor.desk.record_result(E1, result)
    row = floor.rows("promise")[0]
    assert (row["promise_id"], row["result_id"], row["amount"]) == (done.promise_id, done.result_id, Decimal("250.00"))
    assert (row["made_on"], row["due_on"]) == (TODAY, TODAY + timedelta(days=7))
    item = floor.desk.worklist(E1).cases[0]
    assert (item.promise_due_on, item.promise_amount) == (TODAY + timedelta(days=7), Decimal("250.00"))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"channel": "'; DROP TABLE ops.case; --"}, "result.channel"),
        ({"channel": "<script>"}, "result.channel"),
        ({"outcome": "<img src=x onerror=alert(1)>"}, "result.outcome"),
        ({"outcome": ""}, "result.outcome"),
        ({"contract_id": "K00002"}, "result.contract"),
        ({"contract_id": "' OR 1=1 --"}, "result.contract"),
        ({"call_id": "' OR 1=1 --"}, "call.unknown"),
        ({"initiated_by": "nobody"}, "result.initiated_by"),
        ({"promise": PromiseIn(Decimal(0), TODAY)}, "promise.amount"),
        ({"promise": PromiseIn(Decimal("-1.00"), TODAY)}, "promise.amount"),
        ({"promise": PromiseIn(Decimal("0.001"), TODAY)}, "promise.amount"),
        ({"promise": PromiseIn(Decimal("50000.01"), TODAY)}, "promise.amount"),
        ({"promise": PromiseIn(Decimal("NaN"), TODAY)}, "promise.amount"),
        ({"promise": PromiseIn(Decimal("1E+30"), TODAY)}, "promise.amount"),
        ({"promise": PromiseIn(Decimal("1.00"), TODAY - timedelta(days=1))}, "promise.due_on"),
        ({"promise": PromiseIn(Decimal("1.00"), TODAY + timedelta(days=367))}, "promise.due_on"),
        ({"outcome": "no_answer", "promise": PromiseIn(Decimal("1.00"), TODAY)}, "promise.without_contact"),
    ],
)
def test_a_result_that_cannot_be_meant_is_refused(floor, held, change, rule):
    result = replace(ResultIn(held[0], "phone", "right_party"), **change)
    assert refusal(floor.desk.record_result, E1, result)[1] == rule
    assert floor.rows("contact_result") == []
    assert floor.rows("contact_task") == []


def test_a_result_for_a_case_that_is_not_the_callers_is_refused(floor, held):
    other = floor.cases(1, first=9, owner="E2")
    closed = floor.cases(1, first=10, state="closed", pool_opened_at=None, closed_on=TODAY, close_reason="cured")
    record = floor.desk.record_result
    for case_id, found in (
        (other[0], ("forbidden", "case.not_yours")),
        (closed[0], ("gone", "case.closed")),
        ("'; DROP TABLE ops.case; --", ("not_found", "case.unknown")),
        ("a\x00b", ("not_found", "case.unknown")),
    ):
        assert refusal(record, E1, ResultIn(case_id, "phone", "no_answer")) == found
    assert refusal(record, viewer(), ResultIn(held[0], "phone", "no_answer"))[1] == "role.viewer"
    south = lead(teams=frozenset({"south"}))
    assert refusal(record, south, ResultIn(held[0], "phone", "no_answer"))[1] == "scope.team"
    floor.clock.forward(hours=1)
    assert refusal(record, E1, ResultIn(held[0], "phone", "no_answer")) == ("gone", "lease.expired")
    assert floor.rows("contact_result") == []


def test_a_call_is_reserved_counted_and_settled_by_its_result(floor, held, ledger):
    ledger()
    call = floor.desk.reserve_call(E1, held[0])
    task = floor.rows("contact_task")[0]
    assert (task["task_key"], task["slot"], task["channel"], task["state"]) == (
        call.call_id,
        "call-1",
        "phone",
        "sending",
    )
    assert floor.case(held[0]).lease_until is None
    assert floor.desk.worklist(E1).cases[0].calls_today == 1
    # between two contacts the rules want time
    assert refusal(floor.desk.reserve_call, E1, held[0]) == ("limit", "spacing")
    done = floor.desk.record_result(E1, ResultIn(held[0], "phone", "connected", call_id=call.call_id))
    task = floor.rows("contact_task")[0]
    assert (task["state"], task["outcome"], task["worker"]) == ("delivered", "connected", None)
    assert floor.rows("contact_result")[0]["task_key"] == done.call_id == call.call_id
    assert [row["event"] for row in floor.rows("contact_attempt")] == ["delivered", "reserved"]
    again = ResultIn(held[0], "phone", "connected", call_id=call.call_id)
    assert refusal(floor.desk.record_result, E1, again) == ("conflict", "call.settled")


def test_the_days_limit_counts_calls_by_hand_the_ledgers_and_those_never_reserved(floor, held, ledger):
    at = NOON.replace(hour=8, minute=30)
    ledger(
        contact_results=[
            {
                "result_id": "r1",
                "customer_id": "C00001",
                "contract_id": "K00001",
                "channel": "agency_call",
                "attempted_at": at.replace(tzinfo=None),
                "outcome": "connected",
            }
        ]
    )
    floor.desk.record_result(E1, ResultIn(held[0], "call", "right_party"))
    floor.clock.forward(hours=2)
    call = floor.desk.reserve_call(E1, held[0])
    floor.desk.record_result(E1, ResultIn(held[0], "phone", "connected", call_id=call.call_id))
    floor.clock.forward(hours=3)
    # three contacts a day is also the cap of contact.yaml; it speaks first
    kind, rule = refusal(floor.desk.reserve_call, E1, held[0])
    assert (kind, rule) == ("limit", "cap.customer")
    text = floor.settings.rules / "contact.yaml"
    text.write_text(text.read_text().replace("contacts_per_customer: 3", "contacts_per_customer: 9"), encoding="utf-8")
    from arrears.desk.desk import Desk

    other = Desk(floor.warehouse, floor.settings, floor.clock)
    assert refusal(other.reserve_call, E1, held[0]) == ("limit", "cn.connected_calls")
    other.close()


def test_a_result_without_the_calls_id_settles_the_call_that_its_owner_reserved(floor, held, ledger):
    ledger()
    for channel in ("phone", "call"):
        call = floor.desk.reserve_call(E1, held[0])
        done = floor.desk.record_result(E1, ResultIn(held[0], channel, "no_answer"))
        assert done.call_id == call.call_id
        floor.clock.forward(hours=2)
    # two contacts, each counted once, leave room for the third of the three that the rules allow, and for no fourth
    assert [(row["slot"], row["state"]) for row in floor.rows("contact_task")] == [
        ("call-1", "delivered"),
        ("call-2", "delivered"),
    ]
    assert floor.desk.worklist(E1).cases[0].calls_today == 2
    third = floor.desk.reserve_call(E1, held[0])
    assert third.number_today == 3
    floor.desk.record_result(E1, ResultIn(held[0], "phone", "no_answer"))
    floor.clock.forward(hours=2)
    assert refusal(floor.desk.reserve_call, E1, held[0]) == ("limit", "cap.customer")


def test_a_result_settles_no_call_of_somebody_else_or_of_another_kind_of_contact(floor, held, ledger):
    ledger()
    call = floor.desk.reserve_call(E1, held[0])
    floor.desk.record_result(E1, ResultIn(held[0], "visit", "no_answer"))
    floor.desk.record_result(E1, ResultIn(held[0], "phone", "right_party", initiated_by="customer"))
    floor.desk.record_result(E1, ResultIn(held[1], "phone", "no_answer"))
    floor.desk.hand_over(lead(), held[:1], to="E2", reason="E1 leaves")
    mine = floor.desk.record_result(collector("E2"), ResultIn(held[0], "phone", "no_answer"))
    tasks = {row["task_key"]: row["state"] for row in floor.rows("contact_task")}
    assert tasks[call.call_id] == "sending"
    assert mine.call_id != call.call_id
    assert len(tasks) == 3
    # who has his case back has his call back
    floor.desk.hand_over(lead(), held[:1], to="E1", reason="E1 is back")
    assert floor.desk.record_result(lead(), ResultIn(held[0], "phone", "busy")).call_id == call.call_id


def test_which_of_several_reserved_calls_is_asked(floor, held, ledger):
    ledger()
    first = floor.desk.reserve_call(E1, held[0])
    floor.clock.forward(hours=3)
    second = floor.desk.reserve_call(E1, held[0])
    result = ResultIn(held[0], "phone", "no_answer")
    assert refusal(floor.desk.record_result, E1, result) == ("invalid", "call.which")
    assert floor.rows("contact_result") == []
    floor.desk.record_result(E1, replace(result, call_id=first.call_id))
    assert floor.desk.record_result(E1, result).call_id == second.call_id
    floor.clock.forward(hours=3)
    third = floor.desk.reserve_call(E1, held[0])
    floor.clock.forward(days=1)
    calls = {call.call_id for call in (first, second, third)}
    assert floor.desk.record_result(E1, result).call_id not in calls, "a call of yesterday is not today's"


def test_a_call_that_never_rang_does_not_count(floor, held, ledger):
    ledger()
    call = floor.desk.reserve_call(E1, held[0])
    floor.desk.record_result(E1, ResultIn(held[0], "phone", "invalid", call_id=call.call_id))
    assert floor.rows("contact_task")[0]["state"] == "dead"
    assert floor.desk.reserve_call(E1, held[0]).number_today == 2


def test_hours_consent_and_promises_stop_calls(floor, held, ledger):
    refused = {"customer_id": "C00002", "channel": "phone", "allowed": False}
    ledger(consents=[refused])
    assert refusal(floor.desk.reserve_call, E1, held[1]) == ("forbidden", "consent.refused")
    promise = PromiseIn(Decimal("10.00"), TODAY + timedelta(days=1))
    floor.desk.record_result(E1, ResultIn(held[0], "visit", "right_party", promise=promise))
    assert refusal(floor.desk.reserve_call, E1, held[0]) == ("forbidden", "promise.live")
    floor.clock.forward(hours=12, minutes=30)
    later = floor.cases(1, first=3, owner="E1")
    assert refusal(floor.desk.reserve_call, E1, later[0]) == ("limit", "cn.hours")


def test_a_customer_who_left_the_ledger_is_not_called(floor, held, ledger):
    ledger(number=1)
    assert refusal(floor.desk.reserve_call, E1, held[1]) == ("forbidden", "case.closed")


def test_calls_of_yesterday_without_a_result_are_unknown(floor, held, ledger):
    ledger()
    floor.desk.reserve_call(E1, held[0])
    floor.clock.forward(days=1)
    floor.desk.expire()
    task = floor.rows("contact_task")[0]
    assert (task["state"], task["state_reason"], task["worker"]) == ("unknown", "call.no_result", None)


def test_the_same_result_twice_is_written_once(floor, held):
    result = ResultIn(held[0], "phone", "no_answer", promise=None)
    first = floor.desk.record_result(E1, result, request_key="r")
    assert floor.desk.record_result(E1, result, request_key="r") == first
    assert len(floor.rows("contact_result")) == len(floor.rows("contact_task")) == 1
    for other in (ResultIn(held[0], "phone", "busy"), replace(result, initiated_by="customer")):
        assert refusal(floor.desk.record_result, E1, other, request_key="r") == ("conflict", "request.key_reused")


def test_results_are_append_only(floor, held):
    floor.desk.record_result(E1, ResultIn(held[0], "phone", "no_answer"))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), floor.warehouse.begin() as connection:
        connection.execute(sa.delete(ContactResult))
