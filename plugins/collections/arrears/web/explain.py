"""The page that explains a contract's treatment.

The contract's id comes in the body of a POST, never in an address, so it is in no access log and no browser history.
The browser sends Airflow's cookie along by itself, so a form is only taken from a page of this very site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRouter
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from arrears.day import Basis
from arrears.errors import ArrearsError, LakeError
from arrears.settings import Settings
from arrears.strategy.explain import explain
from arrears.strategy.explain_text import Teller, parse_language
from arrears.web.texts import choose_language, texts

_LARGEST_FORM = 4096


class Question(BaseModel):
    """What somebody asks: a contract on a day."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    contract: str = Field(default="", max_length=200)
    date: date
    basis: Basis | None = None
    lang: str | None = Field(default=None, max_length=10)

    @field_validator("basis", mode="before")
    @classmethod
    def _either(cls, value: Any) -> Any:
        # the form's first choice: frozen if the day has it
        return value or None


def require_same_origin(request: Request) -> None:
    """Refuses a form that another site sent with the reader's cookie; 403.

    Browsers say where a request comes from, in Sec-Fetch-Site or, over plain HTTP, in Origin.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "")
    same = site == "same-origin" if site else urlsplit(origin).netloc == request.headers.get("host")
    if not same:
        raise HTTPException(403, "Ask from the page itself.")


async def posted_question(request: Request) -> Question:
    """The form's fields; 413 for a body that no form of the page has, 422 for fields that make no sense."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise HTTPException(413, "This is not a form of the page.")
    try:
        return Question.model_validate(dict(parse_qsl(body.decode("utf-8"))))
    except (UnicodeDecodeError, ValidationError):
        # what was sent is not repeated: it may be personal
        raise HTTPException(422, "Give a contract and a day.") from None


def explain_routes(
    templates: Jinja2Templates, settings: Callable[[], Settings], prefix: str, headers: Mapping[str, str]
) -> APIRouter:
    """The routes of the page; the application that takes them in wants a login for each."""
    router = APIRouter()

    def page(request: Request, question: Question, status: int = 200, **more: Any) -> Response:
        language = choose_language(question.lang, request.headers.get("accept-language", ""))
        context = {
            "t": texts(language),
            "lang": language,
            "other": "en" if language == "zh" else "zh",
            "prefix": prefix,
            "question": question,
            "tell": Teller(parse_language(language, where="lang")),
            **more,
        }
        return templates.TemplateResponse(request, "explain.html", context, status_code=status, headers=headers)

    @router.get("/explain", response_class=HTMLResponse)
    def ask(
        request: Request,
        day: Annotated[date | None, Query(alias="date")] = None,
        basis: Annotated[Basis | None, Query()] = None,
        lang: Annotated[str | None, Query(max_length=10)] = None,
    ) -> Response:
        """The empty form; without a date the present business day."""
        chosen = day or settings().acting_clock().today()
        return page(request, Question(date=chosen, basis=basis, lang=lang))

    @router.post("/explain", response_class=HTMLResponse, dependencies=[Depends(require_same_origin)])
    def answer(request: Request, question: Annotated[Question, Depends(posted_question)]) -> Response:
        """The explanation, or what stands in its way."""
        if not question.contract:
            return page(request, question)
        try:
            explanation = explain(settings(), question.contract, question.date, question.basis)
        except ArrearsError as error:
            return page(request, question, 404 if isinstance(error, LakeError) else 409, error=error)
        return page(request, question, explanation=explanation)

    return router
