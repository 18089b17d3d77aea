"""Measures the contact plan: `python -m tests.bench.plan_contacts --cases 100000 --packs us_reg_f,us_ma`.

Makes a day of cases with twenty contacts each in the last half year, statements of every twentieth customer and four
places, plans it twice, and prints what it measured: seconds by the clock, and of all processors.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.bench.machine import describe_machine
from tests.support import outreach_day

from arrears.ledger.contract import arrow_schema
from arrears.outreach.plan import build_contact_plan
from arrears.outreach.rules import load_contact_rules
from arrears.rules.files import parse_rules
from arrears.rules.policy import Policy, PolicyPack
from arrears.run import Run, open_run
from arrears.settings import PROJECT, load_settings
from arrears.sqlmodel import fetch_model

DAY = date(2026, 11, 20)
CONTACTS_PER_CASE = 20
LEDGER = ("contracts", "customers", "consents", "contact_results", "holds", "payments", "promises")


def main() -> None:
    """Plans a generated day and prints the figures."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--cases", type=int, default=100_000)
    arguments.add_argument("--packs", default="cn")
    given = arguments.parse_args()
    names = given.packs.split(",")
    folder = PROJECT / "include" / "rules" / "policies"
    policy = Policy(tuple(parse_rules(folder / f"{name}.yaml", PolicyPack) for name in names))
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="arrears-bench-plan-") as home:
        settings = load_settings({"home": Path(home), "clock": datetime(2026, 11, 20, 9, 30), "duckdb_memory": "4GB"})  # noqa: DTZ001
        with open_run(settings, DAY) as run:
            _publish(run, given.cases)
            contact, _ = load_contact_rules(run.rules)
            for number in (1, 2):
                wall, processors = time.perf_counter(), time.process_time()
                rows = build_contact_plan(run, contact, policy)
                print(
                    f"plan {number} under {policy.name}: {given.cases:,} cases, {rows['contact_plan']:,} contacts in "
                    f"{time.perf_counter() - wall:.2f} s ({time.process_time() - processors:.2f} s of processors)"
                )
            for row in fetch_model(run, "outreach/plan_summary").to_pylist():
                print(f"  {row['figure']:>18} {row['name']:<28} {row['contacts']:>9,}")


def _publish(run: Run, cases: int) -> None:
    draw = np.random.default_rng(1)
    keys = pa.array([f"C{number:07d}" for number in range(cases)])
    contracts = pa.array([f"K{number:07d}" for number in range(cases)])
    kinds = draw.choice(["reminder", "call", "pressure", "field", "agency"], cases, p=[0.5, 0.25, 0.2, 0.03, 0.02])
    of_kind = ("treatment", "intensity", "placement", "channels", "queue", "priority")
    _write(
        run,
        "cases",
        outreach_day.CASES,
        customer_id=keys,
        contract_ids=contracts,
        lead_contract_id=contracts,
        language=_all("zh", cases),
        overdue_amount=pa.array(draw.integers(100, 90_000, cases).astype(float)),
        days_past_due=pa.array(draw.integers(1, 200, cases)),
        held=_all(False, cases),
        **{name: pa.array([outreach_day.KINDS[kind][name] for kind in kinds]) for name in of_kind},
    )
    _write(run, "treatment", outreach_day.TREATMENT, contract_id=contracts, customer_id=keys, held=_all(False, cases))
    _write(
        run,
        "customers",
        arrow_schema("customers"),
        customer_id=keys,
        phone=pa.array([f"138{number:08d}" for number in range(cases)]),
        email=pa.array([f"c{number}@customer.example" for number in range(cases)]),
        time_zone=pa.array(draw.choice(["Asia/Shanghai", "America/New_York", "", "Europe/London"], cases)),
        region=pa.array(draw.choice(["sichuan", "texas", "ny"], cases)),
    )
    _write(run, "contracts", arrow_schema("contracts"), contract_id=contracts, customer_id=keys)
    many = cases * CONTACTS_PER_CASE
    whom = pa.array(draw.integers(0, cases, many))
    ago = draw.integers(0, 180 * 86_400, many).astype("timedelta64[s]")
    outcomes = ["right_party", "no_answer", "busy", "delivered", "invalid"]
    _write(
        run,
        "contact_results",
        arrow_schema("contact_results"),
        result_id=pa.array(np.arange(many)),
        contract_id=contracts.take(whom),
        customer_id=keys.take(whom),
        channel=pa.array(draw.choice(["call", "sms", "email"], many)),
        attempted_at=pa.array((np.datetime64("2026-11-20T08:00:00") - ago).astype("datetime64[us]")),
        outcome=pa.array(draw.choice(outcomes, many)),
    )
    some = cases // 20
    _write(
        run,
        "consents",
        arrow_schema("consents"),
        customer_id=keys.slice(0, some),
        channel=pa.array(draw.choice(["sms", "all", "call"], some)),
        allowed=pa.array(draw.random(some) < 0.2),
        reason=pa.array(draw.choice(["opt_out", "agreed", "cease"], some)),
        valid_from=_all(datetime(2026, 1, 1), some),  # noqa: DTZ001 (the ledger's time)
    )
    for table in ("holds", "payments", "promises"):
        _write(run, table, arrow_schema(table))
    run.lake.publish("ledger", run.day, LEDGER)
    run.lake.publish("treatment", run.day, ("treatment", "cases"))


def _write(run: Run, table: str, schema: pa.Schema, **columns: Any) -> None:
    length = len(next(iter(columns.values()))) if columns else 0
    given = [
        columns[field.name].cast(field.type) if field.name in columns else pa.nulls(length, field.type)
        for field in schema
    ]
    with run.lake.replace(table, run.day) as aside:
        pq.write_table(pa.table(given, schema=schema), aside)


def _all(value: object, length: int) -> pa.Array:
    return pa.array([value] * length)


if __name__ == "__main__":
    main()
