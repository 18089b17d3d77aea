"""The generated lender: chunks of all ledger tables as of a day, from a seed.

The lender gives out loans every month. Its ledger as of a day holds the contracts of the `VINTAGES` months before the
day's month; older ones are archived. Who signed what in a month, and how they paid, does not depend on the day of the
ledger: the ledger of a later day of the same lender (same `contracts` and `seed`) is the earlier one, some days on.
No row is dated after the day, but for what is planned: instalments, due days of promises, ends of holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from arrears.demo.lender import columns
from arrears.demo.lender.activity import (
    all_collector_ids,
    contact_results_table,
    holds_table,
    promises_table,
    scores_table,
)
from arrears.demo.lender.behaviour import CHARGE_KINDS, History, live_through
from arrears.demo.lender.book import Book, Vintage, contracts_table, installments_table, sign_contracts
from arrears.demo.lender.collectors import lender_collectors
from arrears.demo.lender.draws import Draws, Integers, scattered
from arrears.demo.lender.months import day_number, month_of
from arrears.demo.lender.people import consents_table, customers_table, meet_people
from arrears.errors import SettingsError
from arrears.ledger.contract import TABLES, arrow_schema

VERSION = 3
"""Raised whenever the same arguments give other rows than before."""

VINTAGES = 32
"""Months of origination that a ledger holds."""

DEFAULT_CONTRACTS = 20_000
DEFAULT_SEED = 20_261_120
MOST_CONTRACTS = 9_000_000 * VINTAGES

_CHUNK_CONTRACTS = 32_768
_BOOKED_LATE_PERCENT = 2

Chunk: TypeAlias = Mapping[str, pa.Table]
"""Ledger table → rows. Text columns may be dictionary-encoded; `plain` makes them the contract's types."""


def generate(as_of: date, contracts: int = DEFAULT_CONTRACTS, seed: int = DEFAULT_SEED) -> Iterator[Chunk]:
    """The lender's ledger as of `as_of`, all 11 tables in every chunk, ordered by key, at most 32,768 contracts each.

    Equal arguments give equal rows on every machine. Raises SettingsError when there are no or too many contracts.
    """
    if not 0 < contracts <= MOST_CONTRACTS:
        raise SettingsError(
            expected=f"1 to {MOST_CONTRACTS:,} contracts",
            found=f"{contracts:,}",
            where="the generated lender",
            action="Give another number of contracts.",
        )
    if seed < 0:
        raise SettingsError(
            expected="a seed of 0 or more",
            found=str(seed),
            where="the generated lender",
            action="Give another seed.",
        )
    this_month = month_of(as_of)
    collectors = lender_collectors(as_of, contracts)
    for vintage in _vintages(this_month, contracts):
        yield _chunk(vintage, as_of, contracts, seed, collectors)
        collectors = collectors.slice(0, 0)


def plain(table: pa.Table, name: str) -> pa.Table:
    """`table` with exactly the contract's types for the ledger table `name`."""
    return table.cast(arrow_schema(name))


def _vintages(this_month: int, contracts: int) -> Iterator[Vintage]:
    for month in range(this_month - VINTAGES, this_month):
        # however the window lies, its months sum up to `contracts`
        size = (month + 1) * contracts // VINTAGES - month * contracts // VINTAGES
        for first in range(0, size, _CHUNK_CONTRACTS):
            yield Vintage(month, first + 1, min(_CHUNK_CONTRACTS, size - first))


def _chunk(vintage: Vintage, as_of: date, contracts: int, seed: int, collectors: pa.Table) -> Chunk:
    def draws(purpose: int, month: int = 0) -> Draws:
        return Draws(seed, 0, vintage.month, vintage.first, purpose, month)

    today, this_month = day_number(as_of), month_of(as_of)
    people = meet_people(vintage, draws(0))
    book = sign_contracts(vintage, people.leader, people.region, people.risk, draws(1))
    history = live_through(book, this_month, seed, draws(2))
    closed = np.where(history.closed <= today, history.closed, 0)
    written_off = np.where(history.written_off <= today, history.written_off, 0)
    callers = all_collector_ids(contracts)
    tables = {
        "contracts": contracts_table(book, people.customer_id, closed, written_off, as_of, draws(3)),
        "installments": installments_table(book),
        "payments": _payments_table(book, history, today, seed),
        "charges": _charges_table(book, history, today),
        "customers": customers_table(people, vintage, draws(5)),
        "scores": scores_table(book, people, history, this_month, today, draws(6, this_month)),
        "holds": holds_table(book, history, this_month, draws(7, this_month)),
        "collectors": collectors,
        "contact_results": _joined(
            "contact_results",
            [
                contact_results_table(book, people, month, callers, today, draws(8, month.month_on_book))
                for month in history.worked
            ],
        ),
        "promises": _joined(
            "promises",
            [promises_table(book, month, today, draws(9, month.month_on_book)) for month in history.worked],
        ),
        "consents": consents_table(people, vintage, today, draws(10)),
    }
    return MappingProxyType({name: tables[name] for name in TABLES})


def _joined(name: str, tables: list[pa.Table]) -> pa.Table:
    key = TABLES[name].key[0]
    return plain(pa.concat_tables(tables, promote_options="none").sort_by(key), name)


def _payments_table(book: Book, history: History, today: int, seed: int) -> pa.Table:
    payments = history.payments
    count = len(payments.row)
    number = np.arange(count) - np.searchsorted(payments.row, payments.row, side="left") + 1
    # booked in the night, most on the value date and a few a day later, but none after the contract is closed
    chance = scattered(seed, book.vintage.month, book.number[payments.row], number)
    late = (chance % 100 < _BOOKED_LATE_PERCENT) & (payments.day != history.closed[payments.row])
    booked = payments.day + late
    seconds = 1800 + chance // 100 % (4 * 3600)
    reversed_day = payments.reversed_day
    known = booked <= today
    row, reversed_day = payments.row[known], reversed_day[known]
    return pa.table(
        {
            "payment_id": columns.texts(
                "P", book.vintage.name, "-", (book.number[row], 7), "-", (number[known], 3), count=len(row)
            ),
            "contract_id": columns.keys(book.contract_id, row),
            "value_date": columns.dates(payments.day[known]),
            "amount": columns.money(payments.cents[known]),
            "booked_at": columns.instants(booked[known], seconds[known]),
            "reversed_on": columns.dates(reversed_day, (reversed_day > 0) & (reversed_day <= today)),
        }
    )


def _charges_table(book: Book, history: History, today: int) -> pa.Table:
    charges = history.charges
    known: Integers = np.nonzero(charges.day <= today)[0]
    known = known[np.lexsort((charges.kind[known], charges.item[known], charges.row[known]))]
    row = charges.row[known]
    return pa.table(
        {
            "charge_id": columns.texts(
                "F", book.vintage.name, "-", (book.number[row], 7), "-",
                (charges.item[known], 2), (charges.kind[known], 1), count=len(row),
            ),
            "contract_id": columns.keys(book.contract_id, row),
            "due_date": columns.dates(charges.day[known]),
            "amount": columns.money(charges.cents[known]),
            "kind": columns.labels(charges.kind[known], CHARGE_KINDS),
        }
    )  # fmt: skip
