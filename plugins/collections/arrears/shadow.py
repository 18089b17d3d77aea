"""A run in the shadow: one day over its published tables under given rules, leaving no trace where others read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from arrears.lake import ShadowLake
from arrears.run import Run

if TYPE_CHECKING:
    import sqlalchemy as sa

    from arrears.rules.rule_set import RuleSet


@dataclass(frozen=True)
class ShadowRun(Run):
    """A run whose lake is a shadow, whose rules are given, and whose warehouse is read only."""

    given_rules: RuleSet

    @cached_property
    def rules(self) -> RuleSet:
        """The rule set that the run was given, whatever day it is valid on."""
        return self.given_rules

    @cached_property
    def warehouse(self) -> sa.Engine:
        """The warehouse in read-only transactions: PostgreSQL itself refuses a write."""
        from arrears.warehouse.connect import open_warehouse

        return open_warehouse(self.settings).execution_options(postgresql_readonly=True)


def shadow_run(run: Run, root: Path, rules: RuleSet) -> ShadowRun:
    """The day of `run` over the same tables under `rules`; what it writes stays below `root`.

    The caller closes it, as it does `run`.
    """
    return ShadowRun(
        settings=run.settings,
        clock=run.clock,
        day=run.day,
        lake=ShadowLake(run.lake, root),
        given_rules=rules,
    )
