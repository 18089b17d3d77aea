"""Fairness as figures: how even the split of each queue is, before and after, and why somebody has fewer.

Everything is counted over the collectors who are at work and trained for the queue. `before` is what they had when the
day began, `after` what the split gives them, what they keep included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from arrears.allocation.dealing import Whole
from arrears.allocation.levelling import Flags
from arrears.allocation.problem import Problem
from arrears.allocation.roster import Roster
from arrears.allocation.split import AUTO, KEPT, NO_LIMIT, Split

MEASURES = ("cases", "overdue_amount", "expected_recovery", "difficulty", "exposure")
"""cases and amounts: sums. difficulty: mean per case, 0 to 100 points, the share of the overdue amount that is not
expected back. exposure: by how many cases somebody's mix of buckets and score bands is off the queue's, at the most."""

FAIRNESS = "allocation_fairness"
"""Lake table: how even the split is, queue x measure x before or after."""
SHARES = "collector_share"
"""Lake table: what each collector gets of each queue, and what keeps him from more."""

FAIRNESS_COLUMNS = pa.schema(
    [
        ("as_of", pa.date32()),
        ("queue", pa.string()),
        ("measure", pa.string()),
        ("moment", pa.string()),
        ("collectors", pa.int64()),
        ("lowest", pa.decimal128(18, 4)),
        ("highest", pa.decimal128(18, 4)),
        ("mean", pa.decimal128(18, 4)),
    ]
)
SHARE_COLUMNS = pa.schema(
    [
        ("as_of", pa.date32()),
        ("queue", pa.string()),
        ("collector_id", pa.string()),
        ("at_work", pa.bool_()),
        ("cases", pa.int64()),
        ("kept", pa.int64()),
        ("given", pa.int64()),
        ("taken_back", pa.int64()),
        ("overdue_amount", pa.decimal128(18, 2)),
        ("expected_recovery", pa.decimal128(18, 2)),
        ("difficulty", pa.decimal128(18, 4)),
        ("even_share", pa.decimal128(18, 4)),
        ("limited_by", pa.string()),
    ]
)

_FOUR = Decimal("0.0001")


def fairness_table(problem: Problem, split: Split, as_of: Any) -> pa.Table:
    """The spread of every measure in every queue with cases, before and after: rows of `FAIRNESS_COLUMNS`."""
    rows: list[dict[str, Any]] = []
    cases = problem.cases
    for number, queue in enumerate(problem.queues):
        mine = np.flatnonzero(cases.queue == number)
        people = np.flatnonzero(problem.staff.trained[number])
        if not len(mine) or not len(people):
            continue
        for moment, owner in (("before", cases.owner[mine]), ("after", split.owner[mine])):
            for measure, values in _measured(problem, mine, owner, people).items():
                rows.append(
                    {
                        "as_of": as_of,
                        "queue": queue,
                        "measure": measure,
                        "moment": moment,
                        "collectors": len(people),
                        "lowest": min(values, default=Decimal(0)),
                        "highest": max(values, default=Decimal(0)),
                        "mean": _mean(values),
                    }
                )
    return pa.Table.from_pylist(rows, schema=FAIRNESS_COLUMNS)


def spreads(fairness: pa.Table) -> dict[str, dict[str, dict[str, str]]]:
    """Highest less lowest, per queue, measure and moment, as texts of decimals: for the step's figures."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in fairness.to_pylist():
        measures = found.setdefault(row["queue"], {})
        measures.setdefault(row["measure"], {})[row["moment"]] = f"{(row['highest'] - row['lowest']).normalize():f}"
    return found


def _measured(problem: Problem, mine: Whole, owner: Whole, people: Whole) -> dict[str, list[Decimal]]:
    """Each measure per collector; difficulty and exposure only for those who have cases."""
    cases = problem.cases
    place = np.full(len(problem.staff.ids) + 1, -1, dtype=np.int64)
    place[people] = np.arange(len(people))
    who = place[owner]
    held = who >= 0
    who, some = who[held], mine[held]
    number = np.bincount(who, minlength=len(people)).astype(np.int64)
    busy = number > 0
    group = cases.group[some]
    groups = int(cases.group.max()) + 1
    mix = np.bincount(who * groups + group, minlength=len(people) * groups).reshape(len(people), groups)
    due = np.outer(number, mix.sum(axis=0)) / max(1, int(number.sum()))
    off = np.abs(mix - due).max(axis=1)
    points = _sums(who, cases.difficulty[some], len(people))
    return {
        "cases": [Decimal(each) for each in number.tolist()],
        "overdue_amount": _money(_sums(who, cases.cents[some], len(people))),
        "expected_recovery": _money(_sums(who, cases.expected[some], len(people))),
        "difficulty": [
            (Decimal(total) / count / 100).quantize(_FOUR)
            for total, count in zip(points[busy].tolist(), number[busy].tolist(), strict=True)
        ],
        "exposure": [Decimal(repr(each)).quantize(_FOUR) for each in off[busy].tolist()],
    }


def _sums(who: Whole, values: Whole, people: int) -> Whole:
    sums: Whole = np.zeros(people, dtype=np.int64)
    np.add.at(sums, who, values)
    return sums


def _money(cents: Whole) -> list[Decimal]:
    return [Decimal(each).scaleb(-2) for each in cents.tolist()]


def _mean(values: Sequence[Decimal]) -> Decimal:
    return (sum(values, Decimal(0)) / max(1, len(values))).quantize(_FOUR)


def share_table(problem: Problem, split: Split, roster: Roster, as_of: Any) -> pa.Table:
    """What each collector gets of each queue that he is trained for, and what keeps him from more.

    Rows of `SHARE_COLUMNS`.
    """
    rows: list[dict[str, Any]] = []
    trained: dict[str, list[Mapping[str, Any]]] = {}
    for row in roster.trained.to_pylist():
        trained.setdefault(row["queue"], []).append(row)
    at = {each: number for number, each in enumerate(problem.staff.ids.tolist())}
    everyone = len(at)
    cases = problem.cases
    for number, queue in enumerate(problem.queues):
        mine = np.flatnonzero(cases.queue == number)
        if not len(mine):
            continue
        owner, source = split.owner[mine], split.source[mine]
        gone = mine[(cases.owner[mine] >= 0) & (cases.owner[mine] != owner)]
        given, kept, has = mine[source == AUTO], mine[source == KEPT], mine[owner >= 0]
        counts = {
            "kept": np.bincount(split.owner[kept], minlength=everyone),
            "given": np.bincount(split.owner[given], minlength=everyone),
            "taken_back": np.bincount(cases.owner[gone], minlength=everyone),
        }
        cents = _sums(split.owner[has], cases.cents[has], everyone)
        expected = _sums(split.owner[has], cases.expected[has], everyone)
        points = _sums(split.owner[has], cases.difficulty[has], everyone)
        load = counts["kept"] + counts["given"]
        people = np.flatnonzero(problem.staff.trained[number])
        mean = _mean([Decimal(each) for each in load[people].tolist()])
        limits = _limits(problem, split, number, mine, load)
        for row in sorted(trained.get(queue, ()), key=lambda each: str(each["collector_id"])):
            who = at[row["collector_id"]]
            cases_of = int(load[who])
            rows.append(
                {
                    "as_of": as_of,
                    "queue": queue,
                    "collector_id": row["collector_id"],
                    "at_work": row["at_work"],
                    "cases": cases_of,
                    **{name: int(values[who]) for name, values in counts.items()},
                    "overdue_amount": Decimal(int(cents[who])).scaleb(-2),
                    "expected_recovery": Decimal(int(expected[who])).scaleb(-2),
                    "difficulty": (Decimal(int(points[who])) / cases_of / 100).quantize(_FOUR) if cases_of else None,
                    "even_share": mean,
                    "limited_by": ",".join(limits.get(who, ())) if row["at_work"] else "absent",
                }
            )
    return pa.Table.from_pylist(rows, schema=SHARE_COLUMNS)


def _limits(problem: Problem, split: Split, queue: int, mine: Whole, load: Whole) -> dict[int, tuple[str, ...]]:
    """Why collectors have fewer than others, where they do: at least two fewer than somebody, or fewer with a limit."""
    people = np.flatnonzero(problem.staff.trained[queue])
    if not len(people):
        return {}
    rule, staff, cases = problem.rules[queue], problem.staff, problem.cases
    kind, may = split.kind_of[mine], split.kinds[queue]
    _, first = np.unique(kind, return_index=True)
    region, language, seniority = (column[mine[first]] for column in (cases.region, cases.language, cases.seniority))
    owner = split.owner[mine]
    place = np.full(len(staff.ids) + 1, -1, dtype=np.int64)
    place[people] = np.arange(len(people))
    column = place[owner]
    having = np.zeros((len(may), len(people)), dtype=np.int64)
    held = column >= 0
    np.add.at(having, (kind[held], column[held]), 1)
    kept = np.zeros_like(having)
    stays = held & (split.source[mine] == KEPT)
    np.add.at(kept, (kind[stays], column[stays]), 1)
    pooled = np.bincount(kind[~held], minlength=len(may)) > 0
    top = int(load[people].max())
    everywhere = np.bincount(split.owner[split.owner >= 0], minlength=len(staff.ids))
    found: dict[int, tuple[str, ...]] = {}
    for at, who in enumerate(people.tolist()):
        has = int(load[who])
        full = bool(split.full[queue, who])
        if has >= top - (0 if full else 1):
            continue
        reasons = []
        if full:
            if staff.capacity[who] < NO_LIMIT and everywhere[who] >= staff.capacity[who]:
                reasons.append("capacity")
            if min(staff.daily_quota[who], staff.queue_quota[queue, who]) < NO_LIMIT and "capacity" not in reasons:
                reasons.append("quota")
            if not reasons:
                reasons.append("no_quota")
        else:
            richer = load[people] >= has + 2
            wanted = having[:, richer].any(axis=1) | pooled
            shut = wanted & ~may[:, at]
            reasons += _shut(staff.regions, region[shut], who, "regions")
            reasons += _shut(staff.languages, language[shut], who, "languages")
            if (seniority[shut] > staff.seniority[who]).any():
                reasons.append("seniority")
            if _only_excluded(staff, region[shut], language[shut], seniority[shut], who).any():
                reasons.append("exclusions")
            if not reasons and rule.steps[-1] == "level" and everywhere[who] > has:
                reasons.append("other_queues")
            if not reasons and (kept[:, richer].sum(axis=1) > 0)[may[:, at]].any():
                reasons.append("kept_by_others")
        found[who] = tuple(reasons)
    return found


def _shut(lists: Flags, codes: Whole, who: int, name: str) -> list[str]:
    return [] if lists[codes, who].all() else [name]


def _only_excluded(staff: Any, region: Whole, language: Whole, seniority: Whole, who: int) -> Flags:
    """Kinds that he could have but for the exclusions of single cases."""
    flags: Flags = staff.regions[region, who] & staff.languages[language, who] & (seniority <= staff.seniority[who])
    return flags
