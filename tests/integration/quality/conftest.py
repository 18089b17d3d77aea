"""A generated lender for the gate's tests, and a run on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from arrears.demo.lender import write_parquet
from arrears.run import Run

DAY = date(2026, 11, 20)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good ledger of 2,000 contracts; not to be changed."""
    folder = tmp_path_factory.mktemp("generated") / "ledger"
    write_parquet(folder, DAY, 2_000, 7)
    return folder


@pytest.fixture
def ledger(generated: Path, tmp_path: Path) -> Path:
    """The good ledger in a folder that the test may break."""
    folder = tmp_path / "ledger"
    shutil.copytree(generated, folder)
    return folder


@pytest.fixture
def ledger_run(make_run: Any, pg_url: str, ledger: Path) -> Callable[..., AbstractContextManager[Run]]:
    """Opens a run on the ledger with a warehouse."""

    def make(as_of: date = DAY, **values: Any) -> AbstractContextManager[Run]:
        return make_run(as_of, warehouse_url=pg_url, **{"ledger": str(ledger), **values})  # type: ignore[no-any-return]

    return make
