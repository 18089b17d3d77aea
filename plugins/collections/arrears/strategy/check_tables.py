"""Findings about tables as wholes: rules that never match or never decide, cases without a rule, overlaps.

They are decided exactly, by z3 over SQL's three-valued logic, for every case that can be; each example case is tried
in DuckDB before it is shown. What cannot be decided is said to be so. Loading z3 takes a moment, so nothing imports
this module before it is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp

from arrears.rules import exact
from arrears.rules.conditions import ConditionError, as_written, parse_condition, words_read
from arrears.rules.exact_tables import Example, Fact, Layer, Never, Reasoner, Shadowed, Undecided
from arrears.rules.exact_try import truths
from arrears.rules.findings import Finding, Severity, example_text, value_text
from arrears.rules.vocabulary import Vocabulary, Word
from arrears.strategy.ageing import bucket_rows
from arrears.strategy.ageing_rules import AgeingRules
from arrears.strategy.checked import Checked, CheckedTable
from arrears.strategy.score_rules import ScoreRules, band_columns

_MOST_FACTS = 2
"""How many facts are told in full; of more, only where they stand."""
_HARSHNESS = ("intensity", "priority")
"""The columns that say how hard a case is treated: higher is harder."""


def table_findings(checked: Checked) -> Iterator[Finding]:
    """What can be proven of all tables that can be read."""
    tables = [table for table in checked.tables if table.table is not None]
    reasoner = _reasoner(checked, tables)
    contradictory = reasoner.contradictory_facts()
    if contradictory:
        said = "; ".join(f"{each} ({_file(each.where)})" for each in contradictory)
        message = f"no case can be: these facts contradict each other: {said}"
        yield Finding("error", "facts", message, contradictory[-1].where, "Correct the facts in vocabulary.yaml.")
        return
    divided = list(_division_findings(checked, tables, reasoner))
    if divided:
        yield from (finding for _, _, finding in divided)
        # what engines answer differently is no ground to build other answers on
        wrong = {(number, position) for number, position, _ in divided}
        reasoner = _reasoner(checked, tables, wrong)
    for number in range(len(tables)):
        yield from _Table(checked, tables[number], reasoner, number).findings()
    yield from _harsher_findings(checked, tables, reasoner)


class _Table:
    """One table under question."""

    def __init__(self, checked: Checked, table: CheckedTable, reasoner: Reasoner, number: int) -> None:
        assert table.table is not None  # noqa: S101 only tables that were parsed come here
        self.checked, self.placed, self.reasoner, self.number = checked, table, reasoner, number
        self.table = table.table
        self.conditions = reasoner.layers[number].conditions

    def findings(self) -> Iterator[Finding]:
        dead: set[int] = set()
        for position in range(len(self.table.rules)):
            found = list(self._rule(position))
            dead |= {position} if any(each.code in ("never_matches", "shadowed") for each in found) else set()
            yield from found
        yield from self._coverage()
        yield from self._overlaps(dead)
        yield from self._without_effect(dead)

    def _rule(self, position: int) -> Iterator[Finding]:
        undecided = self.reasoner.undecided.get((self.number, position))
        if undecided is not None:
            if self.placed.conditions[position] is not None and self.conditions[position] is not None:
                yield self._undecided(position, f"whether it can match: {undecided}")
            return
        never = self.reasoner.never(self.number, position)
        if isinstance(never, Undecided):
            yield self._undecided(position, never.reason)
        elif never is not None:
            yield self._never(position, never)
            return
        if self.table.hit == "first":
            shadowed = self.reasoner.shadowed(self.number, position)
            if isinstance(shadowed, Undecided):
                yield self._undecided(position, shadowed.reason)
            elif shadowed is not None:
                yield self._shadowed(position, shadowed)

    def _never(self, position: int, never: Never) -> Finding:
        parts = [f"`{each}`" for each in never.parts]
        message = f"{self.placed.rule(position)} can never match: "
        message += f"{parts[0]} holds for no case" if len(parts) == 1 else f"{_listed(parts)} exclude each other"
        columns = self._columns_made(never.parts)
        if columns:
            message += f"; {columns}"
        elif len(never.facts) > _MOST_FACTS:
            message += f", by what {_listed(sorted({_file(each.where) for each in never.facts}))} say"
        elif never.facts:
            message += ", because " + _listed([f"`{each}` ({_file(each.where)})" for each in never.facts])
        elif self._whole(never.parts):
            message += " (whole numbers)"
        if never.dropped is not None and never.nearest is not None:
            message += f". Without `{never.dropped}` there are cases"
        severity, message = self._apart_from_rounding("error", message, [position])
        action = "Correct the condition, or remove the rule."
        return self._finding(severity, "never_matches", position, message, action, never.nearest)

    def _columns_made(self, parts: Sequence[str]) -> str:
        """What the tables that make columns of the parts say of them; empty when there is no such column."""
        nodes = [parse_condition(part, self.placed.words) for part in parts]
        names = {name for node in nodes for name in words_read(node)}
        asked = {str(each.this) for node in nodes for each in node.find_all(exp.Literal) if each.is_string}
        said = []
        for earlier in self.reasoner.layers[: self.number]:
            table = earlier.table
            for name in sorted(names & set(table.outputs)):
                results = [rule.then[name] for rule in table.rules]
                results += [] if table.default is None else [table.default[name]]
                giving = [rule.id for rule in table.rules if rule.then[name] in asked]
                if table.hit == "collect":
                    said.append(f"table {table.name} adds {name} up from its rules")
                elif giving and len(nodes) == 1 and isinstance(nodes[0], exp.EQ | exp.In):
                    verbs = ("gives", "decides") if len(giving) == 1 else ("give", "decide")
                    said.append(f"{_listed(giving)} of table {table.name} {verbs[0]} it, but {verbs[1]} no case")
                else:
                    values = ", ".join(dict.fromkeys(value_text(each) for each in results))
                    said.append(f"table {table.name} gives {name} only {values}, by its rules")
        return _listed(said) if said else ""

    def _whole(self, parts: Sequence[str]) -> bool:
        names = {name for part in parts for name in words_read(parse_condition(part, self.placed.words))}
        return all(self.placed.words.words[name].decimals == 0 for name in names)

    def _shadowed(self, position: int, shadowed: Shadowed) -> Finding:
        others = _listed([self.table.rules[each].id for each in shadowed.by])
        message = f"{self.placed.rule(position)} never decides: {others} "
        message += "takes every case first" if len(shadowed.by) == 1 else "together take every case first"
        if not self._confirmed([position], True, shadowed.example) or not self._one_of(shadowed):
            return self._undecided(position, "whether earlier rules take all of its cases: engines may round")
        severity, message = self._apart_from_rounding("error", message, [position, *shadowed.by])
        action = f"Put it before {self.table.rules[shadowed.by[-1]].id}, narrow that rule, or remove this one."
        return self._finding(severity, "shadowed", position, message, action, shadowed.example)

    def _one_of(self, shadowed: Shadowed) -> bool:
        conditions = [node for each in shadowed.by if (node := self.conditions[each]) is not None]
        return any(truths(conditions, shadowed.example, self.reasoner.words))

    def _coverage(self) -> Iterator[Finding]:
        if self.table.hit == "collect":
            return
        example = self.reasoner.unmatched(self.number)
        where = self.checked.place(self.placed, "default" if self.table.default is not None else "rules")
        if isinstance(example, Undecided) or (
            example is not None and not self._confirmed(range(len(self.conditions)), False, example)
        ):
            if self.table.default is None and not self.reasoner.is_uncertain(self.number):
                message = f"whether the rules of table {self.placed.name} match every case is not decided"
                action = "Add a default, or make the conditions simpler."
                yield Finding("error", "not_decided", message, where, action)
        elif self.table.default is None:
            if example is not None:
                message = f"no rule of table {self.placed.name} matches some cases, and it has no default"
                yield Finding("error", "unmatched", message, where, "Add a rule for them, or a default.", example)
        elif example is None:
            message = f"the default of table {self.placed.name} is never used: its rules match every case"
            yield Finding("note", "unused_default", message, where, "Leave it out: then its rules must stay complete.")
        else:
            given = ", ".join(f"{name} {value_text(value)}" for name, value in self.table.default.items())
            message = f"what no rule of table {self.placed.name} matches gets the default: {given}"
            yield Finding("note", "default", message, where, "", example)

    def _overlaps(self, dead: set[int]) -> Iterator[Finding]:
        if self.table.overlap == "allow":
            return
        for second in range(len(self.conditions)):
            for first in range(second):
                example = self.reasoner.both(self.number, first, second)
                if example is None:
                    continue
                ids = f"{self.table.rules[first].id} and {self.table.rules[second].id}"
                if isinstance(example, Undecided) or not self._confirmed([first, second], True, example):
                    yield self._undecided(second, f"whether {ids} overlap")
                    continue
                message = f"{ids} of table {self.placed.name} overlap, which the table forbids"
                action = "Narrow one of the two."
                yield self._finding("error", "overlap", second, message, action, example)

    def _without_effect(self, dead: set[int]) -> Iterator[Finding]:
        for position, rule in enumerate(self.table.rules):
            if position in dead or (self.number, position) in self.reasoner.undecided:
                continue
            if self.table.hit == "collect":
                nothing = all(value == 0 for value in rule.then.values())
            else:
                nothing = self.reasoner.changes_nothing(self.number, position)
            if nothing:
                message = f"{self.placed.rule(position)} changes nothing: without it the same would be decided"
                yield self._finding("note", "no_effect", position, message, "", None)

    def _confirmed(self, positions: Sequence[int] | range, expected: bool, example: Example) -> bool:
        """Whether DuckDB answers the conditions for a case as expected: all true, or none of them."""
        conditions = [node for each in positions if (node := self.conditions[each]) is not None]
        answers = truths(conditions, example, self.reasoner.words)
        return all(answer is True for answer in answers) if expected else not any(answers)

    def _apart_from_rounding(self, severity: Severity, message: str, positions: Sequence[int]) -> tuple[Severity, str]:
        words = self.reasoner.words
        if any((node := self.conditions[each]) is not None and exact.rounds(node, words) for each in positions):
            return "warning", f"{message} (apart from rounding)"
        return severity, message

    def _undecided(self, position: int, reason: str) -> Finding:
        return self._finding(
            "note", "not_decided", position, f"{self.placed.rule(position)}: not decided, {reason}", "", None
        )

    def _finding(
        self, severity: Severity, code: str, position: int, message: str, action: str, example: Example | None
    ) -> Finding:
        where = self.checked.place(self.placed, "rules", position, "when")
        return Finding(severity, code, message, where, action, example)


def unused_values(checked: Checked) -> Iterator[Finding]:
    """Texts that a rule gives and that no later table tells apart, where later tables ask for the column at all."""
    for number, placed in enumerate(checked.tables):
        if placed.table is None:
            continue
        for name in placed.makes:
            asked = set()
            for later in checked.tables[number + 1 :]:
                for condition in later.conditions:
                    if condition is not None and name in words_read(condition):
                        asked |= {str(each.this) for each in condition.find_all(exp.Literal) if each.is_string}
            for position, rule in enumerate(placed.table.rules):
                value = rule.then[name]
                if asked and isinstance(value, str) and value not in asked:
                    asked.add(value)
                    message = f"{placed.rule(position)} gives {name} {value_text(value)}, which no later rule asks for"
                    where = checked.place(placed, "rules", position, "then", name)
                    yield Finding("note", "unused_value", message, where, "")


def _reasoner(
    checked: Checked,
    tables: Sequence[CheckedTable],
    wrong: Collection[tuple[int, int]] = (),
) -> Reasoner:
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


def _division_findings(
    checked: Checked, tables: Sequence[CheckedTable], reasoner: Reasoner
) -> Iterator[tuple[int, int, Finding]]:
    for number, table in enumerate(tables):
        for position, condition in enumerate(table.conditions):
            for divisor in [] if condition is None else exact.divisors(condition):
                example = reasoner.zero(divisor, words_read(divisor))
                if example is None:
                    continue
                shown = as_written(divisor)
                message = f"{table.rule(position)} may divide by 0: `{shown}` "
                message += "may be 0, which DuckDB makes infinity and Spark refuses"
                action = "Multiply instead (a > 0.2 * b for a / b > 0.2), or divide by greatest(…, 1)."
                where = checked.place(table, "rules", position, "when")
                shown_case = None if isinstance(example, Undecided) else example
                yield number, position, Finding("error", "division_by_zero", message, where, action, shown_case)
                break


def _harsher_findings(checked: Checked, tables: Sequence[CheckedTable], reasoner: Reasoner) -> Iterator[Finding]:
    """Rules that read an attribute which the policy allows only to soften, and that make some case harder."""
    verdicts: Mapping[str, str] = {} if checked.policy is None else checked.policy.verdicts()
    columns = [name for name in _HARSHNESS if any(name in table.makes for table in tables)]
    for attribute in sorted(name for name, verdict in verdicts.items() if verdict == "soften"):
        words = {name for name, word in checked.vocabulary.words.items() if word.attribute == attribute}
        readers = [
            (table, position)
            for table in tables
            for position, condition in enumerate(table.conditions)
            if condition is not None and words & set(words_read(condition))
        ]
        read = sorted({name for table, position in readers for name in _words_of(table, position)} & words)
        if not readers or not columns:
            continue
        harder = reasoner.higher_than_without(read, columns)
        if harder is None:
            continue
        case, without = harder
        for table, position in readers:
            message = (
                f"{table.rule(position)} reads {attribute}, which the policy allows only to soften, and a case becomes "
                f"harder by it: without it, {example_text(without)}"
            )
            where = checked.place(table, "rules", position, "when")
            action = f"Let what is known of {attribute} only lower {_listed(list(columns))}."
            yield Finding("error", "harsher", message, where, action, case)


def _words_of(table: CheckedTable, position: int) -> tuple[str, ...]:
    condition = table.conditions[position]
    return () if condition is None else words_read(condition)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + (f" and {parts[-1]}" if parts else "")


def _file(where: str) -> str:
    return where.replace("\\", "/").rsplit("/", 1)[-1]
