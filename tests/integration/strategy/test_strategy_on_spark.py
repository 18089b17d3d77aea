"""Every model of the strategy on Spark, its executors in processes of their own: DuckDB's rows, types included.

Over the real ledger, a generated lender and a ledger of oddities. The steps run on an engine that answers with DuckDB
and runs each statement on Spark over the same inputs as well.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp
from tests.integration.strategy.conftest import CLUSTER
from tests.support.both_engines import BothEngines, Compared, differences
from tests.support.brief import age_brief
from tests.support.contract_files import read_contract_files
from tests.support.edge_ledgers import AS_OF as EDGE_DAY
from tests.support.edge_ledgers import edge_ledger
from tests.support.ledgers import partition, publish_ledger

from arrears.demo.lender import write_parquet
from arrears.engines.duckdb import DuckDBEngine
from arrears.ledger.contract import TABLES
from arrears.run import Run, open_run
from arrears.settings import PROJECT, load_settings
from arrears.sqlmodel import fetch_model, load_model
from arrears.steps import run_step
from arrears.strategy.age_book import age_book, age_history, age_installments
from arrears.strategy.ageing import ageing_parameters
from arrears.strategy.steps import age_contracts, apply_rules, publish_treatments, tier_balances

pytestmark = pytest.mark.spark

MODELS = sorted(path.stem for path in (PROJECT / "include" / "sql" / "strategy").glob("*.sql"))
STEPS = ("check_rules", "age_contracts", "tier_balances", "apply_rules", "publish_treatments")
DAY = (age_contracts, tier_balances, apply_rules, publish_treatments)


@contextmanager
def both(
    cluster: Any, home: Path, as_of: date, tables: Collection[str] | None = None, **values: Any
) -> Iterator[tuple[Run, BothEngines]]:
    """A run whose engine is both engines, which compares `tables` (default all)."""
    engine = BothEngines(DuckDBEngine(memory="1GB", threads=2), cluster, tables)
    with open_run(load_settings({"home": home, "clock": f"{as_of}T09:30:00", **values}), as_of) as run:
        # in the place where the run keeps the engine that it opens on first use
        vars(run)["engine"] = engine
        yield run, engine


def whole_day(run: Run) -> None:
    """All that the strategy computes of a day, what is computed on demand included."""
    for step in DAY:
        step(run)
    age_installments(run)
    age_history(run)
    age_brief(run)
    fetch_model(run, "strategy/explained_items", params=ageing_parameters(run.settings, run.rules))


def changed_rules(folder: Path, file: str, changes: dict[str, str]) -> Path:
    """A copy of the shipped rules with texts of one file replaced."""
    rules = folder / "rules"
    shutil.copytree(PROJECT / "include" / "rules", rules)
    text = (rules / file).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (rules / file).write_text(text, encoding="utf-8")
    return rules


def same(compared: list[Compared]) -> None:
    """Fails with what differs."""
    assert {each.sql[:300]: each.differences for each in compared if each.differences} == {}


def models_in(compared: list[Compared]) -> set[str]:
    """The models that the statements were made of: a model's SELECT is one of theirs."""
    seen = {body(query) for each in compared for query in each.select.find_all(exp.Select)}
    return {name for name in MODELS if body(load_model(PROJECT / "include" / "sql", f"strategy/{name}")) in seen}


def body(query: exp.Query) -> str:
    """A SELECT without the common tables before it, which a chain of models puts elsewhere."""
    bare = query.copy()
    bare.set("with_", None)
    return bare.sql(dialect="duckdb", comments=False)


def test_executors_are_processes_of_their_own(cluster: Any) -> None:
    rows = cluster.fetch(exp.select(exp.Count(this=exp.Star()).as_("n")).from_("t"), {"t": pa.table({"x": [1, 2]})}, {})
    assert rows["n"].to_pylist() == [2]
    processes = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    executors = [
        line
        for line in processes.stdout.splitlines()
        if "CoarseGrainedExecutorBackend" in line and f"--app-id {cluster.application_id}" in line
    ]
    assert len(executors) == 2, CLUSTER


def test_every_model_gives_the_same_rows_on_a_ledger_of_oddities(cluster: Any, tmp_path: Path) -> None:
    # the shipped experiment begins after this ledger's day
    rules = changed_rules(tmp_path, "experiments.yaml", {"valid_from: 2026-01-01": "valid_from: 2023-01-01"})
    with both(cluster, tmp_path, EDGE_DAY, grace_days=3, materiality="10%,5.00", rules=rules) as (run, engine):
        publish_ledger(run, edge_ledger())
        whole_day(run)
        assert len({row["treatment"] for row in partition(run, "treatment")}) >= 5
        assert {row["bucket_no"] for row in partition(run, "snapshot")} >= {0, 1, 2, 3, 4, 5}
    same(engine.compared)
    assert models_in(engine.compared) == set(MODELS)
    assert all(each.rows for each in engine.compared)


@pytest.mark.parametrize(
    ("counting", "convention"), [("days", "A"), ("months", "B"), ("installments", None), ("mba", None), ("ots", None)]
)
def test_every_way_of_counting_gives_the_same_rows(
    counting: str, convention: str | None, cluster: Any, tmp_path: Path
) -> None:
    rules = changed_rules(
        tmp_path,
        "ageing.yaml",
        {
            "counting: days\n": f"counting: {counting}\n",
            "convention: B\n": f"convention: {convention}\n" if convention else "",
        },
    )
    counted = {"snapshot", "installment_ageing", "bucket_history"}
    with both(cluster, tmp_path, EDGE_DAY, counted, rules=rules) as (run, engine):
        publish_ledger(run, edge_ledger(60))
        age_book(run)
        age_installments(run)
        age_history(run)
    same(engine.compared)
    assert len(engine.compared) == len(counted)


def test_a_worked_recovery_book_gives_the_same_rows(cluster: Any, tmp_path: Path) -> None:
    rules = changed_rules(tmp_path, "ageing.yaml", {"recovery_book: left": "recovery_book: worked"})
    with both(cluster, tmp_path, EDGE_DAY, grace_days=3, rules=rules) as (run, engine):
        publish_ledger(run, edge_ledger())
        whole_day(run)
        assert any(row["written_off"] for row in partition(run, "treatment"))
    same(engine.compared)


def test_the_steps_on_spark_alone_leave_the_same_lake(cluster: Any, tmp_path: Path, pg_url: str) -> None:
    as_of = date(2026, 11, 20)
    write_parquet(tmp_path / "lender", as_of, 800, 11)
    lakes = {}
    for name in ("duckdb", "spark"):
        values = {"home": tmp_path / name, "clock": f"{as_of}T09:30:00", "warehouse_url": pg_url}
        values |= {"engine": name, "spark_master": CLUSTER}
        with open_run(load_settings(values), as_of) as run:
            if name == "spark":
                vars(run)["engine"] = cluster
            publish_ledger(run, read_contract_files(tmp_path / "lender"))
            for step in STEPS:
                run_step(run, step)
            # the session is of all tests; the run would close it
            vars(run).pop("engine", None) if name == "spark" else None
            made = {path.name for path in run.lake.root.iterdir() if not path.name.startswith("_")} - set(TABLES)
            lakes[name] = {table: run.lake.read(table, run.day) for table in sorted(made)}
            assert run.lake.path("snapshot", run.day).is_dir() == (name == "spark")
    assert list(lakes["spark"]) == list(lakes["duckdb"])
    assert {"snapshot", "decision", "cases", "experiment_arm"} < set(lakes["spark"])
    for table, rows in lakes["duckdb"].items():
        assert differences(rows, lakes["spark"][table]) == [], table


@pytest.mark.real_ledger
def test_the_same_rows_on_the_real_ledger(cluster: Any, tmp_path: Path, real_ledger: Path) -> None:
    with both(cluster, tmp_path, date(2017, 11, 30), materiality="10%") as (run, engine):
        publish_ledger(run, read_contract_files(real_ledger))
        whole_day(run)
        assert len(partition(run, "snapshot")) > 3_000
    same(engine.compared)
