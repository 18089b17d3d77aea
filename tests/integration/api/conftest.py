"""The API as it is served alone, on a real warehouse: tokens, a client in the same process, and the desk's floor."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from tests.support.desk_floor import NOON, Floor, MovingClock, copy_rules, empty_ops

from arrears.api.serve import make_service
from arrears.api.settings import ApiSettings
from arrears.api.tokens import issue_token
from arrears.desk.callers import Role
from arrears.desk.desk import Desk
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse

ISSUED = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@dataclass
class Api:
    """The application, what lies behind it, and the machine's time, which tests set."""

    app: FastAPI
    floor: Floor
    machine: MovingClock = field(default_factory=lambda: MovingClock(ISSUED))

    def token(self, name: str, role: Role, *, days: int = 1, **scope: Any) -> str:
        """A new token."""
        return issue_token(
            self.floor.warehouse, name, role, lifetime=timedelta(days=days), at=self.machine.now(), **scope
        ).text

    def collector(self, collector_id: str) -> str:
        """A collector's token."""
        return self.token(f"desk-{collector_id}", "collector", collector_id=collector_id)

    def lead(self, *teams: str) -> str:
        """A lead's token."""
        return self.token("-".join(("lead", *teams)), "lead", teams=teams or None)

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str) -> httpx.Response:
        """One request."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        return send(self.app, method, path, sent, json=body)


def send(app: FastAPI, method: str, path: str, headers: dict[str, str], **content: Any) -> httpx.Response:
    """One request to an application, without a server."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.request(method, path, headers=headers, **content)

    return asyncio.run(request())


@contextmanager
def opened_api(pg_url: str, folder: Path) -> Iterator[Api]:
    """The API on a warehouse with empty ops tables, at 09:30 of the day."""
    empty_ops(pg_url)
    rules = copy_rules(folder / "rules")
    settings = load_settings({"home": folder / "home", "warehouse_url": pg_url, "rules": rules, "clock": NOON})
    warehouse: sa.Engine = open_warehouse(settings)
    desk = Desk(warehouse, settings, settings.acting_clock())
    machine = MovingClock(ISSUED)
    app = make_service(settings, ApiSettings(rate=1000, burst=1000), machine_time=machine.now)
    yield Api(app, Floor(desk, warehouse, settings), machine)
    desk.close()
    warehouse.dispose()
    end(app)


def end(app: FastAPI) -> None:
    """Has the application close what it opened, as a server does at its end."""

    async def life() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(life())


@pytest.fixture
def api(pg_url: str, tmp_path: Path) -> Iterator[Api]:
    """An API of the test's own."""
    with opened_api(pg_url, tmp_path) as made:
        yield made
