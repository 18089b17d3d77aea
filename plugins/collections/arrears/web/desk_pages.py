"""The pages on which people work with cases: Allocation, Grab pool and Performance.

They read the desk and `mart`; what they change goes through the API, which the same login reaches. Each page has
fragments of its own address (`part=`) that its script merges every few seconds. Ids of cases are in no address.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Protocol
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRouter
from fastapi.templating import Jinja2Templates
from sqlalchemy.exc import OperationalError, ProgrammingError

from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.desk.views import AllocationView, CollectorShare, Event, Events, PoolDetail, PoolView, QueueShare, Worklist
from arrears.kpi.performance import performance
from arrears.kpi.pool_outcome import pool_outcome
from arrears.settings import Settings
from arrears.web.callers import airflow_caller
from arrears.web.texts import choose_language, texts
from arrears.web.texts_desk import fewer_words, script_words

PEOPLE_A_PAGE = 50
CASES_A_PAGE = 25
ACTS_SHOWN = 12
SECONDS_BETWEEN = 4
"""How often a fragment is fetched."""
PERIODS = (1, 7, 30, 90)

PATHS: Mapping[str, str] = {
    "grab": "/pools/{queue}/grab",
    "batch": "/pools/{queue}/batch",
    "give_back": "/returns",
    "hand_over": "/handovers",
    "recall": "/recalls",
    "absence": "/absences",
    "quota": "/quotas",
}
"""Routes of the API that the forms send to."""

Part = Literal["page", "live", "recent", "cases"]


class DeskReads(Protocol):
    """What the pages ask the desk."""

    def allocation(self, caller: Caller, queue: str | None = None) -> AllocationView: ...
    def pools(self, caller: Caller) -> Sequence[PoolView]: ...
    def pool(self, caller: Caller, queue: str) -> PoolDetail: ...
    def worklist(
        self,
        caller: Caller,
        *,
        collector_id: str | None = None,
        queue: str | None = None,
        limit: int = ...,
        offset: int = ...,
    ) -> Worklist: ...
    def audit(self, caller: Caller, *, after: int | None = None, limit: int = ...) -> Events: ...


@dataclass(frozen=True)
class Sources:
    """Where the pages read."""

    settings: Callable[[], Settings]
    warehouse: Callable[[], sa.Engine]
    desk: Callable[[], DeskReads]


@dataclass(frozen=True)
class Asked:
    """What a page is asked for: all of it may stand in an address."""

    part: Part
    lang: str
    queue: str | None
    collector: str | None
    page: int
    days: int


def asked(
    request: Request,
    part: Annotated[Part, Query()] = "page",
    lang: Annotated[str | None, Query(max_length=10)] = None,
    queue: Annotated[str | None, Query(max_length=100)] = None,
    collector: Annotated[str | None, Query(max_length=100)] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    days: Annotated[int, Query(ge=1, le=366)] = 7,
) -> Asked:
    """The address's parts, each within its bounds."""
    language = choose_language(lang, request.headers.get("accept-language", ""))
    return Asked(part, language, queue or None, collector or None, page, days)


@dataclass(frozen=True)
class PeoplePage:
    """A page of a queue's collectors; the share of the bars is of the one who has most."""

    rows: Sequence[CollectorShare]
    page: int
    pages: int
    most: int

    def share(self, cases: int) -> float:
        """How long a bar of so many cases is, 0 to 1."""
        return cases / self.most if self.most else 0.0


def people_page(queue: QueueShare, page: int) -> PeoplePage:
    """The collectors of `queue` on `page`; the last page for one that is beyond."""
    shown = [each for each in queue.collectors if each.trained or each.cases]
    pages = max(1, math.ceil(len(shown) / PEOPLE_A_PAGE))
    page = min(page, pages)
    start = (page - 1) * PEOPLE_A_PAGE
    return PeoplePage(
        rows=shown[start : start + PEOPLE_A_PAGE],
        page=page,
        pages=pages,
        most=max((each.cases for each in shown), default=0),
    )


def acts_of(events: Sequence[Event]) -> list[tuple[Event, int]]:
    """The audit as people did it: one line an act, with its number of cases, in the order of the audit."""
    acts: dict[tuple[Any, ...], tuple[Event, int]] = {}
    for each in events:
        act = (each.at, each.actor, each.action, each.queue, each.collector_id, each.to_collector_id, each.reason)
        first, number = acts.get(act, (each, 0))
        acts[act] = (first, number + 1)
    return list(acts.values())


def desk_routes(templates: Jinja2Templates, sources: Sources, prefix: str, headers: Mapping[str, str]) -> APIRouter:
    """The routes of the three pages; the application that takes them in wants a login for each."""
    router = APIRouter()
    page_headers = {
        **headers,
        "Content-Security-Policy": headers["Content-Security-Policy"] + "; script-src 'self'; connect-src 'self'",
    }

    def answer(
        request: Request, question: Asked, name: str, caller: Caller, read: Callable[[], dict[str, Any]]
    ) -> Response:
        settings = sources.settings()
        t = texts(question.lang)

        def here(**changes: Any) -> str:
            values = {"queue": question.queue, "page": question.page, "days": question.days, **changes}
            values = {"lang": question.lang, **values}
            if name != "performance":
                del values["days"]
            return f"{prefix}/{name}?{urlencode({key: value for key, value in values.items() if value})}"

        def cases_url(**changes: Any) -> str:
            values = {"part": "cases", "collector": question.collector, "queue": question.queue, "page": 1, **changes}
            values["lang"] = question.lang
            return f"{prefix}/{name}?{urlencode({key: value for key, value in values.items() if value})}"

        context: dict[str, Any] = {
            "t": t,
            "lang": question.lang,
            "other": "en" if question.lang == "zh" else "zh",
            "prefix": prefix,
            "api": f"{prefix}/api/v1",
            "paths": PATHS,
            "zone": settings.zone,
            "today": settings.acting_clock().today(),
            "caller": caller,
            "leads": caller.role == "lead",
            "here": here,
            "cases_url": cases_url,
            "page_name": name,
            "title": t[f"page_{name}"],
            "every": SECONDS_BETWEEN if name != "performance" else 30,
            "live_template": f"{name}_live.html",
            "aside": name != "performance",
            "fewer": lambda rules: fewer_words(question.lang, rules),
            "script_words": script_words(question.lang),
            "reasons": [t[f"reason_{each}"] for each in ("sick", "training", "workload", "language", "complaint")],
        }
        try:
            context |= read()
        except (OperationalError, ProgrammingError):
            if question.part != "page":
                return Response(status_code=503, headers=dict(headers))
            return templates.TemplateResponse(request, "unavailable.html", context, status_code=503, headers=headers)
        except Refusal as refusal:
            context["refusal"] = refusal
            status = 403 if refusal.kind == "forbidden" else 404
            return templates.TemplateResponse(request, "refused.html", context, status_code=status, headers=headers)
        template = {
            "page": f"{name}.html",
            "live": f"{name}_live.html",
            "recent": "desk_recent.html",
            "cases": "desk_cases.html",
        }[question.part]
        return _tagged(request, templates.TemplateResponse(request, template, context, headers=page_headers))

    def cases_of(question: Asked, caller: Caller) -> dict[str, Any]:
        offset = (question.page - 1) * CASES_A_PAGE
        found = sources.desk().worklist(
            caller, collector_id=question.collector, queue=question.queue, limit=CASES_A_PAGE, offset=offset
        )
        pages = max(1, math.ceil(found.total / CASES_A_PAGE))
        return {"cases": {"rows": found.cases, "page": question.page, "pages": pages}}

    def recent(caller: Caller) -> dict[str, Any]:
        return {"recent": acts_of(sources.desk().audit(caller, limit=300).events)[:ACTS_SHOWN]}

    @router.get("/allocation", response_class=HTMLResponse)
    def allocation(
        request: Request,
        question: Annotated[Asked, Depends(asked)],
        caller: Annotated[Caller, Depends(airflow_caller)],
    ) -> Response:
        """Who has which cases, how even that is, and why."""

        def read() -> dict[str, Any]:
            if question.part == "recent":
                return recent(caller)
            if question.part == "cases":
                return cases_of(question, caller)
            view = sources.desk().allocation(caller)
            chosen = next((each for each in view.queues if each.queue == question.queue), None)
            # the first one to look at is the first in which there is anything to see
            chosen = chosen or next((each for each in view.queues if each.cases), next(iter(view.queues), None))
            more = {} if question.part == "live" else recent(caller)
            return more | {
                "view": view,
                "chosen": chosen,
                "people_page": people_page(chosen, question.page) if chosen else None,
                "people": [each for each in chosen.collectors if each.at_work and each.trained] if chosen else [],
            }

        return answer(request, question, "allocation", caller, read)

    @router.get("/pool", response_class=HTMLResponse)
    def pool(
        request: Request,
        question: Annotated[Asked, Depends(asked)],
        caller: Annotated[Caller, Depends(airflow_caller)],
    ) -> Response:
        """What is open, who took what and when, and whose leases run."""

        def read() -> dict[str, Any]:
            if question.part == "recent":
                return recent(caller)
            if question.part == "cases":
                return cases_of(question, caller)
            pools = sources.desk().pools(caller)
            chosen = next((each.queue for each in pools if each.queue == question.queue), None)
            chosen = chosen or next((each.queue for each in pools if each.cases), pools[0].queue if pools else None)
            detail = sources.desk().pool(caller, chosen) if chosen else None
            found: dict[str, Any] = {"pools": pools, "detail": detail, "chosen": chosen, "outcome": None}
            if chosen:
                with sources.warehouse().connect() as connection:
                    found["outcome"] = pool_outcome(connection, chosen, sources.settings().acting_clock().today())
            if question.part == "page":
                shares = sources.desk().allocation(caller, chosen).queues if chosen else ()
                people = [each for share in shares for each in share.collectors if each.at_work and each.trained]
                found |= {
                    "people": people,
                    "give_back_reasons": detail.pool.give_back_reasons if detail else (),
                    **recent(caller),
                }
            return found

        return answer(request, question, "pool", caller, read)

    @router.get("/performance", response_class=HTMLResponse)
    def performance_page(
        request: Request,
        question: Annotated[Asked, Depends(asked)],
        caller: Annotated[Caller, Depends(airflow_caller)],
    ) -> Response:
        """What collectors and teams reached, result and process together, against their targets."""

        def read() -> dict[str, Any]:
            settings = sources.settings()
            last = settings.acting_clock().today() - timedelta(days=1)
            with sources.warehouse().connect() as connection:
                first = last - timedelta(days=question.days - 1)
                view = performance(connection, from_day=first, to_day=last, teams=caller.teams)
            start = (question.page - 1) * PEOPLE_A_PAGE
            return {
                "view": view,
                "days": question.days,
                "periods": PERIODS,
                "rows": view.collectors[start : start + PEOPLE_A_PAGE],
                "page": question.page,
                "page_count": max(1, math.ceil(len(view.collectors) / PEOPLE_A_PAGE)),
            }

        return answer(request, question, "performance", caller, read)

    return router


def _tagged(request: Request, response: Response) -> Response:
    """The response with its digest as a tag, or nothing at all for a reader who has it already."""
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-store"})
    response.headers["ETag"] = tag
    return response
