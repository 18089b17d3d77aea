"""Rate limits: a token bucket per caller, kept in the memory of one process.

With several worker processes each counts for itself, so that a caller gets up to `workers x rate`: the bucket keeps
one caller from crowding out the others, no more. What must hold over all processes (grabs a day, open cases, calls a
day) is counted in the database by the desk.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST = 10_000


class TokenBuckets:
    """A bucket of `burst` tokens per caller, filled with `rate` tokens a second; a request takes one."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int | None:
        """Takes a token; None, or when there is none the whole seconds after which there will be one."""
        at = self._clock()
        left, since = self._buckets.pop(caller, (float(self._burst), at))
        left = min(self._burst, left + (at - since) * self._rate)
        taken = left >= 1
        self._buckets[caller] = (left - 1 if taken else left, at)
        while len(self._buckets) > _MOST:
            # the one that has asked for longest ago: its bucket is the fullest
            self._buckets.popitem(last=False)
        return None if taken else math.ceil((1 - left) / self._rate)
