"""Compiles the strategy's rule files into SELECTs: each table of rules becomes a layer over the one before."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from arrears.errors import RulesError
from arrears.rules.decision_table import CompiledTable, DecisionTable, RuleError, compile_table
from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.balance_rules import BalanceRules
from arrears.strategy.experiment_arms import arm_columns, arm_layer, armed_vocabulary, experiments_of
from arrears.strategy.experiment_rules import Experiments
from arrears.strategy.profile_rules import ProfileRules
from arrears.strategy.score_rules import ScoreRules, band_columns
from arrears.strategy.treatment_rules import TreatmentRules

FACTS = "facts"
"""Name of the table that the first layer reads."""


@dataclass(frozen=True)
class PlacedTable:
    """A decision table and where it stands: file and section."""

    file: str
    section: str
    table: DecisionTable


@dataclass(frozen=True)
class Strategy:
    """The parsed rule files that decide treatments."""

    rules: RuleSet
    vocabulary: Vocabulary
    balance: BalanceRules
    scores: ScoreRules
    profile: ProfileRules
    treatments: TreatmentRules
    experiments: Experiments

    @property
    def tables(self) -> tuple[PlacedTable, ...]:
        """The decision tables in the order in which they are applied; the first one makes `tiers`."""
        return (
            PlacedTable("balance.yaml", "tiers", self.balance.tiers),
            PlacedTable("scores.yaml", "view", self.scores.view),
            PlacedTable("profile.yaml", "points", self.profile.points),
            PlacedTable("profile.yaml", "band", self.profile.band),
            PlacedTable("treatments.yaml", "segment", self.treatments.segment),
            PlacedTable("treatments.yaml", "treatment", self.treatments.treatment),
            PlacedTable("balance.yaml", "priority", self.balance.priority),
        )


def load_strategy(rules: RuleSet) -> Strategy:
    """The strategy of a rule set; RulesError with file and line for what is wrong in it."""
    strategy = Strategy(
        rules=rules,
        vocabulary=rules.load("vocabulary.yaml", Vocabulary),
        balance=rules.load("balance.yaml", BalanceRules),
        scores=rules.load("scores.yaml", ScoreRules),
        profile=rules.load("profile.yaml", ProfileRules),
        treatments=rules.load("treatments.yaml", TreatmentRules),
        experiments=experiments_of(rules),
    )
    _check_columns(strategy)
    return strategy


def _check_columns(strategy: Strategy) -> None:
    """Raises RulesError when a table makes a column that the cases come with or an earlier table has made."""
    taken = dict.fromkeys(strategy.vocabulary.words, "vocabulary.yaml")
    for placed in strategy.tables:
        for name in (*placed.table.outputs, placed.table.rule_column):
            if name in taken:
                raise RulesError(
                    expected="a column that nothing before it makes",
                    found=f"{name}, which is in {taken[name]}",
                    where=strategy.rules.place(placed.file, (placed.section, "outputs", name)),
                    action="Give the column another name, here and where later tables read it.",
                )
            taken[name] = f"the table {placed.table.name}"


def tiers_select(strategy: Strategy, delinquents: exp.Query) -> exp.Query:
    """The SELECT that makes `tiers` over the model `strategy/delinquents`."""
    compiled, _ = _compiled(strategy, strategy.tables[0], strategy.vocabulary)
    return (
        exp.select("contract_id", "overdue_share", *map(exp.column, compiled.names))
        .from_(compiled.over("delinquents").subquery("tiered"))
        .order_by("contract_id")
        .with_("delinquents", as_=delinquents)
    )


def decision_select(strategy: Strategy, facts: exp.Query, stamp: dict[str, str | int]) -> exp.Query:
    """The SELECT that makes `decision` over the model `strategy/facts`.

    Every table of rules is a layer that adds its columns, so a table can read what earlier ones made. `stamp` are
    constant columns: name, version and hash of the rule set. Arms come before all tables, which may read them; with
    experiments it also reads the table `experiment_arm`.
    """
    vocabulary = armed_vocabulary(strategy.vocabulary, strategy.experiments).extended(
        {
            name: Word(type="text", meaning=output.meaning, values=output.values)
            for name, output in strategy.balance.tiers.outputs.items()
        }
    )
    constants = [
        exp.alias_(exp.Literal.number(value) if isinstance(value, int) else exp.Literal.string(value), name)
        for name, value in stamp.items()
    ]
    steps: list[tuple[str, exp.Select]] = list(arm_layer(strategy.experiments, FACTS).items())
    bands = band_columns(strategy.scores)
    names = [*facts.named_selects, *arm_columns(strategy.experiments), *(each.alias for each in bands)]
    steps.append(("banded", exp.select(exp.Star(), *bands).from_(steps[-1][0])))
    for placed in strategy.tables[1:]:
        compiled, vocabulary = _compiled(strategy, placed, vocabulary)
        names += compiled.names
        steps.append((f"with_{placed.table.name}", compiled.over(steps[-1][0])))
    decision = (
        exp.select(*map(exp.column, names), *constants)
        .from_(steps[-1][0])
        .order_by("contract_id")
        .with_(FACTS, as_=facts)
    )
    for name, step in steps:
        decision = decision.with_(name, as_=step)
    return decision


def _compiled(strategy: Strategy, placed: PlacedTable, vocabulary: Vocabulary) -> tuple[CompiledTable, Vocabulary]:
    try:
        return compile_table(placed.table, vocabulary)
    except RuleError as problem:
        raise RulesError(
            expected=str(problem),
            found=f"when: {problem.rule.when}",
            where=_place(strategy, placed, problem.position),
            action=problem.action,
        ) from None


def _place(strategy: Strategy, placed: PlacedTable, position: int) -> str:
    return strategy.rules.place(placed.file, (placed.section, "rules", position, "when"))
