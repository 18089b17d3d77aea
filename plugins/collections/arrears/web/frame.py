"""The frame of a page on which people decide: what its templates need, and how a page or a part of it is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.exc import OperationalError, ProgrammingError

from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.settings import Settings
from arrears.web.texts import texts
from arrears.web.texts_desk import script_words
from arrears.web.texts_serious import rule_words

SECONDS_BETWEEN = 4
"""How often a fragment is fetched."""

Part = Literal["page", "live", "recent"]


def answer(
    request: Request,
    templates: Jinja2Templates,
    *,
    name: str,
    part: Part,
    language: str,
    asked: Mapping[str, object],
    prefix: str,
    headers: Mapping[str, str],
    settings: Settings,
    caller: Caller,
    read: Callable[[], dict[str, Any]],
) -> Response:
    """The page `name`, or its part; `asked` are the parts of its address, which the links to itself keep.

    403 or 404 with the rule for what `read` refuses, 503 when the warehouse does not answer.
    """
    t = texts(language)

    def here(**changes: Any) -> str:
        values = {"lang": language, **asked, **changes}
        return f"{prefix}/{name}?{urlencode({key: value for key, value in values.items() if value})}"

    words = script_words(language)
    context: dict[str, Any] = {
        "t": t,
        "lang": language,
        "other": "en" if language == "zh" else "zh",
        "prefix": prefix,
        "api": f"{prefix}/api/v1",
        "zone": settings.zone,
        "today": settings.acting_clock().today(),
        "caller": caller,
        "leads": caller.role == "lead",
        "here": here,
        "page_name": name,
        "title": t[f"page_{name}"],
        "every": SECONDS_BETWEEN,
        "live_template": f"{name}_live.html",
        "aside": True,
        "script_words": {**words, "rules": {**_mapping(words["rules"]), **rule_words(language)}},
    }
    try:
        context |= read()
    except (OperationalError, ProgrammingError):
        if part != "page":
            return Response(status_code=503, headers=dict(headers))
        return templates.TemplateResponse(request, "unavailable.html", context, status_code=503, headers=dict(headers))
    except Refusal as refusal:
        context["refusal"] = refusal
        status = 403 if refusal.kind == "forbidden" else 404
        return templates.TemplateResponse(request, "refused.html", context, status_code=status, headers=dict(headers))
    policy = f"{headers['Content-Security-Policy']}; script-src 'self'; connect-src 'self'"
    template = {"page": f"{name}.html", "live": f"{name}_live.html", "recent": "desk_recent.html"}[part]
    made = templates.TemplateResponse(
        request, template, context, headers={**headers, "Content-Security-Policy": policy}
    )
    return _tagged(request, made)


def _tagged(request: Request, response: Response) -> Response:
    """The response with its digest as a tag, or nothing at all for a reader who has it already."""
    tag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "no-store"})
    response.headers["ETag"] = tag
    return response


def _mapping(words: object) -> dict[str, str]:
    return dict(words) if isinstance(words, dict) else {}
