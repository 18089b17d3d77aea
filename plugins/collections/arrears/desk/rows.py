"""Rows of cases as the desk gives them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from arrears.desk.views import WorkItem
from arrears.warehouse.ops_cases import CASE

_NAMES = (
    "case_id",
    "customer_id",
    "queue",
    "state",
    "collector_id",
    "source",
    "owned_from",
    "lease_until",
    "lease_renewals",
    "priority",
    "work_order",
    "treatment",
    "segment",
    "placement",
    "intensity",
    "region",
    "contracts",
    "contract_ids",
    "lead_contract_id",
    "overdue_amount",
    "outstanding_amount",
    "days_past_due",
    "bucket",
    "opened_on",
)
ITEM = tuple(CASE.c[name] for name in _NAMES)
"""The columns of a case that make a WorkItem."""


def item_of(row: sa.Row[Any]) -> WorkItem:
    """The WorkItem of a row whose last columns are ITEM."""
    # by place: a grab makes twenty of these, and looking up their columns by name takes longer than all the rest
    values = dict(zip(_NAMES, row[-len(_NAMES) :], strict=True))
    values["contract_ids"] = tuple(values["contract_ids"].split(","))
    return WorkItem(**values)
