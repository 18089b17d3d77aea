"""An Airflow listener: what tasks import is loaded while the scheduler starts, not when the first task waits for it."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from typing import Any

from airflow.listeners import hookimpl

_JOB = "Job"
"""Class of Airflow's long-running components; told by name, since importing it would load Airflow's whole database."""


@hookimpl
def on_starting(component: Any) -> None:
    """Starts the fork server of a component that works with one, as the scheduler does when it is configured to.

    It then imports `[core] mp_forkserver_preload` beside the component. A task, which tells of its start as well and
    was forked from that server, starts none of its own.
    """
    if type(component).__name__ == _JOB and multiprocessing.get_start_method(allow_none=True) == "forkserver":
        forkserver.ensure_running()
