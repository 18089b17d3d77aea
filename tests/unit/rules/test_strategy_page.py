"""The page of the strategy: conditions in words, and a matrix that follows the rules."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot

from arrears.docs import strategy_page
from arrears.docs.plain_words import in_words
from arrears.docs.treatment_matrix import Grid, treatment_grid
from arrears.rules.rule_set import latest_rule_set
from arrears.settings import PROJECT
from arrears.strategy.compile import load_strategy

RULES = PROJECT / "include" / "rules"


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("overdue_amount >= 50000", "overdue amount is at least 50,000"),
        ("days_past_due between 1 and 30 and not repeated", "days past due is 1 to 30 and not repeated"),
        ("score_view in ('rolling', 'agency')", "score view is rolling or agency"),
        ("class not in ('low', 'mid')", "class is none of low, mid"),
        ("held and (repeated or overdue_share < 0.5)", "held and (repeated or overdue share is less than 0.5)"),
        ("housing is null or gps_status is not null", "housing is unknown or gps status is known"),
        ("overdue_amount / outstanding_amount > 0.5", "overdue amount divided by outstanding amount is more than 0.5"),
        ("not (held or repeated)", "not (held or repeated)"),
        ("coalesce(age_years, 40) >= 40", "the first known of age years and 40 is at least 40"),
        ("product like 'truck%'", "product looks like 'truck%'"),
    ],
)
def test_conditions_in_words(condition: str, words: str) -> None:
    assert in_words(sqlglot.parse_one(condition, dialect="duckdb")) == words


def test_every_rule_and_every_approval_is_on_the_page() -> None:
    page = strategy_page.render(RULES)
    strategy = load_strategy(latest_rule_set(RULES))
    for placed in strategy.tables:
        for rule in placed.table.rules:
            assert f"| {rule.id} |" in page
            if rule.approval is not None:
                assert rule.approval.reason in page
    for experiment in strategy.experiments:
        assert experiment.hypothesis in page
    assert "## The matrix: ageing × balance × scores" in page


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str, str], Grid]:
    """The grid of the shipped rules with one text replaced in one file."""

    def change(file: str, old: str, new: str) -> Grid:
        rules = tmp_path / "rules"
        shutil.copytree(RULES, rules)
        text = (rules / file).read_text(encoding="utf-8")
        assert old in text
        (rules / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return treatment_grid(load_strategy(latest_rule_set(rules)))

    return change


def cell(grid: Grid, bucket_no: int, tier: str, view: str) -> list[tuple[str, str]]:
    where = {"bucket_no": bucket_no, "balance_tier": tier, "score_view": view}
    return [(each.result[0], each.when) for each in grid.outcomes(where, ("treatment",))]


def test_the_matrix_says_what_the_shipped_rules_do() -> None:
    grid = treatment_grid(load_strategy(latest_rule_set(RULES)))
    assert cell(grid, 2, "small", "neutral") == [("phone_pressure", "")]
    assert cell(grid, 2, "large", "in_house") == [("firm_phone_pressure", "profile band high"), ("phone_pressure", "")]
    taken = ("repossession", "delinquent days 211 or more, vehicle type (another)")
    assert cell(grid, 7, "large", "rolling") == [taken, ("legal_action", "")]
    assert grid.always == {"held": ("none", "none")}


def test_the_matrix_follows_a_change_of_days(changed: Callable[[str, str, str], Grid]) -> None:
    grid = changed("treatments.yaml", "delinquent_days > 150 and", "delinquent_days > 160 and")
    # M6 is 151-180 days: the edge now lies inside it
    assert cell(grid, 6, "small", "neutral") == [
        ("agency_placement", "delinquent days 161 or more"),
        ("field_visit", ""),
    ]


def test_the_matrix_knows_what_cannot_be(changed: Callable[[str, str, str], Grid]) -> None:
    # a medium balance is at least 3,000 and below 20,000 or so, and the segment now asks for an amount itself
    grid = changed(
        "treatments.yaml", "when: class = 'mid', then", "when: class = 'mid' and overdue_amount < 3000, then"
    )
    assert cell(grid, 2, "medium", "neutral") == [("none", "")]
    assert cell(grid, 2, "small", "neutral") == [("phone_pressure", "overdue amount up to 2,999.99"), ("none", "")]
