"""open_grab_pool killed, or run by two at once, or beside grabs: ops ends as after an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support import allocation_kit as kit
from tests.support.desk_floor import grab_at_desk

from arrears.allocation.steps import allocate_cases, open_grab_pool
from arrears.run import open_run
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT

TODAY = date(2026, 11, 20)

_STOPS_BEFORE_THE_NTH_WRITE = """
import sys
from datetime import date
import sqlalchemy as sa
from arrears.run import open_run
from arrears.settings import load_settings
from arrears.allocation.steps import open_grab_pool

nth, seen = int(sys.argv[1]), 0

def stop(connection, cursor, statement, parameters, context, executemany):
    global seen
    if statement.startswith(("INSERT INTO ops", "UPDATE ops")):
        seen += 1
        if seen == nth:
            # what was written so far is in the open transaction; the parent kills us here
            print("ready", flush=True)
            sys.stdin.read()

settings = load_settings()
with open_run(settings, date.fromisoformat(sys.argv[2])) as run:
    sa.event.listen(run.warehouse, "before_cursor_execute", stop)
    if nth == 0:
        def before_commit(connection):
            print("ready", flush=True)
            sys.stdin.read()
        # SQLAlchemy's own set-up commits as well: wait for the merge's transaction only
        sa.event.listen(run.warehouse, "commit", before_commit)
    open_grab_pool(run)
"""


@pytest.fixture
def two_days(allocation_days, warehouse_url):
    """Yesterday applied; today's assignment computed, not yet applied: some cases end, begin and move."""
    staff = [kit.collector("E1", daily_quota=6), kit.collector("E2", daily_quota=6), kit.collector("E3")]
    with allocation_days.day(kit.cases(40), staff, as_of=TODAY - timedelta(days=1), warehouse_url=warehouse_url) as run:
        allocate_cases(run)
        open_grab_pool(run)
    absent = [{**staff[0], "present": False}, *staff[1:]]
    cases = kit.cases(30, first=6) + kit.cases(9, first=101)
    with allocation_days.day(cases, absent, warehouse_url=warehouse_url) as run:
        allocate_cases(run)
        yield run


def snapshot_of_ops(run: Any) -> list[Any]:
    with run.warehouse.connect() as connection:
        return [
            connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            for table in (CASE, CASE_ASSIGNMENT)
        ]


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6, 7, 0], ids=lambda nth: f"write {nth}" if nth else "commit")
def test_killed_inside_the_transaction_nothing_has_changed_and_a_rerun_is_as_undisturbed(two_days, tmp_path, nth):
    run = two_days
    before = snapshot_of_ops(run)
    script = tmp_path / "run_and_wait.py"
    script.write_text(_STOPS_BEFORE_THE_NTH_WRITE, encoding="utf-8")
    environment = {
        **os.environ,
        "ARREARS_HOME": str(run.settings.home),
        "ARREARS_RULES": str(run.settings.rules),
        "ARREARS_CLOCK": "2026-11-20T09:30:00",
        "ARREARS_WAREHOUSE_URL": run.settings.warehouse_url.get_secret_value(),
        "ARREARS_DUCKDB_MEMORY": "1GB",
    }
    with subprocess.Popen(
        [sys.executable, str(script), str(nth), run.day.key],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert snapshot_of_ops(run) == before

    open_grab_pool(run)
    after = snapshot_of_ops(run)
    assert after == undisturbed(run, before, after)


def undisturbed(run: Any, before: list[Any], after: list[Any]) -> list[Any]:
    """What a run without interruption makes of `before`: ops is put back, and the step run once."""
    with run.warehouse.begin() as connection:
        connection.execute(sa.delete(CASE_ASSIGNMENT))
        connection.execute(sa.delete(CASE))
        for table, rows in zip((CASE, CASE_ASSIGNMENT), before, strict=True):
            connection.execute(sa.insert(table), [dict(row._mapping) for row in rows])
    assert snapshot_of_ops(run) == before != after
    open_grab_pool(run)
    return snapshot_of_ops(run)


def test_two_runs_at_once_end_as_one(two_days, rows_of):
    run = two_days
    start = threading.Barrier(2)

    def apply(_: int) -> dict[str, int]:
        with open_run(run.settings, TODAY) as own:
            own.warehouse.connect().close()
            start.wait(timeout=30)
            return dict(open_grab_pool(own).rows)

    with ThreadPoolExecutor(2) as pool:
        wrote = sorted(pool.map(apply, range(2)), key=lambda rows: rows["ops.case"])
    assert set(wrote[0].values()) == {0}
    assert wrote[1]["ops.case"] > 0
    assert len([row for row in rows_of(run)["ops.case"] if row["state"] != "closed"]) == 39


def test_grabs_beside_reruns_give_every_case_once_and_stay(allocation_days, warehouse_url):
    """Eight collectors empty a pool of 200 while the day is run again and again."""
    staff = [kit.collector(f"E{i}", daily_quota=0) for i in range(1, 9)]
    with allocation_days.day(kit.cases(200), staff, warehouse_url=warehouse_url) as run:
        allocate_cases(run)
        open_grab_pool(run)
        taken: dict[str, list[str]] = {}

        def empty(collector: str) -> None:
            mine = taken.setdefault(collector, [])
            while True:
                batch = grab_at_desk(run, collector, 5)
                mine += batch
                # an empty hand may mean that others were just taking what is left: look again
                with run.warehouse.connect() as connection:
                    left = connection.scalar(sa.select(sa.func.count()).where(CASE.c.state == "pool"))
                if not batch and not left:
                    return

        def again(_: int) -> None:
            with open_run(run.settings, TODAY) as own:
                open_grab_pool(own)

        with ThreadPoolExecutor(12) as pool:
            work = [pool.submit(empty, row["collector_id"]) for row in staff]
            runs = [pool.submit(again, i) for i in range(4)]
            for each in (*work, *runs):
                each.result(timeout=120)
        ids = sorted(case_id for mine in taken.values() for case_id in mine)
        assert ids == [f"C{i:04d}@2026-11-20" for i in range(1, 201)]
        with run.warehouse.connect() as connection:
            owned = connection.execute(sa.select(CASE.c.case_id, CASE.c.collector_id)).all()
            lasting = connection.execute(
                sa.select(CASE_ASSIGNMENT.c.case_id, CASE_ASSIGNMENT.c.collector_id).where(
                    CASE_ASSIGNMENT.c.to_at.is_(None)
                )
            ).all()
        assert dict(owned) == {case_id: collector for collector, mine in taken.items() for case_id in mine}
        assert sorted(map(tuple, lasting)) == sorted(map(tuple, owned))
