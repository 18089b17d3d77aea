"""Findings about experiments: exclusions, what a change must leave alone, and how many cases each one needs."""

from __future__ import annotations

from collections.abc import Iterator

from arrears.errors import RulesError
from arrears.rules.findings import Finding, of_error
from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Vocabulary
from arrears.strategy.checked import Checked
from arrears.strategy.experiment_arms import experiments_of
from arrears.strategy.experiment_exclusions import check_exclusions, exclusion_conditions
from arrears.strategy.experiment_power import Need, present_need
from arrears.strategy.experiment_rules import FILE, Experiment


def experiment_findings(checked: Checked) -> Iterator[Finding]:
    """What is to be said about the experiments of a rule set.

    The form of the file is not judged here: without a file that can be read there is nothing to say.
    """
    rules = checked.rules
    try:
        experiments = experiments_of(rules)
        vocabulary = rules.load("vocabulary.yaml", Vocabulary)
    except RulesError:
        return
    try:
        exclusion_conditions(experiments, vocabulary, rules)
        if checked.policy is not None:
            check_exclusions(experiments, checked.policy, rules)
    except RulesError as error:
        yield of_error(error, "experiment_exclusion")
    for number, experiment in enumerate(experiments):
        yield from _size(rules, experiment, number)


def power_text(experiment: Experiment, asked: Need) -> str:
    """What an experiment is to find, and the cases that this takes, in one sentence."""
    first, *rest = (f"{count:,}" + "{} in " + arm for arm, count in asked.required.items())
    cases = ", ".join([first.format(" cases"), *(each.format("") for each in rest)])
    goal = (
        f"{experiment.metric} of {float(experiment.baseline):,.2f} against {float(experiment.target):,.2f} per case"
        if experiment.metric == "recovered"
        else f"a {experiment.metric} rate of {float(experiment.baseline):.1%} against {float(experiment.target):.1%}"
    )
    return (
        f"to tell {goal} within {experiment.within_days} days (α {float(experiment.alpha):.0%}, "
        f"power {float(experiment.power):.0%}), {experiment.name} needs {cases}"
    )


def _size(rules: RuleSet, experiment: Experiment, number: int) -> Iterator[Finding]:
    where = rules.place(FILE, ("experiments", number, "name"))
    asked = present_need(
        experiment, rules.valid_from if rules.valid_from > experiment.starts_on else experiment.starts_on
    )
    if not asked.required:
        yield Finding(
            "warning",
            "experiment_without_comparison",
            f"experiment {experiment.name} has no share for the champion and a challenger at once",
            where,
            "Give both a share, or end the experiment with ends_on.",
        )
        return
    yield Finding(
        "note",
        "experiment_size",
        power_text(experiment, asked),
        where,
        "Read the result once so many cases have passed their days, not before.",
    )


def experiment_change_findings(rules: RuleSet, before: RuleSet) -> Iterator[Finding]:
    """What a change does to experiments that it must leave alone, lest living cases change their arm."""
    try:
        earlier = {each.name: each for each in experiments_of(before)}
        experiments = experiments_of(rules)
    except RulesError:
        return
    now = {each.name: (number, each) for number, each in enumerate(experiments)}
    for name, old in earlier.items():
        if name not in now:
            yield Finding(
                "error",
                "experiment_removed",
                f"experiment {name} is gone, and its cases would lose their arm",
                rules.place(FILE, ("experiments",)),
                "Keep it, and end it with ends_on; take it out when its last case is over.",
            )
            continue
        number, new = now[name]
        changed = _changed(old, new, rules)
        if changed:
            yield Finding(
                "error",
                "experiment_past_changed",
                f"experiment {name} has {changed}, so cases would change their arm",
                rules.place(FILE, ("experiments", number, "name")),
                "Leave the past as it was: add shares with a valid_from to come, or begin another experiment.",
            )


def _changed(old: Experiment, new: Experiment, rules: RuleSet) -> str:
    """What differs for cases that entered before the rule set is valid; nothing if all of them keep their arm."""
    day = rules.valid_from

    def past(experiment: Experiment) -> list[tuple[object, ...]]:
        return [
            (each.valid_from, before if before is None or before < day else None, each.arms)
            for each, before in experiment.periods()
            if each.valid_from < day
        ]

    if past(old) != past(new):
        return f"other shares for days before {day.isoformat()}"
    if old.starts_on < day and list(new.arms)[: len(old.arms)] != list(old.arms):
        return "its arms in another order"
    if old.starts_on < day and [each.when for each in old.exclude] != [each.when for each in new.exclude]:
        return "other exclusions"
    return ""
