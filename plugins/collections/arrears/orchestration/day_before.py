"""The order of days in a backfill, checked by the one step that looks at the day before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arrears.errors import OutOfOrderError

if TYPE_CHECKING:
    from arrears.run import Run


def require_day_before(run: Run) -> None:
    """Raises OutOfOrderError while an earlier day is pulled but not yet checked, when `run` is for a past day.

    The quality gate compares a day with the last one before it. A backfill with several active runs may have that one
    still under way; a later try of the task then finds it. The current day never waits for a past one.
    """
    if run.is_current:
        return
    from arrears.ledger.pull import AREA as PULLED
    from arrears.quality.checked import AREA as CHECKED

    pulled = run.lake.previous_day(PULLED, run.day)
    checked = run.lake.previous_day(CHECKED, run.day)
    if pulled is not None and (checked is None or checked.as_of < pulled.as_of):
        raise OutOfOrderError(
            expected=f"the ledger of {pulled} to be checked before that of {run.day}",
            found="it is pulled, and not checked yet",
            where="check_quality",
            action=f"It is tried again; if {pulled} has failed, clear its check_quality first. Backfill oldest day "
            "first, with one active run.",
        )
