"""Exclusions of experiments: conditions over what cannot change while a case lives, parsed and held to the policy."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from sqlglot import exp

from arrears.errors import RulesError
from arrears.rules.conditions import ConditionError, parse_condition, words_read
from arrears.rules.policy import Policy
from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.experiment_rules import FILE, Exclusion, Experiment, Experiments

MASTER_DATA = MappingProxyType(
    {
        "product": Word(type="text", meaning="Product.", attribute="collateral"),
        "currency": Word(type="text", meaning="ISO 4217 code of the contract's amounts."),
        "region": Word(type="text", meaning="Region of the contract.", attribute="location"),
        "dealer_id": Word(type="text", meaning="Dealer that sold the vehicle."),
        "vehicle_type": Word(type="text", meaning="Type of the vehicle.", attribute="collateral"),
        "vehicle_model": Word(type="text", meaning="Make and model.", attribute="collateral"),
        "vehicle_model_year": Word(type="number", meaning="Model year.", attribute="collateral"),
        "vehicle_new": Word(type="boolean", meaning="New at origination.", attribute="collateral"),
        "vehicle_value": Word(type="number", meaning="Value of the vehicle at origination.", attribute="collateral"),
        "originated_on": Word(type="date", meaning="Day of disbursement.", attribute="payment_history"),
        "principal": Word(type="number", meaning="Amount disbursed.", attribute="balance"),
        "term_months": Word(type="number", meaning="Agreed term in months.", attribute="balance"),
    }
)
"""Words of exclusions: columns of `contracts` that are settled at origination."""

Placed = tuple[Experiment, Exclusion, tuple[str | int, ...]]


def exclusions(experiments: Experiments) -> Iterator[Placed]:
    """Every exclusion with its experiment and its place in the file."""
    for number, experiment in enumerate(experiments):
        for position, each in enumerate(experiment.exclude):
            yield experiment, each, ("experiments", number, "exclude", position, "when")


def exclusion_conditions(experiments: Experiments, vocabulary: Vocabulary, rules: RuleSet) -> list[list[exp.Expr]]:
    """The parsed exclusions of each experiment.

    Raises RulesError with file and line for a condition that is wrong, or that reads what may change while a case
    lives: its customers would leave their arm, and the arms would no more be the work of chance.
    """
    known = vocabulary.extended(dict(MASTER_DATA))
    parsed: dict[str, list[exp.Expr]] = {experiment.name: [] for experiment in experiments}
    for experiment, each, at in exclusions(experiments):
        where = rules.place(FILE, at)
        try:
            condition = parse_condition(each.when, known)
        except ConditionError as problem:
            raise RulesError(
                expected=f"{problem} (exclusion of experiment {experiment.name})",
                found=f"when: {each.when}",
                where=where,
                action=problem.action,
            ) from None
        changing = [word for word in words_read(condition) if word not in MASTER_DATA]
        if changing:
            raise RulesError(
                expected=f"an exclusion over what is settled before a case begins: {', '.join(sorted(MASTER_DATA))}",
                found=f"when: {each.when}, which reads {', '.join(changing)} in experiment {experiment.name}",
                where=where,
                action="It may change while a case lives, and the case would leave its arm. Exclude by master data, or "
                "let the rule that reads the arm ask for it too.",
            )
        parsed[experiment.name].append(condition)
    return list(parsed.values())


def check_exclusions(experiments: Experiments, policy: Policy, rules: RuleSet) -> list[str]:
    """Holds exclusions to the policy, like rules; returns those that read an attribute under review, with approval.

    Raises RulesError with file and line for an attribute that is denied, or under review without an approval.
    """
    verdicts = policy.verdicts()
    approved: list[str] = []
    for experiment, each, at in exclusions(experiments):
        words = words_read(parse_condition(each.when, Vocabulary(words=dict(MASTER_DATA))))
        for attribute in sorted({MASTER_DATA[word].attribute or "" for word in words} - {""}):
            verdict = verdicts.get(attribute, "review")
            if verdict == "allow":
                continue
            if verdict == "review" and each.approval is not None:
                approved.append(
                    f"{experiment.name}: exclusion by {attribute}, approved by {each.approval.role} on "
                    f"{each.approval.approved_on}"
                )
                continue
            raise RulesError(
                expected=f"no exclusion that reads {attribute}, which the policy denies"
                if verdict == "deny"
                else f"an approval on an exclusion that reads {attribute}, which the policy has under review",
                found=f"when: {each.when} in experiment {experiment.name}",
                where=rules.place(FILE, at),
                action="Remove the exclusion."
                if verdict == "deny"
                else "Add approval: {role, approved_on, reason} to the exclusion, or change its condition.",
            )
    return approved
