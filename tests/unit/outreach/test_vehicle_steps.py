"""The steps of a vehicle: which may follow, and which rule refuses the others."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from pathlib import Path

import pytest

from arrears.errors import RulesError
from arrears.outreach.vehicles import (
    TRANSITIONS,
    Stage,
    Standing,
    Step,
    Taken,
    VehicleRules,
    notice_is_late,
    standing,
    why_not,
)
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT
from arrears.warehouse.ops_serious import VehicleStep

TODAY = date(2026, 11, 20)
RULES = parse_rules(PROJECT / "include" / "rules" / "vehicles.yaml", VehicleRules)


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


WHOLE = [
    Taken(Step.LOCATED, day(60)),
    Taken(Step.DEMAND_SENT, day(55)),
    Taken(Step.DEMAND_EXPIRED, day(44)),
    Taken(Step.ORDER_ISSUED, day(40), "A1"),
    Taken(Step.LOCATED, day(39)),
    Taken(Step.REPOSSESSED, day(38), "A1"),
    Taken(Step.STORED, day(38)),
    Taken(Step.NOTICE_SENT, day(35)),
    Taken(Step.SOLD, day(24)),
]


def refusal(steps: list[Taken], step: Step, ago: int = 0, order: str | None = None) -> str | None:
    found = why_not(standing(steps), step, day(ago), TODAY, order, RULES)
    return found.rule if found else None


def test_the_whole_way_is_legal_step_by_step() -> None:
    for length, taken in enumerate(WHOLE):
        before = standing(WHOLE[:length])
        assert why_not(before, taken.step, taken.on_day, TODAY, taken.order_id, RULES) is None
    assert standing(WHOLE).stage == Stage.SOLD


@pytest.mark.parametrize(("stage", "step"), list(itertools.product(Stage, Step)))
def test_a_step_that_does_not_follow_is_refused_in_every_stage(stage: Stage, step: Step) -> None:
    found = why_not(Standing(stage=stage, order_id="A1"), step, TODAY, TODAY, "A1", RULES)
    follows = step in TRANSITIONS[stage]
    assert (found is None) == follows
    assert follows or (found is not None and found.rule == "vehicle.order_of_steps")


def test_every_stage_is_reached_and_known() -> None:
    assert set(TRANSITIONS) == set(Stage)
    reached = {after for steps in TRANSITIONS.values() for after in steps.values()}
    assert reached == set(Stage)


@pytest.mark.parametrize(("ago", "rule"), [(10, "vehicle.demand_period"), (11, None), (12, None)])
def test_a_demand_expires_once_its_whole_period_is_over(ago: int, rule: str | None) -> None:
    sent = [Taken(Step.DEMAND_SENT, day(ago))]
    assert refusal(sent, Step.DEMAND_EXPIRED) == rule


@pytest.mark.parametrize(("ago", "rule"), [(10, "vehicle.redemption_period"), (11, None)])
def test_a_vehicle_is_sold_once_the_period_of_redemption_is_over(ago: int, rule: str | None) -> None:
    noticed = [*WHOLE[:7], Taken(Step.NOTICE_SENT, day(ago))]
    assert refusal(noticed, Step.SOLD) == rule


def test_an_order_has_an_id_and_is_taken_by_it() -> None:
    expired, ordered = WHOLE[:3], WHOLE[:4]
    assert refusal(expired, Step.ORDER_ISSUED) == "vehicle.order_missing"
    assert refusal(ordered, Step.REPOSSESSED) == "vehicle.order_missing"
    assert refusal(ordered, Step.REPOSSESSED, order="A2") == "vehicle.order_unknown"
    assert refusal(ordered, Step.ORDER_RECALLED, order="A2") == "vehicle.order_unknown"
    assert refusal(ordered, Step.REPOSSESSED, order="A1") is None


def test_nothing_is_taken_under_a_recalled_order_until_another_is_issued() -> None:
    recalled = [*WHOLE[:4], Taken(Step.ORDER_RECALLED, day(39), "A1")]
    assert refusal(recalled, Step.REPOSSESSED, order="A1") == "vehicle.order_of_steps"
    again = [*recalled, Taken(Step.ORDER_ISSUED, day(30), "A2")]
    assert refusal(again, Step.REPOSSESSED, order="A1") == "vehicle.order_unknown"
    assert refusal(again, Step.REPOSSESSED, order="A2") is None


def test_days_run_forward_and_not_ahead() -> None:
    assert refusal(WHOLE[:2], Step.LOCATED, ago=56) == "vehicle.day_before_last"
    assert refusal(WHOLE[:2], Step.LOCATED, ago=-1) == "vehicle.day_ahead"
    assert refusal(WHOLE[:2], Step.LOCATED, ago=55) is None


def test_closed_proceedings_begin_anew_with_a_new_demand() -> None:
    closed = [*WHOLE[:3], Taken(Step.CLOSED, day(40))]
    assert standing(closed).stage == Stage.NONE
    assert standing(closed).demand_on is None
    assert refusal(closed, Step.DEMAND_EXPIRED) == "vehicle.order_of_steps"
    redeemed = [*WHOLE[:6], Taken(Step.REDEEMED, day(37))]
    after = standing([*redeemed, Taken(Step.DEMAND_SENT, day(5))])
    assert (after.stage, after.demand_on, after.taken_on, after.order_id) == (Stage.DEMANDED, day(5), None, None)


@pytest.mark.parametrize(("ago", "late"), [(5, False), (6, True)])
def test_the_notice_is_late_after_its_days(ago: int, late: bool) -> None:
    taken = [*WHOLE[:4], Taken(Step.REPOSSESSED, day(ago), "A1")]
    assert notice_is_late(standing(taken), TODAY, RULES) == late


def test_a_notice_in_time_is_not_late_afterwards() -> None:
    assert not notice_is_late(standing(WHOLE[:8]), TODAY, RULES)


def test_the_table_knows_all_steps() -> None:
    checks = [
        str(constraint.sqltext.compile(compile_kwargs={"literal_binds": True}))
        for constraint in VehicleStep.__table__.constraints
        if getattr(constraint, "name", "") == "ck_vehicle_step_step"
    ]
    assert all(f"'{step.value}'" in checks[0] for step in Step)


def test_a_hand_over_leads_to_no_step_that_somebody_must_have_seen(tmp_path: Path) -> None:
    shipped = (PROJECT / "include" / "rules" / "vehicles.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "vehicles.yaml"
    wrong.write_text(shipped.replace("repossession: order_issued", "repossession: repossessed"), encoding="utf-8")
    with pytest.raises(RulesError, match="others need a person who saw it"):
        parse_rules(wrong, VehicleRules)
