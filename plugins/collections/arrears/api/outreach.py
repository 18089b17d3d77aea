"""The routes for contacts: leads send dead letters again and cancel what has not gone. Keys stand in bodies only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from arrears.api.requests import Body, Reason, example
from arrears.api.routes import Key, Known
from arrears.api.serious import TaskKey
from arrears.api.shapes import shape
from arrears.api.work import Work
from arrears.outreach import handling

if TYPE_CHECKING:
    from arrears.outreach.handling import Contacts

ContactsOf = Callable[[], "Contacts"]
"""Gives what the routes ask; a function, so that nothing is opened before the first request."""


class ContactsBody(Body):
    """Some contacts."""

    model_config = example(task_keys=["0" * 64], reason="the provider's outage is over")

    task_keys: Annotated[list[TaskKey], Field(min_length=1, max_length=handling.MOST_CONTACTS)]
    """Their keys."""
    reason: Reason
    """Why, for the audit; nothing personal."""


def contact_routes(contacts: ContactsOf, work: Work) -> APIRouter:
    """The routes below `/v1`."""
    router = APIRouter(tags=["outreach"])

    @router.post("/contacts/redrive", response_model=shape(handling.Handled))
    async def redrive(caller: Known, body: ContactsBody, key: Key = None) -> Any:
        """Plans dead letters again that no provider took. Leads of all teams. Each is done or refused with its rule."""
        made = await work.run(lambda: contacts().redrive(caller, body.task_keys, reason=body.reason, request_key=key))
        return shape(handling.Handled).model_validate(made)

    @router.post("/contacts/cancel", response_model=shape(handling.Handled))
    async def cancel(caller: Known, body: ContactsBody, key: Key = None) -> Any:
        """Cancels contacts that have not gone. Leads of all teams. Each is done or refused with its rule."""
        made = await work.run(lambda: contacts().cancel(caller, body.task_keys, reason=body.reason, request_key=key))
        return shape(handling.Handled).model_validate(made)

    return router
