"""The pages of serious steps over the real queue and the real API: who may do what, and a lead in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.browsers import chromium, end, serving
from tests.support.serious_floor import contact_rows, empty, put_cases, put_contacts

from arrears.desk.callers import Caller
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_serious import VehicleStep

PAGES = ("/approvals", "/vehicles")


@pytest.fixture
def engine(pg_url: str) -> Iterator[sa.Engine]:
    made = open_warehouse(load_settings({"warehouse_url": pg_url}))
    empty(made)
    yield made
    empty(made)
    made.dispose()


@pytest.fixture
def application(web_app: Any, settings_of_pages: Any, engine: sa.Engine) -> Any:
    from arrears.web.callers import airflow_caller

    made = web_app.create_app()
    made.dependency_overrides[web_app.get_user] = object
    made.dependency_overrides[airflow_caller] = lambda: Caller("lin", "lead", via="airflow")
    return made


def see(application: Any, path: str) -> Any:
    from tests.integration.web.conftest import ask

    return ask(application, path, {})


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("part", ["page", "live", "recent"])
def test_nothing_is_shown_without_a_login(web_app: Any, settings_of_pages: Any, page: str, part: str) -> None:
    assert see(web_app.create_app(), f"{page}?part={part}").status_code == 401


@pytest.mark.parametrize(("page", "words"), [("/approvals", "没有待审批的委派"), ("/vehicles", "没有处置中的车辆")])
def test_an_empty_page_says_so_in_both_languages(application: Any, page: str, words: str) -> None:
    assert words in see(application, f"{page}?lang=zh").text
    assert words not in see(application, f"{page}?lang=en").text


def test_who_looks_on_sees_and_changes_nothing(application: Any, engine: sa.Engine) -> None:
    from arrears.web.callers import airflow_caller

    put_contacts(engine, [1])
    application.dependency_overrides[airflow_caller] = lambda: Caller("guest", "viewer", via="airflow")
    for page in PAGES:
        seen = see(application, f"{page}?lang=en")
        assert seen.status_code == 200
        assert "data-api=" not in seen.text
        assert "task_keys" not in seen.text
    assert "C1" in see(application, "/approvals").text


def test_keys_and_contracts_are_in_no_address_and_markup_is_text(application: Any, engine: sa.Engine) -> None:
    put_contacts(engine, [1], customer_id="<b>C1</b>", lead_contract_id="K<i>1", contract_ids="K<i>1")
    text = see(application, "/approvals").text
    assert "<b>C1" not in text
    assert "K<i>1" not in text
    for address in re.findall(r'(?:href|data-live|data-api|action)="([^"]*)"', text):
        assert "C1" not in address
        assert "0000000" not in address


@pytest.fixture
def served(application: Any, engine: sa.Engine) -> Iterator[str]:
    from fastapi import FastAPI

    from arrears.web import api

    async def somebody(_: Any) -> Caller:
        return Caller("lin", "lead", via="airflow")

    outer = FastAPI()
    mounted = api.create_mounted_api(somebody)
    outer.mount("/arrears/api", mounted)
    outer.mount("/arrears", application)
    with serving(outer) as address:
        yield address
    asyncio.run(end(mounted))


@pytest.fixture
def tab(served: str) -> Iterator[Any]:
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 760}, locale="en-GB").new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda told: page.problems.append(told.text) if told.type == "error" else None)
        yield page


def outcome(tab: Any, words: str) -> None:
    tab.locator("#outcome", has_text=words).wait_for(timeout=15_000)


@pytest.mark.chromium
def test_a_lead_decides_some_by_hand_and_the_rest_at_once(served: str, tab: Any, engine: sa.Engine) -> None:
    put_cases(engine, [1, 2, 3, 4])
    put_contacts(engine, [1, 2, 3, 4])
    tab.goto(f"{served}/arrears/approvals?lang=en")
    decide = tab.locator("#decide")
    decide.locator("#decide-reason").fill("checked")
    decide.get_by_role("button", name="Approve").click()
    decide.locator("[data-refusal]", has_text="Tick at least one").wait_for(timeout=15_000)
    # with the keyboard: tick the first two, give the reason, press the first button
    for customer in ("C1", "C2"):
        tab.get_by_role("checkbox", name=customer).focus()
        tab.keyboard.press("Space")
    tab.get_by_text("2 of 4 ticked").wait_for(timeout=15_000)
    decide.get_by_role("button", name="Approve").focus()
    tab.keyboard.press("Enter")
    outcome(tab, "2 approved.")
    tab.get_by_role("checkbox", name="C3").check()
    decide.locator("#decide-reason").fill("on a plan with the branch")
    decide.get_by_role("button", name="Reject").click()
    outcome(tab, "1 rejected.")
    assert decide.locator("#decide-reason").input_value() == "", "the next decision would have this one's reason"
    rows = contact_rows(engine)
    assert [(rows[each].state, rows[each].decision_reason) for each in ("C1", "C2", "C3", "C4")] == [
        ("approved", "checked"),
        ("approved", "checked"),
        ("rejected", "on a plan with the branch"),
        ("awaiting_approval", None),
    ]
    tab.get_by_role("button", name="Decide all that wait: agency").click()
    panel = tab.locator("#panel-all")
    panel.locator("#all-reason").fill("the rest")
    panel.get_by_role("button", name="Reject").click()
    # the words are those of the rejection before: what tells that this one is done is that its form closes
    panel.wait_for(state="hidden", timeout=15_000)
    outcome(tab, "1 rejected.")
    assert contact_rows(engine)["C4"].decided_by == "lin"
    tab.get_by_role("link", name="What was decided").click()
    tab.locator("#items", has_text="What was decided").wait_for(timeout=15_000)
    assert tab.locator("tr[data-key^=task-]").count() == 4
    tab.locator("#recent", has_text="on a plan with the branch").wait_for(timeout=15_000)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert tab.problems == []


@pytest.mark.chromium
def test_what_somebody_else_decided_is_said_and_stays(served: str, tab: Any, engine: sa.Engine) -> None:
    put_contacts(engine, [1, 2])
    tab.goto(f"{served}/arrears/approvals?lang=en")
    tab.get_by_role("checkbox", name="C1").check()
    tab.get_by_role("checkbox", name="C2").check()
    somebody_else = {"state": "rejected", "decided_by": "wang", "decided_at": sa.func.now()}
    with engine.begin() as connection:
        connection.execute(sa.update(ContactTask).where(ContactTask.customer_id == "C1").values(somebody_else))
    tab.locator("#decide-reason").fill("checked")
    tab.locator("#decide").get_by_role("button", name="Approve").click()
    outcome(tab, "1 approved. 1 not: Somebody has decided it already; that stays. (rule approval.decided)")
    rows = contact_rows(engine)
    assert (rows["C1"].state, rows["C1"].decided_by, rows["C2"].state) == ("rejected", "wang", "approved")


@pytest.mark.chromium
def test_a_lead_records_steps_and_is_told_what_may_not_follow(served: str, tab: Any, engine: sa.Engine) -> None:
    put_cases(engine, [1], placement="repossession")
    tab.goto(f"{served}/arrears/vehicles?lang=en")
    form = tab.locator("#record")
    form.get_by_label("Contract").fill("K1")
    form.get_by_label("Step", exact=True).select_option("demand_sent")
    form.locator("#on-day").fill("2026-11-12")
    form.locator("#record-reason").fill("by courier")
    form.get_by_role("button", name="Record a step").click()
    outcome(tab, "The step of K1 is recorded.")
    tab.locator("tr[data-key=vehicle-K1]", has_text="demanded").wait_for(timeout=15_000)
    form.get_by_label("Contract").fill("K1")
    form.get_by_label("Step", exact=True).select_option("demand_expired")
    form.locator("#on-day").fill("2026-11-20")
    form.locator("#record-reason").fill("nothing came")
    form.get_by_role("button", name="Record a step").click()
    form.locator("[data-refusal]", has_text="rule vehicle.demand_period").wait_for(timeout=15_000)
    form.get_by_label("Step", exact=True).select_option("located")
    form.get_by_label("GPS unit").select_option("online")
    form.get_by_role("button", name="Record a step").click()
    tab.locator("tr[data-key=vehicle-K1]", has_text="GPS unit: online").wait_for(timeout=15_000)
    with engine.connect() as connection:
        taken = connection.execute(sa.select(VehicleStep.step, VehicleStep.recorded_by).order_by(VehicleStep.step_id))
        assert taken.all() == [("demand_sent", "lin"), ("located", "lin")]
    assert [told for told in tab.problems if "422" not in told] == []
