"""The outbox through the day: what a new plan may change, approvals, waits, receipts and ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from arrears.desk.callers import Caller
from arrears.errors import ChannelError, NotPublishedError
from arrears.outreach.steps import (
    approve,
    dispatch_contacts,
    pending_approvals,
    plan_contacts,
    publish_worklist,
    push_approved,
    push_contacts,
    reconcile_contacts,
)

LEAD = Caller("team.lead", "lead", via="command")


def replan(outreach: Any, cases: list[dict[str, Any]], at: str = "2026-11-20 10:00:00", **tables: Any) -> Any:
    with outreach.run(at) as run:
        outreach.builder.publish(run, cases, **tables)
        return plan_contacts(run).figures["outbox"]


def shown(outreach: Any) -> list[tuple[str, str, str, str]]:
    return [(task["customer_id"], task["slot"], task["channel"], task["state"]) for task in outreach.tasks()]


def test_a_second_plan_touches_nothing(outreach: Any) -> None:
    cases = [outreach.builder.case(f"C{number}", kind) for number, kind in enumerate(["reminder", "pressure", "legal"])]
    first = outreach.plan(cases)
    assert first["outbox"] == {"added": 4, "replaced": 0, "cancelled": 0}
    assert first["awaiting_approval"] == {"legal": 1}
    before = outreach.ops()
    assert replan(outreach, cases) == {"added": 0, "replaced": 0, "cancelled": 0}
    assert outreach.ops() == before


def test_a_new_plan_replaces_cancels_and_revives_what_was_not_tried(outreach: Any) -> None:
    case = outreach.builder.case
    outreach.plan([case("C1"), case("C2"), case("C3")])
    assert replan(outreach, [case("C1"), case("C2", "mail")]) == {"added": 0, "replaced": 1, "cancelled": 1}
    assert shown(outreach) == [
        ("C1", "morning", "sms", "planned"),
        ("C2", "morning", "email", "planned"),
        ("C3", "morning", "sms", "cancelled"),
    ]
    assert replan(outreach, [case("C1"), case("C2", "mail"), case("C3")])["replaced"] == 1
    assert {task["state"] for task in outreach.tasks()} == {"planned"}
    assert replan(outreach, []) == {"added": 0, "replaced": 0, "cancelled": 3}


def test_a_slot_with_an_attempt_is_final(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case
    outreach.plan([case("C1"), case("C2")])
    with outreach.run() as run:
        push_contacts(run, "sms")
    before = outreach.ops()
    assert replan(outreach, [case("C1", "mail")]) == {"added": 0, "replaced": 0, "cancelled": 0}
    assert outreach.ops() == before


def test_plan_asks_for_published_tables(outreach: Any) -> None:
    with outreach.run() as run:
        with pytest.raises(NotPublishedError):
            plan_contacts(run)
        outreach.builder.publish(run, [outreach.builder.case("C1")])
        plan_contacts(run)
        result = publish_worklist(run)
        assert result.rows == {"assignment": 1, "contact_plan": 1}
        run.lake.require("worklist", run.day, ("assignment", "contact_plan"))


def test_cases_that_no_cadence_fits_are_shown(outreach: Any) -> None:
    with outreach.run() as run:
        outreach.builder.publish(run, [outreach.builder.case("C1", channels="pigeon"), outreach.builder.case("C2")])
        result = plan_contacts(run)
    assert result.figures["cases_without_contact"] == 1
    assert len(result.warnings) == 1


def test_approval_holds_back_agency_and_legal_only(outreach: Any, gateway: Any) -> None:
    kinds = ["reminder", "field", "agency", "agency", "legal"]
    outreach.plan([outreach.builder.case(f"C{number}", kind) for number, kind in enumerate(kinds)])
    with outreach.run() as run:
        assert pending_approvals(run) == {"agency": 2, "legal": 1}
        for channel in ("sms", "field", "agency", "legal"):
            push_contacts(run, channel)
        assert push_approved(run).figures["sent"] == 0
        assert outreach.states() == {"sent": 2, "awaiting_approval": 3}
        assert approve(run, "approve", LEAD, ["agency"]).figures == {"approved": 2, "rejected": 0}
        assert approve(run, "reject", LEAD).figures == {"approved": 0, "rejected": 1}
        assert pending_approvals(run) == {}
        assert push_approved(run).figures["sent"] == 2
        assert push_approved(run).figures["sent"] == 0
    tasks = outreach.tasks()
    assert outreach.states() == {"sent": 4, "rejected": 1}
    assert {task["decided_by"] for task in tasks if task["needs_approval"]} == {"team.lead"}
    (placed,) = (gateway.home / "agency" / "in").glob("placement-2026-11-20-*.csv")
    assert len(placed.read_text().splitlines()) == 3
    assert not (outreach.home / "outbox" / "legal").exists()


def test_a_rejected_contact_stays_rejected_when_the_plan_is_made_again(outreach: Any) -> None:
    cases = [outreach.builder.case("C1", "legal")]
    outreach.plan(cases)
    with outreach.run() as run:
        approve(run, "reject", LEAD)
    assert replan(outreach, cases) == {"added": 0, "replaced": 0, "cancelled": 0}
    assert outreach.states() == {"rejected": 1}


def test_an_approval_stands_until_what_was_approved_changes(outreach: Any) -> None:
    case = outreach.builder.case
    outreach.plan([case("C1", "agency"), case("C2", "agency")])
    with outreach.run() as run:
        approve(run, "approve", LEAD)
    replan(outreach, [case("C1", "agency", priority=99), case("C2", "agency", contract_ids="K1,K2")])
    assert [(task["state"], task["decided_by"]) for task in outreach.tasks()] == [
        ("approved", "team.lead"),
        ("awaiting_approval", None),
    ]


def test_unanswered_approvals_lapse_and_never_go(outreach: Any) -> None:
    outreach.plan([outreach.builder.case("C1", "agency")])
    with outreach.run("2026-11-20 19:59:59") as run:
        assert reconcile_contacts(run).figures["ended"] == {}
    with outreach.run("2026-11-20 20:00:00") as run:
        assert reconcile_contacts(run).figures["ended"] == {"lapsed": 1}
        approve(run, "approve", LEAD)
        assert push_approved(run).figures["sent"] == 0
    assert outreach.states() == {"lapsed": 1}


def test_the_next_day_ends_what_the_day_before_left(outreach: Any) -> None:
    outreach.plan([outreach.builder.case("C1"), outreach.builder.case("C2", "legal")])
    with outreach.run("2026-11-21 08:00:00") as run:
        dispatch_contacts(run)
    assert shown(outreach) == [("C1", "morning", "sms", "expired"), ("C2", "handover", "legal", "lapsed")]


def test_a_window_that_closed_expires(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1")])
    with outreach.run("2026-11-20 12:00:00") as run:
        assert push_contacts(run, "sms").figures["sent"] == 0
        dispatch_contacts(run)
    assert outreach.states() == {"expired": 1}
    assert gateway.stats("sms")["given"] == 0


def test_the_dispatcher_waits_before_it_tries_again(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1")])
    gateway.fault("sms", "500", count=3)
    with outreach.run() as run, pytest.raises(ChannelError):
        dispatch_contacts(run)
    (task,) = outreach.tasks()
    waits = (task["next_attempt_at"] - task["last_attempt_at"]).total_seconds() / 60
    assert 0 < waits <= 5
    due = (task["next_attempt_at"] - timedelta(seconds=1)).astimezone(ZoneInfo("Asia/Shanghai"))
    with outreach.run(due.isoformat()) as run:
        assert dispatch_contacts(run).figures["sent"] == 0
    with outreach.run("2026-11-20 09:35:01") as run:
        assert dispatch_contacts(run).figures["sent"] == 1
    assert [(event["attempt_no"], event["event"]) for event in outreach.attempts()][:4] == [
        (1, "failed"),
        (1, "reserved"),
        (2, "delivered"),
        (2, "reserved"),
    ]


def test_what_may_have_gone_and_can_no_longer_be_sent_is_unknown(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1")])
    gateway.fault("sms", "refuse")
    with outreach.run() as run, pytest.raises(ChannelError, match=r"http\.no_answer: 1"):
        push_contacts(run, "sms")
    # a later refusal does not settle the doubt
    gateway.fault("sms", "500")
    with outreach.run() as run, pytest.raises(ChannelError):
        push_contacts(run, "sms")
    with outreach.run("2026-11-20 12:00:00") as run:
        reconcile_contacts(run)
    assert [(task["state"], task["state_reason"]) for task in outreach.tasks()] == [("unknown", "http.no_answer")]


def test_receipts_settle_tasks_once(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(40, "call")
    with outreach.run() as run:
        push_contacts(run, "dialer")
        assert reconcile_contacts(run).figures["receipts"]["dialer"]["taken"] == 40
        assert reconcile_contacts(run).figures["receipts"] == {}
    states = outreach.states()
    assert set(states) == {"delivered", "dead"}
    assert {task["outcome"] for task in outreach.tasks() if task["state"] == "dead"} == {"invalid"}
    assert {"right_party", "no_answer"} <= {task["outcome"] for task in outreach.tasks()}


def test_receipts_of_other_days_and_strangers_match_nothing(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1")])
    with gateway.client() as client:
        client.post(
            "/sms/messages", json={"to": "+861", "text": ""}, headers={"Idempotency-Key": "stranger"}
        ).raise_for_status()
    with outreach.run() as run:
        push_contacts(run, "sms")
        assert reconcile_contacts(run).figures["receipts"] == {"sms": {"taken": 1, "unmatched": 1}}


def test_a_receipt_proves_that_an_unanswered_message_arrived(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1", "call")])
    gateway.fault("dialer", "drop_after_accept", count=3)
    with outreach.run() as run, pytest.raises(ChannelError):
        push_contacts(run, "dialer")
    assert outreach.states() == {"failed": 1}
    with outreach.run() as run:
        reconcile_contacts(run)
        assert push_contacts(run, "dialer").figures["sent"] == 0
    assert set(outreach.states()) <= {"delivered", "dead"}
    assert gateway.stats("dialer")["effects"] == 1


def test_a_provider_without_receipts_is_named_and_the_rest_is_settled(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1"), outreach.builder.case("C2", "legal")])
    with outreach.run() as run:
        push_contacts(run, "sms")
    gateway.stop()
    with outreach.run("2026-11-20 20:00:00") as run, pytest.raises(ChannelError, match="page of receipts"):
        reconcile_contacts(run)
    assert outreach.states() == {"sent": 1, "lapsed": 1}


def test_attempts_are_append_only(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1")])
    with outreach.run() as run:
        push_contacts(run, "sms")
        for statement in ("UPDATE ops.contact_attempt SET tries = 9", "DELETE FROM ops.contact_attempt"):
            with pytest.raises(DBAPIError, match="append-only"), run.warehouse.begin() as connection:
                connection.execute(sa.text(statement))
    events = [(event["event"], event["tries"]) for event in outreach.attempts()]
    assert events == [("reserved", 0), ("sent", 1)]
