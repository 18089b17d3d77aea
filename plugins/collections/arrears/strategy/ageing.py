"""Ageing: the parameters and rule tables that the model `strategy/snapshot` is run with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from arrears.rules.rule_set import RuleSet
from arrears.settings import Materiality, Settings
from arrears.strategy.ageing_rules import AgeingRules

FILE = "ageing.yaml"

_BUCKETS = pa.schema(
    [
        pa.field("bucket_no", pa.int32()),
        pa.field("bucket", pa.string()),
        pa.field("class", pa.string()),
        pa.field("from_day", pa.int32()),
        pa.field("to_day", pa.int32()),
    ]
)
_STOP_HOLDS = pa.schema([pa.field("kind", pa.string()), pa.field("strength", pa.int32())])


def ageing_rules(rules: RuleSet) -> AgeingRules:
    """The ageing rules of a rule set."""
    return rules.load(FILE, AgeingRules)


def ageing_parameters(settings: Settings, rules: RuleSet) -> dict[str, Any]:
    """Values for `$grace_days`, `$materiality_share` and `$materiality_amount`: the settings' before the rules'."""
    ageing = ageing_rules(rules)
    share, amount = ageing.materiality.share, ageing.materiality.amount
    if settings.materiality is not None:
        override = Materiality.parse(settings.materiality)
        share, amount = override.share, override.amount
    return {
        "grace_days": ageing.grace_days if settings.grace_days is None else settings.grace_days,
        "materiality_share": Decimal(share),
        "materiality_amount": Decimal(amount),
    }


def bucket_rows(rules: RuleSet) -> list[dict[str, Any]]:
    """The buckets as rows: bucket_no (0 is current), bucket, class, from_day, to_day (None: open)."""
    return [
        {
            "bucket_no": number,
            "bucket": each.bucket,
            "class": each.class_,
            "from_day": each.from_day,
            "to_day": each.to_day,
        }
        for number, each in enumerate(ageing_rules(rules).buckets)
    ]


def stop_hold_rows(rules: RuleSet) -> list[dict[str, Any]]:
    """The holds that stop treatment as rows: kind, strength (0 is the strongest)."""
    return [{"kind": kind, "strength": number} for number, kind in enumerate(ageing_rules(rules).stop_holds)]


def bucket_relation(rules: RuleSet) -> pa.Table:
    """`bucket_rows` as a table."""
    return pa.Table.from_pylist(bucket_rows(rules), schema=_BUCKETS)


def stop_hold_relation(rules: RuleSet) -> pa.Table:
    """`stop_hold_rows` as a table."""
    return pa.Table.from_pylist(stop_hold_rows(rules), schema=_STOP_HOLDS)
