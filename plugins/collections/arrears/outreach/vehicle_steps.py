"""Proceedings about vehicles: recording a step, what hand-overs record by themselves, and where each contract stands.

Steps are appended under the customer's lock, so that two people, or a person and a hand-over, cannot both take the
step that may follow once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.clock import Clock
from arrears.desk.audit import Act, given_reason, note
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.desk.requests import Request
from arrears.outreach.history import lock_customers
from arrears.outreach.vehicles import (
    FILE,
    TRANSITIONS,
    GpsStatus,
    Stage,
    Standing,
    Step,
    Taken,
    VehicleRules,
    notice_is_late,
    standing,
    why_not,
)
from arrears.rules.rule_set import RuleSet
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_serious import VehicleStep

MOST_ROWS = 500
_LONGEST_ORDER = 64
_STEP: sa.Table = VehicleStep.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)


@dataclass(frozen=True)
class StepTaken:
    """A step that was recorded."""

    step: str
    on_day: date
    """Day on which it was done."""
    order_id: str | None
    """The order that it is about."""
    gps_status: str | None
    """State of the GPS unit, where it was located; no position."""
    amount: Decimal | None
    reason: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class NextStep:
    """A step that may follow."""

    step: str
    from_day: date | None
    """First day on which it may be taken; None: any day since the step before."""


@dataclass(frozen=True)
class VehicleView:
    """Where the proceedings about a contract's vehicle stand, with every step and its day."""

    contract_id: str
    customer_id: str
    stage: str
    """none, demanded, demand_expired, ordered, recalled, repossessed, stored, noticed, redeemed or sold."""
    order_id: str | None
    """The live order, or the last one."""
    notice_late: bool
    """Whether the debtor was told of the vehicle in the yard too late, or is due to be."""
    steps: tuple[StepTaken, ...]
    """In the order in which they were recorded."""
    next_steps: tuple[NextStep, ...]


@dataclass(frozen=True)
class VehiclesView:
    """The proceedings about vehicles, those with the latest step first."""

    business_day: date
    as_of: datetime
    vehicles: tuple[VehicleView, ...]
    total: int
    """How many contracts have any step, on all pages."""


class Vehicles:
    """The proceedings, for one process; safe between threads."""

    def __init__(self, warehouse: sa.Engine, clock: Clock, rules: Callable[[date], RuleSet]) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._rules = rules

    @property
    def today(self) -> date:
        """The business day by the clock of acting."""
        return self._clock.today()

    def read(self, caller: Caller, *, contract_id: str | None = None, limit: int = 50, offset: int = 0) -> VehiclesView:
        """A page of the contracts with proceedings, or one contract. For leads and viewers (role.collector)."""
        if caller.role == "collector":
            raise Refusal(
                kind="forbidden",
                rule="role.collector",
                expected="a lead or a viewer",
                found="a collector",
                where="the proceedings about vehicles",
                action="Ask a lead.",
            )
        if not 1 <= limit <= MOST_ROWS or offset < 0:
            raise _refusal("page.limit", f"a limit of 1 to {MOST_ROWS}", str(limit))
        with self._warehouse.connect() as connection:
            last = sa.func.max(_STEP.c.step_id)
            wanted = sa.select(_STEP.c.contract_id).group_by(_STEP.c.contract_id)
            if contract_id is not None:
                wanted = wanted.where(_STEP.c.contract_id == contract_id)
            total = connection.scalar(sa.select(sa.func.count()).select_from(wanted.subquery())) or 0
            page = connection.execute(wanted.order_by(last.desc()).limit(limit).offset(offset)).scalars().all()
            rows = _steps_of(connection, page)
        today = self._clock.today()
        rules = self._vehicle_rules(today)
        views = tuple(_view(contract, rows[contract], today, rules) for contract in page)
        return VehiclesView(today, self._clock.now(), views, total)

    def record(
        self,
        caller: Caller,
        contract_id: str,
        step: Step,
        *,
        on_day: date,
        reason: str,
        order_id: str | None = None,
        gps_status: GpsStatus | None = None,
        amount: Decimal | None = None,
        request_key: str | None = None,
    ) -> VehicleView:
        """A lead of all teams records a step that was taken.

        Raises Refusal with the rule that forbids it: vehicle.…, role.lead, scope.queue.
        """
        caller.must_lead_all("a vehicle step")
        words = given_reason(reason, "a vehicle step")
        order = order_id.strip() if order_id else None
        if order is not None and (len(order) > _LONGEST_ORDER or not order.isprintable()):
            raise _refusal("vehicle.order_text", f"an order's id of up to {_LONGEST_ORDER} characters", "another text")
        today = self._clock.today()
        rules = self._vehicle_rules(today)
        body = (contract_id, step.value, on_day, words, order, gps_status, amount)

        def act() -> VehicleView:
            case_id, customer_id, queue = _case_of(connection, contract_id)
            lock_customers(connection, [customer_id])
            now = standing(_taken(_steps_of(connection, [contract_id])[contract_id]))
            forbidden = why_not(now, step, on_day, today, order, rules)
            if forbidden is not None:
                raise _refusal(forbidden.rule, forbidden.expected, forbidden.found)
            connection.execute(
                sa.insert(_STEP).values(
                    contract_id=contract_id,
                    customer_id=customer_id,
                    step=step.value,
                    on_day=on_day,
                    order_id=order,
                    gps_status=gps_status,
                    amount=amount,
                    reason=words,
                    recorded_by=caller.name,
                    via=caller.via,
                    recorded_at=self._clock.now(),
                    business_day=today,
                )
            )
            told = Act("vehicle_step", case_id=case_id, queue=queue, reason=words, details={"step": step.value})
            note(connection, caller, self._clock, request_key, [told])
            return _view(contract_id, _steps_of(connection, [contract_id])[contract_id], today, rules)

        with self._warehouse.begin() as connection:
            request = Request(caller, "record_vehicle_step", request_key, body, today)
            return request.answer(connection, VehicleView, act)

    def _vehicle_rules(self, day: date) -> VehicleRules:
        return self._rules(day).load(FILE, VehicleRules)


def standings(
    connection: sa.Connection, contracts: Collection[str], day: date, known: datetime | None = None
) -> dict[str, Standing]:
    """Where the proceedings of `contracts` stood at the end of the business day; those without any are left out.

    `known`: by the steps up to the first that was recorded at or after that instant.
    """
    rows = connection.execute(
        sa.select(_STEP.c.contract_id, _STEP.c.step, _STEP.c.on_day, _STEP.c.order_id, _STEP.c.recorded_at)
        .where(_STEP.c.contract_id == sa.any_(sa.literal(sorted(contracts), _TEXTS)), _STEP.c.business_day <= day)
        .order_by(_STEP.c.contract_id, _STEP.c.step_id)
    ).all()
    found: dict[str, list[Taken]] = {}
    later: set[str] = set()
    for row in rows:
        # a clock that was set back must not take a step out of the middle
        if row.contract_id in later or (known is not None and row.recorded_at >= known):
            later.add(row.contract_id)
        else:
            found.setdefault(row.contract_id, []).append(Taken(Step(row.step), row.on_day, row.order_id))
    return {contract: standing(steps) for contract, steps in found.items()}


def record_hand_overs(
    connection: sa.Connection,
    handed: Sequence[tuple[Mapping[str, Any], str]],
    now: datetime,
    day: date,
    rules: VehicleRules,
) -> int:
    """Records the steps that hand-overs take: `handed` are tasks that went, each with its case's treatment.

    In the transaction that records that they went; a step that may not follow is left out, and a task takes its step
    once, however often it is recorded. Returns how many steps were taken.
    """
    wanted = [(task, rules.treatments[treatment]) for task, treatment in handed if treatment in rules.treatments]
    if not wanted:
        return 0
    lock_customers(connection, sorted({task["customer_id"] for task, _ in wanted}))
    at = standings(connection, [task["lead_contract_id"] for task, _ in wanted], day)
    rows = []
    for task, step in wanted:
        contract = task["lead_contract_id"]
        order = f"A{task['task_key'][:12].upper()}" if step == Step.ORDER_ISSUED else None
        if why_not(at.get(contract, Standing()), step, day, day, order, rules) is not None:
            continue
        rows.append(
            {
                "contract_id": contract,
                "customer_id": task["customer_id"],
                "step": step.value,
                "on_day": day,
                "order_id": order,
                "task_key": task["task_key"],
                "reason": f"handed over to {task['placement']}",
                "recorded_by": "arrears",
                "via": "clock",
                "recorded_at": now,
                "business_day": day,
            }
        )
    if rows:
        connection.execute(insert(_STEP).on_conflict_do_nothing(), rows)
    return len(rows)


def expire_demands(connection: sa.Connection, now: datetime, day: date, rules: VehicleRules) -> int:
    """Records that demands have expired: of contracts in open cases whose last step left the demand open and whose
    period is over. Returns how many; a second look records none.
    """
    last = sa.select(_STEP.c.contract_id, sa.func.max(_STEP.c.step_id).label("step_id")).group_by(_STEP.c.contract_id)
    of_cases = sa.select(
        CASE.c.customer_id, sa.func.unnest(sa.func.string_to_array(CASE.c.contract_ids, ",")).label("contract_id")
    ).where(CASE.c.state != "closed")
    ends, open_cases = last.subquery(), of_cases.subquery()
    wanted = connection.execute(
        sa.select(_STEP.c.contract_id, open_cases.c.customer_id)
        .join(ends, ends.c.step_id == _STEP.c.step_id)
        .join(open_cases, open_cases.c.contract_id == _STEP.c.contract_id)
        .where(_STEP.c.step.in_([Step.DEMAND_SENT.value, Step.LOCATED.value]))
        .order_by(_STEP.c.contract_id)
    ).all()
    if not wanted:
        return 0
    lock_customers(connection, sorted({row.customer_id for row in wanted}))
    at = standings(connection, [row.contract_id for row in wanted], day)
    rows = []
    for row in wanted:
        stands = at.get(row.contract_id, Standing())
        if stands.stage != Stage.DEMANDED or why_not(stands, Step.DEMAND_EXPIRED, day, day, None, rules) is not None:
            continue
        rows.append(
            {
                "contract_id": row.contract_id,
                "customer_id": row.customer_id,
                "step": Step.DEMAND_EXPIRED.value,
                "on_day": day,
                "reason": f"{rules.demand.period_days} days are over",
                "recorded_by": "arrears",
                "via": "clock",
                "recorded_at": now,
                "business_day": day,
            }
        )
    if rows:
        connection.execute(sa.insert(_STEP), rows)
    return len(rows)


def _view(contract_id: str, rows: Sequence[sa.Row[Any]], today: date, rules: VehicleRules) -> VehicleView:
    now = standing(_taken(rows))
    return VehicleView(
        contract_id=contract_id,
        customer_id=rows[-1].customer_id,
        stage=now.stage.value,
        order_id=now.order_id,
        notice_late=notice_is_late(now, today, rules),
        steps=tuple(
            StepTaken(
                row.step,
                row.on_day,
                row.order_id,
                row.gps_status,
                row.amount,
                row.reason,
                row.recorded_by,
                row.recorded_at,
            )
            for row in rows
        ),
        next_steps=tuple(NextStep(step.value, _first_day(now, step, rules)) for step in TRANSITIONS[now.stage]),
    )


def _first_day(now: Standing, step: Step, rules: VehicleRules) -> date | None:
    if step == Step.DEMAND_EXPIRED and now.demand_on is not None:
        return now.demand_on + timedelta(days=rules.demand.period_days + 1)
    if step == Step.SOLD and now.noticed_on is not None:
        return now.noticed_on + timedelta(days=rules.redemption.period_days + 1)
    return None


def _steps_of(connection: sa.Connection, contracts: Collection[str]) -> dict[str, list[sa.Row[Any]]]:
    rows = connection.execute(
        sa.select(_STEP)
        .where(_STEP.c.contract_id == sa.any_(sa.literal(sorted(contracts), _TEXTS)))
        .order_by(_STEP.c.step_id)
    ).all()
    found: dict[str, list[sa.Row[Any]]] = {contract: [] for contract in contracts}
    for row in rows:
        found[row.contract_id].append(row)
    return found


def _taken(rows: Sequence[sa.Row[Any]]) -> list[Taken]:
    return [Taken(Step(row.step), row.on_day, row.order_id) for row in rows]


def _case_of(connection: sa.Connection, contract_id: str) -> tuple[str | None, str, str | None]:
    """Open case, customer and queue of a contract; of one whose case is closed the customer of its last step."""
    if "\x00" not in contract_id:
        row = connection.execute(
            sa.select(CASE.c.case_id, CASE.c.customer_id, CASE.c.queue).where(
                CASE.c.state != "closed",
                sa.literal(contract_id) == sa.any_(sa.func.string_to_array(CASE.c.contract_ids, ",")),
            )
        ).one_or_none()
        if row is not None:
            return row.case_id, row.customer_id, row.queue
        steps = sa.select(_STEP.c.customer_id).where(_STEP.c.contract_id == contract_id)
        customer = connection.scalar(steps.order_by(_STEP.c.step_id.desc()).limit(1))
        if customer is not None:
            return None, customer, None
    raise Refusal(
        kind="not_found",
        rule="vehicle.contract_unknown",
        expected="a contract of an open case, or one with proceedings",
        found="none of this id",
        where="a vehicle step",
        action="Check the contract's id.",
    )


def _refusal(rule: str, expected: str, found: str) -> Refusal:
    return Refusal(
        kind="invalid",
        rule=rule,
        expected=expected,
        found=found,
        where="a vehicle step",
        action="Look at the steps taken so far; vehicles.yaml sets the periods.",
    )
