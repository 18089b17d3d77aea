"""`arrears allocation` on a real warehouse."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.support import allocation_kit as kit
from typer.testing import CliRunner

from arrears.allocation.commands import app


@pytest.fixture
def command(allocation_days, warehouse_url, monkeypatch):
    """Runs a command on a day with five cases for two collectors, E2 away."""
    staff = [kit.collector("E1", daily_quota=2), kit.collector("E2", present=False)]
    with allocation_days.day(kit.cases(5), staff, as_of=date(2026, 11, 20), warehouse_url=warehouse_url) as run:
        for name in ("home", "rules"):
            monkeypatch.setenv(f"ARREARS_{name.upper()}", str(getattr(run.settings, name)))
        monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
        monkeypatch.setenv("ARREARS_WAREHOUSE_URL", warehouse_url)

        def invoke(*arguments: str) -> Any:
            return CliRunner().invoke(app, list(arguments))

        yield invoke


def test_run_allocates_and_opens_the_pool(command):
    done = command("run", "--as-of", "2026-11-20")
    assert done.exit_code == 0, done.output
    steps = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert steps == ["allocate_cases for 2026-11-20", "open_grab_pool for 2026-11-20"]
    assert "'phone': {'cases': 5, 'collectors': 1, 'min': 2, 'max': 2, 'pool': 3}" in done.stdout


def test_apply_without_compute_says_what_to_run(command):
    refused = command("apply")
    assert "assignment" in str(refused.exception)
