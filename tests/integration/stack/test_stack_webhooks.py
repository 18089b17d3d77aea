"""The stack's gateway reports to the stack's API by webhook; polling goes on beside it and counts nothing twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.support import outreach_day

from arrears.outreach.steps import plan_contacts, push_contacts, reconcile_contacts
from arrears.run import open_run
from arrears.settings import Settings, load_settings
from arrears.stack.environment import connection_environment, library_environment
from arrears.stack.gateway import GatewayPorts, gateway_connections, gateway_service
from arrears.stack.home import StackHome
from arrears.stack.processes import Service, stop_services
from arrears.stack.webhooks import api_service, order_webhooks
from arrears.warehouse.ops_contacts import ContactAttempt, ContactChannel, ContactTask, UnmatchedReceipt

_COUNT = 40
_LONGEST_SECONDS = 90


@pytest.fixture
def settings(tmp_path: Path, pg_url: str) -> Settings:
    return load_settings({"home": tmp_path / "home", "warehouse_url": pg_url, "clock": "2026-11-20T09:30:00"})


@pytest.fixture
def stack(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StackHome, GatewayPorts, Service]]:
    """A gateway and an API as the stack starts them; the third is the API, which the gateway does not know yet."""
    home = StackHome(settings.home)
    home.prepare()
    ports = GatewayPorts(*(home.port(f"gateway_{kind}", None) for kind in ("http", "smtp", "sftp")))
    connections = connection_environment(gateway_connections(home, ports))
    for name, value in connections.items():
        monkeypatch.setenv(name, value)
    environment = library_environment(settings, **connections)
    gateway = gateway_service(home, ports, environment)
    api = api_service(home, home.port("webhook", None), environment)
    started = [gateway.start(), api.start()]
    try:
        for service in started:
            service.wait_ready(time.monotonic() + _LONGEST_SECONDS)
        yield home, ports, api
    finally:
        stop_services(started)


def test_receipts_come_by_webhook_and_are_counted_once_when_they_are_polled_too(
    settings: Settings, stack: tuple[StackHome, GatewayPorts, Service]
) -> None:
    home, ports, api = stack
    order_webhooks(home, ports.http, _port(api))
    _send(settings)
    # nobody polls: the webhook alone settles all of them
    _wait(lambda: all(task["state"] in {"delivered", "dead"} for task in _tasks(settings)))
    _wait(lambda: _webhook(home, ports)["webhook_delivered"] == _webhook(home, ports)["receipts"])
    before, events = _tasks(settings), _events(settings)
    with open_run(settings, outreach_day.DAY) as run:
        polled = reconcile_contacts(run).figures["receipts"]
    assert set(polled["sms"]) == {"repeated"}, "the same receipts, and nothing new"
    assert (_tasks(settings), _events(settings)) == (before, events)
    assert _strays(settings) == 0


def test_without_the_api_the_receipts_wait_to_be_polled_and_come_once(
    settings: Settings, stack: tuple[StackHome, GatewayPorts, Service]
) -> None:
    home, ports, api = stack
    stop_services([api])
    order_webhooks(home, ports.http, _port(api))
    _send(settings)
    _wait(lambda: _webhook(home, ports)["webhook_refused"] > 0)
    assert {task["state"] for task in _tasks(settings)} == {"sent"}
    with open_run(settings, outreach_day.DAY) as run:
        reconcile_contacts(run)
    assert {task["state"] for task in _tasks(settings)} <= {"delivered", "dead"}
    events = _events(settings)
    # the API comes back, and is told all of it again
    api.start()
    _wait(lambda: _webhook(home, ports)["webhook_delivered"] == _webhook(home, ports)["receipts"])
    assert _events(settings) == events
    assert _strays(settings) == 0
    # a stack without the option takes its order back
    order_webhooks(home, ports.http, None)
    assert _webhook(home, ports)["webhook_delivered"] == 0


def _send(settings: Settings) -> None:
    """Texts that go out to the gateway, from an outbox that was empty."""
    with open_run(settings, outreach_day.DAY) as run:
        with run.warehouse.begin() as connection:
            for table in (ContactAttempt, ContactTask, ContactChannel, UnmatchedReceipt):
                connection.execute(sa.text(f"TRUNCATE {table.__table__} CASCADE"))
        outreach_day.publish(run, [outreach_day.case(f"C{number:03d}") for number in range(_COUNT)])
        plan_contacts(run)
        assert push_contacts(run, "sms").figures["sent"] == _COUNT


def _tasks(settings: Settings) -> list[dict[str, Any]]:
    with open_run(settings, outreach_day.DAY) as run, run.warehouse.connect() as connection:
        rows = connection.execute(sa.select(ContactTask.__table__).order_by(ContactTask.task_key)).mappings()
        return [dict(row) for row in rows]


def _port(api: Service) -> int:
    return int(api.command[-1])


def _webhook(home: StackHome, ports: GatewayPorts) -> dict[str, int]:
    headers = {"Authorization": f"Bearer {home.secret('gateway_token')}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{ports.http}", headers=headers, trust_env=False) as client:
        account: dict[str, int] = client.get("/report").json()["channels"]["sms"]
        return account


def _events(settings: Settings) -> list[tuple[Any, ...]]:
    with open_run(settings, outreach_day.DAY) as run, run.warehouse.connect() as connection:
        table: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
        names = ("task_key", "attempt_no", "event", "outcome")
        return sorted(map(tuple, connection.execute(sa.select(*[table.c[name] for name in names]))), key=json.dumps)


def _strays(settings: Settings) -> int:
    with open_run(settings, outreach_day.DAY) as run, run.warehouse.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(UnmatchedReceipt)) or 0


def _wait(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not what():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)
