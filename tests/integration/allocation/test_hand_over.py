"""Stickiness and hand-over on a real warehouse: what stays with whom from day to day, what goes back, and why."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support import allocation_kit as kit
from tests.support.desk_floor import add_contact_rules, grab_at_desk, lead

from arrears.allocation.shares import read_shares
from arrears.allocation.steps import allocate_cases, open_grab_pool
from arrears.desk.desk import Desk
from arrears.desk.refusals import Refusal
from arrears.desk.views import PromiseIn, ResultIn
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT

TODAY = date(2026, 11, 20)
_AFTERNOON = datetime(2026, 11, 21, 15)  # noqa: DTZ001 - the ledger has the lender's local time


@pytest.fixture
def day(allocation_days, warehouse_url):
    """Opens the nth day after the first on the warehouse, under changes of the rules of the queue phone."""

    def day(offset: int, cases: Any, collectors: Any, changes: str = "", **options: Any) -> Any:
        rules = f"defaults: {{remainder: spread}}\nqueues: {{phone: {{{changes}}}, field: {{}}}}\n"
        return allocation_days.day(
            cases,
            collectors,
            as_of=TODAY + timedelta(days=offset),
            warehouse_url=warehouse_url,
            rules=rules,
            contract_rows=[
                {"contract_id": row["lead_contract_id"], "customer_id": row["customer_id"], "principal": Decimal(1)}
                for row in cases
            ],
            **options,
        )

    return day


def work(run: Any) -> Any:
    """Runs both steps twice; the second time nothing changes. What the first said."""
    allocate_cases(run)
    first = open_grab_pool(run)
    computed = run.lake.digests(run.day, ["assignment"])
    allocate_cases(run)
    assert run.lake.digests(run.day, ["assignment"]) == computed
    assert set(open_grab_pool(run).rows.values()) == {0}
    return first


def owners(run: Any) -> dict[str, str | None]:
    with run.warehouse.connect() as connection:
        return dict(connection.execute(sa.select(CASE.c.customer_id, CASE.c.collector_id)).all())


def releases(run: Any) -> dict[str, str]:
    """Customer → the rule by which the split took the case back."""
    c = CASE_ASSIGNMENT.c
    select = sa.select(CASE.c.customer_id, c.released).join(CASE, CASE.c.case_id == c.case_id)
    with run.warehouse.connect() as connection:
        return dict(connection.execute(select.where(c.released.is_not(None))).all())


NO_RESULT = "hand_over: {no_result_days: 3, not_back: [no_result], not_back_days: 5}"


@pytest.mark.parametrize("source", ["ledger", "desk"])
def test_a_case_without_result_goes_to_somebody_else(day, source):
    """C1 had a result, C2 a promise that is over, C3 a payment, C4 only calls without answer: C4 goes."""
    staff = [kit.collector("E1"), kit.collector("E2", present=False)]
    both = [kit.collector("E1"), kit.collector("E2")]
    cases = kit.cases(4)
    with day(0, cases, staff, NO_RESULT) as run:
        work(run)
        assert set(owners(run).values()) == {"E1"}
    rows = {
        "contact_results": [
            {"result_id": f"R{n}", "customer_id": f"C000{n}", "collector_id": "E1", "channel": "call",
             "attempted_at": _AFTERNOON, "outcome": outcome, "contract_id": f"KC000{n}"}
            for n, outcome in ((1, "right_party"), (4, "no_answer"))
        ],
        "promises": [
            {"promise_id": "P2", "contract_id": "KC0002", "made_on": date(2026, 11, 21), "due_on": date(2026, 11, 22)}
        ],
        "payments": [
            {"payment_id": "Z3", "contract_id": "KC0003", "value_date": date(2026, 11, 22), "amount": Decimal(1)}
        ],
    }  # fmt: skip
    if source == "desk":
        with day(0, cases, staff, NO_RESULT) as run:
            record(run, "C0001@2026-11-20", "E1")
        rows["contact_results"] = []
    with day(2, cases, both, NO_RESULT + ", keep: {most_ahead: null}", ledger=rows) as run:
        work(run)
        assert set(owners(run).values()) == {"E1"}
    with day(3, cases, both, NO_RESULT + ", keep: {most_ahead: null}", ledger=rows) as run:
        result = allocate_cases(run)
        assert result.figures["taken_back"] == {"no_result": 1}
        work(run)
        assert owners(run) == {"C0001": "E1", "C0002": "E1", "C0003": "E1", "C0004": "E2"}
        assert releases(run) == {"C0004": "no_result"}
        with run.warehouse.connect() as connection:
            kept_away = connection.scalar(sa.select(CASE.c.excluded_collectors).where(CASE.c.customer_id == "C0004"))
        assert kept_away == "E1"
    # E2 is away: within five days the case does not go back to E1, afterwards it may
    for offset, owner in ((5, None), (9, "E1")):
        with day(offset, cases, staff, NO_RESULT.replace("3", "30"), ledger=rows) as run:
            work(run)
            assert owners(run)["C0004"] == owner


def record(run: Any, case_id: str, collector: str) -> None:
    """A result at the desk, the shortest way that the tables allow."""
    table = sa.Table("contact_result", sa.MetaData(), schema="ops", autoload_with=run.warehouse)
    row = {
        "result_id": f"D-{case_id}", "case_id": case_id, "contract_id": "K", "customer_id": case_id.split("@")[0],
        "collector_id": collector, "queue": "phone", "channel": "call", "attempted_at": run.clock.now(),
        "outcome": "right_party", "initiated_by": "lender", "recorded_by": "x", "recorded_at": run.clock.now(),
        "business_day": TODAY,
    }  # fmt: skip
    with run.warehouse.begin() as connection:
        connection.execute(sa.insert(table).values({name: value for name, value in row.items() if name in table.c}))


def test_a_live_promise_keeps_a_case_longer_than_its_days(day):
    changes = "keep: {days: 2}"
    staff = [kit.collector("E1"), kit.collector("E2")]
    promises = [
        {"promise_id": "P1", "contract_id": "KC0001", "made_on": TODAY, "due_on": TODAY + timedelta(days=3)},
        {"promise_id": "P2", "contract_id": "KC0002", "made_on": TODAY, "due_on": TODAY + timedelta(days=1)},
    ]
    cases = kit.cases(2)
    with day(0, cases, staff, changes) as run:
        work(run)
        before = owners(run)
    with day(2, cases, staff, changes, ledger={"promises": promises}) as run:
        work(run)
        assert owners(run)["C0001"] == before["C0001"]
        # variety: who had it before should not have it again, where another one may
        assert owners(run)["C0002"] is not None
        assert releases(run) == {"C0002": "kept_long_enough"}


def test_a_promise_that_is_recorded_at_the_desk_keeps_a_case_until_it_is_over(day):
    changes = "keep: {days: 2}, prefer: [variety]"
    staff = [kit.collector("E1"), kit.collector("E2")]
    with day(0, kit.cases(2), staff, changes) as run:
        work(run)
        before = owners(run)
        add_contact_rules(run.settings.rules)
        promise = PromiseIn(Decimal(1), TODAY + timedelta(days=3))
        result = ResultIn("C0001@2026-11-20", "visit", "right_party", promise=promise)
        Desk(run.warehouse, run.settings, run.clock).record_result(lead(), result)
    for offset, released in ((1, {}), (2, {"C0002": "kept_long_enough"}), (3, {"C0002": "kept_long_enough"})):
        with day(offset, kit.cases(2), staff, changes) as run:
            work(run)
            assert owners(run)["C0001"] == before["C0001"]
            assert releases(run) == released
    with day(4, kit.cases(2), staff, changes) as run:
        work(run)
        assert releases(run)["C0001"] == "kept_long_enough"


def test_an_agency_has_a_case_for_its_term_and_then_another_one(day):
    changes = "hand_over: {term_days: 10, not_back: [term_over], not_back_days: 60}"
    cases = kit.cases(1)
    promises = [{"promise_id": "P1", "contract_id": "KC0001", "made_on": TODAY, "due_on": TODAY + timedelta(days=90)}]
    with day(0, cases, [kit.collector("E1")], changes) as run:
        work(run)
    for offset, owner in ((9, "E1"), (10, "E2"), (19, "E2"), (20, None)):
        with day(
            offset, cases, [kit.collector("E1"), kit.collector("E2")], changes, ledger={"promises": promises}
        ) as run:
            work(run)
            assert owners(run) == {"C0001": owner}


def test_what_is_recalled_from_an_agency_stays_in_the_pool_and_goes_to_another_one_the_next_day(day):
    changes = "hand_over: {not_back: [recalled], not_back_days: 5}"
    cases = kit.cases(2, placement="agency")
    with day(0, cases, [kit.collector("E1")], changes) as run:
        work(run)
        recalled = Desk(run.warehouse, run.settings, run.clock).recall(
            lead(), reason="the contract ends", case_ids=["C0001@2026-11-20"]
        )
        assert recalled.done == ("C0001@2026-11-20",)
        # the morning's steps again leave it where the lead put it
        work(run)
        assert owners(run) == {"C0001": None, "C0002": "E1"}
    with day(1, cases, [kit.collector("E1")], changes) as run:
        work(run)
        assert owners(run) == {"C0001": None, "C0002": "E1"}
    with day(2, cases, [kit.collector("E1"), kit.collector("E2")], changes) as run:
        work(run)
        assert owners(run) == {"C0001": "E2", "C0002": "E1"}


@pytest.mark.parametrize(
    ("changes", "case", "released"),
    [
        ("hand_over: {on_bucket_change: true, not_back: [bucket_changed]}", {"bucket": "M3"}, "bucket_changed"),
        ("hand_over: {on_bucket_change: true, not_back: [bucket_changed]}", {"bucket": "M2"}, None),
        ("hand_over: {on_bucket_change: false}", {"bucket": "M3"}, None),
        ("hand_over: {on_queue_change: true, not_back: [queue_changed]}", {"queue": "field"}, None),
    ],
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_another_bucket_hands_over_if_the_rule_says_so(day, changes, case, released, by_hand):
    """The new queue's rules count, so that a change to field, which says nothing, hands nothing over."""
    staff = [kit.collector("E1", "phone,field", **({"daily_quota": 0} if by_hand else {}))]
    with day(0, kit.cases(1), staff, changes) as run:
        work(run)
        if by_hand:
            assert len(grab_at_desk(run, "E1", 1)) == 1
        assert owners(run) == {"C0001": "E1"}
    both = [*staff, kit.collector("E2", "phone,field")]
    with day(1, [kit.case("C0001", **case)], both, changes) as run:
        work(run)
        assert owners(run) == {"C0001": "E2" if released else "E1"}
        assert releases(run) == ({"C0001": released} if released else {})


def test_a_case_that_comes_to_a_queue_goes_back_if_that_queue_says_so(day):
    changes = "hand_over: {on_queue_change: true, not_back: [queue_changed]}"
    staff = [kit.collector("E1", "phone,field")]
    with day(0, kit.cases(1, "field"), staff, changes) as run:
        work(run)
    with day(1, kit.cases(1), [*staff, kit.collector("E2")], changes) as run:
        work(run)
        assert (owners(run), releases(run)) == ({"C0001": "E2"}, {"C0001": "queue_changed"})


def test_a_case_that_comes_back_to_its_owner_begins_anew_with_him(day):
    """Only E1 is there: what he had for two days is his again, for two more."""
    changes = "keep: {days: 2}"
    for offset, begun in ((0, 0), (1, 0), (2, 2), (3, 2), (4, 4)):
        with day(offset, kit.cases(1), [kit.collector("E1")], changes) as run:
            work(run)
            with run.warehouse.connect() as connection:
                lasting = sa.select(CASE_ASSIGNMENT.c.from_day).where(CASE_ASSIGNMENT.c.to_at.is_(None))
                assert connection.scalars(lasting).all() == [TODAY + timedelta(days=begun)]


def test_kept_cases_give_way_to_even_numbers_but_not_promised_or_grabbed_ones(day):
    alone, both = [kit.collector("E1")], [kit.collector("E1"), kit.collector("E2")]
    cases = kit.cases(8)
    promises = [{"promise_id": "P1", "contract_id": "KC0008", "made_on": TODAY, "due_on": TODAY + timedelta(days=9)}]
    for changes, mine in (("keep: {most_ahead: null}", 8), ("keep: {most_ahead: 3}", 5), ("", 4)):
        with day(0, cases, alone, changes) as run:
            work(run)
        with day(1, cases, both, changes, ledger={"promises": promises}) as run:
            work(run)
            held = sorted(customer for customer, owner in owners(run).items() if owner == "E1")
            assert len(held) == mine
            # the least urgent ones go, but the promised one stays
            assert held == [f"C{n:04d}" for n in range(1, mine)] + ["C0008"]
            with run.warehouse.begin() as connection:
                for table in (CASE_ASSIGNMENT, CASE):
                    connection.execute(sa.delete(table))


def test_the_desk_holds_to_languages_seniority_and_conflicts_as_the_split_does(day, allocation_days, warehouse_url):
    rules = """
defaults: {remainder: spread, senior_from: [{amount: 5000, seniority: 2}]}
queues: {phone: {}, field: {teams: [T2]}}
conflicts: [{collectors: [E3], customers: [C0002], why: related}]
"""
    cases = [
        kit.case("C0001", language="en"),
        kit.case("C0002", language="zh"),
        kit.case("C0003", overdue_amount="9000.00"),
        kit.case("C0004", "field"),
    ]
    limits = {"daily_quota": 0}
    staff = [
        kit.collector("E1", None, languages="zh", **limits),
        kit.collector("E2", None, languages="zh,en", seniority=2, **limits),
        kit.collector("E3", "phone", seniority=1, **limits),
        kit.collector("E4", None, team="T2", seniority=1, **limits),
    ]
    with allocation_days.day(cases, staff, rules=rules, warehouse_url=warehouse_url) as run:
        work(run)
        assert set(owners(run).values()) == {None}
        desk = Desk(run.warehouse, run.settings, run.clock)
        may = {}
        for who in ("E1", "E2", "E3", "E4"):
            taken = sorted(each.customer_id for each in desk.grab(lead(), "phone", collector_id=who, batch=9).cases)
            may[who] = taken
            if taken:
                desk.hand_over(lead(), [f"{each}@2026-11-20" for each in taken], to=None, reason="back")
        assert may == {"E1": ["C0002"], "E2": ["C0001", "C0002", "C0003"], "E3": ["C0001"], "E4": ["C0001", "C0002"]}
        with pytest.raises(Refusal, match="trained"):
            desk.grab(lead(), "field", collector_id="E1")
        assert [each.customer_id for each in desk.grab(lead(), "field", collector_id="E4").cases] == ["C0004"]


def test_shares_are_told_for_the_day_and_follow_a_rerun(day):
    with day(0, kit.cases(6), [kit.collector("E1", capacity=1), kit.collector("E2")]) as run:
        work(run)
        with run.warehouse.connect() as connection:
            shares = read_shares(connection, TODAY)
        assert {(each.collector_id, each.cases, each.limited_by) for each in shares} == {
            ("E1", 1, ("capacity",)),
            ("E2", 5, ()),
        }
    with day(0, kit.cases(6), [kit.collector("E2")]) as run:
        work(run)
        with run.warehouse.connect() as connection:
            after = {each.collector_id: (each.cases, each.limited_by) for each in read_shares(connection, TODAY)}
        assert after == {"E1": (0, ("absent",)), "E2": (6, ())}
