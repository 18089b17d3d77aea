"""Who is written to, and what is true of them now: read from the day's published tables at the moment of sending."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from arrears.outreach.channels.base import Message
from arrears.outreach.channels.files import COLUMNS
from arrears.outreach.contacts import Contact
from arrears.outreach.relations import NO_OPS, channel_relations, history_from
from arrears.outreach.rules import ContactRules
from arrears.outreach.stated import Statement
from arrears.outreach.templates import Templates, clean
from arrears.rules.policy import Policy
from arrears.run import Run
from arrears.sqlmodel import fetch_model
from arrears.strategy.ageing_rules import AgeingRules

LEDGER_TABLES = ("consents", "contact_results", "contracts", "customers", "holds", "promises")
TREATMENT_TABLES = ("cases", "treatment")

_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Addressee:
    """One customer with a case. Personal: its repr shows the key alone."""

    customer_id: str
    facts: Mapping[str, Any] = field(repr=False)
    statements: tuple[Statement, ...] = ()
    """What the ledger knows that he refuses or allows."""
    contacts: tuple[tuple[str, Contact], ...] = ()
    """The ledger's contacts with him within the look-back, each with the id of its result."""
    number_key: str | None = field(default=None, repr=False)
    """What counts as his number; None when he has none."""
    peers: tuple[str, ...] = ()
    """Who else has his number."""
    peer_contacts: tuple[tuple[str, Contact], ...] = ()
    """The ledger's contacts with them."""

    @property
    def debts(self) -> frozenset[str]:
        """The contracts of his case."""
        return _ids(self.facts["debts"])

    @property
    def promised(self) -> frozenset[str]:
        """Those of them with a live promise."""
        return _ids(self.facts["promised"])

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


def _ids(joined: str | None) -> frozenset[str]:
    return frozenset(joined.split(",")) if joined else frozenset()


class Addressees:
    """The addressees of one push; customers are read when they are first asked for."""

    def __init__(self, run: Run, contact: ContactRules, policy: Policy) -> None:
        run.lake.require("ledger", run.day, LEDGER_TABLES)
        run.lake.require("treatment", run.day, TREATMENT_TABLES)
        self._run = run
        self._contact = contact
        self._zone = run.settings.zone
        names = channel_relations(contact)
        history = fetch_model(
            run,
            "outreach/contact_history",
            relations={**names, **NO_OPS},
            params={"history_from": history_from(run, policy)},
        )
        self._history = Grouped(history, "customer_id")
        self._statements = Grouped(
            fetch_model(run, "outreach/customer_statement", relations={**names, **NO_OPS}), "customer_id"
        )
        shared = fetch_model(run, "outreach/shared_number") if policy.counts_numbers else None
        self._numbers = None if shared is None else Grouped(shared, "number_key")
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
            key, number = row["customer_id"], row["number_key"]
            same = [] if self._numbers is None or number is None else self._numbers.of(number)
            peers = tuple(each["customer_id"] for each in same if each["customer_id"] != key)
            self._known[key] = Addressee(
                key,
                row,
                tuple(self._statement(said) for said in self._statements.of(key)),
                tuple(self._contacts(key)),
                number,
                peers,
                tuple(each for peer in peers for each in self._contacts(peer)),
            )

    def _contacts(self, customer_id: str) -> Iterator[tuple[str, Contact]]:
        for row in self._history.of(customer_id):
            yield (
                row["result_id"],
                Contact(
                    kind=row["kind"],
                    contracts=None if row["contract_ids"] is None else frozenset({row["contract_ids"]}),
                    outcome=row["outcome"],
                    at_ledger=row["at_ledger"],
                    by_customer=row["by_customer"],
                    today=row["today"],
                ),
            )

    def _statement(self, row: Mapping[str, Any]) -> Statement:
        starts, ends = row["starts_ledger"], row["ends_ledger"]
        return Statement(
            channel=row["channel"],
            allowed=row["allowed"],
            reason=row["reason"],
            starts=None if starts is None else starts.replace(tzinfo=self._zone),
            ends=None if ends is None else ends.replace(tzinfo=self._zone),
        )


class Grouped:
    """Rows of a table by one of its columns, made into Python's own only when they are asked for."""

    def __init__(self, table: pa.Table, key: str) -> None:
        self._table = table.sort_by(key)
        keys = self._table[key].combine_chunks()
        counted = pc.value_counts(keys)
        names, sizes = counted.field("values").to_pylist(), counted.field("counts").to_numpy()
        ends = sizes.cumsum()
        self._places = dict(zip(names, zip((ends - sizes).tolist(), sizes.tolist(), strict=True), strict=True))

    def of(self, key: str) -> list[dict[str, Any]]:
        """The rows of `key`; none for a key that has none."""
        start, size = self._places.get(key, (0, 0))
        return self._table.slice(start, size).to_pylist() if size else []


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
