"""The tables of a rule set as a reasoner takes them: with what holds for every case, and with what bands come from.

Loading z3 takes a moment, so nothing imports this module before it is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from arrears.rules.conditions import ConditionError, parse_condition
from arrears.rules.exact_tables import Fact, Layer, Reasoner
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.ageing import bucket_rows
from arrears.strategy.ageing_rules import AgeingRules
from arrears.strategy.checked import Checked, CheckedTable
from arrears.strategy.score_rules import ScoreRules, band_columns


def readable(checked: Checked) -> list[CheckedTable]:
    """The tables that can be parsed, in their order: the layers of `reasoner_of`."""
    return [table for table in checked.tables if table.table is not None]


def reasoner_of(checked: Checked, tables: Sequence[CheckedTable], wrong: Collection[tuple[int, int]] = ()) -> Reasoner:
    """A reasoner over `tables`; the conditions at the places `wrong` (table, rule) are left out as not decided."""
    layers = [
        Layer(
            table.table,
            tuple(
                None if (number, position) in wrong else condition
                for position, condition in enumerate(table.conditions)
            ),
        )
        for number, table in enumerate(tables)
        if table.table is not None
    ]
    return Reasoner(_words(checked).words, list(facts_of(checked)), _computed(checked), layers)


def _words(checked: Checked) -> Vocabulary:
    """The vocabulary, and what bands are computed from besides: which choice of a stage's models served."""
    roles = () if checked.scores is None else checked.scores.bands
    choice = Word(type="number", decimals=0, meaning="0: the stage's own model; 1 and more: what takes its place.")
    return checked.vocabulary.extended({f"{role}_choice": choice for role in roles})


def _choice_facts(checked: Checked, scores: ScoreRules) -> Iterator[Fact]:
    """What can have served each score, by stage: a choice that scores.yaml names, and that choice's model."""
    words = _words(checked)
    for role in sorted(scores.bands):
        where = checked.rules.place("scores.yaml", ("models",))
        yield from _fact(f"{role}_choice is not null or {role}_score is null", words, where)
        for stage in scores.stages:
            models = [
                (number, each)
                for number, each in enumerate(scores.models)
                if (each.role, each.stage) == (role, stage.stage)
            ]
            elsewhere = f"score_stage <> '{stage.stage}'"
            if not models:
                yield from _fact(f"{elsewhere} or {role}_choice is null", words, where)
            for number, model in models:
                at = checked.rules.place("scores.yaml", ("models", number))
                yield from _fact(f"{elsewhere} or {role}_choice between 0 and {len(model.instead)}", words, at)
                for choice, name in enumerate([model.model, *(each.model for each in model.instead)]):
                    served = f"{elsewhere} or {role}_choice <> {choice} or {role}_model = '{name}'"
                    yield from _fact(served, words, at)


def _computed(checked: Checked) -> list[tuple[str, exp.Expr]]:
    if checked.scores is None:
        return []
    columns = [(each.alias, each.this) for each in band_columns(checked.scores) if isinstance(each, exp.Alias)]
    return [(name, expression) for name, expression in columns if name in checked.vocabulary.words]


def facts_of(checked: Checked) -> Iterator[Fact]:
    """What holds for every case: what the vocabulary says, and how brackets, classes and stages belong together."""
    for position, text in enumerate(checked.vocabulary.facts):
        yield from _fact(text, checked.vocabulary, checked.rules.place("vocabulary.yaml", ("facts", position)))
    if checked.ageing is not None:
        ageing = checked.rules.document("ageing.yaml")
        kinds = ", ".join(f"'{kind}'" for kind in checked.ageing.stop_holds)
        yield from _fact(f"hold_kind in ({kinds})", checked.vocabulary, ageing.place(("stop_holds",)))
        if checked.ageing.recovery_book == "left":
            yield from _fact("not written_off", checked.vocabulary, ageing.place(("recovery_book",)))
        last = len(checked.ageing.ranges) - 1
        yield from _fact(f"bucket_no between 0 and {last}", checked.vocabulary, ageing.place(("buckets",)))
        for row in bucket_rows(checked.rules):
            where = ageing.place(("buckets", row["bucket_no"]))
            for text in _bucket_facts(checked.ageing, row):
                yield from _fact(text, checked.vocabulary, where)
    if checked.scores is not None:
        for number, stage in enumerate(checked.scores.stages):
            until = "" if stage.to_bucket is None else f" and bucket_no <= {stage.to_bucket}"
            text = f"(score_stage = '{stage.stage}') = (bucket_no >= {stage.from_bucket}{until})"
            yield from _fact(text, checked.vocabulary, checked.rules.place("scores.yaml", ("stages", number)))
        yield from _choice_facts(checked, checked.scores)


def _bucket_facts(ageing: AgeingRules, row: Mapping[str, Any]) -> Iterator[str]:
    """What being in a bucket says of class, days and unmet instalments: as ageing.yaml counts."""
    inside = f"bucket_no = {row['bucket_no']}"
    yield f"not {inside} or class = '{row['class']}'"
    days = _between("delinquent_days", row["from_day"], row["to_day"])
    if ageing.counting == "days":
        yield f"({inside}) = ({days})"
        return
    # months differ in length, so that two buckets may have some days in common
    yield f"not {inside} or ({days})"
    if ageing.counting == "installments" and row["bucket_no"] > 0:
        unmet = _between("unmet_installments", row["from_unmet"], row["to_unmet"])
        yield f"({inside}) = (delinquent_days > 0 and {unmet})"


def _between(word: str, low: int, high: int | None) -> str:
    return f"{word} >= {low}" + ("" if high is None else f" and {word} <= {high}")


def _fact(text: str, vocabulary: Vocabulary, where: str) -> Iterator[Fact]:
    try:
        yield Fact(parse_condition(text, vocabulary), where)
    except ConditionError:
        # a fact of the vocabulary that is wrong is a finding of its own; one of the brackets is about words that this
        # vocabulary does not have
        return
