"""Balancing: exchanges cases between collectors until what they amount to is even, while all numbers stay.

Each round pairs collectors, the one with most against the one with least and so on inwards, and exchanges in every
pair the two cases that come nearest to closing its gaps. All pairs of a round are searched at once in sorted arrays, so
a round costs O(n log n); there are at most `_ROUNDS`. Ties go to the case that comes first, so the result depends on
the input alone.

Exchanges of one case for one end a little above the best split: with a hundred cases each by nothing that counts, with
a handful by some percent. Where there are so few that all splits of the queue can be looked at, the best one is taken
instead; where those of two collectors can be, who has most and who has least share theirs so, again and again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arrears.allocation.dealing import Forbidden, Table, Whole
from arrears.allocation.levelling import Counts, Flags

_ROUNDS = 160
_PATIENCE = 12
_MOST_SPLITS = 50_000
"""Splits of a queue that are looked at one and all, where there are no more: twelve cases among three have 34,650."""
_MOST_OF_TWO = 2_000
"""The same of two collectors: twelve cases have 924."""
_TIMES = 24
"""How often two collectors share theirs anew."""
_FEW = 32
"""Cases beyond which nobody counts how many splits there are."""
_WORTH_WHILE = 0.97
"""Rounds go on as long as so many of them bring the gap, as a share of the mean, down to this part of what it was."""

FINE = 5e-5
"""Gap that is not narrowed further: one of money."""
COARSE = 2e-3
"""One of difficulty."""

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Base:
    """What each collector has besides the cases that are exchanged: the sum of a measure, and of how many cases."""

    sums: Counts
    number: Counts


def balance(
    table: Table,
    owner: Whole,
    first: Counts,
    base: Base,
    forbidden: Forbidden,
    second: Counts | None = None,
    second_base: Base | None = None,
    *,
    good_enough: float = FINE,
) -> Whole:
    """The owner of each case after the exchanges: `first` as even as can be, and `second` beside it.

    `owner` (index of the collector), `first` and `second` (whole numbers, for example cents) per case; the bases: what
    each collector has besides. What is made even is the mean per case, which for equal numbers is the sum: who gets
    fewer cases is not made up for it by larger ones. Cases of a group (`table.group`) are taken to be alike in
    `second` ÷ `first`.
    """
    owner = owner.copy()
    people = len(base.sums)
    if people < 2 or not len(owner):
        return owner
    measures = np.stack([first, np.zeros_like(first) if second is None else second]).astype(np.float64)
    number = base.number + np.bincount(owner, minlength=people)
    both = (base, base if second is None or second_base is None else second_base)
    means = [
        round((int(each.sums.sum()) + total) / max(1, int(number.sum())))
        for each, total in zip(both, measures.sum(axis=1).tolist(), strict=True)
    ]
    bases = np.stack([each.sums - mean * number for each, mean in zip(both, means, strict=True)]).astype(np.float64)
    if second is None:
        bases[1] = 0.0
    # gaps are told as shares of what an even part comes to
    scale = np.maximum(1.0, np.array(means, dtype=np.float64) * number.mean())
    search = _Pairs(table, measures, forbidden, people)
    idle, gaps = 0, []
    for turn in range(_ROUNDS):
        parts = _sums(measures, owner, bases) / scale[:, None]
        gaps.append(float(_gaps(parts)))
        if gaps[-1] <= good_enough:
            break
        if turn >= _PATIENCE and gaps[-1] > _WORTH_WHILE * gaps[-1 - _PATIENCE]:
            break
        # the two measures take turns in saying who is paired with whom
        ranked = parts[0] if second is None or turn % 2 == 0 else parts[1]
        if search.exchange(owner, parts, scale, _pairs(ranked, idle)):
            idle = 0
        else:
            idle += 1
            if idle > min(people, 12):
                break
    few = _Few(table, measures, bases, scale, forbidden)
    return few.share(owner) if gaps[-1] > good_enough else owner


@dataclass(frozen=True)
class _Few:
    """Shares few cases in the best of all ways."""

    table: Table
    measures: Real
    bases: Real
    scale: Real
    forbidden: Forbidden

    def share(self, owner: Whole) -> Whole:
        """The best of all splits where it can be found, else one in which no two collectors can share theirs better."""
        everyone = np.arange(len(owner))
        if self._splits(everyone, owner) <= _MOST_SPLITS:
            return self._best_of_all(everyone, owner)
        # who has none of the cases can share none
        people = np.unique(owner)
        for _ in range(_TIMES):
            parts = _sums(self.measures, owner, self.bases)[:, people] / self.scale[:, None]
            wider = parts[int((parts.max(axis=1) - parts.min(axis=1)).argmax())]
            both = np.flatnonzero((owner == people[wider.argmax()]) | (owner == people[wider.argmin()]))
            if self._splits(both, owner) > _MOST_OF_TWO:
                break
            before, owner = owner, self._best_of_all(both, owner)
            if (owner == before).all():
                break
        return owner

    def _seats(self, some: Whole, owner: Whole) -> Counts:
        """How many of each group each of their owners has, of `some` cases; by group and owner."""
        people, mine = np.unique(owner[some], return_inverse=True)
        groups, group = np.unique(self.table.group[some], return_inverse=True)
        seats = np.bincount(group * len(people) + mine, minlength=len(groups) * len(people))
        return seats.reshape(len(groups), len(people)).astype(np.int64)

    def _splits(self, some: Whole, owner: Whole) -> float:
        """How many splits of `some` cases leave everybody's numbers as they are."""
        if len(some) > _FEW:
            return math.inf
        seats = self._seats(some, owner)
        orders, same = (
            math.prod(math.factorial(each) for each in numbers)
            for numbers in (seats.sum(axis=1).tolist(), seats.reshape(-1).tolist())
        )
        return orders // same

    def _best_of_all(self, some: Whole, owner: Whole) -> Whole:
        """The owners after the best of all splits of `some` cases that leave everybody's numbers as they are.

        The best one has the smallest gap between any two collectors, then the smallest between those whose cases they
        are; of several it is the first, the first case's collector counting first. It stays as it is if none is better.
        """
        people, mine = np.unique(owner[some], return_inverse=True)
        pairs = some[:, None], people[None, :]
        may: Flags = self.table.fits(*pairs) & ~self.forbidden.has(*pairs)
        may[np.arange(len(some)), mine] = True
        others = np.ones(len(owner), dtype=np.bool_)
        others[some] = False
        besides = _sums(self.measures[:, others], owner[others], self.bases)
        # a row for every way to give the first cases, case by case: seats left, sums, and who got which
        left, sums = self._seats(some, owner)[None].astype(np.int8), besides[None][:, :, people]
        chosen = np.zeros((1, len(some)), dtype=np.int8)
        _, groups = np.unique(self.table.group[some], return_inverse=True)
        for place, (case, group) in enumerate(zip(some.tolist(), groups.tolist(), strict=True)):
            row, to = np.nonzero((left[:, group] > 0) & may[place])
            left, sums, chosen = left[row], sums[row], chosen[row]
            at = np.arange(len(row))
            left[at, group, to] -= 1
            sums[at, :, to] += self.measures[:, case]
            chosen[at, place] = to
        parts = sums / self.scale[:, None]
        among, overall = _gaps(parts), _gaps(parts)
        rest = np.delete(besides, people, axis=1) / self.scale[:, None]
        if rest.size:
            ends = np.stack([rest.min(axis=1), rest.max(axis=1)], axis=1)
            overall = _gaps(np.concatenate([parts, np.broadcast_to(ends, (len(parts), *ends.shape))], axis=2))
        best = int(np.lexsort((among, overall))[0])
        now = int(np.flatnonzero((chosen == mine).all(axis=1))[0])
        found = owner.copy()
        if (overall[best], among[best]) < (overall[now], among[now]):
            found[some] = people[chosen[best]]
        return found


def _sums(measures: Real, owner: Whole, bases: Real) -> Real:
    """What each collector has of each measure."""
    sums = bases.copy()
    for row, measure in enumerate(measures):
        sums[row] += np.bincount(owner, weights=measure, minlength=bases.shape[1])
    return sums


def _gaps(parts: Real) -> Real:
    """Most less least of the collectors (the last axis), by the measure (the one before) in which it is larger."""
    gaps: Real = (parts.max(axis=-1) - parts.min(axis=-1)).max(axis=-1)
    return gaps


def _pairs(sums: Real, shift: int) -> npt.NDArray[np.intp]:
    """Two columns, who has more and who has less; `shift` turns the lower half, so that other pairs meet."""
    order = np.argsort(sums, kind="stable")
    half = len(order) // 2
    low, high = order[:half], order[len(order) - half :][::-1]
    return np.column_stack([high, np.roll(low, shift)])


class _Pairs:
    """Finds the best exchange of each pair of collectors."""

    def __init__(self, table: Table, measures: Real, forbidden: Forbidden, people: int) -> None:
        self._table = table
        self._measures = measures
        self._forbidden = forbidden
        self._people = people
        groups = int(table.group.max()) + 1
        amount = np.bincount(table.group, weights=measures[0], minlength=groups)
        other = np.bincount(table.group, weights=measures[1], minlength=groups)
        self._ratio: Real = np.divide(other, amount, out=np.zeros(groups), where=amount > 0)
        # sorted once by group and amount; a stable sort by pair keeps that order
        self._order = np.lexsort((np.arange(len(table.group)), measures[0], table.group))
        self._width = float(measures[0].max()) + 3.0

    def exchange(self, owner: Whole, parts: Real, scale: Real, pairs: npt.NDArray[np.intp]) -> bool:
        """Exchanges one case of each pair that gains by it; whether any did."""
        table, people = self._table, self._people
        pair_of = np.full(people, -1, dtype=np.int64)
        pair_of[pairs[:, 0]] = pair_of[pairs[:, 1]] = np.arange(len(pairs))
        partner = np.zeros(people, dtype=np.int64)
        partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
        has_more = np.zeros(people, dtype=np.bool_)
        has_more[pairs[:, 0]] = True
        gap = parts[:, pairs[:, 0]] - parts[:, pairs[:, 1]]

        mine = owner[self._order]
        to = partner[mine]
        free = (pair_of[mine] >= 0) & table.fits(self._order, to) & ~self._forbidden.has(self._order, to)
        give = self._order[free & has_more[mine]]
        take = self._order[free & ~has_more[mine]]
        if not len(give) or not len(take):
            return False
        take = take[np.argsort(pair_of[owner[take]], kind="stable")]
        groups = len(self._ratio)
        take_block = pair_of[owner[take]] * groups + table.group[take]
        take_key = take_block * self._width + self._measures[0][take]

        pair = pair_of[owner[give]]
        # what to give more than is taken: least squares over both gaps, for cases of the group's usual ratio
        weight = self._ratio[table.group[give]] * scale[0] / scale[1]
        ideal = scale[0] * (gap[0][pair] + weight * gap[1][pair]) / (2 * (1 + weight * weight))
        block = pair * groups + table.group[give]
        wanted = block * self._width + np.clip(self._measures[0][give] - ideal, -1.0, self._width - 2.0)
        place = np.searchsorted(take_key, wanted)
        gives, takes = [], []
        for at in (place - 1, place):
            inside = np.flatnonzero((at >= 0) & (at < len(take)))
            taken = at[inside]
            same = take_block[taken] == block[inside]
            gives.append(give[inside[same]])
            takes.append(take[taken[same]])
        given, taken = np.concatenate(gives), np.concatenate(takes)
        pair = pair_of[owner[given]]
        change = 2 * (self._measures[:, given] - self._measures[:, taken]) / scale[:, None]
        left = (np.square(gap[:, pair] - change)).sum(axis=0)
        better = left < np.square(gap[:, pair]).sum(axis=0) - 1e-15
        given, taken, pair, left = given[better], taken[better], pair[better], left[better]
        if not len(given):
            return False
        best = np.lexsort((taken, given, left, pair))
        _, first = np.unique(pair[best], return_index=True)
        ours, theirs = given[best[first]], taken[best[first]]
        owner[ours], owner[theirs] = owner[theirs], owner[ours]
        return True
