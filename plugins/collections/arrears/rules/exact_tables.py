"""What can be proven of decision tables: rules that never match or never decide, cases without a rule, overlaps.

All tables are put into one z3 solver, in the order in which they are applied: a column that a table makes is what its
rules give, so a later table is judged by the values that can really come. Facts (`vocabulary.yaml`, brackets) hold for
every case. An answer is a proof, or an example case, or "not decided".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import z3
from sqlglot import exp

from arrears.rules import exact
from arrears.rules.conditions import as_written, words_read
from arrears.rules.decision_table import DecisionTable
from arrears.rules.exact import Formula, Term, Truth, UndecidedError, Value
from arrears.rules.exact_text import make_alphabet
from arrears.rules.vocabulary import Word

_PATIENCE_MS = 5_000
_MOST_TRIES = 8
_SOME_DAY = date(2026, 1, 1)
"""What an example has for a date that no condition names."""

Example = dict[str, Value]


@dataclass(frozen=True)
class Fact:
    """What holds for every case: never false."""

    condition: exp.Expr
    where: str
    """File and line that say so."""

    def __str__(self) -> str:
        return as_written(self.condition)


@dataclass(frozen=True)
class Layer:
    """A table with its parsed conditions; None for a condition that is wrong."""

    table: DecisionTable
    conditions: tuple[exp.Expr | None, ...]

    def reads(self) -> set[str]:
        """The words that the conditions read."""
        return {name for each in self.conditions if each is not None for name in words_read(each)}


@dataclass(frozen=True)
class Undecided:
    """A question that has no exact answer, and why."""

    reason: str


@dataclass(frozen=True)
class Never:
    """A condition that no case meets: the parts that exclude each other, and the facts that they contradict."""

    parts: tuple[str, ...]
    facts: tuple[Fact, ...]
    dropped: str | None
    """The part without which there are cases."""
    nearest: Example | None
    """Such a case."""


@dataclass(frozen=True)
class Shadowed:
    """A rule that matches cases but never decides one."""

    by: tuple[int, ...]
    """Positions of the earlier rules that take all of its cases."""
    example: Example


class Reasoner:
    """Answers questions about a chain of tables."""

    def __init__(
        self,
        words: Mapping[str, Word],
        facts: Sequence[Fact],
        computed: Sequence[tuple[str, exp.Expr]],
        layers: Sequence[Layer],
    ) -> None:
        """`words`: what cases come with; `computed`: columns that are expressions of them; `layers`: the tables."""
        self.layers = tuple(layers)
        self._computed = tuple(computed)
        made = {name: word for layer in layers for name, word in _made(layer).items()}
        made_names = {*made, *(name for name, _ in computed)}
        self.words: dict[str, Word] = {**words, **made}
        self._base = {name: word for name, word in words.items() if name not in made_names}
        conditions = [
            *(fact.condition for fact in facts),
            *(expression for _, expression in computed),
            *(each for layer in layers for each in layer.conditions if each is not None),
        ]
        self._alphabet = make_alphabet(self.words, conditions, _given(layers))
        self._candidates = _candidates(conditions, self._base, self._alphabet.allowed)
        self._inputs = self._reads_of_columns()
        self.solver = z3.Solver()
        self.solver.set("timeout", _PATIENCE_MS)
        self._trackers: dict[Any, Fact] = {}
        self._parts: dict[str, Formula] = {}
        self.undecided: dict[tuple[int, int], str] = {}
        base: dict[str, Term] = {}
        for name, word in self._base.items():
            base[name], constraints = exact.variable(name, word, self._alphabet)
            self.solver.add(*constraints)
        self.encoder = exact.Encoder(base, self._alphabet)
        self._matches = self._encode_chain(self.encoder)
        for fact in facts:
            try:
                holds = z3.Not(self.encoder.truth(fact.condition).false)
            except UndecidedError:
                continue
            tracker = z3.Bool(f"fact {len(self._trackers)}")
            self.solver.add(z3.Implies(tracker, holds))
            self._trackers[tracker] = fact
        self._fact_list = list(self._trackers)
        self._fires = [
            [self._named(f"rule {number}.{position}", truth.true) for position, truth in enumerate(truths)]
            for number, truths in enumerate(self._matches)
        ]
        self._uncertain = self._uncertain_columns()

    # questions

    def contradictory_facts(self) -> tuple[Fact, ...]:
        """Facts that no case meets together; empty when there are cases at all."""
        if self._check() != z3.unsat:
            return ()
        return tuple(self._trackers[each] for each in self._core([], self._fact_list))

    def never(self, layer: int, rule: int) -> Never | Undecided | None:
        """Why no case can match a rule; None when some can."""
        answer = self._check(self._fires[layer][rule])
        if answer == z3.sat:
            return None
        if answer == z3.unknown:
            return Undecided("the condition is too hard to decide")
        condition = self.layers[layer].conditions[rule]
        if condition is None or (layer, rule) in self.undecided:
            return None
        parts = {self._part(each): each for each in exact.conjuncts(condition)}
        core = self._core(list(parts), self._fact_list)
        facts = tuple(self._trackers[each] for each in core if each in self._trackers)
        involved = [each for each in parts if each in core] or list(parts)
        dropped, nearest = None, None
        for each in reversed(involved):
            rest = [other for other in parts if other is not each]
            if self._check(*rest) == z3.sat:
                dropped = as_written(parts[each])
                nearest = self.example(words_read(condition), rest)
                break
        return Never(tuple(as_written(parts[each]) for each in involved), facts, dropped, nearest)

    def decided(self, layer: int, rule: int | None) -> Example | Undecided | None:
        """A case, by all the words that it comes with, which a rule of a table of hit `first` decides; None if none.

        Without a rule: a case that the default decides.
        """
        fires = self._fires[layer]
        position = len(fires) if rule is None else rule
        question = [z3.Not(each) for each in fires[:position]] + ([] if rule is None else [fires[rule]])
        answer = self._check(*question)
        if answer == z3.sat:
            return self.example(self._base, question)
        return None if answer == z3.unsat else Undecided("too hard to decide")

    def shadowed(self, layer: int, rule: int) -> Shadowed | Undecided | None:
        """Which earlier rules take all cases of a rule; None when it decides some, or matches none at all."""
        fires = self._fires[layer]
        earlier = {z3.Not(each): position for position, each in enumerate(fires[:rule])}
        if not earlier:
            return None
        answer = self._check(fires[rule], *earlier)
        if answer == z3.sat:
            return None
        if answer == z3.unknown:
            return Undecided("whether earlier rules take all of its cases is too hard to decide")
        if self._check(fires[rule]) != z3.sat:
            return None
        core = self._core(list(earlier), [fires[rule], *self._fact_list])
        by = tuple(sorted(position for literal, position in earlier.items() if _among(literal, core)))
        conditions = self.layers[layer].conditions
        read = {name for each in (rule, *by) if (node := conditions[each]) is not None for name in words_read(node)}
        return Shadowed(by, self.example(read, [fires[rule]]))

    def unmatched(self, layer: int) -> Example | Undecided | None:
        """A case that no rule of a table matches; None when every case has one."""
        misses = [z3.Not(each) for each in self._fires[layer]]
        answer = self._check(*misses)
        if answer == z3.unsat:
            return None
        if answer == z3.unknown:
            return Undecided("whether its rules match every case is too hard to decide")
        if self.is_uncertain(layer):
            return Undecided("a condition that it builds on is not decided")
        return self.example(self.layers[layer].reads(), misses)

    def both(self, layer: int, first: int, second: int) -> Example | Undecided | None:
        """A case that two rules of a table match; None when there is none."""
        together = [self._fires[layer][first], self._fires[layer][second]]
        answer = self._check(*together)
        if answer == z3.unsat:
            return None
        if answer == z3.unknown:
            return Undecided("whether two rules overlap is too hard to decide")
        conditions = [self.layers[layer].conditions[each] for each in (first, second)]
        if any(node is None or self._is_uncertain(node) for node in conditions):
            return Undecided("a condition that it builds on is not decided")
        return self.example({name for node in conditions if node is not None for name in words_read(node)}, together)

    def changes_nothing(self, layer: int, rule: int) -> bool:
        """Whether a table of hit `first` gives the same without the rule, for every case."""
        table, fires = self.layers[layer].table, self._fires[layer]
        result = table.rules[rule].then
        same: Formula = z3.BoolVal(table.default == result)
        for position in range(len(fires) - 1, rule, -1):
            same = z3.If(fires[position], z3.BoolVal(table.rules[position].then == result), same)
        return bool(self._check(fires[rule], *(z3.Not(each) for each in fires[:rule]), z3.Not(same)) == z3.unsat)

    def matched(self, layer: int, rules: Sequence[int], words: Iterable[str]) -> tuple[int, Example] | None:
        """One of `rules` and a case that it matches, by what it reads and by those of `words` that it comes from.

        Where there is one, it is a case that the rule would not match if `words` were not known (NULL). None if no case
        is found.
        """
        hidden = set(words)
        _, without = self._without(hidden)
        questions: list[tuple[int, exp.Expr, list[Formula]]] = []
        for rule in rules:
            condition = self.layers[layer].conditions[rule]
            if condition is not None and (layer, rule) not in self.undecided and not self._is_uncertain(condition):
                fires = self._fires[layer][rule]
                questions.append((rule, condition, [fires, z3.Not(without[layer][rule].true)]))
        questions += [(rule, condition, question[:1]) for rule, condition, question in questions]
        for rule, condition, question in questions:
            if self._check(*question) == z3.sat:
                read = words_read(condition)
                return rule, self.example({*read, *(name for name in self._base_of(read) if name in hidden)}, question)
        return None

    def zero(self, divisor: exp.Expr, reads: Iterable[str]) -> Example | Undecided | None:
        """A case in which an expression is 0; None when there is none."""
        try:
            term = self.encoder.term(divisor)
        except (UndecidedError, KeyError):
            return Undecided("the divisor cannot be put into a formula")
        question = z3.And(z3.Not(term.null), term.value == 0)
        answer = self._check(question)
        if answer == z3.unsat:
            return None
        return self.example(reads, [question]) if answer == z3.sat else Undecided("whether it can be 0 is too hard")

    def higher_than_without(self, words: Iterable[str], columns: Sequence[str]) -> tuple[Example, Example] | None:
        """A case for which one of `columns` (numbers) is higher than if `words` were not known (NULL), and that result.

        The first of the two is the case with its columns, the second the columns without the words.
        """
        hidden = set(words)
        other, _ = self._without(hidden)
        higher = z3.Or(
            *(
                z3.And(z3.Not(self.encoder.terms[name].null), self.encoder.terms[name].value > other.terms[name].value)
                for name in columns
            )
        )
        if self._check(higher) != z3.sat or any(name in self._uncertain for name in columns):
            return None
        fixed = self._nice(self._base_of([*hidden, *columns]), [higher])
        self._check(*fixed)
        model = self.solver.model()
        shown = sorted({*hidden, *columns})
        without = {name: exact.read(model, other.terms[name], self.words.get(name), self._alphabet) for name in columns}
        return self._read(model, shown), without

    def is_uncertain(self, layer: int) -> bool:
        """Whether a table reads a condition that is wrong or not decided, itself or by way of earlier tables."""
        conditions = self.layers[layer].conditions
        return any(
            node is None or (layer, position) in self.undecided or self._is_uncertain(node)
            for position, node in enumerate(conditions)
        )

    def example(self, shown: Iterable[str], assumptions: Sequence[Formula]) -> Example:
        """A case that meets the assumptions, as plain as there is, by the words `shown`."""
        names = sorted(set(shown))
        fixed = self._nice(self._base_of(names), assumptions)
        self._check(*fixed)
        return self._read(self.solver.model(), names)

    # encoding

    def _encode_chain(self, encoder: exact.Encoder) -> list[list[Truth]]:
        free = z3.FreshBool
        for name, expression in self._computed:
            try:
                encoder.terms[name] = encoder.term(expression)
            except (UndecidedError, KeyError):
                encoder.terms[name], constraints = exact.variable(name, self.words[name], self._alphabet)
                self.solver.add(*constraints)
        matches: list[list[Truth]] = []
        for number, layer in enumerate(self.layers):
            truths: list[Truth] = []
            for position, condition in enumerate(layer.conditions):
                try:
                    if condition is None:
                        raise UndecidedError("the condition is wrong")
                    truths.append(encoder.truth(condition))
                except UndecidedError as why:
                    self.undecided[number, position] = str(why)
                    truths.append(Truth(free(), z3.BoolVal(False)))
            matches.append(truths)
            for name in layer.table.outputs:
                encoder.terms[name] = self._column(encoder, layer.table, name, truths)
        return matches

    def _without(self, words: Collection[str]) -> tuple[exact.Encoder, list[list[Truth]]]:
        """The chain for the same case if `words` were not known: its encoder, and which rules match."""
        base = {
            name: Term(term.kind, term.value, z3.BoolVal(True)) if name in words else term
            for name, term in self.encoder.terms.items()
            if name in self._base
        }
        other = exact.Encoder(base, self._alphabet)
        return other, self._encode_chain(other)

    def _column(self, encoder: exact.Encoder, table: DecisionTable, name: str, truths: Sequence[Truth]) -> Term:
        default = encoder.constant(None if table.default is None else table.default[name])
        values = [encoder.constant(rule.then[name]) for rule in table.rules]
        if table.hit == "first":
            result = default
            for truth, value in zip(reversed(truths), reversed(values), strict=True):
                result = exact.either(truth.true, value, result)
            return result
        zero = encoder.constant(0)
        parts = [exact.either(truth.true, value, zero) for truth, value in zip(truths, values, strict=True)]
        amount = exact.total([default, *parts])
        if table.floor is not None:
            amount = z3.If(amount < table.floor, z3.IntVal(table.floor), amount)
        if table.cap is not None:
            amount = z3.If(amount > table.cap, z3.IntVal(table.cap), amount)
        return Term("number", amount, z3.BoolVal(False))

    def _named(self, name: str, formula: Formula) -> Formula:
        literal = z3.Bool(name)
        self.solver.add(literal == formula)
        return literal

    def _part(self, node: exp.Expr) -> Formula:
        text = as_written(node)
        if text not in self._parts:
            self._parts[text] = self._named(f"part {text}", self.encoder.truth(node).true)
        return self._parts[text]

    # answers

    def _check(self, *assumptions: Formula) -> Any:
        return self.solver.check(*self._fact_list, *assumptions)

    def _core(self, first: list[Formula], then: list[Formula]) -> list[Formula]:
        """A smallest set of assumptions that contradict each other; those of `first` are kept rather than of `then`."""
        kept = [*first, *then]
        for each in [*reversed(then), *reversed(first)]:
            without = [other for other in kept if other is not each]
            if self.solver.check(*without) == z3.unsat:
                kept = without
        return kept

    def _reads_of_columns(self) -> dict[str, set[str]]:
        reads = {name: set(words_read(expression)) for name, expression in self._computed}
        for layer in self.layers:
            for name in layer.table.outputs:
                reads[name] = layer.reads()
        return reads

    def _base_of(self, names: Iterable[str]) -> list[str]:
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += self._inputs.get(name, ())
        return [name for name in self._base if name in seen]

    def _uncertain_columns(self) -> set[str]:
        uncertain: set[str] = set()
        self._uncertain = uncertain
        for number, layer in enumerate(self.layers):
            if self.is_uncertain(number):
                uncertain |= set(layer.table.outputs)
        return uncertain

    def _is_uncertain(self, node: exp.Expr) -> bool:
        return any(name in self._uncertain for name in words_read(node))

    def _nice(self, names: Sequence[str], assumptions: Sequence[Formula]) -> list[Formula]:
        """Assumptions with words fixed to plain values, as far as there are cases with them."""
        fixed = list(assumptions)
        for name in names:
            term = self.encoder.terms[name]
            tries = [exact.equals(term, self.encoder.constant(value)) for value in self._candidates.get(name, ())]
            tries += [z3.Not(term.null)] if self._base[name].nullable else []
            for wish in tries:
                if self._check(*fixed, wish) == z3.sat:
                    fixed.append(wish)
                    break
        return fixed

    def _read(self, model: Any, names: Iterable[str]) -> Example:
        return {
            name: exact.read(model, self.encoder.terms[name], self.words.get(name), self._alphabet) for name in names
        }


def _made(layer: Layer) -> dict[str, Word]:
    """The words that a table makes; texts by the values that its rules give."""
    table = layer.table
    made: dict[str, Word] = {}
    for name, output in table.outputs.items():
        results = [rule.then for rule in table.rules] + ([] if table.default is None else [table.default])
        given = [value for each in results if isinstance(value := each[name], str)]
        decimals = output.decimals if output.type == "number" else None
        texts = tuple(dict.fromkeys(given))
        made[name] = Word(type=output.type, meaning=output.meaning, values=texts, decimals=decimals)
    return made


def _given(layers: Sequence[Layer]) -> set[str]:
    return {value for layer in layers for word in _made(layer).values() for value in word.values}


def _among(literal: Formula, core: Sequence[Formula]) -> bool:
    return any(literal is each for each in core)


def _candidates(
    conditions: Sequence[exp.Expr], words: Mapping[str, Word], allowed: Mapping[str, frozenset[str]]
) -> dict[str, list[Value]]:
    """Plain values to try for each word: what conditions compare it with, and the next ones on both sides."""
    numbers: dict[str, set[Decimal]] = {}
    days: dict[str, set[date]] = {}
    for condition in conditions:
        for node in condition.find_all(exp.Predicate):
            literals = [
                -Decimal(str(each.this)) if isinstance(each.parent, exp.Neg) else Decimal(str(each.this))
                for each in node.find_all(exp.Literal)
                if not each.is_string
            ]
            dated = [date.fromisoformat(each.this.name) for each in node.find_all(exp.Cast)]
            for column in node.find_all(exp.Column):
                numbers.setdefault(column.name, set()).update(literals)
                days.setdefault(column.name, set()).update(dated)
    result: dict[str, list[Value]] = {}
    for name, word in words.items():
        if word.type == "boolean":
            result[name] = [False, True]
        elif word.type == "text":
            result[name] = [*(word.values or sorted(allowed[name]))][:_MOST_TRIES]
        elif word.type == "date":
            between = sorted(days.get(name, set()))
            beside = [each + timedelta(days=by) for by in (1, -1) for each in between if date.min < each < date.max]
            tried: list[Value] = [*dict.fromkeys([*between, *beside, _SOME_DAY])]
            result[name] = tried[: 4 * _MOST_TRIES]
        elif word.type == "number":
            step = Decimal(1).scaleb(-(word.decimals or 0))
            found = sorted(numbers.get(name, set()))
            values = [*found, *(each + step for each in found), *(each - step for each in found)]
            plain = dict.fromkeys([*values, Decimal(0), Decimal(1)])
            result[name] = [_plain(each) for each in plain][: 4 * _MOST_TRIES]
    return result


def _plain(number: Decimal) -> Value:
    return int(number) if number == number.to_integral_value() else number
