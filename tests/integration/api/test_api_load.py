"""Many callers at once over HTTP: fast enough, and nothing lost when callers and server are killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import httpx
import sqlalchemy as sa
from tests.support.api_load import Journal, measure, served, wait_until
from tests.support.desk_floor import empty_ops

from arrears.api.tokens import issue_token, now
from arrears.settings import PROJECT
from arrears.warehouse.ops_cases import CASE


def owners(warehouse: sa.Engine) -> dict[str, str]:
    """Who has which case."""
    with warehouse.connect() as connection:
        owned = sa.select(CASE.c.case_id, CASE.c.collector_id).where(CASE.c.state == "owned")
        return {case_id: str(owner) for case_id, owner in connection.execute(owned)}


def test_fifty_callers_who_grab_once_a_second_are_answered_fast(pg_url: str, tmp_path: Path) -> None:
    # the bound is wide, since other work may run beside a test; the module's program measures on a quiet machine
    empty_ops(pg_url)
    with served(pg_url, tmp_path, cases=10_000, callers=50) as api:
        asyncio.run(measure(api.url, api.tokens, 2))
        result = asyncio.run(measure(api.url, api.tokens, 6))
        log = (tmp_path / "serve.log").read_text(encoding="utf-8")
    print(result)
    assert result.statuses == {200: 300}
    assert result.at(0.5) < 0.1, str(result)
    assert result.at(0.99) < 0.5, str(result)
    for line in log.splitlines():
        json.loads(line)
    assert "@2026-11-20" not in log, "no id of a case is logged"
    assert "desk-C" not in log


def test_nothing_is_lost_when_callers_and_server_are_killed(pg_url: str, tmp_path: Path) -> None:
    empty_ops(pg_url)
    cases, journals = 2_500, tmp_path / "journals"
    journals.mkdir()

    def given() -> int:
        return sum(len(each) for path in journals.glob("*.jsonl") for each in Journal(path).given.values())

    def play(number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.api_load", "--play", str(tmp_path / f"part{number}.json")]
        return subprocess.Popen(command, cwd=PROJECT)

    with served(pg_url, tmp_path, cases=cases, callers=12) as api:
        tokens = list(api.tokens.items())
        for number in range(3):
            part = {"url": api.url, "pause": 0.1, "journals": str(journals), "tokens": dict(tokens[number::3])}
            (tmp_path / f"part{number}.json").write_text(json.dumps(part), encoding="utf-8")
        players = [play(number) for number in range(3)]
        try:
            for share in (0.1, 0.35):
                wait_until(lambda: given() > cases * share)  # noqa: B023 - waited for before the next one
                api.kill()
                players[0].kill()
                players[0].wait()
                api.start()
                players[0] = play(0)
            wait_until(lambda: given() > cases * 0.5)
            for number in (1, 2):
                players[number].kill()
                players[number].wait()
                players[number] = play(number)
            assert [player.wait(120) for player in players] == [0, 0, 0]
        finally:
            for player in players:
                player.kill()
                player.wait()
        warehouse = api.floor.warehouse
        told = Counter(
            (case, path.stem)
            for path in journals.glob("*.jsonl")
            for batch in Journal(path).given.values()
            for case in batch
        )
        assert len(told) == cases, "every case was given to somebody who knows it"
        assert set(told.values()) == {1}, "and once"
        assert dict(told.keys()) == owners(warehouse), "to the one whom the warehouse names"
        with warehouse.connect() as connection:
            doubled = sa.text(
                "SELECT count(*) FROM (SELECT case_id FROM ops.case_assignment WHERE source = 'grab'"
                " GROUP BY case_id HAVING count(*) > 1) AS doubled"
            )
            assert connection.scalar(doubled) == 0


def test_several_workers_count_together_and_end_when_asked(pg_url: str, tmp_path: Path) -> None:
    empty_ops(pg_url)
    with served(pg_url, tmp_path, cases=400, callers=3, workers=2) as api:
        answers = [
            httpx.post(
                f"{api.url}/api/v1/pools/phone/grab",
                json={"batch": 5},
                headers={"Authorization": f"Bearer {token}"},
                timeout=10,
            )
            for token in list(api.tokens.values()) * 4
        ]
        assert {each.status_code for each in answers} == {200}
        viewer = issue_token(api.floor.warehouse, "prometheus", "viewer", lifetime=timedelta(days=1), at=now()).text
        text = httpx.get(f"{api.url}/metrics", headers={"Authorization": f"Bearer {viewer}"}, timeout=10).text
        assert 'arrears_api_grabbed_cases_total{queue="phone"} 60.0' in text
        assert 'arrears_pool_cases{queue="phone"} 340.0' in text
        assert api.stop() in (0, -15), "asked to end, it ends"
