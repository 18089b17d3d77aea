"""The steps of `strategy_daily`: check the rules, age, tier, decide, publish."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlglot import exp

from arrears.lake import Lake
from arrears.rules.findings import raise_errors, shown_place
from arrears.rules.registry import parse_all
from arrears.rules.rule_set import KEPT, RuleSet
from arrears.run import Run, StepResult
from arrears.sqlmodel import fetch_model, input_tables, load_model, run_model, run_select
from arrears.strategy.age_book import TABLES as AGED
from arrears.strategy.age_book import age_book
from arrears.strategy.ageing import ageing_parameters, stop_hold_relation
from arrears.strategy.chain import chained
from arrears.strategy.check import check_day, uses_under_review
from arrears.strategy.compile import decision_select, load_strategy, tiers_select
from arrears.strategy.experiment_arms import arm_select, slice_relation
from arrears.strategy.experiment_exclusions import exclusion_conditions
from arrears.strategy.promises import PROMISE_STATE, TOLD, promise_parameters, promise_rules
from arrears.strategy.record import AGEING, keep_models, made_by
from arrears.strategy.score_rules import model_relation, stage_relation

AREA = "treatment"
"""Area of the lake that `publish_treatments` publishes."""
DECIDED = ("snapshot", "tiers", "experiment_arm", "decision", "treatment", "cases")
"""What is published as the day's decisions."""
_LEDGER_READ = ("contracts", "installments", "payments", "charges", "holds")


def check_rules(run: Run) -> StepResult:
    """Checks the day's rule set wholly, also against the one that it follows.

    Fails with all errors, and carries warnings and notes on.
    """
    findings = check_day(run.settings.rules, run.day.as_of)
    raise_errors(findings)
    return StepResult(
        figures={
            "rule_set": run.rules.name,
            "version": run.rules.version,
            "hash": run.rules.hash,
            "files": sum(1 for _ in parse_all(run.rules)),
            "rules_under_review": uses_under_review(run.rules),
            "findings": [each.as_json() for each in findings],
        },
        warnings=[f"{shown_place(each.where)}: {each.message}" for each in findings if each.severity == "warning"],
    )


def age_contracts(run: Run) -> StepResult:
    """Ages every contract of the book into `snapshot`, and finds when each case began, into `case_entry`."""
    run.lake.require("ledger", run.day, _LEDGER_READ)
    aged = age_book(run)
    # a replay needs the rules, models and settings of this very step, whatever the later ones ran with
    keep_rule_files(run.rules, run.lake)
    keep_models(run.settings.sql, run.lake)
    run.lake.publish(AGEING, run.day, AGED, made_by(run, run.lake.published("ledger", run.day) or {}))
    snapshot, recovery = _books(run)
    counts = snapshot.group_by(["bucket", "bucket_no"]).aggregate([([], "count_all")]).sort_by("bucket_no")
    bands = fetch_model(run, "strategy/days_past_due")
    return StepResult(
        rows={name: aged[name] for name in ("snapshot", "case_entry")},
        figures={
            "live": snapshot.num_rows,
            # days on which nothing is worked but the live book say no more than they always did
            **({"recovery": recovery} if recovery else {}),
            "days_past_due": dict(zip(bands["band"].to_pylist(), bands["contracts"].to_pylist(), strict=True)),
            "held": pc.sum(snapshot["held"]).as_py() or 0,
            "buckets": dict(zip(counts["bucket"].to_pylist(), counts["count_all"].to_pylist(), strict=True)),
            "parameters": {name: str(value) for name, value in ageing_parameters(run.settings, run.rules).items()},
        },
    )


def _books(run: Run) -> tuple[pa.Table, int]:
    """Bucket and holds of the live book's contracts, and how many the recovery book has."""
    columns = ["bucket", "bucket_no", "held"]
    # models that were kept before the recovery book could be worked do not tell the two apart
    if "written_off" not in pq.read_schema(run.lake.files("snapshot", run.day)[0]).names:
        return run.lake.read("snapshot", run.day, columns), 0
    whole = run.lake.read("snapshot", run.day, [*columns, "written_off"])
    live = whole.filter(pc.invert(whole["written_off"]))
    return live.select(columns), whole.num_rows - live.num_rows


def tier_balances(run: Run) -> StepResult:
    """Tiers the balance of every contract with an unmet instalment into `tiers`."""
    delinquents = load_model(run.settings.sql, "strategy/delinquents")
    select = tiers_select(load_strategy(run.rules), delinquents)
    rows = run_select(run, select, table="tiers", where="strategy/delinquents.sql and balance.yaml")
    return StepResult(rows={"tiers": rows})


def apply_rules(run: Run) -> StepResult:
    """Applies scores, profile and decision tables to every contract with an unmet instalment into `decision`.

    Before that, every case gets its arm of every experiment, into `experiment_arm`.
    """
    run.lake.require("ledger", run.day, ("contracts", "customers", "payments", "promises", "scores"))
    strategy = load_strategy(run.rules)
    armed = run_select(
        run,
        arm_select(
            load_model(run.settings.sql, "strategy/experiment_arm"),
            strategy.experiments,
            exclusion_conditions(strategy.experiments, strategy.vocabulary, run.rules),
        ),
        table="experiment_arm",
        where="strategy/experiment_arm.sql and experiments.yaml",
        relations={"arm_slices": slice_relation(strategy.experiments)},
    )
    stamp: dict[str, str | int] = {
        "rule_set": run.rules.name,
        "rule_set_version": run.rules.version,
        "rule_set_hash": run.rules.hash,
    }
    rows = run_select(
        run,
        decision_select(strategy, facts_select(run.settings.sql), stamp),
        table="decision",
        where="strategy/facts.sql and the rule files",
        params=promise_parameters(promise_rules(run.rules)),
        relations={
            # the ledger's promises alone: a decision is made from what the day's ledger says
            "told_promise": TOLD.empty_table(),
            "stages": stage_relation(strategy.scores),
            "models": model_relation(strategy.scores),
            "stop_holds": stop_hold_relation(run.rules),
        },
    )
    return StepResult(rows={"experiment_arm": armed, "decision": rows})


def facts_select(sql_root: Path) -> exp.Query:
    """The model of what the decision tables look at, with the promises' states that it reads."""
    facts = load_model(sql_root, "strategy/facts")
    # models that were kept before promises were tracked do not read them
    return chained(sql_root, PROMISE_STATE, "strategy/facts") if "promise_state" in input_tables(facts) else facts


def publish_treatments(run: Run) -> StepResult:
    """Publishes `treatment` and `cases` together; keeps rule files and SQL models under their hashes."""
    run.lake.require("ledger", run.day, ("customers",))
    kept = keep_rule_files(run.rules, run.lake)
    rows = {name: run_model(run, f"strategy/{name}") for name in ("treatment", "cases")}
    keep_models(run.settings.sql, run.lake)
    run.lake.publish(AREA, run.day, DECIDED, made_by(run, run.lake.published("ledger", run.day) or {}))
    cases = run.lake.read("cases", run.day, ["queue"])
    counts = cases.group_by("queue").aggregate([([], "count_all")]).sort_by("queue")
    return StepResult(
        rows=rows,
        figures={
            "queues": dict(zip(counts["queue"].to_pylist(), counts["count_all"].to_pylist(), strict=True)),
            "rules_kept": kept.name,
        },
    )


def keep_rule_files(rules: RuleSet, lake: Lake) -> Path:
    """Keeps the rule files in the lake under `_rules/<hash>`, once; returns the folder."""
    header = {"name": rules.name, "version": rules.version, "hash": rules.hash}
    files = {name: (rules.text(name) or "").encode() for name in rules.files()}
    files["rule_set.json"] = (json.dumps(header, sort_keys=True) + "\n").encode()
    return lake.keep(f"{KEPT}/{rules.hash}", files)
