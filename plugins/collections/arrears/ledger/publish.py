"""The publication: the pulled tables without quarantined rows, and a hold for every contract that has any."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from sqlglot import exp

from arrears.errors import NotPublishedError, QualityError
from arrears.ledger.contract import TABLES
from arrears.ledger.duck import ROW_NUMBER, copy_to_parquet, create_view, open_duckdb
from arrears.ledger.pull import pulled
from arrears.quality import quarantine
from arrears.quality.checked import AREA as QUALITY_AREA
from arrears.quality.checked import CHECKED, RESULTS
from arrears.run import Run, StepResult
from arrears.sqlmodel import load_model

AREA = "ledger"


def publish_ledger(run: Run) -> StepResult:
    """Publishes the day's ledger tables; needs a passed check of exactly the files that are there now.

    Returns the rows per table, and how many contracts are held for their data. Raises QualityError when the check did
    not pass, NotPublishedError when there is none of these files.
    """
    _require_passed(run)
    with open_duckdb(run.settings) as connection:
        for table in TABLES:
            create_view(connection, table, run.lake.files(pulled(table), run.day))
        create_view(connection, quarantine.TABLE, run.lake.files(quarantine.TABLE, run.day))
        dirty = _tables_with_bad_rows(connection)
        for table in TABLES:
            if table != "holds":
                _publish_table(run, connection, table, dirty=table in dirty)
        before = _publish_holds(run, connection, dirty="holds" in dirty)
    run.lake.publish(AREA, run.day, tuple(TABLES))
    rows = {table: run.lake.rows(table, run.day) for table in TABLES}
    return StepResult(
        rows=rows,
        figures={
            "quarantined_rows": sum(dirty.values()),
            "held_for_data_quality": rows["holds"] - before,
        },
    )


def _require_passed(run: Run) -> None:
    try:
        run.lake.require(QUALITY_AREA, run.day, CHECKED)
    except NotPublishedError as error:
        raise NotPublishedError(
            expected=f"a quality check of the ledger pulled for {run.day}",
            found="none of the files that are there now",
            where=error.where,
            action="Clear check_quality for this day, or run `arrears ledger check`.",
        ) from None
    results = pq.read_table(run.lake.existing(RESULTS, run.day)).to_pylist()
    failed = [row["rule_id"] for row in results if row["suite"] == "blocking" and not row["passed"]]
    if failed:
        raise QualityError(
            expected="a passed quality check",
            found=f"failed rules {', '.join(failed)}",
            where=f"ledger of {run.day}",
            action="Mend what check_quality names, then clear pull_ledger or check_quality.",
        )


def _tables_with_bad_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counted = (
        exp.select("table_name", "count(DISTINCT row_number)")
        .from_(quarantine.TABLE)
        .where(exp.column("severity").eq("blocking"))
        .group_by("table_name")
    )
    return dict(connection.execute(counted.sql(dialect="duckdb")).fetchall())


def _publish_table(run: Run, connection: duckdb.DuckDBPyConnection, table: str, *, dirty: bool) -> None:
    with run.lake.replace(table, run.day) as aside:
        if dirty:
            copy_to_parquet(connection, _clean_rows(table, ordered=True), aside)
        else:
            _same_file(run.lake.existing(pulled(table), run.day), aside)


def _publish_holds(run: Run, connection: duckdb.DuckDBPyConnection, *, dirty: bool) -> int:
    clean = _clean_rows("holds", ordered=False) if dirty else exp.select(_without_row_number()).from_("holds")
    view = exp.Create(this=exp.to_table("clean_holds"), kind="VIEW", expression=clean)
    connection.execute(view.sql(dialect="duckdb"))
    with run.lake.replace("holds", run.day) as aside:
        copy_to_parquet(connection, load_model(run.settings.sql, "ledger/holds"), aside, {"as_of": run.day.as_of})
    counted = exp.select(exp.Count(this=exp.Star())).from_("clean_holds")
    return int(connection.execute(counted.sql(dialect="duckdb")).fetchall()[0][0])


def _clean_rows(table: str, *, ordered: bool) -> exp.Select:
    bad = (
        exp.select(ROW_NUMBER)
        .from_(quarantine.TABLE)
        .where(exp.column("severity").eq("blocking"), exp.column("table_name").eq(table))
    )
    clean = (
        exp.select(_without_row_number())
        .from_(table)
        .where(exp.not_(exp.In(this=exp.column(ROW_NUMBER), query=bad.subquery())))
    )
    return clean.order_by(ROW_NUMBER) if ordered else clean


def _without_row_number() -> exp.Star:
    return exp.Star(except_=[exp.to_identifier(ROW_NUMBER)])


def _same_file(source: Path, target: Path) -> None:
    # a partition is only ever replaced, never written into: two names for one file are as safe as a copy
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
