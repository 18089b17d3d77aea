"""The routes of serious steps: what waits for approval and its answers, and the proceedings about vehicles.

Ids of contacts, contracts and customers come in bodies and answers only, never in an address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field, model_validator

from arrears.api.requests import TEXT, Body, Id, Name, Reason, example
from arrears.api.routes import Key, Known
from arrears.api.shapes import Shape, shape
from arrears.api.work import Work
from arrears.outreach import approvals as approving
from arrears.outreach import recalls as recalling
from arrears.outreach import vehicle_steps
from arrears.outreach.vehicles import GpsStatus, Step

if TYPE_CHECKING:
    from arrears.outreach.approvals import Approvals
    from arrears.outreach.recalls import Recalls
    from arrears.outreach.vehicle_steps import Vehicles

TaskKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Placed = Annotated[Name | None, BeforeValidator(lambda value: value or None)]


class DecisionBody(Body):
    """An answer for some contacts, or for all that wait."""

    model_config = example(decision="approve", task_keys=["0" * 64], reason="amounts and contracts checked")

    decision: Literal["approve", "reject"]
    """What is decided."""
    task_keys: Annotated[list[TaskKey], Field(min_length=1, max_length=500)] | None = None
    """These contacts; give them, or `all`."""
    all: Annotated[bool, Field(strict=True)] = False
    """All contacts that still wait, of `placement` if it is given."""
    placement: Placed = None
    """With `all`: only of this placement."""
    reason: Reason
    """Why, for the contacts and the audit; nothing personal."""

    @model_validator(mode="after")
    def _one_of_two(self) -> DecisionBody:
        if (self.task_keys is None) != self.all:
            raise ValueError("either task_keys, or all")
        return self


class VehicleStepBody(Body):
    """A step of the proceedings about a contract's vehicle."""

    model_config = example(contract_id="CT0000000017", step="demand_sent", on_day="2026-11-09", reason="by courier")

    contract_id: Id
    """The contract."""
    step: Step
    """What was done."""
    on_day: date
    """Day on which it was done, up to today."""
    order_id: Annotated[str, Field(max_length=64, pattern=TEXT)] | None = None
    """The order's id, for order_issued, order_recalled and repossessed."""
    gps_status: GpsStatus | None = None
    """State of the GPS unit, for located; never a position."""
    amount: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2)] | None = None
    """What redeemed it, or what it was sold for."""
    reason: Reason
    """Why, for the record; nothing personal."""


class TakeBackBody(Body):
    """Hand-overs that are taken back."""

    model_config = example(task_keys=["0" * 64], reason="the customer agreed on a plan with the branch")

    task_keys: Annotated[list[TaskKey], Field(min_length=1, max_length=500)]
    """The hand-overs, by the keys of their contacts."""
    reason: Reason
    """Why, for the audit; nothing personal."""


@dataclass(frozen=True)
class SeriousServices:
    """What these routes ask; given as functions, so that nothing is opened before the first request."""

    approvals: Callable[[], Approvals]
    vehicles: Callable[[], Vehicles]
    recalls: Callable[[], Recalls]


def serious_routes(services: SeriousServices, work: Work) -> APIRouter:
    """The routes below `/v1`."""
    router = APIRouter(tags=["serious"])

    async def told(record: type[Any], call: Callable[..., Any]) -> Shape:
        return shape(record).model_validate(await work.run(call))

    @router.get("/approvals", response_model=shape(approving.ApprovalsView))
    async def list_approvals(
        caller: Known,
        placement: Annotated[Name | None, Query(description="Only this placement.")] = None,
        waiting: Annotated[bool, Query(description="What waits; false: what was decided.")] = True,
        limit: Annotated[int, Query(ge=1, le=500, description="Contacts at most.")] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000, description="Contacts to pass over.")] = 0,
    ) -> Any:
        """What waits for a person today, why, and what was decided. Leads and viewers."""
        return await told(
            approving.ApprovalsView,
            lambda: services.approvals().read(caller, placement=placement, waiting=waiting, limit=limit, offset=offset),
        )

    @router.post("/approvals", response_model=shape(approving.Decided))
    async def decide(caller: Known, body: DecisionBody, key: Key = None) -> Any:
        """Approves or rejects contacts. Leads of all teams. Each is decided once, or refused with its rule."""
        return await told(
            approving.Decided,
            lambda: services.approvals().decide(
                caller,
                body.decision,
                reason=body.reason,
                task_keys=body.task_keys,
                placement=body.placement,
                request_key=key,
            ),
        )

    @router.get("/vehicles", response_model=shape(vehicle_steps.VehiclesView))
    async def list_vehicles(
        caller: Known,
        limit: Annotated[int, Query(ge=1, le=500, description="Contracts at most.")] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000, description="Contracts to pass over.")] = 0,
    ) -> Any:
        """The proceedings about vehicles, those with the latest step first. Leads and viewers."""
        return await told(
            vehicle_steps.VehiclesView, lambda: services.vehicles().read(caller, limit=limit, offset=offset)
        )

    @router.post("/vehicles/steps", response_model=shape(vehicle_steps.VehicleView), status_code=201)
    async def record_step(caller: Known, body: VehicleStepBody, key: Key = None) -> Any:
        """Records a step that was taken, or refuses it with the rule that it would break. Leads of all teams."""
        return await told(
            vehicle_steps.VehicleView,
            lambda: services.vehicles().record(
                caller,
                body.contract_id,
                body.step,
                on_day=body.on_day,
                reason=body.reason,
                order_id=body.order_id,
                gps_status=body.gps_status,
                amount=body.amount,
                request_key=key,
            ),
        )

    @router.post("/placements/recalls", response_model=shape(recalling.TakenBack))
    async def take_back(caller: Known, body: TakeBackBody, key: Key = None) -> Any:
        """Takes hand-overs back from agency, court or repossession; the partner is told. Leads of all teams."""
        return await told(
            recalling.TakenBack,
            lambda: services.recalls().take_back(caller, body.task_keys, reason=body.reason, request_key=key),
        )

    return router
