"""Everything that a task of the day imports, loaded once by the process from which the scheduler forks its workers.

Named in `[core] mp_forkserver_preload`; a task then starts without the seconds that these imports take.
"""

from __future__ import annotations

import logging
from importlib import import_module

from arrears.steps import STEPS

_QUIET = ("great_expectations",)
_ALSO = ("airflow.sdk.execution_time.task_runner", "arrears.orchestration", "psycopg", "arrears.warehouse.audit")

for _name in _QUIET:
    # it tells at INFO of every function that it does not register
    logging.getLogger(_name).setLevel(logging.WARNING)
for _module in (*_ALSO, *dict.fromkeys(step.function.partition(":")[0] for step in STEPS.values())):
    import_module(_module)
