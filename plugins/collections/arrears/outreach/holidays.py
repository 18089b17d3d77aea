"""Lists of holidays that are missing: a pack that says that people rest, and does not say when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from arrears.rules.findings import Finding
from arrears.rules.policy import Policy

if TYPE_CHECKING:
    from arrears.strategy.checked import Checked

_FORMAT = "List the days as `days: [2026-01-01, …]` with `years: [2026]` and the notice that names them as source."


def holiday_findings(checked: Checked) -> Iterator[Finding]:
    """Holidays of a pack that are switched on without a day, or without one in a year that they are said to cover."""
    if checked.policy is None:
        return
    for pack in checked.policy.packs:
        for number, rest in enumerate(pack.holidays):
            empty = sorted(set(rest.years) - {day.year for day in rest.days})
            if rest.days and not empty:
                continue
            what = f"no day in {', '.join(map(str, empty))}" if empty else "no day"
            yield Finding(
                "warning",
                "holidays_missing",
                f"holidays {rest.id} of the pack {pack.pack} with {what}: nobody rests then",
                checked.rules.place(f"policies/{pack.pack}.yaml", ("holidays", number, "days")),
                _FORMAT,
            )


def unknown_holidays(policy: Policy, day: date) -> list[str]:
    """What to warn of when the holidays of a day's year are not known, by pack."""
    return [
        f"Whether {day} is a holiday is not known: {rest.id} of the policy pack {pack.pack} has no days of {day.year}."
        for pack in policy.packs
        for rest in pack.holidays
        if not rest.knows(day)
    ]
