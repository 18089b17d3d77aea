"""A preview on a day: the real mechanism on both sides, the same bytes twice, and no trace where others read."""

from __future__ import annotations

import csv
import hashlib
import html.parser
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from arrears.cli import app
from arrears.errors import NotPublishedError, RulesError
from arrears.lake import Lake
from arrears.ledger.contract import TABLES
from arrears.preview.publish import run_preview
from arrears.rules.rule_set import load_rule_set
from arrears.run import open_run
from arrears.settings import Settings, load_settings
from arrears.shadow import shadow_run
from arrears.steps import run_step
from arrears.warehouse.connect import open_warehouse

from .conftest import AS_OF

Change = Callable[..., Path]

WATCH = ("treatments.yaml", "score_view in ('rolling', 'agency')", "score_view in ('rolling', 'agency', 'neutral')")


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def database(settings: Settings) -> dict[str, list[Any]]:
    """Every row of every table of ops, mart and audit."""
    engine = open_warehouse(settings)
    metadata = sa.MetaData()
    rows: dict[str, list[Any]] = {}
    with engine.connect() as connection:
        for schema in ("ops", "mart", "audit"):
            metadata.reflect(connection, schema=schema)
        for table in metadata.sorted_tables:
            rows[table.fullname] = sorted(map(repr, connection.execute(sa.select(table))))
    engine.dispose()
    return rows


def preview_of(settings: Settings, folder: Path) -> tuple[dict[str, Any], Path]:
    _, result = run_preview(settings, folder=folder)
    page = settings.reports_root / result.links["preview"]
    document: dict[str, Any] = json.loads(page.with_name("preview.json").read_text(encoding="utf-8"))
    return document, page.parent


def test_nothing_that_others_read_is_written(settings: Settings, change: Change) -> None:
    before, rows = files(settings.home), database(settings)
    assert any(rows["ops.case"]), "the day has no cases: the test would prove nothing"
    document, folder = preview_of(settings, change(*WATCH))
    after = files(settings.home)
    new = {name for name in after if after[name] != before.get(name)}
    assert document["totals"]["changed_cases"] > 0
    assert {name: after.get(name) for name in before} == before
    place = folder.relative_to(settings.home).as_posix()
    assert {name for name in new if not name.startswith("previews/shadow/")} == {
        f"{place}/{name}" for name in (".lock", "changes.csv", "changes.parquet", "preview.html", "preview.json")
    }
    assert {Path(name).suffix for name in new if name.startswith("previews/shadow/")} == {".lock"}
    assert database(settings) == rows


def test_the_present_side_is_what_the_day_itself_decided(settings: Settings, change: Change) -> None:
    document, _ = preview_of(settings, change(*WATCH))
    with open_run(settings, AS_OF) as run:
        cases = run.lake.read("cases", run.day).to_pylist()
        assignment = run.lake.read("assignment", run.day).to_pylist()
        plan = run.lake.read("contact_plan", run.day).to_pylist()
    assert document["totals"]["before_cases"] == len(cases)
    for name, column in (("segment", "segment"), ("treatment", "treatment"), ("queue", "queue")):
        counted: dict[str, int] = {}
        for flow in document["flows"][name]:
            counted[flow["before"]] = counted.get(flow["before"], 0) + flow["cases"]
        real = [case[column] for case in cases]
        assert counted == {state: real.count(state) for state in set(real)}, name
    queues = {row["queue"]: row["before"] for row in document["load"]["queues"]}
    for queue, load in queues.items():
        mine = [row for row in assignment if row["queue"] == queue]
        assert (load["cases"], load["pool"]) == (len(mine), sum(row["collector_id"] is None for row in mine)), queue
    planned = sum(row["before"]["planned"] for row in document["load"]["channels"])
    assert planned == sum(row["verdict"] == "planned" for row in plan)


def test_the_changed_side_is_what_the_day_decides_once_the_rules_are_changed(
    settings: Settings, change: Change, tmp_path: Path
) -> None:
    folder = change(*WATCH)
    document, where = preview_of(settings, folder)
    listed = pq.read_table(where / "changes.parquet").to_pylist()
    rules = tmp_path / "all_rules"
    subprocess.run(["cp", "-r", str(settings.rules), str(rules)], check=True)
    subprocess.run(["cp", str(folder / "treatments.yaml"), str(rules)], check=True)
    with open_run(settings, AS_OF) as run:
        before = {case["customer_id"]: case for case in run.lake.read("cases", run.day).to_pylist()}
    with open_run(settings.model_copy(update={"rules": rules}), AS_OF) as run:
        for step in ("tier_balances", "apply_rules", "publish_treatments"):
            run_step(run, step)
        after = {case["customer_id"]: case for case in run.lake.read("cases", run.day).to_pylist()}
    moved = {key for key in before if before[key]["segment"] != after[key]["segment"]}
    assert {row["customer_id"] for row in listed if row["before_segment"] != row["after_segment"]} == moved
    assert document["moved"]["segment"] == len(moved) > 0
    for row in listed:
        case = after[row["customer_id"]]
        assert (row["after_segment"], row["after_treatment"], row["after_queue"], row["after_channels"]) == (
            case["segment"],
            case["treatment"],
            case["queue"],
            case["channels"],
        )


def test_what_working_the_recovery_book_would_bring(settings: Settings, change: Change) -> None:
    document, where = preview_of(settings, change("ageing.yaml", "recovery_book: left", "recovery_book: worked"))
    with open_run(settings, AS_OF) as run:
        contracts = run.lake.read("contracts", run.day).to_pylist()
        cases = {row["customer_id"] for row in run.lake.read("cases", run.day, ["customer_id"]).to_pylist()}
    off = {row["customer_id"] for row in contracts if row["written_off_on"] and row["written_off_on"] <= AS_OF}
    listed = pq.read_table(where / "changes.parquet").to_pylist()
    new = {row["customer_id"] for row in listed if row["before_segment"] is None}
    assert new
    assert new <= off - cases
    assert document["totals"]["after_cases"] == len(cases) + len(new)
    # a hold on a contract of the other book may stop a customer, whose case then changes too
    assert {row["customer_id"] for row in listed} <= off


def test_the_same_rules_change_nothing(settings: Settings, change: Change) -> None:
    document, where = preview_of(settings, change("treatments.yaml", "segment:", "segment:"))
    assert document["files"] == []
    assert document["present"] == document["changed"]
    assert set(document["moved"].values()) == {0}
    totals = document["totals"]
    assert [totals[f"{name}_cases"] for name in ("changed", "harsher", "milder", "other_collector")] == [0, 0, 0, 0]
    for rows in document["load"].values():
        assert all(row["before"] == row["after"] for row in rows)
    assert all(row["before"] == row["after"] for row in document["fairness"]["groups"])
    assert pq.read_table(where / "changes.parquet").num_rows == 0
    assert "No case changes" in (where / "preview.html").read_text(encoding="utf-8")


def test_twice_the_same_bytes(settings: Settings, change: Change) -> None:
    folder = change(*WATCH)
    _, where = preview_of(settings, folder)
    first = files(where)
    assert preview_of(settings, folder)[1] == where
    assert files(where) == first


def test_other_buckets_are_aged_again(settings: Settings, change: Change) -> None:
    document, _ = preview_of(settings, change("ageing.yaml", "grace_days: 0", "grace_days: 3"))
    assert document["moved"]["bucket"] > 0
    assert {flow["after"] for flow in document["flows"]["bucket"] if flow["before"] != flow["after"]} >= {"M0"}
    assert document["totals"]["milder_cases"] > 0


def test_a_tighter_cap_shows_what_it_cuts(settings: Settings, change: Change) -> None:
    document, _ = preview_of(settings, change("contact.yaml", "contacts_per_customer: 3", "contacts_per_customer: 1"))
    rules = {
        row["verdict_rule"]: (row["before"]["contacts"], row["after"]["contacts"]) for row in document["contact_rules"]
    }
    before, after = rules["cap.customer"]
    assert before is None
    assert after > 0
    assert document["moved"]["treatment"] == 0
    assert document["totals"]["changed_cases"] > 0


def test_a_wrong_rule_set_is_not_tried_and_every_error_is_told(settings: Settings, change: Change) -> None:
    change("treatments.yaml", "score_view in ('rolling', 'agency')", "scor_view in ('rolling', 'agency')")
    folder = change("profile.yaml", "years_employed < 2", "years_emplyed < 2")
    before = files(settings.home)
    with pytest.raises(RulesError) as told:
        run_preview(settings, folder=folder)
    for part in ("scor_view", "years_emplyed", "treatments.yaml", "profile.yaml"):
        assert part in str(told.value), part
    assert files(settings.home) == before


def test_a_file_that_no_rule_set_has_is_refused(settings: Settings, change: Change) -> None:
    folder = change(*WATCH)
    (folder / "treatment.yaml").write_text("x: 1\n", encoding="utf-8")
    with pytest.raises(RulesError, match=r"treatments\.yaml"):
        run_preview(settings, folder=folder)


def test_a_day_without_a_published_ledger_is_named(settings: Settings, change: Change) -> None:
    with pytest.raises(NotPublishedError, match="the ledger of 2026-11-19 to be published"):
        run_preview(settings, folder=change(*WATCH), as_of=date(2026, 11, 19))


def test_a_ledger_that_was_touched_is_not_used(settings: Settings, change: Change) -> None:
    with open_run(settings, AS_OF) as run, run.lake.replace("contracts", run.day) as aside:
        duckdb.sql(f"SELECT * FROM '{run.lake.files('contracts', run.day)[0]}' LIMIT 5").write_parquet(str(aside))  # noqa: S608
    with pytest.raises(NotPublishedError, match="other files for contracts"):
        run_preview(settings, folder=change(*WATCH))


def test_it_needs_no_step_of_the_day_but_the_ledger(settings: Settings, change: Change, tmp_path: Path) -> None:
    folder = change(*WATCH)
    whole, _ = preview_of(settings, folder)
    bare = settings.model_copy(update={"lake": tmp_path / "bare"})
    source, target = Lake(settings.lake_root), Lake(bare.lake_root)
    with open_run(settings, AS_OF) as run:
        for table in TABLES:
            with target.replace(table, run.day) as aside:
                aside.write_bytes(source.files(table, run.day)[0].read_bytes())
        target.publish("ledger", run.day, list(TABLES))
    again, _ = preview_of(bare, folder)
    assert again == whole


def test_a_killed_preview_leaves_nothing_that_is_read(settings: Settings, change: Change) -> None:
    folder = change(*WATCH)
    before, rows = files(settings.lake_root), database(settings)
    code = (
        "import os, signal, sys\n"
        "from datetime import date\n"
        "from pathlib import Path\n"
        "import arrears.preview.preview as preview\n"
        "def die(*args, **kwargs):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "preview.compare_sides = die\n"
        "from arrears.preview.publish import run_preview\n"
        "from arrears.settings import load_settings\n"
        "run_preview(load_settings(), folder=Path(sys.argv[1]))\n"
    )
    assert settings.warehouse_url is not None
    environment = {
        **os.environ,
        "ARREARS_HOME": str(settings.home),
        "ARREARS_CLOCK": f"{AS_OF}T09:30:00",
        "ARREARS_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
    }
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert files(settings.lake_root) == before
    assert database(settings) == rows
    assert not list((settings.reports_root / "previews").glob("*/*"))
    assert any((settings.home / "previews" / "shadow").rglob("*.parquet"))
    preview_of(settings, folder)
    assert not any((settings.home / "previews" / "shadow").rglob("*.parquet"))


def test_a_side_cannot_write_to_the_warehouse(settings: Settings, tmp_path: Path) -> None:
    with open_run(settings, AS_OF) as run:
        side = shadow_run(run, tmp_path / "side", load_rule_set(settings.rules, AS_OF))
        with (
            pytest.raises(sa.exc.InternalError, match="read-only transaction"),
            side.warehouse.begin() as connection,
        ):
            connection.execute(sa.text("DELETE FROM ops.case_assignment"))
        side.close()


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.loads += [tag for name in ("src", "data", "srcset") if values.get(name)]
        self.links += [str(values["href"])] if values.get("href") else []
        self.ids += [str(values["id"])] if values.get("id") else []


def test_the_report_is_one_file_and_has_nothing_personal(settings: Settings, change: Change) -> None:
    _, where = preview_of(settings, change(*WATCH))
    text = (where / "preview.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.loads == []
    assert set(page.links) == {"changes.csv", "preview.json"}
    assert len(page.ids) == len(set(page.ids))
    assert {"heat-segment", "heat-queue", "queues", "teams", "channels", "group-age"} <= set(page.ids)
    for words in ("Strategy preview 策略预演", "Nothing here is in force", "Where the cases go 案件流向", "low_watch"):
        assert words in text.replace("<span>", "").replace("</span>", ""), words
    with open_run(settings, AS_OF) as run:
        people = run.lake.read("customers", run.day, ["name", "phone", "email", "birth_date"]).to_pylist()
    private = {str(value) for person in people for value in person.values() if value}
    for name in ("preview.html", "preview.json", "changes.csv"):
        content = (where / name).read_text(encoding="utf-8")
        assert not [value for value in private if len(value) > 2 and value in content], name


def test_all_changed_cases_are_in_both_files(settings: Settings, change: Change) -> None:
    document, where = preview_of(settings, change(*WATCH))
    table = pq.read_table(where / "changes.parquet")
    with (where / "changes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == table.num_rows == document["totals"]["changed_cases"]
    assert [row["customer_id"] for row in rows] == table["customer_id"].to_pylist()
    amounts = table["overdue_amount"].to_pylist()
    assert amounts == sorted(amounts, reverse=True)


def test_the_command_tells_what_it_found_and_where_it_is(
    settings: Settings, change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.warehouse_url is not None
    monkeypatch.setenv("ARREARS_HOME", str(settings.home))
    monkeypatch.setenv("ARREARS_WAREHOUSE_URL", settings.warehouse_url.get_secret_value())
    out = tmp_path / "out"
    command = ["strategy", "preview", "--rules", str(change(*WATCH)), "--clock", f"{AS_OF}T09:30", "--out", str(out)]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert "changed_cases: " in told.output
    assert str(out / "preview.html") in told.output
    assert json.loads((out / "preview.json").read_text(encoding="utf-8"))["schema"] == "arrears-preview/1"
    assert not (settings.reports_root / "previews").exists()


def test_the_command_refuses_wrong_rules_with_their_place(
    settings: Settings, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARREARS_HOME", str(settings.home))
    folder = change("treatments.yaml", "score_view in ('rolling', 'agency')", "scor_view in ('rolling', 'agency')")
    told = CliRunner().invoke(app, ["strategy", "preview", "--rules", str(folder), "--clock", "2026-11-21T09:30"])
    assert told.exit_code == 1
    assert "scor_view" in told.output
    assert "treatments.yaml:" in told.output


def test_settings_of_the_day_go_over_both_sides(settings: Settings, change: Change) -> None:
    folder = change(*WATCH)
    plain, _ = preview_of(settings, folder)
    graced, _ = preview_of(load_settings({**settings.model_dump(), "grace_days": 15}), folder)
    assert plain["key"] != graced["key"]
    assert graced["moved"]["bucket"] == 0
    states = {flow["before"] for flow in graced["flows"]["segment"]}
    assert "grace" in states
