"""How many cases an experiment needs: known answers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from arrears.strategy.experiment_power import need, present_need, quantile
from arrears.strategy.experiment_rules import Experiment


def experiment(*, shares: dict[str, float], **values: Any) -> Experiment:
    """An experiment of 55 % against 57 % within 30 days, unless said otherwise."""
    return Experiment.model_validate(
        {
            "name": "trial",
            "hypothesis": "More cures.",
            "owner": "strategy",
            "reason": "To know.",
            "arms": dict.fromkeys(shares, "Something."),
            "shares": [{"valid_from": date(2026, 1, 1), **shares}],
            "metric": "cure",
            "within_days": 30,
            "baseline": 0.55,
            "minimum_effect": 0.02,
            **values,
        }
    )


def required(trial: Experiment) -> dict[str, int]:
    return need(trial, trial.shares[0]).required


def test_the_figure_of_the_kpi_definitions_comes_out() -> None:
    assert required(experiment(shares={"champion": 0.9, "challenger": 0.1})) == {
        "champion": 48_142,
        "challenger": 5_350,
    }


@pytest.mark.parametrize(
    ("values", "cases"),
    [
        # Chow, Shao and Wang, the example of section 4.2: 65 % against 85 %, two-sided 5 %, power 80 %: 70 an arm
        ({"baseline": 0.65, "minimum_effect": 0.2}, 70),
        # rolling less is better: 45 % against 43 % spreads as 55 % against 57 % does
        ({"metric": "roll", "baseline": 0.45, "minimum_effect": 0.02}, 9_666),
        ({"baseline": 0.55, "minimum_effect": 0.02}, 9_666),
        # the same book, section 3.2.1: two means a difference of 5 apart with a deviation of 10: 63 an arm
        ({"metric": "recovered", "baseline": 100, "minimum_effect": 5, "standard_deviation": 10}, 63),
        ({"metric": "recovered", "baseline": 100, "minimum_effect": 5, "standard_deviation": 20}, 252),
    ],
)
def test_equal_arms_need_the_same(values: dict[str, Any], cases: int) -> None:
    assert required(experiment(shares={"a": 0.5, "b": 0.5}, **values)) == {"a": cases, "b": cases}


def test_several_challengers_share_the_chance_of_error() -> None:
    one = experiment(shares={"a": 0.4, "b": 0.4})
    two = experiment(shares={"a": 0.4, "b": 0.4, "c": 0.2})
    assert quantile(one) == pytest.approx(1.959964, abs=1e-6)
    assert quantile(two) == pytest.approx(2.241403, abs=1e-6)
    asked = required(two)
    assert asked["b"] > required(one)["b"]
    # the champion gives what the hungrier comparison asks of it
    assert asked["a"] > asked["b"] > asked["c"]


def test_what_is_left_out_is_not_asked_for() -> None:
    whole = required(experiment(shares={"champion": 0.9, "challenger": 0.1}))
    part = experiment(shares={"champion": 0.09, "challenger": 0.01})
    assert required(part) == whole
    assert required(experiment(shares={"a": 0.5, "b": 0.5, "c": 0.0})).keys() == {"a", "b"}


def test_days_to_reach_it_follow_from_the_scarcest_arm() -> None:
    asked = need(trial := experiment(shares={"champion": 0.9, "challenger": 0.1}), trial.shares[0])
    assert asked.cases == 53_492
    assert asked.days(500) == 107  # 5,350 at 50 a day
    assert asked.days(0) is None


def test_the_present_shares_are_asked() -> None:
    trial = experiment(shares={"a": 0.5, "b": 0.5})
    grown = trial.model_copy(
        update={
            "shares": (
                *trial.shares,
                type(trial.shares[0])(valid_from=date(2026, 6, 1), a=Decimal("0.9"), b=Decimal("0.1")),
            )
        }
    )
    assert present_need(grown, date(2025, 1, 1)).required == {"a": 9_666, "b": 9_666}
    assert present_need(grown, date(2026, 5, 31)).required == {"a": 9_666, "b": 9_666}
    assert present_need(grown, date(2026, 6, 1)).required == {"a": 48_142, "b": 5_350}
