"""The comparison's SQL on small books: where cases go, and how profile groups are treated, with worked numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from arrears.preview.compare import is_alert
from arrears.run import Run
from arrears.sqlmodel import fetch_model

AS_OF = date(2026, 11, 20)
_SIDE = pa.schema(
    [
        ("customer_id", pa.string()),
        ("currency", pa.string()),
        ("overdue_amount", pa.decimal128(18, 2)),
        ("days_past_due", pa.int32()),
        ("bucket", pa.string()),
        ("class", pa.string()),
        ("segment", pa.string()),
        ("treatment", pa.string()),
        ("intensity", pa.int32()),
        ("placement", pa.string()),
        ("queue", pa.string()),
        ("channels", pa.string()),
        ("arms", pa.string()),
        ("priority", pa.int32()),
        ("held", pa.bool_()),
        ("region", pa.string()),
        ("collector_id", pa.string()),
        ("planned_contacts", pa.int32()),
        ("blocked_contacts", pa.int32()),
        ("segment_rule", pa.string()),
        ("treatment_rule", pa.string()),
    ]
)
_CUSTOMERS = pa.schema(
    [(name, pa.string()) for name in ("customer_id", "gender", "marital_status", "education", "housing")]
    + [("birth_date", pa.date32())]
)


def case(customer: str, segment: str, queue: str, **values: Any) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "currency": "CNY",
        "overdue_amount": Decimal("100.00"),
        "days_past_due": 10,
        "bucket": "M1",
        "class": "low",
        "segment": segment,
        "treatment": f"treat_{segment}",
        "intensity": 1,
        "placement": "in_house",
        "queue": queue,
        "channels": "sms",
        "arms": "",
        "priority": 10,
        "held": False,
        "region": "north",
        "planned_contacts": 1,
        "blocked_contacts": 0,
        "segment_rule": "SEG1",
        "treatment_rule": "TRE1",
        **values,
    }


def side(*cases: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(cases), schema=_SIDE)


def changed(run: Run, before: pa.Table, after: pa.Table) -> pa.Table:
    return fetch_model(run, "preview/case_change", relations={"before_side": before, "after_side": after})


def flows(run: Run, changes: pa.Table, dimension: str) -> list[tuple[str, str, int, Decimal]]:
    rows = fetch_model(
        run,
        "preview/flow",
        params={"main_currency": "CNY"},
        relations={"case_change": changes, "dimension": pa.table({"name": [dimension]})},
    ).to_pylist()
    return [(row["before_state"], row["after_state"], row["cases"], row["overdue_amount"]) for row in rows]


@pytest.fixture
def run(make_run: Any) -> Any:
    with make_run(AS_OF) as opened:
        yield opened


BEFORE = (
    case("A", "soft", "reminder"),
    case("B", "soft", "reminder", overdue_amount=Decimal("250.00")),
    case("C", "soft", "reminder"),
    case("D", "firm", "phone", intensity=3, channels="dialer,sms"),
    case("E", "held", "none", channels="", held=True, intensity=0),
    case("F", "soft", "reminder", currency="USD", overdue_amount=Decimal("7.00")),
)
AFTER = (
    case("A", "soft", "reminder"),
    case("B", "firm", "phone", overdue_amount=Decimal("250.00"), intensity=3, channels="dialer,sms"),
    case("C", "soft", "reminder", priority=20),
    case("D", "soft", "reminder"),
    case("E", "held", "none", channels="", held=True, intensity=0),
    case("F", "firm", "phone", currency="USD", overdue_amount=Decimal("7.00"), intensity=3, channels="dialer,sms"),
)


def test_each_case_is_counted_once_in_the_flow_of_each_dimension(run: Run) -> None:
    changes = changed(run, side(*BEFORE), side(*AFTER))
    assert flows(run, changes, "segment") == [
        ("firm", "soft", 1, Decimal("100.00")),
        ("held", "held", 1, Decimal("100.00")),
        # F moves as well; its amount is in another currency
        ("soft", "firm", 2, Decimal("250.00")),
        ("soft", "soft", 2, Decimal("200.00")),
    ]
    assert flows(run, changes, "queue") == [
        ("none", "none", 1, Decimal("100.00")),
        ("phone", "reminder", 1, Decimal("100.00")),
        ("reminder", "phone", 2, Decimal("250.00")),
        ("reminder", "reminder", 2, Decimal("200.00")),
    ]
    assert [flow[:3] for flow in flows(run, changes, "channels")] == [
        ("dialer,sms", "sms", 1),
        ("none", "none", 1),
        ("sms", "dialer,sms", 2),
        ("sms", "sms", 2),
    ]


def test_what_changes_is_named_case_by_case(run: Run) -> None:
    rows = changed(run, side(*BEFORE), side(*AFTER)).to_pylist()
    assert {row["customer_id"]: row["changes"] for row in rows} == {
        "A": "",
        "B": "segment,treatment,intensity,queue,channels",
        "C": "priority",
        "D": "segment,treatment,intensity,queue,channels",
        "E": "",
        "F": "segment,treatment,intensity,queue,channels",
    }


def test_totals_count_what_becomes_harsher_and_milder(run: Run) -> None:
    changes = changed(run, side(*BEFORE), side(*AFTER))
    rows = fetch_model(run, "preview/totals", relations={"case_change": changes}).to_pylist()
    found = {
        row["currency"]: (row["cases"], row["changed_cases"], row["harsher_cases"], row["milder_cases"]) for row in rows
    }
    assert found == {"CNY": (5, 3, 1, 1), "USD": (1, 1, 1, 0)}


def test_the_same_side_twice_changes_nothing(run: Run) -> None:
    changes = changed(run, side(*BEFORE), side(*BEFORE))
    assert set(changes["changes"].to_pylist()) == {""}
    assert all(start == end for start, end, *_ in flows(run, changes, "segment"))


def test_a_customer_with_a_case_on_one_side_only_comes_or_goes(run: Run) -> None:
    changes = changed(run, side(BEFORE[0]), side(AFTER[1]))
    assert [flow[:3] for flow in flows(run, changes, "segment")] == [("", "firm", 1), ("soft", "", 1)]
    assert all("segment" in row["changes"] for row in changes.to_pylist())


def test_no_case_at_all_is_no_row(run: Run) -> None:
    assert flows(run, changed(run, side(), side()), "segment") == []


# ---- profile groups


def groups(run: Run, people: list[tuple[str, int]], least: int = 1, **customer: Any) -> dict[str, dict[str, Any]]:
    """Groups by gender of people given as (gender, intensity)."""
    cases, customers = [], []
    for number, (gender, intensity) in enumerate(people):
        cases.append(case(f"K{number}", "s", "q", intensity=intensity, **customer))
        customers.append({"customer_id": f"K{number}", "gender": gender})
    rows = fetch_model(
        run,
        "preview/group_intensity",
        params={"harsh_from": 4, "min_group_cases": least},
        relations={
            "case_side": side(*cases),
            "customers": pa.Table.from_pylist(customers, schema=_CUSTOMERS),
            "attribute": pa.table({"name": ["gender"]}),
            "age_band": pa.table({"band": ["all"], "from_years": [0], "to_years": pa.array([None], pa.int32())}),
        },
    ).to_pylist()
    return {row["profile_group"]: row for row in rows}


def test_the_ratio_is_the_mildest_mean_over_the_groups_mean(run: Run) -> None:
    found = groups(run, [("f", 1), ("f", 2), ("f", 3), ("m", 2), ("m", 4), ("m", 5)])
    assert found["f"]["mean_intensity"] == 2
    assert found["f"]["ratio"] == 1
    assert found["m"]["mean_intensity"] == pytest.approx(11 / 3)
    assert found["m"]["ratio"] == 6 / 11
    assert (found["f"]["harsh_share"], found["m"]["harsh_share"]) == (0, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("mild", "harsh", "alert"),
    [
        # 8/3 over 10/3 is 4/5 exactly, although neither mean is a float's own value
        ([2, 3, 3], [3, 3, 4], False),
        ([1, 1, 1, 1, 0], [1, 1, 1, 1, 1], False),
        ([1, 1, 1, 1, 0, 1, 1, 1, 0, 1], [1] * 9 + [2], True),
        ([2, 3, 3, 3], [3, 3, 4], False),
        ([2, 2, 3, 3], [3, 3, 4], True),
    ],
)
def test_at_four_fifths_there_is_no_alert_and_below_there_is(
    run: Run, mild: list[int], harsh: list[int], alert: bool
) -> None:
    found = groups(run, [("f", each) for each in mild] + [("m", each) for each in harsh])
    assert is_alert(found["m"]["ratio"], Decimal("0.80")) is alert


def test_a_group_below_the_least_size_is_not_shown_nor_measured_by(run: Run) -> None:
    people = [("f", 2), ("f", 2), ("m", 4), ("m", 4), ("x", 1)]
    found = groups(run, people, least=2)
    assert set(found) == {"f", "m"}
    assert found["m"]["ratio"] == 0.5


def test_one_group_alone_has_no_ratio(run: Run) -> None:
    assert groups(run, [("f", 2), ("f", 3)])["f"]["ratio"] is None
    assert not is_alert(None, Decimal("0.80"))


def test_unknown_is_shown_and_not_measured(run: Run) -> None:
    found = groups(run, [("f", 2), ("m", 2), ("", 0), (" ", 5)])
    assert found["unknown"]["cases"] == 2
    assert found["unknown"]["ratio"] is None
    assert found["m"]["ratio"] == 1


def test_where_nobody_is_treated_all_groups_are_alike(run: Run) -> None:
    found = groups(run, [("f", 0), ("m", 0)])
    assert {row["ratio"] for row in found.values()} == {1}


def test_a_group_that_is_left_alone_shows_how_hard_the_other_is_treated(run: Run) -> None:
    found = groups(run, [("f", 0), ("m", 2)])
    assert (found["f"]["ratio"], found["m"]["ratio"]) == (1, 0)
    assert is_alert(found["m"]["ratio"], Decimal("0.80"))


def test_held_cases_do_not_count(run: Run) -> None:
    assert groups(run, [("f", 2), ("m", 2)], held=True) == {}
