"""Names and constants that the Dag files share: assets, tags, schedule, zone, retries."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import Asset

from arrears.outreach.channels.names import CHANNELS
from arrears.settings import load_settings


class Tag(StrEnum):
    """Tags of the Dags: by what they are about, and by how they start."""

    LEDGER = "ledger"
    STRATEGY = "strategy"
    WORKLIST = "worklist"
    OUTREACH = "outreach"
    KPI = "kpi"
    DAILY = "daily"
    CONTINUOUS = "continuous"
    HUMAN = "human-in-the-loop"
    MANUAL = "manual"


LEDGER = Asset("ledger", group="arrears")
"""The day's ledger, pulled, checked and published in the lake."""
TREATMENT = Asset("treatment", group="arrears")
"""The day's treatments and cases."""
WORKLIST = Asset("worklist", group="arrears")
"""The day's assignments and contact plan."""
KPI = Asset("kpi", group="arrears")
"""The day's facts in `mart`, and its report."""

OWNER = "collections-ops"
"""Whom Airflow names as the owner of the tasks."""

ZONE = load_settings().time_zone
"""The lender's time zone, in which the schedules are read."""
DAY_KEY = "%Y-%m-%d"
"""How a business day is written as a partition key."""
EVERY_MORNING = "0 6 * * *"
CONTACT_HOURS = "*/5 8-21 * * *"
"""Every five minutes from 08:00 to 21:55; the contact policy decides about each contact anew."""

STEADY: dict[str, Any] = {"retries": 1, "retry_delay": timedelta(seconds=20)}
"""Retries of a task that works on this machine: once, as it may have been killed."""
PATIENT: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=15),
}
"""Retries of a task that leans on somebody else's system, which may be away for a while."""


def channels() -> list[dict[str, str]]:
    """Arguments of the mapped `push_contacts`: one mapping per channel."""
    return [{"channel": channel} for channel in CHANNELS]
