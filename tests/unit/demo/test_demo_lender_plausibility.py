"""The generated lender behaves like one: how many are overdue, how they roll month by month, who rolls more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from arrears.demo.lender import DEFAULT_CONTRACTS, DEFAULT_SEED

DAYS = [
    date(2026, 11, 20),
    date(2026, 3, 1),
    date(2026, 4, 30),
    date(2028, 2, 29),
    date(2025, 12, 31),
    date(2027, 7, 11),
]

# month-end rolls of the real ledger in percent, and how far the mean over a year may be from them
ROLLS = {(0, 1): (4, 0.8), (1, 2): (14, 1.5), (1, 0): (29, 4), (2, 3): (25, 4)}


@pytest.fixture(params=DAYS, ids=str)
def as_of(request: pytest.FixtureRequest) -> date:
    day: date = request.param
    return day


@pytest.fixture
def connection(as_of: date, lender: Any, aged: Any, ends_before: Callable[..., list[date]]) -> Any:
    folder = lender(as_of, DEFAULT_CONTRACTS, DEFAULT_SEED)
    return aged(folder, (*ends_before(as_of, 13), as_of))


def _one(connection: Any, query: str, *parameters: Any) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(query, list(parameters)).fetchone()
    return row


def test_seven_to_nine_percent_of_live_contracts_are_overdue(connection: Any, as_of: date) -> None:
    live, overdue = _one(
        connection, "SELECT count(*), count(*) FILTER (days_past_due > 0) FROM aged WHERE as_of = ?", as_of
    )

    assert 0.8 * DEFAULT_CONTRACTS < live < 0.95 * DEFAULT_CONTRACTS
    assert 0.07 <= overdue / live <= 0.09


def test_month_ends_roll_like_the_real_ledger_and_months_differ(connection: Any, as_of: date) -> None:
    rates = connection.execute(
        """
        WITH months AS (
            SELECT as_of, lead(as_of) OVER (ORDER BY as_of) AS next
            FROM days WHERE as_of <= (SELECT max(as_of) FROM days WHERE as_of < ?)
        ),
        moves AS (
            SELECT months.as_of, first.bucket, second.bucket AS following, count(*) AS moved
            FROM months JOIN aged AS first USING (as_of)
            LEFT JOIN aged AS second ON second.as_of = months.next AND second.contract_id = first.contract_id
            WHERE months.next IS NOT NULL GROUP BY ALL
        )
        SELECT as_of, bucket, following, moved / sum(moved) OVER (PARTITION BY as_of, bucket) FROM moves
        """,
        [as_of],
    ).fetchall()

    for (bucket, following), (percent, tolerance) in ROLLS.items():
        months = [100 * rate for _, start, end, rate in rates if (start, end) == (bucket, following)]
        assert len(months) == 12
        assert sum(months) / 12 == pytest.approx(percent, abs=tolerance), (bucket, following)
        assert max(months) - min(months) > 0.2


def test_every_stage_has_contracts_to_work(connection: Any, as_of: date) -> None:
    counts = dict(
        connection.execute("SELECT bucket, count(*) FROM aged WHERE as_of = ? GROUP BY 1", [as_of]).fetchall()
    )

    assert counts[1] > 700
    assert counts[2] > 100
    assert counts[3] > 30
    assert counts[4] > 50


@pytest.mark.parametrize(
    ("model", "higher_is_worse"), [("collection", False), ("lost_contact", True), ("roll_rate", True)]
)
@pytest.mark.parametrize(("bucket", "stage"), [(0, "M0M1"), (1, "M0M1")])
def test_worse_scores_roll_more(connection: Any, model: str, higher_is_worse: bool, bucket: int, stage: str) -> None:
    """Per third of the scores of that model, worst last."""
    rates = [
        rate
        for (rate,) in connection.execute(
            """
            WITH scored AS (
                SELECT contract_id, ntile(3) OVER (ORDER BY CASE WHEN ? THEN score ELSE -score END, contract_id) AS band
                FROM scores WHERE model = ? AND stage = ?
            ),
            following AS (SELECT as_of, lead(as_of) OVER (ORDER BY as_of) AS next FROM days)
            SELECT avg((second.bucket > first.bucket)::INTEGER)
            FROM aged AS first JOIN following USING (as_of)
            JOIN aged AS second ON second.as_of = following.next AND second.contract_id = first.contract_id
            JOIN scored ON scored.contract_id = first.contract_id
            WHERE first.bucket = ? GROUP BY band ORDER BY band
            """,
            [higher_is_worse, model, stage, bucket],
        ).fetchall()
    ]

    assert len(rates) == 3
    assert rates == sorted(rates)
    assert rates[2] > 1.1 * rates[0]


def test_some_customers_have_several_contracts(connection: Any) -> None:
    contracts, customers, most = _one(
        connection,
        "SELECT sum(n), count(*), max(n) FROM (SELECT customer_id, count(*) AS n FROM contracts GROUP BY 1)",
    )

    assert 0.75 < customers / contracts < 0.9
    assert most >= 3
