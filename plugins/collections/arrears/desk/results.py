"""Results and promises that collectors record: checked, written down, counted at once where they are calls."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from arrears.clock import Clock
from arrears.desk.audit import Act, note
from arrears.desk.callers import Caller
from arrears.desk.calls import open_call, settle_call, write_call
from arrears.desk.refusals import Refusal
from arrears.desk.views import PromiseIn, Recorded, ResultIn
from arrears.outreach.history import lock_customers
from arrears.outreach.rules import ContactRules
from arrears.rules.policy import Policy
from arrears.warehouse import ops_desk
from arrears.warehouse.ops_cases import CASE

OUTCOMES = frozenset(
    {"connected", "right_party", "wrong_party", "no_answer", "busy", "invalid", "delivered", "failed", "refused"}
)
"""How a contact can end, besides what the policy packs name."""
CHANNELS = frozenset({"phone", "call", "visit", "sms", "email"})
"""Over what a person makes contact, besides the channels of contact.yaml."""

_RESULT: sa.Table = ops_desk.ContactResult.__table__  # type: ignore[assignment]
_PROMISE: sa.Table = ops_desk.Promise.__table__  # type: ignore[assignment]


def check_result(result: ResultIn, case: sa.Row[Any], contact: ContactRules, policy: Policy, clock: Clock) -> str:
    """The contract that a result is about. Raises Refusal for a result that cannot be meant."""
    channels = (
        CHANNELS | set(contact.channels) | {name for rule in contact.channels.values() for name in rule.also_called}
    )
    if result.channel not in channels:
        raise _invalid("result.channel", f"one of the channels {', '.join(sorted(channels))}", "another name")
    outcomes = OUTCOMES | policy.outcomes()
    if result.outcome not in outcomes:
        raise _invalid("result.outcome", f"one of the outcomes {', '.join(sorted(outcomes))}", "another name")
    if result.initiated_by not in ("lender", "customer"):
        raise _invalid("result.initiated_by", "lender or customer", "another name")
    contract = case.lead_contract_id if result.contract_id is None else result.contract_id
    if contract not in case.contract_ids.split(","):
        raise _invalid("result.contract", "a contract of the case", "another one")
    if result.promise is not None:
        _check_promise(result.promise, case, clock.today(), contact.live_promise.at_most_days)
        if not policy.is_conversation(result.outcome):
            raise _invalid("promise.without_contact", "a promise by somebody who was reached", "an outcome without")
    return str(contract)


def _check_promise(promise: PromiseIn, case: sa.Row[Any], today: date, at_most_days: int) -> None:
    most = max(case.outstanding_amount, case.overdue_amount)
    amount = promise.amount
    if not amount.is_finite() or not 0 < amount <= most or amount != amount.quantize(Decimal("0.01")):
        raise _invalid("promise.amount", f"an amount from 0.01 to the {most} that is owed, in cents", "another amount")
    last = today + timedelta(days=at_most_days)
    if not today <= promise.due_on <= last:
        raise _invalid("promise.due_on", f"a day from {today} to {last}", promise.due_on.isoformat())


def write_result(
    connection: sa.Connection,
    caller: Caller,
    clock: Clock,
    contact: ContactRules,
    case: sa.Row[Any],
    contract: str,
    result: ResultIn,
    key: str | None,
) -> Recorded:
    """Writes a checked result on a locked case, settles its call, and ends the threat of the lease."""
    now, today = clock.now(), clock.today()
    task_key = result.call_id
    if task_key is None and contact.rule_of(result.channel).is_call and result.initiated_by == "lender":
        lock_customers(connection, [case.customer_id])
        task_key = open_call(connection, case, now)
        if task_key is None:
            # a call that was not reserved has been made all the same: it counts at once
            task_key = write_call(connection, case, now).call_id
    if task_key is not None:
        settle_call(connection, case, task_key, result.outcome, now)
    result_id = f"desk-{uuid.uuid4().hex}"
    who = {
        "case_id": case.case_id,
        "contract_id": contract,
        "customer_id": case.customer_id,
        "collector_id": case.collector_id,
        "recorded_by": caller.name,
        "recorded_at": now,
        "business_day": today,
    }
    connection.execute(
        sa.insert(_RESULT).values(
            **who,
            result_id=result_id,
            queue=case.queue,
            channel=result.channel,
            attempted_at=now,
            outcome=result.outcome,
            initiated_by=result.initiated_by,
            task_key=task_key,
        )
    )
    about = {"case_id": case.case_id, "queue": case.queue, "collector_id": case.collector_id}
    acts = [Act("result", **about, details={"channel": result.channel, "outcome": result.outcome})]
    promise_id = None
    if result.promise is not None:
        promise_id = f"desk-{uuid.uuid4().hex}"
        connection.execute(
            sa.insert(_PROMISE).values(
                **who,
                promise_id=promise_id,
                result_id=result_id,
                made_on=today,
                due_on=result.promise.due_on,
                amount=result.promise.amount,
            )
        )
        acts.append(Act("promise", **about, details={"due_on": result.promise.due_on.isoformat()}))
    mark_worked(connection, case, clock)
    if case.lease_until is not None:
        acts.append(Act("worked", **about))
    note(connection, caller, clock, key, acts)
    return Recorded(result_id, case.case_id, now, promise_id, task_key)


def mark_worked(connection: sa.Connection, case: sa.Row[Any], clock: Clock) -> None:
    """A person worked the case: its lease has no end any more, and no run of the day takes it from its owner."""
    connection.execute(
        sa.update(CASE)
        .where(CASE.c.case_id == case.case_id)
        .values(lease_until=None, human_action_at=clock.now(), human_action_on=clock.today())
    )


def _invalid(rule: str, expected: str, found: str) -> Refusal:
    return Refusal(
        kind="invalid", rule=rule, expected=expected, found=found, where="the result", action="Correct the request."
    )
