"""Kills a step for real: a process runs it and is sent SIGKILL at the n-th moment at which state leaves it.

The moments are the atomic renames of the lake and the commits of the warehouse, before and after each.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path


def run_killed(
    nth: int, step: str, as_of: str, environment: Mapping[str, str], *, commits: bool = True, **arguments: str
) -> bool:
    """Runs `step` in a process that is killed at its `nth` moment; False when it ended before there were so many.

    `commits` False leaves the warehouse's commits out, for steps that write to the lake alone. Raises AssertionError
    when the process ended in another way.
    """
    request = {
        "nth": nth,
        "step": step,
        "as_of": as_of,
        "arguments": arguments,
        "commits": commits,
        "environment": {**os.environ, **environment},
    }
    runner = _runner()
    assert runner.stdin is not None
    assert runner.stdout is not None
    runner.stdin.write(json.dumps(request) + "\n")
    runner.stdin.flush()
    answer = json.loads(runner.stdout.readline())
    if answer["code"] == 0:
        return False
    assert answer["code"] == -signal.SIGKILL, answer["said"]
    return True


@cache
def _runner() -> subprocess.Popen[str]:
    """The process whose forks run the steps; it ends with the tests."""
    runner = subprocess.Popen(
        [sys.executable, "-m", "tests.support.killed_steps"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    atexit.register(_end, runner)
    return runner


def _end(runner: subprocess.Popen[str]) -> None:
    assert runner.stdin is not None
    runner.stdin.close()
    runner.wait(timeout=60)
