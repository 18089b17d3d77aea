"""The steps of `kpi_daily`: build the KPIs in the lake, load them into the warehouse, publish the report."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from arrears.kpi.arms import build_arms
from arrears.kpi.build import build_closing, build_dimensions, build_opening, build_rolls
from arrears.kpi.facts import AREA, DIMENSIONS, FACTS, RUN_DAY, published_tables, scope, windows
from arrears.run import Run, StepResult
from arrears.warehouse.load import (
    DimensionLoad,
    FactLoad,
    load_dimensions,
    load_facts,
    loaded_after,
    loading,
    newest_day,
)
from arrears.warehouse.migrate import require_current

_LEDGER = (
    "contracts",
    "installments",
    "payments",
    "charges",
    "customers",
    "holds",
    "collectors",
    "contact_results",
    "promises",
)


def build_kpis(run: Run) -> StepResult:
    """Builds the day's opening facts, the closing facts of finished days, the roll matrix and the dimensions."""
    require_current(run.warehouse)
    run.lake.require("ledger", run.day, _LEDGER)
    run.lake.require("treatment", run.day, ("snapshot", "treatment", "cases"))
    run.lake.require("worklist", run.day, ("assignment", "contact_plan"))
    rows = {**build_arms(run), **build_opening(run), **build_closing(run), **build_rolls(run)}
    rows |= build_dimensions(run)
    run.lake.publish(AREA, run.day, published_tables())
    asked = windows(run)
    return StepResult(
        rows=rows,
        figures={
            "closing_days": [asked.closing[0].isoformat(), asked.closing[-1].isoformat()],
            "month_ends": [asked.ends[0].isoformat(), asked.ends[-1].isoformat()],
        },
    )


def load_warehouse(run: Run) -> StepResult:
    """Loads the built facts and dimensions into `mart` in one transaction.

    Raises WarehouseError when the warehouse is not migrated, or is lost on the way: then nothing was changed.
    """
    require_current(run.warehouse)
    run.lake.require(AREA, run.day, published_tables())
    with loading(run.warehouse) as connection:
        newest = newest_day(connection, RUN_DAY)
        later = dict(loaded_after(connection, RUN_DAY, run.day.as_of))
        dimensions = [
            DimensionLoad(
                table,
                _rows(run, f"kpi/{table.name}"),
                change_known=newest is None or run.day.as_of >= newest,
            )
            for table in DIMENSIONS
        ]
        rows = load_dimensions(connection, dimensions)
        rows |= load_facts(
            connection, [FactLoad(fact.table, _rows(run, fact.lake_table), scope(run, fact, later)) for fact in FACTS]
        )
    return StepResult(rows={f"mart.{name}": count for name, count in rows.items()})


def publish_report(run: Run) -> StepResult:
    """Writes the day's report from `mart`: one HTML file with charts and tables."""
    from arrears.kpi.report import write_report

    path, figures = write_report(run)
    return StepResult(figures=figures, links={"report": path.relative_to(run.settings.reports_root).as_posix()})


def _rows(run: Run, table: str) -> pa.Table:
    return pq.ParquetDataset(run.lake.files(table, run.day), partitioning=None).read()
