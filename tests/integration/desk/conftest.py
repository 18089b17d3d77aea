"""Fixtures of the desk on a real warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.desk_floor import Floor, MovingClock, copy_rules, empty_ops

from arrears.desk.desk import Desk
from arrears.settings import Settings
from arrears.warehouse.connect import open_warehouse


@pytest.fixture
def floor(pg_url: str, tmp_path: Path, make_settings: Callable[..., Settings]) -> Iterator[Floor]:
    """A desk on the module's warehouse with empty ops tables."""
    empty_ops(pg_url)
    settings = make_settings(warehouse_url=pg_url, rules=copy_rules(tmp_path / "rules"))
    warehouse = open_warehouse(settings)
    clock = MovingClock()
    desk = Desk(warehouse, settings, clock)
    yield Floor(desk, warehouse, settings, clock)
    desk.close()
    warehouse.dispose()
