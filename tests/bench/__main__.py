"""`make bench`: measures Arrears beside what experts would write instead, and holds it to its goals.

Every measurement is a fresh process. Parts: ageing (same answer from all engines, all columns against the bare scan),
spells, rules, growth. Prints what it measured, writes it as JSON and Markdown, and ends with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tests.bench.answers import differences
from tests.bench.machine import describe_machine
from tests.bench.process import Bench, MeasurementError, Taken
from tests.bench.report import Goal, Section, as_json, as_markdown, put_into_page

from conftest import has_spark

PARTS = ("ageing", "spells", "rules", "growth")
_MORE_PARTS = ("day",)
_OTHERS = {"polars": "Polars", "pandas": "pandas", "postgres": "PostgreSQL", "spark": "Spark"}
_CLOSE = ("polars",)
"""Of them those that are near enough for the machine's mood to decide: they take turns with Arrears, several times."""
_GB = 1_000_000_000


def main() -> int:
    """Runs the parts that were asked for; 0 when every goal is reached."""
    asked = _arguments()
    shutil.rmtree(asked.out / "work", ignore_errors=True)
    (asked.out / "work").mkdir(parents=True)
    bench = Bench(folder=asked.out / "work", as_of=asked.as_of, log=asked.out / "log.txt")
    machine = describe_machine()
    began = time.perf_counter()
    sections: list[Section] = []
    for part in asked.parts:
        _say(f"\n== {part}")
        try:
            measured = _MEASURES[part](bench, asked)
        except MeasurementError as failure:
            measured = [Section(part, goals=[Goal(f"{part} runs to its end", False, str(failure))])]
        for section in measured:
            _say(f"\n{section.as_text()}")
        sections += measured
    took = time.perf_counter() - began
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "ledger": str(asked.label),
        "seconds": round(took, 1),
        "sections": [as_json(section) for section in sections],
    }
    (asked.out / "bench.json").write_text(json.dumps(result, indent=2, default=str) + "\n", encoding="utf-8")
    text = as_markdown(result, sections)
    (asked.out / "bench.md").write_text(text, encoding="utf-8")
    if asked.page:
        put_into_page(asked.page, text)
    missed = [goal for section in sections for goal in section.goals if not goal.reached]
    _say(f"\n{machine}\nTook {took / 60:.1f} minutes; figures in {asked.out / 'bench.md'} and bench.json.")
    for section in sections:
        for goal in section.goals:
            _say(f"{'reached' if goal.reached else 'MISSED ':8} {goal.what}: {goal.found}")
    return 1 if missed else 0


def _ageing(bench: Bench, asked: argparse.Namespace) -> list[Section]:
    """The core answer by every engine, compared row by row; then all columns against the bare scan."""
    ledger = _ledger(bench, asked, asked.contracts)
    bench.warm(ledger)
    section = Section(f"The same answer: {_count(asked.contracts)} contracts", notes=[_CORE_NOTE])
    others = {name: label for name, label in _OTHERS.items() if not asked.engines or name in asked.engines}
    if "spark" in others and not has_spark():
        others.pop("spark")
        section.notes.append("Spark is left out: it needs pyspark and Java 17.")
    close = {name: others.pop(name) for name in _CLOSE if name in others}
    mine = {"core": "Arrears", "scan": "Bare scan and aggregation (DuckDB)", "wide": "Arrears, all columns"}
    found = bench.best(mine | close, ledger, times=asked.times)
    found |= bench.best(others, ledger, times=1)
    ours, scan, wide = (found.pop(name) for name in mine)
    table: list[tuple[str, Taken]] = [("Arrears", ours)]
    slower: list[str] = []
    for name, taken in found.items():
        label = _OTHERS[name]
        if differing := differences(ours.out, taken.out):
            section.goals.append(Goal(f"{label} gives the same answer", False, "; ".join(differing)))
            _say(f"   {label} answers differently: " + "\n     ".join(differing))
        table.append((f"{label} {taken.figures['version']}" if "version" in taken.figures else label, taken))
        if taken.seconds <= ours.seconds:
            slower.append(f"{label} {taken.seconds:.2f} s")
    rows = int(ours.figures["rows"])
    section.table = _table(table, against=ours.seconds)
    section.goals += [
        Goal("same answer from every version", not section.goals, f"{rows:,} rows compared with each"),
        Goal(
            "ahead of every other version",
            not slower,
            f"{ours.seconds:.2f} s against " + (", ".join(slower) or _next_best(table)),
        ),
    ]
    ratio = wide.seconds / scan.seconds
    whole = Section(
        "All columns of the snapshot against the bare scan",
        table=_table([("Bare scan and aggregation (DuckDB)", scan), ("Arrears, all columns", wide)], scan.seconds),
        notes=[_WIDE_NOTE],
        goals=[
            Goal("all columns within 6 times the bare scan", ratio <= 6, f"{ratio:.1f} times"),
            Goal("all columns within 1.5 GB", wide.peak_bytes <= 1.5 * _GB, _bytes(wide.peak_bytes)),
        ],
    )
    return [section, whole]


def _spells(bench: Bench, asked: argparse.Namespace) -> list[Section]:
    """Spells and bucket history of the whole book."""
    ledger = _ledger(bench, asked, asked.contracts)
    taken = bench.best({"spells": "Spells and history"}, ledger, times=1)["spells"]
    return [
        Section(
            "Spells and bucket history of the whole book",
            table=_table([("Snapshot, spells and history", taken)], None),
            notes=[f"Rows: {taken.figures['rows']}."],
            goals=[
                Goal("spells and history within 25 s", taken.seconds <= 25, f"{taken.seconds:.1f} s"),
                Goal("spells and history within 4 GB", taken.peak_bytes <= 4 * _GB, _bytes(taken.peak_bytes)),
            ],
        )
    ]


def _rules(bench: Bench, asked: argparse.Namespace) -> list[Section]:
    """Forty rules in five tables over the cases, against zen on the same decisions."""
    out = bench.folder / "decisions.parquet"
    given = {"cases": asked.cases, "out": str(out)}
    ours = bench.run("rules", {**given, "repeat": 7}, out, "Arrears")
    zen = bench.run("zen", {**given, "seconds": asked.zen_seconds}, out, "zen-engine")
    speeds = [taken.figures["cases"] / taken.seconds for taken in (ours, zen)]
    differing = zen.figures["differences"]
    rows = [["", "cases", "seconds", "CPU seconds", "peak memory", "rows a second"]]
    labels = ("Arrears (DuckDB)", "zen-engine, batches, a process a core")
    for label, taken, speed in zip(labels, (ours, zen), speeds, strict=True):
        rows.append(
            [
                label,
                f"{taken.figures['cases']:,}",
                f"{taken.seconds:.2f}",
                f"{taken.cpu_seconds:.1f}",
                _bytes(taken.peak_bytes),
                f"{speed:,.0f}",
            ]
        )
    tries = ", ".join(f"{each:.3f}" for each in ours.figures["tries"])
    return [
        Section(
            f"Rules: {ours.figures['rules']} rules in {ours.figures['tables']} tables",
            table=rows,
            notes=[_RULES_NOTE, f"Tries of Arrears, in seconds: {tries}."],
            goals=[
                Goal("rules at 3 million rows a second", speeds[0] >= 3_000_000, f"{speeds[0]:,.0f} rows a second"),
                Goal(
                    "same decisions as zen",
                    not differing,
                    "; ".join(differing) or f"{zen.figures['cases']:,} cases, every output and matched rule",
                ),
                Goal("ahead of zen", speeds[0] > speeds[1], f"{speeds[0] / speeds[1]:,.0f} times"),
            ],
        )
    ]


def _growth(bench: Bench, asked: argparse.Namespace) -> list[Section]:
    """All columns for books of several sizes."""
    found: list[tuple[int, Taken]] = []
    for size in asked.growth:
        ledger = _ledger(bench, asked, size)
        bench.warm(ledger)
        found.append((size, bench.best({"wide": f"{_count(size)} contracts"}, ledger, times=2)["wide"]))
    table = [["contracts", "seconds", "CPU seconds", "peak memory", "DuckDB's limit", "µs a contract"]]
    for size, taken in found:
        table.append(
            [
                f"{size:,}",
                f"{taken.seconds:.2f}",
                f"{taken.cpu_seconds:.1f}",
                _bytes(taken.peak_bytes),
                str(taken.figures["memory_limit"]),
                f"{1e6 * taken.seconds / size:.2f}",
            ]
        )
    goals = []
    for (size, one), (larger, other) in pairwise(found):
        times = other.seconds / one.seconds
        goals.append(
            Goal(
                f"near linear from {_count(size)} to {_count(larger)}",
                times <= 1.3 * larger / size,
                f"{larger / size:.0f} times the contracts, {times:.1f} times the seconds",
            )
        )
    if found and found[-1][0] >= 5_000_000:
        peak = found[-1][1].peak_bytes
        goals.append(Goal(f"{_count(found[-1][0])} contracts within 12 GB", peak <= 12 * _GB, _bytes(peak)))
    return [Section("Growth: all columns of books of several sizes", table=table, goals=goals, notes=[_GROWTH_NOTE])]


def _day(bench: Bench, asked: argparse.Namespace) -> list[Section]:
    """The whole day without Airflow; nothing is sent."""
    taken = bench.day(_ledger(bench, asked, asked.contracts))
    return [
        Section(
            "The whole day, `arrears day --no-push`",
            table=[["", "seconds"], ["all steps, with the embedded PostgreSQL", f"{taken:.0f}"]],
        )
    ]


_MEASURES = {"ageing": _ageing, "spells": _spells, "rules": _rules, "growth": _growth, "day": _day}

_CORE_NOTE = (
    "Every version reads the same Parquet files and writes days past due, overdue amount, oldest unmet due date, unmet "
    "instalments and bucket of every contract as Parquet; PostgreSQL answers from loaded, indexed and analysed tables "
    "into a table. Seconds are the work in a fresh process, without imports, and without the start of Spark's session "
    "and PostgreSQL's loading, which stand beside them. All aggregate first, then walk the instalments of only those "
    "contracts that are short. The answers are compared row by row in the same run."
)
_WIDE_NOTE = (
    "All columns of the lake's snapshot, first or repeated and the entry day included, as `arrears age` writes them. "
    "The bare scan sums instalments, payments and charges per contract and writes that."
)
_RULES_NOTE = (
    "Measured for Arrears: the compiled SELECT over a DuckDB table of the cases, all outputs and the matched rules "
    "handed over as an Arrow table. For zen: the batches' evaluation from Python objects to Python results, without "
    "making the objects; as many cases as the time allows. The graph is made from the same tables."
)
_GROWTH_NOTE = "Peak memory is the process's own; DuckDB's limit is the setting that it ran with."


def _table(rows: list[tuple[str, Taken]], against: float | None) -> list[list[str]]:
    head = ["", "seconds", "CPU seconds", "peak memory", "whole process", "tries and steps"]
    table = [[*head, "times"] if against else head]
    for label, taken in rows:
        tries = ", ".join(f"{each:.2f}" for each in taken.tries)
        steps = "; ".join(f"{name} {seconds:.1f} s" for name, seconds in taken.steps.items())
        cells = [
            label,
            f"{taken.seconds:.2f}",
            f"{taken.cpu_seconds:.1f}",
            _bytes(taken.peak_bytes),
            f"{taken.process_seconds:.1f} s",
            "; ".join(part for part in (tries, steps) if part),
        ]
        table.append([*cells, f"{taken.seconds / against:.1f}"] if against else cells)
    return table


def _next_best(table: list[tuple[str, Taken]]) -> str:
    others = sorted((taken.seconds, label) for label, taken in table[1:])
    return f"{others[0][1]} {others[0][0]:.2f} s, the next best" if others else "nobody"


def _ledger(bench: Bench, asked: argparse.Namespace, contracts: int) -> Path:
    if asked.ledger and contracts == asked.contracts:
        return Path(asked.ledger)
    return bench.ledger(asked.out / "ledgers" / str(contracts), contracts)


def _count(contracts: int) -> str:
    return f"{contracts / 1e6:g} M" if contracts >= 100_000 else f"{contracts:,}"


def _bytes(count: int) -> str:
    return f"{count / _GB:.2f} GB"


def _say(text: str) -> None:
    print(text, flush=True)


def _sizes(text: str) -> list[int]:
    return [int(float(each)) for each in text.split(",") if each]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--engines", type=lambda text: [each for each in text.split(",") if each], default=[])
    parser.add_argument("--contracts", type=int, default=1_000_000)
    parser.add_argument("--ledger", default="", help="a generated ledger to use instead of making one")
    parser.add_argument("--growth", type=_sizes, default=[100_000, 1_000_000])
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--zen-seconds", type=float, default=60.0)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--as-of", default="2026-11-20")
    parser.add_argument("--out", type=Path, default=Path(".arrears/bench"))
    parser.add_argument("--page", type=Path, default=None, help="page whose generated part gets the figures")
    asked = parser.parse_args()
    wrong = [part for part in asked.parts if part not in (*PARTS, *_MORE_PARTS)]
    if wrong:
        parser.error(f"parts are {', '.join((*PARTS, *_MORE_PARTS))}; not {', '.join(wrong)}")
    asked.label = f"{asked.contracts:,} generated contracts as of {asked.as_of}"
    asked.out = asked.out.resolve()
    return asked


if __name__ == "__main__":
    sys.exit(main())
