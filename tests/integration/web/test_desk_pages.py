"""The pages of the desk: behind the login, changes for leads only, live, and used by keyboard and by two at once."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.desk_stand_in import StandInDesk, api_of

from arrears.desk.callers import Caller

PAGES = ("/allocation", "/pool")


@pytest.fixture
def desk() -> StandInDesk:
    return StandInDesk()


@pytest.fixture
def application(web_app: Any, settings_of_pages: Path, desk: StandInDesk, monkeypatch: pytest.MonkeyPatch) -> Any:
    from arrears.web.callers import airflow_caller

    monkeypatch.setattr(web_app, "_desk", lru_cache(lambda: desk))
    made = web_app.create_app()
    made.dependency_overrides[web_app.get_user] = object
    made.dependency_overrides[airflow_caller] = lambda: Caller("lead", "lead", via="airflow")
    return made


def fetch(application: Any, path: str, **headers: str) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://pages") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(request())


@pytest.mark.parametrize("page", [*PAGES, "/performance"])
@pytest.mark.parametrize("part", ["page", "live", "recent", "cases"])
def test_nothing_is_shown_without_a_login(web_app: Any, settings_of_pages: Path, page: str, part: str) -> None:
    assert fetch(web_app.create_app(), f"{page}?part={part}").status_code == 401


@pytest.mark.parametrize("page", PAGES)
def test_only_leads_see_what_changes(web_app: Any, application: Any, page: str) -> None:
    assert "data-open=" in fetch(application, page).text
    from arrears.web.callers import airflow_caller

    application.dependency_overrides[airflow_caller] = lambda: Caller("guest", "viewer", via="airflow")
    seen = fetch(application, f"{page}?lang=en")
    assert seen.status_code == 200
    assert "data-open=" not in seen.text
    assert "data-api=" not in seen.text
    assert "changes are for leads" in seen.text


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(("lang", "word"), [("zh", "今日尚无人工操作"), ("en", "Nobody has changed anything")])
def test_both_languages(application: Any, page: str, lang: str, word: str) -> None:
    assert word in fetch(application, f"{page}?lang={lang}").text


@pytest.mark.parametrize("page", PAGES)
def test_a_day_without_cases_is_a_page(application: Any, desk: StandInDesk, page: str) -> None:
    desk.cases.clear()
    empty = fetch(application, f"{page}?lang=en")
    assert empty.status_code == 200
    assert "There are no cases yet" in empty.text


@pytest.mark.parametrize("page", PAGES)
def test_what_is_known_is_not_sent_again(application: Any, desk: StandInDesk, page: str) -> None:
    first = fetch(application, f"{page}?part=live")
    tag = first.headers["etag"]
    assert fetch(application, f"{page}?part=live", **{"if-none-match": tag}).status_code == 304
    desk.give("CU0001@2026-11-20", None)
    assert fetch(application, f"{page}?part=live", **{"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_ids_of_cases_are_in_no_address(application: Any, page: str) -> None:
    for part in ("page", "cases&collector=E01"):
        text = fetch(application, f"{page}?part={part}").text
        assert not [url for url in re.findall(r'(?:href|data-live|data-turn|data-api)="([^"]*)"', text) if "CU0" in url]


def test_many_collectors_are_paged(application: Any, desk: StandInDesk) -> None:
    desk.collectors = [f"E{number:04}" for number in range(2000)]
    page = fetch(application, "/allocation?lang=en&page=40")
    assert page.text.count('data-key="collector-') == 50
    assert "page 40 of 40" in page.text
    assert "page 40 of 40" in fetch(application, "/allocation?lang=en&page=999").text


def test_markup_is_text(application: Any, desk: StandInDesk) -> None:
    desk.collectors = ["<b>E'1</b>"]
    desk.write("set_batch", reason="<script>1</script>")
    text = fetch(application, "/allocation").text
    assert "<b>E'1" not in text
    assert "<script>1" not in text


# ---- in a real browser


@pytest.fixture
def served(application: Any, desk: StandInDesk) -> Iterator[str]:
    import uvicorn
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/arrears/api/v1", api_of(desk))
    outer.mount("/arrears", application)
    server = uvicorn.Server(uvicorn.Config(outer, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
        )
        yield started
        started.close()


def watched(browser: Any, address: str) -> tuple[Any, list[str], list[str]]:
    """A page of a reader of his own, with what went wrong on it and what it asked for."""
    tab = browser.new_context(viewport={"width": 1280, "height": 680}, locale="en-GB").new_page()
    problems: list[str] = []
    asked: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    return tab, problems, asked


def outcome(tab: Any, words: str) -> None:
    tab.locator("#outcome", has_text=words).wait_for(timeout=15_000)


@pytest.mark.chromium
def test_a_lead_moves_sets_and_marks(served: str, browser: Any, desk: StandInDesk) -> None:
    tab, problems, asked = watched(browser, f"{served}/arrears/allocation?lang=en")
    tab.get_by_role("button", name="Move: E01").click()
    tab.locator("#panel-cases input[name=case_ids]").first.check()
    tab.get_by_label("To", exact=True).select_option("E02")
    tab.locator("#move-reason").fill("to level")
    tab.locator("#panel-cases").get_by_role("button", name="Move", exact=True).click()
    outcome(tab, "1 cases handed over to E02")
    assert len(desk.of("E02")) == 5
    tab.keyboard.press("Escape")
    tab.locator("#cases-E01:focus").wait_for(timeout=15_000)

    tab.get_by_role("button", name="Quota: E03").click()
    tab.locator("#quota").fill("7")
    tab.locator("#panel-quota").get_by_role("button", name="Set").click()
    assert desk.quotas == {}, "a change without a reason is not sent"
    tab.locator("#quota-reason").fill("training")
    tab.locator("#panel-quota").get_by_role("button", name="Set").click()
    outcome(tab, "Quota of E03 is 7")

    tab.get_by_role("button", name="Batch: phone").click()
    tab.locator("#batch").fill("3")
    tab.locator("#batch-reason").fill("few cases")
    tab.locator("#panel-batch").get_by_role("button", name="Set").click()
    outcome(tab, "takes 3 today")

    tab.get_by_role("button", name="Absent: E01").click()
    tab.locator("#absent-reason").fill("sick")
    tab.locator("#panel-absent").get_by_role("button", name="Mark absent").click()
    outcome(tab, "E01 is absent: 3 cases went to the pool")
    assert desk.absent == {"E01"}
    tab.locator("#absent-E01:focus").wait_for(timeout=15_000)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert problems == []
    assert not [url for url in asked if "CU0" in url]
    assert all(url.startswith(served) for url in asked)


@pytest.mark.chromium
def test_two_at_once_see_each_other(served: str, browser: Any, desk: StandInDesk) -> None:
    one, problems, _ = watched(browser, f"{served}/arrears/pool?lang=en")
    two, more_problems, _ = watched(browser, f"{served}/arrears/pool?lang=zh")
    # what somebody types stays while the other one's grab appears
    two.get_by_role("button", name="抢单: phone").click()
    two.locator("#grab-batch").fill("4")
    one.get_by_role("button", name="Grab: phone").click()
    one.get_by_label("Collector", exact=True).select_option("E01")
    one.locator("#panel-grab").get_by_role("button", name="Grab", exact=True).click()
    outcome(one, "E01 took 5 cases; 7 are left in the pool. The lease runs to 10:30.")
    two.locator("#live td", has_text="E01").or_(two.locator("#live th", has_text="E01")).first.wait_for(timeout=15_000)
    assert two.locator("#grab-batch").input_value() == "4"
    assert two.evaluate("document.activeElement.id") == "grab-batch"
    two.locator("#grab-collector").select_option("E02")
    two.locator("#panel-grab").get_by_role("button", name="抢单", exact=True).click()
    outcome(two, "E02 抢到 4 个案件，池中还有 3 个")

    # one gives back what the other one hands on
    one.get_by_role("button", name="Give back: E01").first.click()
    one.locator("#panel-back input[name=case_ids]").last.check()
    one.locator("#panel-back").get_by_role("button", name="Give back", exact=True).click()
    outcome(one, "1 cases given back")
    two.locator("#pools").wait_for()
    two.locator("[data-key=pool-phone] td").first.filter(has_text=re.compile("^4$")).wait_for(timeout=15_000)
    owned = [len(desk.of(name)) for name in desk.collectors]
    assert sum(owned) + len(desk.of(None)) == 24
    assert problems + more_problems == []


@pytest.mark.chromium
def test_with_the_keyboard_alone_and_a_refusal_in_words(served: str, browser: Any, desk: StandInDesk) -> None:
    desk.absent.add("E02")
    tab, _, _ = watched(browser, f"{served}/arrears/pool?lang=en")
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == "grab-phone":
            break
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "grab-collector"
    desk.absent.add("E01")
    tab.keyboard.press("Tab")
    tab.keyboard.type("5")
    tab.keyboard.press("Enter")
    refusal = tab.locator("#panel-grab [data-refusal]")
    refusal.filter(has_text="rule collector.absent").wait_for(timeout=15_000)
    assert desk.grabs == []
    desk.absent.discard("E01")
    tab.keyboard.press("Enter")
    outcome(tab, "E01 took 5 cases")
    tab.locator("#grab-phone:focus").wait_for(timeout=15_000)
