"""What the gateway answers beside messages: receipts, what it counted, orders to misbehave, webhooks, and its page.

The door of `http.py` stands before it: who comes here has the token, and for all but receipts and the question whether
a message came he is on this machine.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, status
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from arrears.demo.gateway.faults import ChannelName, Fault
from arrears.demo.gateway.page import message_page, overview_page
from arrears.demo.gateway.providers import Providers
from arrears.outreach.webhooks import SHORTEST_SECRET

HttpChannel = Literal["sms", "dialer"]

_LATEST = 50
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class WebhookOrder(BaseModel):
    """Where a channel's receipts are to be sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: HttpChannel
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None
    """None: nowhere any more."""
    secret: Annotated[SecretStr, Field(min_length=SHORTEST_SECRET)] = SecretStr("x" * SHORTEST_SECRET)


def admin_app(providers: Providers) -> FastAPI:
    """The application behind the door."""
    app = FastAPI(title="Sandbox gateway", docs_url=None, redoc_url=None, openapi_url=None)
    store, faults = providers.store, providers.faults

    @app.get("/receipts")
    @app.get("/{channel}/receipts")
    async def receipts(
        channel: ChannelName | None = None, after: str = "", limit: Annotated[int, Query(ge=1, le=5000)] = 500
    ) -> dict[str, Any]:
        """What became of messages, and what customers wrote back, behind a cursor of an earlier answer."""
        if after and not after.isdecimal():
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_ENTITY, "after: a cursor from an earlier answer")
        rows = store.receipts(channel, int(after or 0), limit)
        return {"receipts": told(rows), "cursor": str(rows[-1]["receipt_id"]) if rows else after}

    @app.get("/{channel}/messages/{key}")
    async def known(channel: HttpChannel, key: str) -> dict[str, Any]:
        """Whether a message came; 404: it did not."""
        message = store.message(channel, key)
        if message is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "no such message")
        return {"id": f"{channel}-{message['message_id']}", "key": key, "given": message["given"]}

    @app.get("/messages")
    async def messages(channel: ChannelName | None = None) -> dict[str, Any]:
        return {"messages": store.messages(channel)}

    @app.get("/stats")
    async def stats() -> dict[str, Any]:
        return {"channels": store.stats()}

    @app.get("/report")
    async def report() -> dict[str, Any]:
        """The whole account, nothing left out."""
        return {"channels": store.report(), "faults": [each.model_dump() for each in faults.in_force()]}

    @app.post("/faults")
    async def order(fault: Fault) -> dict[str, Any]:
        faults.order(fault)
        return {"in_force": [each.model_dump() for each in faults.in_force()]}

    @app.post("/webhooks")
    async def webhook(order: WebhookOrder) -> dict[str, Any]:
        if order.url is None:
            store.end_webhook(order.channel)
        else:
            store.set_webhook(order.channel, order.url, order.secret.get_secret_value())
        return {"webhooks": [{"channel": each.channel, "url": each.url} for each in store.webhooks()]}

    @app.get("/", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        """What came, as a page for people."""
        content = overview_page(store.report(), faults.in_force(), store.latest(_LATEST))
        return HTMLResponse(content, headers=_PAGE_HEADERS)

    @app.get("/page/{message_id}", response_class=HTMLResponse)
    async def one(message_id: Annotated[int, Field(ge=0, lt=2**62)]) -> HTMLResponse:
        """One message as it came."""
        message = store.message_of(message_id)
        if message is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "no such message")
        return HTMLResponse(message_page(message), headers=_PAGE_HEADERS)

    return app


def told(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Receipts as a provider tells them, by polling and by webhook alike; a duplicate has the same `receipt`."""
    return [
        {
            "id": f"{row['channel']}-{row['message_id']}",
            "channel": row["channel"],
            "key": row["key"],
            "delivered": bool(row["delivered"]),
            "outcome": row["outcome"],
            "receipt": f"{row['channel']}-{row['message_id']}-{row['number']}",
            "reply": row["reply"],
            "promised_days": row["promised_days"],
        }
        for row in rows
    ]
