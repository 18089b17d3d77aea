"""Tries every rule of a decision table on one stored row, part by part, in the engine that decided it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pydantic import ConfigDict
from sqlglot import exp

from arrears.engines import Engine
from arrears.rules.conditions import as_written, parse_condition, words_read
from arrears.rules.decision_table import DecisionTable, Rule
from arrears.rules.files import RuleModel
from arrears.rules.policy import AttributeVerdict, Policy, PolicyPack, Source
from arrears.rules.portable import portable
from arrears.rules.rule_set import RuleSet
from arrears.rules.vocabulary import Vocabulary
from arrears.strategy.compile import PlacedTable, Strategy
from arrears.strategy.experiment_arms import armed_vocabulary
from arrears.strategy.explanation import Conjunct, Need, Outcome, PolicyView, RuleView, Scalar, Seen, TableView

_ROW = "decided"
_DEFAULT = "default"
_ORDER = {exp.GTE: "at_least", exp.GT: "above", exp.LTE: "at_most", exp.LT: "below", exp.EQ: "is", exp.NEQ: "is_not"}
_TURNED = {exp.GTE: exp.LTE, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.LT: exp.GT, exp.EQ: exp.EQ, exp.NEQ: exp.NEQ}
_OPPOSITE = {exp.GTE: exp.LT, exp.GT: exp.LTE, exp.LTE: exp.GT, exp.LT: exp.GTE, exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}


def full_vocabulary(strategy: Strategy) -> Vocabulary:
    """Every word that any table may read: the vocabulary, the arms, and what the tables make."""
    vocabulary = armed_vocabulary(strategy.vocabulary, strategy.experiments)
    for placed in strategy.tables:
        vocabulary = vocabulary.extended(placed.table.words())
    return vocabulary


def try_tables(strategy: Strategy, engine: Engine, row: pa.Table) -> list[TableView]:
    """Every decision table in order, tried on `row`: the contract's one row of the lake table `decision`.

    The engine evaluates each condition and each of its parts, so what holds here is what held when the table was
    compiled into the run. Raises ModelError when the row lacks a column that a rule reads.
    """
    vocabulary = full_vocabulary(strategy)
    values = row.to_pylist()[0]
    return [_try_table(strategy, placed, engine, row, values, vocabulary) for placed in strategy.tables]


class AttributePack(RuleModel):
    """A policy pack, read only for what it says of attributes: days are explained whose packs limited contacts in ways
    that this version reads no more."""

    model_config = ConfigDict(extra="ignore")

    pack: str
    """Name of the pack."""
    sources: Mapping[str, Source]
    """Where its verdicts come from."""
    attributes: Mapping[str, AttributeVerdict]
    """Whether a strategy may read an attribute."""


def attribute_policy(rules: RuleSet) -> Policy:
    """What the packs of a rule set say of attributes, and nothing else of them; RulesError with file and line."""
    packs = [rules.load(f"policies/{name}.yaml", AttributePack) for name in rules.packs]
    return Policy(tuple(PolicyPack.model_construct(**dict(pack)) for pack in packs))


def policy_views(strategy: Strategy, policy: Policy, tables: Sequence[TableView]) -> list[PolicyView]:
    """What the policy says to the attributes that the rules which decided read, each rule and attribute once."""
    vocabulary = full_vocabulary(strategy)
    rules = {(placed.table.name, rule.id): rule for placed in strategy.tables for rule in placed.table.rules}
    views: list[PolicyView] = []
    for table in tables:
        for view in table.of("decides", "adds"):
            rule = rules[table.name, view.id]
            for seen in view.seen:
                attribute = vocabulary.words[seen.word].attribute
                if attribute is None:
                    continue
                known = policy.attributes.get(attribute)
                approval = rule.approval if known is None or known.verdict != "allow" else None
                views.append(
                    PolicyView(
                        rule=view.id,
                        word=seen.word,
                        attribute=attribute,
                        # what the pack does not name is under review
                        verdict="review" if known is None else known.verdict,
                        source=policy.sources[known.source].title if known else None,
                        approved_by=approval.role if approval else None,
                        approved_on=approval.approved_on if approval else None,
                        reason=approval.reason if approval else None,
                    )
                )
    return views


def conjuncts_of(condition: exp.Expr) -> list[exp.Expr]:
    """The parts that a condition joins by AND, parentheses around them taken off."""
    bare = condition.unnest()
    if isinstance(bare, exp.And):
        return [*conjuncts_of(bare.left), *conjuncts_of(bare.right)]
    return [bare]


def _try_table(
    strategy: Strategy,
    placed: PlacedTable,
    engine: Engine,
    row: pa.Table,
    values: Mapping[str, Any],
    vocabulary: Vocabulary,
) -> TableView:
    table = placed.table
    conditions = [parse_condition(rule.when, vocabulary) for rule in table.rules]
    parts = [conjuncts_of(condition) for condition in conditions]
    whole, each = _evaluate(
        engine,
        row,
        [portable(condition, vocabulary.words) for condition in conditions],
        [[portable(part, vocabulary.words) for part in some] for some in parts],
    )
    matched = _ids(values.get(table.rule_column))
    held = [rule.id for rule, holds in zip(table.rules, whole, strict=True) if holds]
    first = held[0] if held else None
    document = strategy.rules.document(placed.file)
    rules: list[RuleView] = []
    decided = False
    for position, (rule, condition) in enumerate(zip(table.rules, conditions, strict=True)):
        conjuncts = tuple(
            Conjunct(
                text=as_written(part),
                holds=holds,
                need=None if holds else need_of(part, values, vocabulary),
            )
            for part, holds in zip(parts[position], each[position], strict=True)
        )
        rules.append(
            RuleView(
                id=rule.id,
                place=f"{placed.file}:{document.line((placed.section, 'rules', position))}",
                when=rule.when,
                then={name: _scalar(value) for name, value in rule.then.items()},
                note=rule.note,
                outcome=_outcome(table, rule, conjuncts, whole[position] is True, first),
                after_decision=decided,
                seen=tuple(_seen(word, values, vocabulary) for word in words_read(condition)),
                conjuncts=conjuncts,
            )
        )
        decided = decided or (table.hit == "first" and rule.id == first)
    return TableView(
        name=table.name,
        place=f"{placed.file}:{document.line((placed.section,))}",
        hit=table.hit,
        matched=tuple(matched),
        result={name: _scalar(values.get(name)) for name in table.outputs},
        default={name: _scalar(value) for name, value in (table.default or {}).items()},
        floor=table.floor,
        cap=table.cap,
        sum=_sum(table, held) if table.hit == "collect" else {},
        rules=tuple(rules),
        agrees=matched == (held if table.hit == "collect" else held[:1]),
    )


def _evaluate(
    engine: Engine, row: pa.Table, conditions: Sequence[exp.Expr], parts: Sequence[Sequence[exp.Expr]]
) -> tuple[list[bool | None], list[list[bool | None]]]:
    columns = [exp.alias_(condition.copy(), f"rule_{n}") for n, condition in enumerate(conditions)]
    columns += [exp.alias_(part.copy(), f"part_{n}_{m}") for n, each in enumerate(parts) for m, part in enumerate(each)]
    found = engine.fetch(exp.select(*columns).from_(_ROW), {_ROW: row}, {}).to_pylist()[0]
    return (
        [found[f"rule_{n}"] for n in range(len(conditions))],
        [[found[f"part_{n}_{m}"] for m in range(len(each))] for n, each in enumerate(parts)],
    )


def _ids(matched: str | None) -> list[str]:
    return [each for each in (matched or "").split(",") if each and each != _DEFAULT]


def _outcome(
    table: DecisionTable, rule: Rule, conjuncts: Sequence[Conjunct], holds: bool, first: str | None
) -> Outcome:
    if holds:
        if table.hit == "collect":
            return "adds"
        return "decides" if rule.id == first else "holds"
    failing = [each for each in conjuncts if not each.holds]
    if len(failing) != 1:
        return "fails"
    # a rule of one part is near only where distance means something: a threshold, not another segment
    alone = len(conjuncts) == 1
    measured = failing[0].need is not None and failing[0].need.missing is not None
    return "fails" if alone and not measured else "near"


def _sum(table: DecisionTable, held: Sequence[str]) -> dict[str, Scalar]:
    default = table.default or {}
    return {
        name: sum(
            (Decimal(str(rule.then[name])) for rule in table.rules if rule.id in held),
            Decimal(str(default.get(name, 0))),
        )
        for name in table.outputs
    }


def _seen(word: str, values: Mapping[str, Any], vocabulary: Vocabulary) -> Seen:
    known = vocabulary.words[word]
    return Seen(word=word, value=_scalar(values.get(word)), unit=known.unit, meaning=known.meaning)


def _scalar(value: Any) -> Scalar:
    found: Scalar = value
    return found


def need_of(part: exp.Expr, values: Mapping[str, Any], vocabulary: Vocabulary) -> Need:
    """What the part of a condition that does not hold would have needed; for a person to read, never to decide by."""
    return _need(part.unnest(), values, vocabulary, negated=False)


def _need(node: exp.Expr, values: Mapping[str, Any], vocabulary: Vocabulary, *, negated: bool) -> Need:
    node = node.unnest()
    if isinstance(node, exp.Not):
        return _need(node.this, values, vocabulary, negated=not negated)
    if isinstance(node, exp.Column):
        return Need(relation="is", word=node.name, wanted="false" if negated else "true")
    if isinstance(node, exp.Or) and not negated:
        return Need(
            relation="any",
            either=tuple(_need(each, values, vocabulary, negated=False) for each in _alternatives(node)),
        )
    if isinstance(node, exp.Between) and not negated and isinstance(node.this, exp.Column):
        low, high = node.args["low"], node.args["high"]
        return Need(
            relation="between",
            word=node.this.name,
            wanted=f"{_shown(low)} … {_shown(high)}",
            missing=_distance(values.get(node.this.name), low, high),
        )
    if isinstance(node, exp.In) and isinstance(node.this, exp.Column):
        wanted = ", ".join(_shown(each) for each in node.expressions)
        return Need(relation="none_of" if negated else "one_of", word=node.this.name, wanted=wanted)
    if type(node) in _ORDER:
        return _comparison(node, values, negated=negated)
    return Need(relation="hold", wanted=as_written(exp.not_(node.copy()) if negated else node))


def _comparison(node: exp.Expr, values: Mapping[str, Any], *, negated: bool) -> Need:
    kind: Any = type(node)
    left, right = node.this, node.expression
    if not isinstance(left, exp.Column) and isinstance(right, exp.Column):
        left, right, kind = right, left, _TURNED[kind]
    if not isinstance(left, exp.Column):
        return Need(relation="hold", wanted=as_written(exp.not_(node.copy()) if negated else node))
    if negated:
        kind = _OPPOSITE[kind]
    relation: Any = _ORDER[kind]
    missing = _distance(values.get(left.name), right, right) if kind not in (exp.EQ, exp.NEQ) else None
    return Need(relation=relation, word=left.name, wanted=_shown(right), missing=missing)


def _alternatives(node: exp.Expr) -> Iterator[exp.Expr]:
    bare = node.unnest()
    if isinstance(bare, exp.Or):
        yield from _alternatives(bare.left)
        yield from _alternatives(bare.right)
    else:
        yield bare


def _distance(value: Any, low: exp.Expr, high: exp.Expr) -> str | None:
    """How far a number is from the nearer of two edges; None where one of them is no number."""
    edges = [_number(low), _number(high)]
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or None in edges:
        return None
    seen = Decimal(str(value))
    return format(min(abs(seen - edge) for edge in edges if edge is not None).normalize(), "f")


def _number(node: exp.Expr) -> Decimal | None:
    bare = node.unnest()
    if isinstance(bare, exp.Neg):
        inner = _number(bare.this)
        return None if inner is None else -inner
    return Decimal(bare.name) if isinstance(bare, exp.Literal) and not bare.is_string else None


def _shown(node: exp.Expr) -> str:
    bare = node.unnest()
    return bare.name if isinstance(bare, exp.Literal) else as_written(bare)
