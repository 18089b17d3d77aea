"""The steps of the day: what each one does, reads and writes, and how one is run and recorded.

Dags, command line and documentation all take the steps from here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any

from arrears.errors import ArrearsError
from arrears.run import Run, StepResult

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One step of the day."""

    name: str
    """Task id in Airflow and name on the command line."""
    dag: str
    function: str
    """`module:function`, resolved when it is run: a Dag file imports nothing heavy."""
    does: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    on_failure: str
    """What ops do when it fails."""

    def resolve(self) -> Callable[..., StepResult]:
        """The function that does the step."""
        module, _, name = self.function.partition(":")
        function: Callable[..., StepResult] = getattr(import_module(module), name)
        return function


_LEDGER = "contracts, installments, payments and the other ledger tables"

_STEPS = (
    Step(
        "pull_ledger",
        "ledger_daily",
        "arrears.ledger.pull:pull_ledger",
        "Copies the lender's ledger into the lake, all tables from one snapshot, types checked at the door.",
        ("the lender's database or folder",),
        ("lake pulled/*",),
        "The message names table and column, or the connection. Mend the source, the mapping or the connection; clear.",
    ),
    Step(
        "check_quality",
        "ledger_daily",
        "arrears.quality.gate:check_quality",
        "Judges the pulled tables by quality.yaml with Great Expectations; keeps bad rows in quarantine.",
        ("lake pulled/*", "quality.yaml"),
        ("lake quarantine", "audit.quality_result", "quality report"),
        "Open the quality report; have the rows corrected at the lender and clear pull_ledger, or widen the tolerance.",
    ),
    Step(
        "publish_ledger",
        "ledger_daily",
        "arrears.ledger.publish:publish_ledger",
        "Publishes the day's ledger without quarantined rows, and holds the contracts that have any.",
        ("lake pulled/*", "lake quarantine"),
        ("lake ledger tables", "manifest ledger"),
        "Clear check_quality: publication wants a passed check of exactly the pulled files.",
    ),
    Step(
        "check_rules",
        "strategy_daily",
        "arrears.strategy.steps:check_rules",
        "Parses and checks all rule files, and what a change does to running experiments, before anything is decided.",
        ("include/rules",),
        (),
        "The message names file and line. Correct the rule file; clear.",
    ),
    Step(
        "age_contracts",
        "strategy_daily",
        "arrears.strategy.steps:age_contracts",
        "Ages every contract of the book (days past due, amounts, bucket, class, first or repeated), finds the day on "
        "which each case began; keeps rules and SQL under their hashes, and writes down what made the tables.",
        (_LEDGER, "ageing.yaml"),
        ("lake snapshot", "lake case_entry", "lake _rules/<hash>", "lake _sql/<hash>", "manifest ageing"),
        "Clear it. If the ledger is named as not published, clear publish_ledger first.",
    ),
    Step(
        "tier_balances",
        "strategy_daily",
        "arrears.strategy.steps:tier_balances",
        "Tiers overdue contracts by amount, share of the debt, and first or repeated.",
        ("lake snapshot", "balance.yaml"),
        ("lake tiers",),
        "Clear it.",
    ),
    Step(
        "apply_rules",
        "strategy_daily",
        "arrears.strategy.steps:apply_rules",
        "Gives every case its arms of experiments, then applies scores, profile and the decision tables: segment, "
        "treatment, queue and priority per contract.",
        (
            "lake snapshot",
            "lake tiers",
            "scores",
            "customers",
            "lake case_entry",
            "contracts",
            "scores.yaml, profile.yaml, treatments.yaml, balance.yaml, experiments.yaml",
        ),
        ("lake experiment_arm", "lake decision"),
        "Clear it. A message that names a rule file comes from the rules: correct the file first.",
    ),
    Step(
        "publish_treatments",
        "strategy_daily",
        "arrears.strategy.steps:publish_treatments",
        "Publishes treatments and cases (one per customer) with a manifest of what made them: rule set, SQL, code, "
        "settings and the ledger's digests; keeps rules and SQL under their hashes, so that the day can be explained "
        "and replayed.",
        ("lake decision", "lake snapshot", "lake case_entry", "customers"),
        ("lake treatment", "lake cases", "lake _rules/<hash>", "lake _sql/<hash>", "manifest treatment"),
        "Clear it.",
    ),
    Step(
        "allocate_cases",
        "worklist_daily",
        "arrears.allocation.steps:allocate_cases",
        "Computes who gets which case: by each queue's rules and what leads set for the day; the rest to the pool. "
        "Says how even that is, and what keeps whom from more.",
        (
            "lake cases",
            "lake treatment",
            "collectors",
            "contracts",
            "contact_results",
            "payments",
            "promises",
            "ops.case_assignment",
            "ops.contact_result",
            "ops.promise",
            "ops.absence",
            "ops.collector_preset",
            "allocation.yaml",
        ),
        ("lake assignment", "lake allocation_fairness", "lake collector_share"),
        "Clear it. A queue without anyone present is a warning, not a failure: its cases go to the pool.",
    ),
    Step(
        "open_grab_pool",
        "worklist_daily",
        "arrears.allocation.steps:open_grab_pool",
        "Applies owners and pool to ops in one transaction; what people did by hand stays.",
        ("lake assignment", "lake collector_share"),
        ("ops.case", "ops.case_assignment", "ops.collector", "ops.collector_share"),
        "Clear it: a transaction that did not end has changed nothing.",
    ),
    Step(
        "plan_contacts",
        "worklist_daily",
        "arrears.outreach.steps:plan_contacts",
        "Plans the day's contacts within cap, hours and consent, into the outbox.",
        (
            "lake cases",
            "customers",
            "consents",
            "contact_results",
            "promises",
            "ops.vehicle_step",
            "contact.yaml, vehicles.yaml, policies/*.yaml",
        ),
        ("lake contact_plan", "lake promise_state", "ops.contact_task", "ops.vehicle_step"),
        "Clear it: slots that were tried stay as they are, the rest is planned anew.",
    ),
    Step(
        "publish_worklist",
        "worklist_daily",
        "arrears.outreach.steps:publish_worklist",
        "Publishes the day's worklist: assignments and contact plan together.",
        ("lake assignment", "lake contact_plan"),
        ("manifest worklist",),
        "Clear it.",
    ),
    Step(
        "push_contacts",
        "outreach_daily",
        "arrears.outreach.steps:push_contacts",
        "Sends what may go now over one channel, each task once.",
        ("ops.contact_task", "ops.contact_channel", "customers", "contact.yaml, providers/*.yaml"),
        (
            "ops.contact_attempt",
            "ops.contact_task",
            "ops.contact_channel",
            "ops.partner_file",
            "the channel's provider",
        ),
        "Look at the channel's connection and provider; clear: what went out does not go again.",
    ),
    Step(
        "reconcile_contacts",
        "outreach_daily",
        "arrears.outreach.steps:reconcile_contacts",
        "Settles attempts whose end is not known, takes in receipts, acknowledgements and results, takes hand-overs "
        "back that are over, and counts what was planned against what went out.",
        ("ops.contact_attempt", "the channels' providers"),
        (
            "ops.contact_task",
            "ops.contact_attempt",
            "ops.unmatched_receipt",
            "ops.promise",
            "ops.customer_consent, ops.customer_notice",
            "ops.partner_file",
            "ops.placement_recall",
            "recall files",
        ),
        "A file of a partner that is named was not taken in: ask him for it again. Clear it.",
    ),
    Step(
        "push_approved",
        "approvals_daily",
        "arrears.outreach.steps:push_approved",
        "Sends the agency, legal and repossession contacts that a person approved, with their documents.",
        ("ops.contact_task",),
        ("ops.contact_attempt", "ops.contact_task", "ops.vehicle_step", "lists and documents in the outbox folder"),
        "Clear it: what was handed over is not handed over again.",
    ),
    Step(
        "build_kpis",
        "kpi_daily",
        "arrears.kpi.steps:build_kpis",
        "Computes the day's opening facts and the closing facts of finished days.",
        ("lake ledger tables, snapshot, treatment, cases, assignment, experiment_arm of finished days", "ops"),
        ("lake kpi/*",),
        "Clear it.",
    ),
    Step(
        "load_warehouse",
        "kpi_daily",
        "arrears.kpi.steps:load_warehouse",
        "Loads dimensions and facts into mart: staged, then replaced by day in one transaction.",
        ("lake kpi/*",),
        ("mart.*",),
        "Clear it once the warehouse answers: a load that did not end has changed nothing.",
    ),
    Step(
        "publish_report",
        "kpi_daily",
        "arrears.kpi.steps:publish_report",
        "Writes the day's report: one HTML file with charts.",
        ("mart.*",),
        ("report",),
        "Clear it.",
    ),
)

STEPS: Mapping[str, Step] = MappingProxyType({step.name: step for step in _STEPS})
"""The steps by name, in the order of the day."""


def run_step(run: Run, name: str, **arguments: Any) -> StepResult:
    """Runs the step `name` and records how it went in `audit.step_result`.

    `arguments` go to the step (push_contacts takes its channel). Errors are recorded and raised on.
    """
    from arrears.warehouse.audit import record_step

    step = STEPS[name]
    detail = ",".join(str(value) for key, value in sorted(arguments.items()) if key == "channel")
    started_at = run.clock.now()
    started = time.monotonic()
    log.info("%s for %s starts", name, run.day)
    try:
        result = step.resolve()(run, **arguments)
    except Exception as error:
        # the text of foreign errors may quote rows; only our own are free of personal data by contract
        message = str(error) if isinstance(error, ArrearsError) else type(error).__name__
        record_step(run, step, detail, "failed", started_at, time.monotonic() - started, StepResult(), message)
        raise
    seconds = time.monotonic() - started
    record_step(run, step, detail, "success", started_at, seconds, result, None)
    log.info("%s for %s took %.1f s: %s", name, run.day, seconds, result.rows)
    for warning in result.warnings:
        log.warning("%s for %s: %s", name, run.day, warning)
    return result
