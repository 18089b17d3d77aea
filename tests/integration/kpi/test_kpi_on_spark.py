"""The KPIs on Spark and on DuckDB: the same rows."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.support.kpi_days import publish_worklist
from tests.support.ledgers import partition

from arrears.kpi.facts import published_tables
from arrears.run import open_run
from arrears.settings import load_settings
from arrears.steps import run_step

AS_OF = date(2026, 11, 20)


def _rows(folder: Path, engine: str, url: str, ledger: dict[str, pa.Table]) -> dict[str, Any]:
    for as_of in (AS_OF - timedelta(days=1), AS_OF):
        settings = load_settings(
            {
                "home": folder / engine,
                "clock": f"{as_of}T09:30:00",
                "engine": engine,
                "spark_master": "local[2]",
                "warehouse_url": url,
                "materiality": "10%",
            }
        )
        with open_run(settings, as_of) as run:
            publish_worklist(run, ledger)
            if as_of == AS_OF:
                run_step(run, "build_kpis")
                run_step(run, "load_warehouse")
                return {table: sorted(map(repr, partition(run, table))) for table in published_tables()}
    raise AssertionError("not reached")


@pytest.mark.spark
def test_spark_gives_the_same_rows(tmp_path: Path, lender: dict[str, pa.Table], pg_url: str) -> None:
    on_duckdb = _rows(tmp_path, "duckdb", pg_url, lender)
    on_spark = _rows(tmp_path, "spark", pg_url, lender)
    for table, rows in on_duckdb.items():
        assert on_spark[table] == rows, table
    assert on_duckdb["kpi/collector_day"]
    assert on_duckdb["kpi/roll_transition"]
