"""Levelling: how many cases of which kind each collector gets, so that loads are as even as the hard rules allow.

A *kind* are the cases of a queue that the same collectors may have. Kinds and collectors are few, so this works on a
matrix of counts, never on cases. It is a flow from kinds to collectors with convex costs, and one theorem serves all
of it: loads are the most even ones exactly when no chain of exchanges leads from a collector to another one who has
two fewer (Harvey, Ladner, Lovász and Tamir, Semi-matchings for bipartite graphs and load balancing, 2006). The search
starts from a good guess, poured kind by kind, and follows such chains until there is none; all chains that end at the
lowest level are found by one search. Lowest levels that nothing can be brought to any more are closed off, so that
the work shrinks as it goes.

Which cases of a kind are given is the mirror image: seats stay as they are, and a case that is left takes the place of
a less urgent one wherever a chain of exchanges allows it. Both choices always fit together (Mendelsohn and Dulmage,
Some generalizations of the problem of distinct representatives, 1958).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_SWEEPS = 1
_FREE: int = np.iinfo(np.int64).max // 4


@dataclass(frozen=True)
class Seats:
    """What binds the collectors of a queue; one entry each.

    `base`: what counts as his besides what is given here. `room`: how much he may be given here. `turn`: his place
    among equals. `floor`: of what he is given, what must not be taken from him for the sake of others.
    """

    base: Counts
    room: Counts
    turn: Counts
    floor: Counts


def water_level(supply: int, level: Counts, room: Counts, turn: Counts) -> Counts:
    """`supply` dealt to those who have least, within their room; one more in the order of the turns.

    `level`: what each has. Returns what each gets; less than `supply` in all if there is no room for it.
    """
    capped = np.minimum(room, supply)
    if int(capped.sum()) <= supply:
        return capped
    low, high = int(level.min()), int((level + capped).max())
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.clip(middle - level, 0, capped).sum()) <= supply:
            low = middle
        else:
            high = middle - 1
    shares: Counts = np.clip(low - level, 0, capped)
    over = supply - int(shares.sum())
    if over:
        next_up = np.flatnonzero((level + shares == low) & (shares < capped))
        shares[next_up[np.argsort(turn[next_up], kind="stable")][:over]] += 1
    return shares


def level_kinds(supply: Counts, may: Flags, seats: Seats, given: Counts | None = None, *, ahead: int = 1) -> Counts:
    """What is given, `flow[kind, collector]`: as much as can be, and as evenly as can be.

    `supply`: cases of each kind that are still to be given; `may[kind, collector]`. `given`: what is given already; it
    may be exchanged as long as nobody falls below his floor. `ahead`: how many cases more than another who could have
    one of them somebody may have.
    """
    flow = np.zeros(may.shape, dtype=np.int64) if given is None else given.copy()
    if not may.size:
        return flow
    network = _Network(may, flow, supply.astype(np.int64).copy(), seats)
    network.pour()
    network.complete()
    network.even_out(ahead)
    return network.flow


def contested(may: Flags, flow: Counts, seats: Seats, removable: Flags, *, ahead: int = 1) -> Flags:
    """Collectors whose last case another one, who has one fewer and room, could have in exchange as well.

    Only those who are `removable`, and to whom nobody would be more than `ahead` if that case were taken from them.
    """
    found = np.zeros(may.shape[1], dtype=np.bool_)
    if not may.size:
        return found
    network = _Network(may, flow, np.zeros(may.shape[0], dtype=np.int64), seats)
    levels, has_room = network.levels, network.load < seats.room
    # from the top, because whoever gives his last case away is not too far ahead of those below him
    for level in np.unique(levels[has_room])[::-1].tolist():
        targets = has_room & (levels == level)
        candidates = removable & (levels == level + 1)
        if not candidates.any():
            continue
        candidates &= network.search(targets).people & ~targets
        above = (levels - found > level + ahead) & (network.load > 0)
        if candidates.any() and (network.search(candidates).people & above).any():
            for who in np.flatnonzero(candidates).tolist():
                only = np.arange(len(levels)) == who
                candidates[who] = not (network.search(only).people & above).any()
        found |= candidates
    return found


def best_cases(may: Flags, flow: Counts, ranks: Sequence[npt.NDArray[np.int64]]) -> Counts:
    """The same seats filled with more urgent cases, where there are some: `flow` with other kinds.

    `ranks`: per kind the places of its cases in the order of work, ascending. The first of a kind are always the ones
    that are given. Everybody has as many cases as before.
    """
    flow = flow.copy()
    supply = np.array([len(each) for each in ranks], dtype=np.int64)
    given = flow.sum(axis=1)
    changed = True
    while changed:
        changed = False
        left = np.flatnonzero(given < supply)
        firsts = np.array([ranks[each][given[each]] for each in left.tolist()], dtype=np.int64)
        for kind in left[np.argsort(firsts, kind="stable")].tolist():
            while given[kind] < supply[kind]:
                chain = _chain_to_worst(may, flow, ranks, given, kind)
                if chain is None:
                    break
                victim, steps = chain
                most = min(int(flow[taken, who]) for who, _, taken in steps)
                most = min(most, int(supply[kind] - given[kind]), int(given[victim]))
                gains = ranks[kind][given[kind] : given[kind] + most]
                losses = ranks[victim][given[victim] - most : given[victim]][::-1]
                number = int(np.searchsorted(-(losses - gains), 0, side="left"))
                for who, put, taken in steps:
                    flow[put, who] += number
                    flow[taken, who] -= number
                given[kind] += number
                given[victim] -= number
                changed = True
    return flow


def _chain_to_worst(
    may: Flags, flow: Counts, ranks: Sequence[npt.NDArray[np.int64]], given: Counts, kind: int
) -> tuple[int, list[tuple[int, int, int]]] | None:
    """The least urgent case that the best one left of `kind` can take the place of: its kind, and who exchanges what.

    A step (who, put, taken): `who` gets a case of kind `put` instead of one of kind `taken`.
    """
    kinds, people = flow.shape
    taken_from = np.full(kinds, -1, dtype=np.int64)
    put_by = np.full(people, -1, dtype=np.int64)
    seen = np.zeros(kinds, dtype=np.bool_)
    seen[kind] = True
    frontier = np.array([kind])
    while len(frontier):
        reached = np.flatnonzero(may[frontier].any(axis=0) & (put_by < 0))
        if not len(reached):
            break
        put_by[reached] = frontier[may[np.ix_(frontier, reached)].argmax(axis=0)]
        has = flow[:, reached] > 0
        fresh = np.flatnonzero(has.any(axis=1) & ~seen)
        taken_from[fresh] = reached[has[fresh].argmax(axis=1)]
        seen[fresh] = True
        frontier = fresh
    seen[kind] = False
    found = np.flatnonzero(seen)
    if not len(found):
        return None
    worst = np.array([ranks[each][given[each] - 1] for each in found.tolist()])
    victim = int(found[worst.argmax()])
    if worst.max() <= ranks[kind][given[kind]]:
        return None
    steps = []
    at = victim
    while at != kind:
        who = int(taken_from[at])
        steps.append((who, int(put_by[who]), at))
        at = int(put_by[who])
    return victim, steps


@dataclass(frozen=True)
class _Search:
    """From whom cases can be brought to the targets, and how."""

    kinds: Flags
    people: Flags
    taker: npt.NDArray[np.intp]
    """Per kind, who would take a case of it; -1: any of the targets who may."""
    gives: npt.NDArray[np.intp]
    """Per collector, the kind of which he would give a case."""


class _Network:
    """What flows from kinds to collectors, and what is left of each kind."""

    def __init__(self, may: Flags, flow: Counts, left: Counts, seats: Seats) -> None:
        self._may = may
        self._left = left
        self._seats = seats
        self.flow = flow
        self.load: Counts = flow.sum(axis=0)

    @property
    def levels(self) -> Counts:
        """How much everybody has."""
        levels: Counts = self._seats.base + self.load
        return levels

    def pour(self) -> None:
        """A good guess: each kind in turn, those that few may have first, to those who have least."""
        fixed = self.flow.copy()
        kinds = np.flatnonzero(self._left > 0)
        kinds = kinds[np.argsort(self._may[kinds].sum(axis=1), kind="stable")]
        who = [np.flatnonzero(self._may[kind]) for kind in kinds.tolist()]
        supply = self._left.copy()
        for sweep in range(1 + _SWEEPS * (len(kinds) > 1)):
            for kind, people in zip(kinds.tolist(), who, strict=True):
                if sweep:
                    self.load[people] -= self.flow[kind, people] - fixed[kind, people]
                shares = water_level(
                    int(supply[kind]),
                    self._seats.base[people] + self.load[people],
                    np.maximum(0, self._seats.room[people] - self.load[people]),
                    self._seats.turn[people],
                )
                self.flow[kind, people] = fixed[kind, people] + shares
                self.load[people] += shares
                self._left[kind] = supply[kind] - int(shares.sum())

    def complete(self) -> None:
        """Gives what could not be poured, by chains of exchanges to those who have room."""
        while True:
            waiting = np.flatnonzero(self._left > 0)
            if not len(waiting):
                return
            targets = self.load < self._seats.room
            if not targets.any():
                return
            search = self.search(targets)
            moved = 0
            for kind in waiting[search.kinds[waiting]].tolist():
                moved += self._bring(search, targets, kind)
            if not moved:
                return

    def even_out(self, ahead: int) -> None:
        """Follows chains from those who have more to those who have least until nobody is farther `ahead`."""
        open_ = np.ones(len(self.load), dtype=np.bool_)
        while True:
            has_room = open_ & (self.load < self._seats.room)
            if not has_room.any():
                return
            levels = self.levels
            lowest = int(levels[has_room].min())
            targets = has_room & (levels == lowest)
            search = self.search(targets, open_)
            givers = np.flatnonzero(
                search.people & ~targets & (levels > lowest + ahead) & (self.load > self._seats.floor)
            )
            moved = 0
            for giver in givers[np.argsort(-levels[givers], kind="stable")].tolist():
                moved += self._shift(search, targets, giver, ahead)
            if not len(givers):
                open_ &= ~search.people
            elif not moved:
                raise RuntimeError("a chain of exchanges that was found can be followed: this is a fault of the search")

    def search(self, targets: Flags, among: Flags | None = None) -> _Search:
        """All kinds and collectors from which chains of exchanges lead to the targets."""
        kinds, people = self.flow.shape
        taker = np.full(kinds, -1, dtype=np.intp)
        gives = np.full(people, -1, dtype=np.intp)
        seen_kinds = np.zeros(kinds, dtype=np.bool_)
        seen = targets.copy()
        shut = np.zeros(people, dtype=np.bool_) if among is None else ~among
        frontier = np.flatnonzero(targets)
        first = True
        while len(frontier):
            fresh = np.flatnonzero(self._may[:, frontier].any(axis=1) & ~seen_kinds)
            if not len(fresh):
                break
            if not first:
                taker[fresh] = frontier[self._may[np.ix_(fresh, frontier)].argmax(axis=1)]
            seen_kinds[fresh] = True
            has = self.flow[fresh] > 0
            reached = np.flatnonzero(has.any(axis=0) & ~seen & ~shut)
            gives[reached] = fresh[has[:, reached].argmax(axis=0)]
            seen[reached] = True
            frontier = reached
            first = False
        return _Search(seen_kinds, seen, taker, gives)

    def _bring(self, search: _Search, targets: Flags, kind: int) -> int:
        """Brings what is left of `kind` to the targets; how much."""
        steps, last, most = self._follow(search, targets, kind)
        if last < 0:
            return 0
        amount = min(most, int(self._left[kind]), int(self._seats.room[last] - self.load[last]))
        if amount <= 0:
            return 0
        self._pass_on(kind, steps, last, amount)
        self._left[kind] -= amount
        return amount

    def _shift(self, search: _Search, targets: Flags, giver: int, ahead: int) -> int:
        """Moves cases from `giver` along his chain to the target who has least; how many."""
        kind = int(search.gives[giver])
        steps, last, most = self._follow(search, targets, kind)
        if last < 0:
            return 0
        difference = int(self._seats.base[giver] + self.load[giver] - self._seats.base[last] - self.load[last])
        if difference <= ahead:
            return 0
        amount = min(
            (difference - ahead + 1) // 2,
            most,
            int(self.flow[kind, giver]),
            int(self.load[giver] - self._seats.floor[giver]),
            int(self._seats.room[last] - self.load[last]),
        )
        if amount <= 0:
            return 0
        self.flow[kind, giver] -= amount
        self.load[giver] -= amount
        self._pass_on(kind, steps, last, amount)
        return amount

    def _pass_on(self, kind: int, steps: Sequence[tuple[int, int]], last: int, amount: int) -> None:
        """Brings cases of `kind` in along a chain: everybody on it gives as many of another one on, to the `last`."""
        for who, gives in steps:
            self.flow[kind, who] += amount
            self.flow[gives, who] -= amount
            kind = gives
        self.flow[kind, last] += amount
        self.load[last] += amount

    def _follow(self, search: _Search, targets: Flags, kind: int) -> tuple[list[tuple[int, int]], int, int]:
        """The chain that begins with a case of `kind`: who gives what in exchange, who takes the last, how many."""
        steps: list[tuple[int, int]] = []
        most = _FREE
        while search.taker[kind] >= 0:
            who = int(search.taker[kind])
            gives = int(search.gives[who])
            steps.append((who, gives))
            most = min(most, int(self.flow[gives, who]))
            kind = gives
        takers = np.flatnonzero(targets & self._may[kind] & (self.load < self._seats.room))
        if not len(takers):
            return steps, -1, 0
        levels = self._seats.base[takers] + self.load[takers]
        order = np.lexsort((self._seats.turn[takers], levels))
        return steps, int(takers[order[0]]), most
