"""Fixtures of outreach's SQL tests: the builder of a day, and the shipped rules of contact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support import outreach_day

from arrears.outreach.plan import build_contact_plan
from arrears.outreach.rules import load_contact_rules
from arrears.run import Run


@pytest.fixture
def planned(make_run: Any) -> Callable[..., list[dict[str, Any]]]:
    """Plans a day of the given cases and tables, and gives the plan's rows."""

    def plan(
        cases: list[dict[str, Any]], *, rules: dict[str, Any] | None = None, **tables: Any
    ) -> list[dict[str, Any]]:
        with make_run(outreach_day.DAY) as run:
            assert isinstance(run, Run)
            outreach_day.publish(run, cases, **tables)
            contact, pack = load_contact_rules(run.rules)
            build_contact_plan(run, contact.model_copy(update=rules or {}), pack)
            rows: list[dict[str, Any]] = outreach_day.plan_rows(run)
            return rows

    return plan
