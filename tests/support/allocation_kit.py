"""Days of allocation, written into a small lake from short rows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arrears.ledger.contract import arrow_schema
from arrears.run import Run
from arrears.settings import PROJECT

Row = Mapping[str, Any]

CASES = pa.schema(
    [
        ("as_of", pa.date32()),
        ("customer_id", pa.string()),
        ("entered_on", pa.date32()),
        ("contracts", pa.int32()),
        ("contract_ids", pa.string()),
        ("lead_contract_id", pa.string()),
        ("region", pa.string()),
        ("language", pa.string()),
        ("product", pa.string()),
        ("overdue_amount", pa.decimal128(18, 2)),
        ("outstanding_amount", pa.decimal128(18, 2)),
        ("days_past_due", pa.int32()),
        ("bucket", pa.string()),
        ("class", pa.string()),
        ("segment", pa.string()),
        ("treatment", pa.string()),
        ("intensity", pa.int32()),
        ("placement", pa.string()),
        ("channels", pa.string()),
        ("queue", pa.string()),
        ("priority", pa.int32()),
        ("held", pa.bool_()),
        ("rule_set", pa.string()),
        ("rule_set_version", pa.int32()),
        ("rule_set_hash", pa.string()),
    ]
)

TREATMENTS = pa.schema([("contract_id", pa.string()), ("customer_id", pa.string()), ("collection_band", pa.string())])

RULES = """
defaults: {mode: even, respect_regions: true, remainder: pool, first: priority, grab_batch: 20, grab_batch_max: 30}
queues: {field: {}, phone: {}, reminder: {respect_regions: false}}
"""


def case(customer_id: str, queue: str = "phone", overdue_amount: str = "1000.00", **values: Any) -> Row:
    """A case; a lower number in the id is worked first unless `priority` says otherwise. `band`: of its score."""
    return {
        "customer_id": customer_id,
        "queue": queue,
        "overdue_amount": Decimal(overdue_amount),
        "contracts": 1,
        "contract_ids": f"K{customer_id}",
        "lead_contract_id": f"K{customer_id}",
        "product": "commercial_vehicle",
        "outstanding_amount": Decimal("50000.00"),
        "days_past_due": 40,
        "bucket": "M2",
        "class": "mid",
        "segment": "mid_phone",
        "treatment": "phone_pressure",
        "intensity": 3,
        "placement": "in_house",
        "channels": "dialer",
        "priority": 50,
        "held": False,
        "rule_set": "standard",
        "rule_set_version": 1,
        "rule_set_hash": "0" * 64,
        **values,
    }


def cases(number: int, queue: str = "phone", *, first: int = 1, **values: Any) -> list[Row]:
    """So many cases, C0001 first."""
    return [case(f"C{i:04d}", queue, **values) for i in range(first, first + number)]


def collector(collector_id: str, skills: str | None = "phone", **values: Any) -> Row:
    """A collector without limits."""
    return {"collector_id": collector_id, "skills": skills, "team": "T1", **values}


@dataclass(frozen=True)
class AllocationDays:
    """Opens runs of days whose published cases, collectors and contracts are given as rows."""

    make_run: Callable[..., Any]
    rules: Path

    @contextmanager
    def day(
        self,
        case_rows: Sequence[Row],
        collector_rows: Sequence[Row],
        *,
        as_of: date = date(2026, 11, 20),
        contract_rows: Sequence[Row] = (),
        ledger: Mapping[str, Sequence[Row]] | None = None,
        rules: str = RULES,
        recovery_book: str = "left",
        **options: Any,
    ) -> Iterator[Run]:
        """The run of a day, its inputs published. `options` go to make_run: today, engine, warehouse_url, …

        `ledger`: rows of contact_results, payments and promises.
        """
        self.rules.mkdir(exist_ok=True)
        shipped = PROJECT / "include" / "rules"
        shutil.copyfile(shipped / "rule_set.yaml", self.rules / "rule_set.yaml")
        ageing = (shipped / "ageing.yaml").read_text(encoding="utf-8")
        assert "recovery_book: left" in ageing
        ageing = ageing.replace("recovery_book: left", f"recovery_book: {recovery_book}")
        (self.rules / "ageing.yaml").write_text(ageing, encoding="utf-8")
        (self.rules / "allocation.yaml").write_text(rules, encoding="utf-8")
        with self.make_run(as_of, rules=self.rules, **options) as run:
            write(run, "collectors", arrow_schema("collectors"), collector_rows)
            write(run, "contracts", arrow_schema("contracts"), contract_rows)
            others = ("contact_results", "payments", "promises")
            for table in others:
                write(run, table, arrow_schema(table), (ledger or {}).get(table, ()))
            run.lake.publish("ledger", run.day, ["collectors", "contracts", *others])
            write(run, "cases", CASES, [{**row, "as_of": as_of} for row in case_rows])
            treated = [
                {"contract_id": row["lead_contract_id"], "collection_band": row.get("band")} for row in case_rows
            ]
            write(run, "treatment", TREATMENTS, treated)
            run.lake.publish("treatment", run.day, ["cases", "treatment"])
            yield run


def write(run: Run, table: str, schema: pa.Schema, rows: Sequence[Row]) -> None:
    """Replaces a partition of the run's lake."""
    with run.lake.replace(table, run.day) as path:
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path)


def read(run: Run, table: str) -> list[dict[str, Any]]:
    """The rows of a partition of the run's lake, in their order."""
    rows: list[dict[str, Any]] = []
    for path in run.lake.files(table, run.day):
        rows += pq.read_table(path).to_pylist()
    return rows
