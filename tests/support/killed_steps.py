"""Runs steps in processes that kill themselves: one request a line (JSON) in, one answer a line out.

This process loads the library and does nothing else; every request is run by a fork of it, so that a kill costs what
the step takes and not what the imports take. It never opens a connection, an engine or a thread of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from arrears.day import parse_day
from arrears.run import open_run
from arrears.settings import load_settings
from arrears.steps import STEPS, run_step

_LOADED = (
    "duckdb",
    "psycopg",
    "pyarrow.parquet",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlglot.dialects.duckdb",
    "arrears.engines.duckdb",
    "arrears.strategy.check_tables",
    "arrears.warehouse.audit",
)
_LIMIT_SECONDS = 300


def main() -> None:
    """Answers requests until its input ends."""
    for name in _LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        STEPS[request["step"]].resolve()
        with tempfile.TemporaryFile() as said:
            pid = os.fork()
            if pid == 0:
                _child(request, said.fileno())
            code = _ended(pid)
            said.seek(0)
            text = said.read().decode("utf-8", "replace")[-3000:]
        sys.stdout.write(json.dumps({"code": code, "said": text}) + "\n")
        sys.stdout.flush()


def _child(request: dict[str, Any], said: int) -> None:
    """Runs the step and ends the process, whatever comes of it."""
    code = 1
    try:
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.environ.clear()
        os.environ.update(request["environment"])
        _kill_at(request["nth"], commits=request["commits"])
        with open_run(load_settings(), parse_day(request["as_of"], where="test")) as run:
            run_step(run, request["step"], **request["arguments"])
        code = 0
    except BaseException:
        # whatever it was: a fork must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _kill_at(nth: int, *, commits: bool) -> None:
    """Has this process killed at its `nth` moment: before and after every atomic rename, and every commit if asked."""
    seen = 0

    def moment() -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            moment()
            result = function(*args, **kwargs)
            moment()
            return result

        return wrapped

    os.replace, os.rename, os.link = around(os.replace), around(os.rename), around(os.link)
    if commits:
        dialect: Any = sa.engine.default.DefaultDialect
        dialect.do_commit = around(dialect.do_commit)


def _ended(pid: int) -> int:
    """The child's exit code, negative for a signal; one that does not end is killed and counts as an error."""
    until = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return 1


if __name__ == "__main__":
    main()
