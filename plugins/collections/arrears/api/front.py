"""What every request passes first: its id, its log line, its metrics, who asks, how often, and how much he sends.

Nothing behind it is reached without a caller, so that no route can be forgotten: only the paths that are named open
are. The body is read after the caller is known, whole, and up to a limit of size and time.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arrears.api.limits import TokenBuckets
from arrears.api.log import places_of
from arrears.api.metrics import Metrics
from arrears.api.problems import ProblemError, problem_response
from arrears.desk.callers import Caller

Identify = Callable[[Request], Awaitable[Caller]]
"""Tells who sends a request; raises ProblemError 401 or 403 for nobody."""

ID_HEADER = "x-request-id"
_ID = re.compile(r"[0-9a-fA-F-]{16,64}", re.ASCII)
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_BODY_SECONDS = 10.0
_NO_ROUTE = "(none)"

log = structlog.get_logger("arrears.api")


class Front:
    """Gives each request its id, tells its end in one log line and in the metrics, and turns a fault into a 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request_id = _request_id(request)
        request.state.request_id = request_id
        status = 0
        begun = time.perf_counter()

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = ((ID_HEADER.encode(), request_id.encode()), *_HEADERS)
                names = {name for name, _ in own}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in names]
                message["headers"] = [*kept, *own]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, sent)
            except Exception as error:
                log.error("fault", error=type(error).__name__, places=places_of(error))
                request.state.rule = "service.fault"
                if status == 0:
                    answer = problem_response(request_id, 500, "service.fault", "A fault of ours; the log has it.")
                    await answer(scope, receive, sent)
            self._tell(request, status, time.perf_counter() - begun)

    def _tell(self, request: Request, status: int, seconds: float) -> None:
        route = getattr(request.scope.get("route"), "path", _NO_ROUTE)
        # a word of the sender's is no label
        method = request.method if route != _NO_ROUTE else _NO_ROUTE
        rule = getattr(request.state, "rule", None)
        caller: Caller | None = getattr(request.state, "caller", None)
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        if rule is not None:
            self._metrics.refusals.labels(rule).inc()
        log.info(
            "request",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            rule=rule,
            role=caller.role if caller else None,
            via=caller.via if caller else None,
            collector=caller.collector_id if caller else None,
        )


class Gate:
    """Lets a request in whose caller is known, who does not ask too often, and whose body is not too large."""

    def __init__(
        self, app: ASGIApp, identify: Identify, buckets: TokenBuckets, body_bytes: int, open_paths: Collection[str]
    ) -> None:
        self._app = app
        self._identify = identify
        self._buckets = buckets
        self._body_bytes = body_bytes
        self._open = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            if _path(scope) not in self._open:
                await self._admit(request)
            body = await self._read(request)
        except ProblemError as problem:
            request.state.rule = problem.rule
            answer = problem_response(
                request.state.request_id, problem.status, problem.rule, problem.detail, headers=problem.headers
            )
            await answer(scope, receive, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _admit(self, request: Request) -> None:
        caller = await self._identify(request)
        request.state.caller = caller
        wait = self._buckets.take(f"{caller.via}:{caller.name}")
        if wait is not None:
            raise ProblemError(
                429, "rate.caller", f"Too many requests; the next one in {wait} s.", {"Retry-After": str(wait)}
            )

    async def _read(self, request: Request) -> bytes:
        body = bytearray()
        too_large = ProblemError(413, "request.size", f"A body of at most {self._body_bytes} bytes, please.")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._body_bytes:
            raise too_large
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._body_bytes:
                        raise too_large
        except TimeoutError:
            raise ProblemError(408, "request.slow", "The body did not come in time.") from None
        return bytes(body)


def caller_of(request: Request) -> Caller:
    """The caller whom the gate has let in."""
    caller: Caller = request.state.caller
    return caller


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The bearer token that a request carries."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text.strip() else None


def not_known() -> ProblemError:
    """The answer to nobody: it does not tell an unknown token from an old one."""
    return ProblemError(
        401, "caller.unknown", "Send a bearer token that works: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
    )


def _request_id(request: Request) -> str:
    # hexadecimal only: an id that a sender chooses can then be no name and no case
    sent = request.headers.get(ID_HEADER, "")
    return sent if _ID.fullmatch(sent) else uuid.uuid4().hex


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))
