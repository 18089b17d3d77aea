"""Turns the desk's records into the models of the API's answers, so that both say the same; words come from there.

A field's description is the text below it in the record; what needs no words there is described here, once a name.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

WORDS: Mapping[str, str] = types.MappingProxyType(
    {
        "action": "What was done: grabbed, renewed, given_back, handed_over, recalled, expired, worked, …",
        "actor": "Who did it: Airflow's login, or the token's name.",
        "absent": "Whether he is absent today by hand.",
        "absent_by_hand": "Whether a lead marked him absent for today.",
        "amount": "Amount of money.",
        "amount_in_hand": "What the cases in hand owe overdue.",
        "amount_spread": "Overdue amount per collector who is at work and trained for the queue, now.",
        "as_of": "When this was read.",
        "at": "When.",
        "at_work": "Whether he is at work today.",
        "attainment": "Attained share of the target.",
        "basis": "Which figures: known, frozen or restated.",
        "batch": "Cases that one grab takes today.",
        "batch_by_hand": "Whether the batch was set by hand for today.",
        "bucket": "Bucket of the harshest contract.",
        "business_day": "Business day.",
        "by_hand": "Whether it was set by hand for this day; else the rules hold.",
        "call_id": "The reserved call.",
        "capacity": "Cases that he may have in hand at most; null: no limit.",
        "case_id": "The case.",
        "cases": "Cases.",
        "cases_in_hand": "Open cases that are his at this moment.",
        "collector_id": "The collector; null: nobody.",
        "collectors": "The collectors.",
        "contract_ids": "Contracts of the case.",
        "contracts": "Number of contracts in the case.",
        "customer_id": "Who owes.",
        "day": "Business day.",
        "days": "The days.",
        "days_past_due": "Days past due of the harshest contract.",
        "denominator": "The whole.",
        "details": "More about it, without personal data.",
        "done": "Ids of the cases to which it was done.",
        "due_on": "Day on which the promise is due.",
        "event_id": "Number of the line; grows.",
        "events": "Lines of the audit, newest first.",
        "figures": "Result and process figures.",
        "from_day": "First day of the period.",
        "grabbed": "Of them grabbed.",
        "grabbed_today": "Cases grabbed today.",
        "head_days": "Days with work, summed over collectors.",
        "intensity": "Intensity of the treatment, 0 to 5.",
        "lead_contract_id": "The harshest contract.",
        "lease_minutes": "Minutes that a lease runs; null: no lease.",
        "lease_renewals": "How often a lease may be, or was, renewed.",
        "lease_until": "Until when the lease runs; null: no lease.",
        "leased": "Grabbed cases whose lease runs.",
        "least": "The least that a collector has.",
        "mean": "The mean over collectors.",
        "most": "The most that a collector has.",
        "numerator": "The part.",
        "open_cases": "Open cases of the queue that a collector may have and still grab; null: no limit.",
        "opened_on": "Business day on which the case was opened.",
        "outstanding_amount": "Outstanding amount of all contracts.",
        "overdue_amount": "Overdue amount.",
        "owned": "Cases in collectors' hands.",
        "owned_from": "Since when he has it; null: nobody has.",
        "placement": "in_house, agency, field, legal or repossession.",
        "pool": "Cases in the grab pool, or the pool itself.",
        "pool_amount": "Overdue amount of the cases in the pool.",
        "priority": "Higher is worked first.",
        "last_result_at": "When the last result was recorded; null: none yet.",
        "productivity": "Recovered per working head and day.",
        "promise_amount": "Amount of the latest live promise; null: none.",
        "promise_id": "The promise that was written down; null: none.",
        "queue": "Queue of work.",
        "queues": "The queues.",
        "quota": "Quota for today; null: none.",
        "quota_by_hand": "Whether the quota was set by hand for today.",
        "rate": "The rate.",
        "reason": "Why, in the words of whoever did it, or one of the queue's reasons.",
        "recorded_at": "When it was written down.",
        "recovered": "What was recovered.",
        "refused": "The cases to which it was not done, each with the rule.",
        "region": "Region of the harshest contract; null: not known.",
        "reserved_at": "When it was reserved.",
        "result_id": "The result that was written down.",
        "rule": "The rule that says so.",
        "segment": "Segment of the strategy.",
        "set_at": "When it was set.",
        "set_by": "Who set it.",
        "state": "owned, pool or closed.",
        "target": "The target; null: none.",
        "team": "Team; null: none.",
        "teams": "The teams.",
        "to_collector_id": "Who has the case since; null: nobody.",
        "to_day": "Last day of the period.",
        "total_cases": "Cases in his hands over all queues.",
        "treatment": "Treatment of the harshest contract.",
        "trained": "Whether he is trained for the queue.",
        "value": "The figure itself; null: nothing to compute it from.",
        "via": "How he came: airflow, token or command.",
        "whole": "All asked teams together.",
        "auto": "Of them given by the day's split.",
        "grabs_per_day": "Cases that a collector may grab a day; null: no limit.",
        "give_back_reasons": "Reasons with which a case may be given back.",
        "task_key": "Key of the contact.",
        "channel": "Channel of the contact.",
        "state_reason": "Rule or code that explains the state; null: none.",
        "decided_by": "Who approved or rejected; null: nobody yet.",
        "decided_at": "When it was approved or rejected; null: not yet.",
        "decision_reason": "Why, in the words of who decided; null: none given.",
        "currency": "Currency of the amounts.",
        "waiting": "Contacts that wait for a person.",
        "rejected": "Contacts that a person rejected.",
        "lapsed": "Contacts that nobody answered in time.",
        "counts": "How many contacts stand where, by placement.",
        "table": "Decision table: segment or treatment.",
        "note": "What the rule's author says of it; null: nothing.",
        "contract_id": "The contract.",
        "step": "What was done: located, demand_sent, …",
        "steps": "The steps that were taken.",
        "next_steps": "The steps that may follow.",
        "vehicles": "The proceedings.",
        "recorded_by": "Who recorded it.",
    }
)
"""Description of a field by its name, where the record says nothing."""


class Shape(BaseModel):
    """Base of the answers."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


_MADE: dict[type[Any], type[Shape]] = {}


def shape(record: type[Any]) -> type[Shape]:
    """The model of a record: the same fields, types and defaults, with a description each."""
    if record in _MADE:
        return _MADE[record]
    told = _attribute_docstrings(record)
    fields: dict[str, Any] = {}
    hints = get_type_hints(record)
    names = [each.name for each in dataclasses.fields(record)] if dataclasses.is_dataclass(record) else list(hints)
    for name in names:
        fields[name] = (_shaped(hints[name]), Field(description=told.get(name) or WORDS.get(name)))
    doc = inspect.cleandoc(record.__doc__ or "")
    _MADE[record] = create_model(record.__name__, __base__=Shape, __doc__=doc, **fields)
    return _MADE[record]


def _shaped(hint: Any) -> Any:
    if _is_record(hint):
        return shape(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(_shaped(each) for each in arguments)]  # noqa: UP007 - made at run time
    if origin is tuple:
        return tuple[tuple(each if each is ... else _shaped(each) for each in arguments)]  # type: ignore[misc]
    return hint


def _is_record(hint: Any) -> bool:
    if not isinstance(hint, type) or get_origin(hint) is not None:
        return False
    return dataclasses.is_dataclass(hint) or (issubclass(hint, tuple) and hasattr(hint, "_fields"))


def _attribute_docstrings(record: type[Any]) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    return {
        statement.target.id: " ".join(inspect.cleandoc(following.value.value).split())
        for statement, following in zip(body.body, body.body[1:], strict=False)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
        and isinstance(following.value.value, str)
    }
