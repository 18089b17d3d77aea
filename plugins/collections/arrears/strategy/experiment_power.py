"""How many cases an experiment needs before its result may be read, and how long that takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import NormalDist

from arrears.strategy.experiment_rules import Experiment, Shares


@dataclass(frozen=True)
class Need:
    """What one period of shares asks for."""

    shares: Shares
    required: dict[str, int]
    """Arm → cases whose days have passed. Arms without a share are left out."""

    @property
    def cases(self) -> int:
        """Cases of all arms together."""
        return sum(self.required.values())

    def days(self, entries_per_day: float) -> int | None:
        """Days until so many cases have entered every arm, at that many new cases a day; None for no entry."""
        if entries_per_day <= 0:
            return None
        return max(
            math.ceil(cases / (entries_per_day * float(self.shares.arms[arm]))) for arm, cases in self.required.items()
        )


def quantile(experiment: Experiment) -> float:
    """z of the experiment's two-sided alpha, shared out between the comparisons with the champion (Bonferroni)."""
    return NormalDist().inv_cdf(1 - float(experiment.alpha) / (2 * max(1, len(experiment.challengers))))


def two_proportions(
    baseline: float, target: float, *, z_alpha: float, z_power: float, per_challenger: float
) -> tuple[float, float]:
    """Cases of champion and challenger that tell the share `target` from `baseline`.

    `per_challenger` is the number of champions per challenger, k. With p1 the champion's and p2 the challenger's share

        n2 = (z_alpha + z_power)^2 (p1 (1 - p1) / k + p2 (1 - p2)) / (p2 - p1)^2,    n1 = k n2

    the test of equality of two proportions with unpooled variance and unequal allocation in S.-C. Chow, J. Shao and
    H. Wang, "Sample Size Calculations in Clinical Research" (2nd ed., 2008), section 4.2.1; the same formula is
    `TwoSampleProportion.Equality` of the R package TrialSize, which follows the book (n1 is what it returns).
    """
    spread = baseline * (1 - baseline) / per_challenger + target * (1 - target)
    challengers = (z_alpha + z_power) ** 2 * spread / (target - baseline) ** 2
    return per_challenger * challengers, challengers


def two_means(
    effect: float, deviation: float, *, z_alpha: float, z_power: float, per_challenger: float
) -> tuple[float, float]:
    """Cases of champion and challenger that tell means `effect` apart, with the same standard deviation in both.

    n2 = (z_alpha + z_power)^2 (1 / k + 1) (deviation / effect)^2, n1 = k n2: the same book, section 3.2.1, and
    `TwoSampleMean.Equality` of TrialSize.
    """
    challengers = (z_alpha + z_power) ** 2 * (1 / per_challenger + 1) * (deviation / effect) ** 2
    return per_challenger * challengers, challengers


def need(experiment: Experiment, shares: Shares) -> Need:
    """The cases that each arm needs under `shares`; the champion as many as its hungriest challenger asks of it."""
    z_alpha, z_power = quantile(experiment), NormalDist().inv_cdf(float(experiment.power))
    champion_share = shares.arms.get(experiment.champion, Decimal(0))
    required: dict[str, int] = {}
    for arm in experiment.challengers:
        share = shares.arms.get(arm, Decimal(0))
        if not share or not champion_share:
            continue
        ratio = float(champion_share / share)
        if experiment.standard_deviation is not None:
            champions, challengers = two_means(
                float(experiment.minimum_effect),
                float(experiment.standard_deviation),
                z_alpha=z_alpha,
                z_power=z_power,
                per_challenger=ratio,
            )
        else:
            champions, challengers = two_proportions(
                float(experiment.baseline),
                float(experiment.target),
                z_alpha=z_alpha,
                z_power=z_power,
                per_challenger=ratio,
            )
        required[arm] = math.ceil(challengers)
        required[experiment.champion] = max(required.get(experiment.champion, 0), math.ceil(champions))
    return Need(shares, {arm: required[arm] for arm in experiment.arms if arm in required})


def present_need(experiment: Experiment, day: date) -> Need:
    """The need under the shares of `day`, or under the nearest: the first before it starts, the last after its end."""
    valid = [each for each in experiment.shares if each.valid_from <= day]
    return need(experiment, valid[-1] if valid else experiment.shares[0])
