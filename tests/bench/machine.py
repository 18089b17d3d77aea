"""Says on what the figures were measured."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

_PACKAGES = ("duckdb", "polars", "pandas", "pyarrow", "pyspark", "zen-engine")


def describe_machine() -> str:
    """Cores, memory, system and the versions of all that is measured, in one line."""
    parts = [
        f"{os.cpu_count()} cores{_processor()}",
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB of memory",
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
    ]
    for package in _PACKAGES:
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            parts.append(f"{package} not installed")
    return ", ".join(parts)


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        return ""
    return f" ({found[1].strip()})" if found else ""
