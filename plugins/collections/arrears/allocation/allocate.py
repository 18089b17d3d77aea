"""Allocation of a day: reads cases, roster and owners, splits, and writes who gets what and how even that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arrears.allocation.fairness import FAIRNESS, SHARES, fairness_table, share_table, spreads
from arrears.allocation.owners import Morning, no_morning, read_morning
from arrears.allocation.problem import Problem, make_problem
from arrears.allocation.roster import Roster, conflict_relation, read_whole_roster
from arrears.allocation.rules import (
    FILE,
    AllocationRules,
    QueueRules,
    expected_relation,
    nearest,
    not_back_relation,
    queue_relation,
    result_relation,
    senior_relation,
)
from arrears.allocation.split import POOL, REASONS, RELEASES, SOURCES, SPLIT, Split, split_cases
from arrears.ledger.contract import arrow_schema
from arrears.run import Run, StepResult
from arrears.sqlmodel import fetch_model, run_model

DEMAND = "allocation/demand"
ASSIGNMENT = "assignment"

_SAID = {
    "nobody_present": "nobody is at work who is trained for it",
    "no_collector_for_region": "nobody at work has their region",
    "no_collector_for_language": "nobody at work speaks their language",
    "no_collector_senior_enough": "nobody at work is senior enough for their amount",
    "everybody_excluded": "nobody at work may have them, by conflicts and hand-overs",
}


def allocate(run: Run) -> StepResult:
    """Computes `assignment` of the run's day, and says how even it is."""
    cases = run.lake.read("cases", run.day, ["queue"])
    loaded = run.rules.load(FILE, AllocationRules)
    present = [queue for queue in pc.unique(cases["queue"]).to_pylist() if queue != "none"]
    rules = loaded.in_order(present)
    roster = read_whole_roster(run, rules)
    morning = no_morning()
    if run.is_current:
        with run.warehouse.connect() as connection:
            morning = read_morning(connection, run.day.as_of, run.settings.time_zone)
    problem = _problem(run, loaded, rules, roster, morning)
    split = split_cases(problem.rules, problem.cases, problem.staff)

    rows = _write(run, ASSIGNMENT, _assignment(run, problem, split))
    fairness = fairness_table(problem, split, run.day.as_of)
    rows |= _write(run, FAIRNESS, fairness)
    rows |= _write(run, SHARES, share_table(problem, split, roster, run.day.as_of))
    unknown = [
        f"queue {queue}: not in {FILE}, split with the defaults{nearest(queue, loaded.queues)}"
        for queue in sorted(set(present) - set(loaded.queues))
    ]
    return StepResult(
        rows=rows,
        figures={**_figures(problem, split), "fairness": spreads(fairness)},
        warnings=[*unknown, *_unknown_names(loaded, rules, roster), *_warnings(problem, split)],
    )


def _problem(
    run: Run, loaded: AllocationRules, rules: Mapping[str, QueueRules], roster: Roster, morning: Morning
) -> Problem:
    senior = senior_relation(rules)
    relations = {
        "queue_rule": queue_relation(rules),
        # without any seniority in the roster, large amounts would all lie in the pool
        "senior_from": senior if roster.knows_seniority else senior.schema.empty_table(),
        "expected": expected_relation(loaded),
        "result_outcome": result_relation(rules),
        "owners": morning.owners,
        "desk_result": morning.results,
        "desk_promise": morning.promises,
    }
    # what only the rules about results ask for is read only when there is one
    if all(rule.hand_over.no_result_days is None for rule in rules.values()):
        for table in ("contact_results", "payments"):
            relations[table] = arrow_schema(table).empty_table()
    run_model(run, "allocation/demand", table=DEMAND, relations=relations)
    exclusion = fetch_model(
        run,
        "allocation/exclusion",
        relations={
            "conflict": conflict_relation(loaded, roster.collectors),
            "past_owner": morning.past_owners,
            "owners": morning.owners,
            "not_back": not_back_relation(rules),
        },
    )
    return make_problem(rules, run.lake.read(DEMAND, run.day), exclusion, roster)


def _write(run: Run, table: str, rows: pa.Table) -> dict[str, int]:
    with run.lake.replace(table, run.day) as aside:
        pq.write_table(rows, aside, compression="zstd")
    return {table: rows.num_rows}


def _assignment(run: Run, problem: Problem, split: Split) -> pa.Table:
    """The rows of `assignment`, by queue and order of work; no collector means the grab pool of the queue."""
    cases, staff = problem.cases, problem.staff
    number = len(cases)
    names = [f"{'_'.join(rule.steps)}_split" for rule in problem.rules]
    reasons = pa.array([*REASONS, *names], pa.string())
    reason = np.where(split.reason == SPLIT, len(REASONS) + cases.queue, split.reason)
    table = pa.table(
        {
            "as_of": pa.repeat(pa.scalar(run.day.as_of, pa.date32()), number),
            "customer_id": problem.customers,
            "queue": pa.array(problem.queues, pa.string()).take(pa.array(cases.queue)),
            "collector_id": _taken(staff.ids, split.owner),
            "source": pa.array(SOURCES, pa.string()).take(pa.array(split.source)),
            "work_order": pa.array(cases.order.astype(np.int32)),
            "reason": reasons.take(pa.array(reason)),
            "released": pa.array(RELEASES, pa.string()).take(pa.array(split.release)),
            "language": problem.languages,
            "min_seniority": problem.min_seniority,
            "excluded_collectors": _excluded(problem),
        }
    )
    return table.sort_by([("queue", "ascending"), ("work_order", "ascending")])


def _taken(ids: np.ndarray, owner: np.ndarray) -> pa.Array:
    """The id of each owner; NULL for nobody."""
    return pa.array(ids, pa.string()).take(pa.array(owner, mask=owner < 0))


def _excluded(problem: Problem) -> pa.Array:
    """Who must not get each case, comma separated in the order of their ids; NULL: nobody."""
    pairs = problem.cases.excluded
    case, collector = np.divmod(pairs.pairs, pairs.people)
    offsets = np.searchsorted(case, np.arange(len(problem.cases) + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(problem.staff.ids, pa.string()).take(pa.array(collector))
    )
    joined = pc.binary_join(lists, ",")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)


def _figures(problem: Problem, split: Split) -> dict[str, Any]:
    cases, staff = problem.cases, problem.staff
    everyone = staff.trained.any(axis=0)
    in_hand = np.bincount(split.owner[split.owner >= 0], minlength=len(staff.ids))[everyone]
    per_queue: dict[str, Any] = {}
    for number, queue in enumerate(problem.queues):
        owner = split.owner[cases.queue == number]
        if not len(owner):
            continue
        people = staff.trained[number]
        shares = np.bincount(owner[owner >= 0], minlength=len(staff.ids))[people]
        per_queue[queue] = {
            "cases": len(owner),
            "collectors": int(people.sum()),
            "min": int(shares.min(initial=shares.max(initial=0))),
            "max": int(shares.max(initial=0)),
            "pool": int((owner < 0).sum()),
        }
    pool = int((split.source == POOL).sum())
    return {
        "cases": len(cases),
        "assigned": len(cases) - pool,
        "pool": pool,
        "collectors": int(everyone.sum()),
        "per_collector": {
            "min": int(in_hand.min(initial=in_hand.max(initial=0))),
            "max": int(in_hand.max(initial=0)),
        },
        "per_queue": per_queue,
        "taken_back": {name: count for name, count in _counts(RELEASES, split.release).items() if name is not None},
    }


def _counts(names: Sequence[str | None], numbers: np.ndarray) -> dict[str | None, int]:
    """How often each name occurs, for those that do, sorted."""
    counts = np.bincount(numbers, minlength=len(names)).tolist()
    return dict(sorted(((name, count) for name, count in zip(names, counts, strict=True) if count), key=str))


def _unknown_names(loaded: AllocationRules, rules: Mapping[str, QueueRules], roster: Roster) -> list[str]:
    """Warnings for collectors and teams that the rules name and the ledger does not have."""
    collectors = set(roster.collectors["collector_id"].to_pylist())
    teams = {each for each in roster.collectors["team"].to_pylist() if each is not None}
    found = []
    for number, conflict in enumerate(loaded.conflicts, start=1):
        for what, named, known in (("collector", conflict.collectors, collectors), ("team", conflict.teams, teams)):
            found += [
                f"{FILE}, conflict {number}: no {what} {each!r} in the ledger{nearest(each, known)}"
                for each in named
                if each not in known
            ]
    for queue, rule in rules.items():
        found += [
            f"{FILE}, queue {queue}: no team {each!r} in the ledger{nearest(each, teams)}"
            for each in rule.teams or ()
            if each not in teams
        ]
    if not roster.knows_seniority and roster.collectors.num_rows:
        asking = [queue for queue, rule in rules.items() if rule.senior_from]
        if asking:
            found.append(f"{FILE}: senior_from of {', '.join(asking)} rests, as no collector has a seniority")
    return found


def _warnings(problem: Problem, split: Split) -> list[str]:
    found = []
    for number in np.argsort(problem.queues).tolist():
        mine = (problem.cases.queue == number) & (split.source == POOL)
        for reason, count in _counts(REASONS, split.reason[mine]).items():
            if reason in _SAID:
                found.append(f"queue {problem.queues[number]}: {_SAID[reason]}; {count} cases are in the grab pool")
    return found
