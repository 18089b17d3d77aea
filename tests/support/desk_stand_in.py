"""A desk in memory and a small API before it, so that the pages can be tested by themselves in a browser."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from arrears.desk.callers import Caller
from arrears.desk.views import (
    AllocationView,
    CollectorShare,
    Event,
    Events,
    Grab,
    PoolDetail,
    PoolView,
    QueueShare,
    Spread,
    WorkItem,
    Worklist,
)

DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
QUEUE = "phone"


def case(number: int, collector: str | None) -> WorkItem:
    """Case `number` of the queue, in the pool without a collector."""
    return WorkItem(
        case_id=f"CU{number:04}@2026-11-20",
        customer_id=f"CU{number:04}",
        queue=QUEUE,
        state="owned" if collector else "pool",
        collector_id=collector,
        source="auto" if collector else None,
        owned_from=NOW if collector else None,
        lease_until=None,
        lease_renewals=0,
        priority=1,
        work_order=number,
        treatment="call",
        segment="SEG1",
        placement="in_house",
        intensity=2,
        region=None,
        contracts=1,
        contract_ids=(f"CT{number:04}",),
        lead_contract_id=f"CT{number:04}",
        overdue_amount=Decimal(1000 + number),
        outstanding_amount=Decimal(50000),
        days_past_due=35,
        bucket="M2",
        opened_on=DAY,
    )


class StandInDesk:
    """Cases of one queue, held in memory."""

    def __init__(self, collectors: Sequence[str] = ("E01", "E02", "E03"), each: int = 4, pooled: int = 12) -> None:
        self.collectors = list(collectors)
        self.cases: dict[str, WorkItem] = {}
        owners: list[str | None] = [name for name in self.collectors for _ in range(each)] + [None] * pooled
        for number, owner in enumerate(owners, start=1):
            made = case(number, owner)
            self.cases[made.case_id] = made
        self.absent: set[str] = set()
        self.quotas: dict[str, int] = {}
        self.batch: int | None = None
        self.grabs: list[Grab] = []
        self.events: list[Event] = []
        self.lock = threading.RLock()

    def of(self, collector: str | None) -> list[WorkItem]:
        """What a collector has, or what lies in the pool."""
        return [each for each in self.cases.values() if each.collector_id == collector]

    def give(self, case_id: str, collector: str | None, lease: datetime | None = None) -> None:
        """Moves one case."""
        state: Any = "owned" if collector else "pool"
        self.cases[case_id] = replace(self.cases[case_id], collector_id=collector, state=state, lease_until=lease)

    def write(
        self, action: str, collector: str | None = None, to: str | None = None, reason: str | None = None
    ) -> None:
        """Writes a line of the audit."""
        number = len(self.events) + 1
        self.events.append(Event(number, NOW, DAY, "lead", "airflow", action, None, QUEUE, collector, to, None, reason))

    def allocation(self, caller: Caller, queue: str | None = None) -> AllocationView:
        """How the cases are split."""
        if not self.cases:
            return AllocationView(DAY, NOW, ())
        shares = tuple(
            CollectorShare(
                collector_id=name,
                team="north",
                cases=len(self.of(name)),
                overdue_amount=sum((each.overdue_amount for each in self.of(name)), Decimal(0)),
                auto=len(self.of(name)),
                grabbed=0,
                by_hand=0,
                leased=0,
                grabbed_today=0,
                total_cases=len(self.of(name)),
                capacity=60,
                quota=self.quotas.get(name),
                quota_by_hand=name in self.quotas,
                at_work=name not in self.absent,
                absent_by_hand=name in self.absent,
                trained=True,
                fewer_because=("absent",) if name in self.absent else (),
            )
            for name in self.collectors
        )
        counts = [Decimal(each.cases) for each in shares if each.at_work] or [Decimal(0)]
        amounts = [each.overdue_amount for each in shares if each.at_work] or [Decimal(0)]
        pool = self.of(None)
        share = QueueShare(
            queue=QUEUE,
            cases=len(self.cases),
            owned=len(self.cases) - len(pool),
            pool=len(pool),
            overdue_amount=sum((each.overdue_amount for each in self.cases.values()), Decimal(0)),
            pool_amount=sum((each.overdue_amount for each in pool), Decimal(0)),
            batch=self.batch or 5,
            batch_by_hand=self.batch is not None,
            collectors=shares,
            count_spread=Spread(min(counts), max(counts), sum(counts, Decimal(0)) / len(counts)),
            amount_spread=Spread(min(amounts), max(amounts), sum(amounts, Decimal(0)) / len(amounts)),
        )
        return AllocationView(DAY, NOW, (share,))

    def pools(self, caller: Caller) -> tuple[PoolView, ...]:
        """The queue's pool."""
        pool = self.of(None)
        if not self.cases:
            return ()
        return (
            PoolView(
                queue=QUEUE,
                cases=len(pool),
                overdue_amount=sum((each.overdue_amount for each in pool), Decimal(0)),
                oldest_opened_at=NOW if pool else None,
                batch=self.batch or 5,
                batch_max=30,
                batch_by_hand=self.batch is not None,
                lease_minutes=60,
                lease_renewals=1,
                grabs_per_day=None,
                open_cases=60,
                give_back_reasons=("not_mine", "conflict"),
                leased=sum(each.lease_until is not None for each in self.cases.values()),
                may_grab=True,
            ),
        )

    def pool(self, caller: Caller, queue: str) -> PoolDetail:
        """What is open, who took it, and whose leases run."""
        leased = tuple(each for each in self.cases.values() if each.lease_until)
        return PoolDetail(self.pools(caller)[0], tuple(self.of(None))[:20], tuple(reversed(self.grabs)), leased)

    def worklist(
        self,
        caller: Caller,
        *,
        collector_id: str | None = None,
        queue: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> Worklist:
        """A page of a collector's cases."""
        mine = self.of(collector_id)
        return Worklist(str(collector_id), NOW, tuple(mine[offset : offset + limit]), len(mine), 60, at_work=True)

    def audit(self, caller: Caller, *, after: int | None = None, limit: int = 100) -> Events:
        """The latest changes."""
        return Events(tuple(reversed(self.events))[:limit], None)


def api_of(desk: StandInDesk) -> FastAPI:
    """The routes that the forms send to, over the desk in memory."""
    app = FastAPI(openapi_url=None)

    def moved(done: list[str]) -> dict[str, Any]:
        return {"done": done, "refused": [], "lease_until": None}

    @app.post("/pools/{queue}/grab")
    def grab(queue: str, body: dict[str, Any]) -> Any:
        with desk.lock:
            collector = body["collector_id"]
            if collector in desk.absent or (body["batch"] or 0) > 30:
                rule = "limit.open_cases" if collector not in desk.absent else "collector.absent"
                return JSONResponse({"detail": "No.", "rule": rule, "status": 429}, status_code=429)
            taken = desk.of(None)[: body["batch"] or desk.batch or 5]
            until = NOW + timedelta(hours=1)
            for each in taken:
                desk.give(each.case_id, collector, until)
            amount = sum((each.overdue_amount for each in taken), Decimal(0))
            desk.grabs.append(Grab(NOW, collector, "lead", len(taken), amount))
            desk.write("grab", collector)
            ids = [{"case_id": each.case_id} for each in taken]
            return {"cases": ids, "lease_until": until.isoformat(), "pool_left": len(desk.of(None))}

    @app.put("/pools/{queue}/batch")
    def batch(queue: str, body: dict[str, Any]) -> Any:
        with desk.lock:
            desk.batch = body["batch"]
            desk.write("set_batch", reason=body["reason"])
            return {"queue": queue, "grab_batch": desk.batch or 5}

    @app.post("/handovers")
    @app.post("/returns")
    def move(request: Request, body: dict[str, Any]) -> Any:
        with desk.lock:
            for each in body["case_ids"]:
                desk.give(each, body.get("to"))
            desk.write(request.url.path.rsplit("/", 1)[-1], to=body.get("to"), reason=body["reason"])
            return moved(body["case_ids"])

    @app.post("/absences")
    def absence(body: dict[str, Any]) -> Any:
        collector_id = body["collector_id"]
        with desk.lock:
            mine = desk.of(collector_id) if body["absent"] else []
            (desk.absent.add if body["absent"] else desk.absent.discard)(collector_id)
            for each in mine:
                desk.give(each.case_id, None)
            desk.write("absent", collector_id, reason=body["reason"])
            return {"collector_id": collector_id, "absent": body["absent"], "given": {}, "pooled": len(mine), "kept": 0}

    @app.put("/quotas")
    def quota(body: dict[str, Any]) -> Any:
        collector_id = body["collector_id"]
        with desk.lock:
            desk.quotas[collector_id] = body["quota"]
            desk.write("set_quota", collector_id, reason=body["reason"])
            return {"collector_id": collector_id, "quota": body["quota"]}

    return app
