"""Takes in what providers report: each receipt settles its task once, however often and in whatever order it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.channels.base import Channel, Receipt
from arrears.outreach.states import Event, State, sources_of
from arrears.warehouse.ops_contacts import ContactAttempt, ContactChannel, ContactTask

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_CHANNEL: sa.Table = ContactChannel.__table__  # type: ignore[assignment]


def take_in_receipts(warehouse: sa.Engine, channel: Channel, now: datetime) -> Counter[str]:
    """Takes in all receipts that `channel` has; returns how many were taken, and how many match no task."""
    counts: Counter[str] = Counter()
    with warehouse.connect() as connection:
        cursor = connection.execute(
            sa.select(_CHANNEL.c.receipts_cursor).where(_CHANNEL.c.channel == channel.name)
        ).scalar()
    while (page := channel.receipts(cursor or "")) is not None:
        with warehouse.begin() as connection:
            counts += _apply(connection, channel.name, page.receipts, now)
            statement = insert(_CHANNEL).values(channel=channel.name, receipts_cursor=page.cursor, changed_at=now)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[_CHANNEL.c.channel],
                    set_={"receipts_cursor": statement.excluded.receipts_cursor, "changed_at": now},
                )
            )
        cursor = page.cursor
    return counts


def _apply(connection: sa.Connection, channel: str, receipts: Sequence[Receipt], now: datetime) -> Counter[str]:
    last = {receipt.key: receipt for receipt in receipts}
    # locked in one order, as every writer of several tasks does
    tasks = connection.execute(
        sa.select(_TASK.c.task_key, _TASK.c.business_day, _TASK.c.customer_id, _TASK.c.attempts)
        .where(
            _TASK.c.task_key == sa.any_(sa.literal(sorted(last), sa.ARRAY(sa.Text))),
            _TASK.c.channel == channel,
            _TASK.c.attempts > 0,
        )
        .order_by(_TASK.c.task_key)
        .with_for_update()
    ).mappings()
    changes: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for task in tasks:
        receipt = last[task["task_key"]]
        target = State.DELIVERED if receipt.delivered else State.DEAD
        event = Event.DELIVERED if receipt.delivered else Event.UNDELIVERED
        changes.append(
            {
                "key": receipt.key,
                "sources": [state.value for state in sources_of(target) if state not in _UNTRIED],
                "to": target.value,
                "because": None if receipt.delivered else f"provider.{receipt.outcome}",
                "reported": receipt.outcome,
                "provider": receipt.provider_id,
            }
        )
        events.append(
            {
                "task_key": receipt.key,
                "attempt_no": task["attempts"],
                "event": event.value,
                "at": now,
                "business_day": task["business_day"],
                "customer_id": task["customer_id"],
                "channel": channel,
                "provider_id": receipt.provider_id,
                "outcome": receipt.outcome,
                "reason": None,
                "tries": 0,
            }
        )
    if changes:
        connection.execute(
            sa.update(_TASK)
            .where(
                _TASK.c.task_key == sa.bindparam("key"),
                _TASK.c.state == sa.any_(sa.bindparam("sources", type_=sa.ARRAY(sa.Text))),
            )
            .values(
                state=sa.bindparam("to"),
                state_reason=sa.bindparam("because"),
                outcome=sa.bindparam("reported"),
                provider_id=sa.bindparam("provider"),
                worker=None,
                lease_until=None,
                next_attempt_at=None,
                changed_at=now,
            ),
            changes,
        )
        connection.execute(insert(_ATTEMPT).on_conflict_do_nothing(), events)
    return Counter(taken=len(changes), unmatched=len(last) - len(changes))


_UNTRIED = frozenset({State.PLANNED, State.APPROVED})
