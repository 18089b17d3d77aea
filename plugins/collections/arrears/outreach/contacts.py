"""Past contacts as the policy counts them: what kind, how they ended, when, and about which debts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from arrears.outreach.states import DOUBTFUL_REASONS, State
from arrears.rules.policy import Kind

_CARRIED_OUT = frozenset({State.SENDING, State.SENT, State.DELIVERED, State.UNKNOWN})
_WENT = frozenset({State.SENT, State.DELIVERED})


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact that was made, or may have been."""

    kind: Kind
    contracts: frozenset[str] | None
    """Debts that it was about; None: not known, so all of the customer's."""
    outcome: str | None
    """How it ended; None: nobody knows, or nobody knows yet."""
    at: datetime | None = None
    """When it was tried; None for one of the ledger."""
    at_ledger: datetime | None = None
    """When it was made, in the ledger's time without zone; None for one of Arrears' own."""
    pending: bool = False
    """Whether it is not settled how it ended: it may still count."""
    went: bool = True
    """Whether it is certain that it went, however it ended."""
    by_customer: bool = False
    """Whether the customer began it."""
    today: bool = False
    """Whether it is one of the business day, and reached the customer's line or may have."""

    def is_since(self, since: datetime, since_ledger: datetime) -> bool:
        """Whether it was made at or after an instant, given in both notations."""
        return (self.at is not None and self.at >= since) or (
            self.at_ledger is not None and self.at_ledger >= since_ledger
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a tried task of the outbox is as a contact."""

    pending: bool
    went: bool
    reached: bool
    """Whether it reached, or may reach, the customer's line."""


def standing(task: Mapping[str, Any]) -> Standing | None:
    """What a task that was tried is as a contact; None when nothing reached the customer's line.

    Unsettled, and so a contact until it is resolved: a reservation, a message that the provider took without saying
    how it ended, and one that may have gone. A failed try that certainly did not go is none; one that the provider
    gave up counts as its outcome says.
    """
    state, outcome = State(task["state"]), task["outcome"]
    doubtful = state == State.FAILED and task["state_reason"] in DOUBTFUL_REASONS
    if state in _CARRIED_OUT or doubtful:
        return Standing(pending=outcome is None and state != State.DELIVERED, went=state in _WENT, reached=True)
    if state == State.DEAD and outcome is not None:
        return Standing(pending=False, went=True, reached=False)
    return None
