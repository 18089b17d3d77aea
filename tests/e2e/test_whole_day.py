"""The whole day on the real stack: Airflow, PostgreSQL, gateway and browser, on the demo and on the real ledger."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from rich.console import Console

from arrears.outreach.channels.names import CHANNELS
from arrears.settings import PROJECT, Settings
from arrears.stack.airflow_api import AirflowApi, DagRun, TaskRun
from arrears.stack.day import open_stack, ready_for_the_day
from arrears.stack.follow import CHAIN, FIRST, DayProgress
from arrears.stack.home import ADMIN
from arrears.stack.summary import print_summary, read_summary
from arrears.stack.supervisor import Stack
from arrears.steps import STEPS
from arrears.warehouse.connect import open_warehouse
from arrears.web.day_view import DayView

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(1800)]

DAY = date(2026, 11, 20)
PAST = (date(2026, 11, 18), date(2026, 11, 19))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Tables = dict[str, Counter[str]]


@dataclass(frozen=True)
class Running:
    """A stack that runs, and the day that it ran first."""

    stack: Stack
    api: AirflowApi
    progress: DayProgress
    view: DayView
    told: str
    """What the console showed."""


@contextmanager
def folder() -> Iterator[Path]:
    """A folder outside of pytest's own, which every pytest session closes to the user that PostgreSQL runs as."""
    path = Path(tempfile.mkdtemp(prefix="arrears-e2e-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture
def home() -> Iterator[Path]:
    """Where a stack of one test keeps its state."""
    with folder() as path:
        yield path / "home"


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    """The stack on a small demo lender, with one day run through the Dags."""
    shown = io.StringIO()
    with folder() as path, pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("ARREARS_")]:
            environment.delenv(name)
        environment.setenv("ARREARS_HOME", str(path / "home"))
        environment.setenv("ARREARS_DEMO_CONTRACTS", "3000")
        stack = open_stack(DAY.isoformat(), fixed_clock=True, console=Console(file=shown, width=120))
        with stack.running() as api:
            ready_for_the_day(api, stack.as_of)
            progress = stack.run_day(api)
            view = read_summary(stack.settings, progress)
            print_summary(stack.display.console, stack.settings, view, progress)
            yield Running(stack, api, progress, view, shown.getvalue())


IN_ITS_TIME = {"ops.partner_file": ("acknowledged_at", "accepted", "reason")}
"""What a partner answers when it likes, whatever is cleared meanwhile."""


def tables(running: Running, *schemas: str) -> Tables:
    """All rows of the schemas' tables, as text, however they are ordered."""
    found: Tables = {}
    engine = open_warehouse(running.stack.settings)
    try:
        with engine.connect() as connection:
            for schema in schemas:
                metadata = sa.MetaData()
                metadata.reflect(connection, schema=schema)
                for table in metadata.sorted_tables:
                    kept = [column for column in table.c if column.name not in IN_ITS_TIME.get(table.fullname, ())]
                    rows = connection.execute(sa.select(*kept))
                    found[table.fullname] = Counter(str(tuple(row)) for row in rows)
    finally:
        engine.dispose()
    return found


def differences(before: Tables, after: Tables) -> dict[str, list[str]]:
    return {
        name: [*(before[name] - after[name]), *(after[name] - before[name])][:6]
        for name in before
        if before[name] != after[name]
    }


def gateway(running: Running) -> tuple[int, int, int]:
    """Messages that the gateway got, how often it was given one, and the most effects that one had."""
    with sqlite3.connect(f"file:{running.stack.settings.home / 'gateway' / 'gateway.sqlite'}?mode=ro", uri=True) as db:
        found = db.execute("SELECT count(*), coalesce(sum(given), 0), coalesce(max(effects), 0) FROM message")
        messages, given, effects = found.fetchone()
    return messages, given, effects


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 900) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.5)


def ended(api: AirflowApi, day: date) -> Counter[str]:
    """Ended runs of the day by Dag."""
    return Counter(run.dag_id for run in api.runs(day) if run.ended)


def task_of(api: AirflowApi, dag_id: str, task_id: str) -> tuple[DagRun, TaskRun]:
    """A task of the newest run of its Dag for the day."""
    run = [run for run in api.runs(DAY) if run.dag_id == dag_id][-1]
    return run, next(task for task in api.tasks(run) if task.task_id == task_id)


def answer_what_waits(api: AirflowApi, option: str) -> int:
    """Answers every question of the day that waits; how many there were."""
    answered = 0
    for run in [run for run in api.runs(DAY) if run.dag_id == "approvals_daily" and not run.ended]:
        waiting = [task for task in api.tasks(run) if task.state == "awaiting_input"]
        for task in waiting:
            api.answer(task, option)
            wait_for(lambda run=run: dict(_states(api))[run.run_id] in {"success", "failed"}, "the end of approvals")
            answered += 1
    return answered


def take_in_what_partners_say(running: Running) -> None:
    """Reconciles until partners have acknowledged all that they were handed, and reported of what they accepted: what
    is compared later waits for none.
    """
    engine = open_warehouse(running.stack.settings)
    waits = sa.text(
        "SELECT count(*) FROM ops.partner_file AS placed WHERE kind = 'placement' AND (acknowledged_at IS NULL"
        " OR accepted AND NOT EXISTS (SELECT 1 FROM ops.partner_file AS told WHERE told.kind = 'results'"
        " AND told.file = replace(placed.file, '.csv', '.results.csv')))"
    )
    try:
        for _ in range(5):
            with engine.connect() as connection:
                if not connection.scalar(waits):
                    return
            run, task = task_of(running.api, "outreach_daily", "reconcile_contacts")
            running.api.clear(task)
            tried = task.try_number
            wait_for(
                lambda tried=tried: task_of(running.api, "outreach_daily", "reconcile_contacts")[1].try_number > tried,
                "the task's next try",
            )
            wait_for(lambda run=run: dict(_states(running.api))[run.run_id] == "success", "the end of outreach_daily")
    finally:
        engine.dispose()
    pytest.fail("a partner does not acknowledge what it was handed, or does not report of it")


def _states(api: AirflowApi) -> list[tuple[str, str]]:
    return [(run.run_id, run.state) for run in api.runs(DAY)]


def test_the_day_goes_through_all_dags(demo: Running) -> None:
    assert demo.progress.failed_runs == []
    states = {item.run.dag_id: item.run.state for item in demo.progress.runs}
    assert states == {**dict.fromkeys(CHAIN, "success"), "approvals_daily": "running"}
    assert [item.run.dag_id for item in demo.progress.runs if item.waits_for_a_person] == ["approvals_daily"]


def test_every_step_is_on_record_but_the_one_that_waits(demo: Running) -> None:
    assert {step.name for step in demo.view.steps if step.state == "success"} == set(STEPS) - {"push_approved"}
    assert demo.view.failed == []


def test_the_summary_tells_the_day(demo: Running) -> None:
    view = demo.view
    assert sum(view.buckets.values()) == view.figure("age_contracts", "live")
    assert view.pool > 0
    assert view.contacts_out > 0
    assert view.approvals
    for said in ("M0 ", "in the grab pool", "wait for a person", "rows in mart", "quality report: ", "pull_ledger"):
        assert said in demo.told, f"{said!r} is not in the summary"


def test_the_documents_are_written_and_linked_from_their_tasks(demo: Running) -> None:
    for dag_id, task_id, name in (
        ("ledger_daily", "check_quality", "quality report"),
        ("kpi_daily", "publish_report", "report"),
    ):
        run, _ = task_of(demo.api, dag_id, task_id)
        link = demo.api.extra_links(run, task_id)[name]
        path = link.partition("/arrears/documents/")[2]
        assert (demo.stack.settings.reports_root / path).is_file(), f"{task_id} links {link}"


def test_personal_data_stay_out_of_logs_and_xcoms(demo: Running) -> None:
    lender = sa.create_engine(sa.make_url(demo.stack.settings.ledger.get_secret_value()))  # type: ignore[union-attr]
    with lender.connect() as connection:
        rows = connection.execute(sa.text("SELECT name, phone, email FROM customers LIMIT 400")).all()
    lender.dispose()
    personal = {str(value) for row in rows for value in row if value and len(str(value)) > 8}
    assert len(personal) > 400, "else this test looks for nothing"
    home = demo.stack.settings.home
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in home.rglob("*.log")]
    texts += [str(demo.api.xcoms(run)) for run in demo.api.runs(DAY)]
    found = {value for value in personal for text in texts if value in text}
    assert found == set()


@pytest.mark.parametrize(
    ("dag_id", "task_id", "starts"),
    [
        ("strategy_daily", "age_contracts", ("worklist_daily", "outreach_daily", "approvals_daily", "kpi_daily")),
        ("outreach_daily", "reconcile_contacts", ()),
    ],
)
def test_clearing_a_step_changes_nothing_and_sends_nothing_twice(
    demo: Running, dag_id: str, task_id: str, starts: tuple[str, ...]
) -> None:
    api = demo.api
    # a question that waits would be asked again; what was answered stays answered
    answer_what_waits(api, "Approve")
    take_in_what_partners_say(demo)
    before, sent, runs = tables(demo, "ops", "mart"), gateway(demo), ended(api, DAY)
    run, task = task_of(api, dag_id, task_id)
    api.clear(task)
    wait_for(lambda: task_of(api, dag_id, task_id)[1].try_number > task.try_number, "the task's next try")
    wait_for(lambda: dict(_states(api))[run.run_id] == "success", f"the end of {dag_id}")
    wait_for(lambda: all(ended(api, DAY)[each] > runs[each] for each in starts), "the end of what listens")
    assert [run.dag_id for run in api.runs(DAY) if run.state == "failed"] == []
    assert differences(before, tables(demo, "ops", "mart")) == {}
    assert gateway(demo) == sent
    assert sent[2] == 1, "a contact had its effect more than once"


def test_past_days_reach_the_mart_and_change_nothing_else(demo: Running) -> None:
    answer_what_waits(demo.api, "Approve")
    take_in_what_partners_say(demo)
    before, mart, sent = tables(demo, "ops"), tables(demo, "mart"), gateway(demo)
    demo.api.backfill("ledger_daily", *PAST)
    for day in PAST:
        wait_for(lambda day=day: set(ended(demo.api, day)) == set(CHAIN), f"the end of {day}")
        assert {run.dag_id: run.state for run in demo.api.runs(day)} == dict.fromkeys(CHAIN, "success")
    assert differences(before, tables(demo, "ops")) == {}
    assert gateway(demo) == sent
    after = tables(demo, "mart")
    assert {name: list(mart[name] - after[name]) for name in mart if mart[name] - after[name]} == {}, "rows were lost"
    assert set(_loaded_days(demo)) >= {(day, "restated") for day in PAST} | {(DAY, "frozen")}


def _loaded_days(running: Running) -> list[tuple[date, str]]:
    engine = open_warehouse(running.stack.settings)
    try:
        with engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT DISTINCT as_of, basis FROM mart.portfolio_day"))
            return [(row.as_of, row.basis) for row in rows]
    finally:
        engine.dispose()


@pytest.mark.chromium
def test_the_page_in_a_browser(demo: Running, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    browser = next(path for name in BROWSERS if (path := shutil.which(name)))
    url = demo.api.url
    elsewhere: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
        page = chromium.new_page(viewport={"width": 1366, "height": 900}, locale="zh-CN")
        page.on("request", lambda request: elsewhere.append(request.url) if url not in request.url else None)
        answer = page.goto(f"{url}/arrears/day")
        assert answer is not None
        assert answer.status == 401, "the page is open to anyone"
        page.goto(f"{url}/auth/login")
        page.fill("input[name=username]", ADMIN)
        page.fill("input[name=password]", demo.stack.home.admin_password())
        page.click("button[type=submit]")
        page.wait_for_url(lambda at: "/auth/login" not in at)
        page.get_by_role("link", name="Day 日览").click()
        frame = page.frame_locator("iframe")
        frame.get_by_role("heading", name="日览").wait_for()
        frame.get_by_role("link", name="English").click()
        frame.get_by_role("heading", name=f"Day {DAY}").wait_for()
        page.screenshot(path=tmp_path / "frame.png")
        assert frame.get_by_text("Age the contracts").count() == 1

        page.goto(f"{url}/arrears/day?date={DAY}&lang=en")
        elsewhere = [address for address in elsewhere if not address.startswith(("data:", "blob:"))]
        words = page.locator("main").inner_text()
        for bucket, count in demo.view.buckets.items():
            assert re.search(rf"{re.escape(bucket)}\s+{count:,}", words), f"{bucket} is not on the page"
        # by keyboard alone: to the day before, which has not been run or is a restated one
        page.get_by_role("link", name="Previous day").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(lambda at: "date=2026-11-19" in at)
        for name in ("quality/2026-11-20/frozen/index.html", "daily/2026-11-20.html"):
            document = page.goto(f"{url}/arrears/documents/{name}")
            assert document is not None
            assert document.status == 200
            page.wait_for_load_state("networkidle")
            assert page.evaluate("window.origin") == "null", "the document shares the session's origin"
        page.locator("canvas, svg").first.wait_for()
        chromium.close()
    assert elsewhere == [], "something was asked from the internet"


def run_stack(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "arrears.stack", *arguments],
        env=_environment(home, variables),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )


def _environment(home: Path, variables: dict[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ARREARS_", "AIRFLOW"))}
    return {**clean, "ARREARS_HOME": str(home), **variables}


def left_behind(home: Path) -> list[str]:
    """Processes that have to do with `home`."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            about = " ".join(process.info["cmdline"] or []) + process.environ().get("ARREARS_HOME", "")
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if str(home) in about and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(about[:200])
    return found


def test_a_day_cleared_after_a_partial_push_sends_the_rest_and_nothing_twice(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the texts are taken and the answer is lost, half of the calls are refused; then all is well again."""
    for name in [name for name in os.environ if name.startswith("ARREARS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARREARS_HOME", str(home))
    monkeypatch.setenv("ARREARS_DEMO_CONTRACTS", "2000")
    stack = open_stack(DAY.isoformat(), fixed_clock=True, console=Console(file=io.StringIO()))
    with stack.running() as api:
        ready_for_the_day(api, stack.as_of)
        for channel, mode in PARTIAL.items():
            misbehave(home, channel, mode, "--share", "0.5", "--seed", "7")
        first = api.trigger(FIRST, DAY)
        wait_for(lambda: pushes(api).keys() == set(CHANNELS), "the push")
        wait_for(lambda: {pushes(api)[channel] for channel in PARTIAL} == {"up_for_retry"}, "the failure of the push")
        wait_for(lambda: set(pushes(api).values()) == {"up_for_retry", "success"}, "the end of the other channels")
        for channel in PARTIAL:
            misbehave(home, channel, "ok")
        partly, went = given(home), sent(stack.settings)
        for channel in PARTIAL:
            assert 0 < went[channel] < len(outbox(stack.settings)[channel]), f"{channel}: not a part"
        pull = next(task for task in api.tasks(first) if task.task_id == "pull_ledger")
        api.clear(pull)
        twice = ("strategy_daily", "worklist_daily", "outreach_daily", "kpi_daily")
        wait_for(lambda: all(ended(api, DAY)[each] >= 2 for each in twice), "the second day")
        assert [run.dag_id for run in api.runs(DAY) if run.state == "failed"] == []
        whole, tasks = given(home), outbox(stack.settings)
    for channel in PARTIAL:
        assert set(tasks[channel].values()) <= {"sent", "delivered", "dead"}, "something did not go"
        assert {key for name, key in whole if name == channel} == set(tasks[channel])
    assert {effects for _, effects in whole.values()} == {1}, "a contact had its effect more than once"
    sms = [key for key in partly if key[0] == "sms"]
    assert any(whole[key][0] > partly[key][0] for key in sms), "no text was in doubt"
    again = [key for key in partly if key not in sms and whole[key] != partly[key]]
    assert again == [], "what was taken was given again"


PARTIAL = {"sms": "drop_after_accept", "dialer": "500"}


def misbehave(home: Path, *arguments: str) -> None:
    """Tells the gateway to misbehave, as its command does."""
    command = [str(Path(sys.executable).with_name("arrears")), "demo", "gateway", "misbehave", *arguments]
    subprocess.run([*command, "--home", str(home / "gateway")], check=True, capture_output=True, timeout=60)


def pushes(api: AirflowApi) -> dict[str, str]:
    """States of the day's first push, by channel."""
    runs = api.runs(DAY, dag_id="outreach_daily")
    tasks = api.tasks(runs[0]) if runs else []
    return {CHANNELS[task.map_index]: task.state for task in tasks if task.map_index >= 0}


def given(home: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """How often the gateway was given each message, and how many effects it had, by channel and key."""
    with sqlite3.connect(f"file:{home / 'gateway' / 'gateway.sqlite'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT channel, key, given, effects FROM message")
        return {(channel, key): (times, effects) for channel, key, times, effects in rows}


def outbox(settings: Settings) -> dict[str, dict[str, str]]:
    """State of every contact that no rule stopped and whose window is open at 09:30, by channel and key."""
    engine = open_warehouse(settings)
    try:
        with engine.connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT channel, task_key, state FROM ops.contact_task WHERE state <> 'blocked'"
                    " AND window_opens_at AT TIME ZONE 'Asia/Shanghai' <= '2026-11-20 09:30'"
                )
            )
            found: dict[str, dict[str, str]] = {}
            for row in rows:
                found.setdefault(row.channel, {})[row.task_key] = row.state
            return found
    finally:
        engine.dispose()


def sent(settings: Settings) -> Counter[str]:
    """How many contacts of each channel are known to have gone."""
    return Counter(
        channel
        for channel, states in outbox(settings).items()
        for state in states.values()
        if state in {"sent", "delivered", "dead"}
    )


@pytest.mark.real_ledger
def test_the_real_ledger_gives_the_known_answer(real_ledger: Path, home: Path) -> None:
    ended = run_stack(
        home, "run", ARREARS_LEDGER=str(real_ledger), ARREARS_AS_OF="2017-11-30", ARREARS_MATERIALITY="10%"
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    buckets = {name: int(count.replace(",", "")) for name, count in re.findall(r"(M\d+\+?) ([\d,]+)", ended.stdout)}
    assert [buckets.pop(name) for name in ("M0", "M1", "M2", "M3")] == [2703, 288, 93, 24]
    assert sum(buckets.values()) == 40
    report = re.search(r"^\s*report: (.+)$", ended.stdout, re.MULTILINE)
    assert report is not None
    assert Path(report[1].strip()).is_file()
    assert left_behind(home) == []


def test_a_ledger_that_breaks_its_contract_names_the_failing_task(home: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    (ledger / "customers.csv").write_text("customer_id\nC1\n", encoding="utf-8")
    ended = run_stack(home, "run", ARREARS_LEDGER=str(ledger), ARREARS_AS_OF="2026-11-20")
    assert ended.returncode == 1, ended.stdout[-4000:] + ended.stderr[-2000:]
    assert "ledger_daily.pull_ledger" in ended.stdout
    assert "contracts" in ended.stdout, "the missing table is not named"
    assert left_behind(home) == []


def test_an_interrupted_start_leaves_nothing_behind(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "arrears.stack", "up", "--as-of", "2026-11-20"],
        env=_environment(home, {"ARREARS_DEMO_CONTRACTS": "200"}),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as starting:
        wait_for((home / "stack" / "logs" / "scheduler.log").exists, "the scheduler's start", 300)
        starting.send_signal(signal.SIGTERM)
        assert starting.wait(timeout=120) == 130
    assert left_behind(home) == []


def test_down_clears_up_after_a_supervisor_that_was_killed(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "arrears.stack", "up", "--as-of", "2026-11-20"],
        env=_environment(home, {"ARREARS_DEMO_CONTRACTS": "200"}),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as starting:
        wait_for((home / "stack" / "logs" / "scheduler.log").exists, "the scheduler's start", 300)
        starting.kill()
    assert left_behind(home) != []
    down = run_stack(home, "down")
    assert down.returncode == 0, down.stderr
    assert left_behind(home) == []
    assert "nothing runs" in run_stack(home, "down").stdout
