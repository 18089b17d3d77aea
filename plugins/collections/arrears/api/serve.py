"""`arrears serve`: the API alone, for the collectors' systems, which show bearer tokens."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from starlette.requests import Request

from arrears.api import tokens
from arrears.api.front import Identify, bearer_of, not_known
from arrears.api.settings import ApiSettings, load_api_settings
from arrears.api.work import Work
from arrears.desk.callers import Caller
from arrears.settings import Settings, load_settings

FACTORY = "arrears.api.serve:application"
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_END_SECONDS = 20
_KEEP_ALIVE_SECONDS = 30


def application() -> FastAPI:
    """The application of one worker process, set up from the environment."""
    from arrears.api import log

    log.configure()
    return make_service(load_settings(), load_api_settings())


def make_service(settings: Settings, api: ApiSettings, *, machine_time: Callable[[], datetime] = tokens.now) -> FastAPI:
    """The application behind bearer tokens; `machine_time` is what their lifetimes go by."""
    from arrears.api.app import create_api
    from arrears.api.sources import Sources

    sources = Sources(lambda: settings, api)
    work = Work(api.threads, api.wait_seconds)

    def check(text: str) -> Caller | None:
        with sources.warehouse().connect() as connection:
            return tokens.check_token(connection, text, machine_time())

    return create_api(
        sources.services(),
        by_token(check, work),
        api,
        sources.now,
        serious=sources.serious(),
        contacts=sources.contacts,
        hooks=sources.webhooks(machine_time).take,
        work=work,
        close=sources.close,
    )


def by_token(check: Callable[[str], Caller | None], work: Work) -> Identify:
    """Tells callers by their bearer token, which is looked up for every request: a revoked one is refused at once."""

    async def identify(request: Request) -> Caller:
        text = bearer_of(request.headers)
        caller = await work.run(check, text) if text and tokens.is_token(text) else None
        if caller is None:
            raise not_known()
        return caller

    return identify


def serve(host: str, port: int, workers: int) -> None:
    """Serves until it is stopped; raises WarehouseError when the warehouse is not at the newest revision."""
    import uvicorn

    from arrears.warehouse.connect import open_warehouse
    from arrears.warehouse.migrate import require_current

    load_api_settings()
    settings = load_settings()
    warehouse = open_warehouse(settings)
    try:
        require_current(warehouse)
    finally:
        warehouse.dispose()
    with tempfile.TemporaryDirectory(prefix="arrears-metrics-") as folder:
        if workers > 1:
            # read when a worker imports its metrics: then all workers count together
            os.environ[_FOLDER_VARIABLE] = folder
        uvicorn.run(
            FACTORY,
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_END_SECONDS,
        )
