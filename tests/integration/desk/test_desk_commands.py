"""`arrears desk`: the desk without its pages."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.desk_floor import TODAY
from typer.testing import CliRunner

from arrears.desk.commands import app
from arrears.desk.refusals import Refusal


@pytest.fixture
def command(floor, monkeypatch):
    """Runs a command on the floor's warehouse."""
    monkeypatch.setenv("ARREARS_HOME", str(floor.settings.home))
    monkeypatch.setenv("ARREARS_RULES", str(floor.settings.rules))
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", floor.settings.warehouse_url.get_secret_value())

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_a_day_at_the_desk_by_command(floor, command):
    assert command("pools").stdout == "no cases in any pool\n"
    ids = floor.cases(6)
    floor.collectors("E1", "E2")
    assert command("pools").stdout == "phone: 6 cases, the oldest since 2026-11-20 09:30; 0 leased; batch 5\n"
    assert command("set-batch", "phone", "--batch", "4", "--reason", "slow day").stdout == "phone: batch 4\n"
    assert command("grab", "phone", "E1").stdout.splitlines()[:4] == ids[:4]
    assert command("renew", ids[0]).stdout == f"{ids[0]}: done\n"
    assert command("give-back", ids[0], "--reason", "other").stdout == f"{ids[0]}: done\n"
    refused = command("give-back", ids[0], "--reason", "other")
    assert (refused.exit_code, refused.stdout) == (1, f"{ids[0]}: refused, case.in_pool\n")
    assert command("hand-over", ids[1], "--to", "E2", "--reason", "level").exit_code == 0
    assert command("result", ids[1], "phone", "right_party", "--promise", "9.50", "--due", str(TODAY)).exit_code == 0
    assert command("worklist", "E2").stdout == f"{ids[1]} phone 2 M2 1000.00 manual\n"
    assert command("set-quota", "E2", "phone", "--quota", "3", "--reason", "new").stdout == "E2, phone: 3\n"
    assert "E1 is absent; 0 cases to the pool" in command("absent", "E1", "--reason", "sick").stdout
    assert "E1 is in the roster" in command("absent", "E1", "--back", "--reason", "well").stdout
    assert "phone: 6 cases, 3 in the pool" in command("allocation", "--queue", "phone").stdout
    assert command("recall", "--queue", "phone", "--reason", "x").exit_code == 0
    assert command("expire").stdout == "0 leases were over\n"
    told = command("audit", "--limit", "100").stdout
    assert [word for word in ("batch_set", "given_back", "handed_over", "promise", "absent", "redealt") if word in told]
    assert {row["via"] for row in floor.rows("case_event")} == {"command"}


def test_what_cannot_be_meant_is_refused(floor, command):
    floor.collectors("E1")
    assert isinstance(command("grab", "nowhere", "E1").exception, Refusal)
    assert isinstance(command("grab", "phone", "E9").exception, Refusal)
    assert isinstance(command("grab", "phone", "E1", "--batch", "0").exception, Refusal)
    assert isinstance(command("result", "x", "phone", "busy", "--promise", "much").exception, Refusal)
    assert isinstance(command("call", "x").exception, Refusal)
