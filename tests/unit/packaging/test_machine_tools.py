"""What `make test` says about tools that a machine lacks, and what CI makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arrears.settings import PROJECT

_TESTS = """
import pytest

def test_always(): pass

@pytest.mark.real_ledger
def test_real_ledger(): pass

@pytest.mark.spark
class TestSpark:
    def test_one(self): pass

    @pytest.mark.real_ledger
    def test_both(self): pass
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with the project's own conftest.py and four tests, two of which want tools."""
    shutil.copy(PROJECT / "conftest.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nmarkers = ["chromium: ", "spark: ", "real_ledger: "]\n', encoding="utf-8"
    )
    (tmp_path / "test_some.py").write_text(_TESTS, encoding="utf-8")
    return tmp_path


def _pytest(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    tools = checkout / "bin"
    tools.mkdir(exist_ok=True)
    java = tools / "java"
    java.write_text('#!/bin/sh\necho "openjdk version \\"${JAVA_VERSION}\\" 2025-04-15" >&2\n', encoding="utf-8")
    (tools / "chromium").write_text("#!/bin/sh\n", encoding="utf-8")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    ledger = checkout / "ledger"
    ledger.mkdir(exist_ok=True)
    (ledger / "contracts.parquet").touch()
    known = {
        "PATH": f"{tools}:/usr/bin:/bin",
        "HOME": str(checkout),
        "ARREARS_REAL_LEDGER": str(ledger),
        "JAVA_VERSION": "17.0.15",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "."]
    return subprocess.run(
        command, cwd=checkout, env={**known, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.chromium
@pytest.mark.spark
@pytest.mark.real_ledger
def test_with_every_tool_nothing_is_left_out(checkout: Path) -> None:
    ended = _pytest(checkout, REQUIRE_ALL="1")
    assert ended.returncode == 0
    assert "nothing: this machine has every tool" in ended.stdout
    assert "4 passed in " in ended.stdout.splitlines()[-1]


def test_what_is_left_out_is_named_with_what_it_needs(checkout: Path) -> None:
    ended = _pytest(checkout, JAVA_VERSION="11.0.2", ARREARS_REAL_LEDGER="no/such/folder")
    assert ended.returncode == 0
    assert "2 spark tests: they need Java 17 or newer" in ended.stdout
    assert "2 real_ledger tests: they need ARREARS_REAL_LEDGER" in ended.stdout
    assert "chromium" not in ended.stdout
    assert "1 passed, 3 deselected in " in ended.stdout.splitlines()[-1]


def test_a_missing_tool_fails_before_the_first_test_when_all_are_required(checkout: Path) -> None:
    ended = _pytest(checkout, JAVA_VERSION="11.0.2", REQUIRE_ALL="1")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "spark tests need Java 17 or newer" in ended.stderr
    assert "passed" not in ended.stdout
