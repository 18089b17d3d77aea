"""Measures a piece of work inside a fresh process: wall and CPU seconds and peak memory, other processes included."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

_PAUSE_SECONDS = 0.05


@dataclass
class Measured:
    """What a piece of work took; `steps` are seconds of its parts, `figures` whatever else it counted."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the process that started this one."""
        return asdict(self)


@contextlib.contextmanager
def measured(server: Callable[[], list[psutil.Process]] | None = None) -> Iterator[Measured]:
    """Measures the body; `server` names processes that work for this one without being its children.

    Memory: the peak of this process and of each lasting child by the system's own count (VmHWM), and that of the
    server's processes as sampled (shared pages counted once).
    """
    result = Measured()
    sampler = _Sampler(server) if server else None
    cpu = _cpu_seconds(server)
    began = time.perf_counter()
    if sampler:
        sampler.start()
    try:
        yield result
    finally:
        result.seconds = time.perf_counter() - began
        result.cpu_seconds = _cpu_seconds(server) - cpu
        result.peak_bytes = sum(_peak_bytes(process) for process in _own())
        if sampler:
            sampler.stop()
            result.peak_bytes += sampler.peak


def _own() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def _cpu_seconds(server: Callable[[], list[psutil.Process]] | None) -> float:
    total = 0.0
    for process in [*_own(), *(server() if server else [])]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            # those of children that have ended are counted with the process that waited for them
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _peak_bytes(process: psutil.Process) -> int:
    try:
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return 0
    except OSError:
        with contextlib.suppress(psutil.NoSuchProcess):
            return int(process.memory_info().rss)
        return 0


class _Sampler(threading.Thread):
    def __init__(self, server: Callable[[], list[psutil.Process]]) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._ended = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            total = 0
            for process in self._server():
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    used = process.memory_full_info()
                    total += int(getattr(used, "pss", used.rss))
            self.peak = max(self.peak, total)

    def stop(self) -> None:
        self._ended.set()
        self.join()
