"""Balancing: swaps cases between collectors until their amounts are even, while everybody keeps his number of cases.

Each round pairs collectors, the one with most against the one with least and so on inwards, and swaps in every pair
the two cases that come nearest to closing its gap. All pairs of a round are searched at once in sorted arrays, so a
round costs O(n log n); there are at most `_ROUNDS`. Ties go to the case that comes first, so the result depends on
the input alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_ROUNDS = 120


def balance(cents: Whole, owner: Whole, base: Whole, kind: Whole, may: Flags) -> Whole:
    """The owner of each case after the swaps.

    `cents`, `owner` (index of the collector) and `kind` per case; `base`: what each collector has besides, in cents;
    `may[kind, collector]`: who may have which kind of case.
    """
    owner = owner.copy()
    collectors = len(base)
    if collectors < 2 or not len(cents):
        return owner
    idle = 0
    for number in range(_ROUNDS):
        sums = base.copy()
        np.add.at(sums, owner, cents)
        pairs = _pairs(sums, number if idle else 0)
        if _swap(cents, owner, kind, may, sums, pairs):
            idle = 0
        else:
            idle += 1
            if idle > min(collectors, 12):
                break
    return owner


def _pairs(sums: Whole, shift: int) -> npt.NDArray[np.intp]:
    """Two columns, who has more and who has less; `shift` turns the lower half, so that other pairs meet."""
    order = np.argsort(sums, kind="stable")
    half = len(order) // 2
    low, high = order[:half], order[len(order) - half :][::-1]
    return np.column_stack([high, np.roll(low, shift)])


def _swap(cents: Whole, owner: Whole, kind: Whole, may: Flags, sums: Whole, pairs: npt.NDArray[np.intp]) -> bool:
    pair_of = np.full(len(sums), -1, dtype=np.int64)
    pair_of[pairs[:, 0]] = pair_of[pairs[:, 1]] = np.arange(len(pairs))
    partner = np.zeros(len(sums), dtype=np.int64)
    partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    has_more = np.zeros(len(sums), dtype=np.bool_)
    has_more[pairs[:, 0]] = True
    gap = sums[pairs[:, 0]] - sums[pairs[:, 1]]

    free = (pair_of[owner] >= 0) & may[kind, partner[owner]]
    give = np.flatnonzero(free & has_more[owner])
    take = np.flatnonzero(free & ~has_more[owner])
    if not len(give) or not len(take):
        return False
    width = int(cents.max()) + 3
    take_key = pair_of[owner[take]] * width + 1 + cents[take]
    order = np.lexsort((take, take_key))
    take, take_key = take[order], take_key[order]
    pair = pair_of[owner[give]]
    wanted = pair * width + 1 + np.clip(cents[give] - gap[pair] // 2, -1, width - 3)
    place = np.searchsorted(take_key, wanted)
    candidates = []
    for at in (place - 1, place):
        inside = (at >= 0) & (at < len(take))
        given = np.flatnonzero(inside)
        taken = take[at[given]]
        given = given[pair_of[owner[taken]] == pair[given]]
        taken = take[at[given]]
        candidates.append(np.column_stack([give[given], taken, pair[given]]))
    found = np.concatenate(candidates)
    left = np.abs(gap[found[:, 2]] - 2 * (cents[found[:, 0]] - cents[found[:, 1]]))
    better = left < gap[found[:, 2]]
    found, left = found[better], left[better]
    if not len(found):
        return False
    found = found[np.lexsort((found[:, 1], found[:, 0], left, found[:, 2]))]
    _, first = np.unique(found[:, 2], return_index=True)
    ours, theirs = found[first, 0], found[first, 1]
    owner[ours], owner[theirs] = owner[theirs], owner[ours]
    return True
