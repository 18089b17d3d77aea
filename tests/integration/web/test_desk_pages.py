"""The pages of the desk: behind the login, changes for leads only, live, and used by keyboard and by two at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.requests import Request
from tests.support.browsers import chromium, end, serving
from tests.support.desk_floor import NOON, TODAY, Floor, copy_rules, empty_ops, lead

from arrears.desk.callers import Caller
from arrears.desk.desk import Desk
from arrears.settings import load_settings
from arrears.warehouse.audit import StepResultRow
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.mart import CollectorDay, TeamDay
from arrears.warehouse.ops_allocation import COLLECTOR_SHARE

PAGES = ("/allocation", "/pool")


@pytest.fixture
def floor(pg_url: str, tmp_path: Path) -> Iterator[Floor]:
    """A queue at 09:30: three collectors with four cases each, twelve cases in the pool."""
    empty_ops(pg_url)
    rules = copy_rules(tmp_path / "rules")
    settings = load_settings(
        {"home": tmp_path / "home", "warehouse_url": pg_url, "rules": rules, "clock": NOON.replace(tzinfo=None)}
    )
    warehouse = open_warehouse(settings)
    desk = Desk(warehouse, settings, settings.acting_clock())
    made = Floor(desk, warehouse, settings)
    for number, name in enumerate(("E01", "E02", "E03")):
        made.cases(4, first=1 + 4 * number, owner=name)
    made.cases(12, first=13)
    made.collectors("E01", "E02", "E03", capacity=60)
    yield made
    desk.close()
    warehouse.dispose()


@pytest.fixture
def application(web_app: Any, settings_of_pages: Path, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Any:
    from arrears.web.callers import airflow_caller

    monkeypatch.setenv("ARREARS_RULES", str(floor.settings.rules))
    web_app.forget_settings()
    made = web_app.create_app()
    made.dependency_overrides[web_app.get_user] = object
    made.dependency_overrides[airflow_caller] = lambda: Caller("lead", "lead", via="airflow")
    return made


def held(floor: Floor, who: str | None) -> list[str]:
    """The cases that a collector has, or that lie in the pool."""
    return [row["case_id"] for row in floor.rows("case") if row["collector_id"] == who and row["state"] != "closed"]


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


def test_a_day_without_cases_is_a_page(application: Any, pg_url: str) -> None:
    empty_ops(pg_url)
    for page, words in (("/allocation", "There are no cases yet"), ("/pool", "The pool is empty.")):
        empty = fetch(application, f"{page}?lang=en")
        assert empty.status_code == 200
        assert words in empty.text
        assert "when the Dag worklist_daily has run" in empty.text


@pytest.mark.parametrize("page", PAGES)
def test_what_is_known_is_not_sent_again(application: Any, floor: Floor, page: str) -> None:
    first = fetch(application, f"{page}?part=live")
    tag = first.headers["etag"]
    assert fetch(application, f"{page}?part=live", **{"if-none-match": tag}).status_code == 304
    floor.desk.hand_over(lead(), held(floor, "E01")[:1], to=None, reason="level")
    assert fetch(application, f"{page}?part=live", **{"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_ids_of_cases_are_in_no_address(application: Any, page: str) -> None:
    for part in ("page", "cases&collector=E01"):
        text = fetch(application, f"{page}?part={part}").text
        assert not [
            url for url in re.findall(r'(?:href|data-live|data-turn|data-api)="([^"]*)"', text) if "C000" in url
        ]


def test_many_collectors_are_paged(application: Any, floor: Floor) -> None:
    floor.collectors(*[f"E{number:04}" for number in range(1997)])
    page = fetch(application, "/allocation?lang=en&page=40")
    assert page.text.count('data-key="collector-') == 50
    assert "page 40 of 40" in page.text
    assert "page 40 of 40" in fetch(application, "/allocation?lang=en&page=999").text


def test_markup_is_text(application: Any, floor: Floor) -> None:
    odd = """<b>E'1" onclick=x</b>"""
    floor.collectors(odd, team="<i>north</i>")
    floor.cases(1, first=90, owner=odd, region="<u>SH</u>", queue="<q>")
    floor.cases(1, first=91, region="<u>SH</u>")
    floor.desk.set_batch(lead("<s>lina</s>"), "phone", batch=3, reason="<script>1</script>")
    for page in ("/allocation", "/allocation?queue=%3Cq%3E", "/pool", "/pool?part=live", "/allocation?part=recent"):
        text = fetch(application, page).text
        for markup in ("<b>E'1", "<i>north", "<u>SH", '<q>"', "<s>lina", "<script>1"):
            assert markup not in text, f"{markup} on {page}"


def test_an_act_is_one_line_however_many_cases_it_moved(application: Any, floor: Floor) -> None:
    floor.desk.set_absent(lead(), "E01", absent=True, reason="sick")
    text = fetch(application, "/allocation?lang=en&part=recent").text
    assert len(re.findall("<li ", text)) == 3
    assert re.search("dealt anew</span> 2 × phone E01 → E02", text), text
    assert re.search("marked absent</span> E01 <q>sick</q>", text), text


def test_why_one_has_fewer_and_how_even_the_split_was(application: Any, floor: Floor) -> None:
    floor.desk.hand_over(lead(), held(floor, "E02")[:3], to="E03", reason="level")
    share = {
        "business_day": TODAY,
        "queue": "phone",
        "at_work": True,
        "cases": 4,
        "kept": 1,
        "given": 3,
        "taken_back": 2,
        "overdue_amount": 4000,
        "expected_recovery": 900,
        "difficulty": "61.5",
        "even_share": 4,
        "limited_by": "",
    }
    spreads = {
        "cases": {"before": "3", "after": "0"},
        "overdue_amount": {"before": "2500", "after": "12.5"},
        "exposure": {"after": "0.75"},
    }
    with floor.warehouse.begin() as connection:
        connection.execute(
            sa.insert(COLLECTOR_SHARE),
            [
                {**share, "collector_id": "E01"},
                {**share, "collector_id": "E02", "limited_by": "regions,languages"},
                {**share, "collector_id": "E03"},
            ],
        )
        connection.execute(
            sa.insert(StepResultRow),
            {
                "as_of": TODAY,
                "basis": "frozen",
                "dag": "worklist_daily",
                "step": "allocate_cases",
                "detail": "",
                "state": "success",
                "acted_at": NOON,
                "recorded_at": NOON,
                "seconds": 1,
                "rows": {},
                "figures": {"fairness": {"phone": spreads}},
                "warnings": [],
                "links": {},
            },
        )
    text = re.sub(r"\s+", " ", fetch(application, "/allocation?lang=en").text)
    row = re.search(r'data-key="collector-E02".*?</tr>', text)
    assert row is not None
    assert "his regions have no more, languages that he does not speak, cases left him since the split" in row[0]
    assert "4 cases (1 kept, 3 given, 2 taken back); expected 900; difficulty 61.5" in row[0]
    cells = [re.findall(r"<td[^>]*>([^<]*)</td>", each) for each in re.findall(r'data-key="fairness-.*?</tr>', text)]
    # before, after, now
    assert cells == [["3", "0", "6"], ["2,500", "12", "6,000"], ["–", "0.8", "–"]]
    chinese = fetch(application, "/allocation?lang=zh").text
    assert "地区限制、语言限制、分配后已移交或退回" in chinese


WORKED: dict[str, Any] = {
    "cases": 10,
    "overdue_amount": 1000,
    "touched_cases": 8,
    "attempts": 20,
    "connected_attempts": 10,
    "right_party_attempts": 5,
    "tried_customers": 8,
    "connected_customers": 6,
    "promises": 2,
    "promises_due": 2,
    "promises_kept": 1,
    "recovered_amount": 30,
    "planned_contacts": 10,
    "blocked_contacts": 1,
    "target_amount": 20,
    "coverage_target": "0.9",
    "connect_target": "0.4",
    "kept_target": "0.5",
    "compliance_target": "0.9",
}
"""A day of a collector: more recovered than asked, with fewer of his cases touched than asked."""


@pytest.fixture
def finished(floor: Floor) -> Iterator[Floor]:
    """The two days before, as the KPIs have them, of 70 collectors of two teams."""
    people = [("E01", "<i>north</i>"), *[(f"S{number:02}", "south") for number in range(69)]]
    days = [TODAY - timedelta(days=back) for back in (1, 2)]
    figures = {each.name: 0 for each in CollectorDay.__table__.columns if not each.nullable}
    heads = {each.name: 0 for each in TeamDay.__table__.columns if not each.nullable}
    named = {"basis": "frozen", "known_as_of": TODAY}
    with floor.warehouse.begin() as connection:
        connection.execute(
            sa.insert(CollectorDay),
            [
                {**figures, **WORKED, **named, "as_of": day, "collector_id": who, "team": team}
                for day in days
                for who, team in people
            ],
        )
        connection.execute(
            sa.insert(TeamDay),
            [
                {**heads, **named, "as_of": day, "team": team, "collectors": number, "present_collectors": number}
                for day in days
                for team, number in (("<i>north</i>", 1), ("south", 69))
            ],
        )
    yield floor
    with floor.warehouse.begin() as connection:
        for table in (CollectorDay, TeamDay):
            connection.execute(sa.delete(table))


def test_what_is_recovered_stands_beside_how_and_against_what_is_asked(application: Any, finished: Floor) -> None:
    page = fetch(application, "/performance?lang=en")
    row = re.search(r'<tr data-key="of-E01".*?</tr>', page.text, re.DOTALL)
    assert row is not None
    words = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", row[0])).strip()
    # of two days: recovered, attainment, coverage, connect, promise, kept, compliance, in hand
    assert words == ("E01 &lt;i&gt;north&lt;/i&gt; 60 150 % 80.0 % below target 50.0 % 40.0 % 50.0 % 90.0 % 4")
    assert "<i>north" not in page.text
    assert page.text.count('data-key="team-') == 3, "north has cases in hand, and no finished day"
    assert page.text.count('data-key="of-') == 50
    assert fetch(application, "/performance?lang=en&page=2").text.count('data-key="of-') == 22
    assert 'data-key="day-2026-11-18"' in page.text
    one = fetch(application, "/performance?lang=en&days=1").text
    assert 'data-key="day-' not in one, "one day has no trend"
    chinese = fetch(application, "/performance?lang=zh").text
    for word in ("绩效", "回收", "达成率", "覆盖率", "接通率", "承诺率", "兑现率", "合规", "在手案件", "低于目标"):
        assert word in chinese, word


def test_without_finished_days_there_is_nothing_to_judge(application: Any) -> None:
    for lang, words in (("zh", "没有已结束的业务日"), ("en", "No finished day")):
        empty = fetch(application, f"/performance?lang={lang}")
        assert (empty.status_code, 'data-key="of-' in empty.text) == (200, False)
        assert words in empty.text


# ---- in a real browser


@pytest.fixture
def served(application: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The pages with the API that their forms send to, as the plugin mounts both, for a lead."""
    from fastapi import FastAPI

    from arrears.web import api

    async def who(_: Request) -> Caller:
        return Caller("lead", "lead", via="airflow")

    monkeypatch.setenv("ARREARS_API_BURST", "1000")
    outer = FastAPI()
    mounted = api.create_mounted_api(who)
    outer.mount(api.PREFIX, mounted)
    outer.mount("/arrears", application)
    with serving(outer) as address:
        yield address
    asyncio.run(end(mounted))


@pytest.fixture
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


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
def test_a_lead_moves_sets_and_marks(served: str, browser: Any, floor: Floor) -> None:
    tab, problems, asked = watched(browser, f"{served}/arrears/allocation?lang=en")
    tab.get_by_role("button", name="Move: E01").click()
    tab.locator("#panel-cases input[name=case_ids]").first.check()
    tab.get_by_label("To", exact=True).select_option("E02")
    tab.locator("#move-reason").fill("to level")
    tab.locator("#panel-cases").get_by_role("button", name="Move", exact=True).click()
    outcome(tab, "1 cases handed over to E02")
    assert len(held(floor, "E02")) == 5
    tab.keyboard.press("Escape")
    tab.locator("#cases-E01:focus").wait_for(timeout=15_000)

    tab.get_by_role("button", name="Quota: E03").click()
    tab.locator("#quota").fill("7")
    tab.locator("#panel-quota").get_by_role("button", name="Set").click()
    assert floor.rows("collector_preset") == [], "a change without a reason is not sent"
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
    outcome(tab, "E01 is absent: 3 cases were spread over 2 others, 0 went to the pool.")
    assert [len(held(floor, name)) for name in ("E01", "E02", "E03")] == [0, 6, 6]
    tab.locator("#absent-E01:focus").wait_for(timeout=15_000)
    tab.locator("[data-key=collector-E01]", has_text="absent").wait_for(timeout=15_000)
    tab.get_by_role("button", name="Back: E01").click()
    tab.locator("#present-reason").fill("came after all")
    tab.locator("#panel-present").get_by_role("button", name="Mark as back").click()
    outcome(tab, "E01 is back")
    done = floor.desk.audit(lead()).events
    assert [each.action for each in reversed(done)] == [
        "handed_over",
        "quota_set",
        "batch_set",
        "absent",
        *["redealt"] * 3,
        "back",
    ]
    assert {each.actor for each in done} == {"lead"}
    assert {each.reason for each in done} == {"to level", "training", "few cases", "sick", "came after all"}
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert problems == []
    assert not [url for url in asked if "C000" in url], "ids of cases are in no address"
    assert all(url.startswith(served) for url in asked)


@pytest.mark.chromium
def test_two_at_once_see_each_other(served: str, browser: Any, floor: Floor) -> None:
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

    # one gives back what he grabbed for another, and it is open to both again
    one.get_by_role("button", name="Give back: E01").first.click()
    one.locator("#panel-back input[name=case_ids]").last.check()
    one.locator("#panel-back").get_by_role("button", name="Give back", exact=True).click()
    outcome(one, "1 cases given back")
    two.locator("#pools").wait_for()
    two.locator("[data-key=pool-phone] td").first.filter(has_text=re.compile("^4$")).wait_for(timeout=15_000)

    # both move the same case from where they see it: one does, the other is told that it is there no more
    taken = held(floor, "E03")[0]
    for tab, to in ((one, "E01"), (two, "E02")):
        tab.goto(tab.url.replace("/pool", "/allocation"))
        tab.locator("#cases-E03").click()
        tab.locator(f"[id='tick-{taken}']").check()
        tab.locator("#move-to").select_option(to)
        tab.locator("#move-reason").fill("level")
    one.locator("#panel-cases .primary").click()
    outcome(one, "1 cases handed over to E01")
    two.locator("#panel-cases .primary").click()
    outcome(two, "1 个未处理：案件已由他人移走。（规则 case.moved）")
    assert floor.case(taken).collector_id == "E01"
    assert len(floor.desk.audit(lead(), case_id=taken).events) == 1
    assert sum(len(held(floor, name)) for name in ("E01", "E02", "E03", None)) == 24
    assert problems + more_problems == []


@pytest.mark.chromium
def test_with_the_keyboard_alone_and_a_refusal_in_words(served: str, browser: Any, floor: Floor) -> None:
    tab, _, _ = watched(browser, f"{served}/arrears/pool?lang=en")
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == "grab-phone":
            break
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "grab-collector"
    floor.desk.set_absent(lead(), "E01", absent=True, reason="sick")
    tab.keyboard.press("Tab")
    tab.keyboard.type("5")
    tab.keyboard.press("Enter")
    refusal = tab.locator("#panel-grab [data-refusal]")
    refusal.filter(has_text="rule collector.absent").wait_for(timeout=15_000)
    assert "grabbed" not in floor.actions()
    floor.desk.set_absent(lead(), "E01", absent=False, reason="came after all")
    tab.keyboard.press("Enter")
    outcome(tab, "E01 took 5 cases")
    tab.locator("#grab-phone:focus").wait_for(timeout=15_000)


def go_to(tab: Any, place: str, key: str = "Tab") -> None:
    """Presses `key` until the focus is on the element of this id."""
    for _ in range(150):
        if tab.evaluate("document.activeElement.id") == place:
            return
        tab.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {place}")


@pytest.mark.chromium
def test_a_lead_moves_sets_marks_and_recalls_with_the_keyboard_alone(served: str, browser: Any, floor: Floor) -> None:
    floor.cases(2, first=40, owner="E03", placement="agency")
    tab, problems, _ = watched(browser, f"{served}/arrears/allocation?lang=en")
    go_to(tab, "cases-E01")
    tab.keyboard.press("Enter")
    moved = held(floor, "E01")[-1]
    tab.locator(f"[id='tick-{moved}']").wait_for(timeout=15_000)
    go_to(tab, f"tick-{moved}", "Shift+Tab")
    tab.keyboard.press("Space")
    go_to(tab, "move-to")
    tab.keyboard.type("E02")
    go_to(tab, "move-reason")
    tab.keyboard.type("knows the customer's language")
    tab.keyboard.press("Enter")
    outcome(tab, "1 cases handed over to E02")
    assert floor.case(moved).collector_id == "E02"
    tab.keyboard.press("Escape")
    tab.locator("#cases-E01:focus").wait_for(timeout=15_000)

    for button, field, value, done in (
        ("quota-E01", "quota", "0", "Quota of E01 is 0 for today."),
        ("batch-phone", "batch", "7", "A grab from phone takes 7 today."),
        ("recall-phone", None, None, "2 cases recalled."),
        ("absent-E01", None, None, "E01 is absent: 3 cases were spread over 2 others, 0 went to the pool."),
        ("absent-E01", None, None, "E01 is back."),
    ):
        go_to(tab, button)
        tab.keyboard.press("Enter")
        if field is not None and value is not None:
            assert tab.evaluate("document.activeElement.id") == field
            tab.keyboard.type(value)
        go_to(tab, "present-reason" if "back" in done else f"{button.split('-')[0]}-reason")
        tab.keyboard.type("<i>why</i> '; --")
        tab.keyboard.press("Enter")
        outcome(tab, done)
        if "recalled" not in done:
            tab.locator(f"#{button}:focus").wait_for(timeout=15_000)
    assert [each.action for each in reversed(floor.desk.audit(lead()).events) if each.action != "redealt"] == [
        "handed_over",
        "quota_set",
        "batch_set",
        *["recalled"] * 2,
        "absent",
        "back",
    ]
    tab.locator("#recent q", has_text="<i>why</i> '; --").first.wait_for(timeout=15_000)
    assert problems == []


@pytest.mark.chromium
def test_performance_is_read_with_the_keyboard_on_a_laptop(served: str, browser: Any, finished: Floor) -> None:
    tab, problems, asked = watched(browser, f"{served}/arrears/performance?lang=en")
    for _ in range(40):
        tab.keyboard.press("Tab")
        if "days=30" in (tab.evaluate("document.activeElement.getAttribute('href')") or ""):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**days=30**")
    tab.locator("[data-key=of-E01]").wait_for(timeout=15_000)
    go_to(tab, "next-page")
    tab.keyboard.press("Enter")
    tab.locator("[data-key=of-S68]").wait_for(timeout=15_000)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert problems == []
    assert all(url.startswith(served) for url in asked)
