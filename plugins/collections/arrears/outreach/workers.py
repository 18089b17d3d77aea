"""Workers: who is sending, and how it is known that one has died.

The lease of a task, by the clock of acting, is what counts: when it is over, the task is taken from its worker. On the
machine of a worker its end shows sooner, because its process is gone. Nothing hangs on a session of the database, so
a pooler may stand in between, and a restarted server ends no worker.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import sqlalchemy as sa

from arrears.warehouse.ops_contacts import ContactWorker

_WORKER: sa.Table = ContactWorker.__table__  # type: ignore[assignment]
_LONGEST_PUSH = timedelta(days=1)


@contextmanager
def live_worker(warehouse: sa.Engine, channel: str, now: datetime) -> Iterator[int]:
    """The key of a worker of this process, known to the others as long as the block lasts."""
    worker = secrets.randbits(62) + 1
    with warehouse.begin() as connection:
        connection.execute(
            sa.insert(_WORKER).values(
                worker=worker,
                channel=channel,
                machine=machine(),
                process=os.getpid(),
                began_at=now,
            )
        )
    try:
        yield worker
    finally:
        with warehouse.begin() as connection:
            connection.execute(sa.delete(_WORKER).where(_WORKER.c.worker == worker))


def known_workers(connection: sa.Connection, channel: str) -> set[int]:
    """The workers of `channel` that have not said that they ended."""
    return set(connection.execute(sa.select(_WORKER.c.worker).where(_WORKER.c.channel == channel)).scalars())


def gone(connection: sa.Connection, workers: Iterable[int], now: datetime) -> set[int]:
    """Those of `workers` that certainly send no more: they have ended, or their process on this machine has.

    One of another machine that began long ago counts as ended: its leases are over by far.
    """
    asked = set(workers)
    known = connection.execute(
        sa.select(_WORKER).where(_WORKER.c.worker == sa.any_(sa.literal(sorted(asked), sa.ARRAY(sa.BigInteger))))
    ).all()
    ended = {row.worker for row in known if _has_ended(row.machine, row.process) or row.began_at < now - _LONGEST_PUSH}
    return ended | asked - {row.worker for row in known}


def forget(connection: sa.Connection, workers: Iterable[int]) -> None:
    """Forgets workers whose tasks are settled."""
    connection.execute(
        sa.delete(_WORKER).where(_WORKER.c.worker == sa.any_(sa.literal(sorted(set(workers)), sa.ARRAY(sa.BigInteger))))
    )


def machine() -> str:
    """This machine, or the container on it: the numbers of processes are its own."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def _has_ended(on: str, process: int) -> bool:
    # a number that is used again only hides an end: the lease still ends
    if on != machine():
        return False
    try:
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
