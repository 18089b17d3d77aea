"""Documents of a case that is handed over: the sheet of a field visit, the pack for a court or a repossession.

One folder per contact, `<home>/outbox/<channel>/<day>/<key>/`: the document as printable HTML in each language, and a
manifest with their SHA-256, written last. The same day and the same facts give the same bytes, so that handing over
again changes nothing. They are personal: only the owner may enter, and nothing of them is ever logged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jinja2
import pyarrow as pa
import sqlalchemy as sa

from arrears.ledger.contract import arrow_schema
from arrears.local import put_private
from arrears.outreach.document_words import LANGUAGES, words
from arrears.outreach.promised import promise_states
from arrears.outreach.rules import ContactRules
from arrears.run import Run
from arrears.sqlmodel import fetch_model
from arrears.strategy.ageing import ageing_parameters
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_desk import ContactResult
from arrears.warehouse.ops_serious import VehicleStep

Kind = Literal["visit", "pack"]

DOCUMENTS: Mapping[str, Kind] = {"field": "visit", "legal": "pack", "repossession": "pack"}
"""Channel → the document that goes with each of its hand-overs."""

_OF_CONTRACT = ("installments", "charges", "payments", "holds")
_TEMPLATES = Path(__file__).parent / "document_templates"
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_RESULT: sa.Table = ContactResult.__table__  # type: ignore[assignment]
_STEP: sa.Table = VehicleStep.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)


@dataclass(frozen=True)
class CaseFacts:
    """All that a document says of one case. Personal: its repr shows nothing."""

    party: Mapping[str, Any] = field(repr=False)
    contracts: Sequence[Mapping[str, Any]] = field(repr=False)
    items: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)
    payments: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)
    holds: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)
    contacts: Sequence[Mapping[str, Any]] = field(repr=False)
    promises: Sequence[Mapping[str, Any]] = field(repr=False)
    steps: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)


@dataclass(frozen=True)
class Written:
    """Where the documents of one contact are."""

    task_key: str
    folder: Path
    sha256: str
    """Of the manifest, which holds those of the documents."""


def documents_folder(outbox: Path, channel: str, day: str, task_key: str) -> Path:
    """Where the documents of a contact are."""
    return outbox / channel / day / task_key[:16]


def write_documents(
    run: Run, contact: ContactRules, channel: str, tasks: Sequence[Mapping[str, Any]], outbox: Path
) -> list[Written]:
    """Writes the documents of `tasks`, which hand over over `channel`; none for a channel that has none.

    A customer without a case any more gets none: his contact does not go. Raises OSError where the folder cannot be
    written, NotPublishedError when ledger tables are not those that were published.
    """
    kind = DOCUMENTS.get(channel)
    if kind is None or not tasks:
        return []
    facts = read_facts(run, contact, tasks)
    return [
        _write(run, contact, kind, channel, task, facts[task["customer_id"]], outbox)
        for task in tasks
        if task["customer_id"] in facts
    ]


def read_facts(run: Run, contact: ContactRules, tasks: Sequence[Mapping[str, Any]]) -> dict[str, CaseFacts]:
    """What the day's published tables and `ops` say of the customers of `tasks`, by customer."""
    published = run.lake.published("ledger", run.day) or {}
    run.lake.require("ledger", run.day, [name for name in (*_OF_CONTRACT, "contracts") if name in published])
    customers = sorted({task["customer_id"] for task in tasks})
    contracts = sorted({contract for task in tasks for contract in task["contract_ids"].split(",")})
    of_customer = {"wanted_customer": pa.table({"customer_id": pa.array(customers, pa.string())})}
    of_contract = {"wanted": pa.table({"contract_id": pa.array(contracts, pa.string())})}
    parties = fetch_model(run, "outreach/document_case", relations=of_customer).to_pylist()
    agreed = fetch_model(run, "outreach/document_contract", relations=of_contract).to_pylist()
    narrowed = {name: _narrowed(run, name, of_contract) for name in _OF_CONTRACT}
    items = fetch_model(
        run,
        "strategy/explained_items",
        relations={name: narrowed[name] for name in ("installments", "charges", "payments")},
        params=ageing_parameters(run.settings, run.rules),
    ).to_pylist()
    contacts = fetch_model(run, "outreach/document_contact", relations=of_customer).to_pylist()
    with run.warehouse.connect() as connection:
        own = _own_contacts(connection, customers, run)
        steps = _vehicle_steps(connection, contracts, run.day.as_of)
        promises = promise_states(connection, run, contact.promise, contracts).to_pylist()
    as_of = run.day.as_of
    by_contract = _grouped(agreed, "customer_id")
    item_rows = _grouped([_aged(row, as_of) for row in items], "contract_id")
    payment_rows = _grouped(
        [row for row in narrowed["payments"].to_pylist() if row["value_date"] <= as_of], "contract_id"
    )
    hold_rows = _grouped([row for row in narrowed["holds"].to_pylist() if row["start_date"] <= as_of], "contract_id")
    promise_rows = _grouped(promises, "contract_id")
    contact_rows = _grouped([*[_local(row, run) for row in contacts], *own], "customer_id")
    found: dict[str, CaseFacts] = {}
    for party in parties:
        mine = by_contract.get(party["customer_id"], [])
        ids = [contract["contract_id"] for contract in mine]
        found[party["customer_id"]] = CaseFacts(
            party=party,
            contracts=sorted(
                mine, key=lambda row: (row["contract_id"] != party["lead_contract_id"], row["contract_id"])
            ),
            items={each: item_rows.get(each, []) for each in ids},
            payments={
                each: sorted(payment_rows.get(each, []), key=lambda row: (row["value_date"], row["payment_id"]))
                for each in ids
            },
            holds={
                each: sorted(hold_rows.get(each, []), key=lambda row: (row["start_date"], row["kind"])) for each in ids
            },
            contacts=sorted(contact_rows.get(party["customer_id"], []), key=lambda row: (row["at"], row["channel"])),
            promises=[row for each in ids for row in promise_rows.get(each, [])],
            steps={each: steps.get(each, []) for each in ids},
        )
    return found


def render(kind: Kind, language: str, context: Mapping[str, Any]) -> str:
    """One document as HTML; every value is escaped."""
    return _environment().get_template(f"{kind}.html").render(w=words(language), lang=language, **context)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = _money
    return environment


def _write(
    run: Run,
    contact: ContactRules,
    kind: Kind,
    channel: str,
    task: Mapping[str, Any],
    facts: CaseFacts,
    outbox: Path,
) -> Written:
    folder = documents_folder(outbox, channel, run.day.key, task["task_key"])
    for each in (outbox, outbox / channel, folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = _digest_of(facts)
    published = run.lake.published("ledger", run.day) or {}
    context = {
        "facts": facts,
        "party": facts.party,
        "channel": channel,
        "reference": task["task_key"][:12].upper(),
        "as_of": run.day.as_of,
        "lender": contact.lender,
        "data_sha256": data,
        "ledger_sha256": hashlib.sha256(json.dumps(published, sort_keys=True).encode()).hexdigest(),
        "totals": _totals(facts),
        "attachments": _attachments(kind, channel, facts),
    }
    documents = []
    for language in LANGUAGES:
        content = render(kind, language, context).encode()
        name = f"{kind}.{language}.html"
        put_private(folder / name, content)
        documents.append({"file": name, "language": language, "sha256": hashlib.sha256(content).hexdigest()})
    manifest = {
        "task_key": task["task_key"],
        "channel": channel,
        "business_day": run.day.key,
        "kind": kind,
        "documents": documents,
        "data_sha256": data,
        "rule_set": facts.party["rule_set"],
        "rule_set_version": facts.party["rule_set_version"],
        "rule_set_hash": facts.party["rule_set_hash"],
    }
    text = (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    put_private(folder / "manifest.json", text)
    return Written(task["task_key"], folder, hashlib.sha256(text).hexdigest())


def _narrowed(run: Run, table: str, wanted: Mapping[str, pa.Table]) -> pa.Table:
    """The rows of a ledger table that belong to the wanted contracts; an absent table has none."""
    if not run.lake.exists(table, run.day):
        return arrow_schema(table).empty_table()
    return fetch_model(run, "outreach/of_contracts", relations=wanted, sources={"narrowed": table})


def _own_contacts(connection: sa.Connection, customers: Sequence[str], run: Run) -> list[dict[str, Any]]:
    """The contacts that were made from here: those that went out, and those that collectors recorded."""
    ours = sa.any_(sa.literal(list(customers), _TEXTS))
    day = run.day.as_of
    sent = connection.execute(
        sa.select(_TASK.c.customer_id, _TASK.c.last_attempt_at, _TASK.c.channel, _TASK.c.outcome, _TASK.c.state).where(
            _TASK.c.customer_id == ours,
            _TASK.c.attempts > 0,
            _TASK.c.business_day <= day,
            _TASK.c.state.in_(["sent", "delivered", "unknown"]),
            ~sa.exists().where(_RESULT.c.task_key == _TASK.c.task_key),
        )
    )
    told = connection.execute(
        sa.select(
            _RESULT.c.customer_id, _RESULT.c.attempted_at, _RESULT.c.channel, _RESULT.c.outcome, _RESULT.c.initiated_by
        ).where(_RESULT.c.customer_id == ours, _RESULT.c.business_day <= day)
    )
    zone = run.settings.zone
    rows = [
        {
            "customer_id": row.customer_id,
            "at": row.last_attempt_at.astimezone(zone).replace(tzinfo=None),
            "channel": row.channel,
            "outcome": row.outcome or row.state,
            "by_customer": False,
        }
        for row in sent
    ]
    return rows + [
        {
            "customer_id": row.customer_id,
            "at": row.attempted_at.astimezone(zone).replace(tzinfo=None),
            "channel": row.channel,
            "outcome": row.outcome,
            "by_customer": row.initiated_by == "customer",
        }
        for row in told
    ]


def _local(row: Mapping[str, Any], run: Run) -> dict[str, Any]:
    at: datetime = row["attempted_at"]
    return {
        "customer_id": row["customer_id"],
        "at": at if at.tzinfo is None else at.astimezone(run.settings.zone).replace(tzinfo=None),
        "channel": row["channel"],
        "outcome": row["outcome"] or "",
        "by_customer": row["initiated_by"] == "customer",
    }


def _vehicle_steps(connection: sa.Connection, contracts: Sequence[str], day: date) -> dict[str, list[dict[str, Any]]]:
    rows = connection.execute(
        sa.select(
            _STEP.c.contract_id, _STEP.c.step, _STEP.c.on_day, _STEP.c.order_id, _STEP.c.gps_status, _STEP.c.amount
        )
        .where(_STEP.c.contract_id == sa.any_(sa.literal(list(contracts), _TEXTS)), _STEP.c.business_day <= day)
        .order_by(_STEP.c.step_id)
    ).mappings()
    return _grouped([dict(row) for row in rows], "contract_id")


def _aged(row: Mapping[str, Any], as_of: date) -> dict[str, Any]:
    late = row["overdue_by_date"] and not row["met"]
    return {**row, "days": (as_of - row["due_date"]).days if late else None}


def _grouped(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(dict(row))
    return found


def _totals(facts: CaseFacts) -> dict[str, dict[str, Decimal]]:
    """Per contract: what fell due, what was paid of it, and what is unpaid of what is overdue."""
    return {
        contract: {
            "due": sum((row["amount_due"] for row in rows if row["overdue_by_date"]), Decimal(0)),
            "paid": sum((row["amount_paid"] for row in rows if row["overdue_by_date"]), Decimal(0)),
            "unpaid": sum((row["amount_unpaid"] for row in rows if row["overdue_by_date"]), Decimal(0)),
        }
        for contract, rows in facts.items.items()
    }


def _attachments(kind: Kind, channel: str, facts: CaseFacts) -> tuple[str, ...]:
    """What must be enclosed, by the names that the words have for it."""
    if kind == "visit":
        return ("identity_card", "statement")
    taken = {step["step"] for steps in facts.steps.values() for step in steps}
    listed = ["loan_agreement", "schedule", "statement", "registration", "power_of_attorney"]
    if any(contract["guarantor_id"] for contract in facts.contracts):
        listed.append("guarantee")
    if "demand_sent" in taken or channel == "repossession":
        listed.append("demand")
    if channel == "repossession":
        listed.append("order")
    return tuple(listed)


def _digest_of(facts: CaseFacts) -> str:
    """SHA-256 over all facts of a document, in one written form."""
    return hashlib.sha256(
        json.dumps(
            {name: getattr(facts, name) for name in CaseFacts.__dataclass_fields__}, sort_keys=True, default=str
        ).encode()
    ).hexdigest()


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"
