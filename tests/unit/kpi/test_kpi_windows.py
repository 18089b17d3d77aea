"""Which days a run computes, and which of them it may replace in the mart."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from arrears.day import BusinessDay
from arrears.errors import RulesError
from arrears.kpi.build import calendar
from arrears.kpi.facts import FACTS, ROLL, Windows, scope
from arrears.kpi.rules import KpiRules
from arrears.kpi.windows import closing_days, month_end_parameters, month_end_relation, month_ends
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT

AS_OF = date(2026, 11, 20)
CLOSING = next(fact for fact in FACTS if fact.name == "collector_day")
OPENING = next(fact for fact in FACTS if fact.name == "portfolio_day")


def a_run(as_of: date, basis: str = "frozen", frozen_snapshots: tuple[date, ...] = ()) -> Any:
    """A run that knows its day, its rules, and which frozen snapshots the lake has."""
    rules = SimpleNamespace(load=lambda _file, _model: KpiRules())
    lake = SimpleNamespace(exists=lambda _table, day: day.basis == "frozen" and day.as_of in frozen_snapshots)
    return SimpleNamespace(day=BusinessDay(as_of, basis), rules=rules, lake=lake)  # type: ignore[arg-type]


def test_finished_days_end_the_day_before() -> None:
    assert closing_days(date(2026, 3, 2), 3) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]


@pytest.mark.parametrize(
    ("as_of", "newest"),
    [
        (date(2026, 11, 29), date(2026, 10, 31)),
        (date(2026, 11, 30), date(2026, 10, 31)),  # a month end is not over on its own morning
        (date(2026, 12, 1), date(2026, 11, 30)),
        (date(2024, 3, 1), date(2024, 2, 29)),
    ],
)
def test_only_a_month_end_that_is_over_has_matured(as_of: date, newest: date) -> None:
    assert month_ends(as_of, 13)[-1] == newest


def test_thirteen_month_ends_go_back_a_year() -> None:
    ends = month_ends(AS_OF, 13)
    assert (len(ends), ends[0], ends[4]) == (13, date(2025, 10, 31), date(2026, 2, 28))


def test_fewer_month_ends_fill_the_newest_places() -> None:
    ends = month_ends(AS_OF, 3)
    assert month_end_relation(ends).to_pylist() == [
        {"slot": 11, "month_end": date(2026, 8, 31)},
        {"slot": 12, "month_end": date(2026, 9, 30)},
        {"slot": 13, "month_end": date(2026, 10, 31)},
    ]
    parameters = month_end_parameters(ends)
    assert parameters["month_end_1"] == parameters["month_end_11"] == date(2026, 8, 31)
    assert parameters["month_end_13"] == date(2026, 10, 31)


def test_a_run_replaces_its_own_day_in_opening_facts() -> None:
    later = {"frozen": [date(2026, 11, 21)], "restated": []}
    assert scope(a_run(AS_OF), OPENING, later) == [(AS_OF, "frozen")]  # type: ignore[arg-type]


def test_a_run_leaves_finished_days_to_later_runs_that_computed_them() -> None:
    # the run of the 23rd computed 16 to 22; of the 20th's days 13 to 19, only 13 to 15 are still the 20th's
    later: Any = {"frozen": [date(2026, 11, 23)], "restated": []}
    assert [day.day for day, _ in scope(a_run(AS_OF), CLOSING, later)] == [13, 14, 15]
    assert [day.day for day, _ in scope(a_run(AS_OF, "restated"), CLOSING, later)] == list(range(13, 20))


def test_a_run_leaves_month_ends_to_later_runs_of_any_basis() -> None:
    later: Any = {"frozen": [date(2026, 12, 1)], "restated": []}
    replaced = scope(a_run(AS_OF, "restated"), ROLL, later)
    # the run of 1 December begins its cohorts a month later, so the oldest one is nobody else's
    assert replaced == [(date(2025, 11, 30), "restated")]


def test_frozen_cohorts_need_the_snapshots_of_both_ends() -> None:
    nothing: Any = {"frozen": [], "restated": []}
    ends = (date(2026, 7, 31), date(2026, 8, 31), date(2026, 10, 31))
    replaced = scope(a_run(AS_OF, frozen_snapshots=ends), ROLL, nothing)
    assert [day for day, basis in replaced if basis == "frozen"] == [date(2026, 8, 31)]
    assert len([day for day, basis in replaced if basis == "restated"]) == 12


def test_the_calendar_covers_the_years_of_the_facts() -> None:
    days = calendar(Windows(AS_OF, KpiRules())).to_pylist()
    assert (days[0]["date"], days[-1]["date"], len(days)) == (date(2025, 1, 1), date(2026, 12, 31), 730)
    last = next(day for day in days if day["date"] == date(2026, 2, 28))
    assert last == {
        "date": date(2026, 2, 28),
        "year": 2026,
        "quarter": 1,
        "month": 2,
        "month_start": date(2026, 2, 1),
        "month_end": date(2026, 2, 28),
        "iso_year": 2026,
        "iso_week": 9,
        "iso_weekday": 6,
        "is_month_end": True,
    }


def test_the_shipped_rules_are_read() -> None:
    rules = parse_rules(PROJECT / "include" / "rules" / "kpi.yaml", KpiRules)
    assert (rules.closing_lookback_days, rules.month_ends) == (7, 13)
    assert rules.labels.queues["phone"].zh == "电催"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("month_ends: 14\n", "less than or equal to 13"),
        ("month_ends: 1\n", "greater than or equal to 2"),
        ("closing_lookback_days: 0\n", "greater than or equal to 1"),
        ("closing_look_back: 7\n", "Did you mean 'closing_lookback_days'"),
        ("labels:\n  queues:\n    phone: {en: Phone}\n", "'labels.queues.phone.zh'"),
    ],
)
def test_wrong_rules_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "kpi.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=message) as error:
        parse_rules(path, KpiRules)
    assert error.value.where.startswith(f"{path}:")
