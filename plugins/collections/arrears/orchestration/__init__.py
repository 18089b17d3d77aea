"""What the Dags are wired with: assets, tags, retries, and the operators that run a step of the library.

This is the one place, beside the pages, where the library meets Airflow. It stays light: a Dag file that imports it
loads neither DuckDB nor Great Expectations; the operators load what a step needs when they run it.
"""

from __future__ import annotations

from arrears.orchestration.approval import ApprovalStepOperator
from arrears.orchestration.dispatch import DispatchOperator
from arrears.orchestration.docs import describe_dag, describe_step
from arrears.orchestration.leases import ExpireLeasesOperator
from arrears.orchestration.preview import PreviewOperator
from arrears.orchestration.step import StepOperator
from arrears.orchestration.wiring import (
    CONTACT_HOURS,
    DAY_KEY,
    EVERY_MORNING,
    KPI,
    LEDGER,
    OWNER,
    PATIENT,
    STEADY,
    TREATMENT,
    WORKLIST,
    ZONE,
    Tag,
    channels,
)

__all__ = [
    "CONTACT_HOURS",
    "DAY_KEY",
    "EVERY_MORNING",
    "KPI",
    "LEDGER",
    "OWNER",
    "PATIENT",
    "STEADY",
    "TREATMENT",
    "WORKLIST",
    "ZONE",
    "ApprovalStepOperator",
    "DispatchOperator",
    "ExpireLeasesOperator",
    "PreviewOperator",
    "StepOperator",
    "Tag",
    "channels",
    "describe_dag",
    "describe_step",
]
