"""What waits for a person's approval and why, and the answers: for single contacts, for some, for all that wait.

An answer is final: who comes second is told so, contact by contact. One whose window or day is over lapses and is never
decided. Airflow's question and the page write through the same function, so they cannot disagree: the page's answers
stand, and the answer in Airflow takes the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from arrears.clock import Clock
from arrears.day import BusinessDay
from arrears.desk.audit import LONGEST_REASON, Act, given_reason, note
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.desk.requests import Request
from arrears.lake import Lake
from arrears.outreach.approval_reasons import ApprovalItem, with_reasons
from arrears.outreach.states import State, sources_of
from arrears.outreach.vehicle_steps import standings
from arrears.settings import Settings
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_contacts import ContactTask

Decision = Literal["approve", "reject"]

MOST_ROWS = 500
"""Contacts that one read gives, and that one request names, at most."""

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)
_STATES: Mapping[Decision, State] = {"approve": State.APPROVED, "reject": State.REJECTED}


@dataclass(frozen=True)
class PlacementCount:
    """How many contacts of a placement stand where."""

    placement: str
    waiting: int
    approved: int
    """Approved, whether they have gone yet or not."""
    rejected: int
    lapsed: int
    other: int
    """Blocked, cancelled or expired."""


@dataclass(frozen=True)
class ApprovalsView:
    """The approval queue of the business day."""

    business_day: date
    as_of: datetime
    counts: tuple[PlacementCount, ...]
    items: tuple[ApprovalItem, ...]
    """A page of the contacts that were asked for, the most urgent first."""
    total: int
    """How many contacts were asked for, on all pages."""


class NotDecided(NamedTuple):
    """A contact that was not decided, and why."""

    task_key: str
    rule: str


@dataclass(frozen=True)
class Decided:
    """What came of an answer: each contact is either decided or refused."""

    done: tuple[str, ...]
    refused: tuple[NotDecided, ...] = field(default=())


class Approvals:
    """The approval queue of one process; safe between threads."""

    def __init__(self, warehouse: sa.Engine, settings: Settings, clock: Clock) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._clock = clock

    def read(
        self,
        caller: Caller,
        *,
        placement: str | None = None,
        waiting: bool = True,
        limit: int = 25,
        offset: int = 0,
    ) -> ApprovalsView:
        """A page of what waits today (or, with `waiting` False, of what was decided), and how many stand where.

        For leads and viewers: collectors work their own cases (role.collector).
        """
        if caller.role == "collector":
            raise Refusal(
                kind="forbidden",
                rule="role.collector",
                expected="a lead or a viewer",
                found="a collector",
                where="the approval queue",
                action="Ask a lead.",
            )
        if not 1 <= limit <= MOST_ROWS or offset < 0:
            raise Refusal(
                kind="invalid",
                rule="page.limit",
                expected=f"a limit of 1 to {MOST_ROWS}",
                found=str(limit),
                where="the approval queue",
                action="Ask within the limit.",
            )
        today = self._clock.today()
        with self._warehouse.connect() as connection:
            counts = count_placements(connection, today)
            rows, total = _read_tasks(connection, today, placement, waiting=waiting, limit=limit, offset=offset)
            at = standings(connection, [row["lead_contract_id"] for row in rows], today)
        lake, day = Lake(self._settings.lake_root), BusinessDay(today)
        items = tuple(
            replace(item, vehicle_stage=at[item.lead_contract_id].stage.value if item.lead_contract_id in at else None)
            for item in with_reasons(lake, day, rows)
        )
        return ApprovalsView(today, self._clock.now(), counts, items, total)

    def decide(
        self,
        caller: Caller,
        decision: Decision,
        *,
        reason: str,
        task_keys: Collection[str] | None = None,
        placement: str | None = None,
        request_key: str | None = None,
    ) -> Decided:
        """A lead's answer for the named contacts, or for all that wait (of `placement`).

        Named ones that are decided already, over, or not known are refused one by one: approval.decided,
        approval.over, approval.unknown. Raises Refusal: role.lead, scope.queue, reason.…, approval.number.
        """
        caller.must_lead_all("an approval")
        words = given_reason(reason, "an approval")
        keys = None if task_keys is None else list(dict.fromkeys(task_keys))
        if keys is not None and not 1 <= len(keys) <= MOST_ROWS:
            raise Refusal(
                kind="invalid",
                rule="approval.number",
                expected=f"1 to {MOST_ROWS} contacts",
                found=str(len(keys)),
                where="an approval",
                action="Name the contacts, or answer for all that wait.",
            )
        today = self._clock.today()
        body = (decision, keys, placement, words)
        request = Request(caller, "decide_approvals", request_key, body, today)

        def act() -> Decided:
            return decide(
                connection,
                self._clock,
                caller,
                decision,
                reason=words,
                task_keys=keys,
                placements=None if placement is None else [placement],
                request_key=request_key,
            )

        with self._warehouse.begin() as connection:
            return request.answer(connection, Decided, act)


def decide(
    connection: sa.Connection,
    clock: Clock,
    caller: Caller,
    decision: Decision,
    *,
    reason: str | None,
    task_keys: Sequence[str] | None = None,
    placements: Sequence[str] | None = None,
    request_key: str | None = None,
) -> Decided:
    """Writes an answer on the contacts of today that wait: the named ones, or all (of `placements`).

    In the caller's transaction, under the locks of the rows, each with a line in the audit.
    """
    today, now = clock.today(), clock.now()
    named = [_TASK.c.business_day == today, _TASK.c.needs_approval]
    if task_keys is not None:
        named.append(_TASK.c.task_key == sa.any_(sa.literal(list(task_keys), _TEXTS)))
    else:
        named.append(_TASK.c.state.in_([source.value for source in sources_of(_STATES[decision])]))
    if placements is not None:
        named.append(_TASK.c.placement.in_(list(placements)))
    # locked in one order, as every writer of several tasks does
    rows = connection.execute(sa.select(_TASK).where(*named).order_by(_TASK.c.task_key).with_for_update()).all()
    waiting = [row for row in rows if row.state == State.AWAITING_APPROVAL and row.window_closes_at > now]
    done = [row.task_key for row in waiting]
    if done:
        connection.execute(
            sa.update(_TASK)
            .where(_TASK.c.task_key == sa.any_(sa.literal(done, _TEXTS)))
            .values(
                state=_STATES[decision].value,
                state_reason=None,
                decided_by=caller.name,
                decided_at=now,
                decision_reason=reason[:LONGEST_REASON] if reason else None,
                changed_at=now,
            )
        )
        cases = _open_cases(connection, [row.customer_id for row in waiting])
        action: Literal["approved", "rejected"] = "approved" if decision == "approve" else "rejected"
        acts = [
            Act(
                action,
                case_id=cases.get(row.customer_id),
                queue=row.queue,
                reason=reason[:LONGEST_REASON] if reason else None,
                details={"placement": row.placement, "task": row.task_key[:12]},
            )
            for row in waiting
        ]
        note(connection, caller, clock, request_key, acts)
    if task_keys is None:
        return Decided(tuple(done))
    known = {row.task_key: row for row in rows}
    refused = [NotDecided(key, _why_not(known.get(key), now)) for key in task_keys if key not in set(done)]
    return Decided(tuple(done), tuple(refused))


def _why_not(row: sa.Row[Any] | None, now: datetime) -> str:
    if row is None:
        return "approval.unknown"
    over = row.window_closes_at <= now or row.state in (State.LAPSED, State.CANCELLED, State.EXPIRED)
    return "approval.over" if over and row.decided_at is None else "approval.decided"


def count_placements(connection: sa.Connection, day: date) -> tuple[PlacementCount, ...]:
    """How the day's contacts that need an approval stand, by placement."""
    rows = connection.execute(
        sa.select(_TASK.c.placement, _TASK.c.state, sa.func.count().label("tasks"))
        .where(_TASK.c.business_day == day, _TASK.c.needs_approval)
        .group_by(_TASK.c.placement, _TASK.c.state)
    )
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        counted.setdefault(row.placement, Counter())[_COLUMN.get(State(row.state), "approved")] += row.tasks
    return tuple(
        PlacementCount(
            placement,
            waiting=found["waiting"],
            approved=found["approved"],
            rejected=found["rejected"],
            lapsed=found["lapsed"],
            other=found["other"],
        )
        for placement, found in sorted(counted.items())
    )


_COLUMN: Mapping[State, str] = {
    State.AWAITING_APPROVAL: "waiting",
    State.REJECTED: "rejected",
    State.LAPSED: "lapsed",
    State.BLOCKED: "other",
    State.CANCELLED: "other",
    State.EXPIRED: "other",
    State.PLANNED: "other",
}
"""What a state counts as; every other state is one of an approved contact."""


def _read_tasks(
    connection: sa.Connection, day: date, placement: str | None, *, waiting: bool, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    where = [_TASK.c.business_day == day, _TASK.c.needs_approval]
    where.append(
        _TASK.c.state == State.AWAITING_APPROVAL.value
        if waiting
        else sa.and_(
            _TASK.c.state.not_in([State.AWAITING_APPROVAL.value, State.CANCELLED.value, State.PLANNED.value]),
        )
    )
    if placement is not None:
        where.append(_TASK.c.placement == placement)
    order = [_TASK.c.priority.desc(), _TASK.c.task_key]
    if not waiting:
        order.insert(0, _TASK.c.decided_at.desc().nulls_last())
    total = connection.scalar(sa.select(sa.func.count()).select_from(_TASK).where(*where)) or 0
    rows = connection.execute(sa.select(_TASK).where(*where).order_by(*order).limit(limit).offset(offset)).mappings()
    return [dict(row) for row in rows], total


def _open_cases(connection: sa.Connection, customers: Collection[str]) -> dict[str, str]:
    rows = connection.execute(
        sa.select(CASE.c.customer_id, CASE.c.case_id).where(
            CASE.c.state != "closed", CASE.c.customer_id == sa.any_(sa.literal(sorted(customers), _TEXTS))
        )
    )
    return {row.customer_id: row.case_id for row in rows}
