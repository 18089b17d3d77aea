"""Starts each measurement as a fresh process and keeps the best of several."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LIMIT_SECONDS = 1800


class MeasurementError(Exception):
    """A measurement that ended with an error."""


@dataclass
class Taken:
    """What a measurement took: the best try, all tries, the whole process, and where its answer is."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    process_seconds: float
    out: Path
    tries: list[float] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """Where measurements keep their files, and the day they are for."""

    folder: Path
    as_of: str
    log: Path

    def best(self, asked: Mapping[str, str], ledger: Path, *, times: int) -> dict[str, Taken]:
        """The best of `times` tries of each ageing in `asked` (name → label), by name.

        They take turns, so that what else the machine does, or how fast it runs just then, meets all of them alike.
        """
        tries: dict[str, list[Taken]] = {name: [] for name in asked}
        for number in range(times):
            for name, label in asked.items():
                out = self.folder / f"{name}.{number}.parquet"
                if out.is_dir():
                    shutil.rmtree(out)
                out.unlink(missing_ok=True)
                arguments = {"ledger": str(ledger.resolve()), "out": str(out), "as_of": self.as_of}
                tries[name].append(self.run(name, arguments, out, label))
        for each in tries.values():
            best = min(each, key=lambda one: one.seconds)
            best.tries = [one.seconds for one in each]
            best.peak_bytes = max(one.peak_bytes for one in each)
        return {name: min(each, key=lambda one: one.seconds) for name, each in tries.items()}

    def warm(self, ledger: Path) -> None:
        """Reads the ledger's files once, so that nobody's first try pays for the disk."""
        for path in sorted(ledger.glob("*.parquet")):
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass

    def run(self, name: str, arguments: dict[str, Any], out: Path, label: str) -> Taken:
        """One try in a fresh process; raises MeasurementError with the end of its output."""
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        # Arrears runs with its own defaults, whatever the shell has set
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ARREARS_")}
        command = [sys.executable, "-m", "tests.bench.task", name, json.dumps(arguments), str(result)]
        began = time.perf_counter()
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"{label}: not done after {_LIMIT_SECONDS} s") from None
        whole = time.perf_counter() - began
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"== {name}\n{done.stdout}{done.stderr}\n")
        if done.returncode != 0 or not result.exists():
            raise MeasurementError(f"{label} ended with {done.returncode}: {_end(done.stderr)}")
        found = json.loads(result.read_text(encoding="utf-8"))
        taken = Taken(process_seconds=whole, out=out, **found)
        figures = f"{taken.seconds:.2f} s, CPU {taken.cpu_seconds:.1f} s, {taken.peak_bytes / 1e9:.2f} GB"
        print(f"   {label}: {figures}", flush=True)
        return taken

    def day(self, ledger: Path) -> float:
        """Seconds of a whole day over `ledger`, in a home of its own; raises MeasurementError with its output's end."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ARREARS_")}
        environment |= {"ARREARS_HOME": str(self.folder / "home"), "ARREARS_CLOCK": f"{self.as_of}T09:30"}
        program = Path(sys.executable).with_name("arrears")
        command = [str(program), "day", "--ledger", str(ledger.resolve()), "--as-of", self.as_of, "--no-push"]
        began = time.perf_counter()
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
        )
        if done.returncode != 0:
            raise MeasurementError(f"arrears day ended with {done.returncode}: {_end(done.stdout + done.stderr)}")
        return time.perf_counter() - began

    def ledger(self, folder: Path, contracts: int) -> Path:
        """The generated ledger in `folder`, made if it is not there whole."""
        done_mark = folder.with_name(f"{folder.name}.done")
        if done_mark.exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        print(f"   Generating {contracts:,} contracts into {folder}.", flush=True)
        program = Path(sys.executable).with_name("arrears")
        arguments = ["--contracts", str(contracts), "--as-of", self.as_of, "--out", str(folder)]
        done = subprocess.run(
            [str(program), "ledger", "generate", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * _LIMIT_SECONDS,
        )
        if done.returncode != 0:
            raise MeasurementError(f"no ledger of {contracts:,} contracts: {_end(done.stderr)}")
        done_mark.touch()
        return folder


def _end(text: str) -> str:
    return " | ".join(text.splitlines()[-4:])
