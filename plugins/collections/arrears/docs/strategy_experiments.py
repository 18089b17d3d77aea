"""The experiments of the page of the strategy: arms, shares, and the cases that they need."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from arrears.docs.markdown import table
from arrears.docs.plain_words import days, percent
from arrears.strategy.compile import Strategy
from arrears.strategy.experiment_power import need
from arrears.strategy.experiment_rules import Experiment

_METRICS = {
    "cure": "the share of cases that end",
    "roll": "the share of cases that roll on",
    "recovered": "the money per case",
}


def experiments_part(strategy: Strategy) -> Iterator[str]:
    """The section of the experiments."""
    yield "## Experiments"
    experiments = list(strategy.experiments)
    if not experiments:
        yield "None is declared."
    for experiment in experiments:
        yield f"### {experiment.name}"
        yield f"{experiment.hypothesis} {experiment.reason} Owner: {experiment.owner}."
        yield table(
            ("arm", "what is done"),
            [
                (f"{arm} (the champion)" if arm == experiment.champion and arm != "champion" else arm, what)
                for arm, what in experiment.arms.items()
            ],
        )
        yield _shares(experiment)
        yield _power(experiment)
        if experiment.exclude:
            yield table(("left out are", "because"), [(f"`{each.when}`", each.reason) for each in experiment.exclude])


def _shares(experiment: Experiment) -> str:
    arms = list(experiment.arms)
    rows = [
        (
            shares.valid_from.isoformat(),
            "open" if before is None else before.isoformat(),
            *(f"{percent(shares.arms.get(arm, Decimal(0)))}" for arm in arms),
            ", ".join(f"{arm} {cases:,}" for arm, cases in need(experiment, shares).required.items()),
        )
        for shares, before in experiment.periods()
    ]
    return table(("cases that enter from", "before", *(f"share of {arm}" for arm in arms), "cases needed"), rows)


def _power(experiment: Experiment) -> str:
    effect = experiment.minimum_effect
    return (
        f"Measured is {_METRICS[experiment.metric]} within {days(experiment.within_days)} of entry. "
        f"The champion is expected to give {experiment.baseline}; with the cases above, a difference of {effect} is "
        f"found with a chance of {percent(experiment.power)}, and one that is none is called with a chance of at most "
        f"{percent(experiment.alpha)}. A case counts once its days have passed."
    )
