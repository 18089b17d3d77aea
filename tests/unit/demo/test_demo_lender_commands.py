"""The demo's commands."""

from __future__ import annotations

import inspect
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from arrears.demo import commands
from arrears.demo.lender import DEFAULT_CONTRACTS, DEFAULT_SEED
from arrears.errors import LedgerError, SettingsError


@pytest.fixture
def ledger_app() -> typer.Typer:
    """A sub-app that mounts `generate`, as `arrears ledger` does."""
    app = typer.Typer()
    app.command()(commands.generate)
    return app


def test_generate_writes_a_folder_and_tells_the_rows(ledger_app: typer.Typer, tmp_path: Path) -> None:
    out = tmp_path / "ledger"
    result = CliRunner().invoke(
        ledger_app, ["--contracts", "50", "--out", str(out), "--as-of", "2026-11-20", "--seed", "3"]
    )

    assert result.exit_code == 0, result.output
    assert "contracts" in result.output
    assert pq.read_metadata(out / "contracts.parquet").num_rows == 50


def test_generate_needs_a_real_day(ledger_app: typer.Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(ledger_app, ["--out", str(tmp_path / "x"), "--as-of", "2026-11-31"])

    assert isinstance(result.exception, SettingsError)
    assert not (tmp_path / "x").exists()


def test_load_needs_postgresql() -> None:
    result = CliRunner().invoke(commands.app, ["load", "--url", "sqlite:///x.db", "--as-of", "2026-11-20"])

    assert isinstance(result.exception, LedgerError)
    assert "sqlite" in str(result.exception)


def test_collectors_writes_a_file(tmp_path: Path) -> None:
    out = tmp_path / "collectors.csv"
    result = CliRunner().invoke(
        commands.app, ["collectors", "--out", str(out), "--as-of", "2026-11-20", "--regions", "TX,FL"]
    )

    assert result.exit_code == 0, result.output
    assert out.read_text(encoding="utf-8").startswith("collector_id,name,team,skills,regions,")


@pytest.mark.parametrize("command", [commands.generate, commands.load])
def test_the_defaults_are_the_librarys(command: object) -> None:
    parameters = inspect.signature(command).parameters  # type: ignore[arg-type]

    assert parameters["contracts"].default == DEFAULT_CONTRACTS
    assert parameters["seed"].default == DEFAULT_SEED
