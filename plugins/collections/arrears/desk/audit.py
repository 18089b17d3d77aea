"""The audit of the desk: acts are appended, and read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from arrears.clock import Clock
from arrears.desk.callers import Caller
from arrears.desk.refusals import Refusal
from arrears.desk.views import Event, Events
from arrears.warehouse.ops_cases import COLLECTOR
from arrears.warehouse.ops_desk import Action, CaseEvent

LONGEST_REASON = 200
_EVENT: sa.Table = CaseEvent.__table__  # type: ignore[assignment]


@dataclass(frozen=True)
class Act:
    """One line to be appended."""

    action: Action
    case_id: str | None = None
    queue: str | None = None
    collector_id: str | None = None
    to_collector_id: str | None = None
    rule: str | None = None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def note(connection: sa.Connection, caller: Caller, clock: Clock, key: str | None, acts: Iterable[Act]) -> None:
    """Appends acts of the caller."""
    who = {
        "at": clock.now(),
        "business_day": clock.today(),
        "actor": caller.name,
        "via": caller.via,
        "request_key": key,
    }
    rows = [
        {
            **who,
            "action": act.action,
            "case_id": act.case_id,
            "queue": act.queue,
            "collector_id": act.collector_id,
            "to_collector_id": act.to_collector_id,
            "rule": act.rule,
            "reason": act.reason,
            "details": dict(act.details),
        }
        for act in acts
    ]
    if rows:
        connection.execute(sa.insert(_EVENT), rows)


def given_reason(reason: str, what: str) -> str:
    """A lead's own words, trimmed. Raises Refusal when there are none, or too many, or they are no text."""
    words = " ".join(reason.split())
    if not 0 < len(words) <= LONGEST_REASON or not words.isprintable():
        raise Refusal(
            kind="invalid",
            rule="reason.missing" if not words else "reason.text",
            expected=f"a reason of 1 to {LONGEST_REASON} characters",
            found=f"{len(words)} characters" if words.isprintable() else "characters that cannot be shown",
            where=what,
            action="Say in a few words why; name no customer.",
        )
    return words


def read_events(
    connection: sa.Connection,
    caller: Caller,
    *,
    after: int | None,
    limit: int,
    day: date | None,
    case_id: str | None,
    collector_id: str | None,
    queue: str | None,
    action: str | None,
) -> Events:
    """A page of the audit, newest first; what the caller may see of it."""
    where: list[sa.ColumnElement[bool]] = []
    if after is not None:
        where.append(_EVENT.c.event_id < after)
    for column, value in (
        (_EVENT.c.business_day, day),
        (_EVENT.c.case_id, case_id),
        (_EVENT.c.queue, queue),
        (_EVENT.c.action, action),
    ):
        if value is not None:
            where.append(column == value)
    about = (_EVENT.c.collector_id, _EVENT.c.to_collector_id)
    if caller.role == "collector":
        where.append(sa.or_(*[column == caller.collector_id for column in about]))
    elif caller.teams is not None:
        mine = sa.select(COLLECTOR.c.collector_id).where(COLLECTOR.c.team.in_(sorted(caller.teams)))
        where.append(sa.or_(sa.and_(*[column.is_(None) for column in about]), *[column.in_(mine) for column in about]))
    if collector_id is not None:
        where.append(sa.or_(*[column == collector_id for column in about]))
    select = sa.select(_EVENT).where(*where).order_by(_EVENT.c.event_id.desc()).limit(limit + 1)
    rows = connection.execute(select).all()
    events = tuple(
        Event(
            event_id=row.event_id,
            at=row.at,
            business_day=row.business_day,
            actor=row.actor,
            via=row.via,
            action=row.action,
            case_id=row.case_id,
            queue=row.queue,
            collector_id=row.collector_id,
            to_collector_id=row.to_collector_id,
            rule=row.rule,
            reason=row.reason,
            details=row.details,
        )
        for row in rows[:limit]
    )
    return Events(events, events[-1].event_id if len(rows) > limit else None)
