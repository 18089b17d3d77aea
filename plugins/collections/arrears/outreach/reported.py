"""Contacts that a partner made and reports: they count beside the lender's own, and stand in the case's history.

No policy pack tells an agency's calls from the lender's: each is written as a result that none of the lender's
collectors made (`ops.contact_result`), under the customer's lock, once, however often it is reported.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.channels.base import Receipt
from arrears.outreach.receipts import Desk, keep_stray, take_in
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_desk import ContactResult

log = logging.getLogger(__name__)

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_RESULT: sa.Table = ContactResult.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)
_SAME = ("customer_id", "channel", "outcome")
"""What must be as it was when a key is reported again."""


@dataclass(frozen=True)
class Contacted:
    """One contact that a partner made."""

    result_id: str
    """The partner's key of it."""
    channel: str
    """How the customer was contacted, as contact.yaml or the ledger calls it."""
    at: datetime | None
    """When, aware; None: the partner does not say."""


@dataclass(frozen=True)
class Reported:
    """One row of a partner's list of results."""

    receipt: Receipt
    contact: Contacted | None
    """None: it is about the case, and no contact."""


def take_reported(connection: sa.Connection, channel: str, reported: Sequence[Reported], desk: Desk) -> Counter[str]:
    """Takes in a partner's results in the caller's transaction, as `receipts.take_in` does, and writes its contacts.

    contacts: contacts that were written. A key that was used for another contact is kept as an unmatched receipt.
    """
    counts = take_in(connection, channel, [each.receipt for each in reported], desk, goes_on=True)
    told = [(each.receipt, each.contact) for each in reported if each.contact is not None]
    if told:
        counts += _write(connection, channel, told, desk)
    return +counts


def _write(
    connection: sa.Connection, channel: str, told: Sequence[tuple[Receipt, Contacted]], desk: Desk
) -> Counter[str]:
    known = _cases_of(connection, channel, sorted({receipt.key for receipt, _ in told}))
    rows: dict[str, dict[str, Any]] = {}
    keys: dict[str, Receipt] = {}
    clashing: list[Receipt] = []
    for receipt, contact in told:
        case = known.get(receipt.key)
        if case is None:
            # an unknown task is among the unmatched receipts already
            continue
        # what a partner with a fast clock reports has happened by now
        at = desk.now if contact.at is None else min(contact.at, desk.now)
        row = {
            "result_id": f"{channel}-{contact.result_id}",
            "case_id": case.case_id,
            "contract_id": case.lead_contract_id,
            "customer_id": case.customer_id,
            "collector_id": None,
            "queue": case.queue,
            "channel": contact.channel,
            "attempted_at": at,
            "outcome": receipt.outcome,
            "initiated_by": "lender",
            "task_key": None,
            "recorded_by": channel,
            "recorded_at": desk.now,
            "business_day": at.astimezone(desk.now.tzinfo).date(),
        }
        first = rows.setdefault(row["result_id"], row)
        keys.setdefault(row["result_id"], receipt)
        if any(first[name] != row[name] for name in _SAME):
            clashing.append(receipt)
    if not rows:
        return Counter()
    written = set(
        connection.execute(
            insert(_RESULT).values(list(rows.values())).on_conflict_do_nothing().returning(_RESULT.c.result_id)
        ).scalars()
    )
    before = connection.execute(
        sa.select(_RESULT).where(_RESULT.c.result_id == sa.any_(sa.literal(sorted(rows.keys() - written), _TEXTS)))
    ).mappings()
    clashing += [keys[row["result_id"]] for row in before if any(row[n] != rows[row["result_id"]][n] for n in _SAME)]
    keep_stray(connection, channel, [(receipt, "contradicts") for receipt in clashing], known.keys(), desk.now)
    return Counter({"contacts": len(written), "unmatched": len(clashing)})


def _cases_of(connection: sa.Connection, channel: str, keys: Sequence[str]) -> dict[str, Any]:
    """Customer, lead contract, latest case and queue of the tasks that were handed over to `channel`, by key."""
    latest = (
        sa.select(CASE.c.customer_id, CASE.c.case_id, CASE.c.queue)
        .ext(postgresql.distinct_on(CASE.c.customer_id))
        .where(
            CASE.c.customer_id.in_(
                sa.select(_TASK.c.customer_id).where(_TASK.c.task_key == sa.any_(sa.literal(list(keys), _TEXTS)))
            )
        )
        .order_by(CASE.c.customer_id, CASE.c.opened_on.desc(), CASE.c.case_id)
        .subquery("latest")
    )
    rows = connection.execute(
        sa.select(_TASK.c.task_key, _TASK.c.customer_id, _TASK.c.lead_contract_id, latest.c.case_id, latest.c.queue)
        .outerjoin(latest, latest.c.customer_id == _TASK.c.customer_id)
        .where(
            _TASK.c.task_key == sa.any_(sa.literal(list(keys), _TEXTS)),
            _TASK.c.channel == channel,
            _TASK.c.attempts > 0,
        )
    ).all()
    without = sum(row.case_id is None for row in rows)
    if without:
        log.warning("channel %s: contacts with %d customers who never had a case are not written", channel, without)
    return {row.task_key: row for row in rows if row.case_id is not None}
