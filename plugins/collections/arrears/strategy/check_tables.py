"""Findings about tables as wholes: rules that never match or never decide, cases without a rule, overlaps.

They are decided exactly, by z3 over SQL's three-valued logic, for every case that can be; each example case is tried
in DuckDB before it is shown. What cannot be decided is said to be so. Loading z3 takes a moment, so nothing imports
this module before it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlglot import exp

from arrears.rules import exact
from arrears.rules.conditions import as_written, parse_condition, words_read
from arrears.rules.exact_tables import Example, Never, Reasoner, Shadowed, Undecided
from arrears.rules.exact_try import truths
from arrears.rules.files import did_you_mean
from arrears.rules.findings import Finding, Severity, example_text, value_text
from arrears.strategy.checked import Checked, CheckedTable
from arrears.strategy.reasoning import readable, reasoner_of

_MOST_FACTS = 2
"""How many facts are told in full; of more, only where they stand."""
_HARSHNESS = ("intensity", "priority")
"""The columns that say how hard a case is treated: higher is harder."""


def table_findings(checked: Checked) -> Iterator[Finding]:
    """What can be proven of all tables that can be read."""
    tables = readable(checked)
    reasoner = reasoner_of(checked, tables)
    contradictory = reasoner.contradictory_facts()
    if contradictory:
        said = "; ".join(f"{each} ({_file(each.where)})" for each in contradictory)
        message = f"no case can be: these facts contradict each other: {said}"
        yield Finding("error", "facts", message, contradictory[-1].where, "Correct the facts in vocabulary.yaml.")
        return
    divided = list(_division_findings(checked, tables, reasoner))
    if divided:
        yield from (finding for _, _, finding in divided)
        # what is not known to be a number is no ground to build other answers on
        wrong = {(number, position) for number, position, _ in divided}
        reasoner = reasoner_of(checked, tables, wrong)
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
            message += f", by what {_places(each.where for each in never.facts)} say"
        elif never.facts:
            message += ", because " + _listed([f"`{each}` ({_file(each.where)})" for each in never.facts])
        elif self._whole(never.parts):
            message += " (whole numbers)"
        if never.dropped is not None and never.nearest is not None:
            message += f". Without `{never.dropped}` there are cases"
        severity, message = self._apart_from_rounding("error", message, [position])
        action = self._nearest_value(never.parts) or "Correct the condition, or remove the rule."
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

    def _nearest_value(self, parts: Sequence[str]) -> str:
        """The value nearest to a text that no case has; empty when the parts ask for none, or none is near."""
        for node in (parse_condition(part, self.placed.words) for part in parts):
            known = {value for name in words_read(node) for value in self.reasoner.words[name].values}
            asked = [str(each.this) for each in node.find_all(exp.Literal) if each.is_string]
            for text in asked if known else []:
                if text not in known and (nearest := did_you_mean(text, sorted(known))):
                    return nearest
        return ""

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
                message = f"{table.rule(position)} may divide by 0: `{shown}` may be 0, "
                message += "and the quotient is then NULL, with which no comparison holds"
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


def _places(all_where: Iterable[str]) -> str:
    """Files with their lines, runs of lines shortened: `ageing.yaml:25 to 33 and scores.yaml:7`."""
    lines: dict[str, list[list[int]]] = {}
    for file, _, line in sorted({_file(where).partition(":") for where in all_where}, key=_by_line):
        runs = lines.setdefault(file, [])
        if runs and int(line) == runs[-1][-1] + 1:
            runs[-1].append(int(line))
        else:
            runs.append([int(line)])
    return _listed(
        [
            f"{file}:" + ", ".join(str(run[0]) + (f" to {run[-1]}" if len(run) > 1 else "") for run in runs)
            for file, runs in lines.items()
        ]
    )


def _by_line(place: tuple[str, str, str]) -> tuple[str, int]:
    return place[0], int(place[2])


def _file(where: str) -> str:
    return where.replace("\\", "/").rsplit("/", 1)[-1]
