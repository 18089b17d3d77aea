"""A crowd of callers of the desk in one process: threads that grab until the pool of `phone` is empty.

    python -m tests.support.desk_crowd <first collector> <threads> <batch> <file of answers>

Settings come from the environment. Every answer is appended to the file as a line `collector case case …` as soon as
it is there, so that what a killed process was told is known. A caller whose server goes away tries again with the key
of his request.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from arrears.desk.callers import Caller
from arrears.desk.desk import Desk
from arrears.desk.refusals import Refusal
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse

_PATIENCE = 60.0


def work(desk: Desk, who: str, batch: int, tell: object) -> None:
    """One caller: grabs until the pool is empty or his limit is reached."""
    caller = Caller(f"token-{who}", "collector", who, via="token")
    lost_since: float | None = None
    key = uuid.uuid4().hex
    while True:
        try:
            found = desk.grab(caller, "phone", batch=batch, request_key=key)
        except Refusal as refused:
            if refused.kind == "limit":
                return
            raise
        except (OperationalError, PoolTimeoutError):
            now = time.monotonic()
            lost_since = lost_since or now
            if now - lost_since > _PATIENCE:
                raise
            time.sleep(0.2)
            continue
        lost_since = None
        key = uuid.uuid4().hex
        if found.cases:
            tell(" ".join([who, *(case.case_id for case in found.cases)]))  # type: ignore[operator]
        elif not found.pool_left:
            return


def main() -> None:
    """Runs the crowd; ends with 1 when a caller failed."""
    first, threads, batch, answers = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    settings = load_settings()
    warehouse = open_warehouse(settings)
    desk = Desk(warehouse, settings, settings.acting_clock())
    failed: list[BaseException] = []
    guard = threading.Lock()
    with answers.open("a", encoding="utf-8", buffering=1) as file:

        def tell(line: str) -> None:
            with guard:
                file.write(line + "\n")

        def run(who: str) -> None:
            try:
                work(desk, who, batch, tell)
            except BaseException as error:
                failed.append(error)

        crowd = [threading.Thread(target=run, args=(f"E{first + i:04d}",)) for i in range(threads)]
        print("ready", flush=True)
        sys.stdin.readline()
        for each in crowd:
            each.start()
        for each in crowd:
            each.join()
    if failed:
        raise SystemExit(f"{len(failed)} callers failed, the first with {failed[0]!r}"[:2000])


if __name__ == "__main__":
    main()
