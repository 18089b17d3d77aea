"""A crowd at the pool: 200 callers in several processes take 50,000 cases, each exactly once, nobody over a limit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import sqlalchemy as sa
from tests.support.desk_floor import copy_rules

from arrears.settings import PROJECT
from arrears.warehouse.ops_cases import CASE, CASE_ASSIGNMENT

CASES = 50_000
PROCESSES, THREADS = 4, 50
BATCH = 20
RULES = """
defaults: {grab_batch: 20, grab_batch_max: 30, open_cases: 260, grabs_per_day: 300, lease_minutes: 600}
queues: {phone: {}}
"""
_FILL = """
INSERT INTO ops.case (case_id, customer_id, state, pool_opened_at, opened_on, as_of, queue, segment, treatment,
    intensity, placement, priority, work_order, contracts, contract_ids, lead_contract_id, overdue_amount,
    outstanding_amount, days_past_due, bucket, class, rule_set, rule_set_version, rule_set_hash)
SELECT 'C' || n || '@2026-11-20', 'C' || n, 'pool', '2026-11-20 01:00Z', '2026-11-20', '2026-11-20', 'phone', 's', 't',
    3, 'in_house', 50, n, 1, 'K' || n, 'K' || n, 1000, 50000, 40, 'M2', 'mid', 'r', 1, 'h'
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS n
"""
_INTERVALS = """
INSERT INTO ops.case_assignment (case_id, interval_no, source, queue, from_at, from_day, reason)
SELECT 'C' || n || '@2026-11-20', 1, 'pool', 'phone', '2026-11-20 01:00Z', '2026-11-20', 'test'
FROM generate_series(cast(:first AS integer), cast(:last AS integer)) AS n
"""


def fill(warehouse: sa.Engine, cases: int, first: int = 1) -> None:
    """Puts `cases` cases more into the pool, numbered from `first`, and has statistics know of them."""
    numbers = {"first": first, "last": first + cases - 1}
    with warehouse.begin() as connection:
        connection.execute(sa.text(_FILL), numbers)
        connection.execute(sa.text(_INTERVALS), numbers)
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE ops.case"))
        connection.execute(sa.text("VACUUM ANALYZE ops.case_assignment"))


def start(floor, tmp_path: Path, rules: Path, first: int, threads: int, batch: int = BATCH) -> subprocess.Popen[str]:
    """A process of callers, ready to begin at a line on its input."""
    environment = {
        **os.environ,
        "ARREARS_HOME": str(floor.settings.home),
        "ARREARS_RULES": str(rules),
        "ARREARS_CLOCK": "2026-11-20T09:30:00",
        "ARREARS_WAREHOUSE_URL": floor.settings.warehouse_url.get_secret_value(),
    }
    command = [sys.executable, "-m", "tests.support.desk_crowd", str(first), str(threads), str(batch)]
    return subprocess.Popen(
        [*command, str(tmp_path / f"answers-{first}")],
        env=environment,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin(crowd: list[subprocess.Popen[str]]) -> None:
    """Lets all begin once all are ready."""
    for each in crowd:
        assert each.stdout is not None
        assert each.stdout.readline().strip() == "ready"
    for each in crowd:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()


def told(tmp_path: Path) -> list[tuple[str, list[str]]]:
    """What callers were told: collector and cases of each answer."""
    lines = [line for path in sorted(tmp_path.glob("answers-*")) for line in path.read_text().splitlines()]
    return [(line.split(" ")[0], line.split(" ")[1:]) for line in lines]


def owners(warehouse: sa.Engine) -> dict[str, str | None]:
    """Case → owner, None in the pool."""
    with warehouse.connect() as connection:
        return {
            row.case_id: row.collector_id for row in connection.execute(sa.select(CASE.c.case_id, CASE.c.collector_id))
        }


def check_intervals(warehouse: sa.Engine) -> None:
    """Each case has one lasting interval, that of its owner, and as many events as grabs."""
    c = CASE_ASSIGNMENT.c
    with warehouse.connect() as connection:
        lasting = connection.execute(sa.select(c.case_id, c.collector_id).where(c.to_at.is_(None))).all()
    assert {row.case_id: row.collector_id for row in lasting} == owners(warehouse)
    assert len(lasting) == len({row.case_id for row in lasting})


def test_two_hundred_callers_empty_a_pool_of_fifty_thousand(floor, tmp_path, capsys):
    rules = copy_rules(tmp_path / "crowd_rules", RULES)
    fill(floor.warehouse, CASES)
    # some may hold 95 and are full before the pool is empty
    floor.collectors(*[f"E{i:04d}" for i in range(1, 11)], capacity=95)
    floor.collectors(*[f"E{i:04d}" for i in range(11, PROCESSES * THREADS + 1)])
    crowd = [start(floor, tmp_path, rules, 1 + i * THREADS, THREADS) for i in range(PROCESSES)]
    begin(crowd)
    started = time.monotonic()
    for each in crowd:
        _, error = each.communicate(timeout=300)
        assert each.returncode == 0, error[-3000:]
    seconds = time.monotonic() - started
    answers = told(tmp_path)
    ids = [case_id for _, cases in answers for case_id in cases]
    claims = len(answers)
    with capsys.disabled():
        print(
            f"\n  {len(ids)} cases in {claims} claims by {PROCESSES * THREADS} callers: {claims / seconds:.0f} claims/s"
        )
    assert len(ids) == len(set(ids))
    found = owners(floor.warehouse)
    mine = {case_id: who for who, cases in answers for case_id in cases}
    assert {case_id: who for case_id, who in found.items() if who is not None} == mine
    held = Counter(mine.values())
    # 190 callers with 260 each and 10 with 95 hold at most 50,350: the pool must be empty
    assert len(ids) == CASES
    assert max(held.values()) <= 260
    assert [held[f"E{i:04d}"] for i in range(1, 11)] == [95] * 10
    assert max(len(cases) for _, cases in answers) == BATCH
    check_intervals(floor.warehouse)
    with floor.warehouse.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM ops.case_event WHERE action = 'grabbed'")) == CASES
