"""SQL models: one SELECT a file, inputs found by name, parameters bound, errors that say where."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from arrears.errors import LakeError, ModelError
from arrears.settings import PROJECT
from arrears.sqlmodel import fetch_model, input_tables, load_model, placeholders, run_model

DAY = date(2026, 11, 20)


@pytest.fixture
def sql(tmp_path: Path) -> Path:
    (tmp_path / "sql" / "area").mkdir(parents=True)
    return tmp_path / "sql"


def put(sql: Path, text: str) -> None:
    (sql / "area" / "made.sql").write_text(text, encoding="utf-8")


def test_a_model_reads_tables_and_relations_and_writes_its_partition(make_run: Any, sql: Path) -> None:
    put(sql, "WITH t AS (SELECT x * $factor AS x FROM given) SELECT x, CAST($as_of AS DATE) AS as_of FROM t ORDER BY x")
    with make_run(DAY, sql=sql) as run:
        rows = run_model(run, "area/made", params={"factor": 10}, relations={"given": pa.table({"x": [2, 1]})})
        assert rows == 2
        assert run.lake.read("made", run.day).to_pylist() == [{"x": 10, "as_of": DAY}, {"x": 20, "as_of": DAY}]
        put(sql, "SELECT SUM(x) AS total FROM made")
        assert fetch_model(run, "area/made").to_pylist() == [{"total": 30}]


def test_a_value_is_bound_never_pasted(make_run: Any, sql: Path) -> None:
    put(sql, "SELECT $word AS word")
    with make_run(DAY, sql=sql) as run:
        word = "'; DROP TABLE x; --"
        assert fetch_model(run, "area/made", params={"word": word}).to_pylist() == [{"word": word}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1; SELECT 2", "exactly one SELECT"),
        ("DROP TABLE x", "exactly one SELECT"),
        ("SELECT FROM WHERE", "one SELECT in DuckDB's dialect"),
        ("SELECT $missing AS x", "values for missing"),
        ("SELECT nothing FROM (SELECT 1 AS x)", "a SELECT that DuckDB can run"),
    ],
)
def test_a_wrong_model_is_named(make_run: Any, sql: Path, text: str, message: str) -> None:
    put(sql, text)
    with make_run(DAY, sql=sql) as run, pytest.raises(ModelError, match=message):
        fetch_model(run, "area/made")


def test_a_missing_model_and_a_missing_input_are_named(make_run: Any, sql: Path) -> None:
    put(sql, "SELECT * FROM nowhere")
    with make_run(DAY, sql=sql) as run:
        with pytest.raises(ModelError, match="no such file"):
            run_model(run, "area/absent")
        with pytest.raises(LakeError, match="a partition of nowhere"):
            run_model(run, "area/made")


@pytest.mark.parametrize("path", sorted((PROJECT / "include" / "sql" / "strategy").glob("*.sql")), ids=lambda p: p.stem)
def test_the_strategy_speaks_both_dialects_and_no_clock(path: Path) -> None:
    select = load_model(PROJECT / "include" / "sql", f"strategy/{path.stem}")
    assert input_tables(select)
    of_the_rules = {
        "grace_days",
        "materiality_share",
        "materiality_amount",
        "by_installments",
        "kept_share",
        "recovery_worked",
    }
    assert placeholders(select) <= {"as_of", *of_the_rules}
    spark = sqlglot.parse_one(select.sql(dialect="spark"), dialect="spark")
    assert input_tables(spark) == input_tables(select)
    text = path.read_text(encoding="utf-8").lower()
    assert not any(word in text for word in ("now(", "current_date", "current_timestamp", "random(", "hash(", "float"))
