"""Ageing: the parameters and rule tables that the models of ageing are run with."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
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
        pa.field("from_months", pa.int32()),
        pa.field("from_days", pa.int32()),
        pa.field("to_months", pa.int32()),
        pa.field("to_days", pa.int32()),
        pa.field("from_unmet", pa.int32()),
        pa.field("to_unmet", pa.int32()),
    ]
)
_STOP_HOLDS = pa.schema([pa.field("kind", pa.string()), pa.field("strength", pa.int32())])


def ageing_rules(rules: RuleSet) -> AgeingRules:
    """The ageing rules of a rule set."""
    return rules.load(FILE, AgeingRules)


def ageing_parameters(settings: Settings, rules: RuleSet) -> dict[str, Any]:
    """Values for the parameters of the ageing models; grace and materiality of the settings go before the rules'."""
    ageing = ageing_rules(rules)
    share, amount = ageing.materiality.share, ageing.materiality.amount
    if settings.materiality is not None:
        override = Materiality.parse(settings.materiality)
        share, amount = override.share, override.amount
    return {
        "grace_days": ageing.grace_days if settings.grace_days is None else settings.grace_days,
        "materiality_share": Decimal(share),
        "materiality_amount": Decimal(amount),
        "by_installments": ageing.counting == "installments",
        "recovery_worked": ageing.recovery_book == "worked",
    }


def bucket_rows(rules: RuleSet) -> list[dict[str, Any]]:
    """The buckets as rows, in the form that every model reads, whatever is counted.

    bucket_no (0 is current), bucket, class. An item due on d that is delinquent for n days is in the bucket from
    `d + from_months + from_days <= d + n` on, until that holds for `to_months` and `to_days` (None: open), as long as
    from_unmet to to_unmet (None: any more) instalments are unmet. from_day and to_day (None: open) are the fewest and
    the most delinquent days that can be in the bucket: the bucket's range itself where days are counted.
    """
    ageing = ageing_rules(rules)
    found: list[dict[str, Any]] = []
    for each in ageing.ranges:
        begins, ends = _entry(ageing, each.first), None if each.last is None else _entry(ageing, each.last + 1)
        unmet: tuple[int, int | None] = (0, None)
        if ageing.counting == "installments":
            # how many are unmet matters once anything is delinquent
            begins, ends = ((0, 0), (0, 1)) if each.number == 0 else ((0, 1), None)
            unmet = (0, None) if each.number == 0 else (each.first, each.last)
        found.append(
            {
                "bucket_no": each.number,
                "bucket": each.bucket,
                "class": each.class_,
                "from_day": min(_delinquent_days(begins)),
                "to_day": None if ends is None else max(_delinquent_days(ends)) - 1,
                "from_months": begins[0],
                "from_days": begins[1],
                "to_months": None if ends is None else ends[0],
                "to_days": None if ends is None else ends[1],
                "from_unmet": unmet[0],
                "to_unmet": unmet[1],
            }
        )
    return found


def _entry(ageing: AgeingRules, count: int) -> tuple[int, int]:
    """Months and days after the due date when `count` is reached, instalments aside."""
    if count == 0:
        return 0, 0
    if ageing.counting in ("days", "installments"):
        return 0, count
    if ageing.counting == "ots":
        return count, 0
    if ageing.counting == "mba":
        return count, -1
    if ageing.convention == "A":
        return (0, 1) if count == 1 else (count - 1, 0)
    return count - 1, 1


def _delinquent_days(entry: tuple[int, int]) -> set[int]:
    """How many days after the due date an entry can be: months differ in length."""
    months, days = entry
    # due dates of four years, one of them a leap year
    dues = [date(2023, 1, 1) + timedelta(days=offset) for offset in range(1461 if months else 1)]
    return {(months_after(due, months) - due).days + days for due in dues}


def months_after(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def stop_hold_rows(rules: RuleSet) -> list[dict[str, Any]]:
    """The holds that stop treatment as rows: kind, strength (0 is the strongest)."""
    return [{"kind": kind, "strength": number} for number, kind in enumerate(ageing_rules(rules).stop_holds)]


def bucket_relation(rules: RuleSet) -> pa.Table:
    """`bucket_rows` as a table."""
    return pa.Table.from_pylist(bucket_rows(rules), schema=_BUCKETS)


def stop_hold_relation(rules: RuleSet) -> pa.Table:
    """`stop_hold_rows` as a table."""
    return pa.Table.from_pylist(stop_hold_rows(rules), schema=_STOP_HOLDS)
