"""The Dags as Airflow reads them: which there are, how they are chained, and the policies that all of them keep."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arrears.steps import STEPS

PROJECT = Path(__file__).resolve().parents[2]
DAGS = PROJECT / "dags"

DAG_IDS = {
    "ledger_daily",
    "strategy_daily",
    "worklist_daily",
    "outreach_daily",
    "approvals_daily",
    "kpi_daily",
    "outreach_dispatch",
    "strategy_preview",
}
TASKS = {
    "ledger_daily": ["pull_ledger", "check_quality", "publish_ledger"],
    "strategy_daily": ["check_rules", "age_contracts", "tier_balances", "apply_rules", "publish_treatments"],
    "worklist_daily": ["allocate_cases", "open_grab_pool", "plan_contacts", "publish_worklist"],
    "outreach_daily": ["push_contacts", "reconcile_contacts"],
    "approvals_daily": ["approve_sensitive", "push_approved"],
    "kpi_daily": ["build_kpis", "load_warehouse", "publish_report"],
}
LISTENS_TO = {
    "strategy_daily": "ledger",
    "worklist_daily": "treatment",
    "outreach_daily": "worklist",
    "approvals_daily": "worklist",
    "kpi_daily": "worklist",
}
GIVES = {
    "publish_ledger": "ledger",
    "publish_treatments": "treatment",
    "publish_worklist": "worklist",
    "publish_report": "kpi",
}
LEANS_ON_OTHERS = {"pull_ledger", "push_contacts", "push_approved", "load_warehouse", "open_grab_pool", "plan_contacts"}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Airflow finds, read in a process of its own: its imports warn, and it writes a configuration."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "ARREARS"))},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    }
    script = Path(__file__).with_name("airflow_facts.py")
    ended = subprocess.run(
        [sys.executable, str(script), str(DAGS)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    lines = [line for line in ended.stdout.splitlines() if line.startswith("FACTS")]
    assert lines, f"airflow_facts.py ended with {ended.returncode}:\n{ended.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(lines[0].removeprefix("FACTS"))
    return found


def tasks(facts: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(dag_id, name, task) for dag_id, dag in facts["dags"].items() for name, task in dag["tasks"].items()]


def test_the_dags_are_exactly_these(facts: dict[str, Any]) -> None:
    assert set(facts["dags"]) == DAG_IDS
    assert {path.stem for path in DAGS.glob("*.py")} == DAG_IDS, "one file per Dag, named after it"


def test_no_dag_file_fails_to_import(facts: dict[str, Any]) -> None:
    assert facts["import_errors"] == {}


def test_each_dag_is_in_the_file_of_its_name(facts: dict[str, Any]) -> None:
    assert {dag_id: Path(dag["file"]).name for dag_id, dag in facts["dags"].items()} == {
        dag_id: f"{dag_id}.py" for dag_id in DAG_IDS
    }


@pytest.mark.parametrize("dag_id", sorted(TASKS))
def test_a_daily_dag_has_its_steps_in_order(facts: dict[str, Any], dag_id: str) -> None:
    found = facts["dags"][dag_id]["tasks"]
    assert set(found) == set(TASKS[dag_id])
    before: list[str] = []
    for name in TASKS[dag_id]:
        assert found[name]["upstream"] == before, f"{dag_id}.{name} follows {found[name]['upstream']}, not {before}"
        before = [name]


def test_every_step_of_the_library_has_its_task(facts: dict[str, Any]) -> None:
    placed = {name: dag_id for dag_id, name, _ in tasks(facts)}
    assert {name: placed.get(name) for name in STEPS} == {name: step.dag for name, step in STEPS.items()}


def test_the_chain_starts_every_morning_in_the_lenders_zone(facts: dict[str, Any]) -> None:
    assert facts["dags"]["ledger_daily"]["schedule"] == {
        "type": "CronPartitionTimetable",
        "asset": None,
        "expression": "0 6 * * *",
        "timezone": "Asia/Shanghai",
        "key_format": "%Y-%m-%d",
    }


def test_each_dag_of_the_chain_listens_to_one_asset(facts: dict[str, Any]) -> None:
    found = {dag_id: facts["dags"][dag_id]["schedule"] for dag_id in LISTENS_TO}
    assert {dag_id: schedule["type"] for dag_id, schedule in found.items()} == dict.fromkeys(
        LISTENS_TO, "PartitionedAssetTimetable"
    )
    assert {dag_id: schedule["asset"] for dag_id, schedule in found.items()} == LISTENS_TO


def test_only_the_publishing_steps_give_assets(facts: dict[str, Any]) -> None:
    assert {name: task["outlets"] for _, name, task in tasks(facts) if task["outlets"]} == {
        name: [asset] for name, asset in GIVES.items()
    }


def test_one_run_at_a_time_but_several_days_may_wait_for_approval(facts: dict[str, Any]) -> None:
    found = {dag_id: dag["max_active_runs"] for dag_id, dag in facts["dags"].items()}
    assert found.pop("approvals_daily") > 1
    assert set(found.values()) == {1}


def test_contacts_are_pushed_by_one_task_per_channel(facts: dict[str, Any]) -> None:
    assert facts["dags"]["outreach_daily"]["tasks"]["push_contacts"]["mapped"]


def test_contacts_are_reconciled_after_a_channel_failed_without_hiding_it(facts: dict[str, Any]) -> None:
    reconcile = facts["dags"]["outreach_daily"]["tasks"]["reconcile_contacts"]
    assert reconcile["trigger_rule"] == "all_done", "else a failed channel would leave the sent contacts unsettled"
    assert reconcile["tells_failures"], "else the run would succeed although a channel failed"


def test_reports_are_linked_from_the_tasks_that_write_them(facts: dict[str, Any]) -> None:
    assert {name: task["links"] for _, name, task in tasks(facts) if task["links"]} == {
        "check_quality": ["quality report"],
        "publish_report": ["report"],
        "preview_strategy": ["preview"],
    }


def test_every_dag_tells_ops_what_to_do(facts: dict[str, Any]) -> None:
    for dag_id, dag in facts["dags"].items():
        text = dag["doc_md"] or ""
        docstring = ast.get_docstring(ast.parse((DAGS / f"{dag_id}.py").read_text(encoding="utf-8"))) or ""
        assert text.startswith(docstring[:200]), f"{dag_id}: its doc_md is not its file's docstring"
        for part in ("**Runs**", "**Safe to clear:**", "**When "):
            assert part in text, f"{dag_id}: its docs do not say {part}"
        for name in TASKS.get(dag_id, []):
            assert f"`{name}`" in text, f"{dag_id}: its docs do not tell about {name}"


def test_every_dag_is_tagged_from_the_enum(facts: dict[str, Any]) -> None:
    for dag_id, dag in facts["dags"].items():
        unknown = set(dag["tags"]) - set(facts["known_tags"])
        assert dag["tags"], f"{dag_id} has no tag"
        assert not unknown, f"{dag_id} has tags {unknown} that Tag does not know"


def test_every_task_has_an_owner_a_doc_and_a_retry(facts: dict[str, Any]) -> None:
    for dag_id, name, task in tasks(facts):
        assert task["owner"] == "collections-ops", f"{dag_id}.{name}: its owner is {task['owner']}"
        assert task["doc_md"], f"{dag_id}.{name} has no doc_md"
        assert task["retries"] >= 1, f"{dag_id}.{name}: a killed worker would fail it for good"
        assert 10 <= task["retry_seconds"] <= 300, f"{dag_id}.{name} waits {task['retry_seconds']} s between tries"


def test_what_leans_on_other_systems_is_patient(facts: dict[str, Any]) -> None:
    for dag_id, name, task in tasks(facts):
        if name in LEANS_ON_OTHERS:
            assert task["retries"] >= 3, f"{dag_id}.{name} has {task['retries']} retries"


def test_nothing_catches_up_by_itself(facts: dict[str, Any]) -> None:
    assert {dag_id for dag_id, dag in facts["dags"].items() if dag["catchup"]} == set()


@pytest.mark.parametrize("path", sorted(DAGS.glob("*.py")), ids=lambda path: path.stem)
def test_a_dag_file_only_wires(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 80, f"{path.name} has {len(text.splitlines())} lines"
    roots = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert roots <= {"__future__", "airflow", "arrears"}, f"{path.name} imports {roots}"
    code = text.replace(ast.get_docstring(tree, clean=False) or "", "").upper()
    for word in ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", ".SQL"):
        assert word not in code, f"{path.name} holds SQL: {word}"
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == [path.stem], f"{path.name} has helpers"


def test_reading_the_dags_loads_nothing_heavy(facts: dict[str, Any]) -> None:
    assert facts["heavy"] == {"before": [], "after_plugins": [], "after_dags": []}


def test_the_plugin_is_the_only_file_that_airflow_runs_as_one(facts: dict[str, Any]) -> None:
    assert facts["plugins"] == ["collections"]
    assert facts["plugin_errors"] == {}


def test_collections_and_calendar_stay_the_standard_librarys(facts: dict[str, Any]) -> None:
    assert not (PROJECT / "plugins" / "collections" / "__init__.py").exists()
    for name, place in facts["stdlib"].items():
        assert str(PROJECT) not in place, f"{name} is {place}"
        assert Path(place).parts[-2:] in {("collections", "__init__.py"), (Path(place).parts[-2], "calendar.py")}
