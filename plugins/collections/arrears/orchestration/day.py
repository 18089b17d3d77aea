"""From a Dag run to the library's run: the business day, and errors in the form that Airflow acts on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from arrears.day import parse_day
from arrears.errors import (
    ArrearsError,
    ChannelError,
    LakeError,
    LedgerError,
    NotPublishedError,
    OutOfOrderError,
    WarehouseError,
)
from arrears.settings import Settings, load_settings

if TYPE_CHECKING:
    from arrears.run import Run


def business_day(dag_run: Any) -> date:
    """The business day of a Dag run: its partition key.

    Raises AirflowFailException that says how to give one, since a run by hand may lack it.
    """
    key = dag_run.partition_key
    if not key:
        raise AirflowFailException(
            f"{dag_run.dag_id}: expected a partition key with the business day (YYYY-MM-DD); found none. "
            "Trigger the Dag with a partition key, or backfill ledger_daily over the days."
        )
    with airflow_errors():
        return parse_day(key, where=f"partition key of {dag_run.dag_id}")


@contextmanager
def opened_run(dag_run: Any) -> Iterator[Run]:
    """Opens the library's run for a Dag run, and raises the library's errors as Airflow's."""
    from arrears.run import open_run

    as_of = business_day(dag_run)
    with airflow_errors():
        settings = load_settings()
        _skip_schedule_of_fixed_clock(dag_run, as_of, settings)
        with open_run(settings, as_of) as run:
            yield run


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Raises errors that no retry can mend as AirflowFailException, with the library's message; others pass."""
    try:
        yield
    except ArrearsError as error:
        if may_pass(error):
            raise
        raise AirflowFailException(str(error)) from error


def may_pass(error: ArrearsError) -> bool:
    """Whether the cause may pass by itself: a system that does not answer, a lock that somebody holds,
    a day before that is still under way.

    A ledger that breaks its contract, a closed quality gate or a wrong rule file stay what they are. A ledger error
    that was caused by another error comes from its database or folder, which may be back a minute later.
    """
    if isinstance(error, NotPublishedError):
        return False
    if isinstance(error, LedgerError):
        return error.__cause__ is not None
    return isinstance(error, ChannelError | LakeError | OutOfOrderError | WarehouseError)


def _skip_schedule_of_fixed_clock(dag_run: Any, as_of: date, settings: Settings) -> None:
    # a stack whose clock stands still on one day must not try the days that pass outside
    if dag_run.run_type == "scheduled" and settings.clock is not None and as_of != settings.acting_clock().today():
        raise AirflowSkipException(f"ARREARS_CLOCK is fixed at {settings.clock}: {as_of} is not run by schedule")
