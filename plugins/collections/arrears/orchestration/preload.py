"""Everything that a task of the day imports, loaded once by the process from which the scheduler forks its workers.

Named in `[core] mp_forkserver_preload`; a task then starts without the seconds that these imports take.
"""

from __future__ import annotations

from importlib import import_module

from arrears.steps import STEPS

_ALSO = ("arrears.orchestration", "airflow.sdk.execution_time.task_runner", "psycopg", "arrears.warehouse.audit")

for _module in (*_ALSO, *dict.fromkeys(step.function.partition(":")[0] for step in STEPS.values())):
    import_module(_module)
