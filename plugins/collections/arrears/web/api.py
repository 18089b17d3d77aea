"""The API inside Airflow: the application of `arrears.api`, with the callers that Airflow's login knows."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from anyio import to_thread
from fastapi import FastAPI, HTTPException
from starlette.requests import Request

from arrears.api.app import create_api
from arrears.api.front import Identify, bearer_of
from arrears.api.problems import ProblemError
from arrears.api.settings import load_api_settings
from arrears.api.sources import Sources
from arrears.desk.callers import Caller
from arrears.settings import load_settings
from arrears.web.callers import airflow_caller
from arrears.web.explain import require_same_origin

PREFIX = "/arrears/api"
"""Where the plugin mounts it; the routes stand below `/arrears/api/v1`."""

_READS = frozenset({"GET", "HEAD"})


async def identify(request: Request) -> Caller:
    """The caller whom Airflow's auth manager knows by bearer token or cookie; ProblemError 401 or 403 for nobody.

    The browser sends the cookie along by itself, so what changes something must come from a page of this very site.
    """
    try:
        user = await get_user(request, None, await bearer_scheme(request))
        if request.method not in _READS and bearer_of(request.headers) is None:
            require_same_origin(request)
    except HTTPException as refused:
        rule = "caller.unknown" if refused.status_code == 401 else "caller.refused"
        raise ProblemError(refused.status_code, rule, str(refused.detail), refused.headers) from None
    return await to_thread.run_sync(airflow_caller, user)


def create_mounted_api(who: Identify = identify) -> FastAPI:
    """The application for the plugin: nothing in it answers without a login, its documents included."""
    api = load_api_settings()
    sources = Sources(load_settings, api)
    return create_api(
        sources.services(),
        who,
        api,
        sources.now,
        serious=sources.serious(),
        contacts=sources.contacts,
        prefix="",
        open_health=False,
        close=sources.close,
    )
