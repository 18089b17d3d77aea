"""How contracts pay: a Markov chain over months behind, one step a calendar month, all contracts of a chunk at once.

A contract's state at a month's end is how many months it is behind. In a month, one that is current pays on time, pays
a few days late, settles early, or enters arrears by paying nothing; one that is behind rolls (pays nothing, or a part),
stays (pays one instalment), goes back (pays two or more), cures (pays all), or is written off. Payments follow from
that, oldest due first, so that ageing the payments gives the chain's state back at every month's end.

The chances were set so that month-end rolls come near those of a real auto-loan ledger: current→1–30 4 %, 1–30→31–60
14 %, 1–30→current 29 %, 31–60→61–90 25 %. Riskier contracts enter and roll more and cure less.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from arrears.demo.lender.book import Book
from arrears.demo.lender.draws import Draws, Flags, Integers, Reals, floor
from arrears.demo.lender.months import first_day, length, season
from arrears.demo.lender.world import LONGEST_TERM

ENTER = 0.0347
LATE = 0.035
SETTLE = 0.0012
SELL = 0.03
"""Chance that one to two months behind, who would stay, sells the vehicle and settles instead."""
ROLL = (0.0, 0.146, 0.25, 0.44, 0.60, 0.64, 0.66, 0.64, 0.60)
CURE = (0.0, 0.315, 0.57, 0.30, 0.14, 0.09, 0.06, 0.04, 0.04)
BACK = (0.0, 0.0, 0.06, 0.12, 0.10, 0.06, 0.04, 0.02, 0.02)
WRITE_OFF = (0.0, 0.0, 0.0, 0.0, 0.0, 0.07, 0.14, 0.22, 0.26)
"""Chances by months behind at the start of the month, the last for that many and more; the rest stays."""

USUAL_RISK = (0.47, 0.535, 0.575, 0.61, 0.63, 0.64, 0.65, 0.65, 0.65)
"""Mean risk of those so many months behind, for whom the chances hold; others have them changed by their risk."""
_ENTERS_BY_RISK, _ROLLS_BY_RISK, _CURES_BY_RISK = 1.8, 1.4, -0.75

# January … December: the weeks around the New Year are lean, spring and late summer are good
SEASON = (1.03, 1.02, 1.00, 0.98, 0.98, 0.99, 1.01, 1.00, 0.98, 0.98, 1.01, 1.02)
_MONTH_SPREAD = 0.02
_RECENT_MONTHS = 3

_PENALTY, _LATE_FEE, _CHARGEBACK, _REPOSSESSION = range(4)
CHARGE_KINDS = ("penalty", "late_fee", "chargeback", "repossession")
_LATE_FEE_CENTS, _CHARGEBACK_CENTS, _REPOSSESSION_CENTS = 5_000, 3_000, 300_000


@dataclass(frozen=True)
class Payments:
    """Money received, one position a payment."""

    row: Integers
    day: Integers
    cents: Integers
    reversed_day: Integers
    """Day of the return, 0 for never."""


@dataclass(frozen=True)
class Charges:
    """Amounts due outside the schedule, one position a charge; `item` is the instalment that it is due with."""

    row: Integers
    item: Integers
    kind: Integers
    day: Integers
    cents: Integers


@dataclass(frozen=True)
class WorkedMonth:
    """What collectors worked in one recent month: contracts behind, from which day to which, and how it ended."""

    month_on_book: int
    row: Integers
    behind: Integers
    from_day: Integers
    to_day: Integers
    paid_cents: Integers
    """About what was paid on `to_day`; 0 where nothing was."""


@dataclass(frozen=True)
class History:
    """All that happened to the contracts of a chunk up to the end of the last month."""

    payments: Payments
    charges: Charges
    closed: Integers
    written_off: Integers
    """Day numbers, one position a contract; 0 for never."""
    behind: Integers
    """Months behind at the start of the last month; 0 for contracts that are over."""
    entered: Integers
    """Day after the due date that was missed by who entered in the last month, 0 for all others."""
    worked: tuple[WorkedMonth, ...]


@dataclass
class _Tape:
    """Collects arrays of many months and joins them at the end."""

    parts: list[tuple[Integers, ...]] = field(default_factory=list)

    def add(self, chosen: Flags, *values: Integers) -> None:
        rows = np.nonzero(chosen)[0]
        self.parts.append((rows, *(value[rows] for value in values)))

    def joined(self, width: int) -> tuple[Integers, ...]:
        if not self.parts:
            return tuple(np.zeros(0, dtype=np.int64) for _ in range(width))
        return tuple(np.concatenate(column) for column in zip(*self.parts, strict=True))


def month_factors(seed: int, month: int) -> tuple[float, float]:
    """How much more contracts enter and roll, and cure, in that calendar month than in an average one."""
    chance = float(Draws(seed, 1, month).units(1)[0])
    worse = SEASON[season(month)] * (1 + _MONTH_SPREAD * (2 * chance - 1))
    return worse, 1.3 - 0.3 * worse


def live_through(book: Book, last_month: int, seed: int, draws: Draws) -> History:
    """Lets the contracts live from their first instalment to the end of `last_month`.

    The draws of a month do not depend on later ones: a longer life has the shorter one as its beginning.
    """
    life = _Life(book, seed, draws)
    for month_on_book in range(1, last_month - book.vintage.month + 1):
        life.step(month_on_book, recent=last_month - book.vintage.month - month_on_book < _RECENT_MONTHS)
    return life.history()


class _Life:
    def __init__(self, book: Book, seed: int, draws: Draws) -> None:
        size = book.size
        self._book, self._seed, self._draws = book, seed, draws
        self._rows = np.arange(size)
        self._scheduled = np.zeros((size, LONGEST_TERM + 1), dtype=np.int64)
        np.cumsum(book.amount_due, axis=1, out=self._scheduled[:, 1:])
        self._charged = np.zeros(size, dtype=np.int64)
        self._charged_by = np.zeros((size, LONGEST_TERM + 1), dtype=np.int64)
        self._met = np.zeros(size, dtype=np.int64)
        self._paid = np.zeros(size, dtype=np.int64)
        self._paid_on = np.zeros(size, dtype=np.int64)
        self._closed = np.zeros(size, dtype=np.int64)
        self._written_off = np.zeros(size, dtype=np.int64)
        self._returned = np.zeros(size, dtype=np.bool_)
        self._behind = np.zeros(size, dtype=np.int64)
        self._entered = np.zeros(size, dtype=np.int64)
        self._payments, self._charges = _Tape(), _Tape()
        self._worked: list[WorkedMonth] = []
        self._enters_more = 1 + _ENTERS_BY_RISK * (book.risk - USUAL_RISK[0])

    def step(self, month_on_book: int, *, recent: bool) -> None:
        """One calendar month."""
        book, size = self._book, self._book.size
        month = book.vintage.month + month_on_book
        first, last = first_day(month), first_day(month) + length(month) - 1
        due = first + book.due_day - 1
        worse, better = month_factors(self._seed, month)
        chance, shared, share, when, how, split, part, bounce = (self._draws.units(size) for _ in range(8))

        live = (self._closed == 0) & (self._written_off == 0)
        behind = np.where(live, month_on_book - 1 - self._met, 0)
        in_term = live & (month_on_book <= book.terms)
        late_already = live & (behind > 0)
        self._charge(month_on_book, in_term & late_already, behind, due)

        # trucks of one fleet tend to fall behind together
        chance_enter = np.where(share < 0.4, shared[book.leader], chance)
        enter_below = ENTER * worse * self._enters_more
        current = live & ~late_already
        enter = current & (chance_enter < enter_below)
        settle = current & ~enter & (chance_enter < enter_below + SETTLE)
        tardy = current & ~enter & ~settle & (chance_enter < enter_below + SETTLE + LATE)
        prompt = current & ~enter & ~settle & ~tardy

        step = np.minimum(behind, len(ROLL) - 1)
        riskier = book.risk - np.array(USUAL_RISK)[step]
        roll_below = np.array(ROLL)[step] * worse * (1 + _ROLLS_BY_RISK * riskier)
        cure_below = roll_below + np.array(CURE)[step] * better * (1 + _CURES_BY_RISK * riskier)
        back_below = cure_below + np.array(BACK)[step]
        off_below = back_below + np.array(WRITE_OFF)[step]
        roll = late_already & (chance < roll_below)
        cure = late_already & ~roll & (chance < cure_below)
        back = late_already & ~roll & ~cure & (chance < back_below)
        off = late_already & ~roll & ~cure & ~back & (chance < off_below)
        sell = late_already & ~roll & ~cure & ~back & ~off & (behind <= 2) & (how < SELL)
        stay = late_already & ~roll & ~cure & ~back & ~off & ~sell

        due_by_now = np.minimum(month_on_book, book.terms)
        # who stays or goes back pays when the next instalment has just become due too
        after = np.minimum(due + 1 + floor(when * when * 10), last)
        cure_day = np.minimum(first + floor(when * (book.due_day + 3)), last)

        self._pay_prompt(prompt, due, when, split)
        tardy_day = np.minimum(due + 1 + floor(when * 6), last)
        returned_first = tardy & (bounce < 0.15)
        self._return(returned_first, due, due + 1)
        self._pay(tardy, tardy_day, due_by_now)
        self._pay(settle, due, book.terms)
        self._pay(sell, after, book.terms)

        early_cure = cure & in_term & (cure_day < due)
        self._pay(early_cure, cure_day, due_by_now - 1)
        self._pay(early_cure, due, due_by_now)
        self._pay(cure & ~early_cure, cure_day, due_by_now)
        halves = stay & (split < 0.15)
        self._pay_part(halves, first + floor(part * (after - first)), 50 + np.zeros_like(due))
        self._pay(stay, after, self._met + 1)
        steps = np.minimum(2 + floor(how * np.maximum(behind - 1, 1)), np.maximum(behind, 1))
        self._pay(back, after, self._met + np.minimum(steps, due_by_now - self._met))
        self._pay_part(roll & (split < 0.15), np.minimum(first + floor(when * 28), last), 20 + floor(part * 50))
        bounced = (enter & (bounce < 0.08)) | (roll & (bounce < 0.03))
        self._return(bounced, due, np.minimum(due + 1 + floor(how * 4), last))
        self._returned = bounced | returned_first

        self._written_off = np.where(off, after, self._written_off)
        over = live & (self._met >= book.terms)
        self._closed = np.where(over, self._paid_on, self._closed)
        self._behind = np.where(live, behind, 0)
        self._entered = np.where(enter, due + 1, 0)
        if recent:
            to_day = np.where(cure, cure_day, np.where(roll | enter, last, after))
            at_work = late_already | enter
            one = book.amount_due[:, 0]
            paid = np.where(stay | back | cure | sell, np.where(halves, one // 2, one), 0)
            self._worked.append(
                self._work(month_on_book, at_work, behind, np.where(enter, due + 1, first), to_day, paid)
            )

    def history(self) -> History:
        """What happened, payments ordered by contract and day."""
        row, day, cents, reversed_day = self._payments.joined(4)
        order = np.lexsort((np.arange(len(row)), day, row))
        return History(
            payments=Payments(row[order], day[order], cents[order], reversed_day[order]),
            charges=Charges(*self._charges.joined(5)),
            closed=self._closed,
            written_off=self._written_off,
            behind=self._behind,
            entered=self._entered,
            worked=tuple(self._worked),
        )

    def _owed_by(self, item: Integers) -> Integers:
        """What is due in all up to instalment `item`, charges too."""
        owed: Integers = self._scheduled[self._rows, item] + self._charged_by[self._rows, item]
        return owed

    def _charge(self, month_on_book: int, late: Flags, behind: Integers, due: Integers) -> None:
        if month_on_book > LONGEST_TERM:
            return
        size = self._book.size
        kind_chance, seize_chance = self._draws.units(size), self._draws.units(size)
        installment = self._book.amount_due[:, month_on_book - 1]
        item = np.full(size, month_on_book)
        charged = np.zeros(size, dtype=np.int64)
        for kind, chosen, cents in (
            # 0.05 % a day on what is overdue
            (_PENALTY, kind_chance < 0.5, np.maximum(installment * behind * 15 // 1000, 1)),
            (_LATE_FEE, (kind_chance >= 0.5) & (kind_chance < 0.75), np.full(size, _LATE_FEE_CENTS)),
            (_CHARGEBACK, self._returned, np.full(size, _CHARGEBACK_CENTS)),
            (_REPOSSESSION, (behind >= 4) & (seize_chance < 0.08), np.full(size, _REPOSSESSION_CENTS)),
        ):
            made = late & chosen
            self._charges.add(made, item, np.full(size, kind), due, cents)
            charged += np.where(made, cents, 0)
        # kept for all later items too: an early settlement asks for the total at the term's end
        self._charged_by[:, month_on_book:] += charged[:, None]

    def _pay(self, chosen: Flags, day: Integers, item: Integers) -> None:
        """Pays all up to instalment `item`."""
        cents = self._owed_by(np.where(chosen, item, self._met)) - self._paid
        self._payments.add(chosen, day, cents, np.zeros_like(day))
        self._paid += np.where(chosen, cents, 0)
        self._paid_on = np.where(chosen, day, self._paid_on)
        self._met = np.where(chosen, item, self._met)

    def _pay_part(self, chosen: Flags, day: Integers, percent: Integers) -> None:
        """Pays a part of the oldest unmet instalment, if none of it is paid yet."""
        oldest = np.minimum(self._met + 1, self._book.terms)
        cents = (self._owed_by(oldest) - self._paid) * percent // 100
        chosen = chosen & (self._paid == self._owed_by(self._met))
        self._payments.add(chosen, day, cents, np.zeros_like(day))
        self._paid += np.where(chosen, cents, 0)

    def _pay_prompt(self, prompt: Flags, due: Integers, when: Reals, split: Reals) -> None:
        first = due - self._book.due_day + 1
        self._pay_part(prompt & (split < 0.01), np.maximum(due - 3, first), 50 + np.zeros_like(due))
        early = np.where((when < 0.25) & (split >= 0.01), 1 + floor(when * 16), 0)
        self._pay(prompt, np.maximum(due - early, first), np.minimum(self._met + 1, self._book.terms))

    def _return(self, chosen: Flags, day: Integers, reversed_day: Integers) -> None:
        """A payment of the oldest unmet instalment that comes back; never the last one, which closes the contract."""
        oldest = np.minimum(self._met + 1, self._book.terms)
        self._payments.add(chosen & (oldest < self._book.terms), day, self._owed_by(oldest) - self._paid, reversed_day)

    def _work(
        self, month_on_book: int, at_work: Flags, behind: Integers, from_day: Integers, to_day: Integers, paid: Integers
    ) -> WorkedMonth:
        rows = np.nonzero(at_work)[0]
        return WorkedMonth(
            month_on_book=month_on_book,
            row=rows,
            behind=np.maximum(behind, 1)[rows],
            from_day=from_day[rows],
            to_day=np.maximum(to_day, from_day)[rows],
            paid_cents=paid[rows],
        )
