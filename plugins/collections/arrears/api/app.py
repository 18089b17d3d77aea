"""The one application: routes, their documents, and what every request passes. Who asks is told from outside.

Airflow mounts it below `/arrears/api`, behind its own login; `arrears serve` serves it alone, with bearer tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from arrears.api.front import Front, Gate, Identify
from arrears.api.hooks import PATHS, TakeCall, hook_routes
from arrears.api.limits import TokenBuckets
from arrears.api.metrics import Metrics
from arrears.api.outreach import ContactsOf, contact_routes
from arrears.api.problems import MEDIA_TYPE, Problem, install
from arrears.api.routes import Services, routes, service_routes
from arrears.api.serious import SeriousServices, serious_routes
from arrears.api.settings import ApiSettings
from arrears.api.work import Work

VERSION = "v1"
DESCRIPTION = """What people do with cases through the day: grab from the pool, work, give back; and what leads decide.

Every change says who did it and is kept in an append-only audit. Send an `Idempotency-Key` with every change: a request
that got no answer is then simply sent again. Errors are problem details (RFC 9457) whose `rule` says what refuses.
Ids of cases hold customers' ids: they stand in bodies only, never in an address."""

_PROBLEMS: Mapping[int, str] = {
    401: "No caller is known: no token, or one that is unknown, expired or revoked.",
    403: "The caller may not.",
    404: "No such queue, collector or case.",
    409: "Something else was done meanwhile, or the Idempotency-Key was used for another request.",
    410: "It is over, for example a lease.",
    413: "The body is too large.",
    422: "The request cannot be meant; `faults` lists what is wrong with it.",
    429: "A limit of the rules is reached (`rule` names it), or the caller asks too often (Retry-After).",
    503: "The service or the warehouse is busy or away; send the request again with the same Idempotency-Key.",
}
_FEW: Mapping[str, tuple[int, ...]] = {"/health": (503,), "/metrics": (401, 403, 429, 503)}


def create_api(
    services: Services,
    identify: Identify,
    settings: ApiSettings,
    now: Callable[[], datetime],
    *,
    serious: SeriousServices | None = None,
    contacts: ContactsOf | None = None,
    hooks: TakeCall | None = None,
    prefix: str = "/api",
    open_health: bool = True,
    work: Work | None = None,
    close: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The application.

    `identify` tells who sends a request, `now` is the clock of acting. Without `serious` there are no routes of serious
    steps, without `contacts` none that act on single contacts, without `hooks` no webhooks: these are signed, and pass
    without a caller. The routes stand below `<prefix>/v1`; `prefix` is empty where the application is mounted below
    one. `open_health` answers /health without a caller. `close` is called when the server ends, in Airflow as well.
    """
    work = work or Work(settings.threads, settings.wait_seconds)
    metrics = Metrics()
    document = f"{prefix}/{VERSION}/openapi.json"

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        close()

    app = FastAPI(
        lifespan=lifespan,
        title="Arrears: the desk",
        version=VERSION.removeprefix("v"),
        description=DESCRIPTION,
        openapi_url=document,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.include_router(routes(services, work, metrics, now), prefix=f"{prefix}/{VERSION}")
    if serious is not None:
        app.include_router(serious_routes(serious, work), prefix=f"{prefix}/{VERSION}")
    if contacts is not None:
        app.include_router(contact_routes(contacts, work), prefix=f"{prefix}/{VERSION}")
    app.include_router(service_routes(services, work, metrics))
    if hooks is not None:
        app.include_router(hook_routes(hooks, work))
    install(app)
    app.add_middleware(
        Gate,
        identify=identify,
        buckets=TokenBuckets(settings.rate, settings.burst),
        body_bytes=settings.body_bytes,
        open_paths={*(("/health",) if open_health else ()), *(PATHS if hooks is not None else ())},
    )
    # added last, so it stands before the gate
    app.add_middleware(Front, metrics=metrics)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, open_health=open_health)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _document(app: FastAPI, *, open_health: bool) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, openapi_version="3.1.0"
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"bearer": []}]
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status in _FEW.get(path, tuple(_PROBLEMS)):
                operation["responses"][str(status)] = {"description": _PROBLEMS[status], "content": content}
            if path == "/health":
                operation["responses"].pop("422", None)
                if open_health:
                    operation["security"] = []
    return document
