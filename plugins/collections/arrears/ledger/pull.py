"""The pull: the lender's ledger into the lake's `pulled/*` tables, whole, typed and in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from arrears.errors import LedgerError, SettingsError
from arrears.ledger.contract import TABLES
from arrears.ledger.door import PlannedTable, door_select, expected_of, passage, read_refusal
from arrears.ledger.duck import copy_to_parquet, open_duckdb
from arrears.ledger.mapping import Mapping, plan_table, plan_tables
from arrears.ledger.sources import Source, open_source
from arrears.ledger.sources.folder import FolderSource
from arrears.run import Run, StepResult

AREA = "pulled"
"""The pulled tables are published together: the quality gate never judges a mix of two pulls."""


def pulled(table: str) -> str:
    """The lake's name of a ledger table as it was pulled."""
    return f"pulled/{table}"


PULLED = tuple(pulled(table) for table in TABLES)


def pull_ledger(run: Run) -> StepResult:
    """Copies every table of the contract from the ledger that the settings name; absent ones become empty.

    Returns the rows per table. Raises LedgerError when the source does not keep the contract, SettingsError when
    no ledger is set.
    """
    mapping = Mapping(run.settings.ledger_mapping)
    with _opened(run) as source, open_duckdb(run.settings) as connection:
        plans = plan_tables(source, mapping)

        def copy(plan: PlannedTable) -> tuple[str, int]:
            with connection.cursor() as cursor:
                return plan.contract.name, _copy_table(run, cursor, source, plan)

        with ThreadPoolExecutor(source.readers, thread_name_prefix="pull") as pool:
            rows = dict(pool.map(copy, plans))
        if run.settings.collectors is not None and rows["collectors"] == 0:
            with connection.cursor() as cursor:
                rows["collectors"] = _copy_collectors(run, cursor, run.settings.collectors)
    run.lake.publish(AREA, run.day, PULLED)
    absent = [plan.contract.name for plan in plans if plan.source is None]
    return StepResult(rows=rows, figures={"source": source.label, "absent_tables": absent})


@contextmanager
def _opened(run: Run) -> Iterator[Source]:
    source = open_source(run.settings)
    try:
        yield source
    finally:
        source.close()


def _copy_collectors(run: Run, connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    if not path.is_file():
        raise SettingsError(
            expected="a CSV or Parquet file of collectors",
            found="no such file",
            where=f"ARREARS_COLLECTORS={path}",
            action="Correct the variable, or unset it.",
        )
    source = FolderSource(str(path.parent), {"collectors": path})
    return _copy_table(run, connection, source, plan_table(TABLES["collectors"], source, Mapping(None)))


def _copy_table(run: Run, connection: duckdb.DuckDBPyConnection, source: Source, plan: PlannedTable) -> int:
    name = pulled(plan.contract.name)
    with run.lake.replace(name, run.day) as aside:
        if plan.source is None:
            pq.write_table(plan.contract.schema.empty_table(), aside)
        else:
            relation = f"source_{plan.contract.name}"
            try:
                with source.attach(connection, plan.source, plan.sources, relation):
                    copy_to_parquet(connection, door_select(plan, relation, run.settings.time_zone), aside)
            except duckdb.Error as error:
                raise _refused(run, source, plan, error) from None
    return run.lake.rows(name, run.day)


def _refused(run: Run, source: Source, plan: PlannedTable, error: duckdb.Error) -> LedgerError:
    refusal = read_refusal(str(error))
    if refusal is None or plan.source is None:
        # the engine's message may quote values, so only its kind goes on
        return LedgerError(
            expected=f"to read {plan.contract.name}",
            found=type(error).__name__,
            where=f"{plan.source} in {source.label}",
            action="Look at the source; when the kind is OutOfMemory, raise ARREARS_DUCKDB_MEMORY.",
        )
    column, key = refusal
    planned = next(each for each in plan.columns if each.column.name == column)
    place = None
    if planned.source is not None:
        wrong = passage(planned.source, planned.column.type, run.settings.time_zone).wrong
        place = source.place(plan.source, wrong) if wrong is not None else None
    return LedgerError(
        expected=expected_of(planned.column.type),
        found="a value that is not",
        where=f"{plan.contract.name}.{column} of the row {key} in {place or source.label}",
        action="Correct the value at the lender; nothing is rounded or guessed at the door.",
    )
