"""The page *Outreach*: the day's funnel per channel, what stopped contacts, dead letters, and one case's contacts.

It reads the outbox and the day's plan; what it changes goes through the API, which the same login reaches. Ids of
customers and contacts are sent in bodies only, never in an address: a case's contacts are asked for by a form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import altair as alt
import sqlalchemy as sa
from fastapi import Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRouter
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import OperationalError, ProgrammingError

from arrears.desk.callers import Caller
from arrears.desk.views import Event
from arrears.errors import ArrearsError
from arrears.lake import Lake
from arrears.outreach.contact_history import CaseHistory, find_customer, read_history
from arrears.outreach.reading import (
    MOST_DEAD_LETTERS,
    STAGES,
    ChannelFunnel,
    known_days,
    latest_acts,
    read_outreach,
)
from arrears.outreach.rules import ContactRules, load_contact_rules
from arrears.rules.rule_set import load_rule_set
from arrears.settings import Settings
from arrears.vega import Spec, bundle, inline, styled
from arrears.web.callers import airflow_caller
from arrears.web.desk_pages import ACTS_SHOWN, acts_of
from arrears.web.explain import require_same_origin
from arrears.web.frame import Part, answer
from arrears.web.texts import choose_language, texts
from arrears.web.texts_desk import script_words
from arrears.web.texts_outreach import outreach_rule_words

LETTERS_A_PAGE = 25
SECONDS_BETWEEN = 10
"""How often the page is read again: a day's funnel is counted anew each time."""
SECONDS_BETWEEN_LARGE = 30
_LARGE = 20_000
"""Contacts of a day from which on it is read less often: counting 100,000 takes a second."""

_ACTS_READ = 300
_LARGEST_FORM = 4096
_BARS = {
    "planned": (24, "#d5dbe3"),
    "sent": (24, "#9ec1e6"),
    "delivered": (18, "#5d97cf"),
    "answered": (13, "#2f6fb2"),
    "promised": (8, "#e3a008"),
    "paid": (4, "#1a7f4b"),
}
"""How thick and in which colour a stage is drawn: a later one lies on the earlier."""


@dataclass(frozen=True)
class OutreachSources:
    """Where the page reads."""

    settings: Callable[[], Settings]
    warehouse: Callable[[], sa.Engine]


class HistoryQuestion(BaseModel):
    """Whose contacts are asked for."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    case: str = Field(default="", max_length=200)
    """A customer's, case's or contract's id."""
    lang: str | None = Field(default=None, max_length=10)


async def posted_question(request: Request) -> HistoryQuestion:
    """The form's fields; 413 for a body that no form of the page has, 422 for fields that make no sense."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise HTTPException(413, "This is not a form of the page.")
    try:
        question = HistoryQuestion.model_validate(dict(parse_qsl(body.decode("utf-8"))))
    except (UnicodeDecodeError, ValidationError):
        question = None
    if question is None or not question.case.isprintable():
        # what was sent is not repeated: it may be personal
        raise HTTPException(422, "Give the id of a case, a customer or a contract.")
    return question


def funnel_chart(funnels: Sequence[ChannelFunnel], words: Mapping[str, str]) -> Spec | None:
    """Per channel how large a share of what was planned came how far, each stage on the one before it."""
    shown = [each for each in funnels if each.planned]
    if not shown:
        return None
    names = {stage: words[f"o_{stage}"] for stage in STAGES}
    rows = [
        {
            "channel": f"{words.get(f'channel_{each.channel}', each.channel)} · {each.planned:,}",
            "stage": names[stage],
            "share": each.count(stage) / each.planned,
            "contacts": each.count(stage),
        }
        for each in shown
        for stage in STAGES
    ]
    order = list(dict.fromkeys(str(row["channel"]) for row in rows))
    colours = alt.Scale(domain=list(names.values()), range=[colour for _, colour in _BARS.values()])
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("share:Q", title=words["o_share_of_planned"], axis=alt.Axis(format="%", tickCount=5)),
        y=alt.Y("channel:N", title=None, sort=order, axis=alt.Axis(ticks=False)),
        color=alt.Color("stage:N", title=None, scale=colours, sort=list(names.values())),
        tooltip=[
            alt.Tooltip("channel:N", title=words["channel"]),
            alt.Tooltip("stage:N", title=words["state"]),
            alt.Tooltip("contacts:Q", title=words["contacts"], format=",d"),
            alt.Tooltip("share:Q", title=words["share"], format=".1%"),
        ],
    )
    layers = [
        base.transform_filter(alt.FieldEqualPredicate(field="stage", equal=names[stage])).mark_bar(size=size)
        for stage, (size, _) in _BARS.items()
    ]
    return styled(alt.layer(*layers), height=34 * len(shown))


def outreach_routes(
    templates: Jinja2Templates, sources: OutreachSources, prefix: str, headers: Mapping[str, str]
) -> APIRouter:
    """The routes of the page; the application that takes them in wants a login for each."""
    router = APIRouter()
    page_headers = {
        **headers,
        "Content-Security-Policy": headers["Content-Security-Policy"] + "; script-src 'self'; connect-src 'self'",
    }

    @router.get("/outreach", response_class=HTMLResponse)
    def page(
        request: Request,
        caller: Annotated[Caller, Depends(airflow_caller)],
        part: Annotated[Part, Query()] = "page",
        lang: Annotated[str | None, Query(max_length=10)] = None,
        day: Annotated[date | None, Query(alias="date")] = None,
        channel: Annotated[str | None, Query(max_length=100)] = None,
        page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    ) -> Response:
        """A day's outreach; without a date the present business day."""
        settings = sources.settings()
        language = choose_language(lang, request.headers.get("accept-language", ""))
        now = settings.acting_clock().now()
        chosen = day or now.date()
        words = texts(language)

        def read() -> dict[str, Any]:
            with sources.warehouse().connect() as connection:
                acts = {} if part == "live" else {"recent": _recent(connection, chosen)}
                if part == "recent":
                    return acts
                view = read_outreach(
                    connection,
                    Lake(settings.lake_root),
                    _contact_rules(settings.rules, now.date()),
                    chosen,
                    now.astimezone(settings.zone),
                    channel=channel or None,
                    limit=LETTERS_A_PAGE,
                    offset=(page - 1) * LETTERS_A_PAGE,
                )
                days = known_days(connection) if part == "page" else []
            letters = min(view.dead_letters_total, MOST_DEAD_LETTERS)
            return acts | {
                "view": view,
                "days": days,
                "chosen": chosen,
                "today": chosen,
                "before": chosen - timedelta(days=1),
                "after": chosen + timedelta(days=1),
                "channel": channel or "",
                "page": page,
                "page_count": max(1, math.ceil(letters / LETTERS_A_PAGE)),
                "chart": funnel_chart(view.funnels, words),
                "every": SECONDS_BETWEEN if view.total.planned < _LARGE else SECONDS_BETWEEN_LARGE,
                "script_words": _script_words(language),
            }

        return answer(
            request,
            templates,
            name="outreach",
            part=part,
            language=language,
            asked={"date": day, "channel": channel, "page": page if page > 1 else None},
            prefix=prefix,
            headers=headers,
            settings=settings,
            caller=caller,
            read=read,
        )

    def history_page(
        request: Request, caller: Caller, question: HistoryQuestion, status: int = 200, **more: Any
    ) -> Response:
        settings = sources.settings()
        language = choose_language(question.lang, request.headers.get("accept-language", ""))
        context: dict[str, Any] = {
            "t": texts(language),
            "lang": language,
            "other": "en" if language == "zh" else "zh",
            "prefix": prefix,
            "api": f"{prefix}/api/v1",
            "zone": settings.zone,
            "caller": caller,
            "leads": caller.role == "lead",
            "question": question,
            "script_words": _script_words(language),
            "history": None,
            "unknown": False,
            **more,
        }
        return templates.TemplateResponse(
            request, "outreach_history.html", context, status_code=status, headers=page_headers
        )

    @router.get("/outreach/history", response_class=HTMLResponse)
    def ask(
        request: Request,
        caller: Annotated[Caller, Depends(airflow_caller)],
        lang: Annotated[str | None, Query(max_length=10)] = None,
    ) -> Response:
        """The empty form."""
        return history_page(request, caller, HistoryQuestion(lang=lang))

    @router.post("/outreach/history", response_class=HTMLResponse, dependencies=[Depends(require_same_origin)])
    def history(
        request: Request,
        question: Annotated[HistoryQuestion, Depends(posted_question)],
        caller: Annotated[Caller, Depends(airflow_caller)],
    ) -> Response:
        """All contacts with the customer of a case."""
        if not question.case:
            return history_page(request, caller, question)
        try:
            found = _history(sources.warehouse(), question.case, sources.settings())
        except (OperationalError, ProgrammingError):
            context = {"t": texts(choose_language(question.lang, "")), "lang": question.lang or "en", "prefix": prefix}
            return templates.TemplateResponse(
                request, "unavailable.html", context, status_code=503, headers=dict(headers)
            )
        if found is None:
            return history_page(request, caller, question, 404, unknown=True)
        return history_page(request, caller, question, history=found)

    @router.get("/vega.js")
    def vega() -> Response:
        """Vega, Vega-Lite and vega-embed, from the installed package."""
        kept = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return Response(bundle(), media_type="text/javascript", headers=kept)

    return router


def _history(warehouse: sa.Engine, asked: str, settings: Settings) -> CaseHistory | None:
    with warehouse.connect() as connection:
        customer = find_customer(connection, asked)
        if customer is None:
            return None
        now = settings.acting_clock().now().astimezone(settings.zone)
        return read_history(connection, Lake(settings.lake_root), customer, now)


def _recent(connection: sa.Connection, day: date) -> list[tuple[Event, int]]:
    events = [
        Event(
            event_id=number,
            at=act.at,
            business_day=day,
            actor=act.by,
            via="airflow",
            action=act.action,
            case_id=None,
            queue=channel,
            collector_id=None,
            to_collector_id=None,
            rule=None,
            reason=act.why,
            details={},
        )
        for number, act, channel in latest_acts(connection, _ACTS_READ)
    ]
    return acts_of(events)[:ACTS_SHOWN]


@lru_cache(maxsize=1)
def _contact_rules(folder: Path, day: date) -> ContactRules | None:
    """The day's rules of contact, read once a day; None where they cannot be read: the page tells the rest."""
    try:
        return load_contact_rules(load_rule_set(folder, day))[0]
    except ArrearsError:
        return None


def _script_words(language: str) -> dict[str, object]:
    words = script_words(language)
    rules = words["rules"]
    known = dict(rules) if isinstance(rules, dict) else {}
    return {**words, "rules": {**known, **outreach_rule_words(language)}}
