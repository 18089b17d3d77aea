"""Dealing: from how many cases of a kind each collector gets to which ones, and exchanges that keep the numbers.

Within a kind the cases are dealt in one order; somebody who gets n of them sits at n places spread evenly over it, and
the direction changes from round to round, so that nobody always has the first choice. What must not be (a conflict, an
old owner) is then exchanged away between two collectors at a time, which keeps everybody's numbers.

All of it works on arrays, one entry per case; the loops count exchanges, rounds and distances, never cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arrears.allocation.levelling import Counts, Flags

Whole = npt.NDArray[np.int64]

_NEAR = 48
"""How far from a case a partner for an exchange is looked for within its kind."""
_ROUNDS = 12
_WIDE = 4_000_000
"""Pairs of cases that are compared at once when partners are looked for in all kinds."""


def deal(kind: Whole, order: Whole, flow: Counts, turn: Counts) -> Whole:
    """The collector of each case; -1 for those that nobody gets.

    `kind` and `order` per case (`order` is unique); `flow[kind, collector]`: the first cases of a kind by `order` are
    given; `turn` per collector.
    """
    owner = np.full(len(kind), -1, dtype=np.int64)
    if not flow.size or not len(kind):
        return owner
    kinds, people = np.nonzero(flow)
    number = flow[kinds, people]
    seat_kind = np.repeat(kinds, number)
    seat_owner = np.repeat(people, number)
    starts = np.cumsum(number) - number
    nth = np.arange(len(seat_kind)) - np.repeat(starts, number)
    # the middle of the nth of so many equal parts; the quotient is the same on every machine (IEEE 754)
    place = (2 * nth + 1) / (2 * np.repeat(number, number))
    way = np.where(nth % 2 == 0, turn[seat_owner], -turn[seat_owner])
    seats = seat_owner[np.lexsort((way, place, seat_kind))]

    by_kind = np.lexsort((order, kind))
    given = flow.sum(axis=1)
    cases = np.bincount(kind, minlength=len(given))
    rank = np.arange(len(kind)) - np.repeat(np.cumsum(cases) - cases, cases)
    owner[by_kind[rank < np.repeat(given, cases)]] = seats
    return owner


@dataclass(frozen=True)
class Forbidden:
    """Pairs of case and collector that must not be, or should not be."""

    pairs: Whole
    """case x people + collector, sorted, each once."""
    people: int

    @classmethod
    def of(cls, case: Whole, collector: Whole, people: int) -> Forbidden:
        """From the two columns of pairs."""
        return cls(np.unique(case * people + collector), people)

    def with_(self, other: Forbidden) -> Forbidden:
        """Both together."""
        return Forbidden(np.union1d(self.pairs, other.pairs), self.people)

    def has(self, case: Whole, collector: Whole) -> Flags:
        """Whether the pairs are among them."""
        found: Flags = np.zeros(np.broadcast(case, collector).shape, dtype=np.bool_)
        if len(self.pairs):
            wanted = case * self.people + collector
            at = np.minimum(np.searchsorted(self.pairs, wanted), len(self.pairs) - 1)
            found = self.pairs[at] == wanted
        return found


@dataclass(frozen=True)
class Table:
    """The dealt cases of a queue, among which exchanges are looked for. One entry per case."""

    kind: Whole
    group: Whole
    """Cases are exchanged only within their group."""
    may: Flags
    """`may[kind, collector]`"""

    def fits(self, case: Whole, collector: Whole) -> Flags:
        """Whether collectors may have cases of these kinds."""
        flags: Flags = self.may[self.kind[case], collector]
        return flags


def exchange_away(table: Table, owner: Whole, unwanted: Forbidden, hard: Forbidden, *, everywhere: bool) -> Whole:
    """The owners after exchanges that leave as few `unwanted` pairs as they can, and make no `hard` or unwanted one.

    Partners are looked for near the case within its kind and group, and, `everywhere`, in all of the queue.
    """
    owner = owner.copy()
    never = unwanted.with_(hard)
    everyone = np.arange(len(owner))
    line = np.lexsort((everyone, table.group, table.kind))
    place = np.empty(len(line), dtype=np.int64)
    place[line] = everyone
    for _ in range(_ROUNDS):
        bad = everyone[unwanted.has(everyone, owner) & (owner >= 0)]
        if not len(bad):
            return owner
        partner = _near(table, owner, never, bad, line, place)
        if everywhere:
            lost = np.flatnonzero(partner < 0)
            if len(lost):
                partner[lost] = _anywhere(table, owner, never, bad[lost])
        found = np.flatnonzero(partner >= 0)
        if not len(found):
            return owner
        found = _disjoint(bad, partner, found)
        ours, theirs = bad[found], partner[found]
        owner[ours], owner[theirs] = owner[theirs], owner[ours]
    return owner


def _disjoint(bad: Whole, partner: Whole, found: Whole) -> Whole:
    """Of the exchanges `found`, at least one, those that share no case with an earlier one."""
    both = np.concatenate([bad[found], partner[found]])
    number = np.concatenate([np.arange(len(found))] * 2)
    order = np.lexsort((number, both))
    both, number = both[order], number[order]
    again = np.concatenate([[False], both[1:] == both[:-1]])
    kept: Whole = np.setdiff1d(np.arange(len(found)), number[again])
    return found[kept]


def _allowed(table: Table, owner: Whole, never: Forbidden, ours: Whole, theirs: Whole) -> Flags:
    """Whether the cases of the two columns may be exchanged between their owners."""
    to, back = owner[theirs], owner[ours]
    flags: Flags = (
        (to >= 0)
        & (to != back)
        & (table.group[ours] == table.group[theirs])
        & table.fits(ours, to)
        & table.fits(theirs, back)
        & ~never.has(ours, to)
        & ~never.has(theirs, back)
    )
    return flags


def _near(table: Table, owner: Whole, never: Forbidden, bad: Whole, line: Whole, place: Whole) -> Whole:
    partner = np.full(len(bad), -1, dtype=np.int64)
    for distance in range(1, min(_NEAR, len(line) - 1) + 1):
        for way in (distance, -distance):
            waiting = np.flatnonzero(partner < 0)
            if not len(waiting):
                return partner
            at = place[bad[waiting]] + way
            inside = (at >= 0) & (at < len(line))
            waiting, at = waiting[inside], at[inside]
            other = line[at]
            same = table.kind[other] == table.kind[bad[waiting]]
            waiting, other = waiting[same], other[same]
            good = _allowed(table, owner, never, bad[waiting], other)
            partner[waiting[good]] = other[good]
    return partner


def _anywhere(table: Table, owner: Whole, never: Forbidden, bad: Whole) -> Whole:
    partner = np.full(len(bad), -1, dtype=np.int64)
    everyone = np.arange(len(owner))
    rows = max(1, _WIDE // max(1, len(owner)))
    some = bad[:rows]
    good = _allowed(table, owner, never, some[:, None], everyone[None, :])
    # the nearest in the order of the cases, so that as little as possible changes
    distance = np.where(good, np.abs(everyone[None, :] - some[:, None]), len(owner) + 1)
    nearest = distance.argmin(axis=1)
    found = good[np.arange(len(some)), nearest]
    partner[: len(some)][found] = nearest[found]
    return partner
