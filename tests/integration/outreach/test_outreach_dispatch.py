"""Dispatch: breaker, rate, dead letters, cancelling, providers that can be asked, clocks that jump, the guard."""

from __future__ import annotations

import itertools
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from sqlalchemy.exc import DBAPIError

from arrears.errors import ChannelError
from arrears.local import free_port
from arrears.outreach import outbox
from arrears.outreach.breaker import read_standing
from arrears.outreach.channels.address import address_from_environment
from arrears.outreach.dispatch import Dispatcher
from arrears.outreach.states import State, may_move
from arrears.outreach.steps import dispatch_contacts, plan_contacts, push_contacts, reconcile_contacts
from arrears.warehouse.ops_contacts import ContactAction, ContactTask

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
ZONE = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 11, 20, 9, 30, tzinfo=ZONE)


@dataclass
class SteppingClock:
    """A clock that shows one time after the other, and stays at the last."""

    times: list[datetime] = field(default_factory=list)

    def now(self) -> datetime:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]

    def today(self) -> date:
        return self.times[0].date()


def failing(run: Any, channel: str = "sms") -> str:
    with pytest.raises(ChannelError) as raised:
        push_contacts(run, channel)
    return raised.value.found


@pytest.fixture
def one_task(outreach: Any) -> Iterator[tuple[sa.Connection, Any]]:
    outreach.plan_many(1, "reminder")
    with outreach.run() as run, run.warehouse.connect() as connection:
        yield connection, outreach.tasks()[0]["task_key"]


def test_the_database_refuses_exactly_the_moves_that_do_not_exist(one_task: tuple[sa.Connection, Any]) -> None:
    connection, _ = one_task

    def set_state(state: State) -> None:
        worker = 1 if state == State.SENDING else None
        connection.execute(sa.update(_TASK).values(state=state.value, worker=worker))

    disable = sa.text("ALTER TABLE ops.contact_task DISABLE TRIGGER guard_state")
    enable = sa.text("ALTER TABLE ops.contact_task ENABLE TRIGGER guard_state")
    for before, after in itertools.product(State, State):
        connection.execute(disable)
        set_state(before)
        connection.execute(enable)
        if before == after or may_move(before, after):
            set_state(after)
            continue
        with pytest.raises(DBAPIError, match=f"does not move from {before} to {after}"), connection.begin_nested():
            set_state(after)
    connection.rollback()


def test_the_breaker_of_a_channel_is_shared_and_one_message_shows_that_the_provider_is_back(
    outreach: Any, gateway: Any
) -> None:
    outreach.change_rules(channels__sms__breaker={"failures": 4, "open_seconds": 600}, retry__tries=1)
    outreach.plan_many(30, "reminder")
    gateway.fault("sms", "500")
    with outreach.run() as run:
        assert "http.500: " in failing(run)
    with outreach.run() as run, run.warehouse.connect() as connection:
        assert read_standing(connection, "sms").breaker == "open"
        # another worker, later by the clock of acting, leaves the provider alone
        with outreach.run("2026-11-20 10:30:00") as later:
            counts = Dispatcher(later, address_from_environment).push("sms", retry_now=False)
        assert (counts.stopped, counts.ended.total()) == ("breaker", 0)
    # a person tries: one message only, then it rests again
    with outreach.run() as run:
        assert failing(run).startswith("1 failed (http.500: 1), 0 sent, 30 still to go")
        gateway.fault("sms", "ok")
        assert push_contacts(run, "sms").figures["sent"] == 30
        with run.warehouse.connect() as connection:
            assert read_standing(connection, "sms").breaker == "closed"
    assert gateway.stats("sms")["most_effects"] == 1


def test_a_dispatcher_with_an_open_breaker_fails_and_names_it(outreach: Any, gateway: Any) -> None:
    outreach.change_rules(channels__sms__breaker={"failures": 1, "open_seconds": 600}, retry__tries=1)
    outreach.plan_many(9, "reminder")
    gateway.fault("sms", "500")
    with outreach.run() as run:
        failing(run)
        with pytest.raises(ChannelError, match="took nothing lately, 0 sent, 9 still to go"):
            dispatch_contacts(run)


def test_a_rate_holds_for_all_workers_together(outreach: Any, gateway: Any) -> None:
    outreach.change_rules(channels__sms__rate={"per_second": 2, "burst": 4})
    outreach.plan_many(8, "reminder")
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds)

    with outreach.run() as run, outreach.run() as other:
        begun = datetime.now(tz=ZONE)
        for each in (run, other):
            Dispatcher(each, address_from_environment, pause=pause).push("sms", retry_now=True)
        seconds = (datetime.now(tz=ZONE) - begun).total_seconds()
    assert outreach.states() == {"sent": 8}
    assert waits, "it had to wait"
    assert seconds >= 1.5, "8 messages, 4 at once and 2 a second"


def test_dead_letters_are_listed_and_sent_again_by_a_person(outreach: Any, gateway: Any) -> None:
    builder = outreach.builder
    cases = [builder.case("C1"), builder.case("C2"), builder.case("C3", "mail")]
    outreach.plan(cases)
    gateway.fault("email", "drop_after_accept", count=1)
    with outreach.run() as run:
        builder.publish(run, cases, customers=[builder.customer("C1", phone="0")])
        push_contacts(run, "sms")
        push_contacts(run, "email")
    keys = {task["customer_id"]: task["task_key"] for task in outreach.tasks()}
    at = MORNING
    with outreach.run() as run:
        with run.warehouse.begin() as connection:
            letters = outbox.dead_letters(connection, at, day=date(2026, 11, 20))
            assert {(each.customer_id, each.state_reason, each.why_not) for each in letters} == {
                ("C1", "address.invalid", None),
                ("C3", "smtp.no_answer", "unknown"),
            }
            acted = outbox.redrive(connection, [*keys.values(), "no such"], "team.lead", "number corrected", at)
        assert acted.done == [keys["C1"]]
        assert acted.refused == {"no such": "no_such_task", keys["C2"]: "state", keys["C3"]: "unknown"}
        # the corrected number is in the ledger; a later plan leaves what was tried alone
        builder.publish(run, cases)
        plan_contacts(run)
        assert push_contacts(run, "sms").figures["sent"] == 1
        with run.warehouse.begin() as connection:
            after = outbox.redrive(connection, [keys["C1"]], "team.lead", "again", at)
        assert after.refused == {keys["C1"]: "state"}
    (act,) = outreach.rows(ContactAction)
    assert (act["by"], act["action"], act["task_key"], act["why"]) == (
        "team.lead", "redrive", keys["C1"], "number corrected",
    )  # fmt: skip
    assert gateway.stats("sms")["given"] == 2
    assert gateway.stats("email")["given"] == 1


def test_what_the_provider_took_or_whose_day_is_over_is_not_sent_again(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(60, "reminder")
    with outreach.run() as run:
        push_contacts(run, "sms")
        reconcile_contacts(run)
    dead = [task["task_key"] for task in outreach.tasks() if task["state"] == "dead"]
    assert dead, "the gateway reports some as not delivered"
    with outreach.run() as run, run.warehouse.begin() as connection:
        assert set(outbox.redrive(connection, dead, "x", "y", MORNING).refused.values()) == {"taken"}
    with outreach.run() as run, run.warehouse.begin() as connection:
        connection.execute(sa.update(_TASK).where(_TASK.c.task_key.in_(dead)).values(provider_id=None))
        tomorrow = MORNING + timedelta(days=1)
        assert set(outbox.redrive(connection, dead, "x", "y", tomorrow).refused.values()) == {"day"}
        noon = MORNING.replace(hour=12)
        assert set(outbox.redrive(connection, dead, "x", "y", noon).refused.values()) == {"window"}


def test_a_cancelled_contact_stays_cancelled_and_one_that_may_have_gone_cannot_be(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case
    cases = [case("C1"), case("C2", "agency"), case("C3", "call")]
    outreach.plan(cases)
    gateway.fault("dialer", "refuse")
    with outreach.run() as run:
        failing(run, "dialer")
        keys = {task["customer_id"]: task["task_key"] for task in outreach.tasks()}
        with run.warehouse.begin() as connection:
            acted = outbox.cancel(connection, list(keys.values()), "team.lead", "complaint", MORNING)
        assert set(acted.done) == {keys["C1"], keys["C2"]}
        assert acted.refused == {keys["C3"]: "doubtful"}
        outreach.builder.publish(run, cases)
        assert plan_contacts(run).figures["outbox"] == {"added": 0, "replaced": 0, "cancelled": 0}
        assert push_contacts(run, "sms").figures["sent"] == 0
    assert outreach.states() == {"cancelled": 2, "failed": 1}
    with outreach.run() as run, pytest.raises(DBAPIError, match="append-only"), run.warehouse.begin() as connection:
        connection.execute(sa.text("DELETE FROM ops.contact_action"))


def test_what_fails_too_often_is_a_dead_letter(outreach: Any, gateway: Any) -> None:
    outreach.change_rules(retry__attempts=2, retry__tries=1)
    outreach.plan([outreach.builder.case("C1"), outreach.builder.case("C2", "call")])
    gateway.fault("sms", "500")
    gateway.fault("dialer", "refuse")
    with outreach.run() as run:
        failing(run)
        failing(run, "dialer")
        assert push_contacts(run, "sms").figures["dead"] == 1
        assert push_contacts(run, "dialer").figures["unknown"] == 1
    assert {(task["channel"], task["state"], task["state_reason"]) for task in outreach.tasks()} == {
        ("sms", "dead", "http.500"),
        ("dialer", "unknown", "http.no_answer"),
    }


def test_a_provider_that_can_be_asked_is_asked_before_anything_goes_again(outreach: Any, gateway: Any) -> None:
    outreach.change_rules(channels__sms__provider="askable")
    outreach.plan_many(4, "reminder")
    gateway.fault("sms", "drop_after_accept", count=2)
    with outreach.run() as run:
        assert "http.no_answer: 2" in failing(run)
        assert push_contacts(run, "sms").figures["sent"] == 2
    assert outreach.states() == {"sent": 4}
    assert gateway.stats("sms") == {"given": 4, "messages": 4, "effects": 4, "repeats": 0, "most_effects": 1}
    assert all(task["provider_id"].startswith("sms-") for task in outreach.tasks())


def test_what_it_never_took_goes_after_it_was_asked_and_while_it_cannot_be_asked_nothing_does(
    outreach: Any, gateway: Any
) -> None:
    outreach.change_rules(channels__sms__provider="askable")
    outreach.plan_many(2, "reminder")
    gateway.fault("sms", "refuse", count=2)
    with outreach.run() as run:
        failing(run)
        gateway.stop()
        assert "ask.no_answer: 2" in failing(run)
        assert {task["state_reason"] for task in outreach.tasks()} == {"http.no_answer"}
        gateway.start()
        assert push_contacts(run, "sms").figures["sent"] == 2
    assert gateway.stats("sms")["effects"] == 2


def test_what_may_have_gone_is_not_sent_to_a_provider_that_would_take_it_twice(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(2, "reminder")
    gateway.fault("sms", "refuse", count=6)
    with outreach.run() as run:
        assert "http.no_answer: 2" in failing(run)
    outreach.change_rules(channels__sms__provider="twilio")
    with outreach.run() as run:
        assert push_contacts(run, "sms").figures["unknown"] == 2
    assert gateway.stats("sms")["given"] == 0


@pytest.mark.parametrize("mode", ["nonsense", "hang"])
def test_a_provider_that_answers_nonsense_or_hangs_gets_it_again_under_the_same_key(
    outreach: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    connection = gateway.connections()["AIRFLOW_CONN_ARREARS_SMS"].replace('"timeout": 5', '"timeout": 0.5')
    monkeypatch.setenv("AIRFLOW_CONN_ARREARS_SMS", connection)
    outreach.change_rules(retry__tries=1)
    outreach.plan_many(3, "reminder")
    gateway.fault("sms", mode, count=3, **({"seconds": 2} if mode == "hang" else {}))
    with outreach.run() as run:
        assert ("http.timeout: 3" if mode == "hang" else "http.nonsense: 3") in failing(run)
        assert push_contacts(run, "sms").figures["sent"] == 3
    assert gateway.stats("sms")["effects"] == 3


def test_a_clock_that_jumps_to_the_next_day_sends_nothing_more(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(20, "reminder")
    tomorrow = MORNING + timedelta(days=1)
    clock = SteppingClock([MORNING, MORNING, MORNING, tomorrow])
    with outreach.run(clock=clock) as run:
        counts = Dispatcher(run, address_from_environment).push("sms", retry_now=False)
    assert counts.stopped == "day.over"
    assert 0 < counts.ended[State.SENT] < 20
    assert gateway.stats("sms")["given"] == counts.ended[State.SENT]


def test_a_window_that_closes_while_sending_leaves_the_rest(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(20, "reminder")
    clock = SteppingClock([MORNING, MORNING, MORNING, MORNING.replace(hour=12)])
    with outreach.run(clock=clock) as run:
        counts = Dispatcher(run, address_from_environment).push("sms", retry_now=False)
    sent = counts.ended[State.SENT]
    assert (counts.stopped, counts.waiting) == (None, 20 - sent)
    assert sent == 8
    assert outreach.states() == {"sent": 8, "planned": 12}


def test_a_clock_that_jumps_back_and_forth_sends_nothing_twice(outreach: Any, gateway: Any) -> None:
    outreach.plan_many(12, "mail")
    with outreach.run("2026-11-20 11:00:00") as run:
        push_contacts(run, "email")
    for at in ("2026-11-20 09:05:00", "2026-11-20 11:59:59", "2026-11-20 09:05:00"):
        with outreach.run(at) as run:
            dispatch_contacts(run)
    assert outreach.states() == {"sent": 12}
    assert gateway.stats("email") == {"given": 12, "messages": 12, "effects": 12, "repeats": 0, "most_effects": 1}


def test_a_day_cleared_after_a_partial_push_sends_the_rest_and_nothing_twice(outreach: Any, gateway: Any) -> None:
    case = outreach.builder.case
    kinds = ["reminder", "mail", "call"]
    cases = [case(f"C{number:02d}", kinds[number % 3]) for number in range(60)]
    outreach.plan(cases)
    # the push of texts dies on the way, mail goes out whole, calls were not begun
    assert outreach.worker("push_contacts:sms", "while_sending").wait(timeout=120) < 0
    with outreach.run() as run:
        push_contacts(run, "email")
    # the day is cleared and runs again, with a case less and another one that wants another channel by now
    again = [case("C00", "mail"), *cases[2:]]
    with outreach.run("2026-11-20 09:45:00") as run:
        outreach.builder.publish(run, again)
        plan_contacts(run)
        for channel in ("sms", "email", "dialer"):
            push_contacts(run, channel)
        reconcile_contacts(run)
        for channel in ("sms", "email", "dialer"):
            assert push_contacts(run, channel).figures["sent"] == 0
    for channel in ("sms", "email", "dialer"):
        stats = gateway.stats(channel)
        assert stats["most_effects"] == 1, channel
        assert stats["given"] == stats["messages"] + stats["repeats"]
    reached = [message["key"] for channel in ("sms", "email", "dialer") for message in gateway.messages(channel)]
    assert len(reached) == len(set(reached)) == 60
    assert not {"planned", "failed", "sending"} & set(outreach.states())


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_mail_goes_only_over_tls_that_is_trusted(
    outreach: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch, tls: str, trusted: bool
) -> None:
    with mail_server(gateway.identity, tls) as server:
        extra: dict[str, Any] = {"tls": tls, "timeout": 5}
        if trusted:
            extra["ca"] = gateway.identity.certificate_text
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": server.port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_ARREARS_EMAIL", json.dumps(connection))
        outreach.plan_many(2, "mail")
        with outreach.run() as run:
            if trusted:
                assert push_contacts(run, "email").figures["sent"] == 2
            else:
                assert "smtp.connection: 2" in failing(run, "email")
    assert server.over_tls == ([True, True] if trusted else [])


class MailServer:
    """A mail server that asks for TLS and keeps whether each mail came over it."""

    def __init__(self) -> None:
        self.port = 0
        self.over_tls: list[bool] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.over_tls.append(session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"


@contextmanager
def mail_server(identity: Any, tls: str) -> Iterator[MailServer]:
    kept = MailServer()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.server)
    kept.port = free_port()
    given: dict[str, Any] = {"hostname": "127.0.0.1", "port": kept.port}
    if tls == "tls":
        given["ssl_context"] = context
    else:
        given |= {"tls_context": context, "require_starttls": True}
    controller = Controller(kept, **given)
    controller.start()
    yield kept
    controller.stop()
