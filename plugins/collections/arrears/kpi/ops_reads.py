"""What the closing facts read of `ops`: tasks, attempts, grabs and who had which case, as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from arrears.warehouse.ops_cases import Case, CaseAssignment
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask

_ROWS_A_PART = 50_000
_TASKS = pa.schema(
    {
        "as_of": pa.date32(),
        "channel": pa.string(),
        "state": pa.string(),
        "tried": pa.int32(),
        "tasks": pa.int64(),
    }
)
_ATTEMPTS = pa.schema(
    {
        "as_of": pa.date32(),
        "channel": pa.string(),
        "customer_id": pa.string(),
        "ended": pa.string(),
        "outcome": pa.string(),
    }
)
_COUNTS = pa.schema({"as_of": pa.date32(), "customer_id": pa.string(), "attempts": pa.int64()})
_INTERVALS = pa.schema(
    {
        "case_id": pa.string(),
        "customer_id": pa.string(),
        "interval_no": pa.int32(),
        "queue": pa.string(),
        "collector_id": pa.string(),
        "source": pa.string(),
        "reason": pa.string(),
        "began_on": pa.date32(),
        "ended_on": pa.date32(),
        "end_reason": pa.string(),
        "minutes": pa.int64(),
    }
)
_GRABS = pa.schema({"as_of": pa.date32(), "customer_id": pa.string(), "minutes": pa.int64()})


def contact_tasks(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """Tasks of the days, counted: as_of, channel, state, tried (1 when any attempt was made), tasks."""
    tried = sa.case((ContactTask.attempts > 0, 1), else_=0)
    select = (
        sa.select(ContactTask.business_day, ContactTask.channel, ContactTask.state, tried, sa.func.count())
        .where(ContactTask.business_day.in_(days))
        .group_by(ContactTask.business_day, ContactTask.channel, ContactTask.state, tried)
    )
    return _fetch(warehouse, select, _TASKS)


def contact_attempts(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """One row per attempt of the days: as_of, channel, customer_id, ended, outcome.

    ended: delivered, failed, sent, or unknown when only its reservation is written.
    """
    events = ContactAttempt
    ended = sa.case(
        (sa.func.bool_or(events.event == "delivered"), "delivered"),
        (sa.func.bool_or(events.event.in_(["failed", "dead", "undelivered"])), "failed"),
        (sa.func.bool_or(events.event == "sent"), "sent"),
        else_="unknown",
    )
    select = (
        sa.select(events.business_day, events.channel, events.customer_id, ended, sa.func.max(events.outcome))
        .where(events.business_day.in_(days))
        .group_by(events.business_day, events.channel, events.customer_id, events.task_key, events.attempt_no)
    )
    return _fetch(warehouse, select, _ATTEMPTS)


def contact_counts(warehouse: sa.Engine, first: date, last: date) -> pa.Table:
    """Attempts per customer and day from `first` to `last`: as_of, customer_id, attempts."""
    events = ContactAttempt
    one = sa.tuple_(events.task_key, events.attempt_no)
    select = (
        sa.select(events.business_day, events.customer_id, sa.func.count(one.distinct()))
        .where(events.business_day.between(first, last))
        .group_by(events.business_day, events.customer_id)
    )
    return _fetch(warehouse, select, _COUNTS)


def intervals(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """The intervals that lasted on any of the days, the pool's included: the columns of `_INTERVALS`.

    minutes: whole minutes that it lasted; NULL while it does.
    """
    interval = CaseAssignment
    lasted = sa.func.floor(sa.func.extract("epoch", interval.to_at - interval.from_at) / 60)
    select = (
        sa.select(
            interval.case_id,
            Case.customer_id,
            interval.interval_no,
            interval.queue,
            interval.collector_id,
            interval.source,
            interval.reason,
            interval.from_day,
            interval.to_day,
            interval.end_reason,
            sa.cast(lasted, sa.BigInteger),
        )
        .join(Case, Case.case_id == interval.case_id)
        .where(interval.from_day <= max(days), sa.or_(interval.to_day.is_(None), interval.to_day >= min(days)))
    )
    return _fetch(warehouse, select, _INTERVALS)


def grabs(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """The first grab of each case on each of the days: as_of, customer_id, minutes that it lay in the pool before."""
    grab = CaseAssignment
    pooled = sa.orm.aliased(CaseAssignment)
    lay = sa.func.floor(sa.func.extract("epoch", grab.from_at - pooled.from_at) / 60)
    select = (
        sa.select(grab.from_day, Case.customer_id, sa.cast(sa.func.coalesce(sa.func.min(lay), 0), sa.BigInteger))
        .join(Case, Case.case_id == grab.case_id)
        .outerjoin(
            pooled,
            sa.and_(
                pooled.case_id == grab.case_id,
                pooled.interval_no == grab.interval_no - 1,
                pooled.source == "pool",
            ),
        )
        .where(grab.source == "grab", grab.from_day.in_(days))
        .group_by(grab.from_day, Case.customer_id)
    )
    return _fetch(warehouse, select, _GRABS)


def _fetch(warehouse: sa.Engine, select: sa.Select[*tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    # by parts, so that only Arrow holds all rows: months of attempts are many
    parts = [schema.empty_table()]
    with warehouse.connect() as connection:
        for rows in connection.execute(select, execution_options={"yield_per": _ROWS_A_PART}).partitions():
            arrays = [pa.array([row[position] for row in rows], field.type) for position, field in enumerate(schema)]
            parts.append(pa.table(arrays, schema=schema))
    return pa.concat_tables(parts)
