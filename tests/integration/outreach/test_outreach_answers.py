"""What providers report: once, in whatever order, by whomever; and what customers answer is in the next day's plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from arrears.outreach.channels.base import Receipt
from arrears.outreach.receipts import Desk, is_opt_out, take_in
from arrears.outreach.rules import load_contact_rules
from arrears.outreach.steps import push_contacts
from arrears.outreach.webhooks import SIGNATURE_HEADER, BodyError, SignatureError, Webhooks, sign
from arrears.warehouse.ops_cases import Case
from arrears.warehouse.ops_contacts import UnmatchedReceipt
from arrears.warehouse.ops_desk import Promise

MORNING = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
SECRET = SecretStr("a-secret-of-the-tests-0123")
NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)


def told(outreach: Any, channel: str, *receipts: Receipt, at: datetime = MORNING) -> dict[str, int]:
    with outreach.run() as run, run.warehouse.begin() as connection:
        contact, _ = load_contact_rules(run.rules)
        return dict(take_in(connection, channel, receipts, Desk(contact, at.date(), at)))


@pytest.fixture
def sent(outreach: Any, gateway: Any) -> list[str]:
    """Keys of two texts that went out, and of a call that did not."""
    case = outreach.builder.case
    outreach.plan([case("C1"), case("C2"), case("C3", "call")])
    with outreach.run() as run:
        assert push_contacts(run, "sms").figures["sent"] == 2
    return [task["task_key"] for task in outreach.tasks()]


def receipt(key: str, outcome: str = "delivered", **other: Any) -> Receipt:
    delivered = outcome not in {"failed", "invalid"}
    return Receipt(key, delivered, outcome, "sms-1", **other)


def strays(outreach: Any) -> set[tuple[str, str, int]]:
    return {(row["reason"], row["outcome"], row["times"]) for row in outreach.rows(UnmatchedReceipt)}


def test_a_receipt_settles_once_however_often_it_comes(outreach: Any, sent: Sequence[str]) -> None:
    first = receipt(sent[0])
    assert told(outreach, "sms", first, first) == {"taken": 1, "repeated": 1}
    before = outreach.ops()
    assert told(outreach, "sms", first) == {"repeated": 1}
    assert outreach.ops() == before
    assert strays(outreach) == set()


def test_receipts_out_of_order_settle_by_the_first_and_the_rest_is_kept(outreach: Any, sent: Sequence[str]) -> None:
    assert told(outreach, "sms", receipt(sent[0], "failed"), receipt(sent[0])) == {"taken": 1, "unmatched": 1}
    assert told(outreach, "sms", receipt(sent[1])) == {"taken": 1}
    assert told(outreach, "sms", receipt(sent[1], "failed")) == {"unmatched": 1}
    assert [(task["state"], task["outcome"]) for task in outreach.tasks()[:2]] == [
        ("dead", "failed"),
        ("delivered", "delivered"),
    ]
    assert strays(outreach) == {("contradicts", "delivered", 1), ("contradicts", "failed", 1)}


def test_receipts_that_match_no_contact_are_kept_with_the_reason(outreach: Any, sent: Sequence[str]) -> None:
    stranger = receipt("somebody's name, 13812345678")
    for _ in range(2):
        assert told(outreach, "sms", stranger)["unmatched"] == 1
    assert told(outreach, "dialer", receipt(sent[2], "right_party"), receipt(sent[0]))["unmatched"] == 2
    assert strays(outreach) == {
        ("unknown_task", "delivered", 2),
        ("never_tried", "right_party", 1),
        ("other_channel", "delivered", 1),
    }
    assert "13812345678" not in str(outreach.rows(UnmatchedReceipt))
    assert [task["state"] for task in outreach.tasks()] == ["sent", "sent", "planned"]


@pytest.mark.parametrize("word", ["TD", "td", " ＴＤ。", "退订", "Stop!", "R", "拒收"])
def test_words_that_refuse(outreach: Any, word: str) -> None:
    with outreach.run() as run:
        contact, _ = load_contact_rules(run.rules)
    assert is_opt_out(word, contact)
    assert not is_opt_out(f"{word} please, or not", contact)


@pytest.mark.parametrize(("outcome", "reply"), [("opt_out", None), ("delivered", "退订"), ("opt_out", "TD")])
def test_a_refusal_by_reply_stops_the_channel_on_the_next_day(
    outreach: Any, gateway: Any, sent: Sequence[str], outcome: str, reply: str | None
) -> None:
    assert told(outreach, "sms", receipt(sent[0]))["taken"] == 1
    refusal = receipt(sent[0], outcome, reply=reply)
    assert told(outreach, "sms", refusal, refusal) == {"opted_out": 1, "repeated": 1}
    planned = next_day(outreach)
    assert {task["customer_id"]: task["channel"] for task in planned} == {"C1": "email", "C2": "sms"}


def test_a_promise_by_reply_stops_the_next_days_messages(outreach: Any, gateway: Any, sent: Sequence[str]) -> None:
    open_cases(outreach, "C1", "C2")
    assert told(outreach, "sms", receipt(sent[0], "promise", promised_days=5)) == {"taken": 1, "promised": 1}
    (promise,) = outreach.rows(Promise)
    assert (promise["due_on"], str(promise["amount"]), promise["collector_id"], promise["task_key"]) == (
        date(2026, 11, 25), "1234.50", None, sent[0],
    )  # fmt: skip
    assert [task["customer_id"] for task in next_day(outreach)] == ["C2"]
    with outreach.run("2026-11-21 09:30:00") as run:
        plan = outreach.builder.plan_rows(run)
        push_contacts(run, "sms")
    assert {row["customer_id"]: (row["verdict"], row["verdict_rule"], row["verdict_reason"]) for row in plan} == {
        "C1": ("blocked", "promise.live", "A promise to pay that is not yet due."),
        "C2": ("planned", None, None),
    }
    assert [t["state"] for t in outreach.tasks() if t["business_day"].day == 21] == ["sent"]


def test_a_promise_taken_after_the_first_plan_stops_at_the_gate_and_leaves_the_plan_as_it_was(
    outreach: Any, gateway: Any, sent: Sequence[str]
) -> None:
    open_cases(outreach, "C3")
    cases = [outreach.builder.case("C3", "call")]
    promise_of(outreach, "C3", datetime(2026, 11, 20, 10, 0, tzinfo=MORNING.tzinfo))
    outreach.plan(cases, at="2026-11-20 10:30:00")
    with outreach.run("2026-11-20 10:30:00") as run:
        assert [row["verdict"] for row in outreach.builder.plan_rows(run)] == ["planned"]
        push_contacts(run, "dialer")
    assert [(t["state"], t["state_reason"]) for t in outreach.tasks() if t["customer_id"] == "C3"] == [
        ("blocked", "promise.live")
    ]


def promise_of(outreach: Any, customer: str, at: datetime) -> None:
    """A promise that a collector took at `at`."""
    values = {
        "promise_id": f"Q-{customer}", "case_id": f"{customer}@2026-11-10", "contract_id": f"K-{customer}",
        "customer_id": customer, "collector_id": "C001", "made_on": at.date(), "due_on": date(2026, 11, 25),
        "amount": "10.00", "recorded_by": "C001", "recorded_at": at, "business_day": at.date(),
    }  # fmt: skip
    with outreach.run() as run, run.warehouse.begin() as connection:
        connection.execute(sa.insert(Promise.__table__).values(values))


def test_an_answer_stops_what_is_still_planned_today(outreach: Any, gateway: Any) -> None:
    outreach.change_rules(spacing_minutes=0)
    outreach.plan([outreach.builder.case("C1", "pressure")])
    with outreach.run() as run:
        push_contacts(run, "dialer")
    call, text = outreach.tasks()
    assert (call["channel"], text["channel"]) == ("dialer", "sms")
    assert told(outreach, "dialer", receipt(call["task_key"], "right_party", reply="later"))["answered"] == 1
    with outreach.run("2026-11-20 15:00:00") as run:
        push_contacts(run, "sms")
    assert outreach.tasks()[1]["state"] == "blocked"
    assert gateway.stats("sms")["given"] == 0


def next_day(outreach: Any) -> list[dict[str, Any]]:
    """Plans the next morning for C1 and C2 anew; what is planned."""
    cases = [outreach.builder.case(name) for name in ("C1", "C2")]
    outreach.plan(cases, at="2026-11-21 09:30:00")
    return [task for task in outreach.tasks() if task["business_day"].day == 21 and task["state"] == "planned"]


def open_cases(outreach: Any, *customers: str) -> None:
    """Their cases at the desk."""
    values = {
        "state": "pool", "lease_renewals": 0, "opened_on": date(2026, 11, 10), "as_of": date(2026, 11, 20),
        "queue": "phone", "segment": "s", "treatment": "t", "intensity": 1, "placement": "in_house", "priority": 1,
        "work_order": 1, "contracts": 1, "overdue_amount": "1234.50", "outstanding_amount": "99000.00",
        "days_past_due": 12, "bucket": "M1", "class": "low", "rule_set": "standard", "rule_set_version": 1,
        "rule_set_hash": "0" * 64, "pool_opened_at": MORNING,
    }  # fmt: skip
    with outreach.run() as run, run.warehouse.begin() as connection:
        for name in customers:
            of_case = {"case_id": f"{name}@2026-11-10", "customer_id": name, "lead_contract_id": f"K-{name}"}
            connection.execute(sa.insert(Case.__table__).values({**values, **of_case, "contract_ids": f"K-{name}"}))


# ---- webhooks


def hooks(outreach: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch, at: datetime = NOW) -> Webhooks:
    from arrears.outreach.channels.address import address_from_environment
    from arrears.settings import load_settings

    connection = json.loads(gateway.connections()["AIRFLOW_CONN_ARREARS_SMS"])
    connection["extra"]["webhook_secret"] = SECRET.get_secret_value()
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_SMS", json.dumps(connection))
    settings = load_settings({"home": outreach.home, "warehouse_url": outreach.url, "clock": MORNING})
    with outreach.run() as run:
        warehouse = sa.create_engine(run.warehouse.url, poolclass=sa.NullPool)
    return Webhooks(settings, lambda: warehouse, address_from_environment, settings.acting_clock(), lambda: at)


def body(*keys: str, outcome: str = "delivered") -> bytes:
    receipts = [{"key": key, "id": "sms-1", "delivered": True, "outcome": outcome} for key in keys]
    return json.dumps({"receipts": receipts}).encode()


def test_a_signed_call_is_taken_once_also_when_it_is_played_again(
    outreach: Any, gateway: Any, sent: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = body(sent[0], "unknown")
    header = sign(SECRET, call, NOW)
    taking = hooks(outreach, gateway, monkeypatch)
    assert taking.take("sms", {SIGNATURE_HEADER: header}, call) == {"taken": 1, "unmatched": 1}
    before = outreach.ops()
    for _ in range(3):
        assert taking.take("sms", {SIGNATURE_HEADER: header}, call) == {"repeated": 2}
    assert outreach.ops() == before
    assert strays(outreach) == {("unknown_task", "delivered", 1)}
    # signed anew it is another call, and says what is known
    anew = {SIGNATURE_HEADER: sign(SECRET, call, NOW + timedelta(seconds=1))}
    assert taking.take("sms", anew, call) == {"repeated": 1, "unmatched": 1}


@pytest.mark.parametrize("wrong", ["unsigned", "forged", "another body", "stale", "another channel", "body"])
def test_a_call_that_is_forged_or_stale_changes_nothing(
    outreach: Any, gateway: Any, sent: Sequence[str], monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    call = body(sent[0], sent[1])
    header: str | None = sign(SECRET, call, NOW)
    taking = hooks(outreach, gateway, monkeypatch, NOW + timedelta(minutes=6) if wrong == "stale" else NOW)
    before = outreach.ops()
    channel = "dialer" if wrong == "another channel" else "sms"
    if wrong == "unsigned":
        header = None
    elif wrong == "forged":
        header = sign(SecretStr("another-secret-0123456"), call, NOW)
    elif wrong == "another body":
        call = body(sent[0])
    elif wrong == "body":
        call = b'{"receipts": [{}]}'
        header = sign(SECRET, call, NOW)
    with pytest.raises(BodyError if wrong == "body" else SignatureError):
        taking.take(channel, {} if header is None else {SIGNATURE_HEADER: header}, call)
    assert outreach.ops() == before
    assert strays(outreach) == set()
