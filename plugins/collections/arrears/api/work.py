"""Runs the desk's blocking calls on a few threads, as many as there are database connections.

A thread never waits for a connection that another one holds: who comes when all are busy waits in line in the event
loop, where waiting costs nothing, and for a short while only. The line is the API's own, so that slow work in it takes
no thread from the application that it is mounted in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from arrears.api.problems import ProblemError

P = ParamSpec("P")
T = TypeVar("T")


class Work:
    """`threads` calls at once; more wait up to `wait_seconds`."""

    def __init__(self, threads: int, wait_seconds: float) -> None:
        self._line = asyncio.Semaphore(threads)
        self._limiter = CapacityLimiter(threads)
        self._wait_seconds = wait_seconds

    async def run(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What `call` gives; a problem 503 when no thread has become free in time."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._line.acquire()
        except TimeoutError:
            raise ProblemError(
                503, "service.busy", "Too many requests at this moment. Send it again.", {"Retry-After": "1"}
            ) from None
        try:
            return await anyio.to_thread.run_sync(partial(call, *arguments, **named), limiter=self._limiter)
        finally:
            self._line.release()
