"""Ageing: the parameters and rule tables that the model `strategy/snapshot` is run with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from arrears.rules.rule_set import RuleSet
from arrears.settings import Materiality, Settings
from arrears.strategy.ageing_rules import AgeingRules

FILE = "ageing.yaml"


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


def bucket_relation(rules: RuleSet) -> pa.Table:
    """The buckets as a table: bucket_no (0 is current), bucket, class, from_day, to_day (NULL: open)."""
    buckets = ageing_rules(rules).buckets
    return pa.table(
        {
            "bucket_no": pa.array(range(len(buckets)), pa.int32()),
            "bucket": pa.array([each.bucket for each in buckets], pa.string()),
            "class": pa.array([each.class_ for each in buckets], pa.string()),
            "from_day": pa.array([each.from_day for each in buckets], pa.int32()),
            "to_day": pa.array([each.to_day for each in buckets], pa.int32()),
        }
    )


def stop_hold_relation(rules: RuleSet) -> pa.Table:
    """The holds that stop treatment as a table: kind, strength (0 is the strongest)."""
    kinds = ageing_rules(rules).stop_holds
    return pa.table({"kind": pa.array(kinds, pa.string()), "strength": pa.array(range(len(kinds)), pa.int32())})
