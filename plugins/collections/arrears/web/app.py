"""The FastAPI application that the plugin mounts in Airflow's API server.

Airflow leaves a mounted application open to anyone, so every route here, the style sheet included, asks Airflow's
auth manager for the user. FastAPI's own pages (OpenAPI, docs) are off for the same reason. All routes only read; the
one that takes a form does so to keep a contract's id out of addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.exc import OperationalError, ProgrammingError

from arrears.desk.audit import read_events
from arrears.desk.callers import Caller
from arrears.desk.views import Event
from arrears.rules.rule_set import load_rule_set
from arrears.settings import Settings, load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.web.approvals import ReadsApprovals, approval_routes
from arrears.web.day_view import known_days, read_day
from arrears.web.desk_pages import DeskReads, Sources, acts_of, desk_routes
from arrears.web.documents import DocumentNotFoundError, day_documents, day_previews, find_document
from arrears.web.explain import explain_routes
from arrears.web.outreach import OutreachSources, outreach_routes
from arrears.web.texts import choose_language, texts
from arrears.web.vehicles import ReadsVehicles, vehicle_routes

PREFIX = "/arrears"
"""Where the plugin mounts the application."""

_HERE = Path(__file__).parent
_RECENT = 12
_LINES = 300
"""Lines of the audit that are read for the latest acts: one act may be many."""
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_DOCUMENT_HEADERS = {
    # A report brings its own scripts: they run in an origin of their own, without the reader's Airflow session
    "Content-Security-Policy": "sandbox allow-scripts allow-popups allow-downloads",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app() -> FastAPI:
    """The application with all its routes, each behind Airflow's login."""
    app = FastAPI(title="Arrears", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(get_user)])
    templates = Jinja2Templates(directory=_HERE / "templates")

    @app.get("/day", response_class=HTMLResponse)
    def day(
        request: Request,
        day: Annotated[date | None, Query(alias="date")] = None,
        basis: Annotated[str | None, Query(max_length=10)] = None,
        lang: Annotated[str | None, Query(max_length=10)] = None,
    ) -> Response:
        """The day at a glance; without a date the last day that was run."""
        settings = _settings()
        language = choose_language(lang, request.headers.get("accept-language", ""))
        context: dict[str, Any] = {"t": texts(language), "lang": language, "prefix": PREFIX, "zone": settings.zone}
        try:
            with _warehouse().connect() as connection:
                days = known_days(connection)
                chosen = day or (days[0] if days else settings.acting_clock().today())
                view = read_day(connection, chosen, basis)
        except (OperationalError, ProgrammingError):
            return templates.TemplateResponse(
                request, "unavailable.html", context, status_code=503, headers=_PAGE_HEADERS
            )
        context |= {"view": view, "days": days, "chosen": chosen}
        context |= {"documents": day_documents(settings.reports_root, view.day)}
        context |= {"previews": day_previews(settings.reports_root, chosen)}
        context |= {"before": chosen - timedelta(days=1), "after": chosen + timedelta(days=1)}
        return templates.TemplateResponse(request, "day.html", context, headers=_PAGE_HEADERS)

    app.include_router(explain_routes(templates, _settings, PREFIX, _PAGE_HEADERS))

    recent = partial(_recent, _warehouse)
    app.include_router(approval_routes(templates, _settings, _approvals, recent, PREFIX, _PAGE_HEADERS))
    app.include_router(vehicle_routes(templates, _settings, _vehicles, recent, PREFIX, _PAGE_HEADERS))

    app.include_router(outreach_routes(templates, OutreachSources(_settings, _warehouse), PREFIX, _PAGE_HEADERS))

    sources = Sources(_settings, _warehouse, _desk)
    app.include_router(desk_routes(templates, sources, PREFIX, _PAGE_HEADERS))

    @app.get("/documents/{path:path}")
    def document(path: str) -> Response:
        """A document of the reports folder: the day's report, or the quality documents."""
        try:
            found = find_document(_settings().reports_root, path)
        except DocumentNotFoundError:
            raise HTTPException(404, "There is no such document.") from None
        return FileResponse(found, headers=_DOCUMENT_HEADERS)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        """Style sheet and icons."""
        try:
            found = find_document(_HERE / "static", name)
        except DocumentNotFoundError:
            raise HTTPException(404, "There is no such file.") from None
        return FileResponse(found, headers={"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"})

    return app


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return load_settings()


@lru_cache(maxsize=1)
def _warehouse() -> sa.Engine:
    return open_warehouse(_settings())


@lru_cache(maxsize=1)
def _desk() -> DeskReads:
    from arrears.desk.desk import Desk

    settings = _settings()
    return Desk(_warehouse(), settings, settings.acting_clock())


def _approvals() -> ReadsApprovals:
    from arrears.outreach.approvals import Approvals

    settings = _settings()
    return Approvals(_warehouse(), settings, settings.acting_clock())


def _vehicles() -> ReadsVehicles:
    from arrears.outreach.vehicle_steps import Vehicles

    settings = _settings()
    return Vehicles(_warehouse(), settings.acting_clock(), partial(load_rule_set, settings.rules))


def _recent(warehouse: Callable[[], sa.Engine], caller: Caller, actions: tuple[str, ...]) -> list[tuple[Event, int]]:
    """The latest acts of these kinds, newest first, each with the number of its lines in the audit."""
    with warehouse().connect() as connection:
        found = [
            event
            for action in actions
            for event in read_events(
                connection,
                caller,
                after=None,
                limit=_LINES,
                day=None,
                case_id=None,
                collector_id=None,
                queue=None,
                action=action,
            ).events
        ]
    return acts_of(sorted(found, key=lambda event: event.event_id, reverse=True))[:_RECENT]


def forget_settings() -> None:
    """Reads the settings anew at the next request."""
    if _warehouse.cache_info().currsize:
        _warehouse().dispose()
    _warehouse.cache_clear()
    _desk.cache_clear()
    _settings.cache_clear()
