"""What the compiled decision tables do with every kind of case: the matrix of ageing, balance and scores.

The tables run in DuckDB over a grid of facts: all values of texts and flags, and numbers below, on and above every edge
that a condition names. Nothing is evaluated a second way, so the matrix cannot say anything else than the rules do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from arrears.docs.plain_words import name, number, one_of
from arrears.engines.duckdb import DuckDBEngine
from arrears.rules.conditions import parse_condition, words_read
from arrears.rules.decision_table import DecisionTable, compile_table
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.ageing import bucket_rows, stop_hold_rows
from arrears.strategy.compile import Strategy
from arrears.strategy.experiment_arms import armed_vocabulary

AXES = ("bucket_no", "balance_tier", "score_view")
MADE = ("segment", "treatment", "intensity", "placement", "channels", "queue")
ARM = "arm_"
"""How the words begin that say in which arm of an experiment a case is."""
_OPEN_END = 1000
"""How far a range without an end is looked into."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What can happen in a cell, and when; no words for what happens otherwise, or always."""

    result: tuple[Any, ...]
    when: str


@dataclass(frozen=True)
class Grid:
    """All kinds of cases with what the tables make of them."""

    rows: Sequence[Row]
    words: tuple[str, ...]
    """The columns, besides the axes, that segment and treatment are decided by."""
    treatment_words: tuple[str, ...]
    """Those that decide the treatment of a segment."""
    always: Mapping[str, tuple[Any, ...]]
    """What is done whatever else is the case: in words, and the treatment."""

    def outcomes(
        self, cell: Mapping[str, Any], result: Sequence[str], by: Sequence[str] | None = None
    ) -> list[Outcome]:
        """What can happen to the cases of a cell, told by the words `by` (default: all that are free in it).

        What is simplest to say comes first; the last one has no words, since it happens otherwise. Empty when there
        are no such cases.
        """
        rows = [row for row in self.rows if all(row[axis] == value for axis, value in cell.items())]
        free = [word for word in ((*AXES, *self.words) if by is None else by) if word not in cell]
        cases: dict[tuple[Any, ...], set[tuple[Any, ...]]] = defaultdict(set)
        for row in rows:
            cases[tuple(row[word] for word in free)].add(tuple(row[column] for column in result))
        kinds: dict[tuple[Any, ...], list[_Term]] = defaultdict(list)
        for values, results in cases.items():
            for each in results:
                kinds[each].append(dict(zip(free, (frozenset([value]) for value in values), strict=True)))
        domain = {word: frozenset(values[place] for values in cases) for place, word in enumerate(free)}
        terms = {kind: _merged(each, domain) for kind, each in kinds.items()}
        simplest = sorted(terms, key=lambda kind: (_length(terms[kind]), len(kinds[kind]), str(kind)))
        return [*(Outcome(kind, _said(terms[kind], domain)) for kind in simplest[:-1])] + [
            Outcome(kind, "") for kind in simplest[-1:]
        ]


_Term = dict[str, frozenset[Any]]


def treatment_grid(strategy: Strategy) -> Grid:
    """Runs all tables of `strategy`, but for the order of work, over the grid of facts."""
    tables = [placed.table for placed in strategy.tables if "priority" not in placed.table.outputs]
    vocabulary = armed_vocabulary(strategy.vocabulary, strategy.experiments)
    reads = [_reads(table, armed) for table, armed in _with_vocabularies(tables, vocabulary)]
    known = {word for table in tables for word in table.outputs}
    edges = _edges(tables, vocabulary)
    state = pa.table({"bucket_no": pa.array([row["bucket_no"] for row in bucket_rows(strategy.rules)], pa.int32())})
    last = tuple(sorted((reads[-1] | reads[-2]) - known - {"class", *AXES}))
    last += tuple(sorted((reads[-1] | reads[-2]) & known - {*AXES, *MADE}))
    with DuckDBEngine(memory="1GB", threads=1) as engine:
        for place, table in enumerate(tables):
            needed = reads[place] - known - set(state.column_names)
            state = _spread(engine, strategy, state, needed, edges, vocabulary)
            compiled, vocabulary = compile_table(table, vocabulary)
            later = set().union(*reads[place + 1 :]) | {*AXES, *MADE, *last}
            if any(_is_ageing(word) for word in (set().union(*reads[place + 1 :]) & set(state.column_names))):
                later |= {word for word in state.column_names if _is_ageing(word)}
            made = [*table.outputs]
            kept = [word for word in (*state.column_names, *made) if word in later]
            layer = compiled.over("state").subquery("layer")
            state = engine.fetch(exp.select(*kept).distinct().from_(layer), {"state": state}, {})
    rows: list[Row] = state.to_pylist()
    always = _always(rows, last)
    usual = [row for row in rows if not any(row[word] == value for word, value in always)]
    return Grid(
        rows=usual,
        words=last,
        treatment_words=tuple(sorted(reads[-1] - {"segment"})),
        always={_phrase(word, frozenset([value]), frozenset()): made for (word, value), made in always.items()},
    )


def _with_vocabularies(
    tables: Iterable[DecisionTable], vocabulary: Vocabulary
) -> Iterable[tuple[DecisionTable, Vocabulary]]:
    for table in tables:
        yield table, vocabulary
        vocabulary = vocabulary.extended(table.words())


def _reads(table: DecisionTable, vocabulary: Vocabulary) -> set[str]:
    return {word for rule in table.rules for word in words_read(parse_condition(rule.when, vocabulary))}


def _edges(tables: Sequence[DecisionTable], vocabulary: Vocabulary) -> dict[str, set[Any]]:
    """Word → the constants that conditions name beside it."""
    edges: dict[str, set[Any]] = defaultdict(set)
    for table, known in _with_vocabularies(tables, vocabulary):
        for rule in table.rules:
            condition = parse_condition(rule.when, known)
            for comparison in condition.find_all(exp.Predicate):
                constants = [each for each in comparison.iter_expressions() if isinstance(each, exp.Literal)]
                for column in comparison.find_all(exp.Column):
                    edges[column.name] |= {each.name if each.is_string else Decimal(each.name) for each in constants}
    return edges


def _is_ageing(word: str) -> bool:
    return word in ("bucket_no", "class", "delinquent_days", "days_past_due", "unmet_installments", "score_stage")


def _spread(
    engine: DuckDBEngine,
    strategy: Strategy,
    state: pa.Table,
    needed: set[str],
    edges: Mapping[str, set[Any]],
    vocabulary: Vocabulary,
) -> pa.Table:
    """Every row of `state` with every value of the words that come new, as far as the facts allow."""
    inputs: dict[str, pa.Table] = {"state": state}
    select = exp.select("state.*").from_("state")
    ageing = {word for word in needed if _is_ageing(word)}
    if ageing:
        inputs["ageing"] = _ageing(strategy, ageing, edges)
        select = select.select(*(exp.column(word, table="ageing") for word in sorted(ageing)))
        select = select.join("ageing", on="state.bucket_no = ageing.bucket_no")
    if "hold_kind" in needed:
        needed = needed | {"held"}
        inputs["holds"] = pa.table({"hold_kind": [None, *(row["kind"] for row in stop_hold_rows(strategy.rules))]})
        select = select.select("holds.hold_kind", "holds.hold_kind IS NOT NULL AS held").join(
            "holds", join_type="cross"
        )
    for word in sorted(needed - ageing - ({"held", "hold_kind"} if "hold_kind" in needed else set())):
        inputs[f"all_{word}"] = pa.table({word: _values(vocabulary.words[word], edges.get(word, set()))})
        select = select.select(exp.column(word, table=f"all_{word}")).join(f"all_{word}", join_type="cross")
    spread = engine.fetch(select, inputs, {})
    here = set(spread.column_names)
    certain = [parse_condition(fact, vocabulary) for fact in vocabulary.facts]
    possible = [
        exp.Coalesce(this=exp.Paren(this=each), expressions=[exp.true()])
        for each in certain
        if here >= {*words_read(each)}
    ]
    return (
        engine.fetch(exp.select("*").from_("spread").where(*possible), {"spread": spread}, {}) if possible else spread
    )


def _ageing(strategy: Strategy, words: set[str], edges: Mapping[str, set[Any]]) -> pa.Table:
    """The words of ageing as they belong together: bucket, class, stage, days and unmet instalments."""
    stages = strategy.scores.stages
    rows: list[dict[str, Any]] = []
    for bucket in bucket_rows(strategy.rules):
        no = bucket["bucket_no"]
        stage = next(each.stage for each in stages if no >= each.from_bucket and no <= (each.to_bucket or no))
        last = bucket["from_day"] + _OPEN_END if bucket["to_day"] is None else bucket["to_day"]
        fewest = max(1, bucket["from_unmet"])
        most = bucket["to_unmet"] or fewest + _OPEN_END
        rows.extend(
            {
                "bucket_no": no,
                "class": bucket["class"],
                "score_stage": stage,
                "delinquent_days": days,
                "days_past_due": past,
                "unmet_installments": unmet,
            }
            for days in _within(words, edges, "delinquent_days", bucket["from_day"], last)
            for past in _within(words, edges, "days_past_due", max(1, days), 2 * _OPEN_END)
            for unmet in _within(words, edges, "unmet_installments", fewest, most)
        )
    kept = [{word: row[word] for word in ("bucket_no", *sorted(words - {"bucket_no"}))} for row in rows]
    return pa.Table.from_pylist(list({tuple(row.items()): row for row in kept}.values()))


def _within(words: set[str], edges: Mapping[str, set[Any]], word: str, first: int, last: int) -> list[int]:
    """The ends of a range and what is on either side of every edge inside it; the first alone if nobody asks."""
    found = {first}
    if word in words:
        found |= {last} | {int(edge) + step for edge in edges.get(word, set()) for step in (-1, 0, 1)}
    return sorted(value for value in found if first <= value <= last)


def _values(word: Word, edges: set[Any]) -> pa.Array:
    values: list[Any]
    if word.type == "boolean":
        values, kind = [False, True], pa.bool_()
    elif word.type == "text":
        values, kind = [*(word.values or [*sorted(edges), "(another)"])], pa.string()
    else:
        step = Decimal(1).scaleb(-(4 if word.decimals is None else word.decimals))
        values = sorted({Decimal(0), *(edge + by for edge in edges for by in (-step, Decimal(0), step))})
        kind = pa.decimal128(24, 6)
    return pa.array([*values, None] if word.nullable else values, kind)


def _always(rows: Sequence[Row], words: Sequence[str]) -> dict[tuple[str, Any], tuple[Any, ...]]:
    """Flags that decide alone: word and value, and the one treatment that all such cases get."""
    found = {}
    for word in words:
        for value in {row[word] for row in rows if isinstance(row[word], bool)}:
            made = {(row["treatment"], row["queue"]) for row in rows if row[word] is value}
            if len(made) == 1 and len({row["treatment"] for row in rows}) > 1:
                found[word, value] = made.pop()
    return found


def _merged(terms: list[_Term], domain: _Term) -> list[_Term]:
    """Fewer terms that say the same: two that differ in one word become one, and a word that may be anything goes."""
    merging = True
    while merging:
        merging = False
        for word in sorted(domain):
            groups: dict[tuple[Any, ...], _Term] = {}
            for term in terms:
                others = tuple((key, term[key]) for key in sorted(domain) if key != word)
                if others in groups:
                    groups[others][word] |= term[word]
                    merging = True
                else:
                    groups[others] = dict(term)
            terms = list(groups.values())
    return [{word: values for word, values in term.items() if values != domain[word]} for term in terms]


def _length(terms: list[_Term]) -> int:
    return sum(len(values) for term in terms for values in term.values())


def _said(terms: list[_Term], domain: _Term) -> str:
    phrases = [", ".join(_phrase(word, term[word], domain[word]) for word in sorted(term)) for term in terms]
    if any(not phrase for phrase in phrases):
        return ""
    return "; or ".join(sorted(phrases))


def _phrase(word: str, values: frozenset[Any], domain: frozenset[Any]) -> str:
    if word.startswith(ARM):
        return f"{one_of(sorted(values))} of {name(word.removeprefix(ARM))}"
    known = sorted(value for value in values if value is not None)
    if known and isinstance(known[0], bool):
        return name(word) if known == [True] else f"not {name(word)}"
    if known and not isinstance(known[0], str):
        low, high = (
            min(value for value in domain if value is not None),
            max(value for value in domain if value is not None),
        )
        if known[0] == low:
            return f"{name(word)} up to {_shown(known[-1])}"
        if known[-1] == high:
            return f"{name(word)} {_shown(known[0])} or more"
        return f"{name(word)} {_shown(known[0])} to {_shown(known[-1])}"
    return f"{name(word)} {one_of([*known, *(['unknown'] if None in values else [])])}"


def _shown(value: Any) -> str:
    return number(f"{value.normalize():f}" if isinstance(value, Decimal) else str(value))
