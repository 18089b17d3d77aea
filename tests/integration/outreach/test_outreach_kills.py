"""Workers killed with SIGKILL anywhere, and two at once: each message has effect at most once, nothing is lost."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from arrears.outreach.steps import plan_contacts, push_contacts, reconcile_contacts

POINTS = ["before_attempt", "after_attempt", "while_sending", "before_record", "in_record", "second_batch"]
COUNT = 30


def killed(outreach: Any, step: str, point: str) -> None:
    assert outreach.worker(step, point).wait(timeout=120) == -signal.SIGKILL


@pytest.mark.parametrize("point", POINTS)
def test_over_http_a_killed_push_is_finished_under_the_same_keys(outreach: Any, gateway: Any, point: str) -> None:
    outreach.plan_many(COUNT, "reminder")
    killed(outreach, "push_contacts:sms", point)
    with outreach.run() as run:
        push_contacts(run, "sms")
        push_contacts(run, "sms")
    assert outreach.states() == {"sent": COUNT}
    stats = gateway.stats("sms")
    assert (stats["messages"], stats["effects"], stats["most_effects"]) == (COUNT, COUNT, 1)
    assert {message["key"] for message in gateway.messages("sms")} == {task["task_key"] for task in outreach.tasks()}


@pytest.mark.parametrize("point", POINTS)
def test_over_smtp_what_a_killed_push_left_in_doubt_is_never_sent_again(
    outreach: Any, gateway: Any, point: str
) -> None:
    outreach.plan_many(COUNT, "mail")
    killed(outreach, "push_contacts:email", point)
    taken = gateway.stats("email")["given"]
    with outreach.run() as run:
        push_contacts(run, "email")
        push_contacts(run, "email")
    states = outreach.states()
    assert states.get("sent", 0) + states.get("unknown", 0) == COUNT
    assert states.get("unknown", 0) <= 8, "at most one batch is in doubt"
    if point in {"before_attempt"}:
        assert states == {"sent": COUNT}
    stats = gateway.stats("email")
    assert stats["most_effects"] == 1
    assert stats["given"] == stats["messages"]
    doubtful = {task["task_key"] for task in outreach.tasks() if task["state"] == "unknown"}
    arrived = {message["key"] for message in gateway.messages("email")}
    assert len(arrived) >= taken
    assert {task["task_key"] for task in outreach.tasks()} - arrived <= doubtful, "nothing is lost unseen"


@pytest.mark.parametrize("point", ["after_attempt", "after_list", "before_record"])
def test_a_killed_hand_over_ends_with_the_same_list(outreach: Any, point: str) -> None:
    outreach.plan_many(5, "field")
    killed(outreach, "push_contacts:field", point)
    with outreach.run() as run:
        push_contacts(run, "field")
    lines = (outreach.home / "outbox" / "field" / "2026-11-20.csv").read_text().splitlines()
    assert len(lines) == 6
    assert (outreach.home / "outbox" / "field" / "2026-11-20.manifest.json").exists()
    assert outreach.states() == {"sent": 5}


def test_reconcile_settles_what_a_dead_worker_left(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case
    outreach.plan([case(f"C{number:02d}", ["reminder", "mail"][number % 2]) for number in range(12)])
    killed(outreach, "push_contacts:sms", "before_record")
    killed(outreach, "push_contacts:email", "before_record")
    with outreach.run() as run:
        result = reconcile_contacts(run)
    # the receipts prove that the texts arrived; nothing proves it of the mails
    assert outreach.states("sms").get("sending") is None
    assert outreach.states("sms").get("planned", 0) == 0
    assert outreach.states("email") == {"unknown": 6}
    assert result.warnings == ["6 contacts may or may not have gone; they are not sent again."]
    assert gateway.stats("sms")["effects"] == 6
    before = outreach.ops()
    with outreach.run() as run:
        reconcile_contacts(run)
    assert outreach.ops() == before


def test_two_workers_share_the_work_and_send_nothing_twice(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(300, "reminder")
    gateway.fault("sms", "slow", seconds=0.02)
    workers = [outreach.worker("push_contacts:sms") for _ in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    assert outreach.states() == {"sent": 300}
    assert gateway.stats("sms") == {"given": 300, "messages": 300, "effects": 300, "repeats": 0, "most_effects": 1}


def test_a_living_worker_keeps_its_tasks(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(4, "mail")
    gateway.fault("email", "slow", seconds=3)
    worker = outreach.worker("push_contacts:email")
    while outreach.states().get("sending", 0) < 4:
        assert worker.poll() is None
    with outreach.run() as run:
        assert reconcile_contacts(run).figures["left_behind"] == 0
        assert push_contacts(run, "email").figures["sent"] == 0
    assert worker.wait(timeout=60) == 0
    assert outreach.states() == {"sent": 4}
    assert gateway.stats("email")["most_effects"] == 1


def test_a_silent_workers_tasks_are_taken_over_after_its_lease(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(4, "reminder")
    gateway.fault("sms", "slow", seconds=3, count=4)
    worker = outreach.worker("push_contacts:sms")
    while outreach.states().get("sending", 0) < 4:
        assert worker.poll() is None
    with outreach.run("2026-11-20 09:40:01") as run:
        assert push_contacts(run, "sms").figures["sent"] == 4
    assert worker.wait(timeout=60) == 0
    assert outreach.states() == {"sent": 4}
    assert gateway.stats("sms")["most_effects"] == 1


@pytest.mark.parametrize("point", ["staged", "in_merge"])
def test_a_killed_plan_leaves_the_outbox_as_it_was(outreach: Any, point: str) -> None:
    case = outreach.builder.case
    outreach.plan([case("C1"), case("C2")])
    before = outreach.ops()
    with outreach.run() as run:
        outreach.builder.publish(run, [case("C2", "mail"), case("C3")])
    killed(outreach, "plan_contacts", point)
    assert outreach.ops() == before
    with outreach.run() as run:
        plan_contacts(run)
    assert [(task["customer_id"], task["channel"], task["state"]) for task in outreach.tasks()] == [
        ("C1", "sms", "cancelled"),
        ("C2", "email", "planned"),
        ("C3", "sms", "planned"),
    ]
