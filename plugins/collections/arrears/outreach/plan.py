"""The contact plan: who is contacted today, when and how, computed in the lake from the day's published tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import pyarrow as pa

from arrears.outreach import repossession
from arrears.outreach.ops_reads import nothing_from_ops, read_ops
from arrears.outreach.relations import (
    cadence_relations,
    channel_relations,
    history_from,
    number_places,
    place_relations,
    rule_relations,
)
from arrears.outreach.rules import ContactRules
from arrears.rules.policy import Policy
from arrears.run import Run
from arrears.sqlmodel import fetch_model, run_model

_REASONS = {
    "promise.live": "A promise to pay that is not yet due.",
    "payment.received": "A payment arrived since the ledger was pulled.",
    "reply.received": "The customer answered today, or got in touch.",
    "consent.refused": "The customer refused every channel that the slot could use.",
    "address.missing": "No address for any channel that the slot could use.",
    "address.invalid": "No address that is one, for any channel that the slot could use.",
    "channel.failed": "The last contact over every channel that the slot could use failed.",
    "cap.customer": "The customer has had the day's contacts.",
    "cap.overall": "Over the day's contacts in all; lowest priority first.",
    "cap.budget": "Over what the day's contacts may cost; lowest priority first.",
}
_MODELS = (
    "contact_person",
    "contact_history",
    "customer_statement",
    "contact_count",
    "contact_answer",
    "channel_failure",
    "best_hour",
    "contact_plan",
)
_NO_BUDGET = 10**15


def build_contact_plan(
    run: Run,
    contact: ContactRules,
    policy: Policy,
    known: datetime | None = None,
    ops: Mapping[str, pa.Table] | None = None,
) -> dict[str, int]:
    """Writes `contact_plan` of the day, with the tables that it is made from; returns their rows.

    `known`: what was recorded in `ops` before that instant is read (`ops_reads.known_until`); None: nothing but the
    ledger. `ops` takes the place of what is read.
    """
    if ops is None:
        ops = nothing_from_ops() if known is None else read_ops(run, contact, policy, known)
    day, lender = run.day.as_of, run.settings.zone
    named = fetch_model(run, "outreach/contact_place").to_pylist()
    places = number_places(policy, [(row["time_zone"], row["region"]) for row in named])
    reasons = {**_REASONS, **repossession.REASONS}
    for name in contact.planned_channels():
        reasons[f"cap.{name}"] = f"Over the day's cap of {name}; lowest priority first."
    relations = {
        **channel_relations(contact),
        **cadence_relations(contact),
        **rule_relations(contact, policy, reasons),
        **place_relations(contact, policy, places, day, lender),
        "repossession_verdict": repossession.planned_verdicts(run, contact.live_promise, known),
        **ops,
    }
    packs = policy.packs
    fallback, best = contact.fallback, contact.best_hour
    noon = datetime.combine(day, time(12), lender).utcoffset() or timedelta()
    params = {
        "default_language": contact.default_language,
        "history_from": history_from(run, policy),
        "promises_due_from": day - timedelta(days=contact.live_promise.grace_days),
        "promise_stops": contact.live_promise.stops,
        "payment_stops": contact.stop_on.payment,
        "contacts_per_customer": contact.caps.contacts_per_customer,
        "contacts_overall": contact.caps.overall,
        "budget": _NO_BUDGET if contact.budget is None else contact.budget.per_day,
        "preferences_rule": packs[0].rule("preferences"),
        "hours_by_consent": all(pack.hours is None or pack.hours.unless_agreed for pack in packs),
        "failures_from": _days_ago(day, fallback.within_days if fallback else 0),
        "lender_ahead_minutes": int(noon.total_seconds() // 60),
        "evidence_from": _days_ago(day, best.look_back_days if best else 0),
        "least_connected": best.least_connected if best else 1,
        "policy": policy.name,
    }
    return {name: run_model(run, f"outreach/{name}", relations=relations, params=params) for name in _MODELS}


def count_without_contact(run: Run, contact: ContactRules) -> int:
    """Cases of the planned day that no cadence could ever give a contact."""
    relations = cadence_relations(contact) | {"contact_channel": channels_named(contact)}
    rows = fetch_model(run, "outreach/cases_without_contact", relations=relations).to_pylist()
    return int(rows[0]["cases"])


def channels_named(contact: ContactRules) -> pa.Table:
    """The channels that cadences may use, with the names that treatments have for them."""
    names = list(contact.planned_channels())
    return pa.table({"channel": names, "named": [contact.channel_of(name) for name in names]})


def _days_ago(day: date, days: int) -> datetime:
    return datetime.combine(day, time.min) - timedelta(days=days)
