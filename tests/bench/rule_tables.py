"""The benchmark's forty rules as Arrears decides them: read like rule files, compiled by the production compiler."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import yaml
from sqlglot import exp

from arrears.rules.decision_table import DecisionTable, compile_table
from arrears.rules.vocabulary import Vocabulary

TABLES = Path(__file__).parent / "rules" / "tables.yaml"


def load_tables() -> tuple[list[DecisionTable], Vocabulary]:
    """The five tables in the order in which they are applied, and the words that cases have."""
    content = yaml.safe_load(TABLES.read_text(encoding="utf-8"))
    tables = [DecisionTable.model_validate(table) for table in content["tables"]]
    return tables, Vocabulary.model_validate({"words": content["words"]})


def decision_columns(tables: list[DecisionTable]) -> list[str]:
    """What the tables make, in their order: outputs and matched rules."""
    return [name for table in tables for name in (*table.outputs, table.rule_column)]


def decision_statement(tables: list[DecisionTable], vocabulary: Vocabulary) -> str:
    """The SELECT of all decisions over the table `cases`: one layer a table, as the strategy's own decisions are."""
    source = "cases"
    layers: list[tuple[str, exp.Select]] = []
    for table in tables:
        compiled, vocabulary = compile_table(table, vocabulary)
        layers.append((f"with_{table.name}", compiled.over(source)))
        source = layers[-1][0]
    select = exp.select("case_id", *decision_columns(tables)).from_(source)
    for name, layer in layers:
        select = select.with_(name, as_=layer)
    return select.sql(dialect="duckdb")


def open_cases(connection: duckdb.DuckDBPyConnection, cases: pa.Table) -> None:
    """Stores the cases as the table `cases`."""
    connection.register("given_cases", cases)
    connection.execute("CREATE TABLE cases AS SELECT * FROM given_cases")
    connection.unregister("given_cases")


def decide(connection: duckdb.DuckDBPyConnection, statement: str) -> pa.Table:
    """Decides all cases and hands the decisions over, as zen hands over its results."""
    return connection.sql(statement).to_arrow_table()
