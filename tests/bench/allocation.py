"""`python -m tests.bench.allocation`: the split of a large lender, measured as the step `allocate_cases` runs it.

200,000 cases to 2,000 collectors in 12 queues, with skills, regions, languages, seniority, quotas, capacities, absences
and conflicts; a judge who knows the hard rules and nothing else looks at every case. Prints what it measured, and ends
with 1 when a rule was broken or the step took longer than it may.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from tests.bench.machine import describe_machine
from tests.support.allocation_floor import broken_rules, large_floor

from arrears.allocation.steps import allocate_cases
from arrears.ledger.contract import arrow_schema
from arrears.run import Run, open_run
from arrears.settings import PROJECT, load_settings

_DAY = date(2026, 11, 20)
_MODES: tuple[Any, ...] = ("even", "balanced", "level", ["quota", "level"])
_SENIOR = [{"amount": 30_000.01, "seniority": 2}, {"amount": 60_000.01, "seniority": 3}]
_LONGEST = 5.0
_CONFLICTS = 100


def main() -> int:
    """Measures the step; 0 when all goals are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--collectors", type=int, default=2_000)
    parser.add_argument("--queues", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    cases, staff = large_floor(asked.seed, asked.cases, asked.collectors, asked.queues)
    customers = [row["customer_id"] for row in cases]
    ids = [row["collector_id"] for row in staff]
    conflicts = [
        {
            "collectors": ids[number::_CONFLICTS],
            "customers": customers[number * 211 :: max(1, len(customers) // 3)],
            "why": "made for the measurement",
        }
        for number in range(_CONFLICTS)
    ]
    shut = {(customer, who) for each in conflicts for customer in each["customers"] for who in each["collectors"]}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _write_rules(home / "rules", asked.queues, conflicts)
        settings = load_settings({"home": str(home), "rules": str(home / "rules"), "clock": "2026-11-21T09:30:00"})
        with open_run(settings, _DAY) as run:
            _write_day(run, cases, staff)
            wall, cpu = time.perf_counter(), time.process_time()
            result = allocate_cases(run)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            owners = {
                row["customer_id"]: row["collector_id"]
                for row in run.lake.read("assignment", run.day, ["customer_id", "collector_id"]).to_pylist()
            }
    found = broken_rules(cases, staff, shut, owners)
    print(describe_machine())
    print(f"{asked.cases:,} cases, {asked.collectors:,} collectors, {asked.queues} queues, {len(shut):,} conflicts")
    print(f"allocate_cases: {wall:.2f} s, {cpu:.2f} s of processor time; hard rules broken: {len(found)}")
    for line in found[:5]:
        print(f"  {line}")
    print(f"given {result.figures['assigned']:,}, to the pool {result.figures['pool']:,}")
    for queue, figures in result.figures["per_queue"].items():
        spread = {name: each["after"] for name, each in result.figures["fairness"].get(queue, {}).items()}
        print(f"  {queue}: {figures['collectors']} collectors, {figures['min']} to {figures['max']}; spread {spread}")
    return 0 if not found and wall <= _LONGEST and len(owners) == asked.cases else 1


def _write_rules(folder: Path, queues: int, conflicts: list[dict[str, Any]]) -> None:
    folder.mkdir()
    (folder / "rule_set.yaml").write_bytes((PROJECT / "include" / "rules" / "rule_set.yaml").read_bytes())
    content = {
        "defaults": {"remainder": "spread", "senior_from": _SENIOR},
        "queues": {f"queue_{number:02d}": {"mode": _MODES[number % len(_MODES)]} for number in range(queues)},
        "conflicts": conflicts,
        "expected": {
            name: {"high": 0.8, "medium": 0.6, "low": 0.3, "otherwise": 0.5} for name in ("low", "mid", "high")
        },
    }
    (folder / "allocation.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _write_day(run: Run, cases: list[dict[str, Any]], staff: list[dict[str, Any]]) -> None:
    rows = [
        {
            "as_of": _DAY,
            "customer_id": row["customer_id"],
            "queue": row["queue"],
            "region": row["region"],
            "language": row["language"],
            "lead_contract_id": row["customer_id"],
            "bucket": row["bucket"],
            "class": {"M1": "low", "M2": "mid", "M3": "mid"}.get(row["bucket"], "high"),
            "overdue_amount": Decimal(row["cents"]).scaleb(-2),
            "days_past_due": 40,
            "priority": 50,
        }
        for row in cases
    ]
    money = pa.decimal128(18, 2)
    kinds = {"as_of": pa.date32(), "overdue_amount": money, "days_past_due": pa.int32(), "priority": pa.int32()}
    _put(
        run, "cases", pa.Table.from_pylist(rows, pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]]))
    )
    treated = [{"contract_id": row["customer_id"], "collection_band": row["band"] or None} for row in cases]
    _put(run, "treatment", pa.Table.from_pylist(treated))
    people = [{**row, "present": row["at_work"]} for row in staff]
    _put(run, "collectors", pa.Table.from_pylist(people, arrow_schema("collectors")))
    ledger = ("contracts", "contact_results", "payments", "promises")
    for table in ledger:
        _put(run, table, arrow_schema(table).empty_table())
    run.lake.publish("ledger", run.day, ["collectors", *ledger])
    run.lake.publish("treatment", run.day, ["cases", "treatment"])


def _put(run: Run, table: str, rows: pa.Table) -> None:
    with run.lake.replace(table, run.day) as aside:
        pq.write_table(rows, aside)


if __name__ == "__main__":
    sys.exit(main())
