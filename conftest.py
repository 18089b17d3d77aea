"""Which tests run on this machine: those whose tools it has. What is left out is said at the end.

With REQUIRE_ALL=1 a missing tool is a failure before the first test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
REAL_LEDGER = Path(os.environ.get("ARREARS_REAL_LEDGER") or Path(__file__).parents[1] / "shared" / "data" / "ally")


@dataclass(frozen=True)
class Tool:
    """Something that some tests need and a machine may lack."""

    marker: str
    needs: str
    is_there: Callable[[], bool]


def has_chromium() -> bool:
    """Whether a Chromium is on the path."""
    return any(shutil.which(name) for name in CHROMIUM)


def has_spark() -> bool:
    """Whether pyspark is installed and `java` is of version 17 or newer."""
    if find_spec("pyspark") is None or shutil.which("java") is None:
        return False
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    version = re.search(r'version "(\d+)', said)
    return version is not None and int(version[1]) >= 17


def has_real_ledger() -> bool:
    """Whether the real ledger is where the tests look for it."""
    return (REAL_LEDGER / "contracts.parquet").exists()


TOOLS = (
    Tool("chromium", "Chromium on the path", has_chromium),
    Tool("spark", "Java 17 or newer on the path (then `make test` installs pyspark)", has_spark),
    Tool("real_ledger", "ARREARS_REAL_LEDGER, a folder with the real ledger", has_real_ledger),
)

_missing = pytest.StashKey[list[Tool]]()
_left_out = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    missing = [tool for tool in TOOLS if not tool.is_there()]
    if missing and os.environ.get("REQUIRE_ALL") == "1":
        wanted = "; ".join(f"{tool.marker} tests need {tool.needs}" for tool in missing)
        raise pytest.UsageError(f"REQUIRE_ALL=1, but this machine lacks tools: {wanted}")
    config.stash[_missing] = missing
    config.stash[_left_out] = Counter()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        lacking = [tool.marker for tool in config.stash[_missing] if item.get_closest_marker(tool.marker)]
        config.stash[_left_out].update(lacking)
        (left if lacking else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Takes over what a worker of pytest-xdist left out: each of them collects all tests, so one tells it all."""
    told = getattr(node, "workeroutput", {}).get("left_out")
    if told:
        node.config.stash[_left_out] = Counter(told)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[_left_out])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("left out")
    for tool in config.stash[_missing]:
        count = config.stash[_left_out][tool.marker]
        terminalreporter.write_line(f"{count} {tool.marker} tests: they need {tool.needs}")
    if not config.stash[_missing]:
        terminalreporter.write_line("nothing: this machine has every tool that the tests ask for")
