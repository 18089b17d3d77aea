"""Decision tables: rules with conditions, compiled to columns of a SELECT.

Hit policy `first`: the first rule that matches decides, else the default. Hit policy `collect`: the numbers of all
rules that match add up, between `floor` and `cap`. Either way the table adds a column with the ids of the rules that
matched.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlglot import exp

from arrears.rules.conditions import ConditionError, parse_condition, words_read
from arrears.rules.files import PlacedError, RuleModel
from arrears.rules.portable import portable
from arrears.rules.vocabulary import Vocabulary, Word

Value = str | int | Decimal | bool

_SQL_TYPES: dict[str, str] = {"text": "VARCHAR", "number": "INTEGER", "boolean": "BOOLEAN"}


class Approval(RuleModel):
    """Who approved that a rule reads an attribute under review, when and why."""

    role: Annotated[str, Field(min_length=1)]
    approved_on: date
    reason: Annotated[str, Field(min_length=1)]


class Rule(RuleModel):
    """One rule: when it matches, and what it gives."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    when: Annotated[str, Field(min_length=1)]
    then: dict[str, Value]
    note: str | None = None
    approval: Approval | None = None


class Output(RuleModel):
    """One column that a table makes."""

    type: Literal["number", "text", "boolean"]
    meaning: Annotated[str, Field(min_length=1)]
    values: tuple[str, ...] = ()
    """All values that a text can take."""


class DecisionTable(RuleModel):
    """A table of rules over the vocabulary and the columns of earlier tables."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Also the column of the matched rule ids: `<name>_rule`."""
    hit: Literal["first", "collect"] = "first"
    outputs: Annotated[dict[str, Output], Field(min_length=1)]
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    default: dict[str, Value] | None = None
    """What a case gets that no rule matches. A table of hit `first` may leave it out: then its rules must match every
    case, which `arrears rules check` proves."""
    overlap: Literal["allow", "forbid"] = "allow"
    """forbid: no case may match two rules, which `arrears rules check` proves."""
    floor: int | None = None
    cap: int | None = None

    @model_validator(mode="after")
    def _complete(self) -> DecisionTable:
        seen: set[str] = set()
        for position, rule in enumerate(self.rules):
            if rule.id in seen:
                message = f"rule ids once each in table {self.name}; {rule.id} comes again"
                raise PlacedError(message, "rules", position, "id")
            seen.add(rule.id)
            self._check_result(rule.then, f"rule {rule.id}", "rules", position, "then")
        if self.default is not None:
            self._check_result(self.default, "the default", "default")
        elif self.hit == "collect":
            raise ValueError(f"a default in table {self.name}: what its rules add up to when none matches")
        if self.hit == "collect" and any(output.type != "number" for output in self.outputs.values()):
            raise ValueError(f"numbers only as outputs of table {self.name}, whose rules add up")
        if self.hit == "first" and (self.floor is not None or self.cap is not None):
            raise ValueError(f"floor and cap only where rules add up, not in table {self.name}")
        return self

    def _check_result(self, result: dict[str, Value], who: str, *at: str | int) -> None:
        if set(result) != set(self.outputs):
            made = ", ".join(result) or "nothing"
            raise PlacedError(f"{who} of table {self.name} to give {', '.join(self.outputs)}, not {made}", *at)
        for name, value in result.items():
            output = self.outputs[name]
            kind = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
            gives = f"{who} of table {self.name} gives {value!r}"
            if kind != output.type:
                raise PlacedError(f"a {output.type} for {name}; {gives}", *at, name)
            if output.values and value not in output.values:
                raise PlacedError(f"one of {', '.join(output.values)} for {name}; {gives}", *at, name)

    @property
    def rule_column(self) -> str:
        """The column that holds the ids of the rules that matched."""
        return f"{self.name}_rule"

    def words(self) -> dict[str, Word]:
        """What later tables may read of this one."""
        return {
            name: Word(type=output.type, meaning=output.meaning, values=output.values)
            for name, output in self.outputs.items()
        }


class RuleError(ConditionError):
    """A condition that is wrong, with the position of its rule in the table."""

    def __init__(self, table: DecisionTable, position: int, error: ConditionError) -> None:
        self.position = position
        self.rule = table.rules[position]
        super().__init__(f"{error} (rule {self.rule.id} of table {table.name})", error.action)


def compile_table(table: DecisionTable, vocabulary: Vocabulary) -> tuple[list[exp.Expr], Vocabulary]:
    """The columns that `table` adds to a SELECT over `vocabulary`, and the vocabulary with these columns.

    Raises RuleError for the first condition that is wrong.
    """
    conditions = [portable(condition) for _, condition in _conditions(table, vocabulary)]
    columns: list[exp.Expr] = []
    for name, output in table.outputs.items():
        values = [_literal(rule.then[name]) for rule in table.rules]
        default = exp.null() if table.default is None else _literal(table.default[name])
        value = (
            _first(conditions, values, default)
            if table.hit == "first"
            else _collected(table, conditions, values, default)
        )
        columns.append(exp.alias_(exp.cast(value, _SQL_TYPES[output.type]), name))
    ids: list[exp.Expr] = [exp.Literal.string(rule.id) for rule in table.rules]
    matched = (
        _first(conditions, ids, exp.Literal.string("default"))
        if table.hit == "first"
        else exp.ConcatWs(
            expressions=[
                exp.Literal.string(","),
                *(exp.case().when(condition.copy(), id_) for condition, id_ in zip(conditions, ids, strict=True)),
            ],
            # skipping NULL is what the engines do; unless it is said, sqlglot makes the whole NULL
            safe=True,
            coalesce=True,
        )
    )
    columns.append(exp.alias_(matched, table.rule_column))
    return columns, vocabulary.extended(table.words())


def attributes_read(table: DecisionTable, vocabulary: Vocabulary) -> Iterator[tuple[int, str]]:
    """Position of a rule and attribute (as policies name it) that the rule's condition reads."""
    for position, condition in _conditions(table, vocabulary):
        for name in words_read(condition):
            attribute = vocabulary.words[name].attribute
            if attribute:
                yield position, attribute


def _conditions(table: DecisionTable, vocabulary: Vocabulary) -> Iterator[tuple[int, exp.Expr]]:
    for position, rule in enumerate(table.rules):
        try:
            yield position, parse_condition(rule.when, vocabulary)
        except ConditionError as error:
            raise RuleError(table, position, error) from None


def _first(conditions: list[exp.Expr], values: list[exp.Expr], default: exp.Expr) -> exp.Expr:
    case = exp.Case()
    for condition, value in zip(conditions, values, strict=True):
        case = case.when(condition.copy(), value.copy())
    return case.else_(default)


def _collected(table: DecisionTable, conditions: list[exp.Expr], values: list[exp.Expr], default: exp.Expr) -> exp.Expr:
    parts = [_first([each], [value], exp.Literal.number(0)) for each, value in zip(conditions, values, strict=True)]
    total = reduce(lambda left, right: exp.Add(this=left, expression=right), parts, default)
    if table.floor is not None:
        total = exp.Greatest(this=total, expressions=[exp.Literal.number(table.floor)], ignore_nulls=True)
    if table.cap is not None:
        total = exp.Least(this=total, expressions=[exp.Literal.number(table.cap)], ignore_nulls=True)
    return total


def _literal(value: Value) -> exp.Expr:
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(str(value))
