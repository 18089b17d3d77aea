"""Fixtures of allocation: days in the test's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.allocation_kit import AllocationDays


@pytest.fixture
def allocation_days(make_run: Callable[..., Any], tmp_path: Path) -> AllocationDays:
    """Days of allocation in the test's folder."""
    return AllocationDays(make_run, tmp_path / "rules")
