"""Fixtures of the gateway's tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Any]:
    """A gateway that has got nothing yet."""
    spec = importlib.util.spec_from_file_location("gateway_process", Path(__file__).with_name("gateway_process.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    process = module.GatewayProcess(tmp_path / "gateway")
    yield process
    process.stop()
