"""A small storm: workers killed anywhere, a provider that misbehaves, PostgreSQL that restarts; `make faults` is the
large one. No contact is lost, none has effect twice, each has one end."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.outreach_faults import run_seed


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm(seed: int, tmp_path: Path) -> None:
    # PostgreSQL runs as a user of its own where the tests run as root
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    found = run_seed(seed, 900, tmp_path)
    assert found.kills > 3
    assert found.restarts > 0
    assert found.orders > 3
    assert sum(sum(states.values()) for states in found.states.values()) == 900
