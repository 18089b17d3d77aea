"""Ages a ledger straight from its source into files: no lake, no warehouse, the same SELECTs as the daily run."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from arrears.engines.duckdb import copy_statement
from arrears.errors import LedgerError, SettingsError
from arrears.ledger.door import door_select, read_refusal
from arrears.ledger.duck import open_duckdb
from arrears.ledger.mapping import Mapping, plan_tables
from arrears.ledger.sources import open_source
from arrears.rules.rule_set import load_rule_set
from arrears.settings import Settings
from arrears.sqlmodel import input_tables, placeholders
from arrears.strategy.age_book import ageing_select
from arrears.strategy.ageing import ageing_parameters, bucket_rows, stop_hold_rows

_ENDINGS = (".parquet", ".csv")
_STORED = ("walk", "advances")
"""Models that other tables are made of and that are stored here: what reads them is planned with their real size."""


@dataclass(frozen=True)
class AgedFiles:
    """Where `age_ledger` writes what, each a file that ends in .parquet or .csv."""

    snapshot: Path | None = None
    """Every contract of the book on the day; the columns are those of the lake's `snapshot`."""
    brief: Path | None = None
    """The same contracts in brief, in far less time: days past due, overdue amount and bucket; columns of `brief`."""
    installments: Path | None = None
    """Every item that is not paid in full, with its own days and bucket; columns of `installment_ageing`."""
    history: Path | None = None
    """Every contract's bucket on every day up to the day; columns of `bucket_history`."""
    spells: Path | None = None
    """Every spell up to the day; columns of `spells`."""

    def by_table(self) -> dict[str, Path]:
        """The files that are asked for, by the table that each holds, in the order in which they can be made."""
        files = {
            "snapshot": self.snapshot,
            "brief": self.brief,
            "installment_ageing": self.installments,
            "bucket_history": self.history,
            "spells": self.spells,
        }
        return {table: path for table, path in files.items() if path is not None}


def age_ledger(settings: Settings, as_of: date, files: AgedFiles) -> dict[str, int]:
    """Ages the ledger that the settings name as of `as_of` into `files`; returns the rows of each table written.

    Every file is put in place whole, after all are written. Raises SettingsError for another ending, LedgerError when
    the source does not keep the contract.
    """
    targets = files.by_table()
    for path in targets.values():
        _check_ending(path)
    rules = load_rule_set(settings.rules, as_of)
    values = {"as_of": as_of, **ageing_parameters(settings, rules)}
    selects = _selects(settings, targets)
    asides = {table: path.with_name(f".aside.{path.name}") for table, path in targets.items()}
    rows: dict[str, int] = {}
    with ExitStack() as stack:
        source = open_source(settings)
        stack.callback(source.close)
        for aside in asides.values():
            stack.callback(aside.unlink, missing_ok=True)
        connection = stack.enter_context(open_duckdb(settings))
        _create(connection, "buckets", bucket_rows(rules))
        _create(connection, "stop_holds", stop_hold_rows(rules))
        read = {name for select in selects.values() for name in input_tables(select)}
        for plan in plan_tables(source, Mapping(settings.ledger_mapping)):
            if plan.contract.name not in read:
                continue
            if plan.source is None:
                connection.register(plan.contract.name, plan.contract.schema.empty_table())
                continue
            relation = f"source_{plan.contract.name}"
            stack.enter_context(source.attach(connection, plan.source, plan.sources, relation))
            ledger_rows = door_select(plan, relation, settings.time_zone)
            # the order of the keys matters to a stored table, not to one that is aggregated
            ledger_rows.set("order", None)
            connection.sql(ledger_rows.sql(dialect="duckdb", copy=False)).create_view(plan.contract.name, replace=True)
        try:
            for table, select in selects.items():
                written = select
                if any(table in input_tables(other) for other in selects.values()):
                    # stored first, so that the statements that read it are planned with its real size
                    written = exp.select("*").from_(table)
                    written.set("order", select.args.get("order") and _own_order(select))
                    select.set("order", None)
                    create = exp.Create(this=exp.to_table(table), kind="TABLE", expression=select)
                    _execute(connection, create, values)
                if table in targets:
                    rows[table] = int(_execute(connection, copy_statement(written, asides[table]), values)[0][0])
        except duckdb.Error as error:
            raise _refused(source.label, error) from None
        for table, path in targets.items():
            asides[table].replace(path)
    return rows


def _own_order(select: exp.Query) -> exp.Order:
    """The ORDER BY of a statement in the names of its own columns."""
    keys = [exp.Ordered(this=exp.column(key.this.name)) for key in select.args["order"].expressions]
    return exp.Order(expressions=keys)


def _selects(settings: Settings, targets: Collection[str]) -> dict[str, exp.Query]:
    """What makes `targets`, and before it what they read that is stored, by table."""
    stored = _STORED if "snapshot" in targets else ()
    models = {"balances": "balances" if stored else "brief_balances"}
    if stored:
        models |= {table: table for table in (*stored, "positions", "overdue_spells")}
    for table in targets:
        if table == "spells":
            models["bucket_history"] = "bucket_history"
        models[table] = table
    return {table: ageing_select(settings.sql, model, stored=stored) for table, model in models.items()}


def _check_ending(path: Path) -> None:
    if path.suffix not in _ENDINGS:
        raise SettingsError(
            expected="a file that ends in .parquet or .csv",
            found=str(path),
            where="arrears age",
            action="Choose one of the two forms.",
        )


def _create(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
    # as VALUES, not as an Arrow table: building one imports pandas, which takes as long as a tenth of the ageing
    values = exp.values([tuple(row.values()) for row in rows], alias="given", columns=list(rows[0]))
    create = exp.Create(this=exp.to_table(name), kind="TABLE", expression=exp.select("*").from_(values))
    connection.execute(create.sql(dialect="duckdb"))


def _execute(connection: duckdb.DuckDBPyConnection, statement: exp.Expr, values: dict[str, Any]) -> Any:
    bound = {name: values[name] for name in placeholders(statement)}
    # no copy: nobody reads the statement after this
    return connection.execute(statement.sql(dialect="duckdb", copy=False), bound).fetchall()


def _refused(label: str, error: duckdb.Error) -> LedgerError:
    refusal = read_refusal(str(error))
    if refusal is None:
        # the engine's message may quote values, so only its kind goes on
        return LedgerError(
            expected="to read the ledger",
            found=type(error).__name__,
            where=label,
            action="Look at the source; when the kind is OutOfMemory, raise ARREARS_DUCKDB_MEMORY.",
        )
    column, key = refusal
    return LedgerError(
        expected="a value of the contract's type",
        found=f"another in {column} of the row {key}",
        where=label,
        action="Correct the value at the lender; nothing is rounded or guessed at the door.",
    )
