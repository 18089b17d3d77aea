"""Decision tables: rules with conditions, compiled to layers of a SELECT.

Hit policy `first`: the first rule that matches decides, else the default. Hit policy `collect`: the numbers of all
rules that match add up, between `floor` and `cap`. Either way the table adds a column with the ids of the rules that
matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Annotated, Literal

from pydantic import Field, model_validator
from sqlglot import exp

from arrears.rules.conditions import ConditionError, parse_condition, words_read
from arrears.rules.files import CollectedError, PlacedError, RuleModel, did_you_mean
from arrears.rules.portable import portable
from arrears.rules.vocabulary import Vocabulary, Word

Value = str | int | Decimal | bool

_SQL_TYPES: dict[str, str] = {"text": "VARCHAR", "number": "INTEGER", "boolean": "BOOLEAN"}
_BITS = 6
"""How many rules that add up are looked up together: of so many there are 64 combinations."""
_LARGEST = 1_000_000
"""Numbers of rules stay below this, so that all rules of a table add up within the column's type."""


class Approval(RuleModel):
    """Who approved that a rule reads an attribute under review, when and why."""

    role: Annotated[str, Field(min_length=1)]
    """The role that approved it, never a person's name."""
    approved_on: date
    """Day of the approval."""
    reason: Annotated[str, Field(min_length=1)]
    """Why the attribute may decide here."""


class Rule(RuleModel):
    """One rule: when it matches, and what it gives."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    """Stays with the rule's meaning: decision rows and reports name rules by it."""
    when: Annotated[str, Field(min_length=1)]
    """Condition over the vocabulary and the columns of earlier tables, as an SQL expression."""
    then: dict[str, Value]
    """A value for each output of the table."""
    note: str | None = None
    """What a reader should know."""
    approval: Approval | None = None
    """Needed when the condition reads an attribute that the policy has under review."""


class Output(RuleModel):
    """One column that a table makes."""

    type: Literal["number", "text", "boolean"]
    """What kind of value the column holds."""
    meaning: Annotated[str, Field(min_length=1)]
    """What the column says, for the reports and for whoever reads it in later tables."""
    values: tuple[str, ...] = ()
    """All values that a text can take."""
    decimals: Annotated[int, Field(ge=0, le=6)] = 0
    """Digits after the point of a number; without it, numbers are whole."""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Output:
        if self.values and self.type != "text":
            raise PlacedError(f"values for a text only, not for a {self.type}", "values")
        if self.decimals and self.type != "number":
            raise PlacedError(f"decimals for a number only, not for a {self.type}", "decimals")
        return self

    @property
    def sql_type(self) -> str:
        """The column's type in SQL; numbers are exact."""
        return f"DECIMAL(18, {self.decimals})" if self.decimals else _SQL_TYPES[self.type]


class DecisionTable(RuleModel):
    """A table of rules over the vocabulary and the columns of earlier tables."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Also the column of the matched rule ids: `<name>_rule`."""
    hit: Literal["first", "collect"] = "first"
    """first: the first rule that matches decides. collect: the numbers of all rules that match add up."""
    outputs: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Output], Field(min_length=1)]
    """The columns that the table makes."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    """In the order in which they are tried."""
    default: dict[str, Value] | None = None
    """What a case gets that no rule matches. A table of hit `first` may leave it out: then its rules must match every
    case, which `arrears rules check` proves."""
    overlap: Literal["allow", "forbid"] = "allow"
    """forbid: no case may match two rules, which `arrears rules check` proves."""
    floor: int | None = None
    """What added-up numbers are at least."""
    cap: int | None = None
    """What added-up numbers are at most."""

    @model_validator(mode="after")
    def _complete(self) -> DecisionTable:
        found = [*self._wrong_rules(), *self._wrong_form()]
        if found:
            raise CollectedError(found)
        return self

    def _wrong_rules(self) -> Iterator[PlacedError]:
        seen: set[str] = set()
        for position, rule in enumerate(self.rules):
            if rule.id in seen:
                message = f"rule ids once each in table {self.name}; {rule.id} comes again"
                yield PlacedError(message, "rules", position, "id")
            seen.add(rule.id)
            yield from self._wrong_result(rule.then, f"rule {rule.id}", "rules", position, "then")

    def _wrong_form(self) -> Iterator[PlacedError]:
        if self.default is not None:
            yield from self._wrong_result(self.default, "the default", "default")
        elif self.hit == "collect":
            yield PlacedError(f"a default in table {self.name}: what its rules add up to when none matches")
        if self.hit == "collect" and any(output.type != "number" for output in self.outputs.values()):
            yield PlacedError(f"numbers only as outputs of table {self.name}, whose rules add up")
        if self.hit == "first" and (self.floor is not None or self.cap is not None):
            yield PlacedError(f"floor and cap only where rules add up, not in table {self.name}")
        if self.floor is not None and self.cap is not None and self.cap <= self.floor:
            yield PlacedError(f"a cap above the floor {self.floor} in table {self.name}, not {self.cap}", "cap")

    def _wrong_result(self, result: dict[str, Value], who: str, *at: str | int) -> Iterator[PlacedError]:
        if set(result) != set(self.outputs):
            made = ", ".join(result) or "nothing"
            unknown = [name for name in result if name not in self.outputs]
            action = did_you_mean(unknown[0], self.outputs) if unknown else ""
            message = f"{who} of table {self.name} to give {', '.join(self.outputs)}, not {made}"
            yield PlacedError(message, *at, action=action or "Give a value for each of them, and for nothing else.")
        for name, value in result.items():
            output = self.outputs.get(name)
            if output is None:
                continue
            kind = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
            gives = f"{who} of table {self.name} gives {value!r}"
            if kind != output.type:
                yield PlacedError(f"a {output.type} for {name}; {gives}", *at, name)
            elif output.values and value not in output.values:
                action = did_you_mean(value, output.values) or "Correct the value."
                yield PlacedError(f"one of {', '.join(output.values)} for {name}; {gives}", *at, name, action=action)
            elif kind == "number":
                yield from self._wrong_number(Decimal(value), output, f"for {name}; {gives}", *at, name)

    @staticmethod
    def _wrong_number(value: Decimal, output: Output, which: str, *at: str | int) -> Iterator[PlacedError]:
        # a number that the column cannot hold would be rounded without a word
        if not value.is_finite() or abs(value) >= _LARGEST:
            yield PlacedError(f"a number between -{_LARGEST} and {_LARGEST} {which}", *at)
        elif value != round(value, output.decimals):
            digits = f"at most {output.decimals} decimals" if output.decimals else "a whole number"
            yield PlacedError(f"{digits} {which}", *at)

    @property
    def rule_column(self) -> str:
        """The column that holds the ids of the rules that matched."""
        return f"{self.name}_rule"

    def words(self) -> dict[str, Word]:
        """What later tables may read of this one."""
        return {
            name: Word(
                type=output.type,
                meaning=output.meaning,
                values=output.values,
                decimals=output.decimals if output.type == "number" else None,
            )
            for name, output in self.outputs.items()
        }

    def require(self, section: str, name: str, columns: Mapping[str, str]) -> None:
        """Raises PlacedError unless the table of `section` is called `name` and makes `columns` (name → type).

        Other tables and the published rows read a table by these names; it may make further columns.
        """
        if self.name != name:
            raise PlacedError(f"the name {name} of table {section}, not {self.name}", section, "name")
        for column, kind in columns.items():
            output = self.outputs.get(column)
            if output is None:
                made = ", ".join(self.outputs)
                raise PlacedError(f"the table {section} to make {', '.join(columns)}, not {made}", section, "outputs")
            if output.type != kind or output.decimals:
                found = f"a {output.type}" + (f" with {output.decimals} decimals" if output.decimals else "")
                whole = "whole number" if kind == "number" else kind
                raise PlacedError(f"a {whole} as column {column}, not {found}", section, "outputs", column)


class RuleError(ConditionError):
    """A condition that is wrong, with the position of its rule in the table."""

    def __init__(self, table: DecisionTable, position: int, error: ConditionError) -> None:
        self.position = position
        self.rule = table.rules[position]
        super().__init__(f"{error} (rule {self.rule.id} of table {table.name})", error.action)


@dataclass(frozen=True)
class CompiledTable:
    """A table as two layers of a SELECT: each condition is evaluated once, and what it gives is looked up.

    The lists of what rules give are constants, so a lookup costs a fraction of evaluating the conditions again.
    """

    found: tuple[exp.Expr, ...]
    """Columns that say which rules match, by number; their names begin with an underscore, as no word does."""
    columns: tuple[exp.Expr, ...]
    """The table's outputs and the ids of the rules that matched, over `found`."""

    @property
    def names(self) -> list[str]:
        """The names of `columns`."""
        return [each.alias for each in self.columns]

    def over(self, source: exp.Select | str) -> exp.Select:
        """The rows of `source` with the table's columns; those of `found` are among them, for nobody to select."""
        rows = source.subquery("cases") if isinstance(source, exp.Select) else source
        found = exp.select(exp.Star(), *self.found).from_(rows)
        return exp.select(exp.Star(), *self.columns).from_(found.subquery("found"))


def compile_table(table: DecisionTable, vocabulary: Vocabulary) -> tuple[CompiledTable, Vocabulary]:
    """What `table` adds to a SELECT over `vocabulary`, and the vocabulary with these columns.

    Raises RuleError for the first condition that is wrong.
    """
    conditions = [portable(condition, vocabulary.words) for _, condition in _conditions(table, vocabulary)]
    compiled = _first(table, conditions) if table.hit == "first" else _collected(table, conditions)
    return compiled, vocabulary.extended(table.words())


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


def _first(table: DecisionTable, conditions: Sequence[exp.Expr]) -> CompiledTable:
    """The number of the first rule that matches, from 1; that of the default comes after the last."""
    case = exp.Case()
    for number, condition in enumerate(conditions, start=1):
        case = case.when(condition, exp.Literal.number(number))
    found = f"_{table.name}"
    position = case.else_(exp.Literal.number(len(conditions) + 1))
    columns = []
    for name, output in table.outputs.items():
        values = [_literal(rule.then[name]) for rule in table.rules]
        default = exp.null() if table.default is None else _literal(table.default[name])
        columns.append(exp.alias_(exp.cast(_looked_up([*values, default], found), output.sql_type), name))
    ids = [*(rule.id for rule in table.rules), "default"]
    columns.append(exp.alias_(_looked_up(map(exp.Literal.string, ids), found), table.rule_column))
    return CompiledTable((exp.alias_(position, found),), tuple(columns))


def _collected(table: DecisionTable, conditions: Sequence[exp.Expr]) -> CompiledTable:
    """Which rules match as bits, a few rules to a number; from each number its ids and what its rules add up to."""
    found: list[exp.Expr] = []
    totals: dict[str, list[exp.Expr]] = {name: [_literal((table.default or {})[name])] for name in table.outputs}
    ids: list[exp.Expr] = []
    for start in range(0, len(conditions), _BITS):
        some = conditions[start : start + _BITS]
        column = f"_{table.name}_{len(found) + 1}"
        bits: list[exp.Expr] = [
            exp.case().when(condition, exp.Literal.number(2**bit)).else_(exp.Literal.number(0))
            for bit, condition in enumerate(some)
        ]
        # the lookup counts from 1, which no rule at all gives
        one: exp.Expr = exp.Literal.number(1)
        found.append(exp.alias_(reduce(_plus, bits, one), column))
        held = [
            [table.rules[start + bit] for bit in range(len(some)) if bits_held >> bit & 1]
            for bits_held in range(2 ** len(some))
        ]
        for name, parts in totals.items():
            sums = [sum((Decimal(rule.then[name]) for rule in each), Decimal(0)) for each in held]
            parts.append(_looked_up(map(_literal, sums), column))
        # of no rule there is no text, which the joining leaves out
        texts = [exp.Literal.string(",".join(rule.id for rule in each)) if each else exp.null() for each in held]
        ids.append(_looked_up(texts, column))
    columns = []
    for name, output in table.outputs.items():
        total = reduce(_plus, totals[name])
        if table.floor is not None:
            total = exp.Greatest(this=total, expressions=[exp.Literal.number(table.floor)], ignore_nulls=True)
        if table.cap is not None:
            total = exp.Least(this=total, expressions=[exp.Literal.number(table.cap)], ignore_nulls=True)
        columns.append(exp.alias_(exp.cast(total, output.sql_type), name))
    matched: exp.Expr = exp.Coalesce(this=ids[0], expressions=[exp.Literal.string("")])
    if len(ids) > 1:
        # skipping NULL is what the engines do; unless it is said, sqlglot makes the whole NULL
        matched = exp.ConcatWs(expressions=[exp.Literal.string(","), *ids], safe=True, coalesce=True)
    columns.append(exp.alias_(matched, table.rule_column))
    return CompiledTable(tuple(found), tuple(columns))


def _plus(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Add(this=left, expression=right)


def _looked_up(values: Iterable[exp.Expr], column: str) -> exp.Expr:
    """The value at the place, from 1, that `column` says, of a list of constants."""
    listed = exp.Array(expressions=list(values))
    return exp.Bracket(this=listed, expressions=[exp.column(column)], offset=1, safe=True)


def _literal(value: Value) -> exp.Expr:
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    return exp.Literal.string(value) if isinstance(value, str) else exp.Literal.number(f"{Decimal(value):f}")
