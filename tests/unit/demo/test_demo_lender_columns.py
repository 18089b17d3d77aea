"""Draws and columns, the small parts of the generator."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrears.demo.lender import columns
from arrears.demo.lender.draws import Draws, scattered
from arrears.demo.lender.months import day_number, first_day, length, month_of, season, short_name


@given(st.lists(st.integers(-(10**15), 10**15)))
def test_money_is_cents_as_decimal(cents: list[int]) -> None:
    assert columns.money(np.array(cents, dtype=np.int64)).to_pylist() == [Decimal(c).scaleb(-2) for c in cents]


def test_money_dates_and_labels_can_be_unknown() -> None:
    valid = np.array([True, False])

    assert columns.money(np.array([150, 9]), valid).to_pylist() == [Decimal("1.50"), None]
    assert columns.dates(np.array([0, 9]), valid).to_pylist() == [date(1970, 1, 1), None]
    assert columns.labels(np.array([1, 0]), ("a", "b"), valid).to_pylist() == ["b", None]
    assert columns.constant(None, 2).to_pylist() == [None, None]


def test_texts_pad_numbers_with_zeros() -> None:
    made = columns.texts("C-", (np.array([7, 123, 99_999]), 5), "x", count=3)

    assert made.to_pylist() == ["C-00007x", "C-00123x", "C-99999x"]
    assert made.type == pa.string()
    assert columns.texts("C", (np.zeros(0, dtype=np.int64), 3), count=0).to_pylist() == []
    assert columns.texts("C", count=2, valid=np.array([False, True])).to_pylist() == [None, "C"]


@given(st.dates(date(1970, 1, 1), date(2200, 12, 31)))
def test_months_and_days_agree_with_the_calendar(day: date) -> None:
    month = month_of(day)

    assert first_day(month) + day.day - 1 == day_number(day)
    assert day.day <= length(month) <= 31
    assert season(month) == day.month - 1
    assert short_name(month) == f"{day:%y%m}"


def test_draws_are_the_same_for_the_same_path_and_others_for_another() -> None:
    assert Draws(7, 1).below(1_000, 5).tolist() == Draws(7, 1).below(1_000, 5).tolist()
    assert Draws(7, 1).below(1_000, 5).tolist() != Draws(7, 2).below(1_000, 5).tolist()


def test_draws_are_spread_evenly() -> None:
    units = Draws(3).units(100_001)

    assert len(units) == 100_001
    assert 0 <= units.min() < 0.001 < 0.999 < units.max() < 1
    assert units.mean() == pytest.approx(0.5, abs=0.01)
    picked = np.bincount(Draws(3).choice((1, 0, 3), 40_000))
    assert picked[1] == 0
    assert picked[2] / picked[0] == pytest.approx(3, abs=0.2)


def test_scattered_depends_on_every_part_and_nothing_else() -> None:
    numbers = np.arange(1_000)

    assert scattered(7, numbers)[5] == scattered(7, np.array([5]))[0]
    assert len(set(scattered(7, numbers).tolist())) == 1_000
    assert scattered(7, numbers).tolist() != scattered(8, numbers).tolist()
    assert scattered(1, 2).tolist() != scattered(2, 1).tolist()
