"""How many claims a second the library makes, for the comparison with the claim's bare SQL in pgbench.

    python -m tests.support.desk_claims <number> <threads> <seconds> <collectors>

Says that it is ready, waits for a line, and prints the number of claims and the seconds that they took. `number` tells
processes that run side by side apart. Settings come from the environment.
"""

from __future__ import annotations

import random
import sys
import threading
import time

from arrears.desk.callers import Caller
from arrears.desk.desk import Desk
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse


def main() -> None:
    """Claims batches of 20 for random collectors, each thread one after the other."""
    process, threads, seconds, collectors = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    settings = load_settings()
    warehouse = open_warehouse(settings)
    desk = Desk(warehouse, settings, settings.acting_clock())
    callers = [Caller(f"token-{i}", "collector", str(i), via="token") for i in range(1, collectors + 1)]
    claims = [0] * threads
    failed: list[BaseException] = []

    def work(number: int) -> None:
        chosen = random.Random(process * threads + number)
        try:
            desk.grab(callers[process * threads + number], "phone", batch=1)
            start.wait()
            while time.monotonic() < end[0]:
                assert len(desk.grab(chosen.choice(callers), "phone", batch=20).cases) == 20
                claims[number] += 1
        except BaseException as error:
            failed.append(error)

    end = [0.0]

    def go() -> None:
        print("ready", flush=True)
        sys.stdin.readline()
        end[0] = time.monotonic() + seconds

    start = threading.Barrier(threads, action=go)
    crowd = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    if failed:
        raise failed[0]
    print(sum(claims), seconds)


if __name__ == "__main__":
    main()
