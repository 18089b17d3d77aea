"""`kpi.yaml`: what the KPIs look back on, what the report shows, and how codes are called in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from arrears.kpi.windows import MOST_MONTH_ENDS
from arrears.rules.files import RuleModel
from arrears.rules.rule_set import RuleSet

FILE = "kpi.yaml"


class Label(RuleModel):
    """What a code is called in English and in Chinese."""

    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]


class Labels(RuleModel):
    """Labels by kind of code."""

    products: Mapping[str, Label] = {}
    queues: Mapping[str, Label] = {}
    channels: Mapping[str, Label] = {}
    classes: Mapping[str, Label] = {}


class ReportRules(RuleModel):
    """What the daily report shows."""

    trend_days: Annotated[int, Field(ge=1, le=366)] = 14
    """Days of the bucket trend beside the month ends."""
    pool_cases: Annotated[int, Field(ge=0, le=500)] = 20
    """Cases that are listed of the pool."""
    collectors: Annotated[int, Field(ge=1, le=500)] = 40
    """Collectors that the allocation chart shows at most; the others are in the table."""


class KpiRules(RuleModel):
    """How far the KPIs look back, and how they are shown."""

    closing_lookback_days: Annotated[int, Field(ge=1, le=31)] = 7
    """Finished days whose closing facts each run computes anew."""
    month_ends: Annotated[int, Field(ge=2, le=MOST_MONTH_ENDS)] = MOST_MONTH_ENDS
    """Month ends of the roll matrix."""
    report: ReportRules = ReportRules()
    labels: Labels = Labels()


def kpi_rules(rules: RuleSet) -> KpiRules:
    """The KPI rules of a rule set."""
    return rules.load(FILE, KpiRules)
