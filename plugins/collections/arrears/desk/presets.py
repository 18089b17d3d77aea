"""What leads set for one day: the batch of a queue, the quota of a collector, and who is absent."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.desk.callers import Caller
from arrears.warehouse import ops_desk

_QUEUE: sa.Table = ops_desk.QueuePreset.__table__  # type: ignore[assignment]
_QUOTA: sa.Table = ops_desk.CollectorPreset.__table__  # type: ignore[assignment]
_ABSENCE: sa.Table = ops_desk.Absence.__table__  # type: ignore[assignment]


def batches_of(connection: sa.Connection, day: date) -> dict[str, int]:
    """The batches that were set by hand on `day`, by queue."""
    select = sa.select(_QUEUE.c.queue, _QUEUE.c.grab_batch).where(
        _QUEUE.c.business_day == day, _QUEUE.c.grab_batch.is_not(None)
    )
    return {row.queue: row.grab_batch for row in connection.execute(select)}


def put_batch(
    connection: sa.Connection, day: date, queue: str, batch: int | None, caller: Caller, at: datetime, reason: str
) -> None:
    """Sets the queue's batch of the day; None takes it back."""
    _put(connection, _QUEUE, {"business_day": day, "queue": queue}, {"grab_batch": batch}, caller, at, reason)


def put_quota(
    connection: sa.Connection,
    day: date,
    collector_id: str,
    queue: str,
    quota: int | None,
    caller: Caller,
    at: datetime,
    reason: str,
) -> None:
    """Sets the collector's quota of the day in the queue; None takes it back."""
    key = {"business_day": day, "collector_id": collector_id, "queue": queue}
    _put(connection, _QUOTA, key, {"quota": quota}, caller, at, reason)


def put_absence(
    connection: sa.Connection,
    day: date,
    collector_id: str,
    absent: bool,
    caller: Caller,
    at: datetime,
    reason: str,
) -> None:
    """Reports a collector absent on the day, or takes that back."""
    key = {"business_day": day, "collector_id": collector_id}
    _put(connection, _ABSENCE, key, {"absent": absent}, caller, at, reason)


def _put(
    connection: sa.Connection,
    table: sa.Table,
    key: dict[str, Any],
    values: dict[str, Any],
    caller: Caller,
    at: datetime,
    reason: str,
) -> None:
    changed = {**values, "set_by": caller.name, "set_at": at, "reason": reason}
    statement = insert(table).values(**key, **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
