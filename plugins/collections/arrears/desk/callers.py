"""Who asks the desk: a collector, a lead or somebody who looks on, and for whom he may act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from arrears.desk.refusals import Refusal

Role = Literal["collector", "lead", "viewer"]
Via = Literal["airflow", "token", "command"]


@dataclass(frozen=True)
class Caller:
    """One person or system that asks, as whoever let it in knows it."""

    name: str
    """Airflow's login, or the token's name: what the audit says of who did it."""
    role: Role
    collector_id: str | None = None
    """Whose cases, for the role collector."""
    teams: frozenset[str] | None = None
    """Teams that a lead or viewer is for; None: all."""
    via: Via = "command"

    def __post_init__(self) -> None:
        if self.role == "collector" and not self.collector_id:
            raise Refusal(
                kind="forbidden",
                rule="caller.without_collector",
                expected="a collector's caller with his collector_id",
                found="none",
                where="the caller",
                action="Make the token for a collector, or for a lead.",
            )

    def must_change(self, what: str) -> None:
        """Refuses a viewer."""
        if self.role == "viewer":
            raise _forbidden("role.viewer", "a collector or a lead", "one who may only look", what)

    def must_lead(self, what: str) -> None:
        """Refuses everybody but leads."""
        if self.role != "lead":
            raise _forbidden("role.lead", "a lead", f"a {self.role}", what)

    def must_lead_all(self, what: str) -> None:
        """Refuses everybody but leads of all teams: what concerns a whole queue concerns every team."""
        self.must_lead(what)
        if self.teams is not None:
            raise _forbidden("scope.queue", "a lead of all teams", "a lead of some", what)

    def acts_for(self, collector_id: str | None, what: str) -> str:
        """The collector that the caller acts for: himself, or for a lead the one he names."""
        self.must_change(what)
        if self.role == "collector":
            assert self.collector_id is not None  # noqa: S101 - held by __post_init__
            if collector_id not in (None, self.collector_id):
                raise _forbidden("scope.collector", "the caller's own cases", "somebody else's", what)
            return self.collector_id
        if not collector_id:
            raise Refusal(
                kind="invalid",
                rule="collector.missing",
                expected="the collector for whom a lead acts",
                found="none",
                where=what,
                action="Name a collector_id.",
            )
        return collector_id

    def must_cover(self, team: str | None, what: str) -> None:
        """Refuses a lead or viewer of some teams for a collector of another one."""
        if self.role != "collector" and self.teams is not None and team not in self.teams:
            raise _forbidden("scope.team", "a collector of the caller's teams", "one of another team", what)


def _forbidden(rule: str, expected: str, found: str, what: str) -> Refusal:
    return Refusal(
        kind="forbidden",
        rule=rule,
        expected=expected,
        found=found,
        where=what,
        action="Ask somebody who may, or have the caller's rights changed.",
    )
