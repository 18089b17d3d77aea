"""The rules of contact and the policy as small tables, for the SQL models of the plan and for reading the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from arrears.outreach.contacts import standing
from arrears.outreach.places import Place, contact_window, first_instant, ledger_time, place_of
from arrears.outreach.rules import HIGHEST_INTENSITY, ContactRules
from arrears.outreach.states import DOUBTFUL_REASONS, State
from arrears.rules.policy import ContactLimit, Policy, PolicyPack
from arrears.run import Run

INSTANT = pa.timestamp("us", tz="UTC")
LEDGER_TIME = pa.timestamp("us")
TEXT, INTEGER, FLAG, MONEY, DAY = pa.string(), pa.int32(), pa.bool_(), pa.decimal128(18, 4), pa.date32()

_LAST_DAY_PAST_DUE = 2**31 - 1

OPS_CONTACT = {
    "contact_key": TEXT,
    "result_id": TEXT,
    "customer_id": TEXT,
    "contract_ids": TEXT,
    "channel": TEXT,
    "state": TEXT,
    "doubtful": FLAG,
    "outcome": TEXT,
    "by_customer": FLAG,
    "at_utc": LEDGER_TIME,
    "today": FLAG,
    "bad_address": FLAG,
}
"""Contacts of Arrears and of the desk; `bad_address`: it could not be sent, as there was no usable address."""
OPS_STATEMENT = {
    "customer_id": TEXT,
    "channel": TEXT,
    "allowed": FLAG,
    "reason": TEXT,
    "starts_ledger": LEDGER_TIME,
    "ends_ledger": LEDGER_TIME,
    "local_from": INTEGER,
    "local_to": INTEGER,
    "place": TEXT,
}
"""Statements of customers since the ledger was pulled; local hours as minutes of the day."""
OPS_NOTICE = {"customer_id": TEXT, "kind": TEXT}
"""Payments and answers of the day."""
OPS_PROMISE = {"contract_id": TEXT, "due_on": DAY}
"""Promises that were recorded here: by a collector, or as a channel reported them."""


def table(columns: Mapping[str, pa.DataType], rows: Iterable[Sequence[object]]) -> pa.Table:
    """A small table of `rows`, in the order of `columns`."""
    schema = pa.schema(list(columns.items()))
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pa.table([pa.array(column, kind) for column, kind in zip(values, schema.types, strict=True)], schema=schema)


def _standings() -> pa.Table:
    rows = []
    for state in State:
        for doubtful in (False, True):
            for settled in (False, True):
                reason = next(iter(sorted(DOUBTFUL_REASONS))) if doubtful else None
                task = {"state": state.value, "state_reason": reason, "outcome": "known" if settled else None}
                stands = standing(task)
                if stands is not None:
                    rows.append((state.value, doubtful, settled, stands.pending, stands.went, stands.reached))
    return table(
        {"state": TEXT, "doubtful": FLAG, "settled": FLAG, "pending": FLAG, "went": FLAG, "reached": FLAG}, rows
    )


NO_OPS: Mapping[str, pa.Table] = {
    "ops_contact": table(OPS_CONTACT, ()),
    "ops_statement": table(OPS_STATEMENT, ()),
    "contact_standing": _standings(),
}
"""Nothing but what the ledger knows."""


def history_from(run: Run, policy: Policy) -> datetime:
    """Since when the ledger's contacts are looked at: a day more than the limits look back, as zones differ."""
    return datetime.combine(run.day.as_of - timedelta(days=policy.look_back_days), time.min)


def channel_relations(contact: ContactRules) -> dict[str, pa.Table]:
    """What the ledger's channel names mean."""
    names = [
        (alias, channel, rule.kind)
        for channel, rule in contact.channels.items()
        for alias in dict.fromkeys((channel, *rule.also_called))
    ]
    return {"channel_name": table({"name": TEXT, "channel": TEXT, "kind": TEXT}, names)}


@dataclass(frozen=True)
class Places:
    """The places of a day's debtors, numbered."""

    relation: pa.Table
    """`time_zone`, `region` (as the ledger has them, trimmed; the region in small letters) → `place_no`."""
    places: tuple[Place, ...]


def number_places(policy: Policy, named: Sequence[tuple[str, str]]) -> Places:
    """Numbers the places of debtors of whom the ledger says (time zone, region)."""
    numbers: dict[Place, int] = {}
    rows = []
    for time_zone, region in sorted(set(named)):
        place = place_of(policy, time_zone, region)
        rows.append((time_zone, region, numbers.setdefault(place, len(numbers))))
    return Places(table({"time_zone": TEXT, "region": TEXT, "place_no": INTEGER}, rows), tuple(numbers))


def cadence_relations(contact: ContactRules) -> dict[str, pa.Table]:
    """Which cadence fits whom, its slots with the channels that may carry them, and on which days past due."""
    fits, slots, days = [], [], []
    for number, cadence in enumerate(contact.cadences):
        fits += [
            (number, placement, treatment, cadence.intensity.from_, min(cadence.intensity.to, HIGHEST_INTENSITY))
            for placement in cadence.placements
            for treatment in (cadence.treatments or (None,))
        ]
        for slot_no, slot in enumerate(cadence.slots):
            for channel_no, via in enumerate(slot.via):
                slots.append((number, slot.id, slot_no, via.channel, channel_no, via.template))
                days += [
                    (
                        number,
                        slot.id,
                        via.channel,
                        each.first,
                        _LAST_DAY_PAST_DUE if each.last is None else each.last,
                        each.every,
                    )
                    for each in slot.days_of(via)
                ]
    return {
        "cadence": table(
            {
                "cadence_no": INTEGER,
                "placement": TEXT,
                "treatment": TEXT,
                "intensity_from": INTEGER,
                "intensity_to": INTEGER,
            },
            fits,
        ),
        "cadence_slot": table(
            {
                "cadence_no": INTEGER,
                "slot": TEXT,
                "slot_no": INTEGER,
                "channel": TEXT,
                "channel_no": INTEGER,
                "template": TEXT,
            },
            slots,
        ),
        "cadence_day": table(
            {
                "cadence_no": INTEGER,
                "slot": TEXT,
                "channel": TEXT,
                "first_day": INTEGER,
                "last_day": INTEGER,
                "every": INTEGER,
            },
            days,
        ),
    }


def rule_relations(contact: ContactRules, policy: Policy, reasons: Mapping[str, str]) -> dict[str, pa.Table]:
    """Channels, limits, stops and what every rule means; `reasons`: those of the lender's own rules."""
    channels = [
        (
            name,
            contact.channel_of(name),
            rule.kind,
            rule.address,
            rule.asks_consent,
            rule.place,
            rule.daily_cap,
            rule.cost,
        )
        for name, rule in contact.planned_channels().items()
    ]
    limits, kinds, skips, rests, explained = [], [], [], [], []
    for number, (pack, limit) in enumerate(numbered_limits(policy)):
        limits.append(
            (
                number,
                pack.pack,
                pack.rule(limit.id),
                limit.per,
                limit.most,
                limit.verdict,
                limit.unless_agreed,
                limit.begun_by == "anyone",
                not limit.counts,
            )
        )
        kinds += [(number, kind) for kind in limit.kinds]
        skips += [
            (number, outcome)
            for outcome, meaning in pack.outcomes.meanings()
            if limit.counts and meaning not in limit.counts
        ]
        explained.append((pack.rule(limit.id), words(limit), pack.cite(limit.source)))
    for pack in policy.packs:
        if pack.hours is not None:
            hours = f"Not from {pack.hours.forbidden_from} to {pack.hours.forbidden_to}, the debtor's time."
            explained.append((pack.hours_rule, hours, pack.cite(pack.hours.source)))
        explained += [
            (pack.rule(stop.reason), f"The customer's notice: {stop.reason}.", pack.cite(stop.source))
            for stop in pack.stops
        ]
        explained.append(
            (
                pack.rule("preferences"),
                "A time or place that the customer stated to be inconvenient.",
                pack.cite(pack.preferences.source),
            )
        )
        for rest in pack.holidays:
            rests += [(day, kind, pack.rule(rest.id), rest.verdict) for day in rest.days for kind in rest.kinds]
            explained.append((pack.rule(rest.id), "A day on which nobody is contacted.", pack.cite(rest.source)))
    explained += [(rule, reason, "contact.yaml") for rule, reason in reasons.items()]
    stops = [
        (reason, kind, rule)
        for (reason, kind), rule in {
            (stop.reason, kind): pack.rule(stop.reason)
            for pack in reversed(policy.packs)
            for stop in pack.stops
            for kind in stop.kinds
        }.items()
    ]
    fallback = contact.fallback
    best = contact.best_hour
    return {
        "contact_channel": table(
            {
                "channel": TEXT,
                "named": TEXT,
                "kind": TEXT,
                "address": TEXT,
                "asks_consent": FLAG,
                "place": TEXT,
                "daily_cap": INTEGER,
                "cost": MONEY,
            },
            channels,
        ),
        "policy_limit": table(
            {
                "rule_no": INTEGER,
                "pack": TEXT,
                "rule_id": TEXT,
                "per": TEXT,
                "most": INTEGER,
                "verdict": TEXT,
                "unless_agreed": FLAG,
                "by_anyone": FLAG,
                "however": FLAG,
            },
            limits,
        ),
        "limit_kind": table({"rule_no": INTEGER, "kind": TEXT}, kinds),
        "limit_skip": table({"rule_no": INTEGER, "outcome": TEXT}, skips),
        "rest_day": table({"day": DAY, "kind": TEXT, "rule_id": TEXT, "verdict": TEXT}, rests),
        "stop_notice": table({"reason": TEXT, "kind": TEXT, "rule_id": TEXT}, stops),
        "failed_outcome": table({"outcome": TEXT}, [(each,) for each in fallback.outcomes] if fallback else []),
        "best_kind": table({"kind": TEXT}, [(each,) for each in best.kinds] if best else []),
        "connected_outcome": table(
            {"outcome": TEXT},
            sorted({(each,) for pack in policy.packs for each in pack.outcomes.connected}),
        ),
        "reply_stop": table({"kind": TEXT}, [(each,) for each in contact.stop_on.reply]),
        "rule_said": table({"rule": TEXT, "reason": TEXT, "source": TEXT}, dict.fromkeys(sorted(set(explained)))),
        "approval_placement": table({"placement": TEXT}, [(name,) for name in contact.approval.placements]),
        "template_language": table({"language": TEXT}, [(name,) for name in contact.lender]),
    }


def place_relations(
    contact: ContactRules, policy: Policy, places: Places, day: date, lender: ZoneInfo
) -> dict[str, pa.Table]:
    """What depends on where a debtor is: windows of slots, since when limits count, midnights and hours of the day."""
    windows, since, midnights, hours, consents = [], [], [], [], []
    rules = contact.planned_channels()
    for number, place in enumerate(places.places):
        for cadence_no, cadence in enumerate(contact.cadences):
            for slot in cadence.slots:
                for via in slot.via:
                    opens, closes = time.fromisoformat(slot.opens), time.fromisoformat(slot.closes)
                    window, whole = contact_window(policy, place, rules[via.channel].kind, opens, closes, day)
                    low, high = window or (None, None)
                    windows.append(
                        (
                            number,
                            cadence_no,
                            slot.id,
                            via.channel,
                            low,
                            high,
                            *(None if each is None else ledger_time(each, lender) for each in (low, high)),
                            *whole,
                            *(ledger_time(each, lender) for each in whole),
                            _hours_rule(policy, place, rules[via.channel].kind),
                        )
                    )
        for rule_no, (pack, limit) in enumerate(numbered_limits(policy)):
            start = first_instant(place.by_pack[policy.packs.index(pack)], day, limit.days)
            since.append((number, rule_no, ledger_time(start, lender), start.replace(tzinfo=None)))
        for zone_no, zone in enumerate(place.zones):
            midnights.append((number, zone_no, ledger_time(first_instant([zone], day, 1), lender)))
        for pack, zones in zip(policy.packs, place.by_pack, strict=True):
            if pack.consent is not None:
                lasts = pack.consent.lasts_days
                given = None if lasts is None else ledger_time(first_instant(zones, day, lasts), lender)
                consents += [(number, pack.pack, reason, given) for reason in pack.consent.reasons]
        first = place.zones[0]
        for hour in range(24):
            begins = datetime.combine(day, time(hour), first).astimezone(UTC)
            ends = datetime.combine(day + timedelta(days=hour // 23), time((hour + 1) % 24), first).astimezone(UTC)
            shift = datetime.combine(day, time(12), first).utcoffset()
            home = datetime.combine(day, time(12), lender).utcoffset()
            minutes = int(((shift or timedelta()) - (home or timedelta())).total_seconds() // 60)
            hours.append((number, hour, begins, ends, minutes))
    return {
        "debtor_place": places.relation,
        "contact_window": table(
            {
                "place_no": INTEGER,
                "cadence_no": INTEGER,
                "slot": TEXT,
                "channel": TEXT,
                "opens_at": INSTANT,
                "closes_at": INSTANT,
                "opens_ledger": LEDGER_TIME,
                "closes_ledger": LEDGER_TIME,
                "slot_opens_at": INSTANT,
                "slot_closes_at": INSTANT,
                "slot_opens_ledger": LEDGER_TIME,
                "slot_closes_ledger": LEDGER_TIME,
                "hours_rule": TEXT,
            },
            windows,
        ),
        "limit_since": table(
            {"place_no": INTEGER, "rule_no": INTEGER, "since_ledger": LEDGER_TIME, "since_utc": LEDGER_TIME}, since
        ),
        "place_midnight": table({"place_no": INTEGER, "zone_no": INTEGER, "midnight_ledger": LEDGER_TIME}, midnights),
        "place_hour": table(
            {
                "place_no": INTEGER,
                "hour": INTEGER,
                "begins_at": INSTANT,
                "ends_at": INSTANT,
                "ahead_minutes": INTEGER,
            },
            hours,
        ),
        "consent_since": table(
            {"place_no": INTEGER, "pack": TEXT, "reason": TEXT, "given_since": LEDGER_TIME}, consents
        ),
    }


def numbered_limits(policy: Policy) -> list[tuple[PolicyPack, ContactLimit]]:
    """Every limit of the policy with its pack; its place in the list is its number."""
    return [(pack, limit) for pack in policy.packs for limit in pack.all_limits]


def words(limit: ContactLimit) -> str:
    """A limit in words."""
    counted = " or ".join(limit.counts).replace("_", " ") or "of whatever outcome"
    kinds = " or ".join(limit.kinds)
    days = "a day" if limit.days == 1 else f"in {limit.days} days"
    per = limit.per.replace("_", " ")
    return f"At most {limit.most} of {kinds} ({counted}) {days} per {per}: {limit.verdict}."


def _hours_rule(policy: Policy, place: Place, kind: str) -> str:
    """The hours that a slot is outside of: those of the first pack that has any for the kind."""
    for pack in policy.packs:
        if pack.hours is not None and kind in pack.hours.kinds:
            return pack.hours_rule
    return policy.packs[0].hours_rule
