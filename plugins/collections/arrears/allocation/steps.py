"""The steps of `worklist_daily` that give cases to collectors: compute the split, apply it to ops."""

from __future__ import annotations

from arrears.allocation.allocate import allocate
from arrears.run import Run, StepResult


def allocate_cases(run: Run) -> StepResult:
    """Computes who gets which case into `assignment`: owners of the morning kept, the rest split, the remainder pooled.

    How even that is goes into `allocation_fairness`, and what each collector has into `collector_share`. On the
    current day the owners of the morning come from `ops`; a past day starts without any.
    """
    run.lake.require("ledger", run.day, ("collectors", "contracts", "contact_results", "payments", "promises"))
    run.lake.require("treatment", run.day, ("cases", "treatment"))
    return allocate(run)


def open_grab_pool(run: Run) -> StepResult:
    """Applies `assignment` to `ops` in one transaction; a past day changes nothing there."""
    from arrears.allocation.merge import apply_assignment

    if not run.is_current:
        return StepResult(figures={"ops": "left as it is: a past day"})
    run.lake.require("ledger", run.day, ("collectors", "contracts"))
    run.lake.require("treatment", run.day, ("cases",))
    return apply_assignment(run)
