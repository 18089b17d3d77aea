"""The contact plan: who is contacted today, when and how, computed in the lake from the day's published tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from arrears.outreach.rules import ContactRules
from arrears.rules.policy import PolicyPack
from arrears.run import Run
from arrears.sqlmodel import fetch_model, run_model

_INSTANT = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
_INTEGER = pa.int32()

_REASONS = {
    "promise.live": "A promise to pay that is not yet due.",
    "consent.refused": "The customer refused every channel that the slot could use.",
    "address.missing": "No address for any channel that the slot could use.",
    "cap.customer": "The customer has had the day's contacts.",
    "cap.overall": "Over the day's contacts in all; lowest priority first.",
}


def build_contact_plan(run: Run, contact: ContactRules, pack: PolicyPack) -> dict[str, int]:
    """Writes `contact_count`, `contact_refusal` and `contact_plan` of the day; returns their rows."""
    names = channel_relations(contact, pack)
    zones = fetch_model(run, "outreach/contact_zone")["time_zone"].to_pylist()
    rows = {
        table: run_model(run, f"outreach/{table}", relations=names) for table in ("contact_count", "contact_refusal")
    }
    rows["contact_plan"] = run_model(
        run,
        "outreach/contact_plan",
        relations={
            **_cadence_relations(contact),
            **_limit_relations(contact, pack),
            "contact_window": _windows(contact, pack, run.day.as_of, sorted(zones), run.settings.zone),
        },
        params={
            "default_language": contact.default_language,
            "time_zone": run.settings.time_zone,
            "hours_rule": pack.hours_rule,
            "promises_due_from": run.day.as_of - timedelta(days=contact.live_promise.grace_days),
            "promise_stops": contact.live_promise.stops,
            "contacts_per_customer": contact.caps.contacts_per_customer,
            "contacts_overall": contact.caps.overall,
            "policy": pack.pack,
        },
    )
    return rows


def channel_relations(contact: ContactRules, pack: PolicyPack) -> dict[str, pa.Table]:
    """What the ledger's channel names and outcomes mean: the small tables that counting needs."""
    names = [
        (alias, channel, rule.is_call)
        for channel, rule in contact.channels.items()
        for alias in (channel, *rule.also_called)
    ]
    outcomes = [(outcome, "connected") for outcome in pack.outcomes.connected]
    outcomes += [(outcome, "unanswered") for outcome in pack.outcomes.unanswered]
    return {
        "channel_name": _table({"name": _TEXT, "channel": _TEXT, "is_call": pa.bool_()}, names),
        "counted_outcome": _table({"outcome": _TEXT, "counts": _TEXT}, outcomes),
    }


def zone_or(name: str | None, default: ZoneInfo) -> ZoneInfo:
    """The zone that the ledger names, `default` when it names none or one that does not exist."""
    try:
        return ZoneInfo(name.strip()) if name and name.strip() else default
    except (ZoneInfoNotFoundError, ValueError):
        return default


def _cadence_relations(contact: ContactRules) -> dict[str, pa.Table]:
    fits, slots = [], []
    for number, cadence in enumerate(contact.cadences):
        fits += [
            (number, placement, treatment, cadence.intensity.from_, cadence.intensity.to)
            for placement in cadence.placements
            for treatment in (cadence.treatments or (None,))
        ]
        slots += [
            (number, slot.id, slot_no, via.channel, channel_no, via.template)
            for slot_no, slot in enumerate(cadence.slots)
            for channel_no, via in enumerate(slot.via)
        ]
    return {
        "cadence": _table(
            {
                "cadence_no": _INTEGER,
                "placement": _TEXT,
                "treatment": _TEXT,
                "intensity_from": _INTEGER,
                "intensity_to": _INTEGER,
            },
            fits,
        ),
        "cadence_slot": _table(
            {
                "cadence_no": _INTEGER,
                "slot": _TEXT,
                "slot_no": _INTEGER,
                "channel": _TEXT,
                "channel_no": _INTEGER,
                "template": _TEXT,
            },
            slots,
        ),
    }


def _limit_relations(contact: ContactRules, pack: PolicyPack) -> dict[str, pa.Table]:
    channels = [
        (name, rule.address, rule.asks_consent, rule.is_call, rule.daily_cap) for name, rule in contact.channels.items()
    ]
    limits = []
    reasons = dict(_REASONS) | {pack.hours_rule: f"Outside the hours that {pack.pack} allows."}
    for name in contact.channels:
        reasons[f"cap.{name}"] = f"Over the day's cap of {name}; lowest priority first."
    for limit in pack.limits:
        reasons[pack.limit_rule(limit)] = (
            f"{limit.most} {limit.counts} calls a day to one {limit.per}: {limit.verdict} ({limit.source})."
        )
        if limit == pack.strictest(limit.counts, limit.verdict):
            limits.append((limit.counts, limit.verdict, limit.most, pack.limit_rule(limit)))
    return {
        "contact_channel": _table(
            {
                "channel": _TEXT,
                "address": _TEXT,
                "asks_consent": pa.bool_(),
                "is_call": pa.bool_(),
                "daily_cap": _INTEGER,
            },
            channels,
        ),
        "contact_limit": _table({"counts": _TEXT, "verdict": _TEXT, "most": _INTEGER, "limit_id": _TEXT}, limits),
        "verdict_reason": _table({"rule": _TEXT, "reason": _TEXT}, sorted(reasons.items())),
        "approval_placement": _table({"placement": _TEXT}, [(name,) for name in contact.approval.placements]),
        "template_language": _table({"language": _TEXT}, [(name,) for name in contact.lender]),
    }


def _windows(contact: ContactRules, pack: PolicyPack, day: date, zones: list[str], lender: ZoneInfo) -> pa.Table:
    """Per slot and time zone the instants between which it may go; NULL where the policy leaves nothing of it."""
    rows: list[tuple[int, str, str, datetime | None, datetime | None]] = []
    for number, cadence in enumerate(contact.cadences):
        for slot in cadence.slots:
            for name in sorted({*zones, lender.key}):
                opens, closes = _window(slot.opens, slot.closes, pack, day, zone_or(name, lender))
                rows.append((number, slot.id, name, opens, closes))
    return _table(
        {"cadence_no": _INTEGER, "slot": _TEXT, "time_zone": _TEXT, "opens_at": _INSTANT, "closes_at": _INSTANT}, rows
    )


def _window(
    opens: str, closes: str, pack: PolicyPack, day: date, zone: ZoneInfo
) -> tuple[datetime, datetime] | tuple[None, None]:
    first = datetime.combine(day, datetime.strptime(opens, "%H:%M").time(), zone)  # noqa: DTZ007 (local, zone given)
    last = datetime.combine(day, datetime.strptime(closes, "%H:%M").time(), zone)  # noqa: DTZ007
    for start, end in pack.allowed_hours(day, zone):
        low, high = max(first.astimezone(UTC), start.astimezone(UTC)), min(last.astimezone(UTC), end.astimezone(UTC))
        if low < high:
            return low, high
    return None, None


def _table(columns: Mapping[str, pa.DataType], rows: Sequence[tuple[object, ...]]) -> pa.Table:
    schema = pa.schema(list(columns.items()))
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table([pa.array(column, kind) for column, kind in zip(values, schema.types, strict=True)], schema=schema)
