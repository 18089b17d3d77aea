"""Levelling against a slow, obviously right judge: every case given one by one by augmenting paths."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.allocation.levelling import Crew, level_crews


def crew(base: list[int], room: list[int]) -> Crew:
    return Crew(base=np.array(base), room=np.array(room), turn=np.arange(len(base)))


@pytest.mark.parametrize(
    ("total", "shares"),
    [(0, [0, 0, 0]), (1, [0, 1, 0]), (3, [0, 2, 1]), (4, [1, 2, 1]), (5, [1, 3, 1]), (9, [2, 6, 1])],
)
def test_shares_fill_up_those_who_keep_less_within_their_room(total: int, shares: list[int]) -> None:
    """Keeping 2, 0 and 1; room for 2, 9 and 1."""
    assert crew([2, 0, 1], [2, 9, 1]).shares(total).tolist() == shares


def test_a_crew_of_one_region_and_one_of_all_are_levelled() -> None:
    eligible = np.array([[True, True], [False, True]])
    # 10 cases of region 0, 2 of region 1; two collectors work region 0 only, one works both
    levelled = level_crews(
        np.array([0] * 10 + [1] * 2), eligible, [crew([0, 0], [12, 12]), crew([0], [12])], spread=True
    )
    assert levelled.per_crew.tolist() == [8, 4]
    assert levelled.flow.tolist() == [[8, 2], [0, 2]]


def test_a_large_crew_that_cannot_be_filled_leaves_nothing_extra_to_a_small_one() -> None:
    """5 cases, four collectors in one crew and one in another, all for the one region: 1 each, nobody has 2."""
    eligible = np.array([[True, True]])
    levelled = level_crews(
        np.zeros(5 + 3, dtype=np.int64), eligible, [crew([0] * 4, [8] * 4), crew([0], [8])], spread=False
    )
    assert levelled.per_crew[0] == 4
    assert levelled.per_crew[1] in (1, 2)


@st.composite
def instances(draw: st.DrawFn) -> tuple[list[int], list[list[bool]], list[list[tuple[int, int]]]]:
    """Regions of the cases in the order of work, who may work what, and (kept, room) per collector of each crew."""
    n_regions, n_crews = draw(st.integers(1, 4)), draw(st.integers(0, 4))
    regions = draw(st.lists(st.integers(0, n_regions - 1), max_size=24))
    row = st.lists(st.booleans(), min_size=n_crews, max_size=n_crews)
    eligible = draw(st.lists(row, min_size=n_regions, max_size=n_regions))
    member = st.tuples(st.integers(0, 4), st.integers(0, 9))
    crews = draw(st.lists(st.lists(member, min_size=1, max_size=4), min_size=n_crews, max_size=n_crews))
    return regions, eligible, crews


def judge_seats(regions: list[int], eligible: list[list[bool]], crews: list[list[tuple[int, int]]]) -> list[int]:
    """Levels of the filled seats, sorted: seats by level, each one kept if it can be filled beside those before."""
    seats = sorted(
        (kept + number, index)
        for index, members in enumerate(crews)
        for kept, room in members
        for number in range(1, room + 1)
    )
    taken_by: dict[int, int] = {}

    def fill(seat: int, tried: set[int]) -> bool:
        for case, region in enumerate(regions):
            if eligible[region][seats[seat][1]] and case not in tried:
                tried.add(case)
                if case not in taken_by or fill(taken_by[case], tried):
                    taken_by[case] = seat
                    return True
        return False

    return sorted(seats[seat][0] for seat in range(len(seats)) if fill(seat, set()))


@settings(max_examples=150, deadline=None)
@given(instances())
def test_loads_and_given_cases_are_those_of_the_judge(
    instance: tuple[list[int], list[list[bool]], list[list[tuple[int, int]]]],
) -> None:
    regions, eligible, members = instance
    may = np.array(eligible, dtype=np.bool_).reshape(len(eligible), len(members))
    crews = [crew([kept for kept, _ in each], [room for _, room in each]) for each in members]
    levelled = level_crews(np.array(regions, dtype=np.int64), may, crews, spread=True)

    supply = np.bincount(np.array(regions, dtype=np.int64), minlength=len(eligible))
    assert (levelled.flow >= 0).all()
    assert (levelled.flow[~may] == 0).all()
    assert (levelled.per_region <= supply).all()
    levels: list[int] = []
    for each, total in zip(crews, levelled.per_crew, strict=True):
        shares = each.shares(int(total))
        assert shares.sum() == total
        assert (shares <= each.room).all()
        levels += itertools.chain.from_iterable(
            range(base + 1, base + share + 1) for base, share in zip(each.base.tolist(), shares.tolist(), strict=True)
        )
    # as many cases as possible, on the lowest seats possible: a multiset of levels that no other choice undercuts
    assert Counter(levels) == Counter(judge_seats(regions, eligible, members))


@settings(max_examples=150, deadline=None)
@given(instances())
def test_the_pool_gets_whole_levels_and_what_is_given_still_fits(
    instance: tuple[list[int], list[list[bool]], list[list[tuple[int, int]]]],
) -> None:
    regions, eligible, members = instance
    may = np.array(eligible, dtype=np.bool_).reshape(len(eligible), len(members))
    crews = [crew([kept for kept, _ in each], [room for _, room in each]) for each in members]
    cases = np.array(regions, dtype=np.int64)
    spread = level_crews(cases, may, crews, spread=True)
    pool = level_crews(cases, may, crews, spread=False)
    assert (pool.per_crew <= spread.per_crew).all()
    assert (pool.flow[~may] == 0).all()
    for each, total in zip(crews, pool.per_crew, strict=True):
        # who is no better off than another of his crew has no room, or keeps more from before
        loads = each.base + each.shares(int(total))
        open_loads = loads[each.shares(int(total)) < each.room]
        if len(open_loads):
            assert loads[each.shares(int(total)) > 0].max(initial=0) <= open_loads.min()
