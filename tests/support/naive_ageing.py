"""Ageing by the ledger contract's words, one contract and one day at a time: slow, plain, the judge of the SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Due:
    """An instalment (serving 2) or a charge (0 penalty, 1 other)."""

    due_date: date
    amount: Decimal
    serving: int = 2
    number: int = 1
    fee: Decimal = ZERO
    interest: Decimal = ZERO


@dataclass(frozen=True)
class Payment:
    value_date: date
    amount: Decimal
    reversed_on: date | None = None


@dataclass(frozen=True)
class Pause:
    start_date: date
    end_date: date | None


@dataclass(frozen=True)
class Contract:
    dues: Sequence[Due]
    payments: Sequence[Payment] = ()
    pauses: Sequence[Pause] = ()


@dataclass(frozen=True)
class Terms:
    grace_days: int = 0
    share: Decimal = ZERO
    amount: Decimal = ZERO


@dataclass
class Aged:
    days_past_due: int = 0
    delinquent_days: int = 0
    paused_days: int = 0
    overdue: Decimal = ZERO
    outstanding: Decimal = ZERO
    oldest_due_date: date | None = None
    unmet: int = 0
    principal: Decimal = ZERO
    parts: dict[str, Decimal] = field(default_factory=dict)


def age(contract: Contract, on: date, terms: Terms) -> Aged:
    """Ages one contract as of one day."""
    money = sum(
        (
            payment.amount
            for payment in contract.payments
            if payment.value_date <= on and not (payment.reversed_on is not None and payment.reversed_on <= on)
        ),
        ZERO,
    )
    result = Aged(parts={"charges": ZERO, "fee": ZERO, "interest": ZERO, "principal": ZERO})
    for due in sorted(contract.dues, key=lambda each: (each.due_date, each.serving, each.number)):
        paid = min(money, due.amount)
        money -= paid
        unpaid = due.amount - paid
        result.outstanding += unpaid
        parts = _parts(due, paid)
        result.principal += parts["principal"]
        if due.due_date >= on:
            continue
        result.overdue += unpaid
        for name, amount in parts.items():
            result.parts[name] += amount
        if unpaid > max(terms.share * due.amount, terms.amount):
            result.unmet += 1
            result.oldest_due_date = result.oldest_due_date or due.due_date
    if result.oldest_due_date is not None:
        result.days_past_due = (on - result.oldest_due_date).days
        days = [result.oldest_due_date + timedelta(days=n) for n in range(result.days_past_due)]
        result.paused_days = sum(any(_covers(pause, day) for pause in contract.pauses) for day in days)
        result.delinquent_days = max(0, result.days_past_due - terms.grace_days - result.paused_days)
    return result


def spells(contract: Contract, until: date, terms: Terms) -> list[tuple[date, bool]]:
    """Entry day of each spell up to `until`, and whether the spell outlasted the grace."""
    first = min((due.due_date for due in contract.dues), default=until)
    found: list[tuple[date, bool]] = []
    inside = False
    for offset in range((until - first).days + 1):
        day = first + timedelta(days=offset)
        days_past_due = age(contract, day, terms).days_past_due
        if days_past_due > 0:
            outlasted = days_past_due > terms.grace_days
            if inside:
                found[-1] = (found[-1][0], found[-1][1] or outlasted)
            else:
                found.append((day, outlasted))
        inside = days_past_due > 0
    return found


def _parts(due: Due, paid: Decimal) -> dict[str, Decimal]:
    if due.serving < 2:
        return {"charges": due.amount - paid, "fee": ZERO, "interest": ZERO, "principal": ZERO}
    fee = max(ZERO, due.fee - paid)
    interest = max(ZERO, due.interest - max(ZERO, paid - due.fee))
    return {"charges": ZERO, "fee": fee, "interest": interest, "principal": due.amount - paid - fee - interest}


def _covers(pause: Pause, day: date) -> bool:
    return pause.start_date <= day and (pause.end_date is None or day < pause.end_date)
