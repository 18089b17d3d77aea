"""The page *Vehicles*: proceedings about vehicles, each step with its day, and a form with which leads record the next.

What it changes goes through the API, which the same login reaches. Ids of contracts are sent in bodies only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRouter
from fastapi.templating import Jinja2Templates

from arrears.desk.callers import Caller
from arrears.outreach.vehicle_steps import VehiclesView
from arrears.outreach.vehicles import Step
from arrears.settings import Settings
from arrears.web.approvals import Recent
from arrears.web.callers import airflow_caller
from arrears.web.frame import Part, answer
from arrears.web.texts import choose_language

VEHICLES_A_PAGE = 25


class ReadsVehicles(Protocol):
    """What the page asks."""

    def read(
        self, caller: Caller, *, contract_id: str | None = ..., limit: int = ..., offset: int = ...
    ) -> VehiclesView: ...


def vehicle_routes(
    templates: Jinja2Templates,
    settings: Callable[[], Settings],
    vehicles: Callable[[], ReadsVehicles],
    recent: Recent,
    prefix: str,
    headers: Mapping[str, str],
) -> APIRouter:
    """The route of the page; the application that takes it in wants a login for it."""
    router = APIRouter()

    @router.get("/vehicles", response_class=HTMLResponse)
    def page(
        request: Request,
        caller: Annotated[Caller, Depends(airflow_caller)],
        part: Annotated[Part, Query()] = "page",
        lang: Annotated[str | None, Query(max_length=10)] = None,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        """The contracts with proceedings, those with the latest step first."""

        def read() -> dict[str, Any]:
            acts = {"recent": recent(caller, ("vehicle_step",))} if part != "live" else {}
            if part == "recent":
                return acts
            view = vehicles().read(caller, limit=VEHICLES_A_PAGE, offset=(page - 1) * VEHICLES_A_PAGE)
            return acts | {
                "view": view,
                "page": page,
                "page_count": max(1, math.ceil(view.total / VEHICLES_A_PAGE)),
                "steps": [step.value for step in Step],
            }

        return answer(
            request,
            templates,
            name="vehicles",
            part=part,
            language=choose_language(lang, request.headers.get("accept-language", "")),
            asked={"page": page if page > 1 else None},
            prefix=prefix,
            headers=headers,
            settings=settings(),
            caller=caller,
            read=read,
        )

    return router
