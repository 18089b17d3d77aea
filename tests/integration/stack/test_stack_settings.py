"""Settings of the stack: a home per ledger, a clock at 09:30, and empty variables of make."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from arrears.errors import SettingsError
from arrears.stack.settings import library_settings, load_stack_settings


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARREARS_HOME", str(tmp_path / "home"))


def test_the_demo_lives_in_the_home_itself(tmp_path: Path) -> None:
    settings = library_settings(load_stack_settings(), fixed_clock=False)
    assert settings.home == tmp_path / "home"
    assert settings.ledger is None


def test_every_own_ledger_has_a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homes = set()
    for ledger in ("postgresql://u:one@host/loans", "postgresql://u@other/loans", str(tmp_path / "loans")):
        monkeypatch.setenv("ARREARS_LEDGER", ledger)
        homes.add(library_settings(load_stack_settings(), fixed_clock=False).home)
    assert len(homes) == 3
    assert {home.parent for home in homes} == {tmp_path / "home" / "ledgers"}


def test_a_new_password_of_the_ledger_keeps_its_home(monkeypatch: pytest.MonkeyPatch) -> None:
    homes = set()
    for password in ("one", "two"):
        monkeypatch.setenv("ARREARS_LEDGER", f"postgresql://u:{password}@host/loans")
        homes.add(library_settings(load_stack_settings(), fixed_clock=False).home)
    assert len(homes) == 1
    assert "one" not in str(homes)
    assert "two" not in str(homes)


def test_a_folder_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARREARS_LEDGER", "my/ledger")
    settings = library_settings(load_stack_settings(), fixed_clock=False)
    assert settings.ledger is not None
    assert settings.ledger.get_secret_value() == str(tmp_path / "my" / "ledger")


def test_a_run_stands_at_half_past_nine_of_its_day() -> None:
    settings = library_settings(load_stack_settings(as_of="2026-11-20"), fixed_clock=True)
    assert settings.acting_clock().now().isoformat() == "2026-11-20T09:30:00+08:00"


def test_a_clock_that_is_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T21:59:00")
    settings = library_settings(load_stack_settings(as_of="2026-11-20"), fixed_clock=True)
    assert settings.acting_clock().now().isoformat() == "2026-11-20T21:59:00+08:00"


def test_up_without_a_day_goes_by_the_machines_clock() -> None:
    assert library_settings(load_stack_settings(), fixed_clock=False).clock is None


def test_empty_variables_of_make_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AS_OF", "UI_PORT", "DEMO_CONTRACTS", "DAY_SECONDS"):
        monkeypatch.setenv(f"ARREARS_{name}", "")
    settings = load_stack_settings()
    assert (settings.as_of, settings.ui_port, settings.demo_contracts, settings.day_seconds) == (None, None, None, 3600)


@pytest.mark.parametrize(
    ("name", "value"), [("AS_OF", "yesterday"), ("UI_PORT", "70000"), ("DEMO_CONTRACTS", "0"), ("DEMO_SEED", "-1")]
)
def test_a_setting_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ARREARS_{name}", value)
    with pytest.raises(SettingsError, match=f"ARREARS_{name}"):
        load_stack_settings()


def test_the_command_lines_day_goes_over_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARREARS_AS_OF", "2026-11-19")
    assert load_stack_settings(as_of="2026-11-20").as_of == date(2026, 11, 20)
