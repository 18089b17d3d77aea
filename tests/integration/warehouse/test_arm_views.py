"""Results of experiments: intervals against published values, and what may be read when."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import product
from statistics import NormalDist, mean, variance
from typing import Any

import pytest
import sqlalchemy as sa
from scipy import stats

from arrears.warehouse.mart import ArmResult

AS_OF = date(2026, 11, 20)
Z = NormalDist().inv_cdf(0.975)


@pytest.fixture
def connection(pg_url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(pg_url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def arm(name: str, **values: Any) -> dict[str, Any]:
    """A row of arm_result: 90 % champion, 10 % challenger since January, 30 days, cure."""
    champion = name == "champion"
    return {
        "as_of": AS_OF,
        "basis": "frozen",
        "experiment": "trial",
        "shares_from": date(2026, 1, 1),
        "arm": name,
        "is_champion": champion,
        "share": Decimal("0.9" if champion else "0.1"),
        "champion_share": Decimal("0.9"),
        "takes_cases": True,
        "entry_days": 100,
        "metric": "cure",
        "within_days": 30,
        "required_cases": 900 if champion else 100,
        "z_value": Z,
        "cases": 1000 if champion else 120,
        "matured_cases": 900 if champion else 100,
        "cured_cases": 0,
        "rolled_cases": 0,
        "recovered_amount": Decimal(0),
        "recovered_squares": Decimal(0),
        "contacts": 0,
        "contact_squares": 0,
        **values,
    }


def results(connection: sa.Connection, *rows: dict[str, Any], view: str = "v_arm_result") -> list[dict[str, Any]]:
    """The view's rows over these facts, champion first, then by arm and period."""
    connection.execute(sa.insert(ArmResult), list(rows))
    found = connection.execute(sa.select(sa.text("*")).select_from(sa.table(view, schema="mart"))).mappings()
    return sorted(map(dict, found), key=lambda row: (not row["is_champion"], row["arm"], row.get("shares_from", AS_OF)))


@pytest.mark.parametrize(
    ("cured", "cases", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statist. Med. 17 (1998), table I
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0000),
    ],
)
def test_shares_have_wilsons_interval(
    connection: sa.Connection, cured: int, cases: int, low: float, high: float
) -> None:
    (row,) = results(connection, arm("champion", matured_cases=cases, cured_cases=cured, rolled_cases=cured))
    for name in ("cure_rate", "roll_rate"):
        assert float(row[name]) == pytest.approx(cured / cases, abs=1e-6)
        assert float(row[f"{name}_low"]) == pytest.approx(low, abs=6e-5)
        assert float(row[f"{name}_high"]) == pytest.approx(high, abs=6e-5)
        assert row[f"{name}_difference"] is None


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # R. G. Newcombe, "Interval estimation for the difference between independent proportions", table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((48, 80), (56, 70), -0.3339, -0.0524),
    ],
)
def test_differences_of_shares_have_newcombes_interval(
    connection: sa.Connection, first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    _, row = results(
        connection,
        arm("champion", cured_cases=second[0], matured_cases=second[1]),
        arm("challenger", cured_cases=first[0], matured_cases=first[1]),
    )
    assert float(row["cure_rate_difference"]) == pytest.approx(first[0] / first[1] - second[0] / second[1], abs=1e-6)
    assert float(row["cure_rate_difference_low"]) == pytest.approx(low, abs=6e-5)
    assert float(row["cure_rate_difference_high"]) == pytest.approx(high, abs=6e-5)


def test_means_have_normal_intervals_from_their_sums(connection: sa.Connection) -> None:
    paid = {"champion": [0, 100, 250, 0, 75, 300], "challenger": [120, 0, 0, 900]}
    facts = [
        arm(
            name,
            matured_cases=len(each),
            recovered_amount=Decimal(sum(each)),
            recovered_squares=Decimal(sum(value * value for value in each)),
            contacts=sum(each),
            contact_squares=sum(value * value for value in each),
        )
        for name, each in paid.items()
    ]
    found = {row["arm"]: row for row in results(connection, *facts)}
    error = {name: variance(each) / len(each) for name, each in paid.items()}
    for measure in ("recovered_per_case", "contacts_per_case"):
        for name, each in paid.items():
            half = Z * math.sqrt(error[name])
            assert float(found[name][measure]) == pytest.approx(mean(each), abs=1e-5)
            assert float(found[name][f"{measure}_low"]) == pytest.approx(mean(each) - half, abs=1e-5)
            assert float(found[name][f"{measure}_high"]) == pytest.approx(mean(each) + half, abs=1e-5)
        half = Z * math.sqrt(sum(error.values()))
        apart = mean(paid["challenger"]) - mean(paid["champion"])
        row = found["challenger"]
        assert float(row[f"{measure}_difference"]) == pytest.approx(apart, abs=1e-5)
        assert float(row[f"{measure}_difference_low"]) == pytest.approx(apart - half, abs=1e-5)
        assert float(row[f"{measure}_difference_high"]) == pytest.approx(apart + half, abs=1e-5)


SAMPLES = [(0, 2), (2, 2), (3, 17), (81, 263), (480, 900), (899, 900), (26_478, 48_142)]


@pytest.mark.parametrize("level", [0.95, 0.975, 0.99])
def test_every_interval_is_what_scipy_gives(connection: sa.Connection, level: float) -> None:
    # one experiment for each pair of samples; z as for one, two and five comparisons at 5 %
    pairs = list(product(SAMPLES, SAMPLES))
    facts = [
        arm(
            name,
            experiment=f"trial{number}",
            z_value=NormalDist().inv_cdf((1 + level) / 2),
            matured_cases=cases,
            cured_cases=cured,
            contacts=2 * cured,
            contact_squares=4 * cured,
        )
        for number, pair in enumerate(pairs)
        for name, (cured, cases) in zip(("challenger", "champion"), pair, strict=True)
    ]
    found = {(row["experiment"], row["arm"]): row for row in results(connection, *facts)}
    for number, pair in enumerate(pairs):
        wilson = [stats.binomtest(*each).proportion_ci(level, method="wilson") for each in pair]
        shares = [cured / cases for cured, cases in pair]
        # contacts are two for each cured case, so their mean is twice the share, and their deviation as well
        errors = [2 * math.sqrt(share * (1 - share) / (pair[n][1] - 1)) for n, share in enumerate(shares)]
        row = found[f"trial{number}", "challenger"]
        own, other = wilson
        apart = shares[0] - shares[1]
        newcombe = (
            apart - math.hypot(shares[0] - own.low, other.high - shares[1]),
            apart + math.hypot(own.high - shares[0], shares[1] - other.low),
        )
        spread = math.hypot(*errors)
        expected = {
            "cure_rate": (own.low, own.high),
            "cure_rate_difference": newcombe,
            "contacts_per_case": _normal(level, 2 * shares[0], errors[0]),
            "contacts_per_case_difference": _normal(level, 2 * apart, spread),
        }
        for name, (low, high) in expected.items():
            assert float(row[f"{name}_low"]) == pytest.approx(low, abs=2e-6), (name, pair)
            assert float(row[f"{name}_high"]) == pytest.approx(high, abs=2e-6), (name, pair)


def _normal(level: float, mean: float, error: float) -> tuple[float, float]:
    """The normal interval; of no spread the mean itself."""
    low, high = stats.norm.interval(level, mean, error) if error else (mean, mean)
    return float(low), float(high)


def test_no_matured_case_shows_no_figure(connection: sa.Connection) -> None:
    rows = results(connection, arm("champion", matured_cases=0), arm("challenger", matured_cases=0))
    for row in rows:
        assert {value for name, value in row.items() if "_rate" in name or "_per_case" in name} == {None}
        assert row["readable"] is False
        assert row["reading_note"] == "Not matured: no case of one arm has passed its 30 days."


def test_one_case_has_a_mean_but_no_interval(connection: sa.Connection) -> None:
    (row,) = results(connection, arm("champion", matured_cases=1, recovered_amount=Decimal(10), recovered_squares=100))
    assert (row["recovered_per_case"], row["recovered_per_case_low"], row["recovered_per_case_high"]) == (
        10,
        None,
        None,
    )


CASES: list[tuple[str, dict[str, Any], dict[str, Any], bool, str | None, str, date | None]] = [
    ("enough", {}, {}, True, "no difference found", "May be read", AS_OF),
    (
        "one challenger short",
        {},
        {"matured_cases": 99, "cases": 120},
        False,
        None,
        "99 of the 100 cases that it needs have passed their 30 days in arm challenger: not yet to be read.",
        date(2026, 12, 21),
    ),
    (
        "one champion short",
        {"matured_cases": 899},
        {},
        False,
        None,
        "899 of the 900 cases that it needs have passed their 30 days in arm champion: not yet to be read.",
        date(2026, 12, 21),
    ),
    (
        "half the entries there",
        {},
        {"matured_cases": 20, "cases": 50},
        False,
        None,
        "20 of the 100 cases",
        date(2027, 3, 31),  # 100 days for 50 more, then 31
    ),
    (
        "ended too small",
        {"takes_cases": False},
        {"matured_cases": 50, "cases": 50, "takes_cases": False},
        False,
        None,
        "and no more enter: it cannot be read.",
        None,
    ),
    (
        "ended with enough to mature",
        {"takes_cases": False},
        {"matured_cases": 50, "takes_cases": False},
        False,
        None,
        "not yet to be read",
        date(2026, 12, 21),
    ),
    ("compared with nothing", {}, {"required_cases": None}, False, None, "Compared with nothing", None),
    ("better", {"cured_cases": 450}, {"cured_cases": 70}, True, "better", "Judge by cure, once.", AS_OF),
    ("worse", {"cured_cases": 450}, {"cured_cases": 30}, True, "worse", "May be read", AS_OF),
    (
        "better but peeked at",
        {"cured_cases": 450},
        {"cured_cases": 70, "matured_cases": 99},
        False,
        None,
        "not yet",
        date(2026, 12, 21),
    ),
    (
        "rolling less is better",
        {"metric": "roll", "rolled_cases": 450},
        {"metric": "roll", "rolled_cases": 30},
        True,
        "better",
        "Judge by roll, once.",
        AS_OF,
    ),
    (
        "rolling more is worse",
        {"metric": "roll", "rolled_cases": 450},
        {"metric": "roll", "rolled_cases": 70},
        True,
        "worse",
        "May be read",
        AS_OF,
    ),
    (
        "more money is better",
        {"metric": "recovered", "recovered_amount": Decimal(900), "recovered_squares": Decimal(1800)},
        {"metric": "recovered", "recovered_amount": Decimal(200), "recovered_squares": Decimal(500)},
        True,
        "better",
        "Judge by recovered, once.",
        AS_OF,
    ),
]


@pytest.mark.parametrize(
    ("champion", "challenger", "readable", "verdict", "note", "day"),
    [each[1:] for each in CASES],
    ids=[c[0] for c in CASES],
)
def test_a_result_is_read_once_its_sample_is_there(
    connection: sa.Connection,
    champion: dict[str, Any],
    challenger: dict[str, Any],
    readable: bool,
    verdict: str | None,
    note: str,
    day: date | None,
) -> None:
    _, row = results(connection, arm("champion", **champion), arm("challenger", **challenger))
    assert row["readable"] is readable
    assert row["verdict"] == verdict
    assert note in row["reading_note"]
    assert row["readable_from"] == day


def test_arms_of_changed_shares_are_read_by_period(connection: sa.Connection) -> None:
    second = {"shares_from": date(2026, 6, 1)}
    rows = (
        arm("champion"),
        arm("challenger"),
        arm("champion", share=Decimal("0.8"), champion_share=Decimal("0.8"), **second),
        arm("challenger", share=Decimal("0.2"), champion_share=Decimal("0.8"), **second),
    )
    whole = results(connection, *rows)
    assert [(row["arm"], row["cases"], row["readable"]) for row in whole] == [
        ("champion", 2000, False),
        ("challenger", 240, False),
    ]
    assert {row["reading_note"] for row in whole} == {
        "Shares changed: read each period by itself, in v_arm_period_result."
    }
    connection.rollback()
    periods = results(connection, *rows, view="v_arm_period_result")
    assert [(row["arm"], row["cases"], row["readable"]) for row in periods] == [
        ("champion", 1000, True),
        ("champion", 1000, True),
        ("challenger", 120, True),
        ("challenger", 120, True),
    ]


def test_shares_that_keep_their_proportion_are_read_together(connection: sa.Connection) -> None:
    half = {"shares_from": date(2026, 6, 1), "champion_share": Decimal("0.45")}
    rows = results(
        connection,
        arm("champion"),
        arm("challenger"),
        arm("champion", share=Decimal("0.45"), **half),
        arm("challenger", share=Decimal("0.05"), **half),
    )
    assert [(row["arm"], row["cases"], row["readable"]) for row in rows] == [
        ("champion", 2000, True),
        ("challenger", 240, True),
    ]
