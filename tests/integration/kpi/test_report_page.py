"""The daily report: one file that works from disk, without the internet and without JavaScript, in both languages."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from tests.support.kpi_days import publish_worklist

from arrears.run import open_run
from arrears.settings import Settings
from arrears.steps import run_step
from arrears.warehouse.audit import QualityResultRow

AS_OF = date(2026, 11, 20)


class _Tags(html.parser.HTMLParser):
    """Collects tags that load anything, the ids, and the text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self._inside = tag
        self.loads += [f"{tag} {name}" for name in ("src", "href", "data", "srcset") if values.get(name)]
        if values.get("id"):
            self.ids.append(str(values["id"]))

    def handle_data(self, data: str) -> None:
        if self._inside not in {"script", "style"}:
            self.texts.append(data)


def _write(settings: Settings, ledger: Any) -> Path:
    with open_run(settings, AS_OF) as run:
        publish_worklist(run, ledger)
        with run.warehouse.begin() as connection:
            connection.execute(sa.delete(QualityResultRow))
            connection.execute(
                sa.insert(QualityResultRow),
                [
                    {
                        "check_id": "c1",
                        "as_of": AS_OF,
                        "basis": "frozen",
                        "suite": suite,
                        "rule_id": rule,
                        "table_name": "payments",
                        "passed": passed,
                        "checked_rows": 100,
                        "bad_rows": 0 if passed else 3,
                        "observed": "",
                        "allowed": "",
                    }
                    for suite, rule, passed in (
                        ("blocking", "payments_insane_amount", True),
                        ("advisory", "customers_without_address", False),
                    )
                ],
            )
        for step in ("build_kpis", "load_warehouse"):
            run_step(run, step)
        result = run_step(run, "publish_report")
    return settings.reports_root / result.links["report"]


@pytest.fixture
def settings(make_settings: Callable[..., Settings], pg_url: str) -> Settings:
    return make_settings(warehouse_url=pg_url, clock=f"{AS_OF}T09:30:00")


@pytest.fixture
def page(settings: Settings, lender: dict[str, pa.Table]) -> Path:
    return _write(settings, lender)


def test_the_report_is_one_file_that_loads_nothing(page: Path, settings: Settings) -> None:
    assert page == settings.reports_root / "daily" / "2026-11-20.html"
    tags = _Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    assert tags.loads == []
    assert len(tags.ids) == len(set(tags.ids))
    assert {"distribution", "month-ends", "days", "rolls-contracts", "rolls-balance", "roll-trend"} <= set(tags.ids)
    assert {"collectors", "queues", "plan"} <= set(tags.ids)


def test_every_figure_is_readable_without_javascript(page: Path, lender: dict[str, pa.Table]) -> None:
    tags = _Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    text = " ".join(" ".join(tags.texts).split())
    for words in (
        "Bucket distribution 逾期分布",
        "Roll rates 迁徙率",
        "Net-flow rates 滚动率",
        "Allocation 案件分配",
        "Channels 触达渠道",
        "Top of the pool 抢单池",
        "1 failed 未通过",
        "customers_without_address",
        "frozen 不追溯",
        "M7+",
        "Senior phone 资深电催",
    ):
        assert words in text, words


def test_nothing_personal_is_in_it(page: Path, lender: dict[str, pa.Table]) -> None:
    text = page.read_text(encoding="utf-8")
    shown = text[: text.index("<script>")] + text[text.rindex("<script>") :]
    for table, columns in (("customers", ("name", "phone", "email")), ("collectors", ("name",))):
        for column in columns:
            values = {value for value in lender[table][column].to_pylist() if value}
            assert values
            assert not {value for value in values if value in shown}, f"{table}.{column}"


def test_a_second_run_writes_the_same_page(page: Path, settings: Settings, lender: dict[str, pa.Table]) -> None:
    first = page.read_bytes()
    assert _write(settings, lender).read_bytes() == first


def test_an_empty_day_has_a_report_as_well(settings: Settings) -> None:
    page = _write(settings, {})
    text = page.read_text(encoding="utf-8")
    assert "No contract in the book" in text
    assert "The pool is empty" in text
    assert re.search(r"const specs = \{\};", text)


def test_a_restated_day_has_a_page_of_its_own(
    make_settings: Callable[..., Settings], pg_url: str, lender: dict[str, pa.Table]
) -> None:
    later = make_settings(warehouse_url=pg_url, clock="2026-11-23T09:30:00")
    assert _write(later, lender).name == "2026-11-20.restated.html"


@pytest.mark.chromium
def test_the_charts_are_drawn_from_disk_without_a_network(page: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        context = browser.new_context(offline=True)
        tab = context.new_page()
        problems: list[str] = []
        asked: list[str] = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.as_uri())
        drawn = [
            place.get_attribute("id")
            for place in tab.query_selector_all(".chart")
            if place.wait_for_selector("svg.marks", timeout=30_000)
        ]
        browser.close()
    assert problems == []
    assert asked == [page.as_uri()]
    assert len(drawn) == 9


def _chromium() -> str:
    import shutil

    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.fail("no Chromium on this machine")
