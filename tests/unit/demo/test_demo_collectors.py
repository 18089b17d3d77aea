"""The demo's collectors: every queue staffed on any day, quotas below the work, no names of people."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from arrears.demo.lender import demo_collectors, write_collectors
from arrears.demo.lender.collectors import PLANS, collector_ids, lender_collectors
from arrears.demo.lender.world import REGIONS
from arrears.ledger.contract import arrow_schema

QUEUES = {"reminder", "phone", "phone_senior", "field", "agency", "legal"}
DAY = date(2026, 11, 20)


@pytest.mark.parametrize("contracts", [1, 2_000, 20_000, 1_000_000])
def test_at_least_two_are_present_in_every_queue_on_any_day(contracts: int) -> None:
    for day in (DAY + timedelta(days=n) for n in range(8)):
        present = Counter(
            row["team"].rsplit("-", 1)[0] for row in lender_collectors(day, contracts).to_pylist() if row["present"]
        )
        assert set(present) == QUEUES
        assert min(present.values()) >= 2


def test_some_are_absent_and_some_know_a_second_queue() -> None:
    rows = lender_collectors(DAY, 20_000).to_pylist()

    assert 24 <= len(rows) <= 40
    assert 0 < sum(not row["present"] for row in rows) < len(rows) / 4
    assert any("," in row["skills"] for row in rows)
    assert {queue for row in rows for queue in row["skills"].split(",")} == QUEUES


def test_collectors_grow_with_the_lender_and_quotas_stay_below_the_work() -> None:
    """About 7 % of contracts are a case, 85 % of them in the queues reminder and phone."""
    for contracts in (2_000, 20_000, 1_000_000):
        rows = lender_collectors(DAY, contracts).to_pylist()
        quotas = sum(
            row["daily_quota"] or 0
            for row in rows
            if row["present"] and row["skills"].startswith(("reminder", "phone"))
        )
        assert quotas < 0.06 * contracts
    assert len(lender_collectors(DAY, 1_000_000)) == 50 * len(lender_collectors(DAY, 20_000))
    assert lender_collectors(DAY, 20_000)["collector_id"].to_pylist() == collector_ids(20_000)


def test_field_collectors_share_all_regions() -> None:
    field = [row for row in lender_collectors(DAY, 20_000).to_pylist() if row["skills"] == "field"]
    shared = [code for row in field for code in row["regions"].split(",")]

    assert sorted(shared) == sorted(region.code for region in REGIONS)
    assert all(row["regions"] is None for row in lender_collectors(DAY, 20_000).to_pylist() if row["skills"] != "field")


def test_whoever_is_away_every_language_and_a_senior_is_there() -> None:
    for day in (DAY + timedelta(days=n) for n in range(8)):
        for queue in QUEUES:
            rows = lender_collectors(day, 2_000).to_pylist()
            here = [row for row in rows if row["present"] and row["team"].startswith(f"{queue}-")]
            assert {each for row in here for each in row["languages"].split(",")} == {"zh", "en"}
            assert max(row["seniority"] for row in here) >= 2


def test_one_queue_is_split_without_quotas() -> None:
    assert [plan.queue for plan in PLANS if plan.quota is None] == ["legal"]


def test_a_team_for_somebody_elses_ledger(tmp_path: Path) -> None:
    path = tmp_path / "people" / "collectors.csv"
    count = write_collectors(path, DAY, ["TX", "FL", "CA", "FL"])
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert count == len(rows) == len(demo_collectors(DAY))
    assert list(rows[0]) == arrow_schema("collectors").names
    assert {row["present"] for row in rows} == {"true", "false"}
    assert sorted(code for row in rows for code in row["regions"].split(",") if code) == ["CA", "FL", "TX"]
    assert all(row["name"].startswith("Collector ") for row in rows)


def test_a_team_without_regions_works_everywhere() -> None:
    assert demo_collectors(DAY)["regions"].null_count == len(demo_collectors(DAY))
    assert demo_collectors(DAY).schema == arrow_schema("collectors")


def test_a_region_fewer_than_collectors_leaves_nobody_for_everything() -> None:
    """With one region and three field collectors, two have no share and work everywhere."""
    field = [row["regions"] for row in demo_collectors(DAY, ["TX"]).to_pylist() if row["skills"] == "field"]
    assert field == ["TX", None, None]
