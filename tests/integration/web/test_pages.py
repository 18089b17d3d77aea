"""The day's page: closed without a login, free of personal data, and right about the day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa

from arrears.settings import load_settings
from arrears.steps import STEPS
from arrears.warehouse.audit import QualityResultRow, StepResultRow
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_contacts import ContactTask
from arrears.web.day_view import known_days, read_day
from arrears.web.texts import choose_language, texts

from .conftest import Getter, ask

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 20, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
FIGURES: dict[str, dict[str, Any]] = {
    "age_contracts": {"held": 7, "buckets": {"M10": 1, "M2": 20, "M0": 900, "M1": 80, "M7+": 4}},
    "publish_ledger": {"held_for_data_quality": 3},
    "allocate_cases": {
        "cases": 105,
        "pool": 25,
        "per_collector": {"min": 4, "max": 12},
        "per_queue": {
            "field": {"cases": 5, "collectors": 1, "min": 4, "max": 4, "pool": 1},
            "phone": {"cases": 100, "collectors": 8, "min": 9, "max": 12, "pool": 24},
        },
    },
}


@pytest.fixture
def warehouse(pg_url: str) -> Any:
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))
    yield engine
    with engine.begin() as connection:
        for table in (StepResultRow, QualityResultRow, ContactTask):
            connection.execute(sa.delete(table))
    engine.dispose()


def record(engine: sa.Engine, name: str, **values: Any) -> None:
    row = {
        "as_of": DAY,
        "basis": "frozen",
        "dag": STEPS[name].dag,
        "step": name,
        "detail": "",
        "state": "success",
        "acted_at": AT,
        "seconds": 1.5,
        "rows": {"a": 1000, "b": 234},
        "figures": FIGURES.get(name, {}),
        "links": {},
        "warnings": [],
        "error": None,
        **values,
    }
    with engine.begin() as connection:
        connection.execute(sa.insert(StepResultRow), row)


def quality(engine: sa.Engine, check: str, rule: str, *, passed: bool, suite: str = "blocking") -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.insert(QualityResultRow),
            {
                "check_id": check,
                "as_of": DAY,
                "basis": "frozen",
                "suite": suite,
                "rule_id": rule,
                "table_name": "payments",
                "passed": passed,
                "checked_rows": 100,
                "bad_rows": 0 if passed else 9,
                "observed": "0 bad rows" if passed else "9 bad rows",
                "allowed": "at most 1",
            },
        )


def contact(engine: sa.Engine, number: int, channel: str, state: str, placement: str = "in_house") -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.insert(ContactTask),
            {
                "task_key": f"{number:064}",
                "business_day": DAY,
                "customer_id": f"SECRET-CUSTOMER-{number}",
                "slot": "morning",
                "lead_contract_id": f"SECRET-CONTRACT-{number}",
                "contract_ids": f"SECRET-CONTRACT-{number}",
                "channel": channel,
                "language": "zh",
                "queue": "phone",
                "placement": placement,
                "priority": 1,
                "needs_approval": placement == "agency",
                "window_opens_at": AT,
                "window_closes_at": AT.replace(hour=20),
                "state": state,
                "attempts": 0,
                "planned_at": AT,
                "changed_at": AT,
            },
        )


@pytest.fixture
def whole_day(warehouse: sa.Engine) -> sa.Engine:
    for name in STEPS:
        if name != "push_contacts":
            record(warehouse, name)
    for channel in ("sms", "email"):
        record(warehouse, "push_contacts", detail=channel)
    quality(warehouse, "old", "payments_without_contract", passed=False)
    quality(warehouse, "new", "payments_without_contract", passed=True)
    quality(warehouse, "new", "payments_unlikely", passed=False, suite="advisory")
    for number, (channel, state, placement) in enumerate(
        [
            ("sms", "delivered", "in_house"),
            ("sms", "sent", "in_house"),
            ("sms", "planned", "in_house"),
            ("sms", "dead", "in_house"),
            ("agency", "awaiting_approval", "agency"),
        ]
    ):
        contact(warehouse, number, channel, state, placement)
    return warehouse


def text_of(page: httpx.Response) -> str:
    """The page's words, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


# ---- behind the login


def paths_of(application: Any) -> list[str]:
    return sorted({route.path for route in application.routes})


def test_the_routes_are_known(web_app: Any) -> None:
    assert paths_of(web_app.create_app()) == [
        "/allocation",
        "/approvals",
        "/day",
        "/documents/{path:path}",
        "/explain",
        "/outreach",
        "/outreach/history",
        "/performance",
        "/pool",
        "/static/{name}",
        "/vega.js",
        "/vehicles",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/day",
        "/day?date=2026-11-20",
        "/documents/daily/2026-11-20.html",
        "/documents/../../etc/passwd",
        "/static/arrears.css",
        "/explain",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_nothing_is_shown_without_a_login(web_app: Any, settings_of_pages: Path, path: str, method: str) -> None:
    answer = ask(web_app.create_app(), path, {}, method)
    assert answer.status_code in {401, 404, 405}, f"{method} {path} answered {answer.status_code}"
    assert "SECRET" not in answer.text


def test_every_route_wants_a_login(web_app: Any, settings_of_pages: Path) -> None:
    application = web_app.create_app()
    for path in paths_of(application):
        filled = re.sub(r"{[^}]*}", "x", path)
        answer = ask(application, filled, {})
        assert answer.status_code == 401, f"{filled} answered {answer.status_code} to nobody"


def test_every_route_only_reads_and_two_take_a_form(web_app: Any) -> None:
    routes = [(route.path, method) for route in web_app.create_app().routes for method in route.methods]
    assert [each for each in routes if each[1] not in {"GET", "HEAD"}] == [
        ("/explain", "POST"),
        ("/outreach/history", "POST"),
    ]


# ---- the page


def test_the_day_at_a_glance(whole_day: sa.Engine, get: Getter) -> None:
    page = get("/day?date=2026-11-20&lang=en")
    words = text_of(page)
    assert page.status_code == 200
    for said in (
        "Steps 19 / 19 steps done",
        "Data quality 1 / 2 1 rules not passed",
        "Contracts held 7 3 for their data",
        "Cases 105 25 in the grab pool",
        "Contacts 2 / 5 went out",
        "Approvals 1 wait for a person",
        "M0 900 89.6 %",
        "M10 1 0.1 %",
        "phone 8 76 9–12 24",
        "field 1 4 4 1",
    ):
        assert said in words, f"{said!r} is not on the page"


def test_the_buckets_are_in_order(whole_day: sa.Engine) -> None:
    with whole_day.connect() as connection:
        assert list(read_day(connection, DAY).buckets) == ["M0", "M1", "M2", "M7+", "M10"]


def test_the_page_speaks_chinese_and_english(whole_day: sa.Engine, get: Getter) -> None:
    assert "日览" in get("/day?lang=zh").text
    assert 'lang="zh-CN"' in get("/day", **{"accept-language": "zh-CN,zh;q=0.9"}).text
    assert "Business day" in get("/day", **{"accept-language": "de,en;q=0.5"}).text


def test_both_languages_have_all_words() -> None:
    assert set(texts("zh")) == set(texts("en"))
    assert set(STEPS) <= set(texts("zh"))


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [("zh", "en", "zh"), (None, "zh-CN,en", "zh"), (None, "fr,en", "en"), ("xx", "", "en"), (None, "", "en")],
)
def test_the_language_is_chosen(asked: str | None, accepted: str, chosen: str) -> None:
    assert choose_language(asked, accepted) == chosen


def test_nothing_personal_is_on_the_page(whole_day: sa.Engine, get: Getter) -> None:
    assert "SECRET" not in get("/day?date=2026-11-20").text


def test_without_a_date_the_last_day_is_shown(whole_day: sa.Engine, get: Getter) -> None:
    record(whole_day, "pull_ledger", as_of=date(2026, 11, 18), basis="restated")
    assert 'datetime="2026-11-20"' in get("/day").text


def test_a_day_that_was_not_run_says_so_and_leads_to_one_that_was(whole_day: sa.Engine, get: Getter) -> None:
    page = get("/day?date=2026-11-19&lang=en")
    assert "This day has not been run." in page.text
    assert "date=2026-11-20" in page.text


def test_an_empty_warehouse_shows_today(warehouse: sa.Engine, get: Getter) -> None:
    page = get("/day?lang=en")
    assert page.status_code == 200
    assert 'datetime="2026-11-20"' in page.text
    assert "This day has not been run." in page.text


def test_a_failed_step_shows_its_message(whole_day: sa.Engine, get: Getter) -> None:
    record(whole_day, "load_warehouse", state="failed", error="mart: expected <b>that</b>; found this.", rows={})
    page = get("/day?lang=en")
    assert "1 steps failed" in text_of(page)
    assert "expected &lt;b&gt;that&lt;/b&gt;; found this." in page.text, "what a message says is text, never markup"


def test_a_queue_without_collectors_is_said_where_ops_look(whole_day: sa.Engine, get: Getter) -> None:
    told = "queue phone: nobody is at work who is trained for it; 12 cases are in the grab pool"
    record(whole_day, "allocate_cases", warnings=[told, "queue <b>x</b>: not in allocation.yaml"])
    page = get("/day?lang=en")
    assert told in text_of(page)
    assert "queue &lt;b&gt;x&lt;/b&gt;: not in allocation.yaml" in page.text


def test_only_the_last_attempt_counts(whole_day: sa.Engine) -> None:
    record(whole_day, "build_kpis", state="failed", error="lost")
    record(whole_day, "build_kpis", rows={"kpi": 5})
    with whole_day.connect() as connection:
        step = read_day(connection, DAY).step("build_kpis")
    assert (step.state, step.attempts, step.rows, step.error) == ("success", 3, {"kpi": 5}, None)


def test_frozen_and_restated_are_kept_apart(whole_day: sa.Engine, get: Getter) -> None:
    record(whole_day, "age_contracts", basis="restated", figures={"buckets": {"M0": 111}})
    frozen, restated = get("/day?lang=en"), get("/day?lang=en&basis=restated")
    assert "900" in text_of(frozen)
    assert "basis=restated" in frozen.text
    assert "111" in text_of(restated)
    assert "M1 80" not in text_of(restated)


def test_steps_that_were_not_run_are_shown_as_such(warehouse: sa.Engine) -> None:
    record(warehouse, "pull_ledger")
    with warehouse.connect() as connection:
        view = read_day(connection, DAY)
        assert known_days(connection) == [DAY]
    assert [step.name for step in view.steps] == list(STEPS)
    assert [step.name for step in view.steps if step.state == "success"] == ["pull_ledger"]
    assert (view.cases, view.pool, view.cases_per_collector, view.contacts) == (0, 0, (0, 0), 0)


@pytest.mark.parametrize("wish", ["date=yesterday", "date=2026-13-01", "lang=" + "x" * 11, "basis=" + "x" * 11])
def test_a_wish_that_makes_no_sense_is_refused(whole_day: sa.Engine, get: Getter, wish: str) -> None:
    assert get(f"/day?{wish}").status_code == 422


def test_a_warehouse_that_does_not_answer_is_told(web_app: Any, get: Getter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", "postgresql://nobody:secret@127.0.0.1:9/none")
    web_app.forget_settings()
    page = get("/day?lang=en")
    assert page.status_code == 503
    assert "The warehouse does not answer." in page.text
    assert "secret" not in page.text


def test_the_page_loads_nothing_from_elsewhere(whole_day: sa.Engine, get: Getter) -> None:
    page = get("/day")
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page.text) == []
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy


# ---- documents


@pytest.fixture
def reports(settings_of_pages: Path) -> Path:
    daily = settings_of_pages / "daily"
    daily.mkdir(parents=True)
    (daily / "2026-11-20.html").write_text("<p>the report</p>", encoding="utf-8")
    quality = settings_of_pages / "quality" / "2026-11-20" / "frozen"
    quality.mkdir(parents=True)
    (quality / "index.html").write_text("<p>the rules</p>", encoding="utf-8")
    (settings_of_pages / ".hidden.html").write_text("hidden", encoding="utf-8")
    (settings_of_pages / "notes.txt").write_text("notes", encoding="utf-8")
    outside = settings_of_pages.parent / "secret.html"
    outside.write_text("outside", encoding="utf-8")
    (settings_of_pages / "link.html").symlink_to(outside)
    return settings_of_pages


def test_a_document_is_shown_apart_from_the_session(reports: Path, get: Getter) -> None:
    page = get("/documents/daily/2026-11-20.html")
    assert page.text == "<p>the report</p>"
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert "allow-same-origin" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_the_documents_of_the_day_are_linked(reports: Path, whole_day: sa.Engine, get: Getter) -> None:
    page = get("/day?date=2026-11-20").text
    assert "/arrears/documents/daily/2026-11-20.html" in page
    assert "/arrears/documents/quality/2026-11-20/frozen/index.html" in page


@pytest.mark.parametrize(
    "path",
    [
        "../secret.html",
        "daily/../../secret.html",
        "%2e%2e/secret.html",
        "..%2fsecret.html",
        "/etc/passwd",
        "//etc/passwd",
        "link.html",
        ".hidden.html",
        "notes.txt",
        "daily",
        "none.html",
        "daily/2026-11-20.html%00.html",
        "",
    ],
)
def test_nothing_outside_of_the_reports_is_shown(reports: Path, get: Getter, path: str) -> None:
    answer = get(f"/documents/{path}")
    assert answer.status_code in {404, 405}
    assert "outside" not in answer.text


def test_the_style_sheet_is_there(get: Getter) -> None:
    assert get("/static/arrears.css").headers["content-type"].startswith("text/css")
    assert get("/static/day.svg").headers["content-type"].startswith("image/svg")
    assert get("/static/..%2fapp.py").status_code == 404


def test_documents_are_where_their_steps_write_them(make_run: Callable[..., Any]) -> None:
    from arrears.kpi.report import report_path
    from arrears.quality.report import report_page
    from arrears.web.documents import day_documents

    with make_run(DAY) as frozen, make_run(DAY, today=date(2026, 11, 24)) as restated:
        for run in (frozen, restated):
            root = run.settings.reports_root
            for path in (report_page(run), report_path(root, run.day)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            found = day_documents(root, run.day)
            assert {name: root / path for name, path in found.items()} == {
                "quality report": report_page(run),
                "report": report_path(root, run.day),
            }
