"""Calendar arithmetic on months and days as integers, for whole arrays.

A month is counted from year 0 (`year * 12 + month − 1`), a day from 1970-01-01, as Arrow counts dates.
"""

from __future__ import annotations

from datetime import date

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def month_of(day: date) -> int:
    """The number of the month that `day` lies in."""
    return day.year * 12 + day.month - 1


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return day.toordinal() - _EPOCH_ORDINAL


def first_day(month: int) -> int:
    """The day number of the first of `month`."""
    return day_number(date(month // 12, month % 12 + 1, 1))


def length(month: int) -> int:
    """How many days `month` has."""
    return first_day(month + 1) - first_day(month)


def season(month: int) -> int:
    """0 for a January … 11 for a December."""
    return month % 12


def short_name(month: int) -> str:
    """`YYMM`, as in the generated keys."""
    return f"{month // 12 % 100:02d}{month % 12 + 1:02d}"
