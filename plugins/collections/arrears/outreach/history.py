"""The history of a customer's contacts under his lock, and the gate asked with it: what sending counts from.

Whoever counts a customer's contacts to decide on another one holds the customer's lock from the count until the
transaction that writes the reservation ends, so that two of them cannot both find room for the last one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from arrears.outreach.addressees import Addressees
from arrears.outreach.gate import Gate, Opinion, Today, count_today
from arrears.outreach.promised import with_promises
from arrears.outreach.states import State
from arrears.warehouse import locks
from arrears.warehouse.ops_contacts import ContactTask

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)


def ask_gate(
    connection: sa.Connection, gate: Gate, addressees: Addressees, tasks: Sequence[Mapping[str, Any]]
) -> list[Opinion]:
    """What the gate says of `tasks`, one opinion each, in their order; takes the customers' locks.

    The tasks are locked by the caller, who reserves those that may go in the same transaction: one that goes counts
    for those behind it.
    """
    customers = sorted({task["customer_id"] for task in tasks})
    lock_customers(connection, customers)
    today = tried_today(connection, gate, customers, besides=[task["task_key"] for task in tasks])
    known = with_promises(connection, addressees.of(customers), customers, gate.now.date(), gate.contact.live_promise)
    opinions = []
    for task in tasks:
        others = today.setdefault(task["customer_id"], Today())
        opinion = gate.judge(task, known[task["customer_id"]], others)
        if opinion.verdict == "go":
            others.add(
                {"state": State.SENDING, "state_reason": None, "outcome": None, "last_attempt_at": gate.now},
                is_call=gate.contact.rule_of(task["channel"]).is_call,
                pack=gate.pack,
            )
        opinions.append(opinion)
    return opinions


def lock_customers(connection: sa.Connection, customers: Sequence[str]) -> None:
    """Takes the locks of customers until the transaction ends: who counts a customer's contacts holds it."""
    # sorted, so that two workers never wait for each other in a circle; who shares a key shares a lock, no harm done
    keys = sorted(
        {int.from_bytes(hashlib.sha256(each.encode()).digest()[:4], "big", signed=True) for each in customers}
    )
    wanted = sa.func.unnest(sa.literal(keys, sa.ARRAY(sa.Integer))).column_valued("wanted")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(locks.CUSTOMERS, wanted))).all()


def tried_today(
    connection: sa.Connection, gate: Gate, customers: Sequence[str], besides: Sequence[str]
) -> dict[str, Today]:
    """What was tried today with `customers`, the tasks `besides` left out; under the customers' locks."""
    tried = connection.execute(
        sa.select(
            _TASK.c.customer_id,
            _TASK.c.channel,
            _TASK.c.state,
            _TASK.c.state_reason,
            _TASK.c.outcome,
            _TASK.c.last_attempt_at,
        ).where(
            _TASK.c.business_day == gate.now.date(),
            _TASK.c.customer_id == sa.any_(sa.literal(list(customers), _TEXTS)),
            _TASK.c.attempts > 0,
            _TASK.c.task_key != sa.all_(sa.literal(list(besides), _TEXTS)),
        )
    ).mappings()
    return count_today(map(dict, tried), gate.contact, gate.pack)
