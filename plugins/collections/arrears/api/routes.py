"""The routes of the API: each asks the desk in a thread and tells what it says. Ids of cases come in bodies only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from arrears.api.front import caller_of
from arrears.api.metrics import CONTENT_TYPE, Metrics
from arrears.api.problems import ProblemError
from arrears.api.requests import (
    AbsenceBody,
    BatchBody,
    CallBody,
    CasesBody,
    GrabBody,
    HandOverBody,
    Name,
    QuotaBody,
    RecallBody,
    ResultBody,
    ReturnBody,
)
from arrears.api.shapes import Shape, shape
from arrears.api.work import Work
from arrears.desk import views
from arrears.desk.callers import Caller, Role, Via
from arrears.kpi.performance import PerformanceBasis, PerformanceView

if TYPE_CHECKING:
    from arrears.desk.desk import Desk

_LONGEST_PERIOD = 366
Route = TypeVar("Route", bound=Callable[..., Any])


@dataclass(frozen=True)
class Services:
    """What the routes ask; given as functions, so that nothing is opened before the first request."""

    desk: Callable[[], Desk]
    performance: Callable[[Caller, date | None, date | None, PerformanceBasis], PerformanceView]
    healthy: Callable[[], None]
    """Raises when the warehouse does not answer."""


@dataclass(frozen=True)
class Me:
    """Who the caller is, as the API knows him."""

    name: str
    """Airflow's login, or the token's name: the audit calls him so."""
    role: Role
    """collector, lead or viewer."""
    collector_id: str | None
    """Whose cases a collector's token reaches; null for the others."""
    teams: tuple[str, ...] | None
    """Teams that a lead or viewer reaches; null: all."""
    via: Via
    """How he came: airflow or token."""
    business_day: date
    """The business day by the clock of acting."""
    now: datetime
    """The clock of acting: leases and limits go by it."""


@dataclass(frozen=True)
class Health:
    """Whether the API can work."""

    status: Literal["ok"]
    """ok; else the answer is a problem with status 503."""


@dataclass(frozen=True)
class Pools:
    """The grab pools."""

    pools: tuple[views.PoolView, ...]
    """One per queue."""


Known = Annotated[Caller, Depends(caller_of)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the caller, new for each thing he wants done, for example a UUID. Sent again with the "
        "same body it changes nothing more and gets the first answer; so a request without an answer is just repeated.",
        examples=["5f0c9a52-3f0e-4f0b-9a55-0d4a3e1a9b11"],
    ),
]
Queue = Annotated[Name, Path(description="Name of the queue.", examples=["phone"])]
AskedQueue = Annotated[Name | None, Query(description="Only this queue.")]
AskedCollector = Annotated[Name | None, Query(description="This collector; a collector's token: only itself.")]


def routes(services: Services, work: Work, metrics: Metrics, now: Callable[[], datetime]) -> APIRouter:
    """The routes below `/v1`."""
    router = APIRouter()
    desk = services.desk

    async def told(record: type[Any], call: Callable[..., Any], *arguments: Any, **named: Any) -> Shape:
        return shape(record).model_validate(await work.run(call, *arguments, **named))

    def reads(path: str, record: type[Any], tag: str) -> Callable[[Route], Route]:
        return router.get(path, response_model=shape(record), tags=[tag])

    def changes(path: str, record: type[Any], tag: str, status: int = 200) -> Callable[[Route], Route]:
        return router.post(path, response_model=shape(record), tags=[tag], status_code=status)

    @reads("/me", Me, "caller")
    async def me(caller: Known) -> Any:
        """Who the caller is, and the business day."""
        at = now()
        teams = None if caller.teams is None else tuple(sorted(caller.teams))
        return Me(caller.name, caller.role, caller.collector_id, teams, caller.via, at.date(), at)

    @reads("/pools", Pools, "pool")
    async def list_pools(caller: Known) -> Any:
        """The grab pools: how much lies in each, and what one may take."""
        return Pools(tuple(await work.run(lambda: desk().pools(caller))))

    @reads("/pools/{queue}", views.PoolDetail, "pool")
    async def show_pool(caller: Known, queue: Queue) -> Any:
        """One pool: its best cases, the last grabs, the leases that expire next."""
        return await told(views.PoolDetail, lambda: desk().pool(caller, queue))

    @changes("/pools/{queue}/grab", views.Grabbed, "pool")
    async def grab(caller: Known, queue: Queue, body: GrabBody | None = None, key: Key = None) -> Any:
        """Takes a batch from a pool: the best cases that the collector may have, each for him alone, under a lease."""
        asked = body or GrabBody()
        answer = await told(
            views.Grabbed,
            lambda: desk().grab(caller, queue, batch=asked.batch, collector_id=asked.collector_id, request_key=key),
        )
        metrics.grabbed.labels(queue).inc(len(answer.cases))  # type: ignore[attr-defined]
        return answer

    @router.put("/pools/{queue}/batch", response_model=shape(views.QueuePreset), tags=["lead"])
    async def set_batch(caller: Known, queue: Queue, body: BatchBody, key: Key = None) -> Any:
        """Sets how many cases one grab takes today. Leads of all teams."""
        return await told(
            views.QueuePreset,
            lambda: desk().set_batch(caller, queue, batch=body.batch, reason=body.reason, request_key=key),
        )

    @reads("/worklist", views.Worklist, "work")
    async def worklist(
        caller: Known,
        collector_id: AskedCollector = None,
        queue: AskedQueue = None,
        limit: Annotated[int, Query(ge=1, le=500, description="Cases at most.")] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000, description="Cases to pass over.")] = 0,
    ) -> Any:
        """The cases in a collector's hands, best first."""
        return await told(
            views.Worklist,
            lambda: desk().worklist(caller, collector_id=collector_id, queue=queue, limit=limit, offset=offset),
        )

    @changes("/results", views.Recorded, "work", 201)
    async def record_result(caller: Known, body: ResultBody, key: Key = None) -> Any:
        """Records how a contact ended, with a promise if there was one. The first one ends the lease's threat."""
        given = body.model_dump()
        promise = given.pop("promise")
        result = views.ResultIn(**given, promise=views.PromiseIn(**promise) if promise else None)
        return await told(views.Recorded, lambda: desk().record_result(caller, result, request_key=key))

    @changes("/calls", views.Call, "work", 201)
    async def reserve_call(caller: Known, body: CallBody, key: Key = None) -> Any:
        """Reserves a manual call under the customer's limits of the day, or refuses with the rule. Ask, then dial."""
        return await told(views.Call, lambda: desk().reserve_call(caller, body.case_id, request_key=key))

    @changes("/leases/renew", views.Changed, "work")
    async def renew(caller: Known, body: CasesBody, key: Key = None) -> Any:
        """Renews leases, as often as the queue's rules allow. Each case is done or refused with its rule."""
        return await told(views.Changed, lambda: desk().renew(caller, body.case_ids, request_key=key))

    @changes("/returns", views.Changed, "work")
    async def give_back(caller: Known, body: ReturnBody, key: Key = None) -> Any:
        """Gives cases back to the pool, with a reason. Each case is done or refused with its rule."""
        return await told(
            views.Changed, lambda: desk().give_back(caller, body.case_ids, reason=body.reason, request_key=key)
        )

    @changes("/handovers", views.Changed, "lead")
    async def hand_over(caller: Known, body: HandOverBody, key: Key = None) -> Any:
        """Gives cases to another collector, or to the pool. Leads. Each case is done or refused with its rule."""
        return await told(
            views.Changed,
            lambda: desk().hand_over(
                caller,
                body.case_ids,
                to=body.to,
                reason=body.reason,
                from_collector_id=body.from_collector_id,
                request_key=key,
            ),
        )

    @changes("/recalls", views.Changed, "lead")
    async def recall(caller: Known, body: RecallBody, key: Key = None) -> Any:
        """Takes cases back from agencies. Leads."""
        return await told(
            views.Changed,
            lambda: desk().recall(
                caller,
                reason=body.reason,
                case_ids=body.case_ids,
                collector_id=body.collector_id,
                queue=body.queue,
                request_key=key,
            ),
        )

    @changes("/absences", views.Redealt, "lead")
    async def set_absent(caller: Known, body: AbsenceBody, key: Key = None) -> Any:
        """Marks a collector absent for today and deals his cases anew, or ends that. Leads of his team."""
        return await told(
            views.Redealt,
            lambda: desk().set_absent(
                caller, body.collector_id, absent=body.absent, reason=body.reason, request_key=key
            ),
        )

    @router.put("/quotas", response_model=shape(views.CollectorPreset), tags=["lead"])
    async def set_quota(caller: Known, body: QuotaBody, key: Key = None) -> Any:
        """Sets how many cases of a queue the allocation gives a collector today. Leads of his team."""
        return await told(
            views.CollectorPreset,
            lambda: desk().set_quota(
                caller, body.collector_id, body.queue, quota=body.quota, reason=body.reason, request_key=key
            ),
        )

    @reads("/allocation", views.AllocationView, "lead")
    async def allocation(caller: Known, queue: AskedQueue = None) -> Any:
        """How the cases are split at this moment, per queue and collector, how even that is, and why."""
        return await told(views.AllocationView, lambda: desk().allocation(caller, queue))

    @reads("/performance", PerformanceView, "lead")
    async def performance(
        caller: Known,
        from_day: Annotated[date | None, Query(description="First day; default six days before to_day.")] = None,
        to_day: Annotated[date | None, Query(description="Last day; default yesterday.")] = None,
        basis: Annotated[PerformanceBasis, Query(description="Which figures of each day.")] = "known",
    ) -> Any:
        """What collectors and teams reached on finished days, against the targets. Leads and viewers."""
        if caller.role == "collector":
            raise ProblemError(403, "role.collector", "The performance of teams is for leads and viewers.")
        if from_day and to_day and not 0 <= (to_day - from_day).days < _LONGEST_PERIOD:
            raise ProblemError(422, "request.period", f"A period of 1 to {_LONGEST_PERIOD} days, please.")
        return await told(PerformanceView, services.performance, caller, from_day, to_day, basis)

    @reads("/audit", views.Events, "lead")
    async def audit(
        caller: Known,
        before: Annotated[int | None, Query(ge=1, le=2**62, description="Only lines before this number.")] = None,
        limit: Annotated[int, Query(ge=1, le=500, description="Lines at most.")] = 100,
        queue: AskedQueue = None,
        collector_id: AskedCollector = None,
        day: Annotated[date | None, Query(description="Only this business day.")] = None,
        action: Annotated[Name | None, Query(description="Only this action.")] = None,
    ) -> Any:
        """Who did what with which case, newest first."""
        return await told(
            views.Events,
            lambda: desk().audit(
                caller, after=before, limit=limit, queue=queue, collector_id=collector_id, day=day, action=action
            ),
        )

    return router


def service_routes(services: Services, work: Work, metrics: Metrics) -> APIRouter:
    """Health and metrics, beside the routes of the version."""
    router = APIRouter(tags=["service"])

    @router.get("/health", response_model=shape(Health))
    async def health() -> Any:
        """Whether the API runs and the warehouse answers."""
        await work.run(services.healthy)
        return dataclasses.asdict(Health("ok"))

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def read_metrics(caller: Annotated[Caller, Depends(caller_of)]) -> Response:
        """Metrics for Prometheus. Leads and viewers."""
        if caller.role == "collector":
            raise ProblemError(403, "role.collector", "Metrics are for leads and viewers.")
        content = await work.run(lambda: metrics.render(services.desk().pools(caller)))
        return Response(content, media_type=CONTENT_TYPE)

    return router
