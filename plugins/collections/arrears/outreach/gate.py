"""The gate at the moment of sending: whether a task may go now, must wait, or may not go at all.

It is asked in the transaction that takes the task, under the customer's lock, with what the outbox knows of today's
contacts. A contact that is on its way counts as if it had succeeded until it is settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from arrears.outreach.addressees import Addressee, Counts
from arrears.outreach.plan import zone_or
from arrears.outreach.rules import ContactRules
from arrears.outreach.states import DOUBTFUL_REASONS, State
from arrears.rules.policy import PolicyPack

_CARRIED_OUT = frozenset({State.SENDING, State.SENT, State.DELIVERED, State.UNKNOWN})
_UNSETTLED = frozenset({State.SENDING, State.SENT, State.UNKNOWN})


@dataclass(frozen=True)
class Opinion:
    """What the gate says of one task; `rule` names what made it say so."""

    verdict: Literal["go", "wait", "block"]
    rule: str | None = None


@dataclass
class Today:
    """What the outbox knows of one customer's contacts today, the task in question left out."""

    contacts: int = 0
    connected: int = 0
    unanswered: int = 0
    unsettled_calls: int = 0
    last_at: datetime | None = None

    def add(self, task: Mapping[str, Any], *, is_call: bool, pack: PolicyPack) -> None:
        """Counts a task that was tried."""
        state = State(task["state"])
        doubtful = state == State.FAILED and task["state_reason"] in DOUBTFUL_REASONS
        if state not in _CARRIED_OUT and not doubtful:
            return
        self.contacts += 1
        at = task["last_attempt_at"]
        self.last_at = at if self.last_at is None else max(self.last_at, at)
        if not is_call:
            return
        meaning = pack.outcomes.meaning(task["outcome"])
        self.connected += meaning == "connected"
        self.unanswered += meaning == "unanswered"
        self.unsettled_calls += task["outcome"] is None and (state in _UNSETTLED or doubtful)


@dataclass(frozen=True)
class Gate:
    """The rules of the day, asked task by task."""

    contact: ContactRules
    pack: PolicyPack
    lender_zone: ZoneInfo
    now: datetime

    def judge(self, task: Mapping[str, Any], addressee: Addressee | None, others: Today) -> Opinion:
        """Whether `task` may go now. `others` are the customer's other contacts of today."""
        if addressee is None:
            return Opinion("block", "case.closed")
        if not addressee.facts["may_be_contacted"]:
            return Opinion("block", f"hold.{addressee.facts['hold_kind'] or 'case'}")
        rule = self.contact.rule_of(task["channel"])
        if rule.asks_consent and {task["channel"], self.contact.channel_of(task["channel"]), "all"} & addressee.refused:
            return Opinion("block", "consent.refused")
        if self._promised(addressee):
            return Opinion("block", "promise.live")
        if not self.pack.allows_hour(self.now, zone_or(addressee.facts["time_zone"], self.lender_zone)):
            return Opinion("wait", self.pack.hours_rule)
        if addressee.counts.contacts + others.contacts >= self.contact.caps.contacts_per_customer:
            return Opinion("block", "cap.customer")
        if rule.is_call:
            opinion = self._judge_call(addressee.counts, others)
            if opinion.verdict != "go":
                return opinion
        spacing = timedelta(minutes=self.contact.spacing_minutes)
        if others.last_at is not None and self.now < others.last_at + spacing:
            return Opinion("wait", "spacing")
        return Opinion("go")

    def _judge_call(self, ledger: Counts, others: Today) -> Opinion:
        connected = self.pack.strictest("connected", "block")
        if connected is not None:
            known = ledger.connected + others.connected
            if known >= connected.most:
                return Opinion("block", self.pack.limit_rule(connected))
            if known + others.unsettled_calls >= connected.most:
                return Opinion("wait", self.pack.limit_rule(connected))
        unanswered = self.pack.strictest("unanswered", "block")
        if unanswered is not None and ledger.unanswered + others.unanswered >= unanswered.most:
            return Opinion("block", self.pack.limit_rule(unanswered))
        return Opinion("go")

    def _promised(self, addressee: Addressee) -> bool:
        promised, contracts = addressee.facts["contracts_promised"] or 0, addressee.facts["contracts"] or 0
        stops = self.contact.live_promise.stops
        return (stops == "any_contract" and promised > 0) or (stops == "all_contracts" and 0 < contracts == promised)


def count_today(tasks: Iterable[Mapping[str, Any]], contact: ContactRules, pack: PolicyPack) -> dict[str, Today]:
    """Today's contacts by customer, from tasks that were tried."""
    today: dict[str, Today] = {}
    for task in tasks:
        is_call = contact.rule_of(task["channel"]).is_call
        today.setdefault(task["customer_id"], Today()).add(task, is_call=is_call, pack=pack)
    return today
