"""Pushing: what may go goes once, what goes wrong is retried, what the policy forbids by now stays."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from collections.abc import Callable
from datetime import date, datetime
from email import message_from_string, policy
from typing import Any

import pytest

from arrears.errors import ChannelError
from arrears.outreach.channels import CHANNELS
from arrears.outreach.steps import dispatch_contacts, plan_contacts, push_contacts, reconcile_contacts

MORNING = "2026-11-20 09:30:00"
_PROMISE = {
    "promise_id": "P",
    "contract_id": "K-C1",
    "made_on": date(2026, 11, 20),
    "due_on": date(2026, 11, 27),
}


def push_all(outreach: Any, at: str = MORNING) -> dict[str, dict[str, Any]]:
    with outreach.run(at) as run:
        return {channel: push_contacts(run, channel).figures for channel in CHANNELS}


def test_every_channel_sends_once_and_a_second_day_run_changes_nothing(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case
    kinds = ["reminder", "mail", "call", "field", "agency"]
    cases = [case(f"C{number:02d}", kinds[number % len(kinds)]) for number in range(40)]
    outreach.plan(cases)
    figures = push_all(outreach)
    assert {channel: figures[channel]["sent"] for channel in CHANNELS} == {
        "sms": 8, "email": 8, "dialer": 8, "field": 8, "agency": 0, "legal": 0, "repossession": 0,
    }  # fmt: skip
    with outreach.run() as run:
        reconciled = reconcile_contacts(run).figures
    assert reconciled["receipts"] == {"sms": {"taken": 8}, "dialer": {"taken": 8}}
    before = outreach.ops()
    with outreach.run() as run:
        outreach.builder.publish(run, cases)
        plan_contacts(run)
    again = push_all(outreach)
    with outreach.run() as run:
        reconcile_contacts(run)
    assert {figure["sent"] for figure in again.values()} == {0}
    assert outreach.ops() == before
    for channel in ("sms", "dialer", "email"):
        assert gateway.stats(channel) == {"given": 8, "messages": 8, "effects": 8, "repeats": 0, "most_effects": 1}


def test_messages_say_what_is_owed_now_in_the_customers_language(outreach: Any, gateway: Any) -> None:
    builder = outreach.builder
    cases = [
        builder.case("C1", contracts=2, contract_ids="K1,K2", lead_contract_id="K1"),
        builder.case("C2", "mail", language="en"),
    ]
    customers = [
        builder.customer("C1", name="样例\r\nBcc: all@customer.example", phone="13812345678"),
        builder.customer("C2", name="<b>Sample & Co</b>\nX: 1", language="en"),
    ]
    outreach.plan(cases, customers=customers)
    push_all(outreach)
    (sms,) = gateway.messages("sms")
    assert sms["recipient"] == "+8613812345678"
    assert sms["content"] == (
        "【样例汽车金融】样例 Bcc: all@customer.example您好，您的车辆贷款有 CNY 1,234.50 已逾期 12 天，请尽快还款。"
        "如已还款请忽略。拒收请回复R。"
    )
    (mail,) = gateway.messages("email")
    parsed = message_from_string(mail["content"], policy=policy.default)
    assert parsed["Message-ID"] == f"<{mail['key']}@lender.example>"
    assert parsed["List-Unsubscribe"] == f"<https://lender.example/opt-out?k={mail['key']}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Subject"] == "Payment reminder from Sample Motor Finance"
    assert "X" not in parsed
    plain = parsed.get_body(("plain",))
    rich = parsed.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert "Dear <b>Sample & Co</b> X: 1," in plain.get_content()
    assert "Dear &lt;b&gt;Sample &amp; Co&lt;/b&gt; X: 1," in rich.get_content()
    assert mail["key"] == outreach.tasks()[1]["task_key"]


def test_what_is_not_due_waits_for_its_window(outreach: Any, gateway: Any) -> None:
    outreach.plan(
        [outreach.builder.case("C1"), outreach.builder.case("C2")],
        customers=[outreach.builder.customer("C2", time_zone="Asia/Urumqi")],
    )
    assert push_all(outreach, "2026-11-20 08:59:59")["sms"]["waiting"] == 2
    assert push_all(outreach, "2026-11-20 09:00:00")["sms"]["sent"] == 1
    assert push_all(outreach, "2026-11-20 10:59:59")["sms"]["sent"] == 0
    assert push_all(outreach, "2026-11-20 11:00:00")["sms"]["sent"] == 1
    assert gateway.stats("sms")["effects"] == 2


def test_a_past_day_sends_nothing_and_changes_nothing(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(3, "reminder")
    before = outreach.ops()
    with outreach.run("2026-11-21 09:30:00", as_of=date(2026, 11, 20)) as run:
        outreach.builder.publish(run, [outreach.builder.case("C9")])
        planned = plan_contacts(run).figures
        assert planned["planned"] == {"sms": 1}
        for step in (
            lambda: push_contacts(run, "sms"),
            lambda: reconcile_contacts(run),
            lambda: dispatch_contacts(run),
        ):
            assert "skipped" in step().figures
    assert outreach.ops() == before
    assert gateway.stats("sms")["given"] == 0


def test_a_channel_that_is_down_is_shown_and_sent_later_while_the_others_go_on(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case
    outreach.plan([case(f"C{number:02d}", ["reminder", "mail", "call"][number % 3]) for number in range(60)])
    gateway.fault("sms", "500")
    with outreach.run() as run:
        with pytest.raises(ChannelError) as raised:
            push_contacts(run, "sms")
        assert raised.value.where == "channel sms"
        assert "8 failed (http.500: 8), 0 sent, 20 still to go" in raised.value.found
        assert push_contacts(run, "email").figures["sent"] == 20
        assert push_contacts(run, "dialer").figures["sent"] == 20
    assert outreach.states("sms") == {"failed": 8, "planned": 12}
    gateway.fault("sms", "ok")
    assert push_all(outreach)["sms"]["sent"] == 20
    assert gateway.stats("sms") == {"given": 20, "messages": 20, "effects": 20, "repeats": 0, "most_effects": 1}


def test_a_provider_that_is_gone_is_met_again_when_it_is_back(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(12, "mail")
    gateway.stop()
    with outreach.run() as run, pytest.raises(ChannelError, match=r"8 failed \(smtp\.connection: 8\)"):
        push_contacts(run, "email")
    gateway.start()
    assert push_all(outreach)["email"]["sent"] == 12
    assert gateway.stats("email")["most_effects"] == 1


def test_a_few_failures_do_not_stop_the_channel(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(40, "reminder")
    # each is tried three times, so that two refusals never use one up
    gateway.fault("sms", "429", share=0.25, count=2)
    figures = push_all(outreach)["sms"]
    assert (figures["sent"], figures["failed"]) == (40, 0)
    assert gateway.stats("sms")["effects"] == 40


def test_drop_after_accept_is_repeated_only_under_the_same_key(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(20, "reminder")
    gateway.fault("sms", "drop_after_accept", share=0.5, count=2)
    assert push_all(outreach)["sms"]["sent"] == 20
    stats = gateway.stats("sms")
    assert stats["repeats"] == 2
    assert (stats["messages"], stats["effects"], stats["most_effects"]) == (20, 20, 1)


def test_a_mail_whose_answer_is_lost_is_unknown_and_never_sent_again(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(12, "mail")
    gateway.fault("email", "drop_after_accept", count=3)
    figures = push_all(outreach)["email"]
    assert (figures["sent"], figures["unknown"], figures["failed"]) == (9, 3, 0)
    assert push_all(outreach)["email"]["sent"] == 0
    assert gateway.stats("email") == {"given": 12, "messages": 12, "effects": 12, "repeats": 0, "most_effects": 1}


@pytest.mark.parametrize("mode", ["429", "500", "refuse"])
def test_a_mail_server_that_refuses_for_now_gets_it_again(outreach: Any, gateway: Any, mode: str) -> None:
    outreach.plan_many(6, "mail")
    gateway.fault("email", mode, count=2)
    assert push_all(outreach)["email"]["sent"] == 6
    assert gateway.stats("email")["effects"] == 6


def test_a_slow_provider_is_waited_for(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1"), outreach.builder.case("C2", "mail")])
    gateway.fault("sms", "slow", seconds=0.3)
    gateway.fault("email", "slow", seconds=0.3)
    figures = push_all(outreach)
    assert (figures["sms"]["sent"], figures["email"]["sent"]) == (1, 1)


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({"consents": [{"customer_id": "C1", "channel": "sms", "allowed": False}]}, "blocked", "consent.refused"),
        ({"consents": [{"customer_id": "C1", "channel": "all", "allowed": False}]}, "blocked", "consent.refused"),
        (
            {"holds": [{"contract_id": "K-C1", "kind": "dispute", "start_date": date(2026, 11, 20)}]},
            "blocked",
            "hold.dispute",
        ),
        (
            {"holds": [{"contract_id": "K-C1", "kind": "pause", "start_date": date(2026, 11, 20)}]},
            "sent",
            None,
        ),
        (
            {"promises": [_PROMISE]},
            "blocked",
            "promise.live",
        ),
        ({"customers": [{"customer_id": "C1", "phone": "0"}]}, "dead", "address.invalid"),
        ({"cases": []}, "blocked", "case.closed"),
    ],
)
def test_what_happens_between_planning_and_sending_counts(
    outreach: Any, gateway: Any, change: dict[str, Any], state: str, reason: str | None
) -> None:
    case = outreach.builder.case("C1")
    outreach.plan([case])
    with outreach.run() as run:
        outreach.builder.publish(run, change.get("cases", [case]), **{k: v for k, v in change.items() if k != "cases"})
        push_contacts(run, "sms")
    (task,) = outreach.tasks()
    assert (task["state"], task["state_reason"]) == (state, reason)
    assert gateway.stats("sms")["given"] == (1 if state == "sent" else 0)


def test_calls_that_connected_since_the_plan_block_the_fourth(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case("C1", "call")
    outreach.plan([case])
    calls = [
        {
            "result_id": f"R{number}",
            "customer_id": "C1",
            "channel": "agency_call" if number == 2 else "call",
            "attempted_at": datetime.fromisoformat("2026-11-20 08:30:00"),
            "outcome": "right_party",
        }
        for number in range(3)
    ]
    with outreach.run() as run:
        outreach.builder.publish(run, [case], contact_results=calls)
        push_contacts(run, "dialer")
    assert [task["state_reason"] for task in outreach.tasks()] == ["cap.customer"]
    assert gateway.stats("dialer")["given"] == 0


def test_two_contacts_with_one_customer_keep_their_distance(outreach: Any, gateway: Any) -> None:
    outreach.plan([outreach.builder.case("C1", "pressure")])
    push_all(outreach, "2026-11-20 11:59:00")
    assert push_all(outreach, "2026-11-20 13:59:00")["sms"]["waiting"] == 1
    assert push_all(outreach, "2026-11-20 14:00:00")["sms"]["sent"] == 1
    assert gateway.stats("sms")["effects"] == 1


def test_lists_are_files_with_a_manifest_that_only_the_owner_reads(outreach: Any) -> None:
    names = ["=cmd()", "样例 二", "样例三"]
    outreach.plan(
        [outreach.builder.case(f"C{number}", "field", priority=50 + number) for number in range(3)],
        customers=[outreach.builder.customer(f"C{number}", name=name) for number, name in enumerate(names)],
    )
    with outreach.run() as run:
        assert push_contacts(run, "field").figures["sent"] == 3
    folder = outreach.home / "outbox" / "field"
    content = (folder / "2026-11-20.csv").read_bytes()
    manifest = json.loads((folder / "2026-11-20.manifest.json").read_text())
    assert manifest == {
        "business_day": "2026-11-20",
        "channel": "field",
        "file": "2026-11-20.csv",
        "rows": 3,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert [(row["customer_id"], row["name"]) for row in rows] == [
        ("C2", "样例三"),
        ("C1", "样例 二"),
        ("C0", "'=cmd()"),
    ]
    assert {row["task_key"] for row in rows} == {task["task_key"] for task in outreach.tasks()}
    assert stat.S_IMODE((outreach.home / "outbox").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "2026-11-20.csv").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_fails_and_goes_later(outreach: Any) -> None:
    outreach.plan_many(2, "field")
    outreach.home.mkdir(exist_ok=True)
    (outreach.home / "outbox").write_text("not a folder")
    with outreach.run() as run, pytest.raises(ChannelError, match="2 failed"):
        push_contacts(run, "field")
    (outreach.home / "outbox").unlink()
    with outreach.run() as run:
        assert push_contacts(run, "field").figures["sent"] == 2


def test_a_channel_without_a_connection_says_what_to_set(outreach: Any) -> None:
    outreach.plan_many(1, "reminder")
    with outreach.run() as run, pytest.raises(ChannelError) as raised:
        push_contacts(run, "sms")
    assert raised.value.where == "AIRFLOW_CONN_ARREARS_SMS"
    assert outreach.states() == {"planned": 1}


def test_a_channel_that_does_not_exist(outreach: Any) -> None:
    with outreach.run() as run, pytest.raises(ChannelError, match="one of the channels sms"):
        push_contacts(run, "pigeon")


def test_nothing_personal_is_logged_or_kept(outreach: Any, gateway: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    customer = outreach.builder.customer("C1", name="秘密姓名", phone="13899998888", email="hidden@customer.example")
    outreach.plan([outreach.builder.case("C1"), outreach.builder.case("C2", "mail")], customers=[customer])
    gateway.fault("sms", "500")
    with outreach.run() as run:
        with pytest.raises(ChannelError) as raised:
            push_all_in(run)
        text = caplog.text + str(raised.value) + str(outreach.ops())
    for secret in ("秘密姓名", "13899998888", "hidden@", "token-of-the-tests"):
        assert secret not in text


def push_all_in(run: Any, push: Callable[..., Any] = push_contacts) -> None:
    for channel in ("email", "sms"):
        push(run, channel)
