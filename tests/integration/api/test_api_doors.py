"""Every door of the API, alone and in Airflow, is shut to whoever may not pass; a new route must be listed here."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException

from arrears.api.tokens import revoke_token, rotate_token
from arrears.settings import load_settings

from .conftest import Api, end, opened_api, send

CASE = "C00001@2026-11-20"
"""A case in the hands of C1, of team north."""


@dataclass(frozen=True)
class Door:
    """A route: how it is asked so that only the caller can be wrong, and which rule refuses whom."""

    method: str
    path: str
    body: Any = None
    collector: str | None = None
    """The rule that refuses the collector C2; None: he may pass."""
    viewer: str | None = None
    other_lead: str | None = None
    """The rule that refuses a lead of team south."""
    per_case: bool = False
    """Whether the rule stands at the case, in an answer 200."""


DOORS = (
    Door("GET", "/me"),
    Door("GET", "/pools"),
    Door("GET", "/pools/{queue}"),
    Door("POST", "/pools/{queue}/grab", {"collector_id": "C1"}, "scope.collector", "role.viewer", "scope.team"),
    Door("PUT", "/pools/{queue}/batch", {"batch": 5, "reason": "r"}, "role.lead", "role.lead", "scope.queue"),
    Door("GET", "/worklist?collector_id=C1", None, "scope.collector", None, "scope.team"),
    Door(
        "POST",
        "/results",
        {"case_id": CASE, "channel": "phone", "outcome": "no_answer"},
        "case.not_yours",
        "role.viewer",
        "scope.team",
    ),
    Door("POST", "/calls", {"case_id": CASE}, "case.not_yours", "role.viewer", "scope.team"),
    Door("POST", "/leases/renew", {"case_ids": [CASE]}, "case.not_yours", "role.viewer", "scope.team", per_case=True),
    Door(
        "POST",
        "/returns",
        {"case_ids": [CASE], "reason": "other"},
        "case.not_yours",
        "role.viewer",
        "scope.team",
        per_case=True,
    ),
    Door("POST", "/handovers", {"case_ids": [CASE], "to": "C2", "reason": "r"}, "role.lead", "role.lead", "scope.team"),
    Door(
        "POST", "/recalls", {"case_ids": [CASE], "reason": "r"}, "role.lead", "role.lead", "scope.team", per_case=True
    ),
    Door(
        "POST",
        "/absences",
        {"collector_id": "C1", "absent": True, "reason": "r"},
        "role.lead",
        "role.lead",
        "scope.team",
    ),
    Door(
        "PUT",
        "/quotas",
        {"collector_id": "C1", "queue": "phone", "quota": 1, "reason": "r"},
        "role.lead",
        "role.lead",
        "scope.team",
    ),
    Door("GET", "/allocation"),
    Door("GET", "/performance", None, "role.collector"),
    Door("GET", "/audit"),
    Door("GET", "/approvals", None, "role.collector"),
    Door(
        "POST",
        "/approvals",
        {"decision": "approve", "all": True, "reason": "r"},
        "role.lead",
        "role.lead",
        "scope.queue",
    ),
    Door("GET", "/vehicles", None, "role.collector"),
    Door(
        "POST",
        "/vehicles/steps",
        {"contract_id": "CT1", "step": "located", "on_day": "2026-11-20", "reason": "r"},
        "role.lead",
        "role.lead",
        "scope.queue",
    ),
    Door(
        "POST",
        "/placements/recalls",
        {"task_keys": ["0" * 64], "reason": "r"},
        "role.lead",
        "role.lead",
        "scope.queue",
    ),
    *(
        Door(
            "POST",
            f"/contacts/{act}",
            {"task_keys": ["0" * 64], "reason": "r"},
            "role.lead",
            "role.lead",
            "scope.queue",
        )
        for act in ("redrive", "cancel")
    ),
    Door("GET", "/openapi.json"),
)
SERVICE = (Door("GET", "/metrics", None, "role.collector"), Door("GET", "/health"))
HOOK = ("POST", "/hooks/{channel}")
"""Let in by a signature in place of a token; only where the API is served alone."""
CHANGES = tuple(door for door in DOORS if door.method != "GET")


def name(door: Door) -> str:
    return f"{door.method} {door.path}"


def doors_of(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path of every route that the application has, whatever kind it is."""
    found = set()
    for route in app.routes:
        methods = getattr(route, "methods", None)
        assert methods is not None, f"{route} is no route with methods: what lies behind it is not listed here"
        found |= {(method, getattr(route, "path", "")) for method in methods if method != "HEAD"}
    return found


def listed(prefix: str) -> set[tuple[str, str]]:
    own = {(door.method, f"{prefix}/v1{door.path.partition('?')[0]}") for door in DOORS}
    return own | {(door.method, door.path) for door in SERVICE}


def knock(api: Api, door: Door, token: str | None) -> Any:
    path = door.path if door in SERVICE else f"/api/v1{door.path}"
    return api.ask(door.method, path.replace("{queue}", "phone"), token, door.body)


@pytest.fixture(scope="module")
def floor(pg_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A case in the hands of C1 and one in the pool; C2 of the same team, C3 of another. Nobody here changes it."""
    with opened_api(pg_url, tmp_path_factory.mktemp("doors")) as api:
        api.floor.cases(1, owner="C1", placement="agency", source="grab")
        api.floor.cases(1, first=2)
        api.floor.collectors("C1", "C2")
        api.floor.collectors("C3", team="south")
        yield api


@pytest.fixture(scope="module")
def wrong(floor: Api) -> dict[str, str | None]:
    """Tokens that do not work, each by why not."""
    good = floor.token("good", "lead", days=9)
    tokens: dict[str, str | None] = {
        "expired": floor.token("expired", "lead", days=1),
        "revoked": floor.token("revoked", "lead", days=30),
        "rotated, its overlap over": floor.token("rotated", "lead", days=30),
    }
    floor.machine.forward(hours=1)
    at = floor.machine.now()
    for token in tokens.values():
        assert knock(floor, Door("GET", "/me"), token).status_code == 200
    revoke_token(floor.floor.warehouse, "revoked", at=at)
    rotate_token(floor.floor.warehouse, "rotated", overlap=timedelta(hours=2), lifetime=timedelta(days=9), at=at)
    rotated = tokens["rotated, its overlap over"]
    assert knock(floor, Door("GET", "/me"), rotated).status_code == 200, "the old one works on for the overlap"
    floor.machine.forward(hours=23)
    assert knock(floor, Door("GET", "/me"), good).status_code == 200
    assert rotated is not None
    good_id = good.split("_")[1]
    return tokens | {
        "none": None,
        "another's secret": rotated.replace(rotated.split("_")[1], good_id),
        "a secret one letter off": good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:],
        "an unknown id": good.replace(good_id, "0" * 12),
        "the hash itself": str(floor.floor.rows("api_token")[0]["digest"]),
        "no token at all": "'; DROP TABLE ops.api_token; --",
    }


@pytest.fixture(scope="module")
def scoped(floor: Api, wrong: object) -> dict[str, str]:
    """Tokens that work, for somebody else's things."""
    return {
        "collector": floor.collector("C2"),
        "viewer": floor.token("vera", "viewer"),
        "other_lead": floor.lead("south"),
    }


def nothing_was_done(floor: Api) -> None:
    assert floor.floor.actions() == []
    assert floor.floor.rows("desk_request") == []
    assert floor.floor.case(CASE).collector_id == "C1"


def test_every_route_alone_is_listed(floor: Api) -> None:
    assert doors_of(floor.app) == listed("/api") | {HOOK}


@pytest.mark.parametrize("door", [*DOORS, SERVICE[0]], ids=name)
def test_nobody_passes_without_a_token_that_works(floor: Api, wrong: dict[str, str | None], door: Door) -> None:
    for why, token in wrong.items():
        answer = knock(floor, door, token)
        assert (answer.status_code, answer.json()["rule"]) == (401, "caller.unknown"), f"{why}: {answer.text}"
        assert answer.headers["www-authenticate"] == "Bearer"
    nothing_was_done(floor)


@pytest.mark.parametrize("door", [*DOORS, SERVICE[0]], ids=name)
@pytest.mark.parametrize("who", ["collector", "viewer", "other_lead"])
def test_nobody_passes_who_is_wrongly_scoped(floor: Api, scoped: dict[str, str], door: Door, who: str) -> None:
    rule = getattr(door, who)
    answer = knock(floor, door, scoped[who])
    if rule is None:
        assert (answer.status_code, door.method) == (200, "GET"), answer.text
    elif door.per_case and who != "viewer" and rule != "role.lead":
        assert answer.json()["refused"] == [{"case_id": CASE, "rule": rule}], answer.text
        assert answer.json()["done"] == []
    else:
        assert (answer.status_code, answer.json()["rule"]) == (403, rule), answer.text
    nothing_was_done(floor)


def test_a_lead_of_a_team_sees_his_team_alone(floor: Api, scoped: dict[str, str]) -> None:
    shares = knock(floor, Door("GET", "/allocation"), scoped["other_lead"]).json()["queues"]
    assert {each["collector_id"] for queue in shares for each in queue["collectors"]} <= {"C3"}


def test_only_health_is_open(floor: Api) -> None:
    for method, path in doors_of(floor.app) - {("GET", "/health")}:
        asked = path.replace("{queue}", "phone").replace("{channel}", "sms")
        assert floor.ask(method, asked, None, {}).status_code == 401, f"{method} {path}"
    assert floor.ask("GET", "/health").status_code == 200


# ---- in Airflow


@pytest.fixture(scope="module")
def in_airflow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module `arrears.web.api`; importing Airflow writes a configuration and warns about its neighbours."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arrears.web import api
    return api


@pytest.fixture(scope="module")
def mounted(floor: Api, in_airflow: Any, pg_url: str) -> Iterator[FastAPI]:
    """The application that the plugin mounts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARREARS_HOME", str(floor.floor.settings.home))
        patch.setenv("ARREARS_WAREHOUSE_URL", pg_url)
        patch.setenv("ARREARS_CLOCK", "2026-11-20T09:30:00")
        patch.setenv("ARREARS_RULES", str(floor.floor.settings.rules))
        patch.setenv("ARREARS_API_BURST", "1000")
        settings = load_settings()
        patch.setattr(in_airflow, "load_settings", lambda: settings)
        app: FastAPI = in_airflow.create_mounted_api()
        yield app
        end(app)


def knock_mounted(app: FastAPI, door: Door, **headers: str) -> Any:
    path = door.path if door in SERVICE else f"/v1{door.path}"
    return send(app, door.method, path.replace("{queue}", "phone"), headers, json=door.body)


@pytest.fixture
def logged_in(in_airflow: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Airflow knows the cookie; whether the user may lead is in the dictionary."""
    rights = {"lead": False}

    class User:
        def get_name(self) -> str:
            return "olga"

    async def get_user(*_: Any) -> User:
        return User()

    from arrears.web import callers

    monkeypatch.setattr(in_airflow, "get_user", get_user)
    monkeypatch.setattr(callers, "may_lead", lambda user: rights["lead"])
    return rights


def test_every_route_in_airflow_is_listed(mounted: FastAPI) -> None:
    assert doors_of(mounted) == listed("")


@pytest.mark.parametrize("door", [*DOORS, *SERVICE], ids=name)
def test_nobody_passes_in_airflow_without_its_login(floor: Api, mounted: FastAPI, door: Door) -> None:
    answer = knock_mounted(mounted, door)
    assert (answer.status_code, answer.json()["rule"]) == (401, "caller.unknown")
    assert knock_mounted(mounted, door, cookie="other=1").status_code == 401
    nothing_was_done(floor)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("door", [*DOORS, *SERVICE], ids=name)
def test_whom_airflow_refuses_is_refused(
    mounted: FastAPI, in_airflow: Any, monkeypatch: pytest.MonkeyPatch, door: Door, status: int
) -> None:
    async def get_user(*_: Any) -> None:
        raise HTTPException(status, "Token Expired" if status == 401 else "Invalid JWT token")

    monkeypatch.setattr(in_airflow, "get_user", get_user)
    assert knock_mounted(mounted, door, authorization="Bearer eyJ").status_code == status


@pytest.mark.parametrize("door", CHANGES, ids=name)
def test_who_may_not_edit_the_worklists_dag_changes_nothing(
    floor: Api, mounted: FastAPI, logged_in: dict[str, bool], door: Door
) -> None:
    answer = knock_mounted(mounted, door, cookie="_token=x", **{"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.json()["rule"]) == (403, door.viewer), answer.text
    nothing_was_done(floor)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
@pytest.mark.parametrize("door", CHANGES, ids=name)
def test_another_sites_page_changes_nothing_with_a_leads_cookie(
    floor: Api, mounted: FastAPI, logged_in: dict[str, bool], door: Door, site: str
) -> None:
    logged_in["lead"] = True
    answer = knock_mounted(mounted, door, cookie="_token=x", **{"sec-fetch-site": site})
    assert (answer.status_code, answer.json()["rule"]) == (403, "caller.refused")
    nothing_was_done(floor)


def test_a_lead_changes_from_airflows_own_page(floor: Api, mounted: FastAPI, logged_in: dict[str, bool]) -> None:
    logged_in["lead"] = True
    door = next(door for door in DOORS if door.path == "/quotas")
    assert knock_mounted(mounted, door, cookie="_token=x", **{"sec-fetch-site": "same-origin"}).status_code == 200
    assert [row["actor"] for row in floor.floor.rows("case_event")] == ["olga"]
    assert floor.floor.rows("case_event")[0]["via"] == "airflow"


def test_the_plugin_mounts_the_api_before_the_pages(floor: Api, in_airflow: Any) -> None:
    # Airflow loads plugins by path; executed here, it registers nothing
    import runpy

    from arrears.settings import PROJECT

    plugin = runpy.run_path(str(PROJECT / "plugins" / "collections_plugin.py"))["CollectionsPlugin"]
    outer = FastAPI()
    for each in plugin().fastapi_apps:
        outer.mount(each["url_prefix"], each["app"])
    answer = send(outer, "POST", "/arrears/api/v1/pools/phone/grab", {}, json={})
    assert (answer.status_code, answer.json()["rule"]) == (401, "caller.unknown")
    assert send(outer, "GET", "/arrears/api/health", {}).status_code == 401
    assert send(outer, "GET", "/arrears/day", {}).status_code == 401
