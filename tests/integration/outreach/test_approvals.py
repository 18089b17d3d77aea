"""Approvals: single and bulk answers agree whoever comes first, say who and why, and lapse when nobody answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support import outreach_day
from tests.support.serious_floor import AT, DAY, contact_rows, empty, key_of, put_cases, put_contacts

from arrears.clock import FixedClock
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.outreach import outbox
from arrears.outreach.approvals import Approvals, decide
from arrears.settings import Settings, load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_desk import CaseEvent

LEAD = Caller("lin", "lead", via="airflow")


@pytest.fixture
def settings(tmp_path: Path, pg_url: str) -> Settings:
    return load_settings({"home": tmp_path / "home", "warehouse_url": pg_url, "clock": AT})


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    made = open_warehouse(settings)
    empty(made)
    yield made
    made.dispose()


@pytest.fixture
def approvals(engine: sa.Engine, settings: Settings) -> Approvals:
    return Approvals(engine, settings, FixedClock(AT))


def states(engine: sa.Engine) -> dict[str, tuple[str, str | None, str | None]]:
    return {key: (row.state, row.decided_by, row.decision_reason) for key, row in contact_rows(engine).items()}


def events(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(CaseEvent.__table__).order_by(CaseEvent.event_id)))


def test_single_answers_say_who_when_and_why(engine: sa.Engine, approvals: Approvals) -> None:
    put_cases(engine, [1, 2])
    keys = put_contacts(engine, [1, 2, 3])
    done = approvals.decide(LEAD, "approve", task_keys=keys[:1], reason="amounts checked")
    assert (done.done, done.refused) == ((keys[0],), ())
    approvals.decide(LEAD, "reject", task_keys=keys[1:2], reason="on a plan with the branch")
    assert states(engine) == {
        "C1": ("approved", "lin", "amounts checked"),
        "C2": ("rejected", "lin", "on a plan with the branch"),
        "C3": ("awaiting_approval", None, None),
    }
    assert contact_rows(engine)["C1"].decided_at == AT
    assert [(event.action, event.actor, event.case_id, event.reason) for event in events(engine)] == [
        ("approved", "lin", "C1@2026-11-01", "amounts checked"),
        ("rejected", "lin", "C2@2026-11-01", "on a plan with the branch"),
    ]


def test_the_first_answer_stands_and_the_bulk_takes_the_rest(engine: sa.Engine, approvals: Approvals) -> None:
    keys = put_contacts(engine, [1, 2, 3])
    approvals.decide(LEAD, "reject", task_keys=keys[:1], reason="first")
    everyone = approvals.decide(Caller("wang", "lead"), "approve", reason="the rest")
    assert set(everyone.done) == set(keys[1:])
    assert states(engine)["C1"] == ("rejected", "lin", "first")
    again = approvals.decide(LEAD, "approve", task_keys=keys, reason="changed my mind")
    assert again.done == ()
    assert {each.rule for each in again.refused} == {"approval.decided"}
    assert states(engine)["C2"] == ("approved", "wang", "the rest")


def test_one_placement_in_bulk(engine: sa.Engine, approvals: Approvals) -> None:
    put_contacts(engine, [1, 2])
    put_contacts(engine, [3], placement="legal")
    approvals.decide(LEAD, "approve", placement="legal", reason="checked")
    assert [state for state, *_ in states(engine).values()] == ["awaiting_approval", "awaiting_approval", "approved"]


def test_what_is_over_is_not_decided_and_lapses(engine: sa.Engine, settings: Settings) -> None:
    keys = put_contacts(engine, [1])
    late = AT.replace(hour=20)
    evening = Approvals(engine, settings, FixedClock(late))
    found = evening.decide(LEAD, "approve", task_keys=keys, reason="late")
    assert [each.rule for each in found.refused] == ["approval.over"]
    assert evening.decide(LEAD, "approve", reason="late").done == ()
    with engine.begin() as connection:
        outbox.end_overdue(connection, late, DAY)
    assert states(engine)["C1"] == ("lapsed", None, None)
    assert [each.rule for each in evening.decide(LEAD, "approve", task_keys=keys, reason="late").refused] == [
        "approval.over"
    ]


def test_an_unknown_contact_and_one_of_another_day_are_refused(engine: sa.Engine, approvals: Approvals) -> None:
    put_contacts(engine, [1], day=DAY.replace(day=19), at=AT.replace(day=19))
    found = approvals.decide(LEAD, "approve", task_keys=[key_of(1), key_of(9)], reason="x")
    assert [each.rule for each in found.refused] == ["approval.unknown", "approval.unknown"]


@pytest.mark.parametrize(
    ("caller", "rule"),
    [
        (Caller("v", "viewer"), "role.lead"),
        (Caller("c", "collector", "C007"), "role.lead"),
        (Caller("l", "lead", teams=frozenset({"north"})), "scope.queue"),
    ],
)
def test_only_leads_of_all_teams_decide(engine: sa.Engine, approvals: Approvals, caller: Caller, rule: str) -> None:
    keys = put_contacts(engine, [1])
    with pytest.raises(Refusal) as refused:
        approvals.decide(caller, "approve", task_keys=keys, reason="x")
    assert refused.value.rule == rule
    assert states(engine)["C1"][0] == "awaiting_approval"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "a\x07b"])
def test_an_answer_without_a_reason_is_none(engine: sa.Engine, approvals: Approvals, reason: str) -> None:
    keys = put_contacts(engine, [1])
    with pytest.raises(Refusal):
        approvals.decide(LEAD, "approve", task_keys=keys, reason=reason)
    assert states(engine)["C1"][0] == "awaiting_approval"


def test_a_repeated_request_is_answered_once(engine: sa.Engine, approvals: Approvals) -> None:
    keys = put_contacts(engine, [1])
    first = approvals.decide(LEAD, "approve", task_keys=keys, reason="x", request_key="r1")
    assert approvals.decide(LEAD, "approve", task_keys=keys, reason="x", request_key="r1") == first
    assert len(events(engine)) == 1
    with pytest.raises(Refusal) as refused:
        approvals.decide(LEAD, "reject", task_keys=keys, reason="x", request_key="r1")
    assert refused.value.rule == "request.key_reused"


def test_two_who_answer_at_once_decide_each_contact_once(engine: sa.Engine, approvals: Approvals) -> None:
    keys = put_contacts(engine, range(1, 41))
    answers: dict[str, Any] = {}
    ready = threading.Barrier(2)

    def answer(name: str, decision: Any, order: list[str]) -> None:
        ready.wait()
        answers[name] = approvals.decide(Caller(name, "lead"), decision, task_keys=order, reason="at once")

    people = [
        threading.Thread(target=answer, args=("lin", "approve", keys)),
        threading.Thread(target=answer, args=("wang", "reject", keys[::-1])),
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    done = [set(answers[name].done) for name in ("lin", "wang")]
    assert done[0] | done[1] == set(keys)
    assert not done[0] & done[1]
    assert {by for _, by, _ in states(engine).values()} == {name for name in answers if answers[name].done}
    assert len(events(engine)) == 40


def test_the_answer_of_an_ended_transaction_leaves_nothing(engine: sa.Engine) -> None:
    put_contacts(engine, [1])
    with engine.connect() as connection:
        assert decide(connection, FixedClock(AT), LEAD, "approve", reason="x").done
        connection.rollback()
    assert states(engine)["C1"][0] == "awaiting_approval"
    assert events(engine) == []


def test_the_queue_counts_and_pages(engine: sa.Engine, approvals: Approvals) -> None:
    keys = put_contacts(engine, range(1, 31))
    put_contacts(engine, [31], placement="legal")
    approvals.decide(LEAD, "approve", task_keys=keys[:2], reason="x")
    approvals.decide(LEAD, "reject", task_keys=keys[2:3], reason="y")
    view = approvals.read(LEAD, limit=10, offset=20)
    assert [(each.placement, each.waiting, each.approved, each.rejected) for each in view.counts] == [
        ("agency", 27, 2, 1),
        ("legal", 1, 0, 0),
    ]
    assert (view.total, len(view.items)) == (28, 8)
    decided = approvals.read(LEAD, waiting=False)
    assert {item.decision_reason for item in decided.items} == {"x", "y"}
    assert approvals.read(LEAD, placement="legal").items[0].customer_id == "C31"
    with pytest.raises(Refusal) as refused:
        approvals.read(Caller("c", "collector", "C007"))
    assert refused.value.rule == "role.collector"


def test_an_item_says_why(engine: sa.Engine, settings: Settings) -> None:
    from arrears.run import open_run

    put_contacts(engine, [1], customer_id="C1", lead_contract_id="K-C1", contract_ids="K-C1")
    with open_run(settings, DAY) as run:
        content = run.rules.hash
        run.lake.keep(f"_rules/{content}", {name: path.read_bytes() for name, path in run.rules.files().items()})
        case = outreach_day.case("C1", "agency", treatment_rule="TRE10", rule_set_hash=content, segment="high_agency")
        outreach_day.publish(run, [case])
    item = Approvals(engine, settings, FixedClock(AT)).read(LEAD).items[0]
    assert (item.treatment, item.bucket, item.days_past_due) == ("agency_placement", "M1", 12)
    words = {each.table: each for each in item.why}
    assert words["treatment"].rule == "TRE10"
    assert words["treatment"].when == "segment = 'high_agency'"
    assert item.rule_set == f"standard v1 {content[:8]}"
    assert "样例" not in repr(item), "no names"


def test_an_answer_at_the_clock_of_acting_only(engine: sa.Engine, settings: Settings) -> None:
    put_contacts(engine, [1])
    tomorrow = FixedClock(datetime.fromisoformat("2026-11-21T09:30:00+08:00"))
    assert Approvals(engine, settings, tomorrow).decide(LEAD, "approve", reason="x").done == ()
    assert states(engine)["C1"][0] == "awaiting_approval"
