"""What is known of customers' contacts under their locks, and the gate asked with it.

Whoever counts a customer's contacts to decide on another one holds the customer's lock from the count until the
transaction that writes the reservation ends, so that two of them cannot both find room for the last one. Where a limit
counts per number, the number's lock is held as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from arrears.outreach.addressees import Addressee, Addressees
from arrears.outreach.contacts import Contact, standing
from arrears.outreach.gate import Book, Gate, Opinion
from arrears.outreach.promised import with_promises
from arrears.outreach.rules import ContactRules
from arrears.outreach.stated import Statement
from arrears.warehouse import locks
from arrears.warehouse.ops_consents import CustomerConsent, CustomerNotice
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_desk import ContactResult

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_RESULT: sa.Table = ContactResult.__table__  # type: ignore[assignment]
_CONSENT: sa.Table = CustomerConsent.__table__  # type: ignore[assignment]
_NOTICE: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)


def ask_gate(
    connection: sa.Connection, gate: Gate, addressees: Addressees, tasks: Sequence[Mapping[str, Any]]
) -> list[Opinion]:
    """What the gate says of `tasks`, one opinion each, in their order; takes the customers' locks.

    The tasks are locked by the caller, who reserves those that may go in the same transaction: one that goes counts
    for those behind it. What the policy blocks or remarks is written on the tasks.
    """
    customers = sorted({task["customer_id"] for task in tasks})
    known = addressees.of(customers)
    books = open_books(connection, gate, known, customers, besides=[task["task_key"] for task in tasks])
    known = with_promises(connection, known, customers, gate.now.date(), gate.contact.live_promise)
    opinions = []
    for task in tasks:
        book = books[task["customer_id"]]
        opinion = gate.judge(task, known[task["customer_id"]], book)
        if opinion.verdict == "go":
            book.reserve(gate.contact.rule_of(task["channel"]).kind, task["contract_ids"], gate.now)
        opinions.append(opinion)
    _keep(connection, gate, tasks, opinions)
    return opinions


def open_books(
    connection: sa.Connection,
    gate: Gate,
    known: Mapping[str, Addressee | None],
    customers: Collection[str],
    besides: Sequence[str],
) -> dict[str, Book]:
    """The books of `customers`, whose locks it takes; the tasks `besides` are left out."""
    counts_numbers = gate.policy.counts_numbers
    numbers = {each: known_one.number_key for each in customers if (known_one := known[each]) and counts_numbers}
    lock_customers(connection, [*customers, *(f"number|{number}" for number in numbers.values() if number)])
    peers = {peer for each in numbers if (one := known[each]) for peer in one.peers}
    told, ids = _of_outbox(connection, gate, sorted({*customers, *peers}), besides)
    statements = _statements(connection, gate.contact, customers)
    paid, answered = _notices(connection, gate, customers)
    books: dict[str, Book] = {}
    at_number: dict[str, list[Contact]] = {}
    for customer in customers:
        one = known[customer]
        own = list(told.get(customer, ()))
        by_ledger = [contact for key, contact in one.contacts if key not in ids] if one else []
        number = numbers.get(customer)
        if number and one and number not in at_number:
            others = [contact for peer in one.peers for contact in told.get(peer, ())]
            others += [contact for key, contact in one.peer_contacts if key not in ids]
            at_number[number] = [*own, *by_ledger, *others]
        contacts = [*own, *by_ledger]
        books[customer] = Book(
            contacts=contacts,
            at_number=at_number[number] if number else contacts.copy(),
            counts_number=counts_numbers,
            statements=(*(one.statements if one else ()), *statements.get(customer, ())),
            paid=customer in paid,
            answered=customer in answered or any(each.by_customer and each.today for each in contacts),
        )
    return books


def lock_customers(connection: sa.Connection, customers: Sequence[str]) -> None:
    """Takes the locks of customers until the transaction ends: who counts a customer's contacts holds it."""
    # sorted, so that two workers never wait for each other in a circle; who shares a key shares a lock, no harm done
    keys = sorted(
        {int.from_bytes(hashlib.sha256(each.encode()).digest()[:4], "big", signed=True) for each in customers}
    )
    wanted = sa.func.unnest(sa.literal(keys, sa.ARRAY(sa.Integer))).column_valued("wanted")
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(locks.CUSTOMERS, wanted))).all()


def _of_outbox(
    connection: sa.Connection, gate: Gate, customers: Sequence[str], besides: Sequence[str]
) -> tuple[dict[str, list[Contact]], set[str]]:
    """Contacts that Arrears and the desk made, by customer, and the ids under which a ledger may feed them back."""
    # a day more than the limits look back, as the debtor's day may not be the lender's; nothing is left out for being
    # later than now, so that a clock that was set back forgets nothing
    since = gate.now.date() - timedelta(days=gate.policy.look_back_days + 1)
    found: dict[str, list[Contact]] = {}
    ids: set[str] = set()
    today = gate.now.date()
    tasks = connection.execute(
        sa.select(
            _TASK.c.task_key,
            _TASK.c.customer_id,
            _TASK.c.contract_ids,
            _TASK.c.channel,
            _TASK.c.business_day,
            _TASK.c.state,
            _TASK.c.state_reason,
            _TASK.c.outcome,
            _TASK.c.last_attempt_at,
            _RESULT.c.result_id,
        )
        .outerjoin(_RESULT, _RESULT.c.task_key == _TASK.c.task_key)
        .where(
            _TASK.c.customer_id == sa.any_(sa.literal(list(customers), _TEXTS)),
            _TASK.c.business_day >= since,
            _TASK.c.attempts > 0,
        )
    ).mappings()
    left_out = set(besides)
    for task in tasks:
        ids.add(task["task_key"])
        if task["result_id"] is not None:
            ids.add(task["result_id"])
        stands = standing(dict(task))
        if stands is None or task["task_key"] in left_out:
            continue
        contact = Contact(
            kind=gate.contact.rule_of(task["channel"]).kind,
            contracts=frozenset(task["contract_ids"].split(",")) if task["contract_ids"] else None,
            outcome=task["outcome"],
            at=task["last_attempt_at"],
            pending=stands.pending,
            went=stands.went,
            today=task["business_day"] == today and stands.reached,
        )
        found.setdefault(task["customer_id"], []).append(contact)
    results = connection.execute(
        sa.select(_RESULT).where(
            _RESULT.c.customer_id == sa.any_(sa.literal(list(customers), _TEXTS)),
            _RESULT.c.business_day >= since,
            _RESULT.c.task_key.is_(None),
        )
    ).mappings()
    for result in results:
        ids.add(result["result_id"])
        contact = Contact(
            kind=gate.contact.rule_of(result["channel"]).kind,
            contracts=frozenset({result["contract_id"]}),
            outcome=result["outcome"],
            at=result["attempted_at"],
            by_customer=result["initiated_by"] == "customer",
            today=result["business_day"] == today,
        )
        found.setdefault(result["customer_id"], []).append(contact)
    return found, ids


def _statements(
    connection: sa.Connection, contact: ContactRules, customers: Collection[str]
) -> dict[str, list[Statement]]:
    rows = connection.execute(
        sa.select(_CONSENT).where(_CONSENT.c.customer_id == sa.any_(sa.literal(sorted(customers), _TEXTS)))
    ).mappings()
    found: dict[str, list[Statement]] = {}
    for row in rows:
        found.setdefault(row["customer_id"], []).append(
            Statement(
                channel=contact.channel_of(row["channel"]),
                allowed=row["allowed"],
                reason=row["reason"],
                starts=row["valid_from"],
                ends=row["valid_to"],
                local_from=time.fromisoformat(row["local_from"]) if row["local_from"] else None,
                local_to=time.fromisoformat(row["local_to"]) if row["local_to"] else None,
                place=row["place"],
            )
        )
    return found


def _notices(connection: sa.Connection, gate: Gate, customers: Collection[str]) -> tuple[set[str], set[str]]:
    """Who paid and who answered today."""
    midnight = datetime.combine(gate.now.date(), time.min, gate.lender_zone).astimezone(UTC)
    rows = connection.execute(
        sa.select(_NOTICE.c.customer_id, _NOTICE.c.kind)
        .distinct()
        .where(_NOTICE.c.customer_id == sa.any_(sa.literal(sorted(customers), _TEXTS)), _NOTICE.c.at >= midnight)
    ).all()
    return (
        {customer for customer, kind in rows if kind == "payment"},
        {customer for customer, kind in rows if kind == "reply"},
    )


def _keep(
    connection: sa.Connection, gate: Gate, tasks: Sequence[Mapping[str, Any]], opinions: Sequence[Opinion]
) -> None:
    """Writes on the tasks what the policy blocked or remarked; who only waits is asked again, and stays as it is."""
    changes = list(_remarks(gate, tasks, opinions))
    if not changes:
        return
    columns = {name: [change[name] for change in changes] for name in changes[0]}
    said = (
        sa.func.unnest(*[sa.literal(values, _TEXTS) for values in columns.values()])
        .table_valued(*[sa.column(name, sa.Text) for name in columns], name="said")
        .render_derived()
    )
    connection.execute(
        sa.update(_TASK)
        .where(_TASK.c.task_key == said.c.task_key)
        .values({name: said.c[name] for name in columns if name != "task_key"})
    )


def _remarks(
    gate: Gate, tasks: Sequence[Mapping[str, Any]], opinions: Sequence[Opinion]
) -> Iterator[dict[str, str | None]]:
    for task, opinion in zip(tasks, opinions, strict=True):
        flags = ",".join(opinion.flags) or None
        if opinion.verdict == "wait" or (opinion.rule, flags) == (task.get("policy_rule"), task.get("policy_flags")):
            continue
        yield {
            "task_key": task["task_key"],
            "policy": gate.policy.name,
            "policy_rule": opinion.rule,
            "policy_source": opinion.source,
            "policy_flags": flags,
        }
