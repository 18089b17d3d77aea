"""A day that an older version of Arrears made and kept: today's version must load its rules, replay and explain it.

`tests/golden/old_day` is the lake of that day, of a ledger of oddities, as the older version left it: its rule files
and SQL models under their hashes, its manifests, its tables. It is never made anew: what fails here would fail in
every lake that was written before.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from arrears.errors import LakeError
from arrears.lake import Lake
from arrears.rules.rule_set import load_kept_rule_set
from arrears.settings import PROJECT, Settings
from arrears.strategy.compile import load_strategy
from arrears.strategy.explain import explain
from arrears.strategy.replay import replay
from arrears.strategy.replay_text import as_text

OLD = PROJECT / "tests" / "golden" / "old_day"
DAY = date(2024, 3, 31)
HASH = "4b82eceec2ded2ff5d0710eeb3c1b480778e73ba9c9a303a4fe5d0903a89aedf"


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings whose lake is a copy of the old one."""
    made = make_settings()
    shutil.copytree(OLD, made.lake_root)
    return made


def test_rules_that_were_kept_long_ago_still_load(settings: Settings) -> None:
    kept = load_kept_rule_set(Lake(settings.lake_root), HASH)
    strategy = load_strategy(kept)
    assert (kept.name, kept.version, kept.hash) == ("standard", 1, HASH)
    assert sum(len(placed.table.rules) for placed in strategy.tables) == 49
    assert [each.name for each in strategy.experiments] == ["first_call"]


def test_an_old_day_is_decided_the_same_by_the_code_of_today(settings: Settings) -> None:
    result = replay(settings, DAY, code="present")
    text = as_text(result)
    assert result.same, text
    assert text.endswith("the same: every row of every decision\n")
    assert result.rule_set_hash == HASH
    assert result.settings == {"materiality": "10%,5.00", "grace_days": 3}
    assert result.other_code
    assert result.changed_models
    decided = {each.table: each.equal for each in result.tables if each.counts}
    assert decided == {
        "snapshot": 36,
        "case_entry": 26,
        "tiers": 30,
        "experiment_arm": 26,
        "decision": 30,
        "treatment": 30,
        "cases": 26,
    }


def test_a_decision_that_differs_is_told_of_an_old_day_too(settings: Settings) -> None:
    path = settings.lake_root / "treatment" / f"as_of={DAY}.parquet"
    rows = pq.read_table(path)
    path.unlink()
    pq.write_table(rows.slice(1), path)
    result = replay(settings, DAY, code="present")
    assert not result.same
    assert as_text(result).endswith("NOT the same\n")


def test_models_that_this_version_runs_no_more_say_what_to_do(settings: Settings) -> None:
    with pytest.raises(LakeError, match="SQL models of the day that this version of Arrears runs") as error:
        replay(settings, DAY)
    assert "--code present" in error.value.action


def test_every_contract_of_an_old_day_is_explained(settings: Settings) -> None:
    contracts = pq.read_table(settings.lake_root / "contracts" / f"as_of={DAY}.parquet", columns=["contract_id"])
    told = [explain(settings, each, DAY) for each in contracts["contract_id"].to_pylist()]
    assert len(told) == 60
    assert [each.warnings for each in told if each.warnings] == []
    assert {each.status for each in told} >= {"decided", "current", "not_in_book"}
    assert {each.versions.rule_set_hash for each in told} == {HASH}
    verdicts = {(view.attribute, view.verdict) for each in told for view in each.policy}
    assert verdicts >= {("days_past_due", "allow"), ("payment_history", "allow"), ("housing", "review")}
    assert all(view.source for each in told for view in each.policy)


def test_nothing_of_the_old_day_is_written_to(settings: Settings) -> None:
    def content(root: Path) -> dict[str, bytes]:
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*") if path.is_file()}

    before = content(settings.lake_root)
    replay(settings, DAY, code="present")
    assert {name: text for name, text in content(settings.lake_root).items() if name in before} == before
