"""The same rules decided by GoRules' zen engine in batches, by one process a core."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import zen
from tests.bench.rule_tables import load_tables
from tests.bench.zen_graph import zen_graph

_BATCH = 20_000


def decide_with_zen(cases: pa.Table, seconds: float, workers: int | None = None) -> tuple[list[dict[str, Any]], float]:
    """Decisions of as many cases, from the first on, as fit into about `seconds`, and the seconds taken.

    Handing the cases over as Python objects and taking the results back belongs to the work, making these objects
    beforehand does not. Each worker process decides whole batches.
    """
    count = workers or os.cpu_count() or 1
    # a forked child of a process with threads may hang
    context = multiprocessing.get_context("spawn")
    found: list[list[dict[str, Any]]] = []
    with context.Pool(count, initializer=_open, initargs=(cases, count)) as pool:
        pool.map(_ready, range(count), chunksize=1)
        began = time.perf_counter()
        batches = range(0, cases.num_rows, _BATCH)
        taken = 0.0
        for start in range(0, len(batches), count):
            round_ = [batches[at] for at in range(start, min(start + count, len(batches)))]
            timed = pool.map(_decide, round_, chunksize=1)
            # the objects are made in the worker before its clock starts; workers run side by side
            taken += max(each for each, _ in timed)
            found += [each for _, each in timed]
            if time.perf_counter() - began > seconds:
                break
    return [decision for batch in found for decision in batch], taken


def as_objects(cases: pa.Table) -> list[dict[str, Any]]:
    """The cases as zen takes them: one dictionary each, decimals as numbers."""
    return [
        {name: float(value) if isinstance(value, Decimal) else value for name, value in case.items()}
        for case in cases.to_pylist()
    ]


_worker: dict[str, Any] = {}


def _open(cases: pa.Table, count: int) -> None:
    tables, vocabulary = load_tables()
    graph = json.loads(zen_graph(tables, vocabulary))
    _worker["engine"] = zen.ZenEngine({"loader": {"type": "static", "content": {"decision": graph}}})
    _worker["cases"] = cases


def _ready(number: int) -> int:
    _evaluate(as_objects(_worker["cases"].slice(0, 10)))
    return number


def _decide(start: int) -> tuple[float, list[dict[str, Any]]]:
    requests = as_objects(_worker["cases"].slice(start, _BATCH))
    began = time.perf_counter()
    decisions = _evaluate(requests)
    return time.perf_counter() - began, decisions


def _evaluate(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answers = _worker["engine"].evaluate_batch([{"key": "decision", "context": case} for case in cases])
    failed = next((answer["error"] for answer in answers if not answer["success"]), None)
    if failed is not None:
        raise RuntimeError(f"zen could not decide a case: {failed}")
    return [answer["data"]["result"] for answer in answers]


def wrong_decisions(ours: list[dict[str, Any]], zens: list[dict[str, Any]]) -> list[str]:
    """Where the decisions differ, at most ten; zen's lists of rule ids are read as texts joined with commas."""
    if len(ours) != len(zens):
        return [f"{len(ours):,} decisions against {len(zens):,}"]
    found = []
    for number, (one, other) in enumerate(zip(ours, zens, strict=True)):
        plain = {name: ",".join(value) if isinstance(value, list) else value for name, value in other.items()}
        if one != plain:
            differing = {name: (one[name], plain.get(name)) for name in one if one[name] != plain.get(name)}
            found.append(f"case {number}: {differing}")
            if len(found) == 10:
                break
    return found
