"""Documentation of Dags and tasks in the Airflow UI, from the Dag file's docstring and the registry of steps."""

from __future__ import annotations

from arrears.steps import STEPS, Step


def describe_dag(docstring: str | None, dag_id: str) -> str:
    """The Dag's documentation: its docstring, then what each step reads and writes and what to do when it fails."""
    rows = [
        f"| `{step.name}` | {step.does} | {_listed(step.reads)} | {_listed(step.writes)} | {step.on_failure} |"
        for step in STEPS.values()
        if step.dag == dag_id
    ]
    head = ["| step | does | reads | writes | when it fails |", "|---|---|---|---|---|"]
    return "\n".join([(docstring or "").strip(), "", *(head + rows if rows else [])]).strip() + "\n"


def describe_step(name: str) -> str:
    """One task's documentation."""
    step: Step = STEPS[name]
    return (
        f"{step.does}\n\n**Reads** {_listed(step.reads)}\n\n**Writes** {_listed(step.writes)}\n\n"
        f"**When it fails** {step.on_failure}\n"
    )


def _listed(things: tuple[str, ...]) -> str:
    return ", ".join(things) or "nothing"
