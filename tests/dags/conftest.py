"""Airflow and the glue to it, imported with a home of their own."""

from __future__ import annotations

import os
import warnings
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture(scope="session")
def glue(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The modules of `arrears.orchestration`, and Airflow's exceptions that they raise."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.providers.standard.operators import hitl
        from airflow.sdk import exceptions

        from arrears.orchestration import addresses, approval, day, day_before, dispatch, docs, preview, step, warm_up

    return SimpleNamespace(
        approval=approval,
        addresses=addresses,
        day=day,
        day_before=day_before,
        dispatch=dispatch,
        docs=docs,
        preview=preview,
        step=step,
        warm_up=warm_up,
        hitl=hitl,
        Fail=exceptions.AirflowFailException,
        Skip=exceptions.AirflowSkipException,
        Awaiting=exceptions.TaskAwaitingInput,
    )
