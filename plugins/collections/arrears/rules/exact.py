"""Conditions as z3 formulas: SQL's three-valued logic over numbers, dates, booleans, texts and NULL, without sampling.

Every value is a pair of a z3 term and "is NULL"; every condition is a pair of "is true" and "is false", and unknown is
neither. Texts are the codes of a finite alphabet that stands for all texts (`arrears.rules.exact_text`). Importing this
module loads z3: import it inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import z3
from sqlglot import exp

from arrears.rules.exact_text import Alphabet, like_matches
from arrears.rules.vocabulary import Kind, Word

Formula = Any
"""A z3 expression; z3 has no types of its own for mypy."""
Value = str | int | Decimal | bool | date | None


class UndecidedError(Exception):
    """A condition that cannot be put into formulas exactly; says why."""


@dataclass(frozen=True)
class Term:
    """A value that may be NULL: the number, code of a text, ordinal of a date, or boolean, and whether it is NULL."""

    kind: Kind
    value: Formula
    null: Formula


@dataclass(frozen=True)
class Truth:
    """A condition: whether it is true and whether it is false; with neither, it is unknown."""

    true: Formula
    false: Formula


class Encoder:
    """Puts expressions over named terms into formulas."""

    def __init__(self, terms: Mapping[str, Term], alphabet: Alphabet) -> None:
        self.terms = dict(terms)
        self.alphabet = alphabet

    def truth(self, node: exp.Expr) -> Truth:
        """The condition `node`; UndecidedError for what has no exact formula."""
        if isinstance(node, exp.Paren):
            return self.truth(node.this)
        if isinstance(node, exp.And):
            left, right = self.truth(node.left), self.truth(node.right)
            return Truth(z3.And(left.true, right.true), z3.Or(left.false, right.false))
        if isinstance(node, exp.Or):
            left, right = self.truth(node.left), self.truth(node.right)
            return Truth(z3.Or(left.true, right.true), z3.And(left.false, right.false))
        if isinstance(node, exp.Not):
            inner = self.truth(node.this)
            return Truth(inner.false, inner.true)
        if isinstance(node, exp.Boolean):
            return Truth(z3.BoolVal(bool(node.this)), z3.BoolVal(not node.this))
        if isinstance(node, exp.Null):
            return Truth(z3.BoolVal(False), z3.BoolVal(False))
        if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
            return _compared(type(node), self.term(node.left), self.term(node.right))
        if isinstance(node, exp.Between):
            value = self.term(node.this)
            low = _compared(exp.GTE, value, self.term(node.args["low"]))
            high = _compared(exp.LTE, value, self.term(node.args["high"]))
            return _negated(node, Truth(z3.And(low.true, high.true), z3.Or(low.false, high.false)))
        if isinstance(node, exp.In):
            value = self.term(node.this)
            each = [_compared(exp.EQ, value, self.term(other)) for other in node.expressions]
            return _negated(node, Truth(z3.Or(*(one.true for one in each)), z3.And(*(one.false for one in each))))
        if isinstance(node, exp.Like):
            return _negated(node, self._like(node))
        if isinstance(node, exp.Is):
            return _negated(node, self._is(node))
        term = self.term(node)
        return Truth(z3.And(z3.Not(term.null), term.value), z3.And(z3.Not(term.null), z3.Not(term.value)))

    def term(self, node: exp.Expr) -> Term:
        """The value that `node` gives; UndecidedError for what has no exact formula."""
        if isinstance(node, exp.Paren):
            return self.term(node.this)
        if isinstance(node, exp.Column):
            return self.terms[node.name]
        if isinstance(node, exp.Literal):
            if node.is_string:
                return self.constant(str(node.this))
            return self.constant(Decimal(str(node.this)))
        if isinstance(node, exp.Null):
            # its kind fits any other: the value is never looked at
            return Term("number", z3.IntVal(0), z3.BoolVal(True))
        if isinstance(node, exp.Cast):
            return self.constant(date.fromisoformat(str(node.this.this)))
        if isinstance(node, exp.Neg):
            inner = self.term(node.this)
            return Term("number", -inner.value, inner.null)
        if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
            return self._arithmetic(node)
        if isinstance(node, exp.Abs):
            inner = self.term(node.this)
            return Term("number", z3.If(inner.value >= 0, inner.value, -inner.value), inner.null)
        if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
            return self._combined(node)
        if isinstance(node, exp.Case):
            return self._case(node)
        truth = self.truth(node)
        return Term("boolean", truth.true, z3.And(z3.Not(truth.true), z3.Not(truth.false)))

    def constant(self, value: Value) -> Term:
        """A value as a term."""
        never = z3.BoolVal(False)
        if value is None:
            return Term("number", z3.IntVal(0), z3.BoolVal(True))
        if isinstance(value, bool):
            return Term("boolean", z3.BoolVal(value), never)
        if isinstance(value, str):
            return Term("text", z3.IntVal(self.alphabet.code(value)), never)
        if isinstance(value, date):
            return Term("date", z3.IntVal(value.toordinal()), never)
        number = Fraction(value)
        if number.denominator == 1:
            return Term("number", z3.IntVal(number.numerator), never)
        return Term("number", z3.Q(number.numerator, number.denominator), never)

    def _arithmetic(self, node: exp.Binary) -> Term:
        left, right = self.term(node.left), self.term(node.right)
        null = z3.Or(left.null, right.null)
        if isinstance(node, exp.Div):
            return Term("number", _real(left.value) / _real(right.value), null)
        a, b = _alike(left.value, right.value)
        value = a + b if isinstance(node, exp.Add) else a - b if isinstance(node, exp.Sub) else a * b
        return Term("number", value, null)

    def _combined(self, node: exp.Coalesce | exp.Greatest | exp.Least) -> Term:
        # all three pass over NULLs; NULL alone gives NULL
        terms = [self.term(each) for each in (node.this, *node.expressions)]
        result = terms[0]
        for each in terms[1:]:
            kind = result.kind if not z3.is_true(z3.simplify(result.null)) else each.kind
            if kind == "boolean":
                a, b = _boolean(result), _boolean(each)
            else:
                a, b = _alike(_number(result), _number(each))
            if isinstance(node, exp.Coalesce):
                chosen = z3.If(result.null, b, a)
            elif kind == "boolean":
                raise UndecidedError("GREATEST and LEAST over booleans")
            else:
                better = b > a if isinstance(node, exp.Greatest) else b < a
                chosen = z3.If(z3.Or(result.null, z3.And(z3.Not(each.null), better)), b, a)
            result = Term(kind, chosen, z3.And(result.null, each.null))
        return result

    def _case(self, node: exp.Case) -> Term:
        default = node.args.get("default")
        result = self.constant(None) if default is None else self.term(default)
        for branch in reversed(node.args["ifs"]):
            result = either(self.truth(branch.this).true, self.term(branch.args["true"]), result)
        return result

    def _like(self, node: exp.Like) -> Truth:
        value, pattern = self.term(node.this), node.expression
        if isinstance(pattern, exp.Null):
            return Truth(z3.BoolVal(False), z3.BoolVal(False))
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            raise UndecidedError("LIKE with a pattern that is not a constant")
        text = str(pattern.this)
        if "\\" in text:
            raise UndecidedError("LIKE with a backslash, which engines read differently")
        if text in self.alphabet.undecided:
            raise UndecidedError(f"LIKE {text!r}")
        codes = [code for code, each in enumerate(self.alphabet.texts) if like_matches(each, text)]
        matches = z3.Or(*(value.value == code for code in codes))
        known = z3.Not(value.null)
        return Truth(z3.And(known, matches), z3.And(known, z3.Not(matches)))

    def _is(self, node: exp.Is) -> Truth:
        if isinstance(node.expression, exp.Null):
            null = self.term(node.this).null
            return Truth(null, z3.Not(null))
        inner = self.truth(node.this)
        holds = inner.true if node.expression.this else inner.false
        return Truth(holds, z3.Not(holds))


def variable(name: str, word: Word, alphabet: Alphabet) -> tuple[Term, list[Formula]]:
    """A free term for a word, and what its type and its declared values say of it."""
    null = z3.Bool(f"{name} is null") if word.nullable else z3.BoolVal(False)
    if word.type == "boolean":
        return Term("boolean", z3.Bool(name), null), []
    if word.type == "text":
        code = z3.Int(name)
        allowed = z3.Or(*(code == each for each in alphabet.codes(name)))
        return Term("text", code, null), [allowed]
    if word.type == "date":
        day = z3.Int(name)
        return Term("date", day, null), [day >= date.min.toordinal(), day <= date.max.toordinal()]
    if word.decimals is None:
        return Term("number", z3.Real(name), null), []
    units = z3.Int(name)
    if word.decimals == 0:
        return Term("number", units, null), []
    return Term("number", z3.ToReal(units) / z3.Q(10**word.decimals, 1), null), []


def either(condition: Formula, yes: Term, no: Term) -> Term:
    """`yes` where the condition holds, else `no`; a constant NULL takes the other's kind."""
    kind = no.kind if z3.is_true(yes.null) else yes.kind
    if kind == "boolean":
        a, b = _boolean(yes), _boolean(no)
    else:
        a, b = _alike(_number(yes), _number(no))
    return Term(kind, z3.If(condition, a, b), z3.If(condition, yes.null, no.null))


def total(parts: Iterable[Term]) -> Formula:
    """The sum of numbers that are never NULL."""
    result: Formula = z3.IntVal(0)
    for part in parts:
        a, b = _alike(result, part.value)
        result = a + b
    return result


def differs(left: Term, right: Term) -> Formula:
    """Whether two terms are different values; two NULLs are not."""
    if left.kind == "boolean" or right.kind == "boolean":
        a, b = _boolean(left), _boolean(right)
    else:
        a, b = _alike(_number(left), _number(right))
    return z3.Or(left.null != right.null, z3.And(z3.Not(left.null), a != b))


def equals(term: Term, value: Term) -> Formula:
    """Whether a term is a certain value, NULL included."""
    return z3.Not(differs(term, value))


def read(model: Any, term: Term, word: Word | None, alphabet: Alphabet) -> Value:
    """The value of a term in a model of z3's."""
    if z3.is_true(model.eval(term.null, model_completion=True)):
        return None
    value = model.eval(term.value, model_completion=True)
    if term.kind == "boolean":
        return bool(z3.is_true(value))
    if term.kind == "text":
        code: int = value.as_long()
        return alphabet.texts[code]
    if term.kind == "date":
        return date.fromordinal(value.as_long())
    if z3.is_algebraic_value(value):
        value = value.approx(9)
    number: Fraction = Fraction(value.as_long()) if z3.is_int_value(value) else Fraction(value.as_fraction())
    if number.denominator == 1 and (word is None or not word.decimals):
        return int(number)
    digits = 9 if word is None or word.decimals is None else word.decimals
    # nine digits at most: what they cut off is caught when the example is tried on the tables
    scaled: int = round(number * 10**digits)
    shown = Decimal(scaled).scaleb(-digits)
    return shown if word is not None and word.decimals else _short(shown)


def divisors(node: exp.Expr) -> list[exp.Expr]:
    """What an expression divides by."""
    return [each.expression for each in node.find_all(exp.Div)]


def rounds(node: exp.Expr, words: Mapping[str, Word]) -> bool:
    """Whether engines round when they compute the expression: it divides, or reckons with numbers of any digits."""
    if node.find(exp.Div):
        return True
    return any(
        (word := words.get(column.name)) is not None and word.type == "number" and word.decimals is None
        for arithmetic in node.find_all(exp.Add, exp.Sub, exp.Mul)
        for column in arithmetic.find_all(exp.Column)
    )


def conjuncts(node: exp.Expr) -> Sequence[exp.Expr]:
    """The parts that an AND at the top of a condition joins."""
    if isinstance(node, exp.Paren):
        inner = conjuncts(node.this)
        return inner if len(inner) > 1 else [node]
    if isinstance(node, exp.And):
        return [*conjuncts(node.left), *conjuncts(node.right)]
    return [node]


def _negated(node: exp.Expr, truth: Truth) -> Truth:
    # sqlglot writes NOT LIKE into the node itself
    return Truth(truth.false, truth.true) if node.args.get("negate") else truth


def _compared(operator: type[exp.Expr], left: Term, right: Term) -> Truth:
    known = z3.And(z3.Not(left.null), z3.Not(right.null))
    holds: dict[type[exp.Expr], Formula]
    if "boolean" in (left.kind, right.kind):
        a, b = _boolean(left), _boolean(right)
        # FALSE is less than TRUE
        less, more = z3.And(z3.Not(a), b), z3.And(a, z3.Not(b))
        holds = {
            exp.EQ: a == b,
            exp.NEQ: a != b,
            exp.LT: less,
            exp.GT: more,
            exp.LTE: z3.Not(more),
            exp.GTE: z3.Not(less),
        }
    else:
        a, b = _alike(left.value, right.value)
        holds = {
            exp.EQ: a == b,
            exp.NEQ: a != b,
            exp.LT: a < b,
            exp.GT: a > b,
            exp.LTE: a <= b,
            exp.GTE: a >= b,
        }
    return Truth(z3.And(known, holds[operator]), z3.And(known, z3.Not(holds[operator])))


def _boolean(term: Term) -> Formula:
    return term.value if term.kind == "boolean" else z3.BoolVal(False)


def _number(term: Term) -> Formula:
    return z3.IntVal(0) if term.kind == "boolean" else term.value


def _alike(left: Formula, right: Formula) -> tuple[Formula, Formula]:
    if z3.is_int(left) and z3.is_int(right):
        return left, right
    return _real(left), _real(right)


def _real(value: Formula) -> Formula:
    return z3.ToReal(value) if z3.is_int(value) else value


def _short(number: Decimal) -> Decimal | int:
    short = number.normalize()
    return int(short) if short == short.to_integral_value() else short
