"""Grabs, limits, leases: who gets which case of the pool, for how long, and what the audit says."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from tests.support.desk_floor import NOON, TODAY, collector, lead, viewer

from arrears.desk.refusals import Refusal


def test_a_grab_gives_the_batch_best_first_with_a_lease_and_an_audit(floor):
    ids = floor.cases(12)
    floor.collectors("E1")
    found = floor.desk.grab(collector("E1"), "phone")
    assert [case.case_id for case in found.cases] == ids[:5]
    assert found.lease_until == NOON + timedelta(hours=1)
    assert (found.asked, found.left_today, found.left_open, found.pool_left) == (5, 45, 35, 7)
    case = floor.case(ids[0])
    assert (case.state, case.collector_id, case.source) == ("owned", "E1", "grab")
    assert (case.lease_until, case.human_action_on) == (found.lease_until, TODAY)
    assert floor.intervals(ids[0]) == [(None, "pool", "grabbed"), ("E1", "grab", None)]
    events = floor.desk.audit(lead()).events
    assert [(e.action, e.case_id, e.to_collector_id, e.actor, e.via) for e in events][:1] == [
        ("grabbed", ids[4], "E1", "token-E1", "token")
    ]
    assert len(events) == 5


@pytest.mark.parametrize("batch", [0, -1, 31, 10**9, 10**30])
def test_a_batch_out_of_bounds_is_refused(floor, batch):
    floor.cases(3)
    floor.collectors("E1")
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E1"), "phone", batch=batch)
    assert (refused.value.kind, refused.value.rule) == ("invalid", "batch.bounds")
    assert floor.rows("case_event") == []


def test_limits_of_the_day_and_of_open_cases_hold(floor):
    floor.cases(100)
    floor.collectors("E1", "E2", capacity=None)
    floor.collectors("E3", capacity=7)
    got = [floor.desk.grab(collector("E1"), "phone", batch=30) for _ in range(2)]
    assert [len(each.cases) for each in got] == [30, 10]
    assert got[1].left_open == 0
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E1"), "phone")
    assert (refused.value.kind, refused.value.rule) == ("limit", "limit.open_cases")
    mine = [case.case_id for each in got for case in each.cases]
    floor.desk.give_back(collector("E1"), mine, reason="other")
    again = floor.desk.grab(collector("E1"), "phone", batch=30)
    # 40 of 50 were taken; and what he gave back he does not get again
    assert len(again.cases) == 10
    assert not {case.case_id for case in again.cases} & set(mine)
    assert again.left_today == 0
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E1"), "phone")
    assert refused.value.rule == "limit.grabs_per_day"
    assert len(floor.desk.grab(collector("E3"), "phone", batch=30).cases) == 7
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E3"), "phone")
    assert refused.value.rule == "limit.capacity"


def test_an_empty_pool_gives_nothing_and_is_no_error(floor):
    floor.collectors("E1")
    assert floor.desk.grab(collector("E1"), "phone").cases == ()


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"skills": "field"}, "collector.not_trained"),
        ({"at_work": False}, "collector.not_at_work"),
        ({"as_of": TODAY - timedelta(days=1)}, "collector.not_in_roster"),
    ],
)
def test_who_may_not_have_cases_is_refused(floor, values, rule):
    floor.cases(3)
    floor.collectors("E1", **values)
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E1"), "phone")
    assert (refused.value.kind, refused.value.rule) == ("forbidden", rule)


def test_unknown_queues_and_collectors_are_refused(floor):
    for queue in ("nowhere", "'; DROP TABLE ops.case; --", "<script>alert(1)</script>", "", "a\x00b"):
        with pytest.raises(Refusal) as refused:
            floor.desk.grab(collector("E1"), queue)
        assert (refused.value.kind, refused.value.rule) == ("not_found", "queue.unknown")
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(lead(), "phone", collector_id="nobody'; --")
    assert (refused.value.kind, refused.value.rule) == ("not_found", "collector.unknown")


def test_rights_of_callers(floor):
    floor.cases(9)
    floor.collectors("E1", "E2")
    for caller, who, rule in (
        (viewer(), "E1", "role.viewer"),
        (collector("E1"), "E2", "scope.collector"),
        (lead(), None, "collector.missing"),
        (lead(teams=frozenset({"south"})), "E1", "scope.team"),
    ):
        with pytest.raises(Refusal) as refused:
            floor.desk.grab(caller, "phone", collector_id=who)
        assert refused.value.rule == rule
    assert len(floor.desk.grab(lead(), "phone", collector_id="E2").cases) == 5
    assert floor.desk.audit(lead()).events[0].actor == "lina"


def test_only_cases_that_the_collector_may_have_are_given(floor):
    floor.cases(2, region="SH")
    floor.cases(2, first=3, region="BJ")
    floor.cases(1, first=5, language="yue")
    floor.cases(1, first=6, min_seniority=3)
    floor.cases(1, first=7, excluded_collectors="E9,E1")
    mine = floor.cases(1, first=8, excluded_collectors="E11")
    floor.collectors("E1", regions="GZ,BJ", languages="zh", seniority=2)
    got = floor.desk.grab(collector("E1"), "phone", batch=30)
    assert [case.customer_id for case in got.cases] == ["C00003", "C00004", "C00008"]
    assert got.cases[-1].case_id == mine[0]


def test_the_same_request_twice_has_the_same_answer_and_another_body_is_a_conflict(floor):
    floor.cases(20)
    floor.collectors("E1", "E2")
    first = floor.desk.grab(collector("E1"), "phone", request_key="k1")
    again = floor.desk.grab(collector("E1"), "phone", request_key="k1")
    assert again == first
    assert asdict(again) == asdict(first)
    assert len(floor.rows("case_event")) == 5
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E1"), "phone", batch=3, request_key="k1")
    assert (refused.value.kind, refused.value.rule) == ("conflict", "request.key_reused")
    # another caller's key is another key
    assert len(floor.desk.grab(collector("E2"), "phone", request_key="k1").cases) == 5
    for key in ("", "x" * 201, "a\x00b"):
        with pytest.raises(Refusal) as refused:
            floor.desk.grab(collector("E1"), "phone", request_key=key)
        assert refused.value.rule == "request.key"


def test_a_refused_request_is_judged_anew(floor):
    floor.collectors("E1", capacity=0)
    floor.cases(3)
    with pytest.raises(Refusal):
        floor.desk.grab(collector("E1"), "phone", request_key="k")
    assert floor.rows("desk_request") == []


def test_a_lease_runs_out_and_the_case_is_open_to_others_from_then_on(floor):
    ids = floor.cases(2)
    floor.collectors("E1", "E2")
    floor.desk.grab(collector("E1"), "phone")
    floor.clock.forward(minutes=59, seconds=59)
    assert floor.desk.expire() == 0
    floor.clock.forward(seconds=1)
    pools = {pool.queue: pool for pool in floor.desk.pools(viewer())}
    assert pools["phone"].cases == 2
    case = floor.case(ids[0])
    assert (case.state, case.pool_opened_at) == ("pool", NOON + timedelta(hours=1))
    assert floor.intervals(ids[0])[1:] == [("E1", "grab", "expired"), (None, "pool", None)]
    assert floor.actions().count("expired") == 2
    assert floor.desk.grab(collector("E1"), "phone").cases == ()
    assert len(floor.desk.grab(collector("E2"), "phone").cases) == 2


def test_a_lease_that_ran_out_overnight_ended_when_it_ran_out(floor):
    ids = floor.cases(1)
    floor.collectors("E1")
    floor.desk.grab(collector("E1"), "phone")
    floor.clock.forward(days=1)
    assert floor.desk.expire() == 1
    case, last = floor.case(ids[0]), floor.rows("case_assignment")[-1]
    assert (last["from_day"], case.human_action_on) == (TODAY, TODAY)
    assert floor.rows("case_event")[-1]["business_day"] == TODAY + timedelta(days=1)


def test_a_lease_is_renewed_as_often_as_the_rules_say_and_not_once_it_is_over(floor):
    ids = floor.cases(1)
    floor.collectors("E1")
    floor.desk.grab(collector("E1"), "phone")
    for _ in range(2):
        floor.clock.forward(minutes=30)
        done = floor.desk.renew(collector("E1"), ids)
        assert (done.done, done.lease_until) == ((ids[0],), floor.clock.now() + timedelta(hours=1))
    assert floor.desk.renew(collector("E1"), ids).refused == ((ids[0], "lease.renewals"),)
    floor.clock.forward(hours=1)
    assert floor.desk.renew(collector("E1"), ids).refused == ((ids[0], "lease.expired"),)
    assert floor.case(ids[0]).state == "pool"


def test_giving_back_wants_a_reason_of_the_rules_and_a_grabbed_case_of_ones_own(floor):
    ids = floor.cases(2)
    given = floor.cases(1, first=3, owner="E1")
    floor.collectors("E1", "E2")
    floor.desk.grab(collector("E1"), "phone")
    for reason in ("", "bored", "<b>", "'; DROP TABLE ops.case; --"):
        with pytest.raises(Refusal) as refused:
            floor.desk.give_back(collector("E1"), ids, reason=reason)
        assert refused.value.rule == "give_back.reason"
    done = floor.desk.give_back(collector("E1"), [*ids, *given, "nothing"], reason="other")
    assert done.done == tuple(ids)
    assert done.refused == ((given[0], "give_back.not_grabbed"), ("nothing", "case.unknown"))
    assert floor.desk.give_back(collector("E2"), given, reason="other").refused == ((given[0], "case.not_yours"),)
    assert floor.intervals(ids[0])[1:] == [("E1", "grab", "given_back"), (None, "pool", None)]


def test_the_batch_of_the_day_is_set_by_hand(floor):
    floor.cases(40)
    floor.collectors("E1")
    preset = floor.desk.set_batch(lead(), "phone", batch=9, reason="  a   quiet day ")
    assert (preset.grab_batch, preset.by_hand, preset.reason) == (9, True, "a quiet day")
    assert len(floor.desk.grab(collector("E1"), "phone").cases) == 9
    view = next(pool for pool in floor.desk.pools(collector("E1")) if pool.queue == "phone")
    assert (view.batch, view.batch_by_hand, view.may_grab) == (9, True, True)
    floor.desk.set_batch(lead(), "phone", batch=None, reason="as ever")
    assert len(floor.desk.grab(collector("E1"), "phone").cases) == 5
    for batch in (0, -1, 31):
        with pytest.raises(Refusal) as refused:
            floor.desk.set_batch(lead(), "phone", batch=batch, reason="x")
        assert refused.value.rule == "batch.bounds"
    for caller in (viewer(), collector("E1"), lead(teams=frozenset({"north"}))):
        with pytest.raises(Refusal) as refused:
            floor.desk.set_batch(caller, "phone", batch=9, reason="x")
        assert refused.value.kind == "forbidden"
    # it was for one day
    floor.clock.forward(days=1)
    assert next(pool for pool in floor.desk.pools(viewer()) if pool.queue == "phone").batch == 5
