"""Who asks, as Airflow's login tells it: a lead may edit the Dag that makes the worklist, everybody else looks on."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.models import DagModel
from fastapi import Depends

from arrears.desk.callers import Caller

DAG = "worklist_daily"
"""Whoever may edit this Dag leads: he decides who gets which case."""


def may_lead(user: BaseUser) -> bool:
    """Whether Airflow's auth manager lets the user edit the Dag of the worklist."""
    team = DagModel.get_team_name(DAG) if conf.getboolean("core", "multi_team", fallback=False) else None
    return get_auth_manager().is_authorized_dag(method="PUT", details=DagDetails(id=DAG, team_name=team), user=user)


def airflow_caller(user: Annotated[BaseUser, Depends(get_user)]) -> Caller:
    """The caller behind a request with Airflow's cookie or token; 401 without one."""
    return Caller(name=user.get_name(), role="lead" if may_lead(user) else "viewer", via="airflow")
