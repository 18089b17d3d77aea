"""The benchmark's rules are the same for Arrears and for zen, and both decide alike."""

from __future__ import annotations

import duckdb
import pytest
from tests.bench.cases import make_cases
from tests.bench.rule_tables import decide, decision_columns, decision_statement, load_tables, open_cases
from tests.bench.rule_zen import decide_with_zen, wrong_decisions

_CASES = 4_000


def test_there_are_forty_rules_in_five_tables() -> None:
    tables, _ = load_tables()
    assert (len(tables), sum(len(table.rules) for table in tables)) == (5, 40)


def test_arrears_and_zen_decide_alike() -> None:
    cases = make_cases(_CASES)
    tables, vocabulary = load_tables()
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        open_cases(connection, cases)
        decisions = decide(connection, decision_statement(tables, vocabulary))
    ours = decisions.sort_by("case_id").select(decision_columns(tables)).to_pylist()
    zens, _ = decide_with_zen(cases, 30, workers=1)
    assert wrong_decisions(ours, zens) == []
    rules = {rule.id for table in tables for rule in table.rules}
    seen = {each for row in ours for name in row if name.endswith("_rule") for each in row[name].split(",")}
    assert rules - seen == set(), "rules that no case reaches measure nothing"


@pytest.mark.parametrize("name", ["segment", "segment_rule", "profile_points_rule"])
def test_a_differing_decision_is_told(name: str) -> None:
    ours = {"segment": "held", "segment_rule": "SEG1", "profile_points_rule": "PRO1,PRO2"}
    zens = {"segment": "held", "segment_rule": "SEG1", "profile_points_rule": ["PRO1", "PRO2"]}
    assert wrong_decisions([ours], [zens]) == []
    assert name in wrong_decisions([ours], [{**zens, name: "other"}])[0]
