"""The page that explains a contract: behind the login, its id in no address, from its own form only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests.support.browsers import chromium, serving
from tests.support.decided_days import AS_OF, contract, decide, dues

from arrears.run import open_run
from arrears.settings import load_settings
from arrears.web.texts import texts

OWN = {"origin": "http://pages", "host": "pages"}
Poster = Callable[..., httpx.Response]


@pytest.fixture
def decided(settings_of_pages: Path) -> None:
    """A day of one contract in arrears, in the lake that the pages read."""
    with open_run(load_settings({"duckdb_memory": "1GB"}), AS_OF) as run:
        decide(
            run,
            {
                "contracts": [contract("C-31-DAYS"), contract("<b>C</b>")],
                "installments": dues("C-31-DAYS", (AS_OF.replace(month=10, day=20), 1000)),
            },
        )


@pytest.fixture
def application(web_app: Any, settings_of_pages: Path) -> Any:
    made = web_app.create_app()
    made.dependency_overrides[web_app.get_user] = somebody
    return made


def somebody() -> object:
    """A user who is logged in."""
    return object()


def send(application: Any, content: bytes, headers: dict[str, str]) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://pages") as client:
            kind = {"content-type": "application/x-www-form-urlencoded"}
            return await client.post("/explain", content=content, headers={**kind, **headers})

    return asyncio.run(request())


@pytest.fixture
def post(application: Any) -> Poster:
    """Posts the form as the page itself does."""

    def ask(headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        asked = {"date": str(AS_OF), "basis": "", "lang": "en", **fields}
        return send(application, urlencode(asked).encode(), OWN if headers is None else headers)

    return ask


# ---- who may ask, and from where


def test_nobody_is_answered_without_a_login(web_app: Any, decided: None) -> None:
    answer = send(web_app.create_app(), urlencode({"contract": "C-31-DAYS", "date": str(AS_OF)}).encode(), OWN)
    assert answer.status_code == 401
    assert "C-31-DAYS" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "http://pages"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://pages.evil.example"},
        {},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused(post: Poster, decided: None, headers: dict[str, str]) -> None:
    answer = post(headers, contract="C-31-DAYS")
    assert answer.status_code == 403
    assert "C-31-DAYS" not in answer.text


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, OWN], ids=str)
def test_the_pages_own_form_is_taken(post: Poster, decided: None, headers: dict[str, str]) -> None:
    assert post(headers, contract="C-31-DAYS").status_code == 200


def test_an_id_in_the_address_is_not_looked_at(get: Callable[..., httpx.Response], decided: None) -> None:
    page = get(f"/explain?contract=C-31-DAYS&date={AS_OF}")
    assert page.status_code == 200
    assert "C-31-DAYS" not in page.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"x" * 5000, 413),
        (b"contract=C1&date=yesterday", 422),
        (b"contract=C1", 422),
        (b"contract=C1&date=2026-11-20&basis=melted", 422),
        (b"contract=\xff&date=\xff\xfe", 422),
        (b"contract=" + b"C" * 300 + b"&date=2026-11-20", 422),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(application: Any, content: bytes, status: int) -> None:
    answer = send(application, content, OWN)
    assert answer.status_code == status
    assert "C1" not in answer.text, "what was sent is not repeated"


# ---- what it says


def text_of(page: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_a_contract_is_explained(post: Poster, decided: None) -> None:
    page = post(contract="C-31-DAYS")
    words = text_of(page)
    for said in (
        "Days past due = 2026-11-20 − 2026-10-20 = 31.",
        "Day 31 is its first: a day less is M1.",
        "instalment 1 2026-10-20 1,000.00 0.00 1,000.00 not met, the oldest",
        "SEG9",
        "class = &#39;mid&#39;",
        "Nearly held",
        "Rule set standard version",
    ):
        assert said in words, f"{said!r} is not on the page"
    assert page.headers["cache-control"] == "no-store"
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.text) == []


def test_the_page_speaks_chinese(post: Poster, decided: None) -> None:
    page = post(contract="C-31-DAYS", lang="zh")
    assert 'lang="zh-CN"' in page.text
    assert "第 31 天是其首日" in page.text
    assert "规则判定" in page.text


def test_what_stands_in_the_way_is_told(post: Poster, decided: None) -> None:
    unknown = post(contract="C-32-DAYS")
    assert unknown.status_code == 404
    assert "none of this id among 2 contracts" in unknown.text
    assert "a run of the strategy for 2026-11-19" in post(contract="C-31-DAYS", date="2026-11-19").text


def test_an_id_is_text_never_markup(post: Poster, decided: None) -> None:
    page = post(contract="<b>C</b>")
    assert "<b>C</b>" not in page.text
    assert "&lt;b&gt;C&lt;/b&gt;" in page.text


def test_an_empty_form_is_shown_again(post: Poster, decided: None) -> None:
    page = post(contract="  ")
    assert page.status_code == 200
    assert texts("en")["explain_hint"] in page.text


def test_ids_are_in_no_log(post: Poster, decided: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    post(contract="C-31-DAYS")
    post(contract="C-32-DAYS")
    assert "-DAYS" not in caplog.text


def test_the_days_page_leads_here(get: Callable[..., httpx.Response]) -> None:
    page = get("/day?lang=en&date=2026-11-20")
    assert 'href="/arrears/explain?date=2026-11-20&lang=en' in page.text.replace("&amp;", "&")


def test_the_page_is_in_the_navigation(web_app: Any) -> None:
    # Airflow loads plugins by path; executed here, it registers nothing
    import runpy

    from arrears.settings import PROJECT

    plugin = runpy.run_path(str(PROJECT / "plugins" / "collections_plugin.py"))["CollectionsPlugin"]
    assert [(view["href"], view["destination"]) for view in plugin.external_views] == [
        ("/arrears/day", "nav"),
        ("/arrears/allocation", "nav"),
        ("/arrears/pool", "nav"),
        ("/arrears/performance", "nav"),
        ("/arrears/outreach", "nav"),
        ("/arrears/approvals", "nav"),
        ("/arrears/vehicles", "nav"),
        ("/arrears/explain", "nav"),
    ]
    static = PROJECT / "plugins" / "collections" / "arrears" / "web" / "static"
    icons = [view[key].rpartition("/")[2] for view in plugin.external_views for key in ("icon", "icon_dark_mode")]
    assert [each for each in icons if not (static / each).is_file()] == []


# ---- in a real browser


@pytest.fixture
def served(application: Any, decided: None) -> Iterator[str]:
    """The application under its prefix on a port of this machine."""
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/arrears", application)
    with serving(outer) as address:
        yield address


@pytest.mark.chromium
def test_it_is_used_with_the_keyboard_alone(served: str) -> None:
    with chromium() as browser:
        tab = browser.new_page(locale="en-GB")
        problems: list[str] = []
        asked: list[str] = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(f"{served}/arrears/explain?date={AS_OF}&lang=en")
        tab.keyboard.type("C-31-DAYS")
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="Decision tables, in order").wait_for(timeout=30_000)
        near = tab.locator("details", has=tab.get_by_text("Nearly held")).first
        near.locator("summary").focus()
        tab.keyboard.press("Enter")
        assert near.get_attribute("open") is not None
        tab.get_by_role("button", name="中文").focus()
        tab.keyboard.press("Enter")
        tab.get_by_role("heading", name="规则判定").wait_for(timeout=30_000)
        assert tab.get_by_label("合同号").input_value() == "C-31-DAYS"
        wide = tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert problems == []
    assert wide, "nothing sticks out to the side"
    assert not [url for url in asked if "C-31" in url], "an id is in no address"
