"""A worker that runs one step and kills itself with SIGKILL at a named point: `dying_worker.py STEP POINT`.

Runs as a program of its own, so that what it leaves behind is what a dead worker leaves.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

from arrears.outreach import dispatch, merge, outbox, steps
from arrears.outreach.channels import files, http, smtp
from arrears.run import open_run
from arrears.settings import load_settings

_SEVENTH = 7


def _die(*_arguments: Any, **_named: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def _die_after(module: Any, name: str, *, call: int = 1) -> None:
    original = getattr(module, name)
    calls = 0

    def wrapped(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        result = original(*arguments, **named)
        calls += 1
        if calls == call:
            _die()
        return result

    setattr(module, name, wrapped)


POINTS: dict[str, Any] = {
    "never": lambda: None,
    # the transaction that takes tasks is not committed
    "before_attempt": lambda: setattr(outbox, "_append", _die),
    # attempts are written, nothing is sent
    "after_attempt": lambda: setattr(dispatch.Dispatcher, "_send", _die),
    # some messages are sent, none is recorded
    "while_sending": lambda: (
        _die_after(http.HttpChannel, "_try", call=_SEVENTH),
        _die_after(smtp.SmtpChannel, "_try", call=_SEVENTH),
    ),
    # all of the batch is sent, nothing is recorded
    "before_record": lambda: setattr(outbox, "record", _die),
    # recorded, not committed
    "in_record": lambda: _die_after(outbox, "record"),
    # the first batch is done, the second is taken
    "second_batch": lambda: _die_after(outbox, "take", call=2),
    "after_list": lambda: _die_after(files, "put_private"),
    "in_merge": lambda: _die_after(merge, "_merge"),
    "staged": lambda: _die_after(merge, "_stage"),
}


def main() -> None:
    """Runs the step."""
    step, _, channel = sys.argv[1].partition(":")
    POINTS[sys.argv[2]]()
    settings = load_settings()
    with open_run(settings, settings.acting_clock().today()) as run:
        function = getattr(steps, step)
        function(run, channel) if channel else function(run)


if __name__ == "__main__":
    main()
