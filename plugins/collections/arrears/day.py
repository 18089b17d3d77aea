"""The business day: the only clock of calculations, and whether its rows are frozen or restated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, cast, get_args

from arrears.errors import SettingsError

Basis = Literal["frozen", "restated"]


@dataclass(frozen=True, order=True)
class BusinessDay:
    """A calendar day in the lender's time zone, and the basis of the rows computed for it.

    `frozen` rows are what the day's own run knew; `restated` ones recompute a past day from a later ledger
    and lie beside the frozen ones, never over them.
    """

    as_of: date
    basis: Basis = "frozen"

    @property
    def key(self) -> str:
        """The day as a partition key, `YYYY-MM-DD`."""
        return self.as_of.isoformat()

    def __str__(self) -> str:
        return self.key if self.basis == "frozen" else f"{self.key} (restated)"


def parse_day(text: str, *, where: str) -> date:
    """A date from `YYYY-MM-DD`; raises SettingsError that names `where` for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            expected="a calendar date written YYYY-MM-DD",
            found=repr(text),
            where=where,
            action="Give the business day, for example 2026-11-20.",
        ) from None


def parse_basis(text: str, *, where: str) -> Basis:
    """A basis from its name; raises SettingsError that names `where` for anything else."""
    if text not in get_args(Basis):
        raise SettingsError(
            expected=" or ".join(get_args(Basis)),
            found=repr(text),
            where=where,
            action="frozen is what the day's own run knew, restated what was computed later.",
        )
    return cast("Basis", text)
