"""The roster: who may be given cases of which queue today, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from arrears.allocation.lists import listed
from arrears.allocation.presets import Presets, read_presets
from arrears.allocation.rules import AllocationRules, QueueRules, queue_relation
from arrears.errors import AllocationError
from arrears.run import Run
from arrears.sqlmodel import fetch_model


@dataclass(frozen=True)
class Roster:
    """The collectors of the day's ledger and who of them works which queue."""

    collectors: pa.Table
    """All of them, as `ops.collector` keeps them, sorted by id."""
    trained: pa.Table
    """One row per queue and collector who is trained for it, present or not; `at_work` says which, and
    `queue_quota` is the quota that was set by hand for him in the queue (NULL: none was)."""
    absent: frozenset[str]
    """Those whom a lead reported absent."""

    @property
    def at_work(self) -> pa.Table:
        """The rows of `trained` of those who are at work."""
        return self.trained.filter(self.trained["at_work"])

    @property
    def knows_seniority(self) -> bool:
        """Whether anybody has a seniority: without it, large amounts cannot ask for one."""
        return bool(self.collectors["seniority"].null_count < self.collectors.num_rows)


def read_collectors(run: Run, rules: Mapping[str, QueueRules]) -> pa.Table:
    """All collectors of the day's ledger, without names, as `ops.collector` keeps them.

    Where a queue is for some teams only, `skills` are the queues that a collector may work by that as well, so that
    whoever reads the roster holds to it. Raises AllocationError for a collector who is in it twice.
    """
    collectors = fetch_model(run, "allocation/collector_image").sort_by("collector_id")
    ids, counts = np.unique(np.array(collectors["collector_id"].to_pylist(), dtype=str), return_counts=True)
    twice = ids[counts > 1].tolist()
    if twice:
        raise AllocationError(
            expected="every collector once",
            found=f"several rows of {', '.join(twice[:5])}",
            where=f"lake table collectors of {run.day}",
            action="Have the collectors corrected at the lender, and clear pull_ledger.",
        )
    if any(rule.teams is not None for rule in rules.values()):
        skills = [
            _queues_of(row["skills"], row["team"], rules) for row in collectors.select(["skills", "team"]).to_pylist()
        ]
        at = collectors.schema.get_field_index("skills")
        collectors = collectors.set_column(at, collectors.schema.field(at), pa.array(skills, pa.string()))
    return collectors


def _queues_of(skills: str | None, team: str | None, rules: Mapping[str, QueueRules]) -> str:
    """The queues that somebody is trained for and that are for his team."""
    trained = tuple(rules) if skills is None else listed(skills)
    return ",".join(each for each in trained if each not in rules or _for_team(rules[each], team))


def _for_team(rule: QueueRules, team: str | None) -> bool:
    return rule.teams is None or team in rule.teams


def read_whole_roster(run: Run, rules: Mapping[str, QueueRules]) -> Roster:
    """The roster of the run's day. On the current day whoever was reported absent by hand is not at work."""
    presets = Presets()
    if run.is_current:
        with run.warehouse.connect() as connection:
            presets = read_presets(connection, run.day.as_of)
    collectors = read_collectors(run, rules)
    relations = {"collector_image": collectors, "queue_rule": queue_relation(rules)}
    trained = fetch_model(run, "allocation/roster", relations=relations)
    here = pc.invert(pc.is_in(trained["collector_id"], value_set=pa.array(sorted(presets.absent), pa.string())))
    at = trained.schema.get_field_index("at_work")
    trained = trained.set_column(at, "at_work", pc.and_(trained["at_work"], here))
    keys = zip(trained["queue"].to_pylist(), trained["collector_id"].to_pylist(), strict=True)
    quotas = pa.array([presets.quotas.get(key) for key in keys], pa.int64())
    return Roster(collectors, trained.append_column("queue_quota", quotas), presets.absent)


def read_roster(run: Run, rules: Mapping[str, QueueRules]) -> pa.Table:
    """One row per queue and collector at work who is trained for it."""
    return read_whole_roster(run, rules).at_work


def conflict_relation(rules: AllocationRules, collectors: pa.Table) -> pa.Table:
    """The conflicts of the rules, teams dissolved into their collectors: collector_id, customer_id, dealer_id."""
    members: dict[str, list[str]] = {}
    for row in collectors.select(["collector_id", "team"]).to_pylist():
        members.setdefault(row["team"] or "", []).append(row["collector_id"])
    rows: set[tuple[str, str | None, str | None]] = set()
    for conflict in rules.conflicts:
        who = {*conflict.collectors, *(each for team in conflict.teams for each in members.get(team, ()))}
        rows |= {(each, customer, None) for each in who for customer in conflict.customers}
        rows |= {(each, None, dealer) for each in who for dealer in conflict.dealers}
    names = ("collector_id", "customer_id", "dealer_id")
    ordered = sorted(rows, key=lambda row: tuple(value or "" for value in row))
    return pa.table({name: pa.array([row[place] for row in ordered], pa.string()) for place, name in enumerate(names)})
