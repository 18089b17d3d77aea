"""Reproducible draws: the same numbers for the same seed on every machine and with every release of numpy.

Only the raw output of a bit generator is used, whose stream numpy promises to keep (NEP 19); the distributions of
`numpy.random.Generator` may change between releases, and those that call `exp` or `log` differ between processors.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]

_STEP = 2.0**-32


class Draws:
    """One independent stream of draws, named by a path of integers (seed first)."""

    def __init__(self, *path: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(path))

    def units(self, count: int) -> Reals:
        """`count` numbers of [0, 1), with 32 bits each."""
        raw = np.asarray(self._bits.random_raw((count + 1) // 2), dtype="<u8")
        units: Reals = raw.view("<u4")[:count] * _STEP
        return units

    def below(self, limit: int | Integers, count: int) -> Integers:
        """`count` integers of 0 … `limit` − 1; `limit` is one number, or one for each."""
        return floor(self.units(count) * limit)

    def choice(self, weights: tuple[int, ...], count: int) -> Integers:
        """`count` positions of `weights`, each as often as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.int64))
        picked: Integers = np.searchsorted(edges, self.below(int(edges[-1]), count), side="right").astype(np.int64)
        return picked


def floor(values: Reals) -> Integers:
    """The integer part of numbers that are not negative."""
    return values.astype(np.int64)


def scattered(*parts: int | Integers) -> Integers:
    """Integers of [0, 2**32) that depend on nothing but `parts`, for what has a number of its own (splitmix64)."""
    state = np.asarray(0, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            state = state + np.asarray(part, dtype=np.int64).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(32)).astype(np.int64)
