"""Cohorts from one month end to the next: who went where, who came, who left; and how the real ledger rolls."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.support.contract_files import read_contract_files
from tests.support.ledgers import partition, publish_ledger

from arrears.day import BusinessDay
from arrears.kpi.build import build_rolls
from arrears.run import Run
from arrears.settings import PROJECT
from arrears.strategy.steps import age_contracts

JAN, FEB, MAR = date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)
AS_OF = date(2024, 4, 3)
ROLLS = "kpi/roll_transition"


def contract(key: str, **values: Any) -> dict[str, Any]:
    return {
        "contract_id": key,
        "customer_id": f"K{key}",
        "product": "auto",
        "originated_on": date(2023, 12, 1),
        "principal": Decimal(300),
        "term_months": 3,
        "currency": "CNY",
        **values,
    }


def installments(*keys: str) -> list[dict[str, Any]]:
    return [
        {
            "contract_id": key,
            "installment_no": month,
            "due_date": date(2024, month, 15),
            "amount_due": Decimal(100),
            "principal_due": Decimal(100),
        }
        for key in keys
        for month in (1, 2, 3)
    ]


def payment(key: str, on: date, amount: int) -> dict[str, Any]:
    return {"payment_id": f"{key}-{on}", "contract_id": key, "value_date": on, "amount": Decimal(amount)}


LEDGER = {
    "contracts": [
        contract("pays"),
        contract("stops"),
        contract("cures"),
        contract("comes", originated_on=date(2024, 2, 20)),
        contract("goes", closed_on=date(2024, 2, 28)),
        contract("lost", written_off_on=date(2024, 3, 31)),
    ],
    "installments": installments("pays", "stops", "cures", "comes", "goes", "lost"),
    "payments": [
        *(payment("pays", date(2024, month, 15), 100) for month in (1, 2, 3)),
        payment("cures", date(2024, 2, 15), 200),
        payment("cures", date(2024, 3, 15), 100),
        payment("goes", date(2024, 1, 15), 300),
    ],
}


def rolls(run: Run, basis: str = "restated") -> dict[date, dict[tuple[str, str], tuple[int, int, int]]]:
    """(from, to) → contracts, balance before, balance after; by month end."""
    found: dict[date, dict[tuple[str, str], tuple[int, int, int]]] = defaultdict(dict)
    for row in partition(run, ROLLS):
        if row["basis"] == basis:
            found[row["as_of"]][row["from_bucket"], row["to_bucket"]] = (
                row["contracts"],
                int(row["from_balance"]),
                int(row["to_balance"]),
            )
    return dict(found)


def test_who_went_where_who_came_and_who_left(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(run, LEDGER)
        build_rolls(run)
        found = rolls(run)
    assert found[FEB] == {
        ("M0", "M0"): (1, 200, 100),  # pays
        ("M0", "closed"): (1, 0, 0),  # goes: had paid all, then closed
        ("M1", "M0"): (1, 300, 100),  # cures
        ("M1", "M2"): (2, 600, 600),  # stops, lost
        ("new", "M2"): (1, 0, 300),  # comes, with arrears of its own
    }
    assert found[MAR] == {
        ("M0", "M0"): (2, 200, 0),
        ("M2", "M3"): (2, 600, 600),  # stops, comes
        ("M2", "written_off"): (1, 300, 0),
    }
    assert found[JAN] == {
        ("M0", "M0"): (2, 600, 200),
        ("M0", "M1"): (3, 900, 900),
    }


def test_a_month_end_that_is_today_has_not_matured(make_run: Callable[..., Any]) -> None:
    with make_run(MAR) as run:
        publish_ledger(run, LEDGER)
        build_rolls(run)
        assert max(rolls(run)) == FEB


def test_products_and_currencies_are_kept_apart(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(
            run,
            {
                "contracts": [contract("A"), contract("B", product="bus"), contract("C", currency=None)],
                "installments": installments("A", "B", "C"),
            },
        )
        build_rolls(run)
        last = [row for row in partition(run, ROLLS) if row["as_of"] == MAR]
    assert [(row["product"], row["currency"], row["contracts"]) for row in last] == [
        ("auto", "CNY", 1),
        ("auto", "XXX", 1),
        ("bus", "CNY", 1),
    ]


def test_an_empty_ledger_has_no_cohorts(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(run, {})
        assert build_rolls(run) == {ROLLS: 0}


def test_frozen_cohorts_are_what_the_month_ends_own_runs_knew(make_run: Callable[..., Any]) -> None:
    for end in (FEB, MAR):
        with make_run(end) as run:
            # at the time, the ledger did not yet know that "cures" had paid in February
            publish_ledger(run, {**LEDGER, "payments": [row for row in LEDGER["payments"] if "cures" not in str(row)]})
            age_contracts(run)
    with make_run(AS_OF) as run:
        publish_ledger(run, LEDGER)
        build_rolls(run)
        frozen, restated = rolls(run, "frozen"), rolls(run)
    assert frozen == {
        MAR: {
            ("M0", "M0"): (1, 100, 0),
            ("M2", "M3"): (3, 900, 900),
            ("M2", "written_off"): (1, 300, 0),
        }
    }
    assert restated[MAR]["M0", "M0"] == (2, 200, 0)


@pytest.mark.parametrize("counting", ["days", "installments"])
def test_the_rolls_of_the_live_book_stay_when_the_recovery_book_is_worked(
    make_run: Callable[..., Any], tmp_path: Path, counting: str
) -> None:
    found = {}
    for book in ("left", "worked"):
        rules = tmp_path / f"rules-{book}"
        shutil.copytree(PROJECT / "include" / "rules", rules)
        text = (rules / "ageing.yaml").read_text(encoding="utf-8").replace("convention: B", "")
        text = text.replace("counting: days", f"counting: {counting}").replace("book: left", f"book: {book}")
        (rules / "ageing.yaml").write_text(text, encoding="utf-8")
        values = {"rules": rules, "home": tmp_path / book}
        for end in (JAN, FEB, MAR):
            with make_run(end, **values) as run:
                publish_ledger(run, LEDGER)
                age_contracts(run)
                if end < MAR:
                    # a snapshot of the days before there was a word for it
                    _without(run.lake.path("snapshot", run.day), "written_off")
                else:
                    kept = {row["contract_id"] for row in partition(run, "snapshot") if row["written_off"]}
                    assert kept == ({"lost"} if book == "worked" else set())
        with make_run(AS_OF, **values) as run:
            publish_ledger(run, LEDGER)
            build_rolls(run)
            found[book] = {basis: rolls(run, basis) for basis in ("frozen", "restated")}
    assert found["worked"] == found["left"]
    for each in found["left"].values():
        assert [move for move in each[MAR] if move[1] == "written_off"] == [("M2", "written_off")]


def _without(path: Path, column: str) -> None:
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns([column]), path)


@pytest.mark.parametrize("missing", [FEB, MAR])
def test_half_a_frozen_cohort_is_none(make_run: Callable[..., Any], missing: date) -> None:
    for end in {JAN, FEB, MAR} - {missing, JAN}:
        with make_run(end) as run:
            publish_ledger(run, LEDGER)
            age_contracts(run)
    with make_run(AS_OF) as run:
        publish_ledger(run, LEDGER)
        build_rolls(run)
        assert rolls(run, "frozen") == {}


def test_a_second_run_gives_the_same_file(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(run, LEDGER)
        build_rolls(run)
        first = run.lake.digests(run.day, [ROLLS])
        build_rolls(run)
        assert run.lake.digests(run.day, [ROLLS]) == first


@pytest.mark.real_ledger
def test_the_real_ledger_rolls_as_measured(make_run: Callable[..., Any], real_ledger: Path) -> None:
    """Over all months: current to 1-30 near 4 %, 1-30 on near 14 % and back near 29 %, 31-60 on near 25 %."""
    months: dict[date, dict[tuple[str, str], tuple[int, int, int]]] = {}
    ledger = read_contract_files(real_ledger)
    for year in range(2018, 2024):
        with make_run(date(year, 7, 1), materiality="10%") as run:
            publish_ledger(run, ledger)
            build_rolls(run)
            months |= rolls(run)
    assert (min(months), max(months), len(months)) == (date(2017, 7, 31), date(2023, 6, 30), 72)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for cells in months.values():
        for move, (contracts, _, _) in cells.items():
            counts[move] += contracts

    def rate(start: str, end: str) -> float:
        return counts[start, end] / sum(count for (each, _), count in counts.items() if each == start)

    assert rate("M0", "M1") == pytest.approx(0.04, abs=0.012)
    assert rate("M1", "M2") == pytest.approx(0.14, abs=0.02)
    assert rate("M1", "M0") == pytest.approx(0.29, abs=0.02)
    assert rate("M2", "M3") == pytest.approx(0.25, abs=0.04)


def test_the_lake_keeps_the_day_of_the_run(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(run, LEDGER)
        build_rolls(run)
        assert {row["known_as_of"] for row in partition(run, ROLLS)} == {AS_OF}
        assert run.lake.exists(ROLLS, BusinessDay(AS_OF))
