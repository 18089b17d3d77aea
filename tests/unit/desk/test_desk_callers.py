"""Callers: for whom they act, and what they are refused."""

from __future__ import annotations

import pytest

from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal


def refused(act, *args) -> str:
    with pytest.raises(Refusal) as refusal:
        act(*args)
    return refusal.value.rule


def test_a_collector_acts_for_himself_only():
    caller = Caller("t", "collector", "E1")
    assert caller.acts_for(None, "x") == caller.acts_for("E1", "x") == "E1"
    assert refused(caller.acts_for, "E2", "x") == "scope.collector"
    assert refused(caller.must_lead, "x") == "role.lead"
    caller.must_cover("any", "x")


def test_a_lead_names_the_collector_and_is_held_to_his_teams():
    caller = Caller("t", "lead", teams=frozenset({"north"}))
    assert caller.acts_for("E2", "x") == "E2"
    assert refused(caller.acts_for, None, "x") == refused(caller.acts_for, "", "x") == "collector.missing"
    caller.must_cover("north", "x")
    assert refused(caller.must_cover, "south", "x") == refused(caller.must_cover, None, "x") == "scope.team"
    assert refused(caller.must_lead_all, "x") == "scope.queue"
    Caller("t", "lead").must_lead_all("x")
    Caller("t", "lead").must_cover(None, "x")


def test_a_viewer_changes_nothing():
    caller = Caller("t", "viewer")
    assert refused(caller.acts_for, "E1", "x") == refused(caller.must_change, "x") == "role.viewer"
    assert refused(caller.must_lead, "x") == "role.lead"


def test_a_collectors_caller_has_a_collector():
    assert refused(Caller, "t", "collector") == "caller.without_collector"


def test_a_refusal_tells_kind_rule_and_what_to_do():
    refusal = Refusal(kind="limit", rule="limit.x", expected="a", found="b", where="c", action="D.")
    assert (refusal.kind, refusal.rule) == ("limit", "limit.x")
    assert str(refusal) == "c: expected a; found b. D."
