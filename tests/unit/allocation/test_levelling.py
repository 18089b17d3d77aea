"""Levelling against HiGHS: as much as can be given, as evenly as can be, and the most urgent cases that fit."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.allocation.levelling import Seats, best_cases, contested, level_kinds, water_level


def seats(base: list[int], room: list[int], floor: list[int] | None = None) -> Seats:
    return Seats(
        base=np.array(base, dtype=np.int64),
        room=np.array(room, dtype=np.int64),
        turn=np.arange(len(base)),
        floor=np.zeros(len(base), dtype=np.int64) if floor is None else np.array(floor, dtype=np.int64),
    )


def counts(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize(
    ("total", "shares"),
    [(0, [0, 0, 0]), (1, [0, 1, 0]), (3, [0, 2, 1]), (4, [1, 2, 1]), (5, [1, 3, 1]), (9, [2, 6, 1]), (20, [2, 9, 1])],
)
def test_water_runs_to_those_who_have_less_within_their_room(total: int, shares: list[int]) -> None:
    """They have 2, 0 and 1, and room for 2, 9 and 1."""
    assert water_level(total, counts(2, 0, 1), counts(2, 9, 1), np.arange(3)).tolist() == shares


def test_one_who_may_have_all_makes_up_for_those_of_one_region() -> None:
    """10 cases of one kind, 2 of another; two collectors work the first only, one works both."""
    may = np.array([[True, True, True], [False, False, True]])
    flow = level_kinds(counts(10, 2), may, seats([0, 0, 0], [12, 12, 12]))
    assert flow.sum(axis=0).tolist() == [4, 4, 4]
    assert flow[1].tolist() == [0, 0, 2]


def test_a_chain_of_three_is_followed() -> None:
    """Each collector works two neighbouring kinds; all cases are of the first kind and of the second."""
    may = np.array([[True, False, False], [True, True, False], [False, True, True]])
    flow = level_kinds(counts(4, 1, 1), may, seats([0, 0, 0], [9, 9, 9]))
    assert flow.sum(axis=0).tolist() == [4, 1, 1]
    flow = level_kinds(counts(0, 6, 0), may, seats([0, 0, 0], [9, 9, 9]))
    assert flow.sum(axis=0).tolist() == [3, 3, 0]


def test_what_was_given_first_stays_above_its_floor() -> None:
    may = np.ones((1, 2), dtype=np.bool_)
    given = np.array([[5, 0]])
    flow = level_kinds(counts(1), may, seats([0, 0], [9, 9], [5, 0]), given)
    assert flow.tolist() == [[5, 1]]
    assert level_kinds(counts(1), may, seats([0, 0], [9, 9]), given).tolist() == [[3, 3]]
    assert level_kinds(counts(1), may, seats([0, 0], [9, 9]), given, ahead=3).tolist() == [[4, 2]]


def test_the_last_case_is_contested_where_another_could_have_it() -> None:
    may = np.array([[True, True, False], [False, False, True]])
    flow = level_kinds(counts(3, 2), may, seats([0, 0, 0], [9, 9, 9]))
    everybody = np.ones(3, dtype=np.bool_)
    assert contested(may, flow, seats([0, 0, 0], [9, 9, 9]), everybody).tolist() == [True, False, False]
    # nobody else has room, or could have it, or it may not be taken from him
    assert not contested(may, flow, seats([0, 0, 0], [2, 1, 9]), everybody).any()
    assert not contested(may, flow, seats([0, 0, 0], [9, 9, 9]), ~everybody).any()


def test_a_last_case_stays_where_somebody_would_be_two_ahead_without_it() -> None:
    """They have 3, 2 and 1; the first may give to the second, but keeps his."""
    may = np.array([[True, True, False], [False, True, True]])
    flow = np.array([[3, 0, 0], [0, 2, 1]])
    removable = np.array([False, True, True])
    assert not contested(may, flow, seats([0, 0, 0], [9, 9, 9]), removable).any()
    assert contested(may, flow, seats([0, 0, 0], [9, 9, 9]), removable, ahead=2).tolist() == [False, True, False]


def test_more_urgent_cases_take_the_seats() -> None:
    """Two seats of somebody who may have both kinds, filled with the kind whose cases are at places 2 and 3."""
    flow = np.array([[0], [2]])
    better = best_cases(np.ones((2, 1), dtype=np.bool_), flow, [np.array([0, 4]), np.array([2, 3])])
    assert better.tolist() == [[1], [1]]


Instance = tuple[list[int], list[list[bool]], list[tuple[int, int]]]


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    """The kind of each case in the order of work, who may have which kind, and (base, room) of each collector."""
    kinds, people = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    cases = draw(st.lists(st.integers(0, kinds - 1), max_size=18))
    row = st.lists(st.booleans(), min_size=people, max_size=people)
    may = draw(st.lists(row, min_size=kinds, max_size=kinds))
    staff = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 8)), min_size=people, max_size=people))
    return cases, may, staff


def optimum(supply: np.ndarray, may: np.ndarray, base: np.ndarray, room: np.ndarray) -> tuple[int, int]:
    """Most cases that can be given, and the least sum of squared loads with so many, by HiGHS.

    Variables: flow per allowed pair, then one seat per collector and level. Seats are of convex cost, so those of one
    collector are filled from below without being told to.
    """
    kinds, people = np.nonzero(may)
    most = np.minimum(room, int(supply.sum()))
    owner = np.repeat(np.arange(len(base)), most)
    nth = np.concatenate([np.arange(each) for each in most]) if len(owner) else np.zeros(0, dtype=np.int64)
    cost = 2 * (base[owner] + nth) + 1
    if not len(kinds) or not len(owner):
        return 0, int((base**2).sum())
    balance = np.zeros((len(base), len(kinds) + len(owner)))
    balance[people, np.arange(len(kinds))] = 1
    balance[owner, len(kinds) + np.arange(len(owner))] = -1
    given = np.zeros((len(supply), len(kinds) + len(owner)))
    given[kinds, np.arange(len(kinds))] = 1
    total = np.concatenate([np.ones(len(kinds)), np.zeros(len(owner))])
    bounds = scipy.optimize.Bounds(0, np.concatenate([supply[kinds], np.ones(len(owner))]))
    rows = [scipy.optimize.LinearConstraint(balance, 0, 0), scipy.optimize.LinearConstraint(given, -np.inf, supply)]
    whole = np.ones(len(total))
    first = scipy.optimize.milp(-total, integrality=whole, bounds=bounds, constraints=rows)
    number = round(-first.fun)
    rows.append(scipy.optimize.LinearConstraint(total, number, number))
    second = scipy.optimize.milp(
        np.concatenate([np.zeros(len(kinds)), cost]), integrality=whole, bounds=bounds, constraints=rows
    )
    return number, int((base**2).sum()) + round(second.fun)


@settings(max_examples=120, deadline=None)
@given(instances())
def test_as_much_is_given_and_as_evenly_as_by_highs(instance: Instance) -> None:
    cases, allowed, staff = instance
    may = np.array(allowed, dtype=np.bool_)
    supply = np.bincount(np.array(cases, dtype=np.int64), minlength=len(may)).astype(np.int64)
    base, room = counts(*[each for each, _ in staff]), counts(*[each for _, each in staff])
    flow = level_kinds(supply, may, seats(base.tolist(), room.tolist()))
    assert (flow >= 0).all()
    assert not flow[~may].any()
    assert (flow.sum(axis=1) <= supply).all()
    load = flow.sum(axis=0)
    assert (load <= room).all()
    # equal sums of squares with equal numbers: no other split is more even by any convex measure
    assert (int(load.sum()), int(((base + load) ** 2).sum())) == optimum(supply, may, base, room)


@settings(max_examples=120, deadline=None)
@given(instances())
def test_the_cases_that_are_given_are_the_most_urgent_that_fit(instance: Instance) -> None:
    cases, allowed, staff = instance
    may = np.array(allowed, dtype=np.bool_)
    kind = np.array(cases, dtype=np.int64)
    supply = np.bincount(kind, minlength=len(may)).astype(np.int64)
    ranks = [np.flatnonzero(kind == each) for each in range(len(may))]
    base, room = [each for each, _ in staff], [each // 2 for _, each in staff]
    flow = level_kinds(supply, may, seats(base, room))
    better = best_cases(may, flow, ranks)
    assert (better.sum(axis=0) == flow.sum(axis=0)).all()
    assert not better[~may].any()
    given_kinds = better.sum(axis=1)
    assert (given_kinds <= supply).all()
    chosen = [int(place) for each, number in zip(ranks, given_kinds, strict=True) for place in each[:number]]
    assert sorted(chosen) == greedy(cases, allowed, better.sum(axis=0).tolist())


def greedy(cases: list[int], may: list[list[bool]], room: list[int]) -> list[int]:
    """The judge: each case in the order of work, taken if it can be placed beside those taken before."""
    placed: dict[int, int] = {}

    def place(case: int, tried: set[int]) -> bool:
        for who, allowed in enumerate(may[cases[case]]):
            if not allowed or who in tried or not room[who]:
                continue
            tried.add(who)
            mine = [other for other, owner in placed.items() if owner == who]
            if len(mine) < room[who]:
                placed[case] = who
                return True
            for other in mine:
                if place(other, tried):
                    placed[case] = who
                    return True
        return False

    taken = [case for case in range(len(cases)) if place(case, set())]
    assert all(number <= room[who] for who, number in Counter(placed.values()).items())
    return taken
