"""The pages' application, imported with an Airflow home of its own."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="session")
def web_app(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module `arrears.web.app`; importing Airflow writes a configuration and warns about its neighbours."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arrears.web import app

    return app


Getter = Callable[..., httpx.Response]


@pytest.fixture
def settings_of_pages(web_app: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pg_url: str) -> Iterator[Path]:
    """Points the pages to the test's warehouse and folder; gives the reports folder."""
    monkeypatch.setenv("ARREARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
    web_app.forget_settings()
    yield tmp_path / "home" / "reports"
    web_app.forget_settings()


@pytest.fixture
def get(web_app: Any, settings_of_pages: Path) -> Getter:
    """Asks the application for a page as a user who is logged in."""
    application = web_app.create_app()
    application.dependency_overrides[web_app.get_user] = _somebody
    return lambda path, **headers: ask(application, path, headers)


def ask(application: Any, path: str, headers: dict[str, str], method: str = "GET") -> httpx.Response:
    """One request to an application, without a server."""

    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(request())


def _somebody() -> object:
    return object()
