"""What leads do: hand over, recall, absence, quota; what others may not."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.support.desk_floor import TODAY, collector, lead, viewer

from arrears.desk.refusals import Refusal
from arrears.warehouse.schema import metadata

ODD = ["'; DROP TABLE ops.case; --", "<script>alert(1)</script>", '"},"x":{"', "%(me)s :me $1 \\N"]


def test_a_hand_over_moves_cases_of_a_collector_and_of_the_pool(floor):
    mine = floor.cases(2, owner="E1")
    free = floor.cases(1, first=3)
    floor.collectors("E1", "E2")
    done = floor.desk.hand_over(lead(), [*mine, *free], to="E2", reason="E1 is full")
    assert done.done == (*mine, *free)
    assert floor.intervals(mine[0]) == [("E1", "auto", "handed_over"), ("E2", "manual", None)]
    assert floor.intervals(free[0]) == [(None, "pool", "handed_over"), ("E2", "manual", None)]
    event = floor.desk.audit(lead(), case_id=mine[0]).events[0]
    assert (event.collector_id, event.to_collector_id, event.reason) == ("E1", "E2", "E1 is full")
    assert floor.desk.hand_over(lead(), mine, to="E2", reason="again").refused == tuple(
        (each, "case.there_already") for each in mine
    )
    floor.desk.hand_over(lead(), mine, to=None, reason="to all")
    assert floor.case(mine[0]).state == "pool"
    # what was taken from him he does not grab again today
    assert [case.case_id for case in floor.desk.grab(collector("E2"), "phone").cases] == []
    assert len(floor.desk.grab(collector("E1"), "phone").cases) == 2


def test_a_hand_over_keeps_the_hard_rules_and_the_capacity(floor):
    ids = floor.cases(3, owner="E1", region="SH")
    other = floor.cases(1, first=4, owner="E1", region="BJ")
    floor.collectors("E1", "E5")
    floor.collectors("E2", regions="SH", capacity=2)
    floor.collectors("E3", skills="field")
    floor.collectors("E4", at_work=False)
    done = floor.desk.hand_over(lead(), [*other, *ids], to="E2", reason="level")
    assert done.refused == ((other[0], "collector.region"), (ids[2], "limit.capacity"))
    assert floor.desk.hand_over(lead(), other, to="E3", reason="x").refused[0].rule == "collector.not_trained"
    with pytest.raises(Refusal) as refused:
        floor.desk.hand_over(lead(), other, to="E4", reason="x")
    assert refused.value.rule == "collector.not_at_work"


def test_who_may_not_hand_over(floor):
    ids = floor.cases(1, owner="E1")
    floor.collectors("E1", "E2")
    for caller in (viewer(), collector("E1")):
        with pytest.raises(Refusal) as refused:
            floor.desk.hand_over(caller, ids, to="E2", reason="x")
        assert refused.value.rule == "role.lead"
    south = lead(teams=frozenset({"south"}))
    assert floor.desk.hand_over(south, ids, to=None, reason="x").refused == ((ids[0], "scope.team"),)
    for reason in ("", "  ", "x" * 201, "a\x00b"):
        with pytest.raises(Refusal) as refused:
            floor.desk.hand_over(lead(), ids, to="E2", reason=reason)
        assert refused.value.rule.startswith("reason.")


@pytest.mark.parametrize("odd", ODD)
def test_odd_texts_are_kept_as_they_are_and_do_nothing(floor, odd):
    ids = floor.cases(2, owner="E1")
    floor.collectors("E1", "E2")
    floor.desk.hand_over(lead(odd), ids[:1], to="E2", reason=odd, request_key=odd)
    event = floor.desk.audit(lead()).events[0]
    assert (event.actor, event.reason) == (odd, odd)
    assert floor.desk.hand_over(lead(), [odd], to="E2", reason="x").refused == ((odd, "case.unknown"),)
    with pytest.raises(Refusal):
        floor.desk.hand_over(lead(), ids, to=odd, reason="x")
    with pytest.raises(Refusal):
        floor.desk.set_absent(lead(), odd, absent=True, reason="x")
    with pytest.raises(Refusal):
        floor.desk.set_quota(lead(), odd, "phone", quota=1, reason="x")
    with pytest.raises(Refusal):
        floor.desk.worklist(lead(), collector_id=odd)
    assert floor.desk.audit(lead(), case_id=odd, queue=odd, action=odd, collector_id=odd).events == ()


def test_recall_takes_back_from_agencies_only(floor):
    with_agency = floor.cases(3, owner="A1", queue="agency", placement="agency")
    in_house = floor.cases(1, first=4, owner="E1")
    floor.collectors("A1", "E1")
    done = floor.desk.recall(lead(), reason="contract ends", case_ids=[with_agency[0], in_house[0]])
    assert done.done == (with_agency[0],)
    assert done.refused == ((in_house[0], "recall.not_with_agency"),)
    done = floor.desk.recall(lead(), reason="contract ends", collector_id="A1")
    assert done.done == tuple(with_agency[1:])
    assert floor.intervals(with_agency[2]) == [("A1", "auto", "recalled"), (None, "pool", None)]
    with pytest.raises(Refusal) as refused:
        floor.desk.recall(lead(), reason="all of them")
    assert refused.value.rule == "recall.what"


def test_an_absent_collectors_cases_are_spread_and_the_rest_pooled(floor):
    floor.cases(6, owner="E1", region="SH")
    odd = floor.cases(1, first=7, owner="E1", region="BJ")
    floor.cases(2, first=8, owner="E2")
    floor.collectors("E1", regions="SH,BJ")
    floor.collectors("E2", "E3", regions="SH", capacity=4)
    floor.collectors("E4", skills="field")
    done = floor.desk.set_absent(lead(), "E1", absent=True, reason="sick")
    # E2 had two, E3 none: both are filled to their capacity; nobody has BJ
    assert (done.given, done.pooled) == ({"E2": 2, "E3": 4}, 1)
    assert floor.case(odd[0]).state == "pool"
    with pytest.raises(Refusal) as refused:
        floor.desk.grab(collector("E1"), "phone")
    assert refused.value.rule == "collector.absent"
    view = floor.desk.allocation(lead(), "phone").queues[0]
    e1 = next(each for each in view.collectors if each.collector_id == "E1")
    assert (e1.at_work, e1.absent_by_hand, e1.cases, e1.fewer_because) == (False, True, 0, ("absent",))
    # said twice it is done once; taken back he is in the roster, and cases stay where they are
    assert floor.desk.set_absent(lead(), "E1", absent=True, reason="sick").given == {}
    floor.desk.set_absent(lead(), "E1", absent=False, reason="is here after all")
    assert floor.desk.worklist(lead(), collector_id="E1").at_work
    assert floor.actions().count("absent") == 1
    assert floor.actions().count("back") == 1
    # what was taken from him for his absence he may grab again
    assert len(floor.desk.grab(collector("E1"), "phone").cases) == 1


def test_a_quota_of_the_day(floor):
    floor.cases(4, owner="E1")
    floor.cases(2, first=5, owner="E2")
    floor.collectors("E1", "E2", daily_quota=9)
    preset = floor.desk.set_quota(lead(), "E2", "phone", quota=0, reason="new here")
    assert (preset.quota, preset.by_hand) == (0, True)
    share = floor.desk.allocation(lead(), "phone").queues[0]
    assert [(each.quota, each.quota_by_hand) for each in share.collectors] == [(9, False), (0, True)]
    assert (share.count_spread.least, share.count_spread.most, share.count_spread.mean) == (2, 4, 3)
    floor.desk.set_quota(lead(), "E2", "phone", quota=None, reason="back")
    for quota in (-1, 10**9):
        with pytest.raises(Refusal) as refused:
            floor.desk.set_quota(lead(), "E2", "phone", quota=quota, reason="x")
        assert refused.value.rule == "quota.bounds"


def test_why_one_has_fewer_is_what_the_split_recorded_and_what_came_after(floor):
    def told() -> dict[str, tuple[str, ...]]:
        view = floor.desk.allocation(lead(), "phone").queues[0]
        return {each.collector_id: each.fewer_because for each in view.collectors}

    ids = floor.cases(8, owner="E1")
    floor.cases(2, first=9, owner="E2")
    floor.cases(2, first=11, owner="E3")
    floor.cases(3, first=13, owner="E4")
    # limits that bind at this moment are no reasons: the split did not say so
    floor.collectors("E1", "E2", "E3", "E4", daily_quota=2, capacity=2)
    assert set(told().values()) == {()}, "before the split nothing is known"
    limits = {"E1": "", "E2": "regions,languages", "E3": "absent", "E4": ""}
    floor.split("phone", {"E1": 8, "E2": 2, "E3": 2, "E4": 3}, limits)
    floor.split("field", {"E2": 0}, {"E2": "seniority"})
    assert told() == {
        "E1": (),
        "E2": ("regions", "languages"),
        "E3": ("absent_at_split",),
        "E4": (),
    }
    floor.desk.set_absent(lead(), "E2", absent=True, reason="sick")
    floor.desk.hand_over(lead(), ids[:5], to=None, reason="to all")
    floor.cases(9, first=20, owner="E1", source="grab")
    assert told() == {
        "E1": (),
        "E2": ("absent",),
        "E3": ("absent_at_split",),
        "E4": ("others_since",),
    }
    floor.desk.hand_over(lead(), [f"C{n:05d}@{TODAY}" for n in (13, 14)], to=None, reason="to all")
    assert told()["E4"] == ("moved_since",)


def test_the_audit_is_paged_and_shows_everyone_what_is_his(floor):
    floor.cases(5)
    floor.collectors("E1", "E2")
    floor.collectors("S1", team="south")
    for who in ("E1", "E2", "S1"):
        floor.desk.grab(collector(who), "phone", batch=1)
    floor.desk.set_batch(lead(), "phone", batch=3, reason="x")
    first = floor.desk.audit(viewer(), limit=2)
    assert len(first.events) == 2
    rest = floor.desk.audit(viewer(), limit=2, after=first.next_after)
    assert (len(rest.events), rest.next_after) == (2, None)
    assert [e.to_collector_id for e in floor.desk.audit(collector("E2")).events] == ["E2"]
    south = floor.desk.audit(lead(teams=frozenset({"south"}))).events
    assert [(e.action, e.to_collector_id) for e in south] == [("batch_set", None), ("grabbed", "S1")]


def test_the_audit_is_append_only(floor):
    floor.cases(1)
    floor.collectors("E1")
    floor.desk.grab(collector("E1"), "phone")
    event = metadata.tables["ops.case_event"]
    for change in (sa.update(event).values(actor="x"), sa.delete(event)):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), floor.warehouse.begin() as connection:
            connection.execute(change)


def test_a_pool_in_detail(floor):
    floor.cases(12)
    floor.collectors("E1", "E2")
    floor.desk.grab(collector("E1"), "phone")
    floor.clock.forward(minutes=5)
    floor.desk.grab(lead(), "phone", collector_id="E2", batch=2)
    detail = floor.desk.pool(viewer(), "phone")
    assert [(g.collector_id, g.actor, g.cases) for g in detail.grabs] == [("E2", "lina", 2), ("E1", "token-E1", 5)]
    assert len(detail.open) == 5
    assert [item.collector_id for item in detail.expiring] == ["E1"] * 5 + ["E2"] * 2
    assert (detail.pool.cases, detail.pool.leased) == (5, 7)
    assert {item.collector_id for item in floor.desk.pool(collector("E2"), "phone").expiring} == {"E2"}


def test_worklists_are_ones_own_or_of_ones_teams(floor):
    ids = floor.cases(5, owner="E1")
    floor.cases(2, first=6, owner="E1", queue="field")
    floor.collectors("E1", "E2", capacity=9)
    mine = floor.desk.worklist(collector("E1"), queue="phone", limit=2, offset=2)
    assert ([case.case_id for case in mine.cases], mine.total, mine.capacity) == (ids[2:4], 5, 9)
    assert floor.desk.worklist(viewer(), collector_id="E1").total == 7
    assert floor.desk.worklist(collector("E2")).cases == ()
    for caller, who, rule in (
        (collector("E2"), "E1", "scope.collector"),
        (viewer(), None, "collector.missing"),
        (lead(teams=frozenset({"south"})), "E1", "scope.team"),
        (lead(), "nobody", "collector.unknown"),
    ):
        with pytest.raises(Refusal) as refused:
            floor.desk.worklist(caller, collector_id=who)
        assert refused.value.rule == rule
    assert floor.desk.worklist(lead(), collector_id="E1").as_of.date() == TODAY
