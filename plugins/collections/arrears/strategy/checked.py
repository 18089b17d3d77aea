"""What a check of the rules looks at: the tables of a rule set as far as they can be read, each with its words.

A file or table that is wrong does not hide what is wrong in the others: of a table that cannot be parsed, the columns
that it declares still count as words of the later ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlglot import exp

from arrears.errors import RulesError
from arrears.rules.conditions import ConditionError, parse_condition
from arrears.rules.decision_table import DecisionTable, Output
from arrears.rules.files import Model
from arrears.rules.policy import Policy
from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Kind, Vocabulary, Word
from arrears.strategy.ageing_rules import AgeingRules
from arrears.strategy.experiment_arms import arm_words, experiments_of
from arrears.strategy.score_rules import ScoreRules

TABLES: tuple[tuple[str, str], ...] = (
    ("balance.yaml", "tiers"),
    ("scores.yaml", "view"),
    ("profile.yaml", "points"),
    ("profile.yaml", "band"),
    ("treatments.yaml", "segment"),
    ("treatments.yaml", "treatment"),
    ("balance.yaml", "priority"),
)
"""File and section of every decision table, in the order in which they are applied."""

_MUST_MAKE: Mapping[str, tuple[tuple[str, Kind], ...]] = {
    "tiers": (("balance_tier", "text"),),
    "view": (("score_view", "text"),),
    "points": (("profile_points", "number"),),
    "band": (("profile_band", "text"),),
    "segment": (("segment", "text"),),
    "treatment": (
        ("treatment", "text"),
        ("intensity", "number"),
        ("placement", "text"),
        ("channels", "text"),
        ("queue", "text"),
    ),
    "priority": (("priority", "number"),),
}
"""What other tables and the published rows read of each section."""
_ARM = re.compile(r"\barm_[a-z0-9_]+")

TIER_WORDS = frozenset(
    {
        "days_past_due",
        "delinquent_days",
        "bucket_no",
        "class",
        "unmet_installments",
        "repeated",
        "written_off",
        "overdue_amount",
        "outstanding_amount",
        "overdue_share",
    }
)
"""The words that the first table may read: what `strategy/delinquents.sql` gives. The rest comes later."""


@dataclass(frozen=True)
class CheckedTable:
    """A decision table in its place, with the words that it may read and its parsed conditions."""

    file: str
    section: str
    table: DecisionTable | None
    """None: it cannot be parsed."""
    words: Vocabulary
    makes: Mapping[str, Word]
    conditions: tuple[exp.Expr | None, ...] = ()
    """None where a condition is wrong."""

    @property
    def name(self) -> str:
        """The table's name."""
        return self.section if self.table is None else self.table.name

    def rule(self, position: int) -> str:
        """What messages call a rule."""
        assert self.table is not None  # noqa: S101 only tables that were parsed have rules
        return f"rule {self.table.rules[position].id} of table {self.name}"


@dataclass(frozen=True)
class Checked:
    """A rule set as far as it can be read."""

    rules: RuleSet
    policy: Policy | None
    vocabulary: Vocabulary
    """The words that cases come with, arms included; columns of tables that cannot be parsed as well."""
    tables: tuple[CheckedTable, ...]
    ageing: AgeingRules | None
    scores: ScoreRules | None

    def place(self, table: CheckedTable, *location: str | int) -> str:
        """`file:line` of a key inside a table."""
        return self.rules.place(table.file, (table.section, *location))

    def rules_of_tables(self) -> Iterator[tuple[CheckedTable, int, exp.Expr]]:
        """Every rule whose condition is right: its table, position and condition."""
        for table in self.tables:
            for position, condition in enumerate(table.conditions):
                if condition is not None:
                    yield table, position, condition


def read_rules(rules: RuleSet, policy: Policy | None) -> Checked:
    """The rule set `rules` as far as it can be read."""
    vocabulary = _loaded(rules, "vocabulary.yaml", Vocabulary) or Vocabulary(words={})
    arms = {name: word.model_copy(update={"nullable": False}) for name, word in _arms(rules).items()}
    words = vocabulary.extended(arms)
    first = Vocabulary(words={name: word for name, word in vocabulary.words.items() if name in TIER_WORDS})
    tables: list[CheckedTable] = []
    free: dict[str, Word] = {}
    made: dict[str, Word] = {}
    for file, section in TABLES:
        known = (first if not tables else words).extended(made)
        found = _table(rules, file, section)
        table = found if isinstance(found, DecisionTable) else None
        makes = _made(table) if table is not None else _declared(found, section)
        if table is None:
            free |= makes
        made |= makes
        each = CheckedTable(file, section, table, known, makes)
        tables.append(replace(each, conditions=tuple(_conditions(each))))
    return Checked(
        rules=rules,
        policy=policy,
        vocabulary=words.extended(free),
        tables=tuple(tables),
        ageing=_loaded(rules, "ageing.yaml", AgeingRules),
        scores=_loaded(rules, "scores.yaml", ScoreRules),
    )


def _loaded(rules: RuleSet, name: str, model: type[Model]) -> Model | None:
    try:
        return rules.load(name, model)
    except RulesError:
        return None


def _arms(rules: RuleSet) -> Mapping[str, Word]:
    try:
        return arm_words(experiments_of(rules))
    except RulesError:
        # which arms there are is not known, so every name that is like one's passes
        asked = {name for file, _ in TABLES for name in _ARM.findall(rules.text(file) or "")}
        return {name: Word(type="text", meaning="Arm of an experiment that cannot be read.") for name in asked}


def _table(rules: RuleSet, file: str, section: str) -> DecisionTable | Any:
    """The table, or what stands in its place."""
    try:
        content = rules.document(file).content
    except RulesError:
        return None
    raw = content.get(section) if isinstance(content, dict) else None
    try:
        return DecisionTable.model_validate(raw)
    except ValidationError:
        return raw


def _made(table: DecisionTable) -> dict[str, Word]:
    # what a table without a default gives is complete, and what one with a default gives is as well
    return {name: word.model_copy(update={"nullable": False}) for name, word in table.words().items()}


def _declared(raw: Any, section: str) -> dict[str, Word]:
    """What a table that cannot be parsed declares; of one that cannot be read, what it must make in any case."""
    if raw is None:
        return {name: Word(type=kind, meaning="Of a table that cannot be read.") for name, kind in _MUST_MAKE[section]}
    outputs = raw.get("outputs") if isinstance(raw, dict) else None
    words: dict[str, Word] = {}
    for name, each in (outputs if isinstance(outputs, dict) else {}).items():
        try:
            output = Output.model_validate(each)
        except ValidationError:
            continue
        words[str(name)] = Word(type=output.type, meaning=output.meaning, values=output.values)
    return words


def _conditions(table: CheckedTable) -> Iterator[exp.Expr | None]:
    for rule in table.table.rules if table.table is not None else ():
        try:
            yield parse_condition(rule.when, table.words)
        except ConditionError:
            yield None
