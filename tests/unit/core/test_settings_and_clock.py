"""Settings and clock: read once from the environment, wrong values answered with the variable's name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arrears.clock import FixedClock, SystemClock, clock_from
from arrears.day import parse_day
from arrears.errors import SettingsError
from arrears.run import open_run
from arrears.settings import Materiality, load_settings

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARREARS_HOME", str(tmp_path))
    monkeypatch.setenv("ARREARS_MATERIALITY", "10%")
    monkeypatch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
    settings = load_settings()
    assert settings.lake_root == tmp_path / "lake"
    assert settings.acting_clock().now() == datetime(2026, 11, 20, 9, 30, tzinfo=SHANGHAI)


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEDGER", "CLOCK", "MATERIALITY", "GRACE_DAYS", "TIME_ZONE", "ENGINE", "WAREHOUSE_URL"):
        monkeypatch.setenv(f"ARREARS_{name}", "")
    settings = load_settings()
    assert settings.ledger is None
    assert settings.time_zone == "Asia/Shanghai"
    assert settings.engine == "duckdb"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIME_ZONE", "Asia/Shanghi"),
        ("ENGINE", "pandas"),
        ("GRACE_DAYS", "-1"),
        ("MATERIALITY", "ten"),
        ("MATERIALITY", "10%,5%"),
        ("MATERIALITY", "120%"),
        ("CLOCK", "yesterday"),
        ("DUCKDB_THREADS", "0"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ARREARS_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert error.value.where == f"ARREARS_{name}"
    assert value in error.value.found


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARREARS_LEDGER", "postgresql://u:topsecret@host/db")
    assert "topsecret" not in repr(load_settings())


@pytest.mark.parametrize(
    ("text", "share", "amount"),
    [
        ("10%", "0.1", "0"),
        ("5.00", "0", "5.00"),
        ("10%,5.00", "0.1", "5.00"),
        ("0%", "0", "0"),
        (" 2.5 % , 1 ", "0.025", "1"),
    ],
)
def test_materiality_is_a_share_an_amount_or_both(text: str, share: str, amount: str) -> None:
    parsed = Materiality.parse(text)
    assert (parsed.share, parsed.amount) == (Decimal(share), Decimal(amount))


def test_the_fixed_clock_stands_and_the_system_clock_runs() -> None:
    fixed = clock_from(datetime(2026, 11, 20, 1, 30, tzinfo=UTC), SHANGHAI)
    assert isinstance(fixed, FixedClock)
    assert fixed.now().isoformat() == "2026-11-20T09:30:00+08:00"
    assert fixed.today() == date(2026, 11, 20)
    running = clock_from(None, SHANGHAI)
    assert isinstance(running, SystemClock)
    assert running.now() <= running.now()
    assert running.now().tzinfo == SHANGHAI


def test_the_business_day_turns_at_midnight_of_the_lender() -> None:
    assert clock_from(datetime(2026, 11, 20, 15, 59, tzinfo=UTC), SHANGHAI).today() == date(2026, 11, 20)
    assert clock_from(datetime(2026, 11, 20, 16, 0, tzinfo=UTC), SHANGHAI).today() == date(2026, 11, 21)


@pytest.mark.parametrize("text", ["20-11-2026", "2026-02-30", "today", ""])
def test_a_day_is_written_in_one_way(text: str) -> None:
    with pytest.raises(SettingsError, match="--as-of: expected a calendar date written YYYY-MM-DD"):
        parse_day(text, where="--as-of")


def test_today_is_frozen_a_past_day_restated_a_future_one_refused(tmp_path: Path) -> None:
    settings = load_settings({"home": tmp_path, "clock": "2026-11-20T09:30:00"})
    with open_run(settings, date(2026, 11, 20)) as run:
        assert (run.day.basis, run.is_current) == ("frozen", True)
    with open_run(settings, date(2026, 11, 19)) as run:
        assert (run.day.basis, run.is_current) == ("restated", False)
    with pytest.raises(SettingsError, match="up to today, 2026-11-20"), open_run(settings, date(2026, 11, 21)):
        pass
