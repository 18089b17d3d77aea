"""Services as processes: started in sessions of their own, watched, and stopped with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from arrears.errors import ArrearsError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_GRACE_SECONDS = 8.0
_LEFT_BEHIND_SECONDS = 0.5
_POLL_SECONDS = 0.1
_TAIL_LINES = 25


class StackError(ArrearsError):
    """A service of the stack did not start, ended by itself, or the day did not end well."""


@dataclass
class Service:
    """One service: its command, its log, and how to ask whether it is ready."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    is_ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> Service:
        """Starts the process in a session of its own, so that a Ctrl-C reaches us alone and we stop it in order."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # a request to stop between the start and its assignment would leave a process that nobody knows
        with self.log.open("wb") as log, requests_held():
            self.process = subprocess.Popen(
                list(self.command),
                env=dict(self.environment),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def check_alive(self) -> None:
        """Raises StackError with the end of the log when the process has ended by itself."""
        code = self.process.poll() if self.process else None
        if code is not None:
            raise StackError(
                expected=f"{self.name} to run",
                found=f"its end with code {code}; the end of its log:\n{tail(self.log)}\n",
                where=str(self.log),
                action="Mend what the log says, then start again.",
            )

    def wait_ready(self, deadline: float, others: Iterable[Service] = ()) -> None:
        """Waits until the service answers; `deadline` is a time of `time.monotonic`.

        Raises StackError with the end of the log when it ends, or one of `others` does, or the deadline passes.
        """
        while not self.is_ready():
            for service in (self, *others):
                service.check_alive()
            if time.monotonic() > deadline:
                raise StackError(
                    expected=f"{self.name} to answer in time",
                    found=f"no answer; the end of its log:\n{tail(self.log)}\n",
                    where=str(self.log),
                    action="Look at the log; on a slow machine raise ARREARS_START_SECONDS.",
                )
            time.sleep(_POLL_SECONDS)

    def identity(self) -> dict[str, Any]:
        """What tells this process from a later one with the same id."""
        if self.process is None:
            return {}
        return identity_of(self.process.pid, self.name)


@contextmanager
def requests_held() -> Iterator[None]:
    """Holds back requests to stop, and passes them on at its end; unlike `uninterrupted`, loses none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _: held.append(number)) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for came in dict.fromkeys(held):
            signal.raise_signal(came)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignores requests to stop while what they ask for is being done, or is about to be."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_services(services: Iterable[Service]) -> None:
    """Stops services and everything that they started, and waits for the end; safe to call again."""
    roots = [service.process.pid for service in services if service.process is not None]
    stop_processes(roots)
    for service in services:
        if service.process is not None:
            service.process.wait()


def stop_processes(roots: Iterable[int]) -> None:
    """Ends `roots` and all that they started: the roots are asked, and what is left after a grace is killed.

    The roots alone are asked, because Airflow's services stop their children in order, and hang when these are stopped
    behind their backs. All descendants are then looked at, since Airflow's tasks run in process groups of their own.
    """
    leaders: list[psutil.Process] = []
    family: dict[int, psutil.Process] = {}
    for pid in roots:
        try:
            leader = psutil.Process(pid)
            leaders.append(leader)
            family |= {leader.pid: leader} | {child.pid: child for child in leader.children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
    for leader in leaders:
        _ask(leader)
    psutil.wait_procs(leaders, timeout=_GRACE_SECONDS)
    # what a leader started while it was ending, or left behind when it had ended
    for process in list(family.values()):
        family |= {child.pid: child for child in _children(process)}
    _, alive = psutil.wait_procs(family.values(), timeout=_LEFT_BEHIND_SECONDS)
    for process in alive:
        _kill(process)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


def identity_of(pid: int, name: str) -> dict[str, Any]:
    """A process as it is kept in a file: name, id and start time; empty when it has ended."""
    try:
        return {"name": name, "pid": pid, "started": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return {}


def still_runs(identity: Mapping[str, Any]) -> bool:
    """Whether the very process that was kept still runs."""
    try:
        process = psutil.Process(int(identity["pid"]))
        return bool(process.create_time() == identity["started"]) and process.status() != psutil.STATUS_ZOMBIE
    except (KeyError, psutil.NoSuchProcess):
        return False


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log."""
    if not path.exists():
        return "(no log)"
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 64_000))
        return "\n".join(file.read().decode("utf-8", errors="replace").splitlines()[-lines:])


def _ask(process: psutil.Process) -> None:
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
