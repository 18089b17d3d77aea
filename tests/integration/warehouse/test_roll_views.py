"""The worked check of roll rates and net flow, read through the views that BI reads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from arrears.warehouse.mart import DimBucket, RollTransition

START, END = date(2026, 9, 30), date(2026, 10, 31)
NAMES = {"C": "M0", "M1": "M1", "M2": "M2", "M3": "M3", "M4": "M4"}
MATRIX = {
    "C": {"C": 9_700, "M1": 300},
    "M1": {"C": 330, "M1": 60, "M2": 210},
    "M2": {"C": 30, "M1": 20, "M2": 30, "M3": 120},
    "M3": {"C": 5, "M2": 3, "M3": 2, "M4": 90},
}


@pytest.fixture
def mart(pg_url: str) -> Iterator[sa.Connection]:
    """The matrix of the check, in a transaction that is rolled back. A contract is worth 10, of which 9 are left."""
    engine = sa.create_engine(pg_url)
    with engine.connect() as connection:
        connection.execute(sa.delete(DimBucket))
        connection.execute(
            sa.insert(DimBucket.__table__),
            [
                {
                    "bucket": name,
                    "bucket_no": number,
                    "class": "low",
                    "class_label_en": "",
                    "class_label_zh": "",
                    "from_day": number,
                }
                for number, name in enumerate(NAMES.values())
            ],
        )
        connection.execute(
            sa.insert(RollTransition),
            [
                {
                    "as_of": END,
                    "basis": "restated",
                    "product": "auto",
                    "currency": "CNY",
                    "from_bucket": NAMES[start],
                    "to_bucket": NAMES[end],
                    "from_month_end": START,
                    "contracts": contracts,
                    "from_balance": 10 * contracts,
                    "to_balance": 9 * contracts,
                    "known_as_of": END,
                }
                for start, row in MATRIX.items()
                for end, contracts in row.items()
            ],
        )
        yield connection
        connection.rollback()
    engine.dispose()


def rates(mart: sa.Connection, view: str, column: str) -> dict[tuple[str, str], float]:
    rows = sa.select(sa.text(f"from_bucket, to_bucket, {column}")).select_from(sa.table(view, schema="mart"))
    return {(start, end): float(rate) for start, end, rate in mart.execute(rows)}


def test_the_cohort_rates(mart: sa.Connection) -> None:
    by_count = rates(mart, "v_roll_rate", "contract_rate")
    forward = [by_count[pair] for pair in (("M0", "M1"), ("M1", "M2"), ("M2", "M3"), ("M3", "M4"))]
    assert forward == [0.03, 0.35, 0.6, 0.9]
    assert math.prod(forward) == pytest.approx(0.00567, abs=1e-6)
    assert rates(mart, "v_roll_rate", "balance_rate") == by_count
    assert rates(mart, "v_product_roll_rate", "contract_rate") == by_count


def test_the_net_flow_rates_are_another_quantity(mart: sa.Connection) -> None:
    by_count = rates(mart, "v_net_flow_rate", "contract_rate")
    flow = [by_count[pair] for pair in (("M0", "M1"), ("M1", "M2"), ("M2", "M3"), ("M3", "M4"))]
    assert flow == [0.038, 0.405, 0.61, 0.9]
    assert math.prod(flow) == pytest.approx(0.008449, abs=1e-6)
    by_balance = rates(mart, "v_net_flow_rate", "balance_rate")
    assert by_balance["M0", "M1"] == pytest.approx(0.038 * 0.9, abs=1e-6)


def test_cure_and_stay(mart: sa.Connection) -> None:
    row = mart.execute(sa.text("SELECT * FROM mart.v_cure_rate WHERE from_bucket = 'M1'")).mappings().one()
    assert (row["start_contracts"], row["cured_contract_rate"], row["stayed_contract_rate"]) == (
        600,
        Decimal("0.55"),
        Decimal("0.10"),
    )
    assert row["rolled_forward_contract_rate"] == Decimal("0.35")
    row = mart.execute(sa.text("SELECT * FROM mart.v_cure_rate WHERE from_bucket = 'M3'")).mappings().one()
    assert (row["cured_contracts"], row["rolled_back_contracts"]) == (5, 8)


def test_the_month_end_distribution_is_the_column_sums(mart: sa.Connection) -> None:
    rows = mart.execute(sa.text("SELECT bucket, contracts FROM mart.v_bucket_month_end")).all()
    assert dict(rows) == {"M0": 10_065, "M1": 380, "M2": 243, "M3": 122, "M4": 90}


def test_a_rate_over_nothing_is_not_zero(mart: sa.Connection) -> None:
    mart.execute(
        sa.text(
            "INSERT INTO mart.channel_day SELECT '2026-11-20', 'frozen', 'sms', 'arrears',"
            " 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '2026-11-21'"
        )
    )
    row = mart.execute(sa.text("SELECT * FROM mart.v_channel_rate")).mappings().one()
    assert row["connect_rate_by_dial"] is None
