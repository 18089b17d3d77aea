"""What was signed: the contracts of one vintage (month of origination) with their vehicles, terms and schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from arrears.demo.lender import columns
from arrears.demo.lender.draws import Draws, Flags, Integers, Reals
from arrears.demo.lender.months import day_number, first_day, length, short_name
from arrears.demo.lender.world import (
    CURRENCY,
    GPS_STATUSES,
    LONGEST_TERM,
    PRODUCTS,
    REGIONS,
    TERM_WEIGHTS,
    TERMS,
    VEHICLES,
)
from arrears.ledger.contract import arrow_schema

FIRST_DUE_DAY, LAST_DUE_DAY = 2, 27
"""Due days: with these, so many unmet instalments at a month's end are the same 30-day bucket in every month."""

_USUAL_DUE_DAYS = np.array([5, 10, 15, 20, 25])
_SERVICE_FEE = 3_000
_DEALERS_PER_REGION = 12


@dataclass(frozen=True)
class Vintage:
    """Which contracts one chunk holds: `count` contracts of origination `month`, numbered from `first`."""

    month: int
    first: int
    count: int

    @property
    def name(self) -> str:
        """`YYMM`, the middle of the keys."""
        return short_name(self.month)


@dataclass(frozen=True)
class Book:
    """The contracts of a chunk as arrays, one position a contract; amounts in cents, days as day numbers."""

    vintage: Vintage
    number: Integers
    contract_id: pa.StringArray
    leader: Integers
    """Position of the first contract of the same customer."""
    region: Integers
    vehicle: Integers
    terms: Integers
    due_day: Integers
    originated: Integers
    principal: Integers
    value: Integers
    rate_points: Integers
    """Yearly rate in hundredths of a percent."""
    principal_due: Integers
    interest_due: Integers
    fee_due: Integers
    """The parts of the instalments, one row a contract, one column an instalment; zero after the term."""
    risk: Reals
    """How risky the contract is, 0 … 1."""

    @property
    def size(self) -> int:
        """Contracts in the chunk."""
        return self.vintage.count

    @property
    def amount_due(self) -> Integers:
        """The instalments, one row a contract."""
        return self.principal_due + self.interest_due + self.fee_due


def sign_contracts(vintage: Vintage, leader: Integers, region: Integers, risk: Reals, draws: Draws) -> Book:
    """The contracts of a vintage; `leader`, `region` and `risk` come from their customers."""
    count = vintage.count
    number = np.arange(vintage.first, vintage.first + count)
    vehicle = draws.choice(tuple(kind.weight for kind in VEHICLES), count)
    price_from = np.array([kind.price_from for kind in VEHICLES])[vehicle]
    price_to = np.array([kind.price_to for kind in VEHICLES])[vehicle]
    value = (price_from + draws.below(price_to - price_from, count)) * 100_000
    # 60 … 89 % of the price is financed, in full thousands of yuan
    principal = value * (60 + draws.below(30, count)) // 10_000_000 * 100_000
    terms = np.array(TERMS)[draws.choice(TERM_WEIGHTS, count)]
    usual = draws.units(count) < 0.3
    spread = FIRST_DUE_DAY + draws.below(LAST_DUE_DAY - FIRST_DUE_DAY + 1, count)
    due_day = np.where(usual, _USUAL_DUE_DAYS[draws.below(len(_USUAL_DUE_DAYS), count)], spread)
    originated = first_day(vintage.month) + draws.below(length(vintage.month), count)
    # dearer for the riskier: 4.8 … 13.2 % a year
    rate_points = 480 + 12 * (draws.below(30, count) + (risk * 40).astype(np.int64))
    fee = np.where(draws.units(count) < 0.3, _SERVICE_FEE, 0)
    principal_due, interest_due, fee_due = _schedule(principal, rate_points, terms, fee)
    return Book(
        vintage=vintage,
        number=number,
        contract_id=columns.texts("C", vintage.name, "-", (number, 7), count=count),
        leader=leader,
        region=region,
        vehicle=vehicle,
        terms=terms,
        due_day=due_day,
        originated=originated,
        principal=principal,
        value=value,
        rate_points=rate_points,
        principal_due=principal_due,
        interest_due=interest_due,
        fee_due=fee_due,
        risk=risk,
    )


def _schedule(
    principal: Integers, rate_points: Integers, terms: Integers, fee: Integers
) -> tuple[Integers, Integers, Integers]:
    # level instalments in full yuan, rounded up; the last one takes what is left
    factor: Reals = np.ones(len(principal))
    growth = 1 + rate_points / 120_000
    for month in range(LONGEST_TERM):
        factor = np.where(month < terms, factor * growth, factor)
    exact = principal * (growth - 1) / (1 - 1 / factor)
    level = (np.floor(exact / 100).astype(np.int64) + 1) * 100
    shape = (len(principal), LONGEST_TERM)
    principal_due = np.zeros(shape, dtype=np.int64)
    interest_due = np.zeros(shape, dtype=np.int64)
    balance = principal.copy()
    for month in range(LONGEST_TERM):
        interest = (balance * rate_points + 60_000) // 120_000
        last = terms == month + 1
        paid = np.where(last, balance, np.minimum(level - interest, balance))
        principal_due[:, month] = paid
        interest_due[:, month] = interest
        balance -= paid
    fee_due = np.where(np.arange(LONGEST_TERM) < terms[:, None], fee[:, None], 0)
    return principal_due, interest_due, fee_due


def installments_table(book: Book) -> pa.Table:
    """The whole schedule of the chunk, the future instalments too, ordered by contract and number."""
    scheduled: Flags = np.arange(LONGEST_TERM) < book.terms[:, None]
    rows, months = np.nonzero(scheduled)
    first_days = np.array([first_day(book.vintage.month + 1 + month) for month in range(LONGEST_TERM)])
    principal_due = book.principal_due[scheduled]
    interest_due = book.interest_due[scheduled]
    fee_due = book.fee_due[scheduled]
    return pa.table(
        {
            "contract_id": columns.keys(book.contract_id, rows),
            "installment_no": columns.integers(months + 1),
            "due_date": columns.dates(first_days[months] + book.due_day[rows] - 1),
            "amount_due": columns.money(principal_due + interest_due + fee_due),
            "principal_due": columns.money(principal_due),
            "interest_due": columns.money(interest_due),
            "fee_due": columns.money(fee_due),
        }
    )


def contracts_table(
    book: Book, customer_id: pa.StringArray, closed: Integers, written_off: Integers, as_of: date, draws: Draws
) -> pa.Table:
    """The contracts of the chunk as of a day; `closed` and `written_off` are day numbers, 0 for never."""
    count, today = book.size, day_number(as_of)
    vehicle = book.vehicle
    model_names = [name for kind in VEHICLES for name in kind.models]
    first_model = np.cumsum([0] + [len(kind.models) for kind in VEHICLES])[:-1]
    models = first_model[vehicle] + draws.below(np.array([len(kind.models) for kind in VEHICLES])[vehicle], count)
    is_new = draws.below(100, count) < np.array([kind.new_percent for kind in VEHICLES])[vehicle]
    model_year = book.vintage.month // 12 - np.where(is_new, 0, 1 + draws.below(6, count))
    fitted = draws.below(100, count) < np.array([kind.gps_percent for kind in VEHICLES])[vehicle]
    dark = draws.units(count) < 0.02 + 0.08 * book.risk
    silent_days = np.where(dark, 5 + draws.below(60, count), draws.below(2, count))
    gps_status = np.where(fitted, np.where(dark, 1, 0), 2)
    gps_seen = np.maximum(today - silent_days, book.originated)
    dealer = draws.below(_DEALERS_PER_REGION, count)
    guaranteed = draws.units(count) < 0.22
    types = tuple(kind.vehicle_type for kind in VEHICLES)
    product = np.array([PRODUCTS.index(kind.product) for kind in VEHICLES])[vehicle]
    table = {
        "contract_id": book.contract_id,
        "customer_id": customer_id,
        "product": columns.labels(product, PRODUCTS),
        "originated_on": columns.dates(book.originated),
        "principal": columns.money(book.principal),
        "annual_rate": columns.reals(book.rate_points / 10_000),
        "term_months": columns.integers(book.terms),
        "closed_on": columns.dates(closed, closed > 0),
        "written_off_on": columns.dates(written_off, written_off > 0),
        "ledger_from": columns.dates(book.originated),
        "dealer_id": columns.texts("D", (book.region * _DEALERS_PER_REGION + dealer + 1, 4), count=count),
        "region": columns.labels(book.region, [region.code for region in REGIONS]),
        "vehicle_type": columns.labels(vehicle, types),
        "vehicle_new": columns.flags(is_new),
        "vehicle_model": columns.labels(models, model_names),
        "vehicle_model_year": columns.integers(model_year),
        "vehicle_value": columns.money(book.value),
        "gps_status": columns.labels(gps_status, GPS_STATUSES),
        "gps_seen_on": columns.dates(gps_seen, fitted),
        "guarantor_id": columns.texts("G", book.vintage.name, "-", (book.number, 7), count=count, valid=guaranteed),
        "currency": columns.constant(CURRENCY, count),
    }
    return pa.table([table[name] for name in arrow_schema("contracts").names], names=list(table))
