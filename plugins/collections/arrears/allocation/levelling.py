"""Levelling: how many cases of which region go to which crew, so that collectors are as even as the rules allow.

A *crew* are the collectors of a queue who may work the same regions. Regions and crews are few, so this works on
their counts, never on cases. It is a flow problem with two greedy choices, both exact because the sets of seats that
can be filled, and the sets of cases that can be given, are transversal matroids:

- Seats are filled in the order of their level (a collector's first case, everybody's second, …). Greedy by level
  gives loads of which none could be made more even, and leaves as few cases as possible.
- Cases are given in the order of work. Greedy by that order gives the best cases that fit on those seats, and both
  choices always fit together (Mendelsohn and Dulmage, 1958).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Crew:
    """Collectors who may work the same regions; one entry each in the three arrays.

    `base`: cases of the queue that he keeps. `room`: how many more he may get. `turn`: his place among equals.
    """

    base: Counts
    room: Counts
    turn: Counts

    def seats_up_to(self, level: int) -> int:
        """How many new cases bring everybody to `level` cases, as far as there is room."""
        return int(np.clip(level - self.base, 0, self.room).sum())

    def shares(self, total: int) -> Counts:
        """`total` new cases per collector, even with what each keeps; one more in the order of the turns."""
        low, high = 0, int((self.base + self.room).max(initial=0))
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.seats_up_to(middle) <= total else (low, middle - 1)
        shares = np.clip(low - self.base, 0, self.room)
        next_up = np.flatnonzero((self.base + shares == low) & (shares < self.room))
        over = next_up[np.argsort(self.turn[next_up], kind="stable")][: total - int(shares.sum())]
        shares[over] += 1
        return shares


@dataclass(frozen=True)
class Levelled:
    """Cases given: `flow[region, crew]`."""

    flow: Counts
    full: Flags
    """Crews in which nobody has room left."""

    @property
    def per_region(self) -> Counts:
        """Cases given per region."""
        given: Counts = self.flow.sum(axis=1)
        return given

    @property
    def per_crew(self) -> Counts:
        """Cases given per crew."""
        given: Counts = self.flow.sum(axis=0)
        return given


def level_crews(regions: Counts, eligible: Flags, crews: list[Crew], *, spread: bool) -> Levelled:
    """How many cases of each region go to each crew.

    `regions`: the region (index) of each case, in the order of work. `eligible[region, crew]`: who may work what.
    With `spread`, a level that cannot be filled for a whole crew is filled for some of it; without, the cases that
    would go there are left.
    """
    supply = np.bincount(regions, minlength=eligible.shape[0]).astype(np.int64)
    seats = _Network(supply, eligible)
    top = max((int((crew.base + np.minimum(crew.room, len(regions))).max(initial=0)) for crew in crews), default=0)
    parts = _fill(seats, lambda level: np.array([crew.seats_up_to(level) for crew in crews], dtype=np.int64), top)
    totals = seats.flow.sum(axis=0)
    if not spread:
        totals = totals - parts

    order = np.argsort(regions, kind="stable")
    positions = np.split(order + 1, np.cumsum(supply)[:-1]) if len(supply) else []
    cases = _Network(totals, np.ascontiguousarray(eligible.T))
    _fill(
        cases,
        lambda place: np.array([np.searchsorted(each, place, side="right") for each in positions], dtype=np.int64),
        len(regions),
    )
    flow: Counts = np.ascontiguousarray(cases.flow.T)
    full = np.array([crew.seats_up_to(top) <= total for crew, total in zip(crews, totals, strict=True)], dtype=np.bool_)
    return Levelled(flow=flow, full=full)


class _Network:
    """Sources with a supply, sinks that may draw on some of them, and what flows."""

    def __init__(self, supply: Counts, eligible: Flags) -> None:
        self._eligible = eligible
        self._left = supply.copy()
        self.flow: Counts = np.zeros(eligible.shape, dtype=np.int64)

    @property
    def left(self) -> int:
        """What no sink has drawn yet."""
        return int(self._left.sum())

    def save(self) -> tuple[Counts, Counts]:
        return self._left.copy(), self.flow.copy()

    def restore(self, state: tuple[Counts, Counts]) -> None:
        self._left, self.flow = state[0].copy(), state[1].copy()

    def draw(self, sink: int, amount: int) -> int:
        """Brings up to `amount` more to `sink`, rerouting what others draw without taking from them; what it got."""
        drawn = 0
        while drawn < amount:
            path = self._path(sink)
            if path is None:
                break
            source, steps = path
            bottleneck = min([amount - drawn, int(self._left[source])] + [int(self.flow[s, v]) for s, _, v in steps])
            for from_source, to, instead_of in steps:
                self.flow[from_source, to] += bottleneck
                self.flow[from_source, instead_of] -= bottleneck
            last = steps[-1][2] if steps else sink
            self.flow[source, last] += bottleneck
            self._left[source] -= bottleneck
            drawn += bottleneck
        return drawn

    def _path(self, sink: int) -> tuple[int, list[tuple[int, int, int]]] | None:
        # breadth first from the sink: a source with something left ends it; one without passes the search on to the
        # sinks that draw on it, which would have to draw elsewhere
        came_by: dict[int, tuple[int, int]] = {}
        seen_sources = np.zeros(len(self._left), dtype=np.bool_)
        seen_sinks = {sink}
        waiting = deque([sink])
        while waiting:
            here = waiting.popleft()
            reachable = self._eligible[:, here] & ~seen_sources
            with_supply = np.flatnonzero(reachable & (self._left > 0))
            if len(with_supply):
                steps: list[tuple[int, int, int]] = []
                at = here
                while at != sink:
                    source, before = came_by[at]
                    steps.append((source, before, at))
                    at = before
                steps.reverse()
                return int(with_supply[0]), steps
            seen_sources |= reachable
            for source in np.flatnonzero(reachable).tolist():
                for other in np.flatnonzero(self.flow[source]).tolist():
                    if other not in seen_sinks:
                        seen_sinks.add(other)
                        came_by[other] = (source, here)
                        waiting.append(other)
        return None


def _fill(network: _Network, wanted: Callable[[int], Counts], top: int) -> Counts:
    """Raises all sinks together from level to level until each is stuck or at `top`.

    `wanted(level)` is what each sink draws in all at a level, never falling. A sink that cannot draw what a level
    asks for stays where it is for good; returns what each got of the level that it could not complete.
    """
    active = np.ones(network.flow.shape[1], dtype=np.bool_)
    parts = np.zeros(network.flow.shape[1], dtype=np.int64)
    level = 0
    while active.any():
        level = _highest_whole_level(network, wanted, active, level, top)
        if level >= top:
            break
        level += 1
        more = wanted(level) - network.flow.sum(axis=0)
        for each in np.flatnonzero(active & (more > 0)):
            got = network.draw(int(each), int(more[each]))
            if got < more[each]:
                active[each] = False
                parts[each] = got
    return parts


def _highest_whole_level(
    network: _Network, wanted: Callable[[int], Counts], active: Flags, level: int, top: int
) -> int:
    # doubling, then halving: each try is one flow, and tries near the present level are the cheap ones
    low, step, failed = level, 1, top + 1
    while low < top:
        goal = min(low + step, failed - 1, top)
        if goal <= low:
            break
        if _raise_all(network, wanted(goal), active):
            low, step = goal, step * 2
        else:
            failed, step = goal, max(1, (goal - low) // 2)
    return low


def _raise_all(network: _Network, goal: Counts, active: Flags) -> bool:
    more = np.where(active, goal - network.flow.sum(axis=0), 0)
    if int(more.sum()) > network.left:
        return False
    before = network.save()
    for each in np.flatnonzero(more > 0):
        if network.draw(int(each), int(more[each])) < more[each]:
            network.restore(before)
            return False
    return True
