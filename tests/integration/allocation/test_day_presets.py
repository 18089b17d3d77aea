"""What leads set for the day binds the split when allocate_cases runs (again)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support import allocation_kit as kit

from arrears.allocation.steps import allocate_cases, open_grab_pool
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_desk import Absence, CollectorPreset

TODAY = date(2026, 11, 20)


@pytest.fixture
def days(allocation_days, warehouse_url):
    """Opens days on the warehouse."""

    def day(cases: Any, collectors: Any, **options: Any) -> Any:
        return allocation_days.day(cases, collectors, warehouse_url=warehouse_url, **options)

    return day


def preset(run: Any, table: Any, **values: Any) -> None:
    row = {"business_day": TODAY, "set_by": "lead", "set_at": run.clock.now(), "reason": "x", **values}
    with run.warehouse.begin() as connection:
        connection.execute(sa.insert(table).values(row))


def shares(run: Any) -> dict[str | None, int]:
    allocate_cases(run)
    return dict(Counter(row["collector_id"] for row in kit.read(run, "assignment")))


def test_whoever_was_reported_absent_gets_nothing_until_it_is_taken_back(days):
    with days(kit.cases(6), [kit.collector("E1"), kit.collector("E2")]) as run:
        assert shares(run) == {"E1": 3, "E2": 3}
        preset(run, Absence, collector_id="E1", absent=True)
        assert shares(run) == {"E2": 6}
        with run.warehouse.begin() as connection:
            connection.execute(sa.update(Absence).values(absent=False))
        assert shares(run) == {"E1": 3, "E2": 3}


def test_a_clear_after_an_absence_at_noon_gives_the_cases_to_those_who_are_there(days):
    with days(kit.cases(6), [kit.collector("E1"), kit.collector("E2")]) as run:
        allocate_cases(run)
        open_grab_pool(run)
        preset(run, Absence, collector_id="E1", absent=True)
        allocate_cases(run)
        open_grab_pool(run)
        with run.warehouse.connect() as connection:
            found = connection.execute(sa.select(CASE.c.collector_id, sa.func.count()).group_by(CASE.c.collector_id))
            assert dict(found.all()) == {"E2": 6}


@pytest.mark.parametrize(
    ("quota", "expected"), [(0, {"E2": 8}), (1, {"E1": 1, "E2": 7}), (4, {"E1": 4, "E2": 4}), (9, {"E1": 4, "E2": 4})]
)
def test_a_quota_of_the_day_takes_the_place_of_the_rosters(days, quota, expected):
    with days(kit.cases(8), [kit.collector("E1", daily_quota=2), kit.collector("E2")]) as run:
        preset(run, CollectorPreset, collector_id="E1", queue="phone", quota=quota)
        assert shares(run) == expected


def test_a_quota_of_one_queue_or_of_another_day_leaves_others_alone(days):
    staff = [kit.collector("E1", "phone,field"), kit.collector("E2", "phone,field")]
    with days(kit.cases(4) + kit.cases(4, "field", first=11), staff) as run:
        preset(run, CollectorPreset, collector_id="E1", queue="phone", quota=0)
        preset(run, Absence, collector_id="E2", absent=True, business_day=TODAY - timedelta(days=1))
        allocate_cases(run)
        found = Counter((row["queue"], row["collector_id"]) for row in kit.read(run, "assignment"))
        assert found == {("field", "E1"): 2, ("field", "E2"): 2, ("phone", "E2"): 4}


def test_a_past_day_knows_no_presets(days):
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")]) as run:
        preset(run, Absence, collector_id="E1", absent=True)
    with days(kit.cases(4), [kit.collector("E1"), kit.collector("E2")], today=TODAY + timedelta(days=1)) as run:
        assert shares(run) == {"E1": 2, "E2": 2}
