"""Sends what was reported to the lender: signed, in order, again until it is taken."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from arrears.demo.gateway.admin import told
from arrears.demo.gateway.store import Store, Webhook
from arrears.outreach.webhooks import SIGNATURE_HEADER, sign

log = logging.getLogger(__name__)

_BATCH = 200
_POLL_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


async def send_receipts(store: Store) -> None:
    """Sends receipts to the webhooks until it is cancelled. One webhook that does not answer holds up no other."""
    pauses: dict[str, tuple[float, float]] = {}
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(timeout=10.0, trust_env=False) as client:
        while True:
            store.release()
            due = [hook for hook in store.webhooks() if pauses.get(hook.channel, (0.0, 0.0))[0] <= loop.time()]
            results = await asyncio.gather(*(_send(client, store, hook) for hook in due))
            busy = False
            for hook, taken in zip(due, results, strict=True):
                if taken is False:
                    pause = min(
                        2 * pauses.get(hook.channel, (0.0, _FIRST_PAUSE_SECONDS / 2))[1], _LONGEST_PAUSE_SECONDS
                    )
                    pauses[hook.channel] = (loop.time() + pause, pause)
                else:
                    pauses.pop(hook.channel, None)
                    busy = busy or taken is True
            if not busy:
                await asyncio.sleep(_POLL_SECONDS)


async def _send(client: httpx.AsyncClient, store: Store, hook: Webhook) -> bool | None:
    """Sends what is behind the webhook's cursor: None when that is nothing, else whether it was taken."""
    rows = store.receipts(hook.channel, hook.cursor, _BATCH)
    if not rows:
        return None
    body = json.dumps({"receipts": told(rows)}).encode()
    signature = sign(SecretStr(hook.secret), body, datetime.now(UTC))
    headers = {SIGNATURE_HEADER: signature, "Content-Type": "application/json"}
    try:
        answer = await client.post(hook.url, content=body, headers=headers)
        taken = answer.is_success
    except httpx.HTTPError:
        taken = False
    cursor = rows[-1]["receipt_id"] if taken else hook.cursor
    store.sent(hook.channel, cursor, len(rows), taken=taken)
    if not taken:
        log.warning("the webhook of %s did not take %d receipts; they are sent again", hook.channel, len(rows))
    return taken
