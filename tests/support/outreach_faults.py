"""Sends many contacts while everything fails: workers are killed, the provider misbehaves, PostgreSQL restarts.

`python -m tests.support.outreach_faults --seeds 20 --tasks 20000` prints a line of figures per seed and fails with the
first seed that loses a contact or sends one twice. A seed fixes what is done to whom in which order; when it happens
follows from the machine's speed as well.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from arrears.outreach.states import SENDABLE, State
from arrears.run import Run, open_run
from arrears.settings import PROJECT, load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.migrate import upgrade
from arrears.warehouse.ops_contacts import ContactAttempt, ContactTask

from . import outreach_day
from .gateway_process import GatewayProcess

DAY = date(2026, 11, 20)
ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 11, 20, 9, 0, 30, tzinfo=ZONE)
SPEED = 20.0
"""Seconds of the clock of acting in one second: waits and leases pass in the test's time."""
WORKERS = ("sms", "dialer", "email", "sms")
KINDS = ("reminder", "call", "mail")
DATABASE_AWAY = 75
"""Exit code of a worker whose warehouse was away: an Airflow task fails so, and is tried again."""
FAULTS = ("slow", "429", "500", "refuse", "drop_after_accept", "hang", "nonsense")
_MAIL_FAULTS = ("slow", "429", "500", "refuse", "drop_after_accept")
_CALM_SHARE = 0.12
"""Share of the tasks that is left when the faults end."""
_LONGEST_SECONDS = 900

_CHANGED_RULES = (
    (
        1,
        "retry: {tries: 3, attempts: 8, first_wait_minutes: 5, longest_wait_minutes: 60}",
        "retry: {tries: 2, attempts: 60, first_wait_minutes: 1, longest_wait_minutes: 1}",
    ),
    (
        1,
        "    rate: {per_second: 1000, burst: 1000}\n",
        "    breaker: {failures: 8, open_seconds: 1}\n    rate: {per_second: 1000, burst: 1000}\n",
    ),
    (
        1,
        "kind: email, daily_cap: 100000, cost: 0.01}",
        "kind: email, daily_cap: 100000, cost: 0.01, breaker: {failures: 8, open_seconds: 20}}",
    ),
    # at SPEED a morning is over in nine minutes: what is left then waits for nobody, and expires
    (3, 'closes: "12:00"', 'closes: "18:00"'),
)
"""Texts of contact.yaml: how often it has each, what is there, what the test puts in its place."""

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]


@dataclass(frozen=True)
class FastClock:
    """A clock of acting that runs faster than the machine's."""

    real: float
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return BEGIN + self.ahead + timedelta(seconds=(time.time() - self.real) * SPEED)

    def today(self) -> date:
        return self.now().date()


@dataclass
class Seed:
    """What one seed did and found."""

    seed: int
    tasks: int
    seconds: float = 0.0
    kills: int = 0
    restarts: int = 0
    orders: int = 0
    workers: int = 0
    database_away: int = 0
    states: dict[str, dict[str, int]] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)

    def line(self) -> str:
        """The figures as JSON."""
        return json.dumps({**vars(self), "seconds": round(self.seconds, 1)})


def run_seed(seed: int, tasks: int, folder: Path) -> Seed:
    """Runs one seed in `folder`; AssertionError for a contact that was lost, sent twice or left without an end."""
    server = EmbeddedPostgres(folder / "server")
    server.ensure_running()
    gateway = GatewayProcess(folder / "gateway")
    try:
        return _Storm(seed, tasks, folder, server, gateway).run()
    finally:
        gateway.stop()
        server.stop(mode="immediate")


class _Storm:
    def __init__(self, seed: int, tasks: int, folder: Path, server: EmbeddedPostgres, gateway: Any) -> None:
        self._random = random.Random(seed)
        self._found = Seed(seed, tasks)
        self._server = server
        self._gateway = gateway
        self._settings = {
            "home": str(folder / "home"),
            "warehouse_url": server.url("storm").render_as_string(hide_password=False),
            "rules": str(_rules(folder / "rules")),
            "duckdb_memory": "1GB",
            "duckdb_threads": 1,
        }
        self._clock = FastClock(time.time())
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["arrears.outreach.steps", "arrears.sqlmodel", __name__])
        self._workers: dict[Any, str] = {}
        self._warehouse = open_warehouse(load_settings(self._settings))

    def run(self) -> Seed:
        upgrade(self._warehouse)
        self._plan()
        begun = time.time()
        self._clock = FastClock(begun)
        self._work(begun)
        self._found.seconds = time.time() - begun
        self._clock = FastClock(time.time(), ahead=timedelta(hours=3))
        self._settle()
        self._check()
        self._warehouse.dispose()
        return self._found

    def _plan(self) -> None:
        from arrears.outreach.steps import plan_contacts

        with self._run() as run:
            outreach_day.publish(
                run, [outreach_day.case(f"C{number:06d}", KINDS[number % 3]) for number in range(self._found.tasks)]
            )
            planned = plan_contacts(run).figures["planned"]
        assert sum(planned.values()) == self._found.tasks, planned

    def _work(self, begun: float) -> None:
        """Keeps workers at work until nothing is left, and lets things fail until little is."""
        calm = False
        # by the share of the work that is left, so that a fast machine sees as many as a slow one
        kills = sorted(self._random.uniform(_CALM_SHARE, 0.98) for _ in range(8 + self._found.tasks // 300))
        restarts = sorted(self._random.uniform(0.25, 0.85) for _ in range(2))
        next_order = 0.0
        while left := self._left():
            assert time.time() - begun < _LONGEST_SECONDS, f"seed {self._found.seed}: {left} tasks never end"
            share = sum(left.values()) / self._found.tasks
            now = time.time()
            if not calm and share <= _CALM_SHARE:
                calm = True
                self._calm_down()
            self._keep_workers(left)
            if not calm:
                if restarts and share <= restarts[-1]:
                    restarts.pop()
                    self._restart_database()
                if kills and share <= kills[-1] and self._kill_one():
                    kills.pop()
                if now >= next_order:
                    self._misbehave()
                    next_order = now + self._random.uniform(0.5, 2.0)
            time.sleep(0.05)
        for process in self._workers:
            process.join()
            self._note_end(process)
        self._workers.clear()

    def _keep_workers(self, left: Mapping[str, int]) -> None:
        for process in [each for each in self._workers if not each.is_alive()]:
            process.join()
            self._note_end(process)
            del self._workers[process]
        at_work = Counter(self._workers.values())
        for channel, wanted in Counter(WORKERS).items():
            if left.get(channel) and at_work[channel] < wanted:
                process = self._context.Process(
                    target=work, args=(channel, self._settings, self._gateway.connections(), self._clock)
                )
                process.start()
                self._workers[process] = channel
                self._found.workers += 1

    def _note_end(self, process: Any) -> None:
        code = process.exitcode
        assert code in {0, -signal.SIGKILL, DATABASE_AWAY}, f"a worker ended with {code}"
        self._found.database_away += code == DATABASE_AWAY

    def _kill_one(self) -> bool:
        """Kills a worker, if there is one."""
        alive = [process for process in self._workers if process.is_alive()]
        if alive:
            self._random.choice(alive).kill()
            self._found.kills += 1
        return bool(alive)

    def _misbehave(self) -> None:
        channel = self._random.choice(("sms", "dialer", "email"))
        mode = self._random.choice(_MAIL_FAULTS if channel == "email" else FAULTS)
        order = {"share": round(self._random.uniform(0.02, 0.3), 3), "count": self._random.randint(3, 40)}
        if mode in {"slow", "hang"}:
            order |= {"seconds": 0.3} if mode == "slow" else {"count": self._random.randint(1, 6), "seconds": 4}
        self._gateway.fault(channel, mode, **order)
        self._found.orders += 1

    def _calm_down(self) -> None:
        for channel in ("sms", "dialer", "email"):
            self._gateway.fault(channel, "ok")

    def _restart_database(self) -> None:
        self._server.stop(mode="immediate")
        self._server.ensure_running()
        self._found.restarts += 1

    def _left(self) -> dict[str, int]:
        open_states = [state.value for state in (*SENDABLE, State.SENDING)]
        with self._warehouse.connect() as connection:
            rows = connection.execute(
                sa.select(_TASK.c.channel, sa.func.count().label("tasks"))
                .where(_TASK.c.state.in_(open_states))
                .group_by(_TASK.c.channel)
            )
            return {row.channel: row.tasks for row in rows}

    def _settle(self) -> None:
        from arrears.outreach.steps import reconcile_contacts

        for name, value in self._gateway.connections().items():
            os.environ[name] = value
        with self._run() as run:
            reconcile_contacts(run)
            reconcile_contacts(run)

    def _check(self) -> None:
        with self._warehouse.connect() as connection:
            tasks = connection.execute(sa.select(_TASK)).mappings().all()
            attempts = Counter(
                connection.execute(sa.select(_ATTEMPT.c.task_key).where(_ATTEMPT.c.event == "reserved")).scalars()
            )
            numbers = connection.execute(sa.text("SELECT COUNT(*) FROM ops.contact_worker")).scalar_one()
        states: dict[str, Counter[str]] = {}
        for task in tasks:
            states.setdefault(task["channel"], Counter())[task["state"]] += 1
        self._found.states = {channel: dict(sorted(counts.items())) for channel, counts in sorted(states.items())}
        assert len(tasks) == self._found.tasks
        assert all(attempts[task["task_key"]] == task["attempts"] for task in tasks), "every attempt is written down"
        assert numbers == 0, "no worker is remembered"
        for channel in ("sms", "dialer", "email"):
            self._check_channel(channel, {task["task_key"]: task for task in tasks if task["channel"] == channel})

    def _check_channel(self, channel: str, tasks: Mapping[str, Mapping[str, Any]]) -> None:
        where = f"seed {self._found.seed}, {channel}"
        got = {message["key"]: message for message in self._gateway.messages(channel)}
        self._found.repeats[channel] = sum(message["given"] - 1 for message in got.values())
        assert not got.keys() - tasks.keys(), f"{where}: a message of no task"
        twice = [key for key, message in got.items() if message["effects"] > 1]
        assert not twice, f"{where}: {len(twice)} took effect twice"
        mail = channel == "email"
        final = {"sent", "unknown"} if mail else {"sent", "delivered", "dead"}
        odd = {key: task for key, task in tasks.items() if task["state"] not in final}
        assert not odd, f"{where}: {Counter((task['state'], task['state_reason']) for task in odd.values())}"
        dead = [task for task in tasks.values() if task["state"] == "dead"]
        assert all(str(task["state_reason"]).startswith("provider.") for task in dead), where
        gone = {key for key, task in tasks.items() if task["state"] != "unknown"}
        assert not gone - got.keys(), f"{where}: {len(gone - got.keys())} are said to have gone and never came"
        if mail:
            assert all(message["given"] == 1 for message in got.values()), f"{where}: a mail was sent twice"
        else:
            assert got.keys() == tasks.keys(), f"{where}: {len(tasks.keys() - got.keys())} lost"

    @contextlib.contextmanager
    def _run(self) -> Iterator[Run]:
        with open_run(load_settings(self._settings), DAY, self._clock) as run:
            yield run


def work(channel: str, settings: Mapping[str, Any], connections: Mapping[str, str], clock: FastClock) -> None:
    """One worker: pushes what is due over a channel, once; what `outreach_dispatch` does for it."""
    import logging

    from arrears.outreach.channels.address import address_from_environment
    from arrears.outreach.dispatch import Dispatcher

    logging.disable(logging.CRITICAL)
    os.environ.update(connections)
    try:
        with open_run(load_settings(dict(settings)), DAY, clock) as run:
            Dispatcher(run, address_from_environment).push(channel, retry_now=False)  # type: ignore[arg-type]
    except DBAPIError as error:
        if not error.connection_invalidated and not isinstance(error, sa.exc.OperationalError):
            raise
        sys.exit(DATABASE_AWAY)


def _rules(folder: Path) -> Path:
    """The shipped rules, with waits that a test can wait for and windows that outlast a slow machine."""
    shutil.copytree(PROJECT / "include" / "rules", folder)
    path = folder / "contact.yaml"
    text = path.read_text(encoding="utf-8")
    for times, shipped, changed in _CHANGED_RULES:
        assert text.count(shipped) == times, f"contact.yaml has {shipped!r} {text.count(shipped)} times by now"
        text = text.replace(shipped, changed)
    path.write_text(text, encoding="utf-8")
    return folder


def main() -> None:
    """Reads the command line and runs the seeds one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.outreach_faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--lock", type=Path, help="file that is locked while a seed runs")
    given = parser.parse_args()
    for seed in range(given.first, given.first + given.seeds):
        with tempfile.TemporaryDirectory(prefix="arrears-faults-") as folder, contextlib.ExitStack() as stack:
            Path(folder).chmod(0o755)
            if given.lock:
                lock = stack.enter_context(given.lock.open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            print(run_seed(seed, given.tasks, Path(folder)).line(), flush=True)


if __name__ == "__main__":
    main()
