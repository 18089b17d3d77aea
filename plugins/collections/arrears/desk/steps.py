"""What the clock does at the desk every few minutes, recorded in the audit like any step."""

from __future__ import annotations

import logging
import time

from arrears.errors import ArrearsError
from arrears.run import Run, StepResult
from arrears.steps import Step

log = logging.getLogger(__name__)

EXPIRE = Step(
    "expire_leases",
    "outreach_dispatch",
    "arrears.desk.steps:expire_leases",
    "Puts grabbed cases whose lease is over back into the pool; settles calls without a result of earlier days.",
    ("ops.case",),
    ("ops.case", "ops.case_assignment", "ops.case_event", "ops.contact_task"),
    "Clear it; every grab does the same for itself.",
)


def expire_leases(run: Run) -> StepResult:
    """Ends the leases that are over on the current business day, and keeps in `audit` what it did, if anything."""
    from arrears.desk.desk import Desk
    from arrears.warehouse.audit import record_step

    if not run.is_current:
        return StepResult(figures={"skipped": "not the current business day: nothing is changed"})
    started_at, started = run.clock.now(), time.monotonic()
    desk = Desk(run.warehouse, run.settings, run.clock)
    try:
        expired = desk.expire()
    except Exception as error:
        message = str(error) if isinstance(error, ArrearsError) else type(error).__name__
        record_step(run, EXPIRE, "", "failed", started_at, time.monotonic() - started, StepResult(), message)
        raise
    result = StepResult(rows={"ops.case": expired})
    if expired:
        record_step(run, EXPIRE, "", "success", started_at, time.monotonic() - started, result, None)
        log.info("%d leases were over: their cases are in the pool", expired)
    return result
