"""Balanced amounts: nearly even sums for the usual case, the same counts, nobody's hard rule broken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrears.allocation.balance import balance


def spread(cents: np.ndarray, owner: np.ndarray, collectors: int) -> float:
    sums = np.bincount(owner, weights=cents, minlength=collectors)
    return float((sums.max() - sums.min()) / sums.mean())


@pytest.mark.parametrize("seed", range(5))
def test_two_thousand_log_normal_cases_differ_by_a_thousandth_at_most(seed: int) -> None:
    draws = np.random.default_rng(seed)
    cents = (draws.lognormal(9.0, 1.0, 2_000) * 100).astype(np.int64)
    owner = np.arange(2_000) % 20
    after = balance(cents, owner, np.zeros(20, np.int64), np.zeros(2_000, np.int64), np.ones((1, 20), np.bool_))
    assert np.bincount(after).tolist() == [100] * 20
    assert spread(cents, after, 20) <= 0.001 < spread(cents, owner, 20)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(0, 60), st.integers(1, 3))
def test_counts_and_hard_rules_hold_and_no_sum_gets_farther_out(
    seed: int, collectors: int, number: int, kinds: int
) -> None:
    draws = np.random.default_rng(seed)
    may = draws.random((kinds, collectors)) < 0.6
    kind = draws.integers(0, kinds, number)
    keep = may[kind].any(axis=1)
    kind = kind[keep]
    owner = np.array([int(draws.choice(np.flatnonzero(may[each]))) for each in kind], dtype=np.int64)
    cents, base = draws.integers(0, 10_000, len(kind)), draws.integers(0, 10_000, collectors)
    after = balance(cents, owner, base, kind, may)
    assert np.bincount(after, minlength=collectors).tolist() == np.bincount(owner, minlength=collectors).tolist()
    assert may[kind, after].all()
    before_sums = base + np.bincount(owner, weights=cents, minlength=collectors)
    after_sums = base + np.bincount(after, weights=cents, minlength=collectors)
    assert after_sums.max() <= before_sums.max()
    assert after_sums.min() >= before_sums.min()
    assert (after == balance(cents, owner, base, kind, may)).all()
