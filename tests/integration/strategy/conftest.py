"""Spark with executors in processes of their own, started once for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

CLUSTER = "local-cluster[2,1,1024]"
"""Two executor processes with one core and 1024 MB each."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """The engine whose executors are separate processes."""
    from arrears.engines.spark import SparkEngine

    with SparkEngine(CLUSTER) as engine:
        yield engine
