"""How many contacts a second go out over HTTP to the sandbox gateway on this machine, with all checks on.

`python -m tests.support.outreach_rate --tasks 5000 --workers 1` plans a day, pushes it by so many processes, and
prints what it measured: the gateway, PostgreSQL and the workers share the machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from arrears.run import open_run
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.embedded import EmbeddedPostgres
from arrears.warehouse.migrate import upgrade
from arrears.warehouse.ops_contacts import ContactTask

from . import outreach_day
from .gateway_process import GatewayProcess
from .outreach_faults import BEGIN, DAY

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]


def measure(tasks: int, workers: int, folder: Path) -> dict[str, Any]:
    """Sends `tasks` texts by `workers` processes; figures of it. AssertionError when one did not go exactly once."""
    from arrears.outreach.steps import plan_contacts

    server = EmbeddedPostgres(folder / "server")
    server.ensure_running()
    gateway = GatewayProcess(folder / "gateway")
    settings = {
        "home": str(folder / "home"),
        "warehouse_url": server.url("rate").render_as_string(hide_password=False),
        "clock": BEGIN,
        "duckdb_memory": "1GB",
    }
    try:
        warehouse = open_warehouse(load_settings(settings))
        upgrade(warehouse)
        with open_run(load_settings(settings), DAY) as run:
            outreach_day.publish(run, [outreach_day.case(f"C{number:06d}") for number in range(tasks)])
            plan_contacts(run)
        context = multiprocessing.get_context("spawn")
        start = context.Barrier(workers + 1)
        seconds = context.Array("d", workers)
        processes = [
            context.Process(target=push, args=(number, start, seconds, settings, gateway.connections()))
            for number in range(workers)
        ]
        for process in processes:
            process.start()
        start.wait()
        begun = time.perf_counter()
        for process in processes:
            process.join()
            assert process.exitcode == 0, f"a worker ended with {process.exitcode}"
        taken = time.perf_counter() - begun
        with warehouse.connect() as connection:
            sent = connection.scalar(sa.select(sa.func.count()).where(_TASK.c.state == "sent"))
        stats = gateway.stats("sms")
        warehouse.dispose()
    finally:
        gateway.stop()
        server.stop(mode="immediate")
    assert sent == tasks, f"{sent} of {tasks} sent"
    assert (stats["given"], stats["most_effects"]) == (tasks, 1), stats
    return {
        "tasks": tasks,
        "workers": workers,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "seconds": round(taken, 2),
        "tasks_per_second": round(tasks / taken),
        "cpu_seconds_of_workers": round(sum(seconds), 2),
    }


def push(number: int, start: Any, seconds: Any, settings: Mapping[str, Any], connections: Mapping[str, str]) -> None:
    """One worker: everything that a push does, from the settling to the count."""
    from arrears.outreach.channels.address import address_from_environment
    from arrears.outreach.dispatch import Dispatcher

    os.environ.update(connections)
    with open_run(load_settings(dict(settings)), DAY) as run:
        dispatcher = Dispatcher(run, address_from_environment)
        start.wait()
        begun = time.process_time()
        dispatcher.push("sms", retry_now=False)
        seconds[number] = time.process_time() - begun


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.outreach_rate", description=__doc__)
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arrears-rate-") as folder:
        Path(folder).chmod(0o755)
        print(json.dumps(measure(given.tasks, given.workers, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
