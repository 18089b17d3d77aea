"""The policy at the moment of sending, on a real PostgreSQL: what happens in between stops, and nobody passes twice.

Workers and whoever interferes are threads with transactions of their own; what waits for a lock is seen in
`pg_locks`, so no test depends on who is faster.
"""

from __future__ import annotations

import random
import shutil
import time as wall
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from tests.support.contact_checker import Asked, Past, Person, breaks

from arrears.desk.calls import reserve
from arrears.desk.refusals import Refusal
from arrears.outreach import outbox
from arrears.outreach.addressees import Addressees
from arrears.outreach.consents import record_consent, record_notice
from arrears.outreach.gate import Gate
from arrears.outreach.rules import load_contact_rules
from arrears.outreach.states import SENDABLE, State
from arrears.outreach.steps import plan_contacts
from arrears.run import Run, open_run
from arrears.settings import PROJECT, load_settings
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask

LENDER = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LENDER)
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
WORKER = 7
CASE = {"case_id": "C:2026-11-01", "language": "zh", "queue": "phone", "placement": "in_house", "priority": 1}


def rules_with(folder: Path, *packs: str, spacing: int = 0) -> Path:
    """The shipped rules under other packs, with room for many contacts a day."""
    shutil.copytree(PROJECT / "include" / "rules", folder)
    header = folder / "rule_set.yaml"
    header.write_text(header.read_text(encoding="utf-8").replace("policy: cn", f"policy: [{', '.join(packs)}]"))
    contact = folder / "contact.yaml"
    text = contact.read_text(encoding="utf-8").replace("contacts_per_customer: 3", "contacts_per_customer: 99")
    text = text.replace("spacing_minutes: 120", f"spacing_minutes: {spacing}").replace('days: ["0-/2"]', "days: []")
    contact.write_text(text)
    return folder


@contextmanager
def run_of(outreach: Any, rules: Path, at: datetime) -> Iterator[Run]:
    settings = load_settings(
        {
            "home": outreach.home,
            "warehouse_url": outreach.url,
            "clock": at.replace(tzinfo=None),
            "duckdb_memory": "1GB",
            "rules": rules,
        }
    )
    with open_run(settings, at.date()) as run:
        yield run


class Sender:
    """A worker that takes what is due over a channel, and tells how it ended."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.contact, self.policy = load_contact_rules(run.rules)
        self.addressees = Addressees(run, self.contact, self.policy)

    def gate(self, now: datetime) -> Gate:
        return Gate(self.contact, self.policy, self.run.settings.zone, now)

    def take(self, connection: sa.Connection, channel: str, now: datetime) -> list[str]:
        """The customers whose tasks may go."""
        due = sa.and_(
            _TASK.c.business_day == now.astimezone(LENDER).date(),
            _TASK.c.channel == channel,
            _TASK.c.state.in_([state.value for state in SENDABLE]),
        )
        taken = outbox.take(
            connection, self.gate(now), self.addressees, due=due, worker=WORKER, after=None, limit=10_000
        )
        return [task["customer_id"] for task in taken.tasks]

    def settle(self, connection: sa.Connection, outcome: Callable[[], str]) -> None:
        """All that is under way ends."""
        keys = connection.execute(sa.select(_TASK.c.task_key).where(_TASK.c.state == State.SENDING.value)).scalars()
        for key in keys.all():
            connection.execute(
                sa.update(_TASK)
                .where(_TASK.c.task_key == key)
                .values(state=State.DELIVERED.value, outcome=outcome(), worker=None, lease_until=None)
            )


@pytest.fixture
def two(outreach: Any, tmp_path: Path) -> Iterator[tuple[Sender, Sender]]:
    """Two workers of a day under us_ma: every customer has one call behind him, and a call and a text before him."""
    rules = rules_with(tmp_path / "rules", "us_ma")
    keys = [f"C{number:02d}" for number in range(12)]
    earlier = [
        {
            "result_id": f"R{key}", "customer_id": key, "channel": "call", "outcome": "no_answer",
            "attempted_at": datetime(2026, 11, 18, 12),  # noqa: DTZ001 (the ledger's time)
        }
        for key in keys
    ]  # fmt: skip
    with run_of(outreach, rules, NOW) as run, run_of(outreach, rules, NOW) as other:
        outreach.builder.publish(run, [outreach.builder.case(key, "pressure") for key in keys], contact_results=earlier)
        assert plan_contacts(run).figures["blocked"] == {"us_ma.calls_and_texts": len(keys)}
        with run.warehouse.begin() as connection:
            # the plan left the text out, as the call will use up what is left; somebody wants it all the same
            connection.execute(_text_beside_the_call())
        yield Sender(run), Sender(other)


def _text_beside_the_call() -> sa.Insert:
    columns = [column for column in _TASK.c if column.name not in ("task_key", "slot", "channel", "template")]
    call = sa.select(
        sa.func.md5(_TASK.c.task_key), sa.literal("beside"), sa.literal("sms"), sa.literal("overdue_sms"), *columns
    ).where(_TASK.c.channel == "dialer")
    names = ["task_key", "slot", "channel", "template", *(column.name for column in columns)]
    return sa.insert(_TASK).from_select(names, call)


def waits_for_a_lock(engine: sa.Engine, future: Future[Any]) -> bool:
    """Whether the other transaction came to wait for an advisory lock; it never ends before."""
    locks = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    until = wall.monotonic() + 30
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while wall.monotonic() < until and not future.done():
            if connection.execute(locks).scalar_one():
                return True
    return False


def test_two_workers_cannot_both_pass_the_cap(two: tuple[Sender, Sender]) -> None:
    one, other = two
    with ThreadPoolExecutor(1) as pool, one.run.warehouse.begin() as first:
        calls = one.take(first, "dialer", NOW)
        assert len(calls) == 12

        def second() -> list[str]:
            with other.run.warehouse.begin() as connection:
                return other.take(connection, "sms", NOW)

        future = pool.submit(second)
        assert waits_for_a_lock(one.run.warehouse, future), "the second must wait for the first's transaction"
        first.commit()
        assert future.result() == [], "nothing is left once the first has committed"


def test_a_rolled_back_reservation_leaves_room(two: tuple[Sender, Sender]) -> None:
    one, other = two
    with ThreadPoolExecutor(1) as pool, one.run.warehouse.connect() as first:
        transaction = first.begin()
        assert len(one.take(first, "dialer", NOW)) == 12

        def second() -> list[str]:
            with other.run.warehouse.begin() as connection:
                return other.take(connection, "sms", NOW)

        future = pool.submit(second)
        assert waits_for_a_lock(one.run.warehouse, future)
        transaction.rollback()
        assert len(future.result()) == 12


def test_racing_workers_send_one_each_and_no_more(two: tuple[Sender, Sender]) -> None:
    def race(sender: Sender, channel: str) -> list[str]:
        sent = []
        for _ in range(5):
            with sender.run.warehouse.begin() as connection:
                sent += sender.take(connection, channel, NOW)
        return sent

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(race, *each) for each in zip(two, ("dialer", "sms"), strict=True)]
        sent = [customer for each in found for customer in each.result()]
    assert sorted(sent) == [f"C{number:02d}" for number in range(12)]
    with two[0].run.warehouse.begin() as connection:
        # the rest waits while it is not known how the first ended, and is blocked once it is
        two[0].settle(connection, lambda: "no_answer")
        for channel in ("dialer", "sms"):
            assert two[0].take(connection, channel, NOW) == []
        states = connection.execute(
            sa.select(_TASK.c.state, _TASK.c.policy_rule, _TASK.c.policy_source, sa.func.count())
            .where(_TASK.c.channel.in_(["dialer", "sms"]))
            .group_by(_TASK.c.state, _TASK.c.policy_rule, _TASK.c.policy_source)
            .order_by(_TASK.c.state)
        ).all()
    source = "us_ma: 940 CMR 7.04, contact with debtors, Attorney General of Massachusetts, 2012-03-02"
    assert [tuple(row) for row in states] == [
        ("blocked", "us_ma.calls_and_texts", source, 12),
        ("delivered", None, None, 12),
    ]


def _opts_out(connection: sa.Connection, key: str) -> None:
    record_consent(
        connection, key, "sms", allowed=False, reason="opt_out", at=NOW, source="t", recorded_by="t", now=NOW
    )


def _ceases(connection: sa.Connection, key: str) -> None:
    record_consent(
        connection, key, "email", allowed=False, reason="cease", at=NOW, source="t", recorded_by="t", now=NOW
    )


def _pays(connection: sa.Connection, key: str) -> None:
    record_notice(connection, key, "payment", at=NOW, source="t", now=NOW)


def _answers(connection: sa.Connection, key: str) -> None:
    record_notice(connection, key, "reply", at=NOW, source="t", now=NOW)


@pytest.mark.parametrize(
    ("act", "rule"),
    [
        (_opts_out, "consent.refused"),
        (_ceases, "us_ma.cease"),
        (_pays, "payment.received"),
        (_answers, "reply.received"),
    ],
)
def test_what_a_customer_does_between_plan_and_sending_stops_the_message(
    two: tuple[Sender, Sender], act: Callable[[sa.Connection, str], None], rule: str
) -> None:
    one, other = two
    with ThreadPoolExecutor(1) as pool, one.run.warehouse.begin() as customer:
        act(customer, "C03")

        def send() -> list[str]:
            with other.run.warehouse.begin() as connection:
                return other.take(connection, "sms", NOW)

        future = pool.submit(send)
        assert waits_for_a_lock(one.run.warehouse, future), "whoever sends waits for what is being written down"
        customer.commit()
        sent = future.result()
    assert len(sent) == 11
    assert "C03" not in sent
    with one.run.warehouse.connect() as connection:
        told = connection.execute(
            sa.select(_TASK.c.state, _TASK.c.state_reason, _TASK.c.policy_rule).where(
                _TASK.c.customer_id == "C03", _TASK.c.channel == "sms"
            )
        ).one()
    assert tuple(told) == ("blocked", rule, rule)


def test_a_call_by_somebody_else_in_between_stops_the_message(two: tuple[Sender, Sender]) -> None:
    one, other = two
    row = type("Case", (), {**CASE, "customer_id": "C03", "lead_contract_id": "K-C03", "contract_ids": "K-C03"})()
    addressee = one.addressees.of(["C03"])["C03"]
    with one.run.warehouse.begin() as collector:
        call = reserve(collector, row, addressee, one.gate(NOW))
        assert call.number_today == 1
        with pytest.raises(Refusal) as refused:
            reserve(collector, row, addressee, one.gate(NOW))
        assert (refused.value.kind, refused.value.rule) == ("limit", "us_ma.calls_and_texts")
    with other.run.warehouse.begin() as connection:
        assert "C03" not in other.take(connection, "sms", NOW)
        state = connection.execute(
            sa.select(_TASK.c.state).where(_TASK.c.customer_id == "C03", _TASK.c.channel == "sms")
        ).scalar_one()
    assert state == "planned", "the call may end as one that does not count: the text waits"


def test_a_call_on_the_owners_list_is_the_one_that_he_reserves(outreach: Any, tmp_path: Path) -> None:
    rules = rules_with(tmp_path / "rules", "cn")
    contact = rules / "contact.yaml"
    text = contact.read_text(encoding="utf-8")
    contact.write_text(text.replace("- {channel: dialer, template: overdue_call}", "- {channel: phone}"))
    row = type("Case", (), {**CASE, "customer_id": "C1", "lead_contract_id": "K-C1", "contract_ids": "K-C1"})()
    with run_of(outreach, rules, NOW) as run:
        outreach.builder.publish(run, [outreach.builder.case("C1", "pressure")])
        assert plan_contacts(run).figures["planned"] == {"phone": 1, "sms": 1}
        sender = Sender(run)
        addressee = sender.addressees.of(["C1"])["C1"]
        with run.warehouse.begin() as connection:
            first = reserve(connection, row, addressee, sender.gate(NOW))
            second = reserve(connection, row, addressee, sender.gate(NOW))
        plan_contacts(run)
    calls = {
        task["task_key"]: (task["slot"], task["state"], task["policy"])
        for task in outreach.tasks()
        if task["channel"] == "phone"
    }
    assert calls == {first.call_id: ("morning", "sending", "cn"), second.call_id: ("call-1", "sending", "cn")}
    assert (first.number_today, second.number_today) == (1, 2)


WEEKS_OUTCOMES = ["no_answer", "no_answer", "no_answer", "voicemail", "busy", "right_party", "invalid"]


@pytest.mark.parametrize(("packs", "days"), [(("cn",), 2), (("us_reg_f",), 9), (("us_reg_f", "us_ma"), 8)])
def test_whatever_the_history_and_the_plan_nothing_sent_breaks_the_packs(
    outreach: Any, tmp_path: Path, packs: tuple[str, ...], days: int
) -> None:
    """Days of random plans, calls of agencies, jumps of the clock and outcomes, judged afterwards."""
    draw = random.Random(20261120)
    rules = rules_with(tmp_path / "rules", *packs)
    keys = [f"C{number:02d}" for number in range(24)]
    kinds = {key: draw.choice(["pressure", "pressure", "call", "reminder"]) for key in keys}
    agency: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
    sent = 0
    for offset in range(days):
        day = DAY + timedelta(days=offset)
        for key in keys:
            if draw.random() < 0.4:
                at = datetime.combine(day - timedelta(days=1), datetime.min.time()) + timedelta(
                    minutes=draw.randrange(24 * 60)
                )
                agency[key].append(
                    {
                        "result_id": f"A{key}-{len(agency[key])}", "customer_id": key, "channel": "agency_call",
                        "attempted_at": at, "outcome": draw.choice(WEEKS_OUTCOMES),
                        "initiated_by": draw.choice(["lender", "lender", "customer"]),
                    }
                )  # fmt: skip
        start = datetime.combine(day, datetime.min.time(), LENDER) + timedelta(hours=8)
        with run_of(outreach, rules, start) as run:
            cases = [outreach.builder.case(key, kinds[key], region=None) for key in keys]
            customers = [outreach.builder.customer(key, time_zone="Asia/Shanghai") for key in keys]
            results = [row for rows in agency.values() for row in rows]
            outreach.builder.publish(run, cases, customers=customers, contact_results=results)
            plan_contacts(run)
            sender = Sender(run)
            # the clock of acting goes where it likes, the middle of the night and back
            for hour in draw.sample(range(24), 8):
                now = datetime.combine(day, datetime.min.time(), LENDER) + timedelta(hours=hour, minutes=7)
                with run.warehouse.begin() as connection:
                    for channel in draw.sample(["dialer", "sms", "email"], 3):
                        sent += len(sender.take(connection, channel, now))
                if draw.random() < 0.7:
                    with run.warehouse.begin() as connection:
                        sender.settle(connection, lambda: draw.choice(WEEKS_OUTCOMES))
    assert sent > 30, "nothing is proved by a day on which nothing goes"
    _judge(outreach, packs, agency)


def _judge(outreach: Any, packs: tuple[str, ...], agency: dict[str, list[dict[str, Any]]]) -> None:
    """Every contact that went, in the order in which it was reserved, against all that were reserved before it."""
    kinds = {"dialer": "call", "sms": "text", "email": "email"}
    outcomes = {task["task_key"]: task["outcome"] for task in outreach.tasks()}
    debts = {task["task_key"]: tuple(task["contract_ids"].split(",")) for task in outreach.tasks()}
    known: dict[str, list[tuple[datetime, Past]]] = {}
    for key, rows in agency.items():
        for row in rows:
            at = row["attempted_at"].replace(tzinfo=LENDER)
            past = Past(at, "call", row["outcome"], (), row["initiated_by"] == "customer")
            # the ledger tells it on the morning after
            morning = datetime.combine(at.date() + timedelta(days=1), datetime.min.time(), LENDER)
            known.setdefault(key, []).append((morning, past))
    broken = {}
    made: dict[str, list[Past]] = {}
    for event in _in_order(outreach):
        key, at = event["customer_id"], event["at"].astimezone(UTC)
        person = Person([*made.get(key, ())])
        person.past += [
            past for told, past in known.get(key, ()) if told.astimezone(LENDER).date() <= event["business_day"]
        ]
        kind = kinds[event["channel"]]
        asked = Asked(at, kind, event["channel"], debts[event["task_key"]], (LENDER,))
        found = breaks(packs, asked, person)
        if found:
            broken[key, at] = found
        outcome = outcomes[event["task_key"]]
        if outcome is not None:
            made.setdefault(key, []).append(Past(at, kind, outcome, debts[event["task_key"]]))
    assert not broken, broken


def _in_order(outreach: Any) -> list[dict[str, Any]]:
    """Reservations as they were written: the clock jumps, the table does not."""
    engine = sa.create_engine(outreach.url)
    try:
        with engine.connect() as connection:
            rows = connection.execute(
                sa.select(_ATTEMPT)
                .where(_ATTEMPT.c.event == "reserved")
                .order_by(_ATTEMPT.c.business_day, sa.literal_column("contact_attempt.ctid"))
            )
            return [dict(row) for row in rows.mappings()]
    finally:
        engine.dispose()
