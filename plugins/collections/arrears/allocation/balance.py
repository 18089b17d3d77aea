"""Balancing: exchanges cases between collectors until what they amount to is even, while all numbers stay.

Each round pairs collectors, the one with most against the one with least and so on inwards, and exchanges in every
pair the two cases that come nearest to closing its gaps. All pairs of a round are searched at once in sorted arrays, so
a round costs O(n log n); there are at most `_ROUNDS`. Ties go to the case that comes first, so the result depends on
the input alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arrears.allocation.dealing import Forbidden, Table, Whole
from arrears.allocation.levelling import Counts

_ROUNDS = 160
_PATIENCE = 12
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
        sums = bases.copy()
        for row, measure in enumerate(measures):
            sums[row] += np.bincount(owner, weights=measure, minlength=people)
        parts = sums / scale[:, None]
        gaps.append(float((parts.max(axis=1) - parts.min(axis=1)).max()))
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
    return owner


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


def spread(values: Counts, owner: Whole, people: int, base: Counts | None = None) -> float:
    """Largest sum less smallest, as a share of the mean; 0 for nothing."""
    sums = np.bincount(owner, weights=values, minlength=people) + (0 if base is None else base)
    return float((sums.max() - sums.min()) / sums.mean()) if sums.size and sums.mean() > 0 else 0.0
