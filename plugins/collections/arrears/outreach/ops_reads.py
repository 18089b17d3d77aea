"""What the plan reads of `ops`: contacts, statements, notices and promises that the ledger has not, as Arrow tables.

It reads what was known when the day was first planned, also when the day is planned again: a step that is run twice
gives the same tables. What happens after that is for the gate, which is asked when a contact is about to go.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from arrears.outreach.relations import NO_OPS, OPS_CONTACT, OPS_NOTICE, OPS_PROMISE, OPS_STATEMENT, table
from arrears.outreach.rules import ContactRules
from arrears.outreach.states import DOUBTFUL_REASONS, State
from arrears.rules.policy import Policy
from arrears.run import Run
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_desk import ContactResult, Promise

BAD_ADDRESS = "address.invalid"
"""Reason of a task whose customer had no usable address."""
HAND_SLOT = "call-"
"""How the slots of calls by hand begin, which no plan asked for."""

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_RESULT: sa.Table = ContactResult.__table__  # type: ignore[assignment]
_CONSENT: sa.Table = CustomerConsent.__table__  # type: ignore[assignment]
_NOTICE: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]
_PROMISE: sa.Table = Promise.__table__  # type: ignore[assignment]
_ROWS_A_PART = 50_000


def nothing_from_ops() -> dict[str, pa.Table]:
    """The relations of a plan that knows nothing but the ledger: that of a past day."""
    return {**NO_OPS, "ops_notice": table(OPS_NOTICE, ()), "ops_promise": table(OPS_PROMISE, ())}


def known_until(run: Run) -> datetime | None:
    """The instant whose knowledge plans the day: that of its first plan, now if there is none yet; what was recorded
    at or after it is not known. None on a past day, which is planned from its ledger alone.
    """
    if not run.is_current:
        return None
    with run.warehouse.connect() as connection:
        first: datetime | None = connection.scalar(_first_planned(run.day.as_of))
    return first or run.clock.now()


def read_ops(run: Run, contact: ContactRules, policy: Policy, known: datetime) -> dict[str, pa.Table]:
    """The relations of a plan of the current day: what Arrears, the desk and the customers did before `known`."""
    day, zone = run.day.as_of, run.settings.zone
    due_from = day - timedelta(days=contact.live_promise.grace_days)
    with run.warehouse.connect() as connection:
        return {
            **NO_OPS,
            "ops_contact": _read(connection, _contacts(day, policy.look_back_days, known), OPS_CONTACT),
            "ops_statement": _read(connection, _statements(zone, known), OPS_STATEMENT),
            "ops_notice": _read(connection, _notices(day, zone, known), OPS_NOTICE),
            "ops_promise": _read(connection, _promises(due_from, known), OPS_PROMISE),
        }


def _first_planned(day: date) -> sa.Select[Any]:
    planned = sa.and_(_TASK.c.business_day == day, ~_TASK.c.slot.startswith(HAND_SLOT))
    return sa.select(sa.func.min(_TASK.c.planned_at)).where(planned)


def _contacts(day: date, look_back_days: int, known: datetime) -> sa.CompoundSelect[Any]:
    since = day - timedelta(days=look_back_days)
    doubtful = sa.and_(_TASK.c.state == State.FAILED.value, _TASK.c.state_reason.in_(sorted(DOUBTFUL_REASONS)))
    today = _TASK.c.business_day == day
    tasks = (
        sa.select(
            _TASK.c.task_key,
            _RESULT.c.result_id,
            _TASK.c.customer_id,
            _TASK.c.contract_ids,
            _TASK.c.channel,
            _TASK.c.state,
            sa.func.coalesce(doubtful, sa.false()),
            _TASK.c.outcome,
            sa.false(),
            sa.func.timezone("UTC", _TASK.c.last_attempt_at),
            today,
            sa.func.coalesce(_TASK.c.state_reason == BAD_ADDRESS, sa.false()),
        )
        .outerjoin(_RESULT, _RESULT.c.task_key == _TASK.c.task_key)
        .where(_TASK.c.business_day.between(since, day), _TASK.c.attempts > 0, _TASK.c.planned_at < known)
    )
    results = sa.select(
        _RESULT.c.result_id,
        _RESULT.c.result_id,
        _RESULT.c.customer_id,
        _RESULT.c.contract_id,
        _RESULT.c.channel,
        sa.literal(State.DELIVERED.value),
        sa.false(),
        _RESULT.c.outcome,
        _RESULT.c.initiated_by == "customer",
        sa.func.timezone("UTC", _RESULT.c.attempted_at),
        _RESULT.c.business_day == day,
        sa.false(),
    ).where(_RESULT.c.business_day.between(since, day), _RESULT.c.task_key.is_(None), _RESULT.c.recorded_at < known)
    return sa.union_all(tasks, results)


def _statements(zone: ZoneInfo, known: datetime) -> sa.Select[Any]:
    return sa.select(
        _CONSENT.c.customer_id,
        _CONSENT.c.channel,
        _CONSENT.c.allowed,
        _CONSENT.c.reason,
        sa.func.timezone(zone.key, _CONSENT.c.valid_from),
        sa.func.timezone(zone.key, _CONSENT.c.valid_to),
        _minutes(_CONSENT.c.local_from),
        _minutes(_CONSENT.c.local_to),
        _CONSENT.c.place,
    ).where(_CONSENT.c.recorded_at < known)


def _notices(day: date, zone: ZoneInfo, known: datetime) -> sa.Select[Any]:
    midnight = datetime.combine(day, time.min, zone)
    return (
        sa.select(_NOTICE.c.customer_id, _NOTICE.c.kind)
        .distinct()
        .where(_NOTICE.c.at >= midnight, _NOTICE.c.recorded_at < known)
    )


def _promises(due_from: date, known: datetime) -> sa.Select[Any]:
    live = sa.and_(_PROMISE.c.due_on >= due_from, _PROMISE.c.recorded_at < known)
    return sa.select(_PROMISE.c.contract_id, _PROMISE.c.due_on).where(live)


def _minutes(text: sa.ColumnElement[str | None]) -> sa.ColumnElement[int]:
    hours, minutes = sa.func.split_part(text, ":", 1), sa.func.split_part(text, ":", 2)
    return sa.cast(hours, sa.Integer) * 60 + sa.cast(minutes, sa.Integer)


def _read(
    connection: sa.Connection, select: sa.Select[Any] | sa.CompoundSelect[Any], columns: dict[str, pa.DataType]
) -> pa.Table:
    parts = [table(columns, rows) for rows in connection.execute(select).partitions(_ROWS_A_PART)]
    return pa.concat_tables(parts) if parts else table(columns, ())
