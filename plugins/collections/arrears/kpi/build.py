"""Builds facts and dimensions into the lake: opening facts of the day, closing facts of finished days, month ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from arrears.allocation.fairness import FAIRNESS, FAIRNESS_COLUMNS
from arrears.day import Basis, BusinessDay
from arrears.kpi import ops_reads
from arrears.kpi.arms import arm_inputs, experiment_dimension
from arrears.kpi.facts import DIMENSIONS, FACTS, ROLL, Windows, frozen_ends, windows
from arrears.kpi.rules import Label
from arrears.kpi.targets import TargetRules, target_relation, target_rules
from arrears.kpi.windows import month_end_parameters, month_end_relation
from arrears.outreach.stages import outcome_stages
from arrears.rules.rule_set import RuleSetHeader, rule_set_history
from arrears.run import Run
from arrears.sqlmodel import fetch_model, input_tables, load_model, run_model, run_select
from arrears.strategy.age_book import age_history
from arrears.strategy.ageing import ageing_parameters, ageing_rules, bucket_relation
from arrears.strategy.chain import chained
from arrears.strategy.experiment_arms import experiments_of
from arrears.strategy.promises import PROMISE_STATE, TOLD, promise_parameters, promise_rules


def build_opening(run: Run) -> dict[str, int]:
    """Builds the facts of the day itself. Runs after `build_arms`, as the closing facts do."""
    params = {"basis": run.day.basis, "rule_set_hash": run.rules.hash}
    relations, sources = arm_inputs(run)
    # days that were split before fairness was measured have none
    if run.lake.exists(FAIRNESS, run.day):
        sources = {**sources, "split_fairness": FAIRNESS}
    else:
        relations = {**relations, "split_fairness": FAIRNESS_COLUMNS.empty_table()}
    relations = {**relations, "recovery_book": recovery_book(run.lake.files("snapshot", run.day))}
    return {
        fact.lake_table: run_select(
            run,
            book_select(run.settings.sql, fact.name),
            table=fact.lake_table,
            where=f"kpi/{fact.name}.sql",
            params=params,
            relations=relations,
            sources=sources,
        )
        for fact in FACTS
        if fact.kind == "opening"
    }


def book_select(sql_root: Path, name: str) -> exp.Query:
    """The SELECT of `kpi/<name>`; one that reads `live_book` reads `snapshot` and `recovery_book` instead."""
    model = f"kpi/{name}"
    reads_live_book = "live_book" in input_tables(load_model(sql_root, model))
    return chained(sql_root, *(["kpi/live_book"] if reads_live_book else []), model)


def build_closing(run: Run) -> dict[str, int]:
    """Builds the facts of the finished days within the look-back; an empty day gives no rows."""
    days = windows(run).closing
    arm_relations, arm_sources = arm_inputs(run)
    relations = {
        **arm_relations,
        "closing_days": pa.table({"as_of": pa.array(days, pa.date32())}),
        "contact_tasks": ops_reads.contact_tasks(run.warehouse, days),
        "contact_attempts": ops_reads.contact_attempts(run.warehouse, days, recorded=False),
        "grabs": ops_reads.grabs(run.warehouse, days),
        "intervals": ops_reads.intervals(run.warehouse, days),
    }
    sources: dict[str, str | Sequence[Path]] = {**arm_sources, **_know_contacts(run, days)}
    for table in ("assignment", "treatment", "contact_plan"):
        files = _past_files(run, table, days)
        if files:
            sources[table] = files
        else:
            relations[table] = pq.read_schema(run.lake.files(table, run.day)[0]).empty_table()
    # a channel's attempts are Arrears' own, recorded at the desk or not, and beside them what the ledger alone knows
    of_channels = {
        "outcome_stage": outcome_stages(),
        "contact_attempts": pa.concat_tables(
            [
                ops_reads.contact_attempts(run.warehouse, days),
                ops_reads.unreserved_attempts(run.warehouse, days),
            ]
        ),
    }
    run_model(run, "kpi/case_credit", table=CREDIT, relations=relations, sources=sources)
    sources |= {"case_credit": CREDIT, "collector_day": "kpi/collector_day"}
    relations |= {"targets": target_relation(_rules_of(run, days)), "attendance": _attendance(run, days)}
    return {
        fact.lake_table: run_model(
            run,
            f"kpi/{fact.name}",
            table=fact.lake_table,
            params={"basis": run.day.basis},
            relations={**relations, **of_channels} if fact.name == "channel_day" else relations,
            sources={**sources, "contact_results": LEDGER_RESULTS} if fact.name == "channel_day" else sources,
        )
        for fact in FACTS
        if fact.kind == "closing"
    }


LEDGER_RESULTS = "kpi/ledger_result"
"""Lake table of the contact results that the ledger alone knows; not loaded into `mart`."""
CREDIT = "kpi/case_credit"
"""Lake table of whose a case is on a finished day, and what came of it; not loaded into `mart`."""


def _rules_of(run: Run, days: Sequence[date]) -> dict[date, TargetRules]:
    """The targets of each day, as the rules had them that were valid on it; none where there were no rules yet."""
    history = rule_set_history(run.settings.rules, run.day.as_of)
    found: dict[date, TargetRules] = {}
    for day in days:
        valid = [rules for rules in history if rules.valid_from <= day]
        found[day] = target_rules(valid[-1]) if valid else TargetRules()
    return found


def _attendance(run: Run, days: Sequence[date]) -> pa.Table:
    """Who was on the roster of each finished day, and who of them was there: as_of, collector_id, team, present.

    The roster is the ledger's of that day; whoever was reported absent by hand was not there. A day without a roster
    in the lake has no rows.
    """
    parts = [ATTENDANCE.empty_table()]
    away = ops_reads.absences(run.warehouse, days)
    for day in days:
        files = _past_files(run, "collectors", [day])
        if files:
            roster = {
                "collectors": pq.ParquetDataset(files, partitioning=None).read(
                    ["collector_id", "team", "active_from", "active_to", "present"]
                ),
                "absences": away,
                "closing_days": pa.table({"as_of": pa.array([day], pa.date32())}),
            }
            parts.append(fetch_model(run, "kpi/attendance", relations=roster).cast(ATTENDANCE))
    return pa.concat_tables(parts)


ATTENDANCE = pa.schema({"as_of": pa.date32(), "collector_id": pa.string(), "team": pa.string(), "present": pa.int32()})


def _know_contacts(run: Run, days: Sequence[date]) -> dict[str, str]:
    """Writes the contacts and promises of the days, the ledger's and the desk's; by the names that models read."""
    first, last = min(days), max(days)
    desk = {
        "desk_results": ops_reads.desk_results(run.warehouse, first, last, run.settings.time_zone),
        "desk_promises": ops_reads.desk_promises(run.warehouse, first, last),
        "closing_days": pa.table({"as_of": pa.array(days, pa.date32())}),
    }
    run_model(run, "kpi/ledger_result", table=LEDGER_RESULTS, relations=desk)
    made = {"ledger_result": LEDGER_RESULTS}
    run_model(run, "kpi/known_result", table="kpi/known_result", relations=desk, sources=made)
    run_model(run, "kpi/known_promise", table="kpi/known_promise", relations=desk)
    known = {"promises": "kpi/known_promise"}
    run_model(
        run,
        PROMISE_STATE,
        table="kpi/promise_state",
        relations={"told_promise": TOLD.empty_table()},
        sources=known,
        params=promise_parameters(promise_rules(run.rules)),
    )
    return {"contact_results": "kpi/known_result", "promise_state": "kpi/promise_state", **known}


def _past_files(run: Run, table: str, days: Iterable[date]) -> list[Path]:
    """The partitions of finished days: a frozen run takes what was worked, a restated one its own kind first."""
    bases: tuple[Basis, ...] = ("frozen",) if run.day.basis == "frozen" else ("restated", "frozen")
    files: list[Path] = []
    for day in days:
        for basis in bases:
            past = BusinessDay(day, basis)
            if run.lake.exists(table, past):
                files += run.lake.files(table, past)
                break
    return files


def build_rolls(run: Run) -> dict[str, int]:
    """Builds the roll matrix: restated from the ledger, and frozen where the lake has both ends' own snapshots."""
    asked = windows(run)
    ends = asked.ends
    restated = restated_states(run)
    parts: list[tuple[Basis, list[date], exp.Query, dict[str, Sequence[Path]]]] = [("restated", ends, restated, {})]
    kept = frozen_ends(run, ends)
    pairs = [(start, end) for start, end in itertools.pairwise(ends) if start in kept and end in kept]
    if pairs:
        files = [path for end in kept for path in run.lake.files("snapshot", BusinessDay(end, "frozen"))]
        parts.append(("frozen", kept, book_select(run.settings.sql, "month_end_snapshot"), {"snapshot": files}))
    relations = {"buckets": bucket_relation(run.rules)}
    if pairs:
        relations["recovery_book"] = recovery_book(files)
    made: list[Path] = []
    for basis, known, states, sources in parts:
        select = joined(load_model(run.settings.sql, "kpi/roll_transition"), "month_end_state", states)
        table = f"kpi/roll_transition_{basis}"
        run_select(
            run,
            select,
            table=table,
            where="kpi/roll_transition.sql",
            params={"basis": basis, **month_end_parameters(ends), **ageing_parameters(run.settings, run.rules)},
            relations={
                **relations,
                "month_ends": _known_ends(ends, known),
            },
            sources=sources,
        )
        made += run.lake.files(table, run.day)
    with run.lake.replace(ROLL.lake_table, run.day) as aside:
        rolls = pa.concat_tables([_nullable(pq.read_table(path, partitioning=None)) for path in made])
        pq.write_table(rolls, aside, compression="zstd")
    return {ROLL.lake_table: run.lake.rows(ROLL.lake_table, run.day)}


def recovery_book(snapshots: Iterable[Path]) -> pa.Table:
    """The written-off contracts in snapshots (as_of, contract_id), which the figures of the live book leave out.

    Snapshots that were made before the recovery book could be worked have none, and no column to tell.
    """
    columns = pa.schema([("as_of", pa.date32()), ("contract_id", pa.string())])
    parts = [
        pq.read_table(path, columns=columns.names, filters=pc.field("written_off"), partitioning=None).cast(columns)
        for path in snapshots
        if "written_off" in pq.read_schema(path).names
    ]
    return pa.concat_tables([columns.empty_table(), *parts])


def restated_states(run: Run) -> exp.Query:
    """The SELECT that restates buckets and balances of month ends from the ledger, by the rules' way of counting."""
    states = load_model(run.settings.sql, "kpi/month_end_state")
    if ageing_rules(run.rules).counting != "installments":
        return states
    age_history(run, live_only=True)
    return joined(load_model(run.settings.sql, "kpi/month_end_by_history"), "month_end_state", states)


def joined(select: exp.Query, name: str, step: exp.Query) -> exp.Query:
    """`select` with `step` in front as the table `name`: one statement, so that nothing in between is written."""
    whole = select.with_(name, as_=step)
    first = whole.ctes[-1]
    whole.args["with_"].set("expressions", [first, *whole.ctes[:-1]])
    return whole


def _nullable(rows: pa.Table) -> pa.Table:
    # an engine marks a column as never NULL or not, depending on where it comes from
    return rows.cast(pa.schema([field.with_nullable(True) for field in rows.schema]))


def _known_ends(ends: list[date], known: list[date]) -> pa.Table:
    relation = month_end_relation(ends)
    return relation.filter(pa.compute.is_in(relation["month_end"], value_set=pa.array(known, pa.date32())))


def build_dimensions(run: Run) -> dict[str, int]:
    """Builds the members that the day's facts name. Runs after the facts."""
    labels = windows(run).rules.labels
    models: dict[str, Mapping[str, pa.Table]] = {
        "dim_contract": {},
        "dim_customer": {},
        "dim_vehicle": {},
        "dim_dealer": {},
        "dim_product": {"labels": _label_relation(labels.products)},
        "dim_collector": {},
        "dim_team": {},
        "dim_channel": {"labels": _label_relation(labels.channels)},
    }
    fact_tables = {fact.name: fact.lake_table for fact in FACTS}
    rows = {
        f"kpi/{name}": run_model(
            run, f"kpi/{name}", table=f"kpi/{name}", relations=relations, sources=dict(fact_tables)
        )
        for name, relations in models.items()
    }
    for name, table in {
        "dim_date": calendar(windows(run)),
        "dim_bucket": _buckets(run),
        "dim_arm": experiment_dimension(experiments_of(run.rules)),
        "dim_strategy": _strategy(run),
    }.items():
        with run.lake.replace(f"kpi/{name}", run.day) as aside:
            pq.write_table(table, aside, compression="zstd")
        rows[f"kpi/{name}"] = table.num_rows
    missing = {table.name for table in DIMENSIONS} - {name.removeprefix("kpi/") for name in rows}
    assert not missing, missing  # noqa: S101 - a dimension without a builder is an error of this module
    return rows


def calendar(asked: Windows) -> pa.Table:
    """Every day of the years that the run's facts are about, as `mart.dim_date` has them."""
    first = date(min(asked.ends[0], asked.closing[0]).year, 1, 1)
    last = date(asked.as_of.year, 12, 31)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    following = [day + timedelta(days=1) for day in days]
    month_starts = [day.replace(day=1) for day in days]
    month_ends = [(day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1) for day in days]
    weeks = [day.isocalendar() for day in days]
    whole = pa.int32()
    return pa.table(
        {
            "date": pa.array(days, pa.date32()),
            "year": pa.array([day.year for day in days], whole),
            "quarter": pa.array([(day.month + 2) // 3 for day in days], whole),
            "month": pa.array([day.month for day in days], whole),
            "month_start": pa.array(month_starts, pa.date32()),
            "month_end": pa.array(month_ends, pa.date32()),
            "iso_year": pa.array([week.year for week in weeks], whole),
            "iso_week": pa.array([week.week for week in weeks], whole),
            "iso_weekday": pa.array([week.weekday for week in weeks], whole),
            "is_month_end": pa.array([after.day == 1 for after in following], pa.bool_()),
        }
    )


def _label_relation(labels: Mapping[str, Label]) -> pa.Table:
    return pa.table(
        {
            "code": pa.array(list(labels), pa.string()),
            "en": pa.array([label.en for label in labels.values()], pa.string()),
            "zh": pa.array([label.zh for label in labels.values()], pa.string()),
        }
    )


def _buckets(run: Run) -> pa.Table:
    buckets = bucket_relation(run.rules).select(["bucket_no", "bucket", "class", "from_day", "to_day"])
    labels = windows(run).rules.labels.classes
    classes: list[str] = buckets["class"].to_pylist()
    names: dict[str, Any] = {
        "class_label_en": [labels[name].en if name in labels else name for name in classes],
        "class_label_zh": [labels[name].zh if name in labels else name for name in classes],
    }
    for column, values in names.items():
        buckets = buckets.append_column(column, pa.array(values, pa.string()))
    return buckets


def _strategy(run: Run) -> pa.Table:
    header = run.rules.load("rule_set.yaml", RuleSetHeader)
    return pa.table(
        {
            "rule_set_hash": pa.array([run.rules.hash], pa.string()),
            "rule_set": pa.array([run.rules.name], pa.string()),
            "rule_set_version": pa.array([run.rules.version], pa.int32()),
            "valid_from": pa.array([header.valid_from], pa.date32()),
            "reason": pa.array([header.reason], pa.string()),
        }
    )
