"""Promises to pay: those recorded since the ledger was pulled stop contacts as the ledger's do; each is tracked until
it is kept or broken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import sqlalchemy as sa

from arrears.ledger.contract import arrow_schema
from arrears.outreach.addressees import Addressee
from arrears.outreach.rules import LivePromise
from arrears.run import Run
from arrears.sqlmodel import fetch_model, run_model
from arrears.strategy.promises import PROMISE_STATE, TOLD, PromiseRules, promise_parameters
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
        sa.select(_PROMISE.c.customer_id, _PROMISE.c.contract_id)
        .distinct()
        .where(
            _PROMISE.c.customer_id == sa.any_(sa.literal(sorted(customers), sa.ARRAY(sa.Text))),
            _PROMISE.c.due_on >= day - timedelta(days=rule.grace_days),
        )
    ).all()
    told = {customer: known[customer] for customer in customers}
    for row in rows:
        addressee = told[row.customer_id]
        if addressee is not None and row.contract_id in addressee.debts:
            promised = addressee.promised | {row.contract_id}
            told[row.customer_id] = replace(
                addressee, facts={**addressee.facts, "promised": ",".join(sorted(promised))}
            )
    return told


def build_promise_state(run: Run, rules: PromiseRules, known: datetime | None) -> int:
    """Writes `promise_state` of the day: every promise, and whether it is open, kept or broken; returns its rows.

    With the promises that were recorded here before `known` (`ops_reads.known_until`); a past day (None) has the
    ledger's, which feeds them back.
    """
    told = TOLD.empty_table()
    if known is not None:
        with run.warehouse.connect() as connection:
            told = told_promises(connection, run.day.as_of, before=known)
    return run_model(run, PROMISE_STATE, relations={"told_promise": told}, params=promise_parameters(rules))


def promise_states(connection: sa.Connection, run: Run, rules: PromiseRules, contracts: Collection[str]) -> pa.Table:
    """The promises of `contracts` and where each stands, as `strategy/promise_state.sql` says."""
    wanted = {"wanted": pa.table({"contract_id": pa.array(sorted(contracts), pa.string())})}
    narrowed = {
        name: fetch_model(run, "outreach/of_contracts", relations=wanted, sources={"narrowed": name})
        for name in ("promises", "payments")
        if run.lake.exists(name, run.day)
    }
    absent = {name: arrow_schema(name).empty_table() for name in ("promises", "payments") if name not in narrowed}
    told = told_promises(connection, run.day.as_of, contracts)
    return fetch_model(
        run, PROMISE_STATE, relations={**narrowed, **absent, "told_promise": told}, params=promise_parameters(rules)
    )


def told_promises(
    connection: sa.Connection, day: date, contracts: Collection[str] | None = None, before: datetime | None = None
) -> pa.Table:
    """The promises that were recorded here up to the business day, of all contracts or of `contracts`; `before`: only
    those recorded before that instant.
    """
    query = sa.select(*[_PROMISE.c[name] for name in TOLD.names]).where(_PROMISE.c.business_day <= day)
    if before is not None:
        query = query.where(_PROMISE.c.recorded_at < before)
    if contracts is not None:
        query = query.where(_PROMISE.c.contract_id == sa.any_(sa.literal(sorted(contracts), sa.ARRAY(sa.Text))))
    rows = connection.execute(query.order_by(_PROMISE.c.promise_id)).mappings()
    return pa.Table.from_pylist([dict(row) for row in rows], schema=TOLD)
