"""The stages that a contact goes through after it was tried, defined once: for the page *Outreach* and for the KPIs.

Each is a question about the events of one attempt, or of all attempts of one task; the later ones do not follow from
the earlier: a call can be answered without a receipt of delivery.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from arrears.outreach.states import Event
from arrears.warehouse.ops_contacts import ContactAttempt
from arrears.warehouse.ops_desk import ContactResult, Promise

REACHED = ("connected", "promise", "right_party", "wrong_party")
"""Outcomes of a call or visit that got through to somebody; promise: the right party said when it will pay."""
RIGHT_PARTY = ("promise", "right_party")
"""Of them those that reached who owes."""
ARRIVED = (*REACHED, "accepted", "delivered", "opt_out")
"""Outcomes of a message that arrived; accepted: a partner took the case; opt_out and promise are answers to it."""
ANSWERS = (Event.ANSWERED, Event.PROMISED, Event.OPTED_OUT)
"""Events that are a customer's answer."""

_TAKEN = (Event.SENT, Event.DELIVERED, Event.UNDELIVERED, *ANSWERS)
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]


def outcome_stages() -> pa.Table:
    """How far an outcome alone proves that a contact came: outcome, arrived, reached, right_party. For SQL models."""
    return pa.table(
        {
            "outcome": pa.array(ARRIVED, pa.string()),
            "arrived": pa.array([True] * len(ARRIVED), pa.bool_()),
            "reached": pa.array([outcome in REACHED for outcome in ARRIVED], pa.bool_()),
            "right_party": pa.array([outcome in RIGHT_PARTY for outcome in ARRIVED], pa.bool_()),
        }
    )


def was_sent() -> sa.ColumnElement[bool]:
    """Over the events of a group: the provider took it, or the list was handed over."""
    return sa.func.bool_or(_event_in(*_TAKEN))


def was_delivered() -> sa.ColumnElement[bool]:
    """Over the events of a group: it is known to have arrived."""
    arrived = sa.func.coalesce(_ATTEMPT.c.outcome, "delivered").in_(ARRIVED)
    return sa.func.bool_or(sa.or_(sa.and_(_event_in(Event.DELIVERED), arrived), _event_in(*ANSWERS)))


def was_answered() -> sa.ColumnElement[bool]:
    """Over the events of a group: somebody was reached, or wrote back."""
    return sa.func.bool_or(sa.or_(_event_in(*ANSWERS), sa.func.coalesce(_ATTEMPT.c.outcome, "").in_(REACHED)))


def was_promised() -> sa.ColumnElement[bool]:
    """Over the events of a group: a promise to pay came of it, by a receipt or as a collector recorded it."""
    return sa.func.bool_or(sa.or_(_event_in(Event.PROMISED), has_promise(_ATTEMPT.c.task_key)))


def has_promise(task_key: Any) -> sa.ColumnElement[bool]:
    """Whether a promise was recorded that was made in this contact."""
    by_result = sa.exists().where(ContactResult.task_key == task_key, Promise.result_id == ContactResult.result_id)
    return sa.or_(by_result, sa.exists().where(Promise.task_key == task_key))


def _event_in(*events: Event) -> sa.ColumnElement[bool]:
    return _ATTEMPT.c.event.in_([event.value for event in events])
