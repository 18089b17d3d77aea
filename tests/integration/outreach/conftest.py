"""Fixtures of outreach's integration tests: a day in a warehouse, a gateway, and workers that die on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from tests.support import outreach_day
from tests.support.gateway_process import GatewayProcess

from arrears.clock import Clock
from arrears.run import Run, open_run
from arrears.settings import PROJECT, load_settings
from arrears.warehouse.base import Base
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_cases import Case
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice
from arrears.warehouse.ops_contacts import (
    ContactAttempt,
    ContactChannel,
    ContactTask,
    ContactWorker,
    PartnerFile,
    UnmatchedReceipt,
    WebhookCall,
)

_HERE = Path(__file__).parent
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_BESIDE = (
    ContactChannel,
    ContactWorker,
    PartnerFile,
    UnmatchedReceipt,
    WebhookCall,
    CustomerConsent,
    CustomerNotice,
)


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A gateway that has got nothing yet, and the connections that lead to it."""
    process = GatewayProcess(tmp_path / "gateway")
    for name, value in process.connections().items():
        monkeypatch.setenv(name, value)
    yield process
    process.stop()


@dataclass
class Outreach:
    """One day's outreach under test."""

    home: Path
    url: str
    builder: ModuleType = outreach_day
    rules: Path = PROJECT / "include" / "rules"

    def run(
        self, at: str = "2026-11-20 09:30:00", as_of: date | None = None, clock: Clock | None = None
    ) -> AbstractContextManager[Run]:
        """The run of the day (or of `as_of`) at `at`, or by `clock`."""
        fixed = datetime.fromisoformat(at)
        given = {"home": self.home, "warehouse_url": self.url, "rules": self.rules, "duckdb_memory": "1GB"}
        return open_run(load_settings({**given, "clock": fixed}), as_of or fixed.date(), clock)

    def change_rules(self, **changed: Any) -> None:
        """Goes on with a copy of the rules in which items of contact.yaml are replaced, at `a__b` inside of a."""
        folder = self.home.parent / "rules"
        shutil.copytree(self.rules, folder)
        path = folder / "contact.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in changed.items():
            inner = content
            *outer, last = name.split("__")
            for part in outer:
                inner = inner[part]
            inner[last] = value
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        self.rules = folder

    def plan(self, cases: list[dict[str, Any]], at: str = "2026-11-20 09:30:00", **tables: Any) -> dict[str, Any]:
        """Publishes a day of `cases` and plans it; gives the figures."""
        from arrears.outreach.steps import plan_contacts

        with self.run(at) as run:
            self.builder.publish(run, cases, **tables)
            return plan_contacts(run).figures

    def plan_many(self, count: int, kind: str, **other: Any) -> dict[str, Any]:
        """Plans a day of `count` cases of one kind."""
        return self.plan([self.builder.case(f"C{number:03d}", kind, **other) for number in range(count)])

    def tasks(self) -> list[dict[str, Any]]:
        """The outbox, in the order of customer and slot."""
        return self._rows(sa.select(_TASK).order_by(_TASK.c.customer_id, _TASK.c.window_opens_at, _TASK.c.slot))

    def attempts(self) -> list[dict[str, Any]]:
        """All events of all attempts."""
        return self._rows(sa.select(_ATTEMPT).order_by(_ATTEMPT.c.task_key, _ATTEMPT.c.attempt_no, _ATTEMPT.c.event))

    def states(self, channel: str | None = None) -> dict[str, int]:
        """How many tasks are in which state."""
        counts: dict[str, int] = {}
        for task in self.tasks():
            if channel in {None, task["channel"]}:
                counts[task["state"]] = counts.get(task["state"], 0) + 1
        return counts

    def ops(self) -> list[list[dict[str, Any]]]:
        """All of the outbox, to compare before and after."""
        return [self.tasks(), self.attempts(), self._rows(sa.select(ContactChannel.__table__))]

    def worker(self, step: str, dies: str = "never", at: str = "2026-11-20 09:30:00") -> subprocess.Popen[bytes]:
        """Starts a process that runs a step, and kills itself at the point `dies`."""
        environment = {
            **os.environ,
            "ARREARS_HOME": str(self.home),
            "ARREARS_WAREHOUSE_URL": self.url,
            "ARREARS_CLOCK": at,
            "ARREARS_RULES": str(self.rules),
            "ARREARS_DUCKDB_MEMORY": "1GB",
        }
        return subprocess.Popen([sys.executable, str(_HERE / "dying_worker.py"), step, dies], env=environment)

    def rows(self, table: type[Base]) -> list[dict[str, Any]]:
        """All rows of a table."""
        return self._rows(sa.select(table.__table__))

    def _rows(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        engine = open_warehouse(load_settings({"warehouse_url": self.url}))
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(statement).mappings()]
        finally:
            engine.dispose()


@pytest.fixture
def outreach(tmp_path: Path, pg_url: str) -> Outreach:
    """A day with an empty outbox."""
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))
    with engine.begin() as connection:
        for table in (_ATTEMPT, _TASK, Case.__table__, *(each.__table__ for each in _BESIDE)):
            connection.execute(sa.text(f"TRUNCATE {table} CASCADE"))
    engine.dispose()
    return Outreach(tmp_path / "home", pg_url)


Outreaches = Callable[..., Outreach]
