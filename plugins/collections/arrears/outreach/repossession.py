"""The gate of a repossession: what blocks taking a vehicle, asked when it is planned and when it is handed over.

Repossession is blocked by a live promise, an agreed extension, receipt of the cure amount, bankruptcy, or a recalled
order (CFPB Bulletin 2022-04: payments, promises and agreements before it are to stop it); and, as `vehicles.yaml`
says, until the demand has expired. Facts are gathered by one SQL model, from the ledger's tables and from what was
known since; what they mean is one function over them, so that planning and handing over cannot judge differently.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from arrears.outreach.relations import table
from arrears.outreach.rules import LivePromise
from arrears.outreach.vehicle_steps import standings
from arrears.outreach.vehicles import FILE, Stage, Standing, Step, VehicleRules, why_not
from arrears.run import Run
from arrears.sqlmodel import fetch_model
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice
from arrears.warehouse.ops_desk import Promise

PLACEMENT = "repossession"

BANKRUPTCY = "repossession.bankruptcy"
EXTENSION = "repossession.extension"
PROMISE_LIVE = "repossession.promise_live"
CURED = "repossession.cured"
ORDER_RECALLED = "repossession.order_recalled"
ORDER_OUT = "repossession.order_out"
IN_HAND = "repossession.in_hand"
DEMAND_OPEN = "repossession.demand_open"

REASONS: Mapping[str, str] = {
    BANKRUPTCY: "A bankruptcy stops it.",
    EXTENSION: "An extension is agreed.",
    PROMISE_LIVE: "A promise to pay is not yet due.",
    CURED: "What cures it was received, or a payment whose amount is not known.",
    ORDER_RECALLED: "The order was recalled; a person orders anew or closes the proceedings.",
    ORDER_OUT: "An order is out already.",
    IN_HAND: "The vehicle is in hand, given back or sold.",
    DEMAND_OPEN: "The demand was not sent, or its period is not over.",
}
"""What each rule of the gate means, in the order in which the first one decides."""

FACTS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("lead_contract_id", pa.string()),
        ("cure_amount", pa.decimal128(18, 2)),
        ("received_amount", pa.decimal128(18, 2)),
        ("received_unknown", pa.bool_()),
        ("promise_live", pa.bool_()),
        ("extension_agreed", pa.bool_()),
        ("bankrupt", pa.bool_()),
        ("stage", pa.string()),
    ]
)
"""The facts of one case: the columns of `outreach/repossession_facts.sql`."""

_PROMISE: sa.Table = Promise.__table__  # type: ignore[assignment]
_NOTICE: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]
_CONSENT: sa.Table = CustomerConsent.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)
_IN_HAND = (Stage.REPOSSESSED, Stage.STORED, Stage.NOTICED, Stage.SOLD)


def judge(facts: pa.Table, rules: VehicleRules) -> pa.Array:
    """The rule that blocks each row of `facts` (its columns: FACTS), NULL where nothing does; in their order."""
    stage = facts["stage"]
    at = [
        (BANKRUPTCY, facts["bankrupt"]),
        (EXTENSION, facts["extension_agreed"]),
        (PROMISE_LIVE, facts["promise_live"]),
        (CURED, pc.or_(facts["received_unknown"], pc.greater_equal(facts["received_amount"], facts["cure_amount"]))),
        (ORDER_RECALLED, pc.equal(stage, Stage.RECALLED)),
        (ORDER_OUT, pc.equal(stage, Stage.ORDERED)),
        (IN_HAND, pc.is_in(stage, pa.array(list(_IN_HAND)))),
    ]
    if rules.demand_required:
        at.append((DEMAND_OPEN, pc.not_equal(stage, Stage.DEMAND_EXPIRED)))
    conditions = pc.make_struct(*[condition for _, condition in at], field_names=[rule for rule, _ in at])
    return pc.case_when(conditions, *[pa.scalar(rule) for rule, _ in at], pa.scalar(None, pa.string()))


def planned_cases(run: Run) -> pa.Table:
    """The day's cases that ask for a repossession: customer_id, lead_contract_id."""
    cases = run.lake.read("cases", run.day, ["customer_id", "lead_contract_id", "placement", "held"])
    asks = pc.and_(pc.equal(cases["placement"], PLACEMENT), pc.invert(pc.fill_null(cases["held"], False)))
    return cases.filter(asks).select(["customer_id", "lead_contract_id"])


def planned_verdicts(run: Run, live_promise: LivePromise, known: datetime | None) -> pa.Table:
    """What the gate says of the day's cases that ask for a repossession: customer_id, rule or NULL.

    With what was recorded before `known` (`ops_reads.known_until`), so that a day planned again has the same verdicts
    whatever happened since; where the vehicles stand included. None: by the ledger alone.
    """
    cases = planned_cases(run)
    if known is None or not cases.num_rows:
        return verdicts(None, run, cases, live_promise)
    with run.warehouse.connect() as connection:
        return verdicts(connection, run, cases, live_promise, known)


def verdicts(
    connection: sa.Connection | None,
    run: Run,
    cases: pa.Table,
    live_promise: LivePromise,
    known: datetime | None = None,
) -> pa.Table:
    """What the gate says of `cases` (customer_id, lead_contract_id) at this moment: customer_id, rule or NULL.

    Asked with the connection of the transaction that claims a hand-over, what is known there holds; with `known`, what
    was recorded before that instant. Without a connection only the ledger's facts count, and nothing is asked of the
    vehicles: for a day that is over, and for previews.
    """
    if not cases.num_rows:
        return pa.table({"customer_id": pa.array([], pa.string()), "rule": pa.array([], pa.string())})
    rules = run.rules.load(FILE, VehicleRules)
    if connection is None:
        rules = rules.model_copy(update={"demand_required": False})
    due_from = run.day.as_of - timedelta(days=live_promise.grace_days)
    customers = cases["customer_id"].to_pylist()
    facts = fetch_model(
        run,
        "outreach/repossession_facts",
        relations={
            "repossession_case": cases,
            "blocking_hold": _blocking_holds(rules),
            **_known_since(connection, run, customers, cases["lead_contract_id"].to_pylist(), due_from, known),
        },
        params={"promises_due_from": due_from},
    )
    if connection is not None:
        facts = _with_bankruptcies(connection, facts, customers, known, run.clock.now())
    return pa.table({"customer_id": facts["customer_id"], "rule": judge(facts, rules)})


def blocked_hand_overs(
    connection: sa.Connection, run: Run, tasks: Sequence[Mapping[str, Any]], live_promise: LivePromise
) -> Mapping[str, str]:
    """Of `tasks` that hand over a repossession, those that the gate blocks now: task key → rule.

    In the transaction that claims them, under their customers' locks. Other tasks are let pass.
    """
    asked = [task for task in tasks if task["placement"] == PLACEMENT]
    if not asked:
        return {}
    cases = pa.table(
        {
            "customer_id": pa.array([task["customer_id"] for task in asked], pa.string()),
            "lead_contract_id": pa.array([task["lead_contract_id"] for task in asked], pa.string()),
        }
    )
    found = verdicts(connection, run, cases, live_promise)
    rules = dict(zip(found["customer_id"].to_pylist(), found["rule"].to_pylist(), strict=True))
    return {task["task_key"]: rule for task in asked if (rule := rules[task["customer_id"]]) is not None}


def _blocking_holds(rules: VehicleRules) -> pa.Table:
    kinds = [(kind, "extension") for kind in rules.extension_holds]
    kinds += [(kind, "bankruptcy") for kind in rules.bankruptcy_holds]
    return table({"kind": pa.string(), "meaning": pa.string()}, kinds)


def _known_since(
    connection: sa.Connection | None,
    run: Run,
    customers: list[str],
    contracts: list[str],
    due_from: date,
    known: datetime | None,
) -> dict[str, pa.Table]:
    """What became known since the ledger was pulled: promises, payments, and where the vehicles stand."""
    promises: list[tuple[Any, ...]] = []
    payments: list[tuple[Any, ...]] = []
    stages: list[tuple[Any, ...]] = []
    if connection is not None:
        ours = sa.any_(sa.literal(sorted(customers), _TEXTS))
        morning = datetime.combine(run.day.as_of, datetime.min.time(), run.settings.zone).astimezone(UTC)
        promises = list(
            connection.execute(
                sa.select(_PROMISE.c.customer_id)
                .where(_PROMISE.c.customer_id == ours, _PROMISE.c.due_on >= due_from, _before(_PROMISE, known))
                .distinct()
            )
        )
        payments = list(
            connection.execute(
                sa.select(_NOTICE.c.customer_id, _NOTICE.c.contract_id, _NOTICE.c.amount).where(
                    _NOTICE.c.customer_id == ours,
                    _NOTICE.c.kind == "payment",
                    _NOTICE.c.at >= morning,
                    _before(_NOTICE, known),
                )
            )
        )
        found = standings(connection, contracts, run.day.as_of, known)
        stages = [(contract, _stage(each, run, known).value) for contract, each in sorted(found.items())]
    return {
        "desk_promise": table({"customer_id": pa.string()}, promises),
        "payment_notice": table(
            {"customer_id": pa.string(), "contract_id": pa.string(), "amount": pa.decimal128(18, 2)}, payments
        ),
        "vehicle_standing": table({"contract_id": pa.string(), "stage": pa.string()}, stages),
    }


def _stage(stands: Standing, run: Run, known: datetime | None) -> Stage:
    """Where a contract stands; for a plan with the demand expired once its days are over, which the plan records."""
    if known is None or stands.stage != Stage.DEMANDED:
        return stands.stage
    day, rules = run.day.as_of, run.rules.load(FILE, VehicleRules)
    open_still = why_not(stands, Step.DEMAND_EXPIRED, day, day, None, rules) is not None
    return Stage.DEMANDED if open_still else Stage.DEMAND_EXPIRED


def _with_bankruptcies(
    connection: sa.Connection, facts: pa.Table, customers: Collection[str], known: datetime | None, now: datetime
) -> pa.Table:
    """`facts` with the bankruptcies that customers stated since the ledger was pulled."""
    at = now if known is None else known
    told = (
        connection.execute(
            sa.select(_CONSENT.c.customer_id)
            .where(
                _CONSENT.c.customer_id == sa.any_(sa.literal(sorted(customers), _TEXTS)),
                _CONSENT.c.reason == "bankruptcy",
                _CONSENT.c.valid_from <= at,
                sa.or_(_CONSENT.c.valid_to.is_(None), _CONSENT.c.valid_to > at),
                _before(_CONSENT, known),
            )
            .distinct()
        )
        .scalars()
        .all()
    )
    stated = pc.is_in(facts["customer_id"], pa.array(list(told), pa.string()))
    place = facts.schema.get_field_index("bankrupt")
    return facts.set_column(place, "bankrupt", pc.or_(facts["bankrupt"], stated))


def _before(recorded: sa.Table, known: datetime | None) -> sa.ColumnElement[bool]:
    return sa.true() if known is None else recorded.c.recorded_at < known
