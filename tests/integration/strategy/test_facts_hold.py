"""What the exact checks take for certain is so in every case that a generated lender brings to the decision tables."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from sqlglot import exp
from tests.support.ledgers import publish_ledger

from arrears.demo.lender import write_parquet
from arrears.ledger.contract import TABLES
from arrears.rules.policy import load_policy
from arrears.steps import run_step
from arrears.strategy.case_columns import CASE_COLUMNS
from arrears.strategy.checked import read_rules
from arrears.strategy.reasoning import facts_of

AS_OF = date(2026, 11, 20)
_KINDS = {
    "text": pa.types.is_string,
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "number": lambda kind: pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind),
}


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lender")
    write_parquet(folder, AS_OF, 4_000, 11)
    return folder


def test_facts_hold_for_every_case(make_run: Any, lender: Path, pg_url: str) -> None:
    with make_run(AS_OF, warehouse_url=pg_url) as run:
        publish_ledger(
            run, {name: duckdb.read_parquet(str(lender / f"{name}.parquet")).to_arrow_table() for name in TABLES}
        )
        for step in ("check_rules", "age_contracts", "tier_balances", "apply_rules"):
            run_step(run, step)
        checked = read_rules(run.rules, load_policy(run.rules))
        facts = list(facts_of(checked))
        decided = run.lake.read("decision", run.day)
    assert len(facts) > 20
    assert len(decided) > 100
    for name, kind in CASE_COLUMNS.items():
        found = decided.schema.field(name).type
        assert _KINDS[kind](found), f"{name} is {found}"
    words = {name: word for name, word in checked.vocabulary.words.items() if name in decided.column_names}
    assert len(words) > 25
    with duckdb.connect() as connection:
        connection.register("decided", decided)
        for fact in facts:
            broken = exp.select(exp.Count(this=exp.Star())).from_("decided").where(exp.not_(fact.condition.copy()))
            assert connection.execute(broken.sql(dialect="duckdb")).fetchone() == (0,), str(fact)
        for name, word in words.items():
            column = decided[name]
            assert word.nullable or column.null_count == 0, name
            if word.values:
                assert set(column.to_pylist()) - {None} <= set(word.values), name
            if word.decimals is not None:
                digits = [
                    each for each in column.to_pylist() if each is not None and round(each, word.decimals) != each
                ]
                assert digits == [], name
