"""The gateway over HTTP: the providers' side (messages, receipts), the tests' side (what came, faults), and a page."""

from __future__ import annotations

import asyncio
import hmac
import html
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, status
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from arrears.demo.gateway.faults import Fault, Faults
from arrears.demo.gateway.store import Store

HttpChannel = Literal["sms", "dialer"]
AnyChannel = Literal["sms", "dialer", "email"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox gateway</title>
<style>body{{font:16px system-ui;margin:2rem}}td,th{{padding:.3rem 1rem;text-align:right;border-bottom:1px solid #ddd}}
td:first-child,th:first-child{{text-align:left}}</style></head>
<body><h1>Sandbox gateway</h1>
<p>What this stand-in for SMS, dialer and mail providers was given. Repeats are counted.</p>
<table><tr><th>channel</th><th>given</th><th>messages</th><th>took effect</th><th>repeats</th></tr>{rows}</table>
<p>Faults in force: {faults}</p></body></html>
"""


class MessageRequest(BaseModel):
    """A message or a call."""

    to: Annotated[str, Field(min_length=1)]
    text: str
    language: str = ""
    sender: str = ""
    reference: str = ""


class HangUp(Response):
    """Begins an answer and never ends it: the server closes the connection, and the client has no answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


def gateway_app(store: Store, faults: Faults, token: str) -> FastAPI:
    """The application; everything but the page of counts and the readiness check asks for the bearer token."""

    def allowed(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "a bearer token is needed")

    app = FastAPI(title="Sandbox gateway", docs_url=None, redoc_url=None, openapi_url=None)
    guarded = APIRouter(dependencies=[Depends(allowed)])

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        columns = ("given", "messages", "effects", "repeats")
        rows = "".join(
            f"<tr><td>{html.escape(channel)}</td>{''.join(f'<td>{counts[name]:,}</td>' for name in columns)}</tr>"
            for channel, counts in store.stats().items()
        )
        orders = ", ".join(f"{fault.channel}: {fault.mode}" for fault in faults.in_force()) or "none"
        return _PAGE.format(rows=rows, faults=html.escape(orders))

    @guarded.post("/{channel}/messages")
    async def take(
        channel: HttpChannel, request: MessageRequest, idempotency_key: Annotated[str, Header(min_length=1)]
    ) -> Response:
        fault = faults.strike(channel, ("slow", "429", "500", "drop_after_accept", "refuse"))
        if fault is not None:
            if fault.mode == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.mode == "429":
                return JSONResponse({"error": "slow down"}, 429, headers={"Retry-After": "1"})
            elif fault.mode == "500":
                return JSONResponse({"error": "broken"}, 500)
            elif fault.mode == "refuse":
                return HangUp()
        taken = store.take(channel, idempotency_key, request.to, request.text)
        if fault is not None and fault.mode == "drop_after_accept":
            return HangUp()
        return JSONResponse({"id": f"{channel}-{taken.message_id}", "repeated": taken.repeated}, 200)

    @guarded.get("/receipts")
    @guarded.get("/{channel}/receipts")
    async def receipts(
        channel: AnyChannel | None = None, after: str = "", limit: Annotated[int, Query(ge=1, le=5000)] = 500
    ) -> dict[str, Any]:
        if after and not after.isdecimal():
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "after: a cursor from an earlier answer")
        rows = store.receipts(channel, int(after or 0), limit)
        return {
            "receipts": [
                {
                    "id": f"{row['channel']}-{row['message_id']}",
                    "channel": row["channel"],
                    "key": row["key"],
                    "delivered": bool(row["delivered"]),
                    "outcome": row["outcome"],
                }
                for row in rows
            ],
            "cursor": str(rows[-1]["receipt_id"]) if rows else after,
        }

    @guarded.get("/messages")
    async def messages(channel: AnyChannel | None = None) -> dict[str, Any]:
        return {"messages": store.messages(channel)}

    @guarded.get("/stats")
    async def stats() -> dict[str, Any]:
        return {"channels": store.stats()}

    @guarded.post("/faults")
    async def order(fault: Fault) -> dict[str, Any]:
        faults.order(fault)
        return {"in_force": [each.model_dump() for each in faults.in_force()]}

    app.include_router(guarded)
    return app
