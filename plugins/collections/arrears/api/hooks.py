"""Webhooks of providers: `POST /hooks/{channel}`, let in by their signature in place of a caller's token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from arrears.api.problems import ProblemError
from arrears.api.shapes import shape
from arrears.api.work import Work
from arrears.outreach.channels.names import CHANNELS, ChannelName
from arrears.outreach.webhooks import SIGNATURE_HEADER, BodyError, SignatureError

TakeCall = Callable[[str, Mapping[str, str], bytes, str], Mapping[str, int]]
"""Takes a call: channel, headers, body, query."""

PATHS = tuple(f"/hooks/{channel}" for channel in CHANNELS)
"""Paths that no caller's token opens; their calls are signed."""


@dataclass(frozen=True)
class HookAnswer:
    """How many receipts of a call did what."""

    taken: int = 0
    """Settled their contact."""
    repeated: int = 0
    """Said again what was known; all of a call that came before."""
    answered: int = 0
    """Told of a customer's reply."""
    promised: int = 0
    """Told of a promise to pay."""
    opted_out: int = 0
    """Told of a refusal of further contacts."""
    unmatched: int = 0
    """Matched no contact, or contradicted what was settled; kept."""
    noted: int = 0
    """Told of a message that is under way: settled nothing."""


def hook_routes(take: TakeCall, work: Work) -> APIRouter:
    """The route of the webhooks."""
    router = APIRouter(tags=["service"])

    @router.post(
        "/hooks/{channel}",
        response_model=shape(HookAnswer),
        openapi_extra={
            "security": [],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": {"type": "object"}},
                    "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
                },
            },
        },
    )
    async def take_hook(
        channel: ChannelName,
        request: Request,
        _: Annotated[str | None, Header(alias=SIGNATURE_HEADER, description="Time and HMAC-SHA256.")] = None,
    ) -> Any:
        """Takes receipts that a provider reports, signed with the channel's secret. The same call again: no change.

        A provider whose file says how it signs its own callbacks posts them here as a form, with its own header.
        """
        try:
            body = await request.body()
            return HookAnswer(**await work.run(take, channel, request.headers, body, request.url.query))
        except SignatureError as error:
            raise ProblemError(
                401, error.rule, f"A call signed for this channel in {SIGNATURE_HEADER}, or as its provider signs."
            ) from None
        except BodyError:
            expected = 'A JSON object {"receipts": […]} of receipts, or the form of the provider, please.'
            raise ProblemError(422, "hook.body", expected) from None

    return router
