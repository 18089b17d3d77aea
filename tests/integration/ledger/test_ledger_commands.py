"""`arrears ledger` and `arrears quality`: generate, pull, check, publish, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from arrears.cli import app


def test_a_ledger_goes_through_the_gate_on_the_command_line(
    pg_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARREARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
    ledger = str(tmp_path / "lender")
    day = ["--as-of", "2026-11-20", "--clock", "2026-11-20T09:30"]

    def arrears(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return result.output

    arrears("ledger", "generate", "--contracts", "100", "--as-of", "2026-11-20", "--out", ledger)
    assert "contracts" in arrears("ledger", "pull", "--ledger", ledger, *day)
    checked = arrears("quality", "check", *day)
    assert Path(checked.rsplit("quality report: ", 1)[1].strip()).exists()
    assert "held_for_data_quality: 0" in arrears("ledger", "publish", *day)
    assert "payments_freshness" in arrears("quality", "rules")

    refused = CliRunner().invoke(app, ["ledger", "pull", "--ledger", str(tmp_path / "nowhere"), *day])
    assert refused.exit_code == 1
    assert "no such folder" in refused.output
