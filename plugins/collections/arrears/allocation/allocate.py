"""Allocation of a day: reads cases, roster and owners, plans the split, and has SQL deal the cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arrears.allocation.balance import balance
from arrears.allocation.owners import no_owners, owners_of_the_morning
from arrears.allocation.roster import collectors_by_queue, read_roster
from arrears.allocation.rules import FILE, AllocationRules, QueueRules, queue_relation
from arrears.allocation.split import (
    NO_COLLECTOR_FOR_REGION,
    NOBODY_PRESENT,
    Collector,
    Hands,
    QueueDemand,
    plan_split,
)
from arrears.run import Run, StepResult
from arrears.sqlmodel import run_model

DEMAND = "allocation/demand"
ASSIGNMENT = "assignment"
DEALT = "allocation/dealt"
"""The assignment before amounts are balanced, when a queue asks for that."""


def allocate(run: Run) -> StepResult:
    """Computes `assignment` of the run's day, and says how even it is."""
    cases = read_lake(run, "cases", ["queue"])
    loaded = run.rules.load(FILE, AllocationRules)
    present = [queue for queue in pc.unique(cases["queue"]).to_pylist() if queue != "none"]
    rules = loaded.in_order(present)
    roster = read_roster(run, rules)
    if run.is_current:
        with run.warehouse.connect() as connection:
            owners = owners_of_the_morning(connection, run.day.as_of, run.settings.time_zone)
    else:
        owners = no_owners()
    run_model(
        run,
        "allocation/demand",
        table=DEMAND,
        relations={"queue_rule": queue_relation(rules), "roster": roster, "owners": owners},
    )
    demand, hands = _read_demand(run)
    collectors = collectors_by_queue(roster)
    plan = plan_split(rules, collectors, demand, hands)
    balanced = [queue for queue, rule in rules.items() if rule.mode == "balanced" and queue in demand]
    dealt = DEALT if balanced else ASSIGNMENT
    rows = run_model(run, "allocation/assignment", table=dealt, relations=plan.relations, sources={"demand": DEMAND})
    if balanced:
        _write_balanced(run, balanced, collectors)
    figures = _figures(run, rules, roster)
    unknown = [
        f"queue {queue}: not in {FILE}, split with the defaults" for queue in sorted(set(present) - set(loaded.queues))
    ]
    return StepResult(rows={ASSIGNMENT: rows}, figures=figures, warnings=[*unknown, *_warnings(run)])


def read_lake(run: Run, table: str, columns: list[str]) -> pa.Table:
    """Some columns of a lake table of the run's day."""
    return pa.concat_tables(pq.read_table(path, columns=columns) for path in run.lake.files(table, run.day))


def _read_demand(run: Run) -> tuple[dict[str, QueueDemand], Hands]:
    demand = read_lake(run, DEMAND, ["queue", "region", "work_order", "kept_by", "by_hand"])
    free = demand.filter(pc.is_null(demand["kept_by"])).sort_by([("queue", "ascending"), ("work_order", "ascending")])
    kept = (
        demand.filter(pc.is_valid(demand["kept_by"]))
        .set_column(4, "by_hand", pc.cast(demand.filter(pc.is_valid(demand["kept_by"]))["by_hand"], pa.int64()))
        .group_by(["queue", "kept_by"])
        .aggregate([([], "count_all"), ("by_hand", "sum")])
        .to_pylist()
    )
    hands = Hands()
    kept_in: dict[str, dict[str, int]] = {}
    for row in kept:
        hands.add(row["kept_by"], row["count_all"], by_hand=row["by_hand_sum"])
        kept_in.setdefault(row["queue"], {})[row["kept_by"]] = row["count_all"]
    queues = pc.unique(demand["queue"]).to_pylist()
    return {
        queue: QueueDemand(
            regions=free.filter(pc.equal(free["queue"], queue))["region"].to_pylist(), kept=kept_in.get(queue, {})
        )
        for queue in queues
    }, hands


def _write_balanced(run: Run, queues: Sequence[str], collectors: Mapping[str, Sequence[Collector]]) -> None:
    """Writes `assignment`: what was dealt, with the day's cases of `queues` swapped until amounts are even."""
    dealt = pa.concat_tables(pq.read_table(path) for path in run.lake.files(DEALT, run.day))
    dealt = dealt.sort_by([("queue", "ascending"), ("work_order", "ascending")])
    regions = read_lake(run, DEMAND, ["customer_id", "region"])
    amounts = read_lake(run, "cases", ["customer_id", "overdue_amount"])
    region = _matched(dealt, regions, "region")
    cents = pc.cast(pc.multiply(_matched(dealt, amounts, "overdue_amount"), 100), pa.int64()).to_numpy()
    owner = np.array(dealt["collector_id"].to_pylist(), dtype=object)
    source = dealt["source"].to_numpy(zero_copy_only=False)
    in_queue = dealt["queue"].to_numpy(zero_copy_only=False)
    reason = np.array(dealt["reason"].to_pylist(), dtype=object)
    for queue in queues:
        staff = sorted(collectors.get(queue, ()), key=lambda each: each.collector_id)
        ids = np.array([each.collector_id for each in staff], dtype=object)
        mine = np.flatnonzero((in_queue == queue) & (source == "auto"))
        kept = np.flatnonzero((in_queue == queue) & (source == "kept"))
        if not len(mine):
            continue
        base = np.zeros(len(ids), dtype=np.int64)
        np.add.at(base, np.searchsorted(ids, owner[kept]), cents[kept])
        names, kind = np.unique(np.array(region.take(mine).to_pylist(), dtype=str), return_inverse=True)
        may = np.array([[not name or each.regions is None or name in each.regions for each in staff] for name in names])
        owner[mine] = ids[balance(cents[mine], np.searchsorted(ids, owner[mine]), base, kind.astype(np.int64), may)]
        reason[mine] = "balanced_split"
    for name, values in (("collector_id", owner), ("reason", reason)):
        at = dealt.schema.get_field_index(name)
        dealt = dealt.set_column(at, dealt.schema.field(at), pa.array(values, dealt.schema.field(at).type))
    with run.lake.replace(ASSIGNMENT, run.day) as aside:
        pq.write_table(dealt, aside)


def _matched(rows: pa.Table, facts: pa.Table, column: str) -> pa.ChunkedArray:
    """A column of `facts` in the order of the customers of `rows`."""
    return facts[column].take(pc.index_in(rows["customer_id"], value_set=facts["customer_id"].combine_chunks()))


def _figures(run: Run, rules: Mapping[str, QueueRules], roster: pa.Table) -> dict[str, Any]:
    counts = (
        read_lake(run, ASSIGNMENT, ["queue", "collector_id"])
        .group_by(["queue", "collector_id"])
        .aggregate([([], "count_all")])
        .to_pylist()
    )
    staff: dict[str, list[str]] = {}
    for row in roster.select(["queue", "collector_id"]).to_pylist():
        staff.setdefault(row["queue"], []).append(row["collector_id"])
    in_hand = dict.fromkeys((each for members in staff.values() for each in members), 0)
    per_queue: dict[str, Any] = {}
    for queue in rules:
        mine = {row["collector_id"]: row["count_all"] for row in counts if row["queue"] == queue}
        if not mine:
            continue
        pool = mine.pop(None, 0)
        for collector, cases in mine.items():
            in_hand[collector] += cases
        shares = [mine.get(collector, 0) for collector in staff.get(queue, [])]
        per_queue[queue] = {
            "cases": sum(mine.values()) + pool,
            "collectors": len(shares),
            "min": min(shares, default=0),
            "max": max(shares, default=0),
            "pool": pool,
        }
    cases = sum(each["cases"] for each in per_queue.values())
    pool = sum(each["pool"] for each in per_queue.values())
    return {
        "cases": cases,
        "assigned": cases - pool,
        "pool": pool,
        "collectors": len(in_hand),
        "per_collector": {"min": min(in_hand.values(), default=0), "max": max(in_hand.values(), default=0)},
        "per_queue": per_queue,
    }


def _warnings(run: Run) -> list[str]:
    counts = (
        read_lake(run, ASSIGNMENT, ["queue", "reason"])
        .group_by(["queue", "reason"])
        .aggregate([([], "count_all")])
        .sort_by([("queue", "ascending"), ("reason", "ascending")])
        .to_pylist()
    )
    said = {
        NOBODY_PRESENT: "nobody is at work who is trained for it",
        NO_COLLECTOR_FOR_REGION: "nobody at work has their region",
    }
    return [
        f"queue {row['queue']}: {said[row['reason']]}; {row['count_all']} cases are in the grab pool"
        for row in counts
        if row["reason"] in said
    ]
