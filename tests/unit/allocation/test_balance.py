"""Balanced amounts: nearly even sums for the usual case, the same counts, nobody's hard rule broken."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.allocation.balance import Base, balance
from arrears.allocation.dealing import Forbidden, Table

NOBODY = Forbidden(np.zeros(0, dtype=np.int64), 20)


def spread(values: np.ndarray, owner: np.ndarray, people: int, base: np.ndarray | None = None) -> float:
    """Largest sum less smallest, as a share of the mean; 0 for nothing."""
    sums = np.bincount(owner, weights=values, minlength=people) + (0 if base is None else base)
    return float((sums.max() - sums.min()) / sums.mean()) if sums.size and sums.mean() > 0 else 0.0


def nothing(people: int) -> Base:
    return Base(np.zeros(people, np.int64), np.zeros(people, np.int64))


def free(number: int, people: int, group: np.ndarray | None = None) -> Table:
    zeros = np.zeros(number, dtype=np.int64)
    return Table(zeros, zeros if group is None else group, np.ones((1, people), np.bool_))


@pytest.mark.parametrize("seed", range(5))
def test_two_thousand_log_normal_cases_differ_by_a_thousandth_at_most(seed: int) -> None:
    """By overdue and by expected amount at once, and every bucket and band as even as before."""
    draws = np.random.default_rng(seed)
    cents = (draws.lognormal(9.0, 1.0, 2_000) * 100).astype(np.int64)
    group = draws.integers(0, 9, 2_000)
    expected = (cents * np.linspace(0.1, 0.9, 9)[group]).astype(np.int64)
    owner = np.arange(2_000) % 20
    after = balance(free(2_000, 20, group), owner, cents, nothing(20), NOBODY, expected, nothing(20))
    assert np.bincount(after).tolist() == [100] * 20
    assert spread(cents, after, 20) <= 0.001 < spread(cents, owner, 20)
    assert spread(expected, after, 20) <= 0.001 < spread(expected, owner, 20)
    for each in range(9):
        assert np.bincount(after[group == each]).tolist() == np.bincount(owner[group == each]).tolist()


def test_who_gets_fewer_cases_gets_less_and_not_larger_ones() -> None:
    draws = np.random.default_rng(1)
    cents = (draws.lognormal(9.0, 1.0, 500) * 100).astype(np.int64)
    owner = np.repeat([0, 1, 2, 3, 4], [20, 120, 120, 120, 120])
    after = balance(free(500, 5), owner, cents, nothing(5), NOBODY)
    mean = np.bincount(after, weights=cents) / np.bincount(after)
    assert np.bincount(after).tolist() == [20, 120, 120, 120, 120]
    assert abs(mean / cents.mean() - 1).max() < 0.01


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(0, 60), st.integers(1, 3))
def test_counts_and_hard_rules_hold_and_the_order_of_the_input_is_all_that_counts(
    seed: int, people: int, number: int, kinds: int
) -> None:
    draws = np.random.default_rng(seed)
    may = draws.random((kinds, people)) < 0.6
    kind = draws.integers(0, kinds, number)
    kind = kind[may[kind].any(axis=1)]
    owner = np.array([int(draws.choice(np.flatnonzero(may[each]))) for each in kind], dtype=np.int64)
    cents = draws.integers(0, 10_000, len(kind))
    pairs = draws.integers(0, max(1, len(kind)), 8), draws.integers(0, people, 8)
    shut = Forbidden.of(*pairs, people)
    base = Base(draws.integers(0, 10_000, people), draws.integers(0, 3, people))
    table = Table(kind, np.zeros(len(kind), dtype=np.int64), may)
    after = balance(table, owner, cents, base, shut)
    assert np.bincount(after, minlength=people).tolist() == np.bincount(owner, minlength=people).tolist()
    assert may[kind, after].all()
    moved = np.flatnonzero(after != owner)
    assert not shut.has(moved, after[moved]).any()
    assert (after == balance(table, owner, cents, base, shut)).all()
    if not base.number.any() and len(set(np.bincount(owner, minlength=people).tolist())) == 1:
        assert spread(cents, after, people, base.sums) <= spread(cents, owner, people, base.sums)


@pytest.mark.parametrize("seed", range(8))
def test_twelve_cases_among_three_are_split_as_well_as_the_best_of_all_34650_splits(seed: int) -> None:
    cents = np.random.default_rng(seed).integers(100, 1_000_000, 12)
    after = balance(free(12, 3), np.arange(12) % 3, cents, nothing(3), NOBODY)
    best = np.inf
    everyone = set(range(12))
    for first in itertools.combinations(range(12), 4):
        rest = sorted(everyone - set(first))
        one = cents[list(first)].sum()
        chosen = np.array(list(itertools.combinations(rest, 4)))
        two = cents[chosen].sum(axis=1)
        three = cents.sum() - one - two
        sums = np.stack([np.full_like(two, one), two, three])
        best = min(best, (sums.max(axis=0) - sums.min(axis=0)).min() / (cents.sum() / 3))
    assert np.bincount(after).tolist() == [4, 4, 4]
    assert spread(cents, after, 3) == pytest.approx(best, abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_six_cases_each_are_shared_two_by_two_as_well_as_can_be(seed: int) -> None:
    """Exchanges of one case for one end at about 0.7 %."""
    cents = np.random.default_rng(seed).integers(100, 1_000_000, 30)
    after = balance(free(30, 5), np.arange(30) % 5, cents, nothing(5), NOBODY)
    assert np.bincount(after).tolist() == [6] * 5
    assert spread(cents, after, 5) <= 0.004


@pytest.mark.parametrize("seed", range(30))
def test_a_few_cases_are_split_as_well_as_hard_rules_and_groups_let_them(seed: int) -> None:
    """By both measures, beside what people have already; compared with every way to deal them."""
    draws = np.random.default_rng(seed)
    number, people = int(draws.integers(2, 8)), int(draws.integers(2, 5))
    may = draws.random((2, people)) < 0.7
    may[:, 0] = True
    kind, group = draws.integers(0, 2, number), draws.integers(0, 2, number)
    owner = np.array([int(draws.choice(np.flatnonzero(may[each]))) for each in kind], dtype=np.int64)
    shut = Forbidden.of(draws.integers(0, number, 3), draws.integers(0, people, 3), people)
    cents, expected = draws.integers(1, 10_000, number), draws.integers(1, 5_000, number)
    held = draws.integers(0, 3, people)
    base, other = Base(held * draws.integers(1, 9_000, people), held), Base(held * 2_000, held)
    table = Table(kind, group, may)
    after = balance(table, owner, cents, base, shut, expected, other)

    def numbers(owners: np.ndarray) -> list[int]:
        return np.bincount(group * people + owners, minlength=2 * people).tolist()

    def gap(owners: np.ndarray) -> float:
        count = held + np.bincount(owners, minlength=people)
        gaps = []
        for values, each in ((cents, base), (expected, other)):
            mean = round((each.sums.sum() + values.sum()) / count.sum())
            sums = each.sums - mean * count + np.bincount(owners, weights=values, minlength=people)
            gaps.append((sums.max() - sums.min()) / (mean * count.mean()))
        return max(gaps)

    every = [np.array(each) for each in itertools.product(range(people), repeat=number)]
    cases = np.arange(number)
    fit = [
        each
        for each in every
        if numbers(each) == numbers(owner)
        and may[kind, each].all()
        and not (shut.has(cases, each) & (each != owner)).any()
    ]
    assert any((each == after).all() for each in fit)
    assert gap(after) <= min(map(gap, fit)) + 5e-5


def test_a_handful_of_cases_among_very_many_costs_nothing() -> None:
    cents = np.array([100, 900, 200, 700, 300, 500, 600, 800])
    after = balance(free(8, 2_000), np.repeat([5, 1_999], 4), cents, nothing(2_000), NOBODY)
    assert sorted(np.flatnonzero(np.bincount(after)).tolist()) == [5, 1_999]
    assert abs(int(cents[after == 5].sum()) - int(cents[after == 1_999].sum())) <= 100
