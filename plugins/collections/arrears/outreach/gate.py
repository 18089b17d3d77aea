"""The gate at the moment of sending: whether a task may go now, must wait, or may not go at all.

It is asked in the transaction that takes the task, under the customer's lock, with all that is known of his contacts.
A contact that is on its way, or of which nobody knows how it ended, may still count: while it does, others wait.
Every rule is asked; the first strictest verdict holds, and what else the policy remarks is kept as flags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from arrears.outreach.addressees import Addressee
from arrears.outreach.channels.names import MANUAL_CHANNEL
from arrears.outreach.contacts import Contact
from arrears.outreach.places import Place, day_starts, ledger_time, place_of
from arrears.outreach.rules import ChannelRule, ContactRules
from arrears.outreach.stated import EVERY_CHANNEL, Statement, agreed, agreed_hours, refusals
from arrears.rules.policy import ContactLimit, Policy, PolicyPack

HOUSE = "contact.yaml"
"""Source of the lender's own rules."""

_STRICTNESS = {"block": 0, "wait": 1, "warn": 2, "rebut": 3}


@dataclass(frozen=True)
class Opinion:
    """What the gate says of one task; `rule` names what made it say so, or what it remarks first."""

    verdict: Literal["go", "wait", "block"]
    rule: str | None = None
    source: str | None = None
    flags: tuple[str, ...] = ()
    """All that the rules remark, as `verdict:rule`."""


class Finding(NamedTuple):
    """What one rule says."""

    verdict: Literal["block", "wait", "warn", "rebut"]
    rule: str
    source: str


@dataclass
class Book:
    """What is known of one customer's contacts, the tasks in question left out."""

    contacts: list[Contact] = field(default_factory=list)
    """His own within the look-back."""
    at_number: list[Contact] = field(default_factory=list)
    """Those at his number, his own and those of whoever else has it; shared with them."""
    counts_number: bool = False
    """Whether a limit counts per number."""
    statements: tuple[Statement, ...] = ()
    """What he stated, the ledger's and today's."""
    paid: bool = False
    """Whether a payment arrived since the ledger was pulled."""
    answered: bool = False
    """Whether he answered today, or got in touch himself."""

    def reserve(self, kind: Any, contracts: str, now: datetime) -> None:
        """Counts a contact that goes now."""
        contact = Contact(
            kind=kind,
            contracts=frozenset(contracts.split(",")) if contracts else None,
            outcome=None,
            at=now,
            pending=True,
            went=False,
            today=True,
        )
        self.contacts.append(contact)
        if self.counts_number:
            self.at_number.append(contact)


@dataclass(frozen=True)
class Gate:
    """The rules of the day, asked task by task."""

    contact: ContactRules
    policy: Policy
    lender_zone: ZoneInfo
    now: datetime

    def judge(self, task: Mapping[str, Any], addressee: Addressee | None, book: Book) -> Opinion:
        """Whether `task` may go now, with what is known of the customer's other contacts."""
        if addressee is None:
            return Opinion("block", "case.closed", "the day's cases", ("block:case.closed",))
        found = list(self._findings(task, addressee, book))
        flags = tuple(f"{each.verdict}:{each.rule}" for each in found)
        if not found:
            return Opinion("go")
        first = min(found, key=lambda each: _STRICTNESS[each.verdict])
        verdict: Literal["go", "wait", "block"] = (
            "block" if first.verdict == "block" else "wait" if first.verdict == "wait" else "go"
        )
        return Opinion(verdict, first.rule, first.source, flags)

    def _findings(self, task: Mapping[str, Any], addressee: Addressee, book: Book) -> Iterator[Finding]:
        rule = self.contact.rule_of(task["channel"])
        place = place_of(self.policy, addressee.facts["time_zone"], addressee.facts["region"])
        names = frozenset({task["channel"], self.contact.channel_of(task["channel"]), EVERY_CHANNEL})
        closes = task.get("window_closes_at") or self.now + timedelta(days=1)
        if not addressee.facts["may_be_contacted"]:
            yield Finding("block", f"hold.{addressee.facts['hold_kind'] or 'case'}", "the ledger's holds")
        for refusal in refusals(book.statements, self.policy, place, rule, names, self.now, closes):
            yield Finding("wait" if refusal.passes else "block", refusal.rule, refusal.source)
        if self._promised(addressee):
            yield Finding("block", "promise.live", HOUSE)
        if self.contact.stop_on.payment and book.paid:
            yield Finding("block", "payment.received", HOUSE)
        by_hand = task["channel"] == MANUAL_CHANNEL
        if book.answered and rule.kind in self.contact.stop_on.reply and not by_hand:
            yield Finding("block", "reply.received", HOUSE)
        today = sum(1 for each in book.contacts if each.today and not each.by_customer)
        if today >= self.contact.caps.contacts_per_customer:
            yield Finding("block", "cap.customer", HOUSE)
        contracts = task.get("contract_ids")
        debts = contracts.split(",") if contracts else []
        for pack, zones in zip(self.policy.packs, place.by_pack, strict=True):
            yield from self._of_pack(pack, zones, place, rule, names, debts, book)
        spacing = timedelta(minutes=self.contact.spacing_minutes)
        last = max((each.at for each in book.contacts if each.today and each.at is not None), default=None)
        if last is not None and self.now < last + spacing:
            yield Finding("wait", "spacing", HOUSE)

    def _of_pack(
        self,
        pack: PolicyPack,
        zones: tuple[ZoneInfo, ...],
        place: Place,
        rule: ChannelRule,
        names: frozenset[str],
        debts: Collection[str],
        book: Book,
    ) -> Iterator[Finding]:
        hours = pack.hours
        if (
            hours is not None
            and rule.kind in hours.kinds
            and any(hours.forbids(self.now.astimezone(zone).time()) for zone in zones)
            and not (hours.unless_agreed and agreed_hours(book.statements, place.zones, names, self.now))
        ):
            yield Finding("wait", pack.hours_rule, pack.cite(hours.source))
        for rest in pack.holidays:
            if rule.kind in rest.kinds and any(self.now.astimezone(zone).date() in rest.days for zone in zones):
                yield Finding(rest.verdict, pack.rule(rest.id), pack.cite(rest.source))
        consents = agreed(book.statements, pack, zones, names, self.now)
        for limit in pack.all_limits:
            if rule.kind not in limit.kinds or (limit.unless_agreed and consents):
                continue
            known, open_ones = self._count(pack, limit, zones, debts, book)
            if known >= limit.most:
                yield Finding(limit.verdict, pack.rule(limit.id), pack.cite(limit.source))
            elif limit.verdict == "block" and known + open_ones >= limit.most:
                yield Finding("wait", pack.rule(limit.id), pack.cite(limit.source))

    def _count(
        self, pack: PolicyPack, limit: ContactLimit, zones: tuple[ZoneInfo, ...], debts: Collection[str], book: Book
    ) -> tuple[int, int]:
        """How many contacts count for a limit, and how many more may."""
        since = day_starts(zones, self.now, limit.days)
        since_ledger = self._ledger_time(since)
        known: list[Contact] = []
        may: list[Contact] = []
        for each in book.at_number if limit.per == "number" else book.contacts:
            if each.kind not in limit.kinds or (each.by_customer and limit.begun_by == "lender"):
                continue
            if not each.is_since(since, since_ledger):
                continue
            if each.pending and not (each.went and not limit.counts):
                may.append(each)
            elif pack.counts(limit, each.outcome):
                known.append(each)
        if limit.per != "person_and_debt" or not debts:
            return len(known), len(may)
        counts = [(_about(known, debt), _about(may, debt)) for debt in debts]
        return max(count for count, _ in counts), max(sum(both) for both in counts) - max(count for count, _ in counts)

    def _ledger_time(self, instant: datetime) -> datetime:
        return ledger_time(instant, self.lender_zone)

    def _promised(self, addressee: Addressee) -> bool:
        promised, stops = addressee.promised, self.contact.live_promise.stops
        if not promised or stops == "never":
            return False
        return stops == "any_contract" or promised == addressee.debts


def _about(contacts: Iterable[Contact], debt: str) -> int:
    return sum(1 for each in contacts if each.contracts is None or debt in each.contracts)
