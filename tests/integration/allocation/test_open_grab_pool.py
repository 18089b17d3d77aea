"""open_grab_pool on a real PostgreSQL: what changes in ops, what people did stays, what a second run leaves."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support import allocation_kit as kit
from tests.support.desk_floor import MovingClock, add_contact_rules, grab_at_desk, lead

from arrears.allocation.steps import allocate_cases, open_grab_pool
from arrears.desk.desk import Desk
from arrears.desk.views import ResultIn
from arrears.errors import AllocationError, NotPublishedError
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT
from arrears.warehouse.schema import metadata

TODAY = date(2026, 11, 20)


def work(run: Any) -> Any:
    allocate_cases(run)
    return open_grab_pool(run)


def owners(run: Any) -> dict[str, str | None]:
    """Customer → owner, or None in the pool; open cases."""
    with run.warehouse.connect() as connection:
        select = sa.select(CASE.c.customer_id, CASE.c.collector_id).where(CASE.c.state != "closed")
        return dict(connection.execute(select).all())


def intervals(run: Any, customer: str) -> list[tuple[Any, ...]]:
    """Owner, source and end reason of a customer's intervals, in order."""
    c = CASE_ASSIGNMENT.c
    select = (
        sa.select(c.collector_id, c.source, c.end_reason)
        .join(CASE, CASE.c.case_id == c.case_id)
        .where(CASE.c.customer_id == customer)
        .order_by(CASE.c.opened_on, c.interval_no)
    )
    with run.warehouse.connect() as connection:
        return [tuple(row) for row in connection.execute(select)]


@pytest.fixture
def days(allocation_days, warehouse_url):
    """Opens days on the warehouse."""

    def day(cases: Any, collectors: Any, **options: Any) -> Any:
        return allocation_days.day(cases, collectors, warehouse_url=warehouse_url, **options)

    return day


def test_the_first_run_opens_cases_with_owners_and_pool(days, rows_of):
    with days(kit.cases(5, region="SH"), [kit.collector("E1"), kit.collector("E2")]) as run:
        result = work(run)
        rows = rows_of(run)
        assert owners(run) == {"C0001": "E1", "C0002": "E2", "C0003": "E2", "C0004": "E1", "C0005": None}
        first, last = rows["ops.case"][0], rows["ops.case"][-1]
        assert first["case_id"] == "C0001@2026-11-20"
        assert (first["state"], first["source"], first["owned_from"]) == ("owned", "auto", run.clock.now())
        assert (last["state"], last["pool_opened_at"], last["owned_from"]) == ("pool", run.clock.now(), None)
        assert len(rows["ops.case_assignment"]) == 5
        assert [row["collector_id"] for row in rows["ops.collector"]] == ["E1", "E2"]
        assert result.figures["owned"] == 4
        assert result.figures["pool_per_queue"] == {"phone": 1}
        assert result.rows == {
            "ops.case": 5,
            "ops.case_assignment": 5,
            "ops.collector": 2,
            "ops.collector_share": 2,
        }


def test_a_second_run_touches_no_row(days, rows_of):
    with days(kit.cases(7), [kit.collector("E1"), kit.collector("E2", daily_quota=2)]) as run:
        work(run)
        before, lake = rows_of(run), kit.read(run, "assignment")
        result = work(run)
        assert rows_of(run) == before
        assert kit.read(run, "assignment") == lake
        assert set(result.rows.values()) == {0}


def test_owners_are_kept_from_day_to_day_and_new_cases_fill_up(days):
    staff = [kit.collector("E1"), kit.collector("E2")]
    with days(kit.cases(4), staff) as run:
        work(run)
        first = owners(run)
    # two of E1's are cured; three new cases come
    mine = [customer for customer, owner in first.items() if owner == "E1"]
    rest = [row for row in kit.cases(4) if row["customer_id"] not in mine]
    paid = [
        {"contract_id": f"K{customer}", "customer_id": customer, "principal": 1} | {"closed_on": closed}
        for customer, closed in zip(mine, (None, TODAY + timedelta(days=1)), strict=True)
    ]
    with days(
        rest + kit.cases(3, first=11), staff, as_of=TODAY + timedelta(days=1), contract_rows=as_contracts(paid)
    ) as run:
        result = work(run)
        now = owners(run)
        assert {now[row["customer_id"]] for row in rest} == {"E2"}
        assert [now[f"C{i:04d}"] for i in (11, 12, 13)] == ["E1", "E1", None]
        assert result.figures["closed"] == {"contracts_closed": 1, "cured": 1}
        assert {row["source"] for row in kit.read(run, "assignment")} == {"kept", "auto", "pool"}
        assert intervals(run, rest[0]["customer_id"]) == [("E2", "auto", None)]
        assert intervals(run, mine[0]) == [("E1", "auto", "cured")]


def as_contracts(rows: Any) -> Any:
    from decimal import Decimal

    return [{**row, "principal": Decimal("1.00"), "product": "auto"} for row in rows]


def test_a_case_is_taken_from_an_owner_who_is_away_and_the_rerun_is_stable(days, rows_of):
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")]) as run:
        work(run)
    tomorrow = TODAY + timedelta(days=1)
    with days(kit.cases(4), [kit.collector("E1", present=False), kit.collector("E2")], as_of=tomorrow) as run:
        work(run)
        assert set(owners(run).values()) == {"E2"}
        assert intervals(run, "C0001") == [("E1", "auto", "reassigned"), ("E2", "auto", None)]
        before = rows_of(run)
        work(run)
        assert rows_of(run) == before


def test_an_absence_reported_by_mistake_gives_the_cases_back(days):
    """E1 is away in the first run of the day and there in the second: the owners of the morning are kept."""
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")]) as run:
        work(run)
        first = owners(run)
    tomorrow = TODAY + timedelta(days=1)
    with days(kit.cases(4), [kit.collector("E1", present=False), kit.collector("E2")], as_of=tomorrow) as run:
        work(run)
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")], as_of=tomorrow) as run:
        work(run)
        assert owners(run) == first


def test_a_grab_stays_when_the_day_is_run_again(days, rows_of):
    with days(kit.cases(10), [kit.collector("E1", daily_quota=2), kit.collector("E2", daily_quota=2)]) as run:
        work(run)
        lake = kit.read(run, "assignment")
        taken = grab_at_desk(run, "E1", 3)
        assert taken == [f"C{i:04d}@2026-11-20" for i in (5, 6, 7)]
        before = rows_of(run)
        result = work(run)
        assert rows_of(run) == before
        assert kit.read(run, "assignment") == lake
        assert result.figures["left_as_touched_today"] == 3
        assert intervals(run, "C0005") == [(None, "pool", "grabbed"), ("E1", "grab", None)]


def test_what_was_grabbed_yesterday_is_kept_beyond_the_quota_up_to_the_capacity(days):
    staff = [kit.collector("E1", daily_quota=2, capacity=4)]
    with days(kit.cases(10), staff) as run:
        work(run)
        # room for two more under the capacity
        assert len(grab_at_desk(run, "E1", 5)) == 2
        mine = {customer for customer, owner in owners(run).items() if owner == "E1"}
    with days(kit.cases(10), staff, as_of=TODAY + timedelta(days=1)) as run:
        work(run)
        assert {customer for customer, owner in owners(run).items() if owner == "E1"} == mine
    smaller = [kit.collector("E1", daily_quota=2, capacity=3)]
    with days(kit.cases(10), smaller, as_of=TODAY + timedelta(days=2)) as run:
        work(run)
        kept = {customer for customer, owner in owners(run).items() if owner == "E1"}
        assert len(kept) == 3
        assert kept < mine


def with_leases(run: Any) -> None:
    """Gives the day's rules leases of an hour, and the rules of contact that results ask for."""
    add_contact_rules(run.settings.rules)
    allocation = run.settings.rules / "allocation.yaml"
    text = allocation.read_text(encoding="utf-8").replace("grab_batch: 20", "grab_batch: 20, lease_minutes: 60")
    allocation.write_text(text, encoding="utf-8")


def test_the_day_run_again_keeps_what_people_did_at_the_desk(days, rows_of):
    """Given back, handed over, pooled by a lead, worked, expired: no run of the day undoes it."""
    staff = [kit.collector("E1", daily_quota=2), kit.collector("E2", daily_quota=2)]
    with days(kit.cases(12), staff) as run:
        with_leases(run)
        work(run)
        before = owners(run)
        clock = MovingClock(run.clock.now())
        desk = Desk(run.warehouse, run.settings, clock)
        mine = [f"{customer}@2026-11-20" for customer, owner in before.items() if owner == "E1"]
        desk.hand_over(lead(), mine[:1], to="E2", reason="level")
        desk.hand_over(lead(), mine[1:], to=None, reason="free")
        grabbed = [case.case_id for case in desk.grab(lead(), "phone", collector_id="E1", batch=6).cases]
        desk.give_back(lead(), grabbed[:1], reason="other")
        desk.record_result(lead(), ResultIn(grabbed[1], "visit", "right_party"))
        clock.forward(minutes=61)
        assert desk.expire() == 4
        after, rows = owners(run), rows_of(run)
        assert after != before
        work(run)
        assert owners(run) == after
        assert rows_of(run) == rows


@pytest.mark.parametrize("noticed", [True, False])
def test_a_lease_that_was_over_before_the_day_began_keeps_nobody(days, noticed):
    staff = [kit.collector("E1", daily_quota=0), kit.collector("E2", daily_quota=9)]
    with days(kit.cases(3), [kit.collector("E1", daily_quota=0)]) as run:
        with_leases(run)
        work(run)
        assert len(grab_at_desk(run, "E1", 3)) == 3
        Desk(run.warehouse, run.settings, run.clock).record_result(
            lead(), ResultIn("C0001@2026-11-20", "visit", "right_party")
        )
    with days(kit.cases(3), staff, as_of=TODAY + timedelta(days=1)) as run:
        if noticed:
            assert Desk(run.warehouse, run.settings, run.clock).expire() == 2
        work(run)
        assert owners(run) == {"C0001": "E1", "C0002": "E2", "C0003": "E2"}
        if not noticed:
            assert Desk(run.warehouse, run.settings, run.clock).expire() == 0


def test_a_contact_attempt_today_keeps_the_owner_but_not_the_figures(days):
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")]) as run:
        work(run)
        assert owners(run)["C0001"] == "E1"
        with run.warehouse.begin() as connection:
            add_attempt(connection, "C0001", run.clock.now())
    changed = [kit.case("C0001", overdue_amount="7.00"), *kit.cases(3, first=2)]
    with days(changed, [kit.collector("E1", present=False), kit.collector("E2")]) as run:
        result = work(run)
        assert owners(run) == {"C0001": "E1", "C0002": "E2", "C0003": "E2", "C0004": "E2"}
        assert result.figures["left_as_touched_today"] == 1
        with run.warehouse.connect() as connection:
            amount = connection.scalar(sa.select(CASE.c.overdue_amount).where(CASE.c.customer_id == "C0001"))
        assert str(amount) == "7.00"


def add_attempt(connection: sa.Connection, customer: str, at: datetime) -> None:
    """An attempt at a contact, the shortest way that the tables allow."""
    task, attempt = metadata.tables["ops.contact_task"], metadata.tables["ops.contact_attempt"]
    values = {
        "task_key": customer,
        "business_day": at.date(),
        "customer_id": customer,
        "slot": "first",
        "lead_contract_id": "K",
        "contract_ids": "K",
        "channel": "sms",
        "template": None,
        "language": "zh",
        "queue": "phone",
        "placement": "in_house",
        "priority": 1,
        "needs_approval": False,
        "window_opens_at": at,
        "window_closes_at": at + timedelta(hours=1),
        "state": "sent",
        "attempts": 1,
        "planned_at": at,
        "changed_at": at,
    }
    connection.execute(sa.insert(task).values({key: value for key, value in values.items() if key in task.c}))
    row = {
        "task_key": customer,
        "attempt_no": 1,
        "event": "reserved",
        "at": at,
        "business_day": at.date(),
        "customer_id": customer,
        "channel": "sms",
        "tries": 1,
    }
    connection.execute(sa.insert(attempt).values({key: value for key, value in row.items() if key in attempt.c}))


@pytest.mark.parametrize(
    ("contract", "case_row", "reason"),
    [
        ({}, None, "cured"),
        ({"written_off_on": TODAY + timedelta(days=1)}, None, "written_off"),
        ({"written_off_on": TODAY + timedelta(days=2)}, None, "cured"),
        ({"closed_on": TODAY + timedelta(days=1)}, None, "contracts_closed"),
        (None, None, "left_ledger"),
        ({}, {"queue": "none", "held": True}, "held"),
        ({}, {"queue": "none", "held": False}, "no_work"),
    ],
)
def test_a_case_without_work_is_closed_with_its_reason(days, contract, case_row, reason):
    staff = [kit.collector("E1")]
    with days(kit.cases(1), staff) as run:
        work(run)
    contracts = [] if contract is None else as_contracts([{"contract_id": "K1", "customer_id": "C0001", **contract}])
    cases = [] if case_row is None else [kit.case("C0001", **case_row)]
    tomorrow = TODAY + timedelta(days=1)
    with days(cases, staff, as_of=tomorrow, contract_rows=contracts) as run:
        result = work(run)
        assert result.figures["closed"] == {reason: 1}
        with run.warehouse.connect() as connection:
            row = connection.execute(sa.select(CASE)).one()
        assert (row.state, row.closed_on, row.close_reason, row.collector_id) == ("closed", tomorrow, reason, None)
        assert intervals(run, "C0001") == [("E1", "auto", reason)]


def test_a_write_off_is_no_reason_where_the_recovery_book_is_worked(days):
    staff = [kit.collector("E1")]
    with days(kit.cases(2), staff, recovery_book="worked") as run:
        work(run)
    tomorrow = TODAY + timedelta(days=1)
    contracts = as_contracts(
        [{"contract_id": f"K{n}", "customer_id": f"C000{n}", "written_off_on": tomorrow} for n in (1, 2)]
    )
    # C0001 still owes, and has work; what C0002 owed is paid
    with days(kit.cases(1), staff, as_of=tomorrow, contract_rows=contracts, recovery_book="worked") as run:
        assert work(run).figures["closed"] == {"cured": 1}
        assert owners(run)["C0001"] == "E1"


def test_an_empty_day_closes_all_cases_and_deletes_none(days, rows_of):
    with days(kit.cases(5), [kit.collector("E1"), kit.collector("E2")]) as run:
        work(run)
    with days([], [], as_of=TODAY + timedelta(days=1)) as run:
        result = work(run)
        rows = rows_of(run)
        assert {row["state"] for row in rows["ops.case"]} == {"closed"}
        assert len(rows["ops.case"]) == 5
        assert all(row["to_at"] is not None for row in rows["ops.case_assignment"])
        assert result.figures["owned"] == result.figures["pool"] == 0
        assert len(rows["ops.collector"]) == 2


def test_a_case_closed_by_mistake_is_opened_again_with_its_owner(days):
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")]) as run:
        work(run)
        first = owners(run)
    tomorrow = TODAY + timedelta(days=1)
    with days([], [kit.collector("E1"), kit.collector("E2")], as_of=tomorrow) as run:
        work(run)
        assert owners(run) == {}
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")], as_of=tomorrow) as run:
        work(run)
        assert owners(run) == first
        with run.warehouse.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(CASE)) == 4


def test_a_customer_who_comes_back_later_has_a_new_case(days):
    staff = [kit.collector("E1")]
    for offset, cases in enumerate((kit.cases(1), [], kit.cases(1))):
        with days(cases, staff, as_of=TODAY + timedelta(days=offset)) as run:
            work(run)
            ids = [row["case_id"] for row in kit_rows(run)]
    assert ids == ["C0001@2026-11-20", "C0001@2026-11-22"]


def kit_rows(run: Any) -> list[dict[str, Any]]:
    with run.warehouse.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(CASE).order_by(CASE.c.case_id))]


def test_a_past_day_leaves_ops_as_it_is_and_reads_nothing_from_it(days, rows_of):
    staff = [kit.collector("E1"), kit.collector("E2")]
    with days(kit.cases(4), staff) as run:
        work(run)
        before = rows_of(run)
    yesterday = TODAY - timedelta(days=1)
    with days(kit.cases(9), staff, as_of=yesterday, today=TODAY) as run:
        result = work(run)
        assert result.figures == {"ops": "left as it is: a past day"}
        assert result.rows == {}
        assert rows_of(run) == before
        assert {row["source"] for row in kit.read(run, "assignment")} == {"auto", "pool"}


def test_a_clock_that_was_set_back_is_shown(days):
    with days(kit.cases(3), [kit.collector("E1")]) as run:
        work(run)
    earlier = date(2017, 11, 30)
    with days(kit.cases(2, first=50), [kit.collector("E1")], as_of=earlier) as run:
        result = work(run)
        assert result.warnings == ["ops held cases of 2026-11-20, a later day: the clock of acting was set back"]
        assert owners(run) == {"C0050": "E1", "C0051": "E1"}
    with days(kit.cases(3), [kit.collector("E1")]) as run:
        work(run)
        assert set(owners(run)) == {"C0001", "C0002", "C0003"}


def test_an_assignment_of_other_cases_is_refused_and_changes_nothing(days, rows_of):
    with days(kit.cases(3), [kit.collector("E1")]) as run:
        allocate_cases(run)
        kit.write(run, "cases", kit.CASES, [{**row, "as_of": TODAY} for row in kit.cases(4)])
        with pytest.raises(NotPublishedError):
            open_grab_pool(run)
        run.lake.publish("treatment", run.day, ["cases"])
        with pytest.raises(AllocationError, match="Clear allocate_cases"):
            open_grab_pool(run)
        assert rows_of(run) == {"ops.case": [], "ops.case_assignment": [], "ops.collector": []}


def test_texts_that_look_like_sql_or_csv_arrive_as_they_are(days):
    ids = ['x"; DROP TABLE ops.case; --', "a,b\n'c'", "\\N", "=1+1"]
    with days([kit.case(each, region='"SH", é') for each in ids], [kit.collector("E'1", team='a,"b"')]) as run:
        work(run)
        assert owners(run) == dict.fromkeys(ids, "E'1")
