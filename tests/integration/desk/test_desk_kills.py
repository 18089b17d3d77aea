"""Kills at the desk: between any two statements nothing is half done, and a crowd that is hit loses no case."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.integration.desk.test_desk_crowd import begin, check_intervals, fill, owners, start, told
from tests.support.desk_floor import Floor, MovingClock, collector, copy_rules, lead

from arrears.desk.desk import Desk
from arrears.settings import PROJECT
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.migrate import upgrade

_CHILD = """
import os, signal, sys
import sqlalchemy as sa
from decimal import Decimal
from datetime import date
from arrears.desk.desk import Desk
from arrears.desk.views import PromiseIn, ResultIn
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse
from tests.support.desk_floor import collector, lead

nth, act = int(sys.argv[1]), sys.argv[2]
settings = load_settings()
warehouse = open_warehouse(settings)
desk = Desk(warehouse, settings, settings.acting_clock())
seen = 0

def moment(*_):
    global seen
    seen += 1
    if seen == nth:
        os.kill(os.getpid(), signal.SIGKILL)

warehouse.connect().close()
for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
    sa.event.listen(warehouse, name, moment)
owned = "C00001@2026-11-20"
if act == "grab":
    desk.grab(collector("E2"), "phone", request_key="k")
elif act == "absent":
    desk.set_absent(lead(), "E1", absent=True, reason="sick", request_key="k")
else:
    promise = PromiseIn(Decimal("5.00"), date(2026, 11, 30))
    desk.record_result(collector("E1"), ResultIn(owned, "phone", "connected", promise=promise), request_key="k")
"""
_TABLES = (
    "case",
    "case_assignment",
    "case_event",
    "contact_result",
    "promise",
    "contact_task",
    "desk_request",
    "absence",
)


def state(floor: Floor) -> list[Any]:
    return [
        [{key: value for key, value in row.items() if key != "event_id"} for row in floor.rows(table)]
        for table in _TABLES
    ]


def environment(floor: Floor, rules: Path) -> dict[str, str]:
    assert floor.settings.warehouse_url is not None
    return {
        **os.environ,
        "ARREARS_HOME": str(floor.settings.home),
        "ARREARS_RULES": str(rules),
        "ARREARS_CLOCK": "2026-11-20T09:30:00",
        "ARREARS_WAREHOUSE_URL": floor.settings.warehouse_url.get_secret_value(),
    }


@pytest.mark.parametrize("act", ["grab", "absent", "result"])
def test_killed_between_any_two_statements_nothing_is_half_done(floor, act):
    floor.cases(3, owner="E1")
    floor.cases(5, first=4)
    floor.collectors("E1", "E2", "E3")
    before = state(floor)
    child = [sys.executable, "-c", _CHILD]
    # how many moments there are is known once a child has lived through all; every third is tried, and the last ones
    done = False
    moment = 1
    kills = 0
    while not done:
        ran = subprocess.run(
            [*child, str(moment), act],
            env=environment(floor, floor.settings.rules),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        done = ran.returncode == 0
        if not done:
            assert ran.returncode == -signal.SIGKILL, ran.stderr[-2000:]
            assert state(floor) == before
            kills += 1
        moment += 6
    assert kills >= 2
    after = state(floor)
    assert after != before
    # the same request again, as somebody does who got no answer, changes nothing
    again = subprocess.run([*child, "0", act], env=environment(floor, floor.settings.rules), cwd=PROJECT, check=False)
    assert again.returncode == 0
    assert state(floor) == after


def test_callers_killed_a_server_restarted_and_nothing_is_lost(tmp_path, make_settings):
    """Sixty callers grab 6,000 cases; a third is killed, and the server (its own, for that) dies and comes back."""
    server = EmbeddedPostgres(Path("/tmp") / f"arrears-desk-{os.getpid()}")
    server.ensure_running()
    try:
        url = server.url("warehouse").render_as_string(hide_password=False)
        rules = copy_rules(tmp_path / "rules", "defaults: {lease_minutes: 600, grab_batch: 10}\nqueues: {phone: {}}\n")
        settings = make_settings(warehouse_url=url, rules=rules)
        warehouse = open_warehouse(settings)
        upgrade(warehouse)
        clock = MovingClock()
        floor = Floor(Desk(warehouse, settings, clock), warehouse, settings, clock)
        fill(warehouse, 6000)
        floor.collectors(*[f"E{i:04d}" for i in range(1, 61)])
        crowd = [start(floor, tmp_path, rules, 1 + i * 20, 20, 10) for i in range(3)]
        begin(crowd)
        while len(told(tmp_path)) < 60:
            time.sleep(0.02)
        crowd[0].send_signal(signal.SIGKILL)
        server.stop(mode="immediate")
        port = floor.warehouse.url.port
        server.ensure_running(port)
        for each in crowd[1:]:
            _, error = each.communicate(timeout=120)
            assert each.returncode == 0, error[-3000:]
        crowd[0].communicate(timeout=10)
        found = owners(warehouse)
        answers = told(tmp_path)
        # what a caller was told is his; a killed one may hold what he was not told of any more
        for who, cases in answers:
            assert {found[case_id] for case_id in cases} == {who}
        ids = [case_id for _, cases in answers for case_id in cases]
        assert len(ids) == len(set(ids))
        untold = {case_id: who for case_id, who in found.items() if who is not None}.keys() - set(ids)
        assert {found[case_id] for case_id in untold} <= {f"E{i:04d}" for i in range(1, 21)}
        assert None not in found.values()
        check_intervals(warehouse)
        warehouse.dispose()
    finally:
        server.stop(mode="immediate")
        shutil.rmtree(server.folder, ignore_errors=True)


def test_grabs_give_backs_and_hand_overs_at_once_end_in_one_story(floor):
    """Eight people at once on sixty cases: no deadlock, and intervals, audit and cases tell the same."""
    floor.cases(60)
    floor.collectors(*[f"E{i}" for i in range(1, 7)])
    failed: list[BaseException] = []

    def person(number: int) -> None:
        me = collector(f"E{number}")
        try:
            for _ in range(6):
                mine = [case.case_id for case in floor.desk.grab(me, "phone", batch=4).cases]
                if mine:
                    floor.desk.give_back(me, mine[:2], reason="other")
                    floor.desk.renew(me, mine)
        except BaseException as error:
            failed.append(error)

    def boss(number: int) -> None:
        try:
            for turn in range(4):
                mine = [case.case_id for case in floor.desk.worklist(lead(), collector_id=f"E{turn + 1}").cases]
                if mine:
                    floor.desk.hand_over(lead(), list(reversed(mine)), to=f"E{6 - number}", reason="level")
                floor.desk.set_absent(lead(), f"E{number + 1}", absent=turn % 2 == 0, reason="sick")
        except BaseException as error:
            # a collector who is absent at that moment is refused, which is right
            if getattr(error, "rule", "") != "collector.absent":
                failed.append(error)

    people = [threading.Thread(target=person, args=(i,)) for i in range(3, 7)]
    people += [threading.Thread(target=boss, args=(i,)) for i in range(2)]
    for each in people:
        each.start()
    for each in people:
        each.join(timeout=120)
    assert [error for error in failed if getattr(error, "rule", "") != "collector.absent"] == []
    check_intervals(floor.warehouse)
    with floor.warehouse.connect() as connection:
        gaps = connection.scalar(
            sa.text(
                "SELECT count(*) FROM ops.case_assignment a JOIN ops.case_assignment b ON a.case_id = b.case_id "
                "AND b.interval_no = a.interval_no + 1 WHERE a.to_at IS NULL OR a.to_at <> b.from_at"
            )
        )
    assert gaps == 0
