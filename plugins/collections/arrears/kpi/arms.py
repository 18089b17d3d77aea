"""Arms of experiments: every case of every arm since the experiments began, and what became of it, from the ledger.

The cases and their outcomes come from the ledger of the run's day, not from which days ran; see
`include/sql/kpi/arm_case.sql` for the one thing that the finished days' own runs add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from arrears.day import BusinessDay
from arrears.kpi import ops_reads
from arrears.rules.vocabulary import Vocabulary
from arrears.run import Run
from arrears.sqlmodel import load_model, run_model, run_select
from arrears.strategy.age_book import rule_relations
from arrears.strategy.ageing import ageing_parameters
from arrears.strategy.chain import chained
from arrears.strategy.experiment_arms import arm_select, experiments_of, slice_relation
from arrears.strategy.experiment_exclusions import exclusion_conditions
from arrears.strategy.experiment_power import need, quantile
from arrears.strategy.experiment_rules import Experiments

CASES = "kpi/arm_case"
"""Lake table of the cases of all arms; it names customers and is not loaded into `mart`."""
CUSTOMER_DAYS = "kpi/arm_customer_day"
"""Lake table of what the customers of arms paid, and how often they were contacted, per day."""

_NEEDS = pa.schema(
    [
        pa.field("experiment", pa.string()),
        pa.field("shares_from", pa.date32()),
        pa.field("valid_before", pa.date32()),
        pa.field("arm", pa.string()),
        pa.field("is_champion", pa.bool_()),
        pa.field("share", pa.decimal128(9, 6)),
        pa.field("champion_share", pa.decimal128(9, 6)),
        pa.field("metric", pa.string()),
        pa.field("within_days", pa.int32()),
        pa.field("required_cases", pa.int64()),
        pa.field("z_value", pa.float64()),
    ]
)
_ASSIGNED = pa.schema(
    [
        pa.field("as_of", pa.date32()),
        pa.field("customer_id", pa.string()),
        pa.field("case_entered_on", pa.date32()),
        pa.field("experiment", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("shares_from", pa.date32()),
    ]
)
_CASES = pa.schema(
    [
        pa.field("experiment", pa.string()),
        pa.field("arm", pa.string()),
        pa.field("shares_from", pa.date32()),
        pa.field("customer_id", pa.string()),
        pa.field("case_entered_on", pa.date32()),
        pa.field("assigned", pa.bool_()),
        pa.field("over_on", pa.date32()),
        pa.field("cured_on", pa.date32()),
        pa.field("rolled_on", pa.date32()),
    ]
)
_CUSTOMER_DAYS = pa.schema(
    [
        pa.field("customer_id", pa.string()),
        pa.field("on_day", pa.date32()),
        pa.field("recovered_amount", pa.decimal128(18, 2)),
        pa.field("contacts", pa.int64()),
    ]
)


def need_relation(experiments: Experiments) -> pa.Table:
    """The table `arm_needs`: a row per experiment, period of shares and arm with a share, and what it needs.

    required_cases is NULL for an arm that is compared with nothing in its period.
    """
    rows: list[dict[str, Any]] = []
    for experiment in experiments:
        for shares, before in experiment.periods():
            asked = need(experiment, shares).required
            rows += [
                {
                    "experiment": experiment.name,
                    "shares_from": shares.valid_from,
                    "valid_before": before,
                    "arm": arm,
                    "is_champion": arm == experiment.champion,
                    "share": _share(shares.arms[arm]),
                    "champion_share": _share(shares.arms.get(experiment.champion, Decimal(0))),
                    "metric": experiment.metric,
                    "within_days": experiment.within_days,
                    "required_cases": asked.get(arm),
                    "z_value": quantile(experiment),
                }
                for arm in experiment.arms
                if shares.arms.get(arm)
            ]
    return pa.Table.from_pylist(rows, schema=_NEEDS)


def _share(share: Decimal) -> Decimal:
    return share.quantize(Decimal("0.000001"))


def arm_inputs(run: Run) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """What the facts of arms read beside the lake's tables: relations, and lake tables by the names they go by."""
    relations = {"arm_needs": need_relation(experiments_of(run.rules))}
    return relations, {"arm_case": CASES, "arm_customer_day": CUSTOMER_DAYS}


def build_arms(run: Run) -> dict[str, int]:
    """Builds CASES and CUSTOMER_DAYS up to the day before the run's; both are empty while no experiment has begun."""
    experiments = experiments_of(run.rules)
    last = run.day.as_of - timedelta(days=1)
    begun = [each.starts_on for each in experiments if each.starts_on <= last]
    if not begun:
        return {name: _empty(run, name, schema) for name, schema in ((CASES, _CASES), (CUSTOMER_DAYS, _CUSTOMER_DAYS))}
    first = min(begun)
    params: dict[str, Any] = {
        **ageing_parameters(run.settings, run.rules),
        # what is not over is not counted: the run is in the morning of its day
        "as_of": last,
        "experiments_from": first,
    }
    history = ("strategy/pauses", "strategy/oldest_unmet", "strategy/bucket_history")
    models = ("strategy/book_period", "strategy/whole_scope", "kpi/arm_scope", *history, "kpi/arm_overdue")
    overdue = chained(run.settings.sql, *models, names={"kpi/arm_scope": "scope"})
    run_select(
        run,
        overdue,
        table="kpi/arm_overdue",
        where="kpi/arm_overdue.sql",
        params=params,
        relations=rule_relations(run.rules),
    )
    run_model(run, "kpi/arm_entry", table="kpi/arm_entry", params=params, sources={"arm_overdue": "kpi/arm_overdue"})
    vocabulary = run.rules.load("vocabulary.yaml", Vocabulary)
    drawn = arm_select(
        load_model(run.settings.sql, "strategy/experiment_arm"),
        experiments,
        exclusion_conditions(experiments, vocabulary, run.rules),
    )
    run_select(
        run,
        drawn,
        table="kpi/arm_drawn",
        where="strategy/experiment_arm.sql",
        params=params,
        relations={"arm_slices": slice_relation(experiments)},
        sources={"case_entry": "kpi/arm_entry"},
    )
    relations, _ = arm_inputs(run)
    sources: dict[str, str | Sequence[Path]] = {
        name: f"kpi/{name}" for name in ("arm_overdue", "arm_entry", "arm_drawn")
    }
    assigned = _assigned(run, first, last)
    if assigned:
        sources["arm_assigned"] = assigned
    else:
        relations["arm_assigned"] = _ASSIGNED.empty_table()
    rows = {
        CASES: run_model(run, "kpi/arm_case", table=CASES, params=params, relations=relations, sources=sources),
    }
    counts = {
        "contact_counts": ops_reads.contact_counts(run.warehouse, first, last),
        "desk_results": ops_reads.desk_results(run.warehouse, first, last, run.settings.time_zone),
    }
    rows[CUSTOMER_DAYS] = run_model(
        run,
        "kpi/arm_customer_day",
        table=CUSTOMER_DAYS,
        params=params,
        relations=counts,
        sources={"arm_case": CASES},
    )
    return rows


def _assigned(run: Run, first: date, last: date) -> list[Path]:
    """The partitions of the arms that the days' own runs gave."""
    files: list[Path] = []
    for offset in range((last - first).days + 1):
        day = BusinessDay(first + timedelta(days=offset), "frozen")
        if run.lake.exists("experiment_arm", day):
            files += run.lake.files("experiment_arm", day)
    return files


def _empty(run: Run, table: str, schema: pa.Schema) -> int:
    import pyarrow.parquet as pq

    with run.lake.replace(table, run.day) as aside:
        pq.write_table(schema.empty_table(), aside)
    return 0


def experiment_dimension(experiments: Experiments) -> pa.Table:
    """Rows of `mart.dim_arm`: every arm of every experiment, and what was declared of it."""
    kinds: Mapping[str, pa.DataType] = {
        "experiment": pa.string(),
        "arm": pa.string(),
        "meaning": pa.string(),
        "is_champion": pa.bool_(),
        "hypothesis": pa.string(),
        "owner": pa.string(),
        "reason": pa.string(),
        "metric": pa.string(),
        "within_days": pa.int32(),
        "baseline": pa.decimal128(18, 6),
        "minimum_effect": pa.decimal128(18, 6),
        "alpha": pa.decimal128(9, 6),
        "power": pa.decimal128(9, 6),
        "starts_on": pa.date32(),
        "ends_on": pa.date32(),
    }
    rows = [
        {
            "experiment": each.name,
            "arm": arm,
            "meaning": meaning,
            "is_champion": arm == each.champion,
            "hypothesis": each.hypothesis,
            "owner": each.owner,
            "reason": each.reason,
            "metric": each.metric,
            "within_days": each.within_days,
            "baseline": _share(each.baseline),
            "minimum_effect": _share(each.minimum_effect),
            "alpha": _share(each.alpha),
            "power": _share(each.power),
            "starts_on": each.starts_on,
            "ends_on": each.ends_on,
        }
        for each in experiments
        for arm, meaning in each.arms.items()
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
