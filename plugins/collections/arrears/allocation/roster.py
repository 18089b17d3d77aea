"""The roster: who may be given cases of which queue today, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from arrears.allocation.presets import Presets, read_presets
from arrears.allocation.rules import QueueRules, queue_relation
from arrears.allocation.split import Collector
from arrears.errors import AllocationError
from arrears.run import Run
from arrears.sqlmodel import fetch_model


def read_collectors(run: Run) -> pa.Table:
    """All collectors of the day's ledger, without names, as `ops.collector` keeps them.

    Raises AllocationError for a collector who is in it twice.
    """
    collectors = fetch_model(run, "allocation/collector_image")
    ids = collectors["collector_id"].to_pylist()
    if len(set(ids)) < len(ids):
        twice = sorted({each for each in ids if ids.count(each) > 1})
        raise AllocationError(
            expected="every collector once",
            found=f"several rows of {', '.join(twice[:5])}",
            where=f"lake table collectors of {run.day}",
            action="Have the collectors corrected at the lender, and clear pull_ledger.",
        )
    return collectors


def read_roster(run: Run, rules: Mapping[str, QueueRules]) -> pa.Table:
    """The roster of the run's day: one row per queue and collector at work who is trained for it.

    On the current day whoever was reported absent by hand is not on it, and `queue_quota` is the quota that was set by
    hand for him in the queue (NULL: none was).
    """
    presets = Presets()
    if run.is_current:
        with run.warehouse.connect() as connection:
            presets = read_presets(connection, run.day.as_of)
    relations = {"collector_image": read_collectors(run), "queue_rule": queue_relation(rules)}
    roster = fetch_model(run, "allocation/roster", relations=relations)
    away = pa.array(sorted(presets.absent), pa.string())
    roster = roster.filter(pc.invert(pc.is_in(roster["collector_id"], value_set=away)))
    keys = zip(roster["queue"].to_pylist(), roster["collector_id"].to_pylist(), strict=True)
    return roster.append_column("queue_quota", pa.array([presets.quotas.get(key) for key in keys], pa.int64()))


def collectors_by_queue(roster: pa.Table) -> dict[str, Sequence[Collector]]:
    """The roster as collectors per queue."""
    result: dict[str, list[Collector]] = {}
    for row in roster.to_pylist():
        regions = row["regions"]
        result.setdefault(row["queue"], []).append(
            Collector(
                collector_id=row["collector_id"],
                regions=None if regions is None else frozenset(regions.split(",")) - {""},
                daily_quota=row["daily_quota"],
                queue_quota=row["queue_quota"],
                capacity=row["capacity"],
            )
        )
    return dict(result)
