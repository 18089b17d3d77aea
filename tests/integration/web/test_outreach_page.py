"""The page *Outreach*: right about the day, closed without a login, free of addresses, live, and used by leads."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import sqlalchemy as sa
from tests.support.browsers import chromium, serving
from tests.support.desk_floor import MovingClock, empty_ops
from tests.support.outreach_page_day import DAY, GUIDELINE, NINE, key_of, task, write_day, write_plan

from arrears.desk.callers import Caller
from arrears.lake import Lake
from arrears.outreach.contact_history import read_history
from arrears.outreach.handling import Contacts
from arrears.outreach.reading import read_funnels, read_outreach
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.mart import ChannelDay
from arrears.warehouse.ops_contacts import ContactAction, ContactTask

NOW = NINE.replace(hour=10)
PLACES = ("blocked", "cut", "awaiting", "waiting", "held_back", "dead", "unknown", "sent")


@pytest.fixture
def warehouse(pg_url: str) -> Iterator[sa.Engine]:
    empty_ops(pg_url)
    engine = open_warehouse(load_settings({"warehouse_url": pg_url}))
    yield engine
    engine.dispose()
    empty_ops(pg_url)


@pytest.fixture
def lake_root(settings_of_pages: Path) -> Path:
    return settings_of_pages.parent / "lake"


@pytest.fixture
def day(warehouse: sa.Engine, lake_root: Path) -> sa.Engine:
    write_day(warehouse, lake_root)
    return warehouse


LEAD = Caller("lina", "lead", via="airflow")


@pytest.fixture
def application(web_app: Any, settings_of_pages: Path) -> Any:
    from arrears.web.callers import airflow_caller

    made = web_app.create_app()
    made.dependency_overrides[web_app.get_user] = object
    made.dependency_overrides[airflow_caller] = lambda: LEAD
    return made


def fetch(application: Any, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx.Response:
    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://pages") as client:
            if form is None:
                return await client.get(path, headers=headers)
            own = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", **headers}
            return await client.post(path, content=urlencode(form), headers=own)

    return asyncio.run(request())


# ---- what is read


def test_every_contact_is_in_one_place_and_stages_are_of_those_that_were_sent(day: sa.Engine, lake_root: Path) -> None:
    with day.connect() as connection:
        funnels = {each.channel: each for each in read_funnels(connection, Lake(lake_root), DAY, NOW)}
    assert list(funnels) == ["sms", "email", "dialer", "agency", "phone"]
    for each in funnels.values():
        assert sum(each.count(place) for place in PLACES) == each.planned, each.channel
    names = ("planned", *PLACES, "undelivered", "delivered", "answered", "promised", "paid")
    assert {channel: tuple(each.count(name) for name in names) for channel, each in funnels.items()} == {
        # planned, PLACES | not arrived, delivered, answered, promised, paid
        "sms": (34, 9, 0, 0, 5, 0, 3, 0, 17, 1, 12, 3, 2, 1),
        "email": (7, 0, 0, 0, 0, 0, 0, 2, 5, 0, 0, 0, 0, 0),
        "dialer": (13, 0, 3, 0, 0, 2, 0, 0, 8, 0, 4, 4, 0, 1),
        "agency": (3, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        "phone": (1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0),
    }
    assert [(rule.rule, rule.contacts, rule.source) for rule in funnels["sms"].rules] == [
        ("consent.refused", 5, "the lender's own record"),
        ("cn.hours", 2, GUIDELINE),
        ("promise.live", 2, None),
    ]
    assert [(rule.rule, rule.contacts) for rule in funnels["dialer"].rules] == [("cap.channel", 3)]


def test_who_paid_is_known_from_the_ledger_once_the_day_is_counted(day: sa.Engine, lake_root: Path) -> None:
    names = [column.name for column in ChannelDay.__table__.columns if column.type.python_type is int]
    row = dict.fromkeys(names, 0) | {
        "as_of": DAY,
        "basis": "frozen",
        "channel": "sms",
        "source": "arrears",
        "paid_attempts": 6,
        "known_as_of": DAY,
    }
    with day.connect() as connection:
        connection.execute(sa.insert(ChannelDay), row)
        funnels = {each.channel: each for each in read_funnels(connection, Lake(lake_root), DAY, NOW)}
    assert (funnels["sms"].paid, funnels["dialer"].paid) == (6, 1)


def test_a_day_without_anything(warehouse: sa.Engine, lake_root: Path) -> None:
    with warehouse.connect() as connection:
        view = read_outreach(connection, Lake(lake_root), None, DAY, NOW)
    assert (view.funnels, view.channels, view.dead_letters, view.stray, view.files) == ((), (), (), (), ())
    assert view.total.planned == 0


def test_a_plan_that_blocked_everything_is_a_funnel(warehouse: sa.Engine, lake_root: Path) -> None:
    write_plan(lake_root, [("sms", "blocked", "consent.refused", None)])
    with warehouse.connect() as connection:
        (funnel,) = read_funnels(connection, Lake(lake_root), DAY, NOW)
    assert (funnel.planned, funnel.blocked, funnel.sent) == (1, 1, 0)


def test_a_cases_contacts_with_verdicts_receipts_and_calls_by_hand(day: sa.Engine, lake_root: Path) -> None:
    with day.connect() as connection:
        history = read_history(connection, Lake(lake_root), "C00900", NOW)
        called = read_history(connection, Lake(lake_root), "C00901", NOW)
    assert history.case_id == "C00900@2026-11-18"
    by_channel = {each.channel + (each.slot or ""): each for each in history.contacts}
    assert set(by_channel) == {"dialermorning", "smsafternoon", "smsnoon", "visit", "agency_call"}
    assert len(history.contacts) == 5, "what the ledger was fed back is one contact"
    other = by_channel["agency_call"]
    assert (other.state, other.collector_id, other.outcome) == ("ledger", "AG-1", "right_party")
    assert other.events[0].at.isoformat() == "2026-11-19T15:00:00+08:00"
    assert history.contacts[-1] is other
    tried = by_channel["dialermorning"]
    assert [(each.event, each.attempt_no, each.tries) for each in tried.events] == [
        ("reserved", 1, 0),
        ("failed", 1, 3),
        ("reserved", 2, 0),
        ("sent", 2, 1),
        ("delivered", 2, 1),
    ]
    assert (tried.policy_rule, tried.policy_source) == ("cn.unanswered_tries", GUIDELINE)
    assert tried.policy_flags == ("warn:cn.unanswered_tries",)
    assert (by_channel["visit"].collector_id, by_channel["visit"].task_key) == ("C-017", None)
    assert (by_channel["smsafternoon"].may_cancel, by_channel["smsafternoon"].may_redrive) == (True, False)
    assert (by_channel["smsnoon"].may_cancel, by_channel["smsnoon"].may_redrive) == (False, True)
    assert [(each.what, each.reason) for each in history.statements] == [("payment", None), ("refused", "opt_out")]
    (call,) = called.contacts
    assert (call.channel, call.collector_id, call.outcome) == ("phone", "C-017", "right_party")


# ---- what leads do


def handled(engine: sa.Engine, clock: MovingClock | None = None) -> Contacts:
    return Contacts(engine, clock or MovingClock(NOW))


def state_of(engine: sa.Engine, key: str) -> tuple[str, str | None]:
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(ContactTask.state, ContactTask.state_reason).where(ContactTask.task_key == key)
        ).one()
    return found.state, found.state_reason


def test_a_dead_letter_is_planned_again_with_who_and_why_and_only_once(day: sa.Engine) -> None:
    dead, taken, doubtful, sent = key_of(22), key_of(24), key_of(35), key_of(6)
    keys = [dead, taken, doubtful, sent, "f" * 64]
    contacts = handled(day)
    first = contacts.redrive(LEAD, keys, reason="the outage is over", request_key="once")
    assert first.done == (dead,)
    assert dict(first.refused) == {
        taken: "redrive.taken",
        doubtful: "redrive.unknown",
        sent: "redrive.state",
        "f" * 64: "redrive.no_such_task",
    }
    assert contacts.redrive(LEAD, keys, reason="the outage is over", request_key="once") == first
    assert state_of(day, dead) == ("planned", "person.redrive")
    with day.connect() as connection:
        acts = connection.execute(sa.select(ContactAction.by, ContactAction.action, ContactAction.why)).all()
    assert [tuple(act) for act in acts] == [("lina", "redrive", "the outage is over")]


def test_what_has_not_gone_is_cancelled(day: sa.Engine) -> None:
    planned, sent = key_of(1), key_of(6)
    done = handled(day).cancel(LEAD, [planned, sent], reason="asked by the branch")
    assert (done.done, dict(done.refused)) == ((planned,), {sent: "cancel.state"})
    assert state_of(day, planned) == ("cancelled", "person.cancel")


@pytest.mark.parametrize(
    ("caller", "keys", "reason", "rule"),
    [
        (Caller("vera", "viewer", via="airflow"), ["0" * 64], "why", "role.lead"),
        (Caller("C-017", "collector", "C-017", via="token"), ["0" * 64], "why", "role.lead"),
        (Caller("nora", "lead", teams=frozenset({"north"}), via="token"), ["0" * 64], "why", "scope.queue"),
        (LEAD, ["0" * 64], "  ", "reason.missing"),
        (LEAD, ["0" * 64], "x" * 201, "reason.text"),
        (LEAD, [], "why", "contacts.number"),
        (LEAD, [key_of(number) for number in range(501)], "why", "contacts.number"),
    ],
)
def test_who_may_not_and_what_makes_no_sense(
    warehouse: sa.Engine, caller: Caller, keys: list[str], reason: str, rule: str
) -> None:
    from arrears.desk.refusals import Refusal

    for act in (handled(warehouse).redrive, handled(warehouse).cancel):
        with pytest.raises(Refusal) as refused:
            act(caller, keys, reason=reason)
        assert refused.value.rule == rule


def test_the_same_by_command(day: sa.Engine, settings_of_pages: Path) -> None:
    from typer.testing import CliRunner

    from arrears.outreach.commands import app

    def command(*arguments: str) -> Any:
        return CliRunner().invoke(app, list(arguments))

    listed = command("dead", "--channel", "sms").stdout.splitlines()
    assert [line.split()[0] for line in listed if "may go again" in line] == [key_of(22), key_of(23), key_of(903)]
    assert [line.split()[0] for line in listed if "not again: taken" in line] == [key_of(24)]
    why = ("--by", "lina", "--why", "the outage is over")
    done = command("redrive", key_of(22), key_of(24), *why)
    assert (done.exit_code, done.stdout) == (1, "1 done\n")
    assert f"refused {key_of(24)}: redrive.taken" in done.stderr
    assert command("cancel", key_of(22), *why).stdout == "1 done\n"
    assert state_of(day, key_of(22)) == ("cancelled", "person.cancel")


# ---- the page


@pytest.mark.parametrize(
    "path", ["/outreach", "/outreach?part=live", "/outreach?part=recent", "/outreach/history", "/vega.js"]
)
def test_nothing_is_shown_without_a_login(web_app: Any, settings_of_pages: Path, path: str) -> None:
    assert fetch(web_app.create_app(), path).status_code == 401


def test_a_history_is_not_shown_without_a_login_or_to_another_site(web_app: Any, application: Any) -> None:
    assert fetch(web_app.create_app(), "/outreach/history", {"case": "C1"}).status_code == 401
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
        assert fetch(application, "/outreach/history", {"case": "C1"}, **headers).status_code == 403


@pytest.mark.parametrize(("lang", "words"), [("zh", ("当日漏斗", "已承诺")), ("en", ("Funnel of the day", "promised"))])
def test_both_languages_and_an_empty_day(
    application: Any, warehouse: sa.Engine, lake_root: Path, lang: str, words: tuple[str, str]
) -> None:
    empty = fetch(application, f"/outreach?lang={lang}")
    assert empty.status_code == 200
    assert ("No contacts on this day" if lang == "en" else "该日没有触达") in empty.text
    write_day(warehouse, lake_root)
    shown = fetch(application, f"/outreach?lang={lang}").text
    assert all(word in shown for word in words)


def test_only_leads_see_what_changes(web_app: Any, application: Any, day: sa.Engine) -> None:
    assert "data-api=" in fetch(application, "/outreach").text
    from arrears.web.callers import airflow_caller

    application.dependency_overrides[airflow_caller] = lambda: Caller("guest", "viewer", via="airflow")
    for seen in (fetch(application, "/outreach"), fetch(application, "/outreach/history", {"case": "C00900"})):
        assert seen.status_code == 200
        assert "data-api=" not in seen.text
        assert 'type="checkbox"' not in seen.text


def test_bad_questions(application: Any, day: sa.Engine) -> None:
    for path in ("?date=x", "?page=0", "?part=x", f"?channel={'x' * 101}", f"?lang={'x' * 11}"):
        assert fetch(application, f"/outreach{path}").status_code == 422, path
    assert fetch(application, "/outreach?channel=pigeon&page=9999").status_code == 200
    assert fetch(application, "/outreach?date=1999-01-01").status_code == 200
    unknown = fetch(application, "/outreach/history", {"case": "' OR 1=1 --", "lang": "en"})
    assert unknown.status_code == 404
    assert "There is no such case" in unknown.text
    for form in ({"case": "x" * 201}, {"case": "a\x00b"}, {"case": "a\nb"}):
        assert fetch(application, "/outreach/history", form).status_code == 422
    assert fetch(application, "/outreach/history", {"case": "x" * 5000}).status_code == 413
    assert fetch(application, "/outreach/history", {"case": ""}).status_code == 200


def test_a_case_is_found_by_any_of_its_ids_which_stand_in_no_address(application: Any, day: sa.Engine) -> None:
    for asked in ("C00900", "C00900@2026-11-18", "K00900", "L00900"):
        found = fetch(application, "/outreach/history", {"case": asked, "lang": "en"})
        assert found.status_code == 200
        assert "receipt: carried out" in found.text
        assert "cn.unanswered_tries" in found.text
    for text in (fetch(application, "/outreach").text, found.text):
        addresses = re.findall(r'(?:href|data-live|data-api|action)="([^"]*)"', text)
        assert addresses
        assert not [each for each in addresses if re.search(r"C0\d{4}|[0-9a-f]{16}", each)]


def test_markup_is_text(application: Any, day: sa.Engine) -> None:
    with day.begin() as connection:
        connection.execute(
            sa.insert(ContactTask),
            task(
                950, "sms", "dead", state_reason="</script><b>1", attempts=1, customer_id="<i>C</i>", policy_rule="<u>"
            ),
        )
        connection.execute(sa.insert(ContactTask), task(951, "<s>x</s>"))
        connection.execute(
            sa.insert(ContactAction),
            {"at": NINE, "by": "<em>lina</em>", "action": "redrive", "task_key": key_of(950), "why": "<script>1"},
        )
    pages = [fetch(application, "/outreach").text, fetch(application, "/outreach/history", {"case": "<i>C</i>"}).text]
    for text in pages:
        for markup in ("<b>delivered", "</script><b>", "<i>C", "<s>x", "<em>lina", "<script>1", "<u>"):
            assert markup not in text
    spec = re.search(r'id="funnel-spec">(.*?)</script>', pages[0], re.DOTALL)
    assert spec is not None
    assert json.loads(spec[1])["layer"]


def test_dead_letters_are_paged_and_of_one_channel_if_asked(application: Any, warehouse: sa.Engine) -> None:
    rows = [
        task(number, "email" if number % 3 else "sms", "dead", state_reason="smtp.550") for number in range(100, 160)
    ]
    with warehouse.begin() as connection:
        connection.execute(sa.insert(ContactTask), rows)
    first = fetch(application, "/outreach?lang=en").text
    assert first.count('data-key="letter-') == 25
    assert "page 1 of 3" in first
    last = fetch(application, "/outreach?lang=en&channel=sms&page=1").text
    assert last.count('data-key="letter-') == 20
    assert last.count("E-mail") < first.count("E-mail")


def test_what_is_known_is_not_sent_again(application: Any, day: sa.Engine) -> None:
    tag = fetch(application, "/outreach?part=live").headers["etag"]
    assert fetch(application, "/outreach?part=live", **{"if-none-match": tag}).status_code == 304
    handled(day).cancel(LEAD, [key_of(1)], reason="why")
    assert fetch(application, "/outreach?part=live", **{"if-none-match": tag}).status_code == 200


def test_without_a_warehouse_it_says_so(application: Any, web_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = lru_cache(lambda: sa.create_engine("postgresql+psycopg://x:y@127.0.0.1:1/none"))
    monkeypatch.setattr(web_app, "_warehouse", nowhere)
    gone = web_app.create_app()
    gone.dependency_overrides = application.dependency_overrides
    assert fetch(gone, "/outreach").status_code == 503
    assert fetch(gone, "/outreach/history", {"case": "C1"}).status_code == 503


# ---- in a real browser


@pytest.fixture
def served(application: Any, day: sa.Engine, settings_of_pages: Path) -> Iterator[str]:
    from fastapi import FastAPI
    from starlette.requests import Request

    from arrears.api.app import create_api
    from arrears.api.routes import Services
    from arrears.api.settings import ApiSettings

    async def lead(_: Request) -> Caller:
        return LEAD

    def absent(*_: Any) -> Any:
        raise NotImplementedError

    api = create_api(
        Services(desk=absent, performance=absent, healthy=absent),
        lead,
        ApiSettings(),
        lambda: NOW,
        contacts=lambda: handled(day),
        prefix="",
    )
    outer = FastAPI()
    outer.mount("/arrears/api", api)
    outer.mount("/arrears", application)
    with serving(outer) as address:
        yield address


@pytest.fixture
def browse() -> Iterator[Callable[[str], tuple[Any, list[str], list[str]]]]:
    with chromium() as started:

        def go(address: str) -> tuple[Any, list[str], list[str]]:
            tab = started.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB").new_page()
            problems: list[str] = []
            asked: list[str] = []
            tab.on("pageerror", lambda error: problems.append(str(error)))
            tab.on("console", lambda told: problems.append(told.text) if told.type == "error" else None)
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(address)
            return tab, problems, asked

        yield go


@pytest.mark.chromium
def test_a_lead_sees_the_funnel_and_sends_a_dead_letter_again(served: str, browse: Any, day: sa.Engine) -> None:
    tab, problems, asked = browse(f"{served}/arrears/outreach?lang=en")
    tab.locator("#funnel-chart svg").wait_for(timeout=30_000)
    assert tab.locator("#funnel-chart").get_by_text("SMS · 34").count() == 1
    assert tab.locator("[data-key=funnel-sms] td").all_inner_texts() == [
        "34", "9", "0", "0", "5", "0", "3", "0", "17", "1", "12", "3", "2", "1",
    ]  # fmt: skip
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    boxes = tab.locator("input[name=task_keys]")
    assert boxes.count() == 3, "of five dead ones two were taken or are doubtful"
    boxes.first.check()
    tab.locator("#redrive button").click()
    assert tab.locator("#redrive-reason:invalid").count() == 1, "not without a reason"
    tab.locator("#redrive-reason").fill("the outage is over")
    tab.locator("#redrive button").click()
    tab.locator("#outcome", has_text="1 planned again").wait_for(timeout=15_000)
    tab.locator("#recent", has_text="the outage is over").wait_for(timeout=15_000)
    tab.locator("[data-key=funnel-sms] td").nth(4).filter(has_text=re.compile("^6$")).wait_for(timeout=15_000)
    assert boxes.count() == 2
    # where nothing lies on what was planned
    tab.locator("#funnel-chart svg path[aria-roledescription=bar]").first.hover(position={"x": 1000, "y": 12})
    tab.locator("#vg-tooltip-element.visible").wait_for(timeout=15_000)
    assert problems == []
    assert all(url.startswith(served) for url in asked)


@pytest.mark.chromium
def test_a_history_is_asked_for_by_a_form_and_changes_when_a_contact_is_cancelled(served: str, browse: Any) -> None:
    tab, problems, asked = browse(f"{served}/arrears/outreach?lang=zh")
    tab.locator("#history-case").fill("L00900")
    tab.locator("#history-case").press("Enter")
    tab.get_by_text("回执：已送达").wait_for(timeout=15_000)
    tab.locator("input[name=task_keys][form=cancel]").check()
    tab.locator("#cancel-reason").fill("客户已还款")
    tab.locator("#cancel button").click()
    tab.locator("#outcome", has_text="已取消 1 条").wait_for(timeout=15_000)
    tab.locator(".history q", has_text="客户已还款").wait_for(timeout=15_000)
    assert tab.locator("input[name=task_keys][form=cancel]").count() == 0
    assert problems == []
    assert not [url for url in asked if "00900" in url]
