"""Repossessions at the moment of handing over, the steps and documents that go with them, recalls, killed workers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.serious_floor import put_cases

from arrears.clock import FixedClock
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.outreach.consents import record_consent, record_notice
from arrears.outreach.recalls import Recalls, find_recalls, mark_handed_over, waiting_recalls
from arrears.outreach.repossession import blocked_hand_overs
from arrears.outreach.rules import load_contact_rules
from arrears.outreach.steps import approve, push_approved, reconcile_contacts
from arrears.outreach.vehicle_steps import Vehicles
from arrears.outreach.vehicles import Step
from arrears.rules.rule_set import load_rule_set
from arrears.settings import PROJECT, load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_desk import Promise
from arrears.warehouse.ops_serious import PlacementRecall, VehicleStep

DAY = date(2026, 11, 20)
AT = "2026-11-20 09:30:00"
NOW = datetime.fromisoformat("2026-11-20T09:30:00+08:00")
BEFORE = NOW - timedelta(hours=1)
LATER = NOW + timedelta(hours=1)
LEAD = Caller("lin", "lead", via="command")


@pytest.fixture
def engine(outreach: Any) -> Iterator[sa.Engine]:
    made = open_warehouse(load_settings({"warehouse_url": outreach.url}))
    with made.begin() as connection:
        connection.execute(
            sa.text("TRUNCATE ops.case, ops.customer_notice, ops.customer_consent, ops.case_event CASCADE")
        )
    yield made
    made.dispose()


@pytest.fixture
def vehicles(engine: sa.Engine) -> Vehicles:
    return vehicles_at(engine, BEFORE)


def vehicles_at(engine: sa.Engine, at: datetime) -> Vehicles:
    """The proceedings, recorded at `at`."""
    return Vehicles(engine, FixedClock(at), partial(load_rule_set, PROJECT / "include" / "rules"))


def expired_demands(vehicles: Vehicles, numbers: list[int]) -> None:
    """Records, for each contract, a demand whose period is over."""
    for number in numbers:
        for step, day in ((Step.DEMAND_SENT, date(2026, 11, 2)), (Step.DEMAND_EXPIRED, date(2026, 11, 13))):
            vehicles.record(LEAD, f"K-C{number}", step, on_day=day, reason="by courier")


def prepared(outreach: Any, engine: sa.Engine, vehicles: Vehicles, numbers: list[int], **tables: Any) -> None:
    """A planned day of repossessions, each with an expired demand, approved by a lead."""
    put_cases(engine, numbers, placement="repossession")
    with engine.begin() as connection:
        connection.execute(
            sa.update(CASE).values(
                contract_ids=sa.literal("K-").concat(CASE.c.customer_id),
                lead_contract_id=sa.literal("K-").concat(CASE.c.customer_id),
            )
        )
    expired_demands(vehicles, numbers)
    outreach.plan([outreach.builder.case(f"C{number}", "repossession", **CLEAR) for number in numbers], **tables)
    with outreach.run() as run:
        approve(run, "approve", LEAD, reason="checked")


CLEAR = {"overdue_amount": Decimal("1000.00")}


def push(outreach: Any) -> dict[str, Any]:
    with outreach.run() as run:
        return push_approved(run).figures


def tasks(outreach: Any) -> dict[str, tuple[str, str | None]]:
    return {task["customer_id"]: (task["state"], task["state_reason"]) for task in outreach.tasks()}


def steps(engine: sa.Engine, contract: str) -> list[tuple[str, str | None]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(VehicleStep.step, VehicleStep.order_id)
            .where(VehicleStep.contract_id == contract)
            .order_by(VehicleStep.step_id)
        ).all()
    return [(row.step, row.order_id) for row in rows]


def test_what_nothing_blocks_is_handed_over_with_its_documents_and_its_order(
    outreach: Any, engine: sa.Engine, vehicles: Vehicles
) -> None:
    prepared(outreach, engine, vehicles, [1])
    assert push(outreach)["sent"] == 1
    assert tasks(outreach) == {"C1": ("sent", None)}
    task = outreach.tasks()[0]
    assert steps(engine, "K-C1")[-1] == ("order_issued", f"A{task['task_key'][:12].upper()}")
    folder = outreach.home / "outbox" / "repossession" / "2026-11-20" / task["task_key"][:16]
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["task_key"] == task["task_key"]
    assert push(outreach)["sent"] == 0
    assert len(steps(engine, "K-C1")) == 3


def pay(connection: sa.Connection, customer: str, amount: str | None, contract: str | None, at: datetime = NOW) -> None:
    value = None if amount is None else Decimal(amount)
    record_notice(connection, customer, "payment", at=at, source="test", now=at, contract_id=contract, amount=value)


def go_bankrupt(connection: sa.Connection, customer: str, at: datetime = NOW) -> None:
    told = {"reason": "bankruptcy", "source": "test", "recorded_by": "test"}
    record_consent(connection, customer, "field", allowed=False, at=at, now=at, **told)


def promise(connection: sa.Connection, customer: str, at: datetime = NOW) -> None:
    values = {
        "promise_id": f"Q-{customer}",
        "case_id": f"{customer}@2026-11-01",
        "contract_id": f"K-{customer}",
        "customer_id": customer,
        "made_on": DAY,
        "due_on": DAY,
        "amount": Decimal("1.00"),
        "recorded_by": "C001",
        "recorded_at": at,
        "business_day": DAY,
    }
    connection.execute(sa.insert(Promise.__table__).values(values))


def test_what_happens_between_approval_and_hand_over_stops_it(
    outreach: Any, engine: sa.Engine, vehicles: Vehicles
) -> None:
    holds = [{"contract_id": "K-C8", "kind": "pause", "start_date": date(2026, 11, 1)}]
    prepared(outreach, engine, vehicles, [1, 2, 3, 4, 5, 6, 7, 8], holds=holds)
    with engine.begin() as connection:
        promise(connection, "C1")
        go_bankrupt(connection, "C2")
        pay(connection, "C3", "1000.00", "K-C3")
        pay(connection, "C4", "1000.00", None)
        pay(connection, "C5", None, "K-C5")
        pay(connection, "C6", "999.99", "K-C6")
        pay(connection, "C7", "1000.00", "K-OTHER")
    with outreach.run() as run, run.warehouse.begin() as connection:
        live = load_contact_rules(run.rules)[0].live_promise
        found = blocked_hand_overs(connection, run, outreach.tasks(), live)
    customers = {task["task_key"]: task["customer_id"] for task in outreach.tasks()}
    assert {customers[key]: rule for key, rule in found.items()} == {
        "C1": "repossession.promise_live",
        "C2": "repossession.bankruptcy",
        "C3": "repossession.cured",
        "C4": "repossession.cured",
        "C5": "repossession.cured",
    }
    push(outreach)
    stood = tasks(outreach)
    assert "C8" not in stood, "an agreed extension keeps it out of the plan"
    assert {stood[customer] for customer in ("C1", "C3", "C4", "C5")} <= {
        ("blocked", "repossession.promise_live"),
        ("blocked", "repossession.cured"),
    }
    assert stood["C2"] == ("blocked", "repossession.bankruptcy")
    assert all(steps(engine, f"K-C{number}")[-1][0] == "demand_expired" for number in (1, 2, 3, 4, 5, 8))


def planned_verdicts(outreach: Any) -> dict[str, str | None]:
    with outreach.run() as run:
        return {row["customer_id"]: row["verdict_rule"] for row in outreach.builder.plan_rows(run)}


def test_a_day_planned_again_has_the_verdicts_of_its_first_plan_and_the_gate_those_of_now(
    outreach: Any, engine: sa.Engine, vehicles: Vehicles
) -> None:
    put_cases(engine, [1, 2, 3, 4, 5, 6], placement="repossession")
    with engine.begin() as connection:
        ids = sa.literal("K-").concat(CASE.c.customer_id)
        connection.execute(sa.update(CASE).values(contract_ids=ids, lead_contract_id=ids))
    expired_demands(vehicles, [1, 2, 3, 4])
    # the period of C5 is over and the plan records it; that of C6 is not
    vehicles.record(LEAD, "K-C5", Step.DEMAND_SENT, on_day=date(2026, 11, 2), reason="by courier")
    vehicles.record(LEAD, "K-C6", Step.DEMAND_SENT, on_day=date(2026, 11, 19), reason="by courier")
    cases = [outreach.builder.case(f"C{number}", "repossession", **CLEAR) for number in (1, 2, 3, 4, 5, 6)]
    outreach.plan(cases)
    first = {f"C{number}": None for number in (1, 2, 3, 4, 5)} | {"C6": "repossession.demand_open"}
    assert planned_verdicts(outreach) == first
    with outreach.run() as run:
        approve(run, "approve", LEAD, reason="checked")
    vehicles_at(engine, LATER).record(LEAD, "K-C1", Step.ORDER_ISSUED, on_day=DAY, reason="by hand", order_id="A1")
    with engine.begin() as connection:
        promise(connection, "C2", LATER)
        pay(connection, "C3", "1000.00", "K-C3", LATER)
        go_bankrupt(connection, "C4", LATER)
    outreach.plan(cases, at="2026-11-20 11:30:00")
    assert planned_verdicts(outreach) == first
    with outreach.run("2026-11-20 11:30:00") as run:
        push_approved(run)
    assert tasks(outreach) == {
        "C1": ("blocked", "repossession.order_out"),
        "C2": ("blocked", "repossession.promise_live"),
        "C3": ("blocked", "repossession.cured"),
        "C4": ("blocked", "repossession.bankruptcy"),
        "C5": ("sent", None),
    }


def test_a_recalled_order_blocks_until_somebody_orders_anew(
    outreach: Any, engine: sa.Engine, vehicles: Vehicles
) -> None:
    put_cases(engine, [1], placement="repossession")
    with engine.begin() as connection:
        connection.execute(sa.update(CASE).values(contract_ids="K-C1", lead_contract_id="K-C1"))
    prepared_steps = [
        (Step.DEMAND_SENT, date(2026, 11, 2), None),
        (Step.DEMAND_EXPIRED, date(2026, 11, 13), None),
        (Step.ORDER_ISSUED, date(2026, 11, 14), "A1"),
        (Step.ORDER_RECALLED, date(2026, 11, 15), "A1"),
    ]
    for step, day, order in prepared_steps:
        vehicles.record(LEAD, "K-C1", step, on_day=day, reason="x", order_id=order)
    outreach.plan([outreach.builder.case("C1", "repossession", **CLEAR)])
    with outreach.run() as run:
        approve(run, "approve", LEAD, reason="checked")
    assert push(outreach)["sent"] == 0
    assert tasks(outreach) == {}, "it was not even planned"


def test_steps_are_recorded_by_leads_and_refused_with_their_rule(engine: sa.Engine, vehicles: Vehicles) -> None:
    put_cases(engine, [1], placement="repossession")
    record = partial(vehicles.record, LEAD, "K1", reason="x")
    record(Step.DEMAND_SENT, on_day=date(2026, 11, 12))
    for step, rule in (
        (Step.DEMAND_EXPIRED, "vehicle.demand_period"),
        (Step.ORDER_ISSUED, "vehicle.order_of_steps"),
        (Step.REPOSSESSED, "vehicle.order_of_steps"),
    ):
        with pytest.raises(Refusal) as refused:
            record(step, on_day=DAY, order_id="A1")
        assert refused.value.rule == rule
    for caller in (Caller("v", "viewer"), Caller("c", "collector", "C007")):
        with pytest.raises(Refusal) as refused:
            vehicles.record(caller, "K1", Step.LOCATED, on_day=DAY, reason="x")
        assert refused.value.rule == "role.lead"
    with pytest.raises(Refusal) as refused:
        vehicles.record(LEAD, "K99", Step.LOCATED, on_day=DAY, reason="x")
    assert refused.value.rule == "vehicle.contract_unknown"
    first = record(Step.LOCATED, on_day=DAY, gps_status="online", request_key="r1")
    assert record(Step.LOCATED, on_day=DAY, gps_status="online", request_key="r1") == first
    view = vehicles.read(LEAD).vehicles[0]
    assert [step.step for step in view.steps] == ["demand_sent", "located"]
    assert (view.stage, view.steps[1].gps_status) == ("demanded", "online")
    due = {each.step: each.from_day for each in view.next_steps}
    assert due["demand_expired"] == date(2026, 11, 23)


def test_the_record_of_steps_is_only_added_to(engine: sa.Engine, vehicles: Vehicles) -> None:
    put_cases(engine, [1], placement="repossession")
    vehicles.record(LEAD, "K1", Step.LOCATED, on_day=DAY, reason="x")
    for statement in ("UPDATE ops.vehicle_step SET step = 'sold'", "DELETE FROM ops.vehicle_step"):
        with pytest.raises(sa.exc.ProgrammingError, match="append-only"), engine.begin() as connection:
            connection.execute(sa.text(statement))


# ---- recalls


def recalls(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(PlacementRecall.customer_id, PlacementRecall.reason)).all()
    return {row.customer_id: row.reason for row in rows}


def find(outreach: Any) -> dict[str, int]:
    with outreach.run("2026-11-20 10:00:00") as run, run.warehouse.begin() as connection:
        contact = load_contact_rules(run.rules)[0]
        return dict(find_recalls(connection, run, contact.recall, contact.live_promise))


def handed_over_agencies(outreach: Any, engine: sa.Engine, numbers: list[int]) -> None:
    put_cases(engine, numbers)
    outreach.plan([outreach.builder.case(f"C{number}", "legal") for number in numbers])
    with outreach.run() as run:
        approve(run, "approve", LEAD)
        assert push_approved(run).figures["sent"] == len(numbers)


def test_a_hand_over_that_is_over_is_recalled_once_with_its_reason(outreach: Any, engine: sa.Engine) -> None:
    handed_over_agencies(outreach, engine, [1, 2, 3, 4])
    assert find(outreach) == {}
    with engine.begin() as connection:
        pay(connection, "C1", "5.00", "K-C1")
        closed = {"state": "closed", "closed_on": DAY, "pool_opened_at": None}
        connection.execute(sa.update(CASE).where(CASE.c.customer_id == "C2").values(**closed, close_reason="cured"))
        connection.execute(sa.update(CASE).where(CASE.c.customer_id == "C3").values(**closed, close_reason="held"))
    assert find(outreach) == {"paid": 2, "held": 1}
    assert find(outreach) == {}
    assert recalls(engine) == {"C1": "paid", "C2": "paid", "C3": "held"}


def test_a_lead_takes_a_hand_over_back_and_its_partner_is_told_once(outreach: Any, engine: sa.Engine) -> None:
    handed_over_agencies(outreach, engine, [1, 2])
    keys = [task["task_key"] for task in outreach.tasks()]
    mine = Recalls(engine, FixedClock(NOW))
    done = mine.take_back(LEAD, [keys[0], "f" * 64], reason="agreed with the branch")
    assert (done.done, [each.rule for each in done.refused]) == ((keys[0],), ["recall.unknown"])
    again = mine.take_back(LEAD, keys[:1], reason="again")
    assert [each.rule for each in again.refused] == ["recall.over"]
    with engine.begin() as connection:
        waiting = waiting_recalls(connection, "legal")
        assert [(each.task_key, each.reason) for each in waiting] == [(keys[0], "lead")]
        assert mark_handed_over(connection, [keys[0]], "recall-1.csv", NOW) == 1
    with engine.begin() as connection:
        assert waiting_recalls(connection, "legal") == []
        assert mark_handed_over(connection, [keys[0]], "recall-2.csv", NOW) == 0
    with pytest.raises(Refusal):
        mine.take_back(Caller("v", "viewer"), keys[1:], reason="x")
    assert "C1" not in repr(waiting)


def test_the_partner_is_told_by_a_file_with_its_manifest_once(outreach: Any, engine: sa.Engine) -> None:
    handed_over_agencies(outreach, engine, [1, 2])
    key = outreach.tasks()[0]["task_key"]
    Recalls(engine, FixedClock(NOW)).take_back(LEAD, [key], reason="agreed with the branch")
    with outreach.run() as run:
        assert reconcile_contacts(run).figures["recalled"] == {"legal": 1}
        assert reconcile_contacts(run).figures["recalled"] == {}
    (listed,) = (outreach.home / "outbox" / "legal").glob("recall-2026-11-20-*.csv")
    assert listed.read_text(encoding="utf-8").splitlines() == [
        "task_key,handed_over_on,customer_id,contract_ids,reason,business_day",
        f"{key},2026-11-20,C1,K-C1,lead,2026-11-20",
    ]
    manifest = json.loads(listed.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    assert manifest["sha256"] == hashlib.sha256(listed.read_bytes()).hexdigest()
    assert (manifest["kind"], manifest["rows"]) == ("recall", 1)
    with engine.connect() as connection:
        assert connection.execute(sa.select(PlacementRecall.file)).scalars().all() == [listed.name]


# ---- killed workers


@pytest.mark.parametrize("dies", ["after_list", "in_record"])
def test_a_killed_hand_over_is_made_once_with_its_step_and_documents(
    outreach: Any, engine: sa.Engine, vehicles: Vehicles, dies: str
) -> None:
    prepared(outreach, engine, vehicles, [1, 2, 3])
    worker = outreach.worker("push_approved", dies)
    assert worker.wait(timeout=120) == -9
    push(outreach)
    with outreach.run() as run:
        reconcile_contacts(run)
    assert {state for state, _ in tasks(outreach).values()} == {"sent"}
    for number in (1, 2, 3):
        assert [step for step, _ in steps(engine, f"K-C{number}")] == ["demand_sent", "demand_expired", "order_issued"]
    day = outreach.home / "outbox" / "repossession" / "2026-11-20"
    assert len(list(day.glob("*/manifest.json"))) == 3
    assert not list(day.glob("*/.*.tmp")) or dies == "after_list"
    with engine.connect() as connection:
        keys = connection.execute(sa.select(ContactTask.task_key)).scalars().all()
    listed = (outreach.home / "outbox" / "repossession" / "2026-11-20.csv").read_text(encoding="utf-8")
    assert sorted(line.split(",")[0] for line in listed.splitlines()[1:]) == sorted(keys)
