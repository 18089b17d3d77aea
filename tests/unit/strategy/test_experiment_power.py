"""How many cases an experiment needs: known answers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy import stats

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
        # Chow, Shao and Wang, the example of section 4.2.4: 65 % against 85 %, two-sided 5 %, power 80 %: 70 an arm
        ({"baseline": 0.65, "minimum_effect": 0.2}, 70),
        # rolling less is better: 45 % against 43 % spreads as 55 % against 57 % does
        ({"metric": "roll", "baseline": 0.45, "minimum_effect": 0.02}, 9_666),
        ({"baseline": 0.55, "minimum_effect": 0.02}, 9_666),
        # the same book, the example of section 3.2.4: means 5 apart with a deviation of 10: 63 an arm
        ({"metric": "recovered", "baseline": 100, "minimum_effect": 5, "standard_deviation": 10}, 63),
        ({"metric": "recovered", "baseline": 100, "minimum_effect": 5, "standard_deviation": 20}, 252),
    ],
)
def test_equal_arms_need_the_same(values: dict[str, Any], cases: int) -> None:
    assert required(experiment(shares={"a": 0.5, "b": 0.5}, **values)) == {"a": cases, "b": cases}


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.2, 0.8), (0.98, 0.01)])
@pytest.mark.parametrize(
    "values",
    [
        {"baseline": 0.55, "minimum_effect": 0.02},
        {"baseline": 0.02, "minimum_effect": 0.01, "alpha": 0.01, "power": 0.9},
        {"metric": "roll", "baseline": 0.3, "minimum_effect": 0.05},
        {"metric": "recovered", "baseline": 900, "minimum_effect": 40, "standard_deviation": 700, "power": 0.95},
    ],
)
def test_so_many_cases_have_the_power_that_is_asked_for_and_one_less_has_not(
    values: dict[str, Any], shares: tuple[float, float]
) -> None:
    trial = experiment(shares=dict(zip(("a", "b"), shares, strict=True)), **values)
    asked = required(trial)
    ratio = shares[0] / shares[1]

    def power(challengers: float) -> float:
        """The chance that the difference lies beyond the critical value: scipy's normal, the variances' own sum."""
        if trial.standard_deviation is None:
            own, other = float(trial.target), float(trial.baseline)
            error = np.sqrt(own * (1 - own) / challengers + other * (1 - other) / (ratio * challengers))
        else:
            error = float(trial.standard_deviation) * np.sqrt(1 / challengers + 1 / (ratio * challengers))
        critical = stats.norm.isf(float(trial.alpha) / 2)
        return float(stats.norm.sf(critical - float(trial.minimum_effect) / error))

    assert power(asked["b"]) >= float(trial.power) > power(asked["b"] - 1)
    assert asked["a"] == pytest.approx(ratio * asked["b"], abs=max(1, ratio))


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
