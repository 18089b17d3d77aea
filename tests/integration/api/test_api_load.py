"""Many callers at once over HTTP: fast enough, and nothing lost when callers and server are killed."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.support.api_load import measure, served
from tests.support.desk_floor import empty_ops
from tests.support.desk_ordeal import ordeal

from arrears.api.tokens import issue_token, now


@pytest.mark.alone
def test_fifty_callers_who_grab_once_a_second_are_answered_fast(pg_url: str, tmp_path: Path) -> None:
    # what else the machine does can only make it slower: the best of three rounds counts
    empty_ops(pg_url)
    with served(pg_url, tmp_path, cases=25_000, callers=50) as api:
        asyncio.run(measure(api.url, api.tokens, 2))
        rounds = []
        while len(rounds) < 3 and (not rounds or rounds[-1].at(0.99) >= 0.1):
            rounds.append(asyncio.run(measure(api.url, api.tokens, 6)))
        log = (tmp_path / "serve.log").read_text(encoding="utf-8")
    print(*rounds, sep="\n")
    assert all(each.statuses == {200: 300} for each in rounds)
    assert min(each.at(0.99) for each in rounds) < 0.1, "\n".join(map(str, rounds))
    for line in log.splitlines():
        json.loads(line)
    assert "@2026-11-20" not in log, "no id of a case is logged"
    assert "desk-C" not in log


def test_nothing_is_lost_when_callers_and_server_are_killed_and_the_morning_runs_again(
    pg_url: str, tmp_path: Path
) -> None:
    # `python -m tests.support.desk_ordeal` goes through the same with 50,000 cases and 50 callers
    told = ordeal(pg_url, tmp_path, cases=2_000, callers=20)
    print(told)
    assert told.kills == 6
    assert told.full >= 1, "somebody came to his capacity"
    assert told.reruns >= 2, "the morning's steps ran beside the grabs"


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
