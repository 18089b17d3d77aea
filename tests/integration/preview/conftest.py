"""A day of a generated lender as the day's own steps left it, and changed rules to preview on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from tests.support.contract_files import read_contract_files
from tests.support.ledgers import publish_ledger

from arrears.demo.lender import write_parquet
from arrears.run import open_run
from arrears.settings import PROJECT, Settings, load_settings
from arrears.steps import run_step

AS_OF = date(2026, 11, 20)
STEPS = ("age_contracts", "tier_balances", "apply_rules", "publish_treatments", "allocate_cases", "open_grab_pool")
WORKLIST = ("plan_contacts", "publish_worklist")


@pytest.fixture(scope="module")
def day(pg_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the current business day, whose worklist is published and whose cases are in ops."""
    folder = tmp_path_factory.mktemp("preview-lender")
    write_parquet(folder, AS_OF, 1_500, 7)
    home = tmp_path_factory.mktemp("preview-day") / "home"
    settings = load_settings({"home": home, "warehouse_url": pg_url, "clock": f"{AS_OF}T09:30:00"})
    with open_run(settings, AS_OF) as run:
        publish_ledger(run, read_contract_files(folder))
        for step in (*STEPS, *WORKLIST):
            run_step(run, step)
    return home


@pytest.fixture
def settings(make_settings: Callable[..., Settings], day: Path, pg_url: str) -> Settings:
    """Settings of that day, on a copy of its home."""
    settings = make_settings(warehouse_url=pg_url, clock=f"{AS_OF}T09:30:00")
    shutil.copytree(day, settings.home)
    return settings


@pytest.fixture
def change(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of changed rules: the shipped file `name` with `old` replaced by `new`."""

    def make(name: str, old: str, new: str, folder: str = "change") -> Path:
        text = (PROJECT / "include" / "rules" / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r} any more: adapt the change"
        target = tmp_path / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace(old, new), encoding="utf-8")
        return target.parents[name.count("/")]

    return make
