"""Performance of collectors and teams: days worked by hand, and the figures that come of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pydantic
import pytest
import sqlalchemy as sa

from arrears.kpi.performance import PerformanceView, performance
from arrears.warehouse.mart import CollectorDay, TeamDay
from arrears.warehouse.ops_cases import CASE, COLLECTOR

MON, TUE, WED = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
NINE = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)

# as_of, basis, collector, team, cases, owed, touched, attempts, connected, right party, tried, reached, promises,
# due, kept, due amount, kept amount, recovered, wanted contacts, blocked contacts
DAYS: tuple[tuple[Any, ...], ...] = (
    (MON, "frozen", "ann", "north", 10, 1000, 8, 20, 10, 5, 8, 6, 2, 2, 1, 100, 60, 30, 10, 1),
    (TUE, "frozen", "ann", "north", 10, 2000, 10, 20, 6, 5, 10, 4, 1, 0, 0, 0, 0, 10, 10, 0),
    (MON, "frozen", "bob", "north", 5, 500, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0),
    (MON, "frozen", "cem", "south", 4, 400, 4, 4, 1, 0, 4, 1, 0, 1, 1, 50, 50, 5, 4, 4),
    # of Monday there are restated figures as well, of Wednesday only these
    (MON, "restated", "ann", "north", 99, 9900, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99),
    (WED, "restated", "dan", None, 0, 0, 0, 3, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0),
)
NAMES = [
    "as_of",
    "basis",
    "collector_id",
    "team",
    "cases",
    "overdue_amount",
    "touched_cases",
    "attempts",
    "connected_attempts",
    "right_party_attempts",
    "tried_customers",
    "connected_customers",
    "promises",
    "promises_due",
    "promises_kept",
    "due_promise_amount",
    "kept_promise_amount",
    "recovered_amount",
    "planned_contacts",
    "blocked_contacts",
]
# what was asked of them on these days: coverage, and what was to be recovered; of everybody the same other rates
ASKED: dict[tuple[date, str], tuple[str, int | None]] = {
    (MON, "ann"): ("0.9", 20),
    (TUE, "ann"): ("0.9", 40),
    (MON, "bob"): ("0.9", 50),
    (MON, "cem"): ("1", None),
    (WED, "dan"): ("0.9", None),
}
# day, basis, team, heads on the roster, heads that were there
HEADS = (
    (MON, "frozen", "north", 3, 2),
    (MON, "frozen", "south", 1, 1),
    (TUE, "frozen", "north", 3, 1),
    (MON, "restated", "north", 99, 99),
    (WED, "restated", "", 1, 1),
)


def figures_of(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row of collector_day."""
    values = dict(zip(NAMES, row, strict=True))
    coverage, target = ASKED[values["as_of"], values["collector_id"]]
    return {
        "case_contacts": 0,
        "promised_amount": 0,
        "paid_cases": 0,
        "paid_amount": 0,
        "known_as_of": WED,
        "grabbed_cases": int(values["as_of"] == TUE),
        "given_back_cases": 0,
        "expired_cases": 0,
        "target_amount": target,
        "coverage_target": Decimal(coverage),
        "connect_target": Decimal("0.4"),
        "promise_target": None,
        "kept_target": Decimal("0.5"),
        "compliance_target": Decimal("0.9"),
        **values,
    }


def case(number: int, collector: str | None, owed: int) -> dict[str, Any]:
    return {
        "case_id": f"K{number}@2026-11-17",
        "customer_id": f"K{number}",
        "state": "owned" if collector else "pool",
        "collector_id": collector,
        "source": "auto" if collector else None,
        "owned_from": NINE if collector else None,
        "pool_opened_at": None if collector else NINE,
        "opened_on": TUE,
        "as_of": TUE,
        "queue": "phone",
        "segment": "mid_phone",
        "treatment": "phone_pressure",
        "intensity": 3,
        "placement": "in_house",
        "priority": 1,
        "work_order": number,
        "contracts": 1,
        "contract_ids": "C",
        "lead_contract_id": "C",
        "overdue_amount": owed,
        "outstanding_amount": owed,
        "days_past_due": 40,
        "bucket": "M2",
        "class": "mid",
        "rule_set": "standard",
        "rule_set_version": 1,
        "rule_set_hash": "x",
    }


@pytest.fixture
def connection(pg_url: str) -> Iterator[sa.Connection]:
    """A transaction that is rolled back."""
    engine = sa.create_engine(pg_url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


@pytest.fixture
def worked(connection: sa.Connection) -> sa.Connection:
    """The days above, with the heads of the teams and what is in hand now."""
    connection.execute(sa.insert(CollectorDay), [figures_of(row) for row in DAYS])
    whole = [column.name for column in TeamDay.__table__.columns if not column.nullable]
    connection.execute(
        sa.insert(TeamDay),
        [
            {
                **dict.fromkeys(whole, 0),
                "as_of": day,
                "basis": basis,
                "team": team,
                "collectors": listed,
                "present_collectors": present,
                "known_as_of": WED,
            }
            for day, basis, team, listed, present in HEADS
        ],
    )
    connection.execute(
        sa.insert(CASE),
        [case(1, "ann", 100), case(2, "ann", 150), case(3, "eve", 70), case(4, None, 999)],
    )
    connection.execute(
        sa.insert(COLLECTOR),
        [
            {"collector_id": key, "as_of": TUE, "team": team, "at_work": True}
            for key, team in (("ann", "north"), ("eve", "south"))
        ],
    )
    return connection


def rate(each: Any) -> tuple[Any, ...]:
    return each.numerator, each.denominator, each.value, each.target, each.attained


def test_figures_of_a_collector_worked_by_hand(worked: sa.Connection) -> None:
    view = performance(worked, from_day=MON, to_day=TUE)
    ann = next(each for each in view.collectors if each.collector_id == "ann")
    figures = ann.figures
    assert (ann.team, ann.cases_in_hand, ann.amount_in_hand) == ("north", 2, Decimal(250))
    assert figures.days == 2
    recovered = figures.recovered
    # asked for 20 and 40
    assert (recovered.amount, recovered.overdue, recovered.target) == (Decimal(40), Decimal(3000), Decimal(60))
    assert (recovered.rate, recovered.attainment) == (0.013333, 0.666667)
    assert rate(figures.coverage) == (18, 20, 0.9, 0.9, True)
    assert rate(figures.connect) == (16, 40, 0.4, 0.4, True)
    assert rate(figures.connect_by_case) == (10, 18, 0.555556, None, None)
    assert rate(figures.promise) == (3, 10, 0.3, None, None)
    # nothing fell due on Tuesday
    assert rate(figures.kept) == (1, 2, 0.5, 0.5, True)
    assert (figures.kept_amount.numerator, figures.kept_amount.value) == (Decimal(60), 0.6)
    assert rate(figures.compliance) == (19, 20, 0.95, 0.9, True)
    assert figures.grabbed_cases == 1
    assert (figures.productivity.head_days, figures.productivity.value) == (2, Decimal("20.00"))


def test_teams_add_up_to_the_whole(worked: sa.Connection) -> None:
    view = performance(worked, from_day=MON, to_day=TUE)
    north, south = view.teams
    assert [(each.team, each.collectors, each.cases_in_hand) for each in view.teams] == [
        ("north", 2, 2),
        ("south", 2, 1),
    ]
    # 60 of ann's and 50 of bob's; 25 cases on three head days of those who were there
    assert (north.figures.recovered.target, north.figures.recovered.attainment) == (Decimal(110), 0.590909)
    assert north.cases_per_head == 8.333333
    assert rate(north.figures.coverage) == (18, 25, 0.72, 0.9, False)
    assert rate(south.figures.coverage) == (4, 4, 1.0, 1.0, True)
    assert rate(south.figures.compliance) == (0, 4, 0.0, 0.9, False)
    whole = view.whole
    assert (whole.team, whole.collectors, whole.cases_in_hand, whole.amount_in_hand) == (None, 4, 3, Decimal(320))
    assert whole.figures.recovered.amount == Decimal(70)
    # targets weighted by the cases that they are about: 25 of 0.9 and 4 of 1
    assert rate(whole.figures.coverage) == (22, 29, 0.758621, 0.913793, False)
    assert [(each.day, each.basis, each.figures.recovered.amount) for each in view.days] == [
        (MON, "frozen", Decimal(60)),
        (TUE, "frozen", Decimal(10)),
    ]


def test_who_has_nothing_that_matured_has_no_figures(worked: sa.Connection) -> None:
    view = performance(worked, from_day=MON, to_day=TUE)
    eve = next(each for each in view.collectors if each.collector_id == "eve")
    assert (eve.cases_in_hand, eve.figures.days, eve.figures.recovered.amount) == (1, 0, None)
    assert eve.figures.productivity.value is None
    for each in (eve.figures.coverage, eve.figures.connect, eve.figures.promise, eve.figures.kept):
        assert rate(each) == (0, 0, None, None, None)
    bob = next(each for each in view.collectors if each.collector_id == "bob")
    assert (bob.figures.connect.value, bob.figures.kept.value, bob.figures.compliance.value) == (None, None, None)


@pytest.mark.parametrize(
    ("basis", "days"),
    [
        ("known", [(MON, "frozen"), (TUE, "frozen"), (WED, "restated")]),
        ("frozen", [(MON, "frozen"), (TUE, "frozen")]),
        ("restated", [(MON, "restated"), (WED, "restated")]),
    ],
)
def test_frozen_and_restated_figures_are_not_added_up(
    worked: sa.Connection, basis: Any, days: list[tuple[date, str]]
) -> None:
    view = performance(worked, from_day=MON, to_day=WED, basis=basis)
    assert [(each.day, each.basis) for each in view.days] == days


def test_a_lead_sees_his_teams_only(worked: sa.Connection) -> None:
    view = performance(worked, from_day=MON, to_day=WED, teams={"south"})
    assert [each.team for each in view.teams] == ["south"]
    assert [each.collector_id for each in view.collectors] == ["cem", "eve"]
    assert view.whole.figures.recovered.amount == Decimal(5)
    nobody = performance(worked, from_day=MON, to_day=WED, teams={"'; DROP TABLE mart.collector_day; --"})
    assert (nobody.collectors, nobody.whole.figures.days) == ((), 0)


def test_an_empty_warehouse_has_an_empty_view(connection: sa.Connection) -> None:
    view = performance(connection, from_day=MON, to_day=WED)
    assert (view.collectors, view.teams, view.days) == ((), (), ())
    assert (view.whole.figures.days, view.whole.figures.recovered.amount, view.whole.cases_per_head) == (0, None, None)
    with pytest.raises(ValueError, match="from_day up to to_day"):
        performance(connection, from_day=WED, to_day=MON)


def test_the_view_serialises_and_comes_back(worked: sa.Connection) -> None:
    view = performance(worked, from_day=MON, to_day=WED)
    kind = pydantic.TypeAdapter(PerformanceView)
    written = kind.dump_json(view)
    assert kind.validate_json(written) == view
    assert json.loads(written)["whole"]["figures"]["recovered"]["amount"] == "70.00"
