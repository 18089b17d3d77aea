"""Services as processes: ready or told why not, and nothing of them left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from arrears.stack import processes
from arrears.stack.home import StackHome
from arrears.stack.processes import Service, StackError, identity_of, still_runs, stop_services, tail, uninterrupted
from arrears.stack.supervisor import clear_leftovers, stop_running

SLEEP = "import time; time.sleep(600)"
# a child in a process group of its own, as Airflow runs its tasks, and one that will not listen
FAMILY = """
import os, signal, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
                  "print('deaf', flush=True); time.sleep(600)"])
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 1.0)


@pytest.fixture
def started() -> Iterator[list[Service]]:
    services: list[Service] = []
    yield services
    stop_services(services)


def service(tmp_path: Path, code: str, *, ready: bool = True) -> Service:
    return Service(
        name="thing",
        command=[sys.executable, "-c", code],
        environment=dict(os.environ),
        folder=tmp_path,
        log=tmp_path / "logs" / "thing.log",
        is_ready=lambda: ready,
    )


def soon(condition: object, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_a_service_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path, started: list[Service]) -> None:
    thing = service(tmp_path, "print('no database'); raise SystemExit(3)", ready=False).start()
    started.append(thing)
    with pytest.raises(StackError, match=r"(?s)thing to run; found its end with code 3.*no database"):
        thing.wait_ready(time.monotonic() + 20)


def test_a_service_that_never_answers_is_told_at_its_deadline(tmp_path: Path, started: list[Service]) -> None:
    thing = service(tmp_path, f"print('waiting', flush=True); {SLEEP}", ready=False).start()
    started.append(thing)
    assert soon(lambda: "waiting" in tail(thing.log))
    with pytest.raises(StackError, match=r"(?s)answer in time.*waiting.*ARREARS_START_SECONDS"):
        thing.wait_ready(time.monotonic() + 0.2)


def test_waiting_ends_when_another_service_dies(tmp_path: Path, started: list[Service]) -> None:
    thing = service(tmp_path, SLEEP, ready=False).start()
    other = service(tmp_path / "other", "raise SystemExit(1)")
    other.name, other.folder = "other", tmp_path
    started += [thing, other.start()]
    with pytest.raises(StackError, match="other to run"):
        thing.wait_ready(time.monotonic() + 20, [other])


def test_stopping_ends_the_whole_family(tmp_path: Path, started: list[Service]) -> None:
    thing = service(tmp_path, FAMILY).start()
    started.append(thing)
    assert thing.process is not None
    root = psutil.Process(thing.process.pid)
    assert soon(lambda: len(root.children()) == 2 and "deaf" in tail(thing.log))
    family = [root, *root.children(recursive=True)]
    stop_services([thing])
    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    stop_services([thing])


def test_a_process_is_told_from_a_later_one_with_its_id(tmp_path: Path, started: list[Service]) -> None:
    thing = service(tmp_path, SLEEP).start()
    started.append(thing)
    identity = thing.identity()
    assert still_runs(identity)
    assert not still_runs({**identity, "started": identity["started"] - 1})
    stop_services([thing])
    assert not still_runs(identity)
    assert identity_of(identity["pid"], "thing") == {}


def test_what_a_killed_supervisor_left_behind_is_ended(tmp_path: Path, started: list[Service]) -> None:
    home = StackHome(tmp_path / "home")
    home.prepare()
    thing, bystander = service(tmp_path, SLEEP).start(), service(tmp_path, SLEEP).start()
    started += [thing, bystander]
    reused = {**bystander.identity(), "started": 1.0}
    home.write("running.json", {"supervisor": {}, "services": [thing.identity(), reused], "postgres": False})
    clear_leftovers(home)
    assert not still_runs(thing.identity() or {"pid": 0})
    assert still_runs(bystander.identity()), "a process that only has the same id must live"
    assert home.read("running.json") == {}


def test_down_asks_the_supervisor_and_waits_for_its_end(tmp_path: Path, started: list[Service]) -> None:
    home = StackHome(tmp_path / "home")
    home.prepare()
    supervisor = service(tmp_path, SLEEP).start()
    started.append(supervisor)
    home.write("running.json", {"supervisor": supervisor.identity(), "services": []})
    kept = supervisor.identity()
    assert stop_running(home)
    assert not still_runs(kept)


def test_down_without_a_stack_says_so(tmp_path: Path) -> None:
    assert not stop_running(StackHome(tmp_path / "home"))


def test_the_end_of_a_long_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("\n".join(f"line {number}" for number in range(50_000)), encoding="utf-8")
    assert tail(log, 2) == "line 49998\nline 49999"
    assert tail(tmp_path / "none.log") == "(no log)"


def test_a_request_to_stop_does_not_cut_off_the_stopping() -> None:
    def fail(number: int, frame: object) -> None:
        raise AssertionError("interrupted")

    before = signal.signal(signal.SIGTERM, fail)
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
        assert signal.getsignal(signal.SIGTERM) is fail
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_request_to_stop_while_a_service_starts_reaches_us_once_the_service_is_known(
    tmp_path: Path, started: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    class AskedToStopError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise AskedToStopError

    class AskedInBetween(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)

    monkeypatch.setattr(processes.subprocess, "Popen", AskedInBetween)
    before = signal.signal(signal.SIGTERM, interrupt)
    started.append(service(tmp_path, SLEEP))
    try:
        with pytest.raises(AskedToStopError):
            started[0].start()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert started[0].process is not None, "the process runs and nobody knows it"
    stop_services(started)
    assert started[0].process.poll() is not None
