"""The Airflow plugin: mounts the pages of Arrears, and puts them into the UI's navigation."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from arrears.orchestration import warm_up

PREFIX = "/arrears"


class CollectionsPlugin(AirflowPlugin):
    """Pages of the collections strategy inside Airflow, behind its login."""

    name = "collections"
    listeners: ClassVar[list[Any]] = [warm_up]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Day 日览",
            "href": f"{PREFIX}/day",
            "destination": "nav",
            "url_route": "day",
            "nav_top_level": True,
            "icon": f"{PREFIX}/static/day.svg",
            "icon_dark_mode": f"{PREFIX}/static/day-dark.svg",
        },
        {
            "name": "Explain 处置说明",
            "href": f"{PREFIX}/explain",
            "destination": "nav",
            "url_route": "explain",
            "nav_top_level": True,
            "icon": f"{PREFIX}/static/explain.svg",
            "icon_dark_mode": f"{PREFIX}/static/explain-dark.svg",
        },
    ]

    @property
    def fastapi_apps(self) -> list[Any]:
        """Pages and API; made when the API server asks, so that tasks and the scheduler, which load plugins, do not."""
        from arrears.web import api
        from arrears.web.app import create_app

        return [
            # first, since the pages' prefix holds its own
            {"app": api.create_mounted_api(), "url_prefix": api.PREFIX, "name": "Arrears API"},
            {"app": create_app(), "url_prefix": PREFIX, "name": "Arrears"},
        ]
