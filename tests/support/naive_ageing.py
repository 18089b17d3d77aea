"""Ageing by the ledger contract's words, one contract and one day at a time: slow, plain, the judge of the SQL."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

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
    originated_on: date = date.min
    ledger_from: date | None = None
    closed_on: date | None = None
    written_off_on: date | None = None

    def in_book(self, on: date, recovery_worked: bool = False) -> bool:
        """In the live book, or in one that a write-off does not end; whether anything is owed is another question."""
        ends = (self.closed_on, None if recovery_worked else self.written_off_on)
        left = [day for day in ends if day is not None and day <= on]
        return self.originated_on <= on and (self.ledger_from is None or self.ledger_from <= on) and not left


@dataclass(frozen=True)
class Terms:
    grace_days: int = 0
    share: Decimal = ZERO
    amount: Decimal = ZERO
    counting: str = "days"
    convention: str = "B"
    buckets: int = 8
    recovery_worked: bool = False


@dataclass
class Item:
    """What is left of an instalment or charge."""

    due: Due
    paid: Decimal
    unpaid: Decimal
    unmet: bool
    parts: dict[str, Decimal]
    days_past_due: int = 0
    delinquent_days: int = 0
    paused_days: int = 0
    bucket_no: int = 0


@dataclass
class Aged:
    days_past_due: int = 0
    delinquent_days: int = 0
    paused_days: int = 0
    overdue: Decimal = ZERO
    outstanding: Decimal = ZERO
    oldest_due_date: date | None = None
    unmet: int = 0
    bucket_no: int = 0
    principal: Decimal = ZERO
    parts: dict[str, Decimal] = field(default_factory=dict)


def age(contract: Contract, on: date, terms: Terms) -> Aged:
    """Ages one contract as of one day."""
    result = Aged(parts={"charges": ZERO, "fee": ZERO, "interest": ZERO, "principal": ZERO})
    for item in _served(contract, on, terms):
        result.outstanding += item.unpaid
        result.principal += item.parts["principal"]
        if item.due.due_date >= on:
            continue
        result.overdue += item.unpaid
        for name, amount in item.parts.items():
            result.parts[name] += amount
        if item.unmet:
            result.unmet += 1
            result.oldest_due_date = result.oldest_due_date or item.due.due_date
    if result.oldest_due_date is not None:
        result.days_past_due, result.paused_days, result.delinquent_days = _days(
            contract, result.oldest_due_date, on, terms
        )
        result.bucket_no = bucket_no(result.oldest_due_date, result.delinquent_days, result.unmet, terms)
    return result


def in_snapshot(contract: Contract, on: date, terms: Terms) -> bool:
    """In the book as of the day: once written off, only where that is worked, and while anything is owed."""
    written_off = contract.written_off_on is not None and contract.written_off_on <= on
    if not contract.in_book(on, terms.recovery_worked):
        return False
    return not written_off or _owed(contract) > _paid(contract, on)


def age_items(contract: Contract, on: date, terms: Terms) -> list[Item]:
    """Every item that is due before the day and not paid in full, with its own days and bucket."""
    items = [item for item in _served(contract, on, terms) if item.due.due_date < on and item.unpaid > 0]
    for position, item in enumerate(items):
        if item.unmet:
            due = item.due.due_date
            item.days_past_due, item.paused_days, item.delinquent_days = _days(contract, due, on, terms)
            unmet_from_here = sum(each.unmet for each in items[position:])
            item.bucket_no = bucket_no(due, item.delinquent_days, unmet_from_here, terms)
    return items


def bucket_no(due: date, delinquent_days: int, unmet: int, terms: Terms) -> int:
    """The number of the bucket of an item due on `due` that is delinquent for so many days."""
    if delinquent_days == 0:
        return 0
    counted_to = due + timedelta(days=delinquent_days)
    count = 0
    if terms.counting == "days":
        count = delinquent_days // 30 + 1 if terms.convention == "A" else -(-delinquent_days // 30)
    elif terms.counting == "installments":
        count = unmet
    elif terms.counting == "mba":
        while later(due, count + 1) - timedelta(days=1) <= counted_to:
            count += 1
    elif terms.counting == "ots":
        while later(due, count + 1) <= counted_to:
            count += 1
    elif terms.convention == "A":
        while later(due, count + 1) <= counted_to:
            count += 1
        count += 1
    else:
        while later(due, count) < counted_to:
            count += 1
    return min(count, terms.buckets - 1)


def later(day: date, months: int) -> date:
    """So many months later: the same day of the month, or that month's last."""
    first = day.replace(day=1)
    for _ in range(months):
        first = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))


@dataclass(frozen=True)
class Run:
    """Days, first and last included, with one bucket and one oldest unmet due date."""

    from_day: date
    to_day: date
    bucket_no: int
    oldest_due_date: date | None


@dataclass(frozen=True)
class Spell:
    entered_on: date
    exited_on: date | None
    exited_as: str | None
    outlasted_grace: bool
    worst_days_past_due: int
    worst_bucket_no: int
    times: tuple[int, int, int]
    """How often the days past due rose to 30, 60 and 90."""


class History:
    """A contract aged on each of its days in the book, one after the other, up to a day."""

    def __init__(self, contract: Contract, until: date, terms: Terms) -> None:
        self.contract, self.until, self.terms = contract, until, terms
        first = max(contract.originated_on, contract.ledger_from or contract.originated_on)
        days = (first + timedelta(days=n) for n in range((until - first).days + 1))
        self.days = [(day, age(contract, day, terms)) for day in days if contract.in_book(day, terms.recovery_worked)]

    def runs(self) -> list[Run]:
        """The days put together where bucket and oldest unmet due date stay the same."""
        groups = groupby(self.days, key=lambda each: (each[1].bucket_no, each[1].oldest_due_date))
        found = []
        for (number, oldest), days in groups:
            listed = list(days)
            found.append(Run(listed[0][0], listed[-1][0], number, oldest))
        return found

    def spells(self) -> list[Spell]:
        """Maximal runs of days past due."""
        found = []
        for late, days in groupby(self.days, key=lambda each: each[1].days_past_due > 0):
            if late:
                listed = list(days)
                found.append(self._spell([aged for _, aged in listed], listed[0][0], listed[-1][0]))
        return found

    def overdue_days(self) -> set[date]:
        """The days past due."""
        return {day for day, aged in self.days if aged.days_past_due > 0}

    def _spell(self, aged: Sequence[Aged], first: date, last: date) -> Spell:
        over = last + timedelta(days=1) if last < self.until else None
        how = None
        if over is not None:
            how = "cured"
            if self.contract.closed_on is not None and self.contract.closed_on <= over:
                how = "closed"
            written_off = self.contract.written_off_on is not None and self.contract.written_off_on <= over
            if written_off and not self.terms.recovery_worked:
                how = "written_off"
        days = [each.days_past_due for each in aged]
        times = [sum(1 for reached, _ in groupby(days, key=lambda n, t=t: n >= t) if reached) for t in (30, 60, 90)]
        return Spell(
            entered_on=first,
            exited_on=over,
            exited_as=how,
            outlasted_grace=max(days) > self.terms.grace_days,
            worst_days_past_due=max(days),
            worst_bucket_no=max(each.bucket_no for each in aged),
            times=(times[0], times[1], times[2]),
        )


def case_entry(histories: Sequence[History], until: date) -> date | None:
    """Since when one of a customer's contracts has been overdue without a day's break; None if none is."""
    overdue = set[date]().union(*(each.overdue_days() for each in histories))
    day = until
    while day in overdue:
        day -= timedelta(days=1)
    return None if day == until else day + timedelta(days=1)


def _served(contract: Contract, on: date, terms: Terms) -> Iterator[Item]:
    """All items in the order in which money serves them, with what is left of each."""
    money = _paid(contract, on)
    for due in sorted(contract.dues, key=lambda each: (each.due_date, each.serving, each.number)):
        paid = min(money, due.amount)
        money -= paid
        unpaid = due.amount - paid
        unmet = due.due_date < on and unpaid > max(terms.share * due.amount, terms.amount)
        yield Item(due, paid, unpaid, unmet, _parts(due, paid))


def _paid(contract: Contract, on: date) -> Decimal:
    """What was paid by the day and not returned by it."""
    return sum(
        (
            payment.amount
            for payment in contract.payments
            if payment.value_date <= on and not (payment.reversed_on is not None and payment.reversed_on <= on)
        ),
        ZERO,
    )


def _owed(contract: Contract) -> Decimal:
    """All that was ever to be paid, whenever it falls due."""
    return sum((due.amount for due in contract.dues), ZERO)


def _days(contract: Contract, due: date, on: date, terms: Terms) -> tuple[int, int, int]:
    """Days past due, paused days and delinquent days of what is due on `due`."""
    past_due = (on - due).days
    days = [due + timedelta(days=n) for n in range(past_due)]
    paused = sum(any(_covers(pause, day) for pause in contract.pauses) for day in days)
    return past_due, paused, max(0, past_due - terms.grace_days - paused)


def _parts(due: Due, paid: Decimal) -> dict[str, Decimal]:
    if due.serving < 2:
        return {"charges": due.amount - paid, "fee": ZERO, "interest": ZERO, "principal": ZERO}
    fee = max(ZERO, due.fee - paid)
    interest = max(ZERO, due.interest - max(ZERO, paid - due.fee))
    return {"charges": ZERO, "fee": fee, "interest": interest, "principal": due.amount - paid - fee - interest}


def _covers(pause: Pause, day: date) -> bool:
    return pause.start_date <= day and (pause.end_date is None or day < pause.end_date)
