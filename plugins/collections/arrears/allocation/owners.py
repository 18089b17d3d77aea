"""The owners of the morning: who had each case when the business day began, who had it before, and what he achieved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from arrears.warehouse.ops_cases import Case, CaseAssignment
from arrears.warehouse.ops_desk import ContactResult, Promise

_OWNERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("collector_id", pa.string()),
        ("by_hand", pa.bool_()),
        ("from_day", pa.date32()),
        ("queue", pa.string()),
        ("bucket", pa.string()),
    ]
)
_PAST = pa.schema(
    [
        ("customer_id", pa.string()),
        ("collector_id", pa.string()),
        ("end_reason", pa.string()),
        ("days_ago", pa.int32()),
    ]
)
_RESULTS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("collector_id", pa.string()),
        ("outcome", pa.string()),
        ("business_day", pa.date32()),
    ]
)
_PROMISES = pa.schema([("customer_id", pa.string()), ("made_on", pa.date32()), ("due_on", pa.date32())])
_BY_HAND = ("grab", "manual", "recall")

LOOK_BACK_DAYS = 400
"""How far back who had a case before, and what was recorded at the desk, is looked for."""


@dataclass(frozen=True)
class Morning:
    """What `ops` knew when the business day began; the relations that `allocation/demand.sql` and others read."""

    owners: pa.Table
    """customer_id, collector_id, by_hand (grabbed, or given by a person), since when, queue and bucket at that time."""
    past_owners: pa.Table
    """customer_id, collector_id, end_reason, days_ago: who had cases that are open before, and how that ended."""
    results: pa.Table
    """customer_id, collector_id, outcome, business_day of results recorded at the desk."""
    promises: pa.Table
    """customer_id, made_on, due_on of promises recorded at the desk."""


def no_morning() -> Morning:
    """Nobody owns anything: what a past day starts from."""
    return Morning(_OWNERS.empty_table(), _PAST.empty_table(), _RESULTS.empty_table(), _PROMISES.empty_table())


def read_morning(connection: sa.Connection, as_of: date, zone: str) -> Morning:
    """The morning of `as_of`.

    It is read from the intervals and from what was recorded on earlier days, so it is the same before and after the
    day's own run and after grabs of the day: what a re-run computes does not depend on what happened since. Who held a
    case under a lease that was over before the day began, by the lender's `zone`, had it no more, whether that was
    noticed or not.
    """
    since = as_of - timedelta(days=LOOK_BACK_DAYS)
    result, promise, case = ContactResult.__table__.c, Promise.__table__.c, Case.__table__.c
    results = (
        sa.select(result.customer_id, result.collector_id, result.outcome, result.business_day)
        .join_from(ContactResult, Case, result.case_id == case.case_id)
        .where(case.state != "closed", result.business_day < as_of, result.business_day >= since)
        .distinct()
    )
    promises = (
        sa.select(promise.customer_id, promise.made_on, promise.due_on)
        .join_from(Promise, Case, promise.case_id == case.case_id)
        .where(case.state != "closed", promise.business_day < as_of, promise.business_day >= since)
        .distinct()
    )
    return Morning(
        owners=_fetch(connection, _owners(as_of, zone), _OWNERS),
        past_owners=_fetch(connection, _past_owners(as_of, since), _PAST),
        results=_fetch(connection, results, _RESULTS),
        promises=_fetch(connection, promises, _PROMISES),
    )


def _owners(as_of: date, zone: str) -> sa.Select[Any]:
    assignment, case = CaseAssignment.__table__.c, Case.__table__.c
    # an interval that began at the desk gets its bucket from the next merge; until then the case still has it
    bucket = sa.func.coalesce(assignment.bucket, sa.case((case.as_of < as_of, case.bucket)))
    return (
        sa.select(
            case.customer_id,
            assignment.collector_id,
            assignment.source.in_(_BY_HAND).label("by_hand"),
            assignment.from_day,
            assignment.queue,
            bucket.label("bucket"),
        )
        .join_from(CaseAssignment, Case, assignment.case_id == case.case_id)
        .where(
            assignment.collector_id.is_not(None),
            assignment.from_day < as_of,
            sa.or_(assignment.to_day.is_(None), assignment.to_day >= as_of),
            sa.or_(
                assignment.to_day.is_not(None),
                case.lease_until.is_(None),
                sa.cast(sa.func.timezone(zone, case.lease_until), sa.Date) >= as_of,
            ),
        )
        .ext(postgresql.distinct_on(case.customer_id))
        .order_by(case.customer_id, assignment.from_at.desc(), assignment.interval_no.desc())
    )


def _past_owners(as_of: date, since: date) -> sa.Select[Any]:
    assignment, case = CaseAssignment.__table__.c, Case.__table__.c
    # the rule by which the split took it back says more than that it did
    reason = sa.func.coalesce(assignment.released, assignment.end_reason)
    return (
        sa.select(case.customer_id, assignment.collector_id, reason, sa.literal(as_of) - assignment.to_day)
        .join_from(CaseAssignment, Case, assignment.case_id == case.case_id)
        .where(
            case.state != "closed",
            assignment.collector_id.is_not(None),
            assignment.to_day < as_of,
            assignment.to_day >= since,
        )
    )


def _fetch(connection: sa.Connection, select: sa.Select[Any], schema: pa.Schema) -> pa.Table:
    rows = connection.execute(select).all()
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema)
