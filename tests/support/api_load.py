"""Callers who grab over HTTP from a served API: `python -m tests.support.api_load` measures, tests use its parts.

Each caller keeps a journal: the key of a request before it is sent, and what was given once it is answered. A caller
that was killed is started again with its journal, and sends what has no answer once more, with the same key.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import sqlalchemy as sa
from tests.support.desk_floor import NOON, Floor, copy_rules

from arrears.api.tokens import issue_token, now
from arrears.desk.desk import Desk
from arrears.local import free_port
from arrears.settings import PROJECT, load_settings
from arrears.warehouse.connect import open_warehouse

RULES = """
defaults: {grab_batch: 20, grab_batch_max: 30, lease_minutes: 60}
queues: {phone: {}}
"""
_RETRY_SECONDS = 0.2
_START_SECONDS = 180


@dataclass
class Served:
    """A warehouse with cases, callers with tokens, and the API as a process of its own."""

    floor: Floor
    folder: Path
    port: int = field(default_factory=free_port)
    workers: int = 1
    tokens: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts `arrears serve` and waits until it answers."""
        settings = self.floor.settings
        assert settings.warehouse_url is not None
        environment = {
            **os.environ,
            "ARREARS_HOME": str(settings.home),
            "ARREARS_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
            "ARREARS_RULES": str(settings.rules),
            "ARREARS_CLOCK": NOON.isoformat(),
        }
        command = [str(Path(sys.executable).parent / "arrears")]
        command += ["serve", "--port", str(self.port), "--workers", str(self.workers)]
        with (self.folder / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                if httpx.get(f"{self.url}/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            assert self.process.poll() is None, (self.folder / "serve.log").read_text(encoding="utf-8")[-4000:]
            assert time.monotonic() < deadline, "the server did not answer in time"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends it as a power failure would, with all its workers."""
        assert self.process is not None
        for each in [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]:
            each.kill()
        self.process.wait()

    def stop(self) -> int:
        """Asks it to end; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def served(
    url: str,
    folder: Path,
    *,
    cases: int,
    callers: int,
    workers: int = 1,
    rules: str = RULES,
    before: Callable[[Served], None] | None = None,
) -> Iterator[Served]:
    """The API with `cases` in the pool of `phone` and one collector with a token per caller.

    Without cases `before` fills the warehouse, before the server starts.
    """
    folder_of_rules = copy_rules(folder / "rules", rules)
    settings = load_settings({"home": folder / "home", "warehouse_url": url, "rules": folder_of_rules, "clock": NOON})
    warehouse = open_warehouse(settings)
    desk = Desk(warehouse, settings, settings.acting_clock())
    made = Served(Floor(desk, warehouse, settings), folder, workers=workers)
    names = [f"C{i:03d}" for i in range(callers)]
    if cases:
        made.floor.cases(cases)
        made.floor.collectors(*names)
    for each in names:
        made.tokens[each] = issue_token(
            warehouse, f"desk-{each}", "collector", collector_id=each, lifetime=timedelta(days=1), at=now()
        ).text
    if before is not None:
        before(made)
    with warehouse.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()
        desk.close()
        warehouse.dispose()


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Journal:
    """What one caller has sent and been given; survives the caller."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.pending: str | None = None
        self.given: dict[str, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # half a line: the caller was killed while he wrote it
            if "cases" in entry:
                self.given[entry["key"]] = entry["cases"]
                self.pending = None
            else:
                self.pending = entry["key"]

    def asks(self) -> str:
        """The key of the request that has no answer yet, or a new one."""
        if self.pending is None:
            self.pending = uuid.uuid4().hex
            self._write({"key": self.pending})
        return self.pending

    def got(self, cases: Sequence[str]) -> None:
        assert self.pending is not None
        self.given[self.pending] = list(cases)
        self._write({"key": self.pending, "cases": list(cases)})
        self.pending = None

    def _write(self, entry: Mapping[str, object]) -> None:
        # begins with a line break, so that half a line of a killed caller does not spoil the next one
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(entry))


async def grab_until_empty(url: str, token: str, journal: Journal, pause: float, timings: list[float]) -> None:
    """Grabs until the pool is empty or the caller is full; whatever has no answer is sent again with its key."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
        while True:
            key = journal.asks()
            begun = time.perf_counter()
            try:
                answer = await client.post("/api/v1/pools/phone/grab", json={}, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            rule = answer.json().get("rule", "")
            if answer.status_code >= 500 or rule == "rate.caller":
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            timings.append(time.perf_counter() - begun)
            if rule.startswith("limit."):
                journal.got([])
                return
            assert answer.status_code == 200, answer.text
            cases = [each["case_id"] for each in answer.json()["cases"]]
            journal.got(cases)
            if not cases:
                return
            await asyncio.sleep(pause)


@dataclass
class Measured:
    """Latencies of grabs in seconds, from when each was due to be sent to its whole answer."""

    seconds: list[float]
    statuses: dict[int, int]

    def at(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def __str__(self) -> str:
        mean = statistics.fmean(self.seconds)
        return (
            f"{len(self.seconds)} grabs: p50 {self.at(0.5) * 1000:.1f} ms, p95 {self.at(0.95) * 1000:.1f} ms, "
            f"p99 {self.at(0.99) * 1000:.1f} ms, most {max(self.seconds) * 1000:.1f} ms, mean {mean * 1000:.1f} ms; "
            f"statuses {self.statuses}"
        )


async def measure(url: str, tokens: Mapping[str, str], seconds: int) -> Measured:
    """Every caller grabs once a second for so many seconds, each at his own moment of the second."""
    result = Measured([], {})
    begin = time.perf_counter() + 1

    async def caller(token: str, offset: float) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client:
            for second in range(seconds):
                due = begin + second + offset
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                answer = await client.post(
                    "/api/v1/pools/phone/grab", json={}, headers={"Idempotency-Key": uuid.uuid4().hex}
                )
                result.seconds.append(time.perf_counter() - due)
                result.statuses[answer.status_code] = result.statuses.get(answer.status_code, 0) + 1

    chance = random.Random(4)
    await asyncio.gather(*(caller(token, chance.random()) for token in tokens.values()))
    return result


def main() -> None:
    """Measures on an embedded PostgreSQL of its own, or plays the callers of a test."""
    from arrears.warehouse.embedded import EmbeddedPostgres
    from arrears.warehouse.migrate import upgrade

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--callers", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--play", type=Path, help="a file with url, pause and tokens: grab until the pool is empty")
    asked = parser.parse_args()
    if asked.play is not None:
        part = json.loads(asked.play.read_text(encoding="utf-8"))
        asyncio.run(_play(part["url"], part["tokens"], Path(part["journals"]), part["pause"]))
        return
    with tempfile.TemporaryDirectory(prefix="arrears-load-") as name:
        server = EmbeddedPostgres(Path(name) / "server")
        server.ensure_running()
        try:
            url = server.url("warehouse").render_as_string(hide_password=False)
            engine = open_warehouse(load_settings({"warehouse_url": url}))
            upgrade(engine)
            engine.dispose()
            folder = Path(name) / "load"
            folder.mkdir()
            cases = asked.callers * (asked.seconds + 10) * 20
            with served(url, folder, cases=cases, callers=asked.callers, workers=asked.workers) as api:
                asyncio.run(measure(api.url, api.tokens, 5))
                psutil.cpu_percent(percpu=True)
                result = asyncio.run(measure(api.url, api.tokens, asked.seconds))
                load = psutil.cpu_percent(percpu=True)
            print(f"{asked.callers} callers, once a second each, {asked.workers} worker(s), batches of 20")
            print(result)
            print(f"machine: {psutil.cpu_count()} processors busy {load} %, load {os.getloadavg()}")
        finally:
            server.stop(mode="immediate")


async def _play(url: str, tokens: Mapping[str, str], journals: Path, pause: float) -> None:
    timings: list[float] = []
    await asyncio.gather(
        *(
            grab_until_empty(url, token, Journal(journals / f"{name}.jsonl"), pause, timings)
            for name, token in tokens.items()
        )
    )


if __name__ == "__main__":
    main()
