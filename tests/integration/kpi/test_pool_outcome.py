"""The last finished day of a pool, as the page tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from arrears.kpi.pool_outcome import Outcome, pool_outcome
from arrears.warehouse.mart import PoolDay

MON, TUE, WED = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)


@pytest.fixture
def connection(pg_url: str) -> Iterator[sa.Connection]:
    """A transaction that is rolled back."""
    engine = sa.create_engine(pg_url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def day(as_of: date, basis: str = "frozen", queue: str = "phone", **values: Any) -> dict[str, Any]:
    zeros = {column.name: 0 for column in PoolDay.__table__.columns if column.name not in ("as_of", "basis", "queue")}
    nothing = {"known_as_of": WED, "grab_minutes_median": None, "grab_minutes_p90": None}
    return {**zeros, **nothing, "as_of": as_of, "basis": basis, "queue": queue, **values}


def test_the_last_finished_day_is_told_with_grabbed_beside_allocated_cases(connection: sa.Connection) -> None:
    worked = {
        "offered_cases": 9,
        "grabbed_cases": 4,
        "grabbed_amount": 2000,
        "grabbed_recovered_amount": 100,
        "grabbed_cured_cases": 1,
        "grabbed_touched_cases": 3,
        "grab_minutes_median": 12,
        "grab_minutes_p90": 95,
    }
    connection.execute(
        sa.insert(PoolDay),
        [
            day(MON, offered_cases=99),
            day(TUE, **worked),
            day(TUE, "restated", offered_cases=77),
            day(WED, offered_cases=55),
            day(TUE, queue="field", offered_cases=1),
        ],
    )
    told = pool_outcome(connection, "phone", WED)
    assert told is not None
    assert (told.day, told.offered, told.minutes_median, told.minutes_p90) == (TUE, 9, 12, 95)
    assert told.grabbed == Outcome(4, 0.05, 0.25, 0.75)
    assert told.allocated == Outcome(0, None, None, None)


def test_a_pool_that_never_was_has_no_outcome(connection: sa.Connection) -> None:
    connection.execute(sa.insert(PoolDay), [day(WED)])
    assert pool_outcome(connection, "phone", WED) is None
    assert pool_outcome(connection, "'; DROP TABLE mart.pool_day; --", WED) is None
