"""Kills a step for real: a child process runs it and is sent SIGKILL at the n-th moment at which state leaves it.

The moments are the atomic renames of the lake and the commits of the warehouse, before and after each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_CHILD = """
import json, os, signal, sys

import sqlalchemy as sa

nth, step, as_of, arguments, commits = int(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4]), sys.argv[5]
seen = 0

def moment():
    global seen
    seen += 1
    if seen == nth:
        os.kill(os.getpid(), signal.SIGKILL)

def around(function):
    def wrapped(*args, **kwargs):
        moment()
        result = function(*args, **kwargs)
        moment()
        return result
    return wrapped

os.replace, os.rename, os.link = around(os.replace), around(os.rename), around(os.link)
if commits == "commits":
    sa.engine.default.DefaultDialect.do_commit = around(sa.engine.default.DefaultDialect.do_commit)

from arrears.day import parse_day
from arrears.run import open_run
from arrears.settings import load_settings
from arrears.steps import run_step

with open_run(load_settings(), parse_day(as_of, where="test")) as run:
    run_step(run, step, **arguments)
"""


def run_killed(
    nth: int, step: str, as_of: str, environment: Mapping[str, str], *, commits: bool = True, **arguments: str
) -> bool:
    """Runs `step` in a child that is killed at its `nth` moment; False when it ended before there were so many.

    `commits` False leaves the warehouse's commits out, for steps that write to the lake alone. Raises AssertionError
    when the child ended in another way.
    """
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(nth), step, as_of, json.dumps(arguments), "commits" if commits else ""],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if child.returncode == 0:
        return False
    assert child.returncode == -signal.SIGKILL, child.stderr[-3000:]
    return True
