"""One measured piece of work in this process: `python -m tests.bench.task NAME ARGUMENTS RESULT` (JSON in, JSON out).

The clock starts after imports and ends when the answer is written; the caller measures the whole process besides.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from tests.bench.measure import Measured, measured
from tests.bench.terms import Terms, terms_of

from arrears.settings import Settings, load_settings


def _read(arguments: dict[str, Any]) -> tuple[Settings, Terms, Path, Path]:
    ledger, out = Path(arguments["ledger"]), Path(arguments["out"])
    settings = load_settings({"ledger": str(ledger), **arguments.get("settings", {})})
    return settings, terms_of(settings, date.fromisoformat(arguments["as_of"])), ledger, out


def _scan(arguments: dict[str, Any]) -> Measured:
    from tests.bench.bare_scan import scan

    settings, _, ledger, out = _read(arguments)
    with measured() as result:
        scan(settings, ledger, out)
    return result


def _arrears(what: str) -> Callable[[dict[str, Any]], Measured]:
    def run(arguments: dict[str, Any]) -> Measured:
        module = importlib.import_module("tests.bench.ageing_arrears")
        settings, terms, _, out = _read(arguments)
        with measured() as result:
            result.figures = getattr(module, what)(settings, terms, out)
        result.figures["memory_limit"] = settings.duckdb_memory
        return result

    return run


def _version(name: str) -> Callable[[dict[str, Any]], Measured]:
    def run(arguments: dict[str, Any]) -> Measured:
        module = importlib.import_module(f"tests.bench.ageing_{name}")
        _, terms, ledger, out = _read(arguments)
        with measured() as result:
            module.age(ledger, terms, out)
        return result

    return run


def _spark(arguments: dict[str, Any]) -> Measured:
    from tests.bench.ageing_spark import age, close, open_session

    _, terms, ledger, out = _read(arguments)
    with measured() as starting:
        open_session()
    with measured() as result:
        age(ledger, terms, out)
    close()
    result.steps = {"start": starting.seconds}
    return result


def _postgres(arguments: dict[str, Any]) -> Measured:
    from tests.bench.ageing_postgres import export, load, open_server, query, version

    _, terms, ledger, out = _read(arguments)
    # PostgreSQL, which does not run as root, must reach its folder
    with tempfile.TemporaryDirectory(prefix="arrears-bench-postgres-") as folder:
        Path(folder).chmod(0o755)
        with open_server(Path(folder) / "server") as server:
            leader = int((server.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])

            def processes() -> list[psutil.Process]:
                process = psutil.Process(leader)
                return [process, *process.children(recursive=True)]

            with measured(processes) as loading:
                load(server, ledger)
            with measured(processes) as result:
                query(server, terms)
            export(server, out)
            result.figures = {"version": version(server)}
    result.steps = {"load": loading.seconds}
    return result


def _rules(arguments: dict[str, Any]) -> Measured:
    import pyarrow.parquet as pq
    from tests.bench.cases import make_cases
    from tests.bench.rule_tables import decide, decision_columns, decision_statement, load_tables, open_cases

    from arrears.ledger.duck import open_duckdb

    tables, vocabulary = load_tables()
    statement = decision_statement(tables, vocabulary)
    columns = decision_columns(tables)
    with open_duckdb(load_settings({})) as connection:
        open_cases(connection, make_cases(arguments["cases"]))
        tries = []
        for _ in range(arguments["repeat"]):
            began = time.perf_counter()
            with measured() as result:
                decisions = decide(connection, statement)
            tries.append((time.perf_counter() - began, result))
        best = min(tries, key=lambda each: each[0])[1]
        best.figures = {
            "cases": arguments["cases"],
            "rules": sum(len(table.rules) for table in tables),
            "tables": len(tables),
            "tries": [seconds for seconds, _ in tries],
        }
        pq.write_table(decisions.select(["case_id", *columns]), arguments["out"])
    return best


def _zen(arguments: dict[str, Any]) -> Measured:
    import duckdb
    from tests.bench.cases import make_cases
    from tests.bench.rule_tables import decision_columns, load_tables
    from tests.bench.rule_zen import decide_with_zen, wrong_decisions

    cases = make_cases(arguments["cases"])
    with measured() as result:
        decisions, seconds = decide_with_zen(cases, arguments["seconds"])
    columns = ", ".join(decision_columns(load_tables()[0]))
    ours = (
        duckdb.read_parquet(arguments["out"])
        .filter(f"case_id < {len(decisions)}")
        .order("case_id")
        .project(columns)
        .to_arrow_table()
        .to_pylist()
    )
    result.seconds = seconds
    result.figures = {"cases": len(decisions), "differences": wrong_decisions(ours, decisions)}
    return result


TASKS: dict[str, Callable[[dict[str, Any]], Measured]] = {
    "scan": _scan,
    "core": _arrears("age_core"),
    "wide": _arrears("age_wide"),
    "spells": _arrears("age_spells"),
    "polars": _version("polars"),
    "pandas": _version("pandas"),
    "spark": _spark,
    "postgres": _postgres,
    "rules": _rules,
    "zen": _zen,
}


def main() -> None:
    """Runs the task that the command line names."""
    name, arguments, result = sys.argv[1:4]
    Path(result).write_text(json.dumps(TASKS[name](json.loads(arguments)).as_json()), encoding="utf-8")


if __name__ == "__main__":
    main()
