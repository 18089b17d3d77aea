"""A finite alphabet that stands for all texts: enough of them that conditions cannot tell the rest apart.

Conditions compare texts with constants, with each other, and with LIKE patterns. Texts that all these comparisons
answer alike are one region, so a few representatives of each region decide as well as all texts would. The texts are
numbered in their order, so that codes compare as the texts do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, product

from sqlglot import exp

from arrears.rules.vocabulary import Word

_ORDERED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Greatest, exp.Least)
_COMPARED = (exp.EQ, exp.NEQ, exp.In, exp.Coalesce, *_ORDERED)
_WITH_TEXTS = (exp.Paren, exp.Case, exp.If, *_COMPARED)
_MOST_PATTERNS = 6
_PATIENCE_MS = 2_000


@dataclass(frozen=True)
class Alphabet:
    """The representatives, sorted, and which of them each word may be."""

    texts: tuple[str, ...]
    allowed: Mapping[str, frozenset[str]]
    undecided: frozenset[str] = frozenset()
    """LIKE patterns for which no representatives were found in time."""

    def code(self, text: str) -> int:
        """The number of a text; codes are ordered as texts are."""
        return self.texts.index(text)

    def codes(self, word: str) -> list[int]:
        """The numbers of the texts that a word may be."""
        return [code for code, text in enumerate(self.texts) if text in self.allowed[word]]


@dataclass
class _Group:
    """Words that are compared with each other, and what they are compared with."""

    free: set[str] = field(default_factory=set)
    constants: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    ordered: bool = False

    def take(self, other: _Group) -> None:
        self.free |= other.free
        self.constants |= other.constants
        self.patterns |= other.patterns
        self.ordered |= other.ordered


def make_alphabet(words: Mapping[str, Word], conditions: Iterable[exp.Expr], texts: Iterable[str] = ()) -> Alphabet:
    """The alphabet for `conditions` over `words`; `texts` are further constants, such as what rules give."""
    groups = {name: _group(name, word) for name, word in words.items() if word.type == "text"}
    constants = set(texts)
    for condition in conditions:
        for node in condition.walk():
            if isinstance(node, exp.Literal) and node.is_string:
                constants.add(str(node.this))
            if isinstance(node, exp.Like):
                _join(groups, node.this, _pattern(node))
            elif isinstance(node, _COMPARED):
                ordered = _Group(ordered=isinstance(node, _ORDERED))
                operands = [each for each in node.iter_expressions() if each is not node.this]
                _join(groups, node, *(_constant(each) for each in (node.this, *operands)), ordered)
    allowed: dict[str, frozenset[str]] = {}
    undecided: set[str] = set()
    for group in {id(group): group for group in groups.values()}.values():
        others, failed = _representatives(group)
        undecided |= failed
        for name in (name for name, each in groups.items() if each is group):
            declared = words[name].values
            allowed[name] = frozenset(declared) if declared else frozenset(group.constants | others)
        constants |= group.constants | others
    return Alphabet(tuple(sorted(constants)), allowed, frozenset(undecided))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(each, re.escape(each)) for each in pattern), re.DOTALL)


def like_matches(text: str, pattern: str) -> bool:
    """Whether SQL's LIKE without an escape character matches."""
    return _expression(pattern).fullmatch(text) is not None


def _group(name: str, word: Word) -> _Group:
    return _Group(constants=set(word.values)) if word.values else _Group(free={name})


def _pattern(node: exp.Like) -> _Group:
    pattern = node.expression
    is_text = isinstance(pattern, exp.Literal) and pattern.is_string
    return _Group(patterns={str(pattern.this)}) if is_text else _Group()


def _constant(node: exp.Expr | None) -> _Group:
    is_text = isinstance(node, exp.Literal) and node.is_string
    return _Group(constants={str(node.this)}) if node is not None and is_text else _Group()


def _join(groups: dict[str, _Group], node: exp.Expr, *further: _Group) -> None:
    names = [column.name for column in _columns(node) if column.name in groups]
    if not names:
        return
    joined = groups[names[0]]
    for name in names[1:]:
        other = groups[name]
        if other is not joined:
            joined.take(other)
            for word in [word for word, group in groups.items() if group is other]:
                groups[word] = joined
    for group in further:
        joined.take(group)


def _columns(node: exp.Expr) -> Iterator[exp.Column]:
    """The columns whose text an expression gives or compares; not those of conditions inside it."""
    if isinstance(node, exp.Column):
        yield node
    elif isinstance(node, _WITH_TEXTS):
        for child in node.iter_expressions():
            if not isinstance(child, exp.Predicate | exp.Connector | exp.Not):
                yield from _columns(child)


def _representatives(group: _Group) -> tuple[set[str], set[str]]:
    """Texts besides the constants, one of each region and word that is free; patterns for which none were found."""
    if not group.free:
        return set(), set()
    count = len(group.free)
    if not group.patterns and not group.ordered:
        return set(_plain(group.constants, count)), set()
    if len(group.patterns) > _MOST_PATTERNS:
        return set(_plain(group.constants, count)), set(group.patterns)
    found: set[str] = set()
    failed: set[str] = set()
    patterns = sorted(group.patterns)
    constants = sorted(group.constants)
    bounds: list[tuple[str | None, str | None]] = [(None, None)]
    if group.ordered and constants:
        bounds = [(None, constants[0]), *pairwise(constants), (constants[-1], None)]
    for low, high in bounds:
        for signs in product((True, False), repeat=len(patterns)):
            texts = _witnesses(tuple(zip(patterns, signs, strict=True)), low, high, frozenset(constants), count)
            if texts is None:
                failed |= group.patterns
            else:
                found.update(texts)
    return found or set(_plain(group.constants, count)), failed


def _plain(constants: set[str], count: int) -> Iterator[str]:
    number = 0
    while count:
        text = "other" if number == 0 else f"other {number + 1}"
        number += 1
        if text not in constants:
            count -= 1
            yield text


@cache
def _witnesses(
    signs: tuple[tuple[str, bool], ...], low: str | None, high: str | None, besides: frozenset[str], count: int
) -> tuple[str, ...] | None:
    """Up to `count` texts between `low` and `high` that match the patterns as `signs` says; None: not decided."""
    import z3

    text = z3.String("text")
    solver = z3.Solver()
    solver.set("timeout", _PATIENCE_MS)
    any_character = z3.AllChar(z3.ReSort(z3.StringSort()))
    for pattern, sign in signs:
        parts = [
            z3.Star(any_character) if each == "%" else any_character if each == "_" else z3.Re(z3.StringVal(each))
            for each in pattern
        ] or [z3.Re(z3.StringVal(""))]
        matches = z3.InRe(text, parts[0] if len(parts) == 1 else z3.Concat(*parts))
        solver.add(matches if sign else z3.Not(matches))
    if low is not None:
        solver.add(z3.StringVal(low) < text)
    if high is not None:
        solver.add(text < z3.StringVal(high))
    for each in sorted(besides):
        solver.add(text != z3.StringVal(each))
    readable = z3.InRe(text, z3.Star(z3.Range("!", "~")))
    found: list[str] = []
    while len(found) < count:
        answer = solver.check(readable)
        if answer != z3.sat:
            answer = solver.check()
        if answer == z3.unknown:
            return None
        if answer == z3.unsat:
            break
        witness = _unescaped(solver.model().eval(text, model_completion=True).as_string())
        found.append(witness)
        solver.add(text != z3.StringVal(witness))
    return tuple(found)


def _unescaped(text: str) -> str:
    # z3 writes characters outside of ASCII as \u{hex}
    return re.sub(r"\\u\{([0-9a-fA-F]+)\}", lambda match: chr(int(match.group(1), 16)), text)
