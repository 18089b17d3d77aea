"""Ages a ledger straight from its source into one file: no lake, no warehouse, the same SELECTs as the daily run."""

from __future__ import annotations

from contextlib import ExitStack
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
from arrears.sqlmodel import input_tables, load_model, placeholders
from arrears.strategy.ageing import ageing_parameters, bucket_rows, stop_hold_rows

_ENDINGS = (".parquet", ".csv")


def age_ledger(settings: Settings, as_of: date, out: Path) -> int:
    """Ages the ledger that the settings name as of `as_of` into `out` (.parquet or .csv); returns the rows written.

    The columns are those of the lake's `snapshot`. `out` is put in place whole. Raises SettingsError for another
    ending, LedgerError when the source does not keep the contract.
    """
    if out.suffix not in _ENDINGS:
        raise SettingsError(
            expected="a file that ends in .parquet or .csv",
            found=str(out),
            where="--out",
            action="Choose one of the two forms.",
        )
    rules = load_rule_set(settings.rules, as_of)
    values = {"as_of": as_of, **ageing_parameters(settings, rules)}
    balances = load_model(settings.sql, "strategy/balances")
    snapshot = load_model(settings.sql, "strategy/snapshot")
    aside = out.with_name(f".aside.{out.name}")
    with ExitStack() as stack:
        source = open_source(settings)
        stack.callback(source.close)
        stack.callback(aside.unlink, missing_ok=True)
        connection = stack.enter_context(open_duckdb(settings))
        _create(connection, "buckets", bucket_rows(rules))
        _create(connection, "stop_holds", stop_hold_rows(rules))
        read = {*input_tables(balances), *input_tables(snapshot)}
        for plan in plan_tables(source, Mapping(settings.ledger_mapping)):
            if plan.contract.name not in read:
                continue
            if plan.source is None:
                connection.register(plan.contract.name, plan.contract.schema.empty_table())
                continue
            relation = f"source_{plan.contract.name}"
            stack.enter_context(source.attach(connection, plan.source, plan.sources, relation))
            rows = door_select(plan, relation, settings.time_zone)
            # the order of the keys matters to a stored table, not to one that is aggregated
            rows.set("order", None)
            connection.sql(rows.sql(dialect="duckdb")).create_view(plan.contract.name, replace=True)
        try:
            # stored first, so that the second statement is planned with its real size
            create = exp.Create(this=exp.to_table("balances"), kind="TABLE", expression=balances)
            _execute(connection, create, values)
            written = _execute(connection, copy_statement(snapshot, aside), values)
        except duckdb.Error as error:
            raise _refused(source.label, error) from None
        aside.replace(out)
    return int(written[0][0])


def _create(connection: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]]) -> None:
    # as VALUES, not as an Arrow table: building one imports pandas, which takes as long as a tenth of the ageing
    values = exp.values([tuple(row.values()) for row in rows], alias="given", columns=list(rows[0]))
    create = exp.Create(this=exp.to_table(name), kind="TABLE", expression=exp.select("*").from_(values))
    connection.execute(create.sql(dialect="duckdb"))


def _execute(connection: duckdb.DuckDBPyConnection, statement: exp.Expr, values: dict[str, Any]) -> Any:
    bound = {name: values[name] for name in placeholders(statement)}
    return connection.execute(statement.sql(dialect="duckdb"), bound).fetchall()


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
