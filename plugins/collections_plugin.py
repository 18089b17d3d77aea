"""The Airflow plugin: mounts the pages of Arrears, and puts them into the UI's navigation."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from arrears.orchestration import warm_up

PREFIX = "/arrears"


PAGES = {
    "day": "Day 日览",
    "allocation": "Allocation 案件分配",
    "pool": "Grab pool 抢单",
    "performance": "Performance 绩效",
    "outreach": "Outreach 触达",
    "approvals": "Approvals 审批",
    "vehicles": "Vehicles 收车",
    "explain": "Explain 处置说明",
}
"""The pages in the navigation, by the last part of their address; each has an icon of that name."""


def _page(name: str, words: str) -> dict[str, Any]:
    return {
        "name": words,
        "href": f"{PREFIX}/{name}",
        "destination": "nav",
        "url_route": name,
        "nav_top_level": True,
        "icon": f"{PREFIX}/static/{name}.svg",
        "icon_dark_mode": f"{PREFIX}/static/{name}-dark.svg",
    }


class CollectionsPlugin(AirflowPlugin):
    """Pages of the collections strategy inside Airflow, behind its login."""

    name = "collections"
    listeners: ClassVar[list[Any]] = [warm_up]
    external_views: ClassVar[list[Any]] = [_page(name, words) for name, words in PAGES.items()]

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
