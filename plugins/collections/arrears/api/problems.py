"""Errors as RFC 9457 problem details: what was expected, the rule that says no, and never what a caller sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from arrears.desk.refusals import Kind, Refusal
from arrears.errors import ArrearsError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUS_OF: Mapping[Kind, int] = {
    "not_found": 404,
    "forbidden": 403,
    "conflict": 409,
    "gone": 410,
    "invalid": 422,
    "limit": 429,
}
"""The status of each kind of refusal."""

_RETRY_SECONDS = 1
_SENT_NAMES = frozenset({"extra_forbidden"})


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    where: str
    """Place in the request, for example body.batch."""
    what: str
    """What is wrong there."""


class Problem(BaseModel):
    """Why a request was not carried out (RFC 9457). Nothing has changed."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Too Many Requests",
                "status": 429,
                "detail": "the collector's open cases: expected at most 60; found 60. Finish or give back some first.",
                "rule": "limit.open_cases",
                "request_id": "0f3c9d6be1a94c4f8e0d2a5b7c61e849",
            }
        },
    )

    type: str = "about:blank"
    """Always about:blank: the status and the rule say which problem it is."""
    title: str
    """The status in words."""
    status: int
    """The HTTP status."""
    detail: str
    """What was expected, what was found and what to do. Without ids of cases and without what was sent."""
    rule: str
    """The rule that says no, stable for programs: limit.open_cases, lease.expired, role.lead, request.invalid, …"""
    request_id: str
    """The id under which the logs know the request."""
    expected: str | None = None
    """Of a refusal by the rules: what was expected."""
    found: str | None = None
    """What was found instead."""
    action: str | None = None
    """What to do."""
    faults: list[Fault] | None = None
    """For a request that is invalid: each fault."""


class ProblemError(Exception):
    """A problem that the API itself finds, before the desk is asked."""

    def __init__(self, status: int, rule: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.rule = rule
        self.detail = detail
        self.headers = dict(headers or {})
        super().__init__(f"{status} {rule}")


def problem_response(
    request_id: str,
    status: int,
    rule: str,
    detail: str,
    *,
    faults: Sequence[Fault] | None = None,
    refusal: Refusal | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer that tells a problem."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        rule=rule,
        request_id=request_id,
        expected=refusal.expected if refusal else None,
        found=refusal.found if refusal else None,
        action=refusal.action if refusal else None,
        faults=list(faults) if faults is not None else None,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=status, headers=headers, media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Has the application tell all its errors as problems."""

    def answer(request: Request, status: int, rule: str, detail: str, **more: Any) -> Response:
        request.state.rule = rule
        return problem_response(request.state.request_id, status, rule, detail, **more)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)  # noqa: S101 - registered for it
        return answer(request, STATUS_OF[error.kind], error.rule, str(error), refusal=error)

    def own(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101 - registered for it
        return answer(request, error.status, error.rule, error.detail, headers=error.headers)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        faults = [_fault(each) for each in error.errors()]
        return answer(request, 422, "request.invalid", "The request does not keep the API's contract.", faults=faults)

    def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        rule = {404: "route.unknown", 405: "route.method"}.get(error.status_code, "request.refused")
        phrase = HTTPStatus(error.status_code).phrase
        return answer(request, error.status_code, rule, f"{phrase}.", headers=error.headers)

    def data(request: Request, error: Exception) -> Response:
        # the database's own words repeat the value
        return answer(request, 422, "request.invalid", "A value of the request cannot be stored.")

    def busy(request: Request, error: Exception) -> Response:
        log.warning("the warehouse did not answer in time: %s", type(getattr(error, "orig", error)).__name__)
        headers = {"Retry-After": str(_RETRY_SECONDS)}
        detail = "The warehouse did not answer in time. Send the request again with the same Idempotency-Key."
        return answer(request, 503, "service.unavailable", detail, headers=headers)

    def broken(request: Request, error: Exception) -> Response:
        # of our own making, so its words hold nothing personal; but they are for those who run it
        log.error("%s: %s", type(error).__name__, error)
        detail = "The service is not set up as it should be; its log says what is wrong."
        return answer(request, 503, "service.fault", detail)

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(ProblemError, own)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(DataError, data)
    app.add_exception_handler(OperationalError, busy)
    app.add_exception_handler(NoConnectionError, busy)
    app.add_exception_handler(ArrearsError, broken)


def _fault(error: Mapping[str, Any]) -> Fault:
    # the name of an unknown field is the sender's own text, like every value
    parts = [str(part) for part in error["loc"]]
    if error["type"] in _SENT_NAMES:
        parts[-1] = "(a field that the API does not know)"
    return Fault(where=".".join(parts), what=str(error["msg"]))
