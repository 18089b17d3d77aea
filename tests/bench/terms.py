"""What an ageing is asked: the day, and how days are counted; handed alike to every version of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from arrears.rules.rule_set import load_rule_set
from arrears.settings import Settings
from arrears.strategy.ageing import ageing_parameters, bucket_rows

CORE = ("contract_id", "days_past_due", "overdue_amount", "oldest_due_date", "unmet_installments", "bucket")
"""The columns of the core answer, which every version gives for each contract of the book."""


@dataclass(frozen=True)
class Terms:
    """As-of day, grace, materiality (share and amount) and buckets as (name, first day, last day or None)."""

    as_of: date
    grace_days: int
    share: Decimal
    amount: Decimal
    buckets: tuple[tuple[str, int, int | None], ...]

    @property
    def share_millionths(self) -> int:
        """The share as a whole number of millionths, for versions that count in whole cents."""
        return int(self.share * 1_000_000)

    @property
    def amount_cents(self) -> int:
        """The amount in cents."""
        return int(self.amount * 100)


def terms_of(settings: Settings, as_of: date) -> Terms:
    """The terms that the settings and the rules valid on `as_of` give."""
    rules = load_rule_set(settings.rules, as_of)
    values = ageing_parameters(settings, rules)
    return Terms(
        as_of=as_of,
        grace_days=values["grace_days"],
        share=values["materiality_share"],
        amount=values["materiality_amount"],
        buckets=tuple((row["bucket"], row["from_day"], row["to_day"]) for row in bucket_rows(rules)),
    )
