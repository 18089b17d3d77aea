"""The states of a contact task: which moves exist, and that the tables know the same states."""

from __future__ import annotations

import itertools

import pytest

from arrears.outreach.states import REPLACEABLE, SENDABLE, TRANSITIONS, Event, State, may_move, sources_of
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask

FINAL = {State.DELIVERED, State.BLOCKED, State.REJECTED, State.LAPSED, State.EXPIRED}


def test_every_state_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {state for state, targets in TRANSITIONS.items() if not targets} == FINAL
    assert not any(state in targets for state, targets in TRANSITIONS.items())


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_sources_and_moves_say_the_same(before: State, after: State) -> None:
    assert may_move(before, after) == (before in sources_of(after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.AWAITING_APPROVAL, State.SENDING),
        (State.REJECTED, State.APPROVED),
        (State.LAPSED, State.APPROVED),
        (State.UNKNOWN, State.SENDING),
        (State.SENT, State.SENDING),
        (State.DELIVERED, State.FAILED),
        (State.EXPIRED, State.PLANNED),
        (State.SENDING, State.CANCELLED),
        (State.DEAD, State.SENDING),
        (State.UNKNOWN, State.PLANNED),
        (State.UNKNOWN, State.CANCELLED),
        (State.BLOCKED, State.PLANNED),
    ],
)
def test_moves_that_must_not_exist(before: State, after: State) -> None:
    assert not may_move(before, after)


def test_only_sendable_states_lead_to_sending() -> None:
    assert set(sources_of(State.SENDING)) == set(SENDABLE)


def test_a_plan_never_changes_what_was_tried() -> None:
    tried = {State.SENDING, State.SENT, State.FAILED, State.UNKNOWN, State.DELIVERED, State.DEAD}
    assert not tried & set(REPLACEABLE)


def test_the_tables_know_all_states_and_events() -> None:
    checks = {
        str(constraint.name): str(constraint.sqltext.compile(compile_kwargs={"literal_binds": True}))
        for table in (ContactTask.__table__, ContactAttempt.__table__)
        for constraint in table.constraints
        if hasattr(constraint, "sqltext")
    }
    for state in State:
        assert f"'{state.value}'" in checks["ck_contact_task_state"]
    for event in Event:
        assert f"'{event.value}'" in checks["ck_contact_attempt_event"]
