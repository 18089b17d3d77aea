"""Promises that collectors recorded since the ledger was pulled: they stop contacts as those of the ledger do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta

import sqlalchemy as sa

from arrears.outreach.addressees import Addressee
from arrears.outreach.rules import LivePromise
from arrears.warehouse.ops_desk import Promise

_PROMISE: sa.Table = Promise.__table__  # type: ignore[assignment]


def with_promises(
    connection: sa.Connection,
    known: Mapping[str, Addressee | None],
    customers: Collection[str],
    day: date,
    rule: LivePromise,
) -> Mapping[str, Addressee | None]:
    """The addressees of `customers` with their live promises of the desk."""
    rows = connection.execute(
        sa.select(_PROMISE.c.customer_id, sa.func.count(_PROMISE.c.contract_id.distinct()).label("contracts"))
        .where(
            _PROMISE.c.customer_id == sa.any_(sa.literal(sorted(customers), sa.ARRAY(sa.Text))),
            _PROMISE.c.due_on >= day - timedelta(days=rule.grace_days),
        )
        .group_by(_PROMISE.c.customer_id)
    ).all()
    told = {customer: known[customer] for customer in customers}
    for row in rows:
        addressee = told[row.customer_id]
        if addressee is not None:
            promised = max(addressee.facts["contracts_promised"] or 0, row.contracts)
            told[row.customer_id] = replace(addressee, facts={**addressee.facts, "contracts_promised": promised})
    return told
