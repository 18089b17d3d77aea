"""The page *Approvals*: which agency, legal and repossession contacts wait for a person, why, and what was decided.

It reads the approval queue; what it changes goes through the API, which the same login reaches. Ids of contacts are
sent in bodies only, never in an address.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Protocol

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRouter
from fastapi.templating import Jinja2Templates

from arrears.desk.callers import Caller
from arrears.desk.views import Event
from arrears.outreach.approvals import ApprovalsView
from arrears.settings import Settings
from arrears.web.callers import airflow_caller
from arrears.web.frame import Part, answer
from arrears.web.texts import choose_language

ITEMS_A_PAGE = 25


class ReadsApprovals(Protocol):
    """What the page asks."""

    def read(
        self, caller: Caller, *, placement: str | None = ..., waiting: bool = ..., limit: int = ..., offset: int = ...
    ) -> ApprovalsView: ...


Recent = Callable[[Caller, tuple[str, ...]], Sequence[tuple[Event, int]]]
"""The latest acts of the given kinds, each with the number of contacts that it was about."""


def approval_routes(
    templates: Jinja2Templates,
    settings: Callable[[], Settings],
    approvals: Callable[[], ReadsApprovals],
    recent: Recent,
    prefix: str,
    headers: Mapping[str, str],
) -> APIRouter:
    """The route of the page; the application that takes it in wants a login for it."""
    router = APIRouter()

    @router.get("/approvals", response_class=HTMLResponse)
    def page(
        request: Request,
        caller: Annotated[Caller, Depends(airflow_caller)],
        part: Annotated[Part, Query()] = "page",
        lang: Annotated[str | None, Query(max_length=10)] = None,
        placement: Annotated[str | None, Query(max_length=100)] = None,
        show: Annotated[str, Query(pattern="^(waiting|decided)$")] = "waiting",
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        """The contacts that wait, or were decided today, the most urgent first."""

        def read() -> dict[str, Any]:
            acts = {"recent": recent(caller, ("approved", "rejected"))} if part != "live" else {}
            if part == "recent":
                return acts
            view = approvals().read(
                caller,
                placement=placement or None,
                waiting=show == "waiting",
                limit=ITEMS_A_PAGE,
                offset=(page - 1) * ITEMS_A_PAGE,
            )
            return acts | {
                "view": view,
                "placement": placement or "",
                "show": show,
                "page": page,
                "page_count": max(1, math.ceil(view.total / ITEMS_A_PAGE)),
            }

        return answer(
            request,
            templates,
            name="approvals",
            part=part,
            language=choose_language(lang, request.headers.get("accept-language", "")),
            asked={
                "placement": placement,
                "show": show if show != "waiting" else None,
                "page": page if page > 1 else None,
            },
            prefix=prefix,
            headers=headers,
            settings=settings(),
            caller=caller,
            read=read,
        )

    return router
