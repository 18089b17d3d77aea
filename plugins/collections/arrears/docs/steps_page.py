"""The reference of Dags and steps, from the Dag files' docstrings and the registry of steps."""

from __future__ import annotations

import ast
from pathlib import Path

from arrears.docs.markdown import table
from arrears.settings import PROJECT
from arrears.steps import STEPS, Step

DAGS = PROJECT / "dags"


def render() -> str:
    """The page `docs/dags-and-steps.md`."""
    parts = [
        "# Dags and steps",
        "A step is a task in Airflow and a name for `arrears step`. The daily Dags are chained by asset partitions: "
        "the partition key is the business day, so a run, a clear or a backfill of `ledger_daily` carries the whole "
        "chain. What to do when a step fails stands in [operations.md](operations.md).",
    ]
    for path in dag_files():
        parts += [f"## {path.stem}", _docstring(path)]
        steps = [step for step in STEPS.values() if step.dag == path.stem]
        if steps:
            parts.append(_steps_table(steps))
    return "\n\n".join(parts) + "\n"


def failure_table() -> str:
    """What to do when a step fails: the generated part of `docs/operations.md`."""
    rows = [(f"`{step.name}`", f"`{step.dag}`", step.on_failure) for step in STEPS.values()]
    return table(("step", "Dag", "when it fails"), rows)


def dag_files() -> list[Path]:
    """The Dag files: first those with steps, in the order of the day, then the others by name."""
    order = {dag: place for place, dag in enumerate(dict.fromkeys(step.dag for step in STEPS.values()))}
    return sorted(DAGS.glob("*.py"), key=lambda path: (order.get(path.stem, len(order)), path.stem))


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _steps_table(steps: list[Step]) -> str:
    rows = [(f"`{step.name}`", step.does, ", ".join(step.reads), ", ".join(step.writes)) for step in steps]
    return table(("step", "does", "reads", "writes"), rows)
