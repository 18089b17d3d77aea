"""The owners of the morning: who had each case when the business day began."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from arrears.warehouse.ops_cases import Case, CaseAssignment

_OWNERS = pa.schema([("customer_id", pa.string()), ("collector_id", pa.string()), ("by_hand", pa.bool_())])
_BY_HAND = ("grab", "manual", "recall")


def no_owners() -> pa.Table:
    """Nobody owns anything: what a past day starts from."""
    return _OWNERS.empty_table()


def owners_of_the_morning(connection: sa.Connection, as_of: date, zone: str) -> pa.Table:
    """customer_id, collector_id and by_hand (grabbed, or given by a person) of all cases owned when `as_of` began.

    It is read from the intervals, so it is the same before and after the day's own run and after grabs of the day:
    what a re-run computes does not depend on what happened since. Who held a case under a lease that was over before
    the day began, by the lender's `zone`, had it no more, whether that was noticed or not.
    """
    assignment, case = CaseAssignment.__table__.c, Case.__table__.c
    select = (
        sa.select(case.customer_id, assignment.collector_id, assignment.source.in_(_BY_HAND).label("by_hand"))
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
    rows = connection.execute(select).all()
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, _OWNERS, strict=True)], _OWNERS)
