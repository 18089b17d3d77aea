"""What the allocation gives: a small table in, a small table out. Days without a warehouse: past ones."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.support import allocation_kit as kit

TODAY = date(2026, 11, 23)


@pytest.fixture
def given(allocation_days: Any) -> Any:
    """Allocates a past day and tells who got what: collector (None: pool) → cases; and the result of the step."""
    from arrears.allocation.steps import allocate_cases

    def allocate(case_rows: Any, collector_rows: Any, **options: Any) -> Any:
        with allocation_days.day(case_rows, collector_rows, today=TODAY, **options) as run:
            result = allocate_cases(run)
            return kit.read(run, "assignment"), result

    return allocate


def owners(rows: list[dict[str, Any]]) -> dict[str | None, list[str]]:
    """Collector → his cases in the order of work."""
    result: dict[str | None, list[str]] = {}
    for row in rows:
        result.setdefault(row["collector_id"], []).append(row["customer_id"])
    return result


def reasons(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Reason → number of cases."""
    result: dict[str, int] = {}
    for row in rows:
        result[row["reason"]] = result.get(row["reason"], 0) + 1
    return result


def counts(rows: list[dict[str, Any]]) -> dict[str | None, int]:
    """Collector → number of cases."""
    return {who: len(mine) for who, mine in owners(rows).items()}


def with_rules(changes: str) -> str:
    return f"defaults: {{remainder: pool}}\nqueues: {{phone: {{{changes}}}, reminder: {{}}}}\n"


def test_cases_are_dealt_in_the_order_of_priority_and_the_turn_changes_direction(given):
    rows, result = given(kit.cases(6), [kit.collector("E1"), kit.collector("E2")])
    assert owners(rows) == {"E1": ["C0001", "C0004", "C0005"], "E2": ["C0002", "C0003", "C0006"]}
    assert [row["work_order"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {row["source"] for row in rows} == {"auto"}
    assert result.rows == {"assignment": 6, "allocation_fairness": 10, "collector_share": 2}
    assert result.figures["per_queue"] == {"phone": {"cases": 6, "collectors": 2, "min": 3, "max": 3, "pool": 0}}
    assert result.figures["per_collector"] == {"min": 3, "max": 3}


def test_higher_priority_then_larger_amount_then_customer_is_worked_first(given):
    rows, _ = given(
        [
            kit.case("C1", priority=1),
            kit.case("C2", priority=9, overdue_amount="10.00"),
            kit.case("C3", priority=9, overdue_amount="11.00"),
            kit.case("C4", priority=9, overdue_amount="10.00"),
        ],
        [kit.collector("E1")],
    )
    assert [row["customer_id"] for row in rows] == ["C3", "C2", "C4", "C1"]


@pytest.mark.parametrize(
    ("first", "order"),
    [("priority", ["A", "B", "C"]), ("overdue_amount", ["B", "C", "A"]), ("days_past_due", ["C", "A", "B"])],
)
def test_a_queue_says_what_is_worked_first(given, first, order):
    rows, _ = given(
        [
            kit.case("A", priority=9, overdue_amount="1.00", days_past_due=50),
            kit.case("B", priority=8, overdue_amount="3.00", days_past_due=40),
            kit.case("C", priority=7, overdue_amount="2.00", days_past_due=60),
        ],
        [kit.collector("E1")],
        rules=with_rules(f"first: {first}"),
    )
    assert [row["customer_id"] for row in rows] == order


@pytest.mark.parametrize(("number", "each", "pool"), [(2, 0, 2), (3, 1, 0), (4, 1, 1), (5, 1, 2), (6, 2, 0), (7, 2, 1)])
def test_what_cannot_be_given_evenly_goes_to_the_pool(given, number, each, pool):
    rows, result = given(kit.cases(number), [kit.collector(who) for who in ("E1", "E2", "E3")])
    assert counts(rows) == {
        **(dict.fromkeys(("E1", "E2", "E3"), each) if each else {}),
        **({None: pool} if pool else {}),
    }
    # the least urgent ones are left
    assert owners(rows).get(None, []) == [f"C{i:04d}" for i in range(number - pool + 1, number + 1)]
    assert result.figures["pool"] == pool
    assert reasons(rows).get("remainder", 0) == pool


@pytest.mark.parametrize(("number", "expected"), [(2, [0, 1, 1]), (3, [1, 1, 1]), (4, [1, 1, 2]), (7, [2, 2, 3])])
def test_spread_gives_one_more_to_some_instead(given, number, expected):
    rows, _ = given(
        kit.cases(number),
        [kit.collector(who) for who in ("E1", "E2", "E3")],
        rules=with_rules("remainder: spread"),
    )
    found = counts(rows)
    assert None not in found
    assert sorted(found.get(who, 0) for who in ("E1", "E2", "E3")) == expected


@pytest.mark.parametrize(("quota", "given_to_e1", "pool"), [(0, 0, 0), (1, 1, 1), (2, 2, 0), (3, 3, 1), (4, 3, 1)])
def test_a_quota_binds_on_below_and_above_the_even_share(given, quota, given_to_e1, pool):
    """10 cases for three: quota of E1 below, on and above the even share of 3."""
    rows, _ = given(kit.cases(10), [kit.collector("E1", daily_quota=quota), kit.collector("E2"), kit.collector("E3")])
    found = counts(rows)
    assert found.get("E1", 0) == given_to_e1
    assert found["E2"] == found["E3"] == (10 - given_to_e1) // 2
    assert found.get(None, 0) == pool


def test_quotas_leave_a_pool_of_the_least_urgent_cases(given):
    rows, result = given(kit.cases(10), [kit.collector("E1", daily_quota=3), kit.collector("E2", daily_quota=4)])
    assert counts(rows) == {"E1": 3, "E2": 4, None: 3}
    assert owners(rows)[None] == ["C0008", "C0009", "C0010"]
    assert reasons(rows) == {"even_split": 7, "limits_reached": 3}
    assert result.warnings == []


def test_quotas_beyond_the_cases_give_what_there_is(given):
    rows, _ = given(kit.cases(4), [kit.collector("E1", daily_quota=300), kit.collector("E2", daily_quota=400)])
    assert counts(rows) == {"E1": 2, "E2": 2}


def test_capacity_binds_like_a_quota(given):
    rows, _ = given(kit.cases(9), [kit.collector("E1", daily_quota=5, capacity=2), kit.collector("E2", capacity=0)])
    assert counts(rows) == {"E1": 2, None: 7}


def test_a_negative_quota_is_no_room(given):
    rows, _ = given(kit.cases(4), [kit.collector("E1", daily_quota=-5), kit.collector("E2")])
    assert counts(rows) == {"E2": 4}


def test_nobody_for_a_queue_puts_all_its_cases_into_the_pool_and_warns(given):
    rows, result = given(kit.cases(3) + kit.cases(2, "field", first=4), [kit.collector("E1", "phone")])
    assert counts(rows) == {"E1": 3, None: 2}
    assert reasons(rows)["nobody_present"] == 2
    assert result.warnings == ["queue field: nobody is at work who is trained for it; 2 cases are in the grab pool"]
    assert result.figures["per_queue"]["field"] == {"cases": 2, "collectors": 0, "min": 0, "max": 0, "pool": 2}


def test_no_collectors_at_all(given):
    rows, result = given(kit.cases(3), [])
    assert counts(rows) == {None: 3}
    assert result.figures["per_collector"] == {"min": 0, "max": 0}
    assert len(result.warnings) == 1


def test_more_collectors_than_cases(given):
    many = [kit.collector(f"E{i}") for i in range(1, 6)]
    assert counts(given(kit.cases(3), many)[0]) == {None: 3}
    rows, _ = given(kit.cases(3), many, rules=with_rules("remainder: spread"))
    assert counts(rows) == {"E1": 1, "E2": 1, "E3": 1}


def test_an_empty_day_replaces_yesterdays_try(given):
    assert len(given(kit.cases(3), [kit.collector("E1")])[0]) == 3
    rows, result = given([], [kit.collector("E1")])
    assert rows == []
    assert result.figures == {
        "cases": 0,
        "assigned": 0,
        "pool": 0,
        "collectors": 1,
        "per_collector": {"min": 0, "max": 0},
        "per_queue": {},
        "taken_back": {},
        "fairness": {},
    }


@pytest.mark.parametrize(
    ("values", "gets"),
    [
        ({"present": None}, True),
        ({"present": True}, True),
        ({"present": False}, False),
        ({"active_from": date(2026, 11, 19)}, True),
        ({"active_from": date(2026, 11, 20)}, True),
        ({"active_from": date(2026, 11, 21)}, False),
        ({"active_to": date(2026, 11, 19)}, False),
        ({"active_to": date(2026, 11, 20)}, False),
        ({"active_to": date(2026, 11, 21)}, True),
        ({"skills": None}, True),
        ({"skills": ""}, True),
        ({"skills": "phone"}, True),
        ({"skills": "field, phone"}, True),
        ({"skills": "field，phone"}, True),
        ({"skills": "phone_senior"}, False),
        ({"skills": "field,reminder"}, False),
    ],
)
def test_only_collectors_at_work_who_are_trained_get_cases(given, values, gets):
    rows, _ = given(kit.cases(2), [{**kit.collector("E1"), **values}])
    assert counts(rows) == ({"E1": 2} if gets else {None: 2})


@pytest.mark.parametrize(
    ("region", "regions", "gets"),
    [
        ("SH", None, True),
        ("SH", "", True),
        ("SH", "SH", True),
        ("SH", "BJ, SH", True),
        ("SH", "BJ", False),
        ("SH", "SHX", False),
        (None, "BJ", True),
        (" ", "BJ", True),
    ],
)
def test_regions_bind_unless_the_case_has_none(given, region, regions, gets):
    rows, result = given(kit.cases(2, region=region), [kit.collector("E1", regions=regions)])
    assert counts(rows) == ({"E1": 2} if gets else {None: 2})
    assert result.warnings == (
        [] if gets else ["queue phone: nobody at work has their region; 2 cases are in the grab pool"]
    )


def test_a_queue_may_ignore_regions(given):
    rows, _ = given(kit.cases(4, "reminder", region="SH"), [kit.collector("E1", "reminder", regions="BJ")])
    assert counts(rows) == {"E1": 4}


def test_collectors_of_all_regions_make_up_for_those_of_one(given):
    """8 cases in SH, 2 in BJ. E1 may only work BJ, E2 only SH, E3 all: 2, 4 and 4 is as even as it gets."""
    rows, _ = given(
        kit.cases(8, region="SH") + kit.cases(2, first=9, region="BJ"),
        [kit.collector("E1", regions="BJ"), kit.collector("E2", regions="SH"), kit.collector("E3")],
    )
    assert counts(rows) == {"E1": 2, "E2": 4, "E3": 4}


def test_the_best_cases_of_a_region_are_shared_between_crews(given):
    """Neither the collector of one region nor the one of all gets only the urgent half."""
    rows, _ = given(kit.cases(20, region="SH"), [kit.collector("E1", regions="SH"), kit.collector("E2")])
    urgent = {f"C{i:04d}" for i in range(1, 11)}
    shares = {who: len(urgent & set(mine)) for who, mine in owners(rows).items()}
    assert sorted(shares) == ["E1", "E2"]
    assert 3 <= shares["E1"] <= 7


def test_what_is_left_is_least_urgent_across_regions(given):
    """Room for 4; the urgent cases are all in SH, so those of BJ are left, though E1 may work both."""
    rows, _ = given(
        kit.cases(4, region="SH", priority=90) + kit.cases(4, first=5, region="BJ", priority=10),
        [kit.collector("E1", daily_quota=4)],
    )
    assert owners(rows)["E1"] == ["C0001", "C0002", "C0003", "C0004"]


def test_a_quota_counts_over_all_queues_in_the_order_of_the_rules(given):
    """E1 works both queues with a quota of 5; field is served first."""
    rows, _ = given(kit.cases(4, "field") + kit.cases(4, first=5), [kit.collector("E1", "phone,field", daily_quota=5)])
    assert {(row["queue"], row["collector_id"]) for row in rows} == {("field", "E1"), ("phone", "E1"), ("phone", None)}
    assert counts(rows) == {"E1": 5, None: 3}


def test_cases_without_work_are_not_given(given):
    rows, result = given([kit.case("C1"), kit.case("C2", "none", held=True)], [kit.collector("E1")])
    assert [row["customer_id"] for row in rows] == ["C1"]
    assert result.figures["cases"] == 1


def test_a_queue_that_the_rules_do_not_know_has_the_defaults_and_a_warning(given):
    rows, result = given(kit.cases(2, "special"), [kit.collector("E1", "special")])
    assert counts(rows) == {"E1": 2}
    assert result.warnings == ["queue special: not in allocation.yaml, split with the defaults"]


def test_a_collector_twice_is_refused(given):
    from arrears.errors import AllocationError

    with pytest.raises(AllocationError, match="every collector once; found several rows of E1"):
        given(kit.cases(2), [kit.collector("E1"), kit.collector("E1", "field"), kit.collector("E2")])


def test_a_customer_with_a_hundred_contracts_is_one_case(given):
    ids = ",".join(f"K{i:03d}" for i in range(100))
    rows, _ = given(
        [kit.case("C1", contracts=100, contract_ids=ids), kit.case("C2")], [kit.collector("E1"), kit.collector("E2")]
    )
    assert counts(rows) == {"E1": 1, "E2": 1}


def test_the_order_of_the_input_does_not_matter(given):
    many = kit.cases(40, region="SH") + kit.cases(17, first=41, region="BJ") + kit.cases(5, "field", first=60)
    staff = [kit.collector("E1", None), kit.collector("E2", regions="SH"), kit.collector("E3", regions="BJ")]
    assert given(many, staff)[0] == given(many[::-1], staff[::-1])[0]


def test_under_quota_only_those_with_a_quota_get_cases(given):
    staff = [kit.collector("E1", daily_quota=3), kit.collector("E2"), kit.collector("E3", daily_quota=0)]
    rows, _ = given(kit.cases(8), staff, rules=with_rules("mode: quota"))
    assert counts(rows) == {"E1": 3, None: 5}


def test_level_fills_up_those_with_fewest_cases_over_all_queues(given):
    """E1 has all 4 of field before phone is served."""
    staff = [kit.collector("E1", "field,phone"), kit.collector("E2", "phone")]
    rules = "queues: {field: {}, phone: {mode: level}}"
    rows, _ = given(kit.cases(4, "field") + kit.cases(6, first=5), staff, rules=rules)
    assert counts(rows) == {"E1": 5, "E2": 5}
    assert counts(given(kit.cases(4, "field") + kit.cases(6, first=5), staff)[0]) == {"E1": 7, "E2": 3}


def test_balanced_gives_the_same_number_and_nearly_the_same_amount(given):
    many = [kit.case(f"C{i:03d}", overdue_amount=f"{(i * 7919) % 9973}.17", region="SH") for i in range(200)]
    staff = [kit.collector("E1"), kit.collector("E2", regions="SH"), kit.collector("E3"), kit.collector("E4")]
    amount = {row["customer_id"]: row["overdue_amount"] for row in many}

    def sums(rows):
        return sorted(sum(amount[each] for each in mine) for mine in owners(rows).values())

    even, balanced = given(many, staff)[0], given(many, staff, rules=with_rules("mode: balanced"))[0]
    assert set(counts(balanced).values()) == {50}
    assert (sums(balanced)[-1] - sums(balanced)[0]) * 1000 <= sums(balanced)[0]
    assert sums(even)[-1] - sums(even)[0] > sums(balanced)[-1] - sums(balanced)[0]
    assert reasons(balanced) == {"balanced_split": 200}
    assert [row["customer_id"] for row in balanced] == [row["customer_id"] for row in even]
    assert given(many[::-1], staff[::-1], rules=with_rules("mode: balanced"))[0] == balanced


def test_balanced_keeps_regions_and_leaves_the_pool(given):
    many = [
        kit.case(f"C{i:03d}", overdue_amount=f"{(i * 7919) % 9973}.17", region="SH" if i % 3 else "BJ")
        for i in range(100)
    ]
    staff = [kit.collector("E1", regions="BJ"), kit.collector("E2", regions="SH"), kit.collector("E3", daily_quota=9)]
    rows, _ = given(many, staff, rules=with_rules("mode: balanced"))
    even, _ = given(many, staff)
    regions = {row["customer_id"]: row["region"] for row in many}
    assert {regions[each] for each in owners(rows)["E1"]} == {"BJ"}
    assert {regions[each] for each in owners(rows)["E2"]} == {"SH"}
    assert counts(rows) == counts(even)
    assert owners(rows).get(None) == owners(even).get(None)


@pytest.mark.spark
def test_spark_gives_the_same_rows(given):
    many = (
        kit.cases(40, region="SH")
        + kit.cases(17, first=41, region="BJ")
        + kit.cases(5, "field", first=60)
        + kit.cases(9, "reminder", first=70, region="GZ")
        + [kit.case("C0099", "none"), kit.case("C0100", region=None)]
    )
    staff = [
        kit.collector("E1", None, daily_quota=9),
        kit.collector("E2", "phone, reminder", regions="SH，BJ"),
        kit.collector("E3", regions="BJ", capacity=7),
        kit.collector("E4", "reminder", present=False),
    ]
    duck, spark = given(many, staff), given(many, staff, engine="spark")
    assert sorted(spark[0], key=lambda row: row["customer_id"]) == sorted(duck[0], key=lambda row: row["customer_id"])
    assert spark[1].figures == duck[1].figures
