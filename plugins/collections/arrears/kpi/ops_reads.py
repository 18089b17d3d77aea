"""What the closing facts read of `ops`: tasks, attempts, grabs and who had which case, as Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from arrears.outreach import stages
from arrears.warehouse.audit import StepResultRow
from arrears.warehouse.ops_cases import Case, CaseAssignment
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask
from arrears.warehouse.ops_desk import Absence, ContactResult, Promise

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
        "arrived": pa.bool_(),
        "answered": pa.bool_(),
        "promised": pa.bool_(),
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
_RESULTS = pa.schema(
    {
        "result_id": pa.string(),
        "contract_id": pa.string(),
        "customer_id": pa.string(),
        "collector_id": pa.string(),
        "channel": pa.string(),
        "attempted_at": pa.timestamp("us"),
        "outcome": pa.string(),
        "initiated_by": pa.string(),
    }
)
_PROMISES = pa.schema(
    {
        "promise_id": pa.string(),
        "contract_id": pa.string(),
        "made_on": pa.date32(),
        "due_on": pa.date32(),
        "amount": pa.decimal128(18, 2),
        "collector_id": pa.string(),
    }
)
_ABSENCES = pa.schema({"as_of": pa.date32(), "collector_id": pa.string()})
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


def contact_attempts(warehouse: sa.Engine, days: Sequence[date], *, recorded: bool = True) -> pa.Table:
    """One row per attempt of the days: as_of, channel, customer_id, ended, outcome, arrived, answered, promised.

    ended: delivered, failed, sent, or unknown when only its reservation is written. The further stages are those of
    `arrears.outreach.stages`. With `recorded` False, calls whose
    result a collector recorded are left out: they are the same contact as the result.
    """
    events = ContactAttempt
    ended = sa.case(
        (sa.func.bool_or(events.event == "delivered"), "delivered"),
        (sa.func.bool_or(events.event.in_(["failed", "dead", "undelivered"])), "failed"),
        (sa.func.bool_or(events.event == "sent"), "sent"),
        else_="unknown",
    )
    select = (
        sa.select(
            events.business_day,
            events.channel,
            events.customer_id,
            ended,
            sa.func.max(events.outcome),
            stages.was_delivered(),
            stages.was_answered(),
            stages.was_promised(),
        )
        .where(events.business_day.in_(days))
        .group_by(events.business_day, events.channel, events.customer_id, events.task_key, events.attempt_no)
    )
    if not recorded:
        select = select.where(~_recorded(events.task_key))
    return _fetch(warehouse, select, _ATTEMPTS)


def contact_counts(warehouse: sa.Engine, first: date, last: date) -> pa.Table:
    """Attempts per customer and day from `first` to `last`: as_of, customer_id, attempts.

    Calls whose result a collector recorded are left out: `desk_results` has them.
    """
    events = ContactAttempt
    one = sa.tuple_(events.task_key, events.attempt_no)
    select = (
        sa.select(events.business_day, events.customer_id, sa.func.count(one.distinct()))
        .where(events.business_day.between(first, last), ~_recorded(events.task_key))
        .group_by(events.business_day, events.customer_id)
    )
    return _fetch(warehouse, select, _COUNTS)


def desk_results(warehouse: sa.Engine, first: date, last: date, time_zone: str) -> pa.Table:
    """Results that people recorded from `first` to `last`, in the ledger's columns and the lender's local time."""
    result = ContactResult
    select = sa.select(
        result.result_id,
        result.contract_id,
        result.customer_id,
        result.collector_id,
        result.channel,
        sa.func.timezone(time_zone, result.attempted_at),
        result.outcome,
        result.initiated_by,
    ).where(result.business_day.between(first, last))
    return _fetch(warehouse, select, _RESULTS)


def desk_promises(warehouse: sa.Engine, first: date, last: date) -> pa.Table:
    """Promises that people recorded, made or due from `first` to `last`: the ledger's columns, and to whom each was."""
    promise = Promise
    select = sa.select(
        promise.promise_id,
        promise.contract_id,
        promise.made_on,
        promise.due_on,
        promise.amount,
        promise.collector_id,
    ).where(sa.or_(promise.made_on.between(first, last), promise.due_on.between(first, last)))
    return _fetch(warehouse, select, _PROMISES)


def unreserved_attempts(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """Contacts that people recorded without a reserved call, as `contact_attempts` gives attempts."""
    result = ContactResult
    ended = sa.case((result.outcome.in_(["failed", "invalid"]), "failed"), else_="delivered")
    promised = sa.exists().where(Promise.result_id == result.result_id)
    reached = result.outcome.in_(stages.REACHED)
    select = sa.select(
        result.business_day, result.channel, result.customer_id, ended, result.outcome, reached, reached, promised
    ).where(result.business_day.in_(days), result.task_key.is_(None), result.initiated_by != "customer")
    return _fetch(warehouse, select, _ATTEMPTS)


def _recorded(task_key: Any) -> sa.ColumnElement[bool]:
    return sa.exists().where(ContactResult.task_key == task_key)


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


def absences(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """Who was reported absent by hand on any of the days: as_of, collector_id."""
    select = sa.select(Absence.business_day, Absence.collector_id).where(Absence.business_day.in_(days), Absence.absent)
    return _fetch(warehouse, select, _ABSENCES)


def grabs(warehouse: sa.Engine, days: Sequence[date]) -> pa.Table:
    """The first grab of each case on each of the days: as_of, customer_id, minutes that it lay in the pool before.

    Of a case that lay there over night they count from the opening of the pool on the day of the grab.
    """
    grab = CaseAssignment
    pooled = sa.orm.aliased(CaseAssignment)
    opened = (
        sa.select(StepResultRow.as_of, sa.func.min(StepResultRow.acted_at).label("at"))
        .where(
            StepResultRow.step == "open_grab_pool",
            StepResultRow.state == "success",
            StepResultRow.basis == "frozen",
            StepResultRow.as_of.in_(days),
        )
        .group_by(StepResultRow.as_of)
        .subquery("opened")
    )
    # GREATEST passes over NULL: a day whose opening is not recorded
    offered = sa.func.greatest(pooled.from_at, opened.c.at)
    lay = sa.func.greatest(0, sa.func.floor(sa.func.extract("epoch", grab.from_at - offered) / 60))
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
        .outerjoin(opened, opened.c.as_of == grab.from_day)
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
