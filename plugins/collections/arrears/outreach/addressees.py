"""Who is written to, and what is true of them now: read from the day's published tables at the moment of sending."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import phonenumbers
import pyarrow as pa

from arrears.outreach.channels.base import Message
from arrears.outreach.channels.files import COLUMNS
from arrears.outreach.plan import channel_relations
from arrears.outreach.rules import ContactRules
from arrears.outreach.templates import Templates, clean
from arrears.rules.policy import PolicyPack
from arrears.run import Run
from arrears.sqlmodel import fetch_model
from arrears.strategy.ageing_rules import AgeingRules

LEDGER_TABLES = ("consents", "contact_results", "contracts", "customers", "holds", "promises")
TREATMENT_TABLES = ("cases", "treatment")

_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Counts:
    """What the ledger knows of a customer's contacts today."""

    contacts: int = 0
    connected: int = 0
    unanswered: int = 0


@dataclass(frozen=True)
class Addressee:
    """One customer with a case. Personal: its repr shows the key alone."""

    customer_id: str
    facts: Mapping[str, Any] = field(repr=False)
    refused: frozenset[str] = frozenset()
    counts: Counts = Counts()

    def phone(self, country: str) -> str | None:
        """The phone number in E.164 form, None when there is none that could exist."""
        try:
            number = phonenumbers.parse(self.facts["phone"] or "", country)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_possible_number(number):
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def email(self) -> str | None:
        """The e-mail address, None when there is none that could be one."""
        address = (self.facts["email"] or "").strip()
        local, at, domain = address.rpartition("@")
        usable = address.isprintable() and not any(char in address for char in ' ,;:<>()[]\\"')
        return address if usable and local and at and "." in domain and "@" not in local else None


class Addressees:
    """The addressees of one push; customers are read when they are first asked for."""

    def __init__(self, run: Run, contact: ContactRules, pack: PolicyPack) -> None:
        run.lake.require("ledger", run.day, LEDGER_TABLES)
        run.lake.require("treatment", run.day, TREATMENT_TABLES)
        self._run = run
        self._contact = contact
        names = channel_relations(contact, pack)
        self._refused: dict[str, set[str]] = {}
        for row in fetch_model(run, "outreach/contact_refusal", relations=names).to_pylist():
            self._refused.setdefault(row["customer_id"], set()).add(row["channel"])
        self._counts = {
            row["customer_id"]: Counts(row["contacts_today"], row["connected_today"], row["unanswered_today"])
            for row in fetch_model(run, "outreach/contact_count", relations=names).to_pylist()
        }
        self._stop_holds = run.rules.load("ageing.yaml", AgeingRules).stop_holds
        self._known: dict[str, Addressee | None] = {}

    def of(self, customers: Collection[str]) -> Mapping[str, Addressee | None]:
        """The addressees of `customers`; None for one that has no case any more."""
        wanted = sorted(set(customers) - self._known.keys())
        if wanted:
            self._known.update(dict.fromkeys(wanted))
            self._read(wanted)
        return self._known

    def _read(self, wanted: list[str]) -> None:
        rows = fetch_model(
            self._run,
            "outreach/addressee",
            relations={
                "wanted": pa.table({"customer_id": pa.array(wanted, pa.string())}),
                "stop_hold": pa.table({"kind": pa.array(self._stop_holds, pa.string())}),
            },
            params={"promises_due_from": self._run.day.as_of - timedelta(days=self._contact.live_promise.grace_days)},
        )
        for row in rows.to_pylist():
            key = row["customer_id"]
            self._known[key] = Addressee(
                key, row, frozenset(self._refused.get(key, ())), self._counts.get(key, Counts())
            )


def compose(
    task: Mapping[str, Any], addressee: Addressee, contact: ContactRules, templates: Templates
) -> Message | None:
    """The message of a task; None when the customer has no address that its channel could use."""
    channel = contact.channels[task["channel"]]
    if channel.address == "none":
        return Message(task["task_key"], language=task["language"], row=_row(task, addressee, contact))
    address = addressee.phone(contact.default_country) if channel.address == "phone" else addressee.email()
    if address is None:
        return None
    facts = addressee.facts
    values = {
        "name": facts["name"] or "",
        "lender": contact.lender[task["language"]],
        "currency": facts["currency"] or "",
        "overdue_amount": f"{facts['overdue_amount']:,}",
        "days_past_due": str(facts["days_past_due"]),
        "contracts": str(len(task["contract_ids"].split(","))),
        "reference": task["task_key"][:12],
        "opt_out": contact.opt_out,
    }
    text = templates.render(task["template"], task["language"], values)
    return Message(task["task_key"], to=address, text=text, language=task["language"])


def _row(task: Mapping[str, Any], addressee: Addressee, contact: ContactRules) -> dict[str, str]:
    facts: dict[str, Any] = {**addressee.facts, **task}
    facts["phone"] = addressee.phone(contact.default_country)
    row = {name: "" if facts.get(name) is None else clean(str(facts[name])) for name in COLUMNS}
    for name in ("name", "region", "product", "vehicle_type"):
        # a spreadsheet would run these as formulas
        if row[name].startswith(_FORMULA):
            row[name] = "'" + row[name]
    return row
