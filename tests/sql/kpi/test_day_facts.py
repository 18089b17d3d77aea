"""What came of finished days, and the day's own figures: a small table in, a small table out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests.support.ledgers import contract_table

from arrears.kpi.targets import TargetRules, target_relation
from arrears.outreach.stages import outcome_stages
from arrears.run import Run
from arrears.sqlmodel import fetch_model
from arrears.strategy.promises import TOLD, promise_parameters, promise_rules

MON, TUE, WED = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
MONEY = pa.decimal128(18, 2)
DAY, TEXT, WHOLE, FLAG = pa.date32(), pa.string(), pa.int32(), pa.bool_()

ASSIGNMENT = {"as_of": DAY, "customer_id": TEXT, "queue": TEXT, "collector_id": TEXT}
TREATMENT = {"as_of": DAY, "customer_id": TEXT, "contract_id": TEXT, "overdue_amount": MONEY}
PLAN = {
    "business_day": DAY,
    "customer_id": TEXT,
    "channel": TEXT,
    "queue": TEXT,
    "verdict": TEXT,
    "needs_approval": FLAG,
}
ATTEMPTS = {
    "as_of": DAY,
    "channel": TEXT,
    "customer_id": TEXT,
    "ended": TEXT,
    "outcome": TEXT,
    "arrived": FLAG,
    "answered": FLAG,
    "promised": FLAG,
}
TASKS = {"as_of": DAY, "channel": TEXT, "state": TEXT, "tried": WHOLE, "tasks": pa.int64()}
GRABS = {"as_of": DAY, "customer_id": TEXT, "minutes": pa.int64()}
INTERVALS = {
    "case_id": TEXT,
    "customer_id": TEXT,
    "interval_no": WHOLE,
    "queue": TEXT,
    "collector_id": TEXT,
    "source": TEXT,
    "reason": TEXT,
    "began_on": DAY,
    "ended_on": DAY,
    "end_reason": TEXT,
    "minutes": pa.int64(),
}


NO_TARGETS = target_relation({})
ATTENDANCE = {"as_of": DAY, "collector_id": TEXT, "team": TEXT, "present": WHOLE}


def table(columns: dict[str, pa.DataType], rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Rows of values as a table; whole numbers are money where the column is."""
    values = list(rows)
    return pa.table(
        {
            name: pa.array([Decimal(row[at]) if kind == MONEY else row[at] for row in values], kind)
            for at, (name, kind) in enumerate(columns.items())
        }
    )


def closing(run: Run, model: str, **tables: pa.Table) -> list[dict[str, Any]]:
    """The closing facts of Monday and Tuesday that Wednesday's run computes; tables that are not given are empty."""
    empty = {
        "assignment": table(ASSIGNMENT, ()),
        "treatment": table(TREATMENT, ()),
        "contact_plan": table(PLAN, ()),
        "contact_attempts": table(ATTEMPTS, ()),
        "contact_tasks": table(TASKS, ()),
        "grabs": table(GRABS, ()),
        "intervals": table(INTERVALS, ()),
        "targets": NO_TARGETS,
        "attendance": table(ATTENDANCE, ()),
        "closing_days": table({"as_of": DAY}, ((MON,), (TUE,))),
        "outcome_stage": outcome_stages(),
        **{
            name: contract_table(name, ())
            for name in ("contracts", "payments", "promises", "contact_results", "collectors")
        },
    }
    given = {**empty, **tables}
    if "collector_id" not in given["promises"].column_names:
        # as the ledger's promises come: to whom they were made is not known
        given["promises"] = given["promises"].append_column(
            "collector_id", pa.nulls(given["promises"].num_rows, pa.string())
        )
    given["told_promise"] = TOLD.empty_table()
    promise = promise_parameters(promise_rules(run.rules))
    given["promise_state"] = fetch_model(run, "strategy/promise_state", relations=given, params=promise)
    given["case_credit"] = fetch_model(run, "kpi/case_credit", relations=given)
    if model == "case_credit":
        found: list[dict[str, Any]] = given["case_credit"].to_pylist()
        return found
    params = {"basis": "frozen"}
    if model == "team_day":
        given["collector_day"] = fetch_model(run, "kpi/collector_day", params=params, relations=given)
    rows: list[dict[str, Any]] = fetch_model(run, f"kpi/{model}", params=params, relations=given).to_pylist()
    assert {row["known_as_of"] for row in rows} <= {WED}
    assert {row["basis"] for row in rows} <= {"frozen"}
    return rows


def some(row: dict[str, Any], names: str) -> tuple[Any, ...]:
    return tuple(int(row[name]) if isinstance(row[name], Decimal) else row[name] for name in names.split())


CASES = table(
    ASSIGNMENT,
    (
        (MON, "K1", "phone", "ann"),
        (MON, "K2", "phone", "ann"),
        (MON, "K3", "phone", "bob"),
        (MON, "K4", "phone", None),
        (TUE, "K1", "phone", "bob"),
    ),
)
OWED = table(
    TREATMENT,
    (
        (MON, "K1", "A", 100),
        (MON, "K1", "B", 50),
        (MON, "K2", "C", 200),
        (MON, "K3", "D", 300),
        (MON, "K4", "E", 400),
        (TUE, "K1", "A", 100),
    ),
)


def payments(*rows: tuple[str, date, int, date | None]) -> pa.Table:
    return contract_table(
        "payments",
        [
            {
                "payment_id": f"P{number}",
                "contract_id": key,
                "value_date": day,
                "amount": Decimal(amount),
                "reversed_on": returned,
            }
            for number, (key, day, amount, returned) in enumerate(rows)
        ],
    )


def results(*rows: tuple[str, str | None, datetime, str, str]) -> pa.Table:
    return contract_table(
        "contact_results",
        [
            {
                "result_id": f"R{number}",
                "contract_id": key,
                "collector_id": collector,
                "channel": "call",
                "attempted_at": at,
                "outcome": outcome,
                "initiated_by": by,
            }
            for number, (key, collector, at, outcome, by) in enumerate(rows)
        ],
    )


CONTRACTS = contract_table(
    "contracts",
    [
        {"contract_id": key, "customer_id": customer}
        for key, customer in (("A", "K1"), ("B", "K1"), ("C", "K2"), ("D", "K3"), ("E", "K4"))
    ],
)


def test_of_a_day_that_ops_does_not_know_money_counts_for_the_owner_of_the_opening_up_to_what_was_overdue(
    make_run: Callable[..., Any],
) -> None:
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=CASES,
            treatment=OWED,
            payments=payments(
                ("A", MON, 120, None),  # with B nothing: the case owed 150
                ("C", MON, 900, None),  # more than the 200 that were overdue
                ("D", MON, 10, TUE),  # returned since
                ("E", MON, 400, None),  # nobody's: in the pool
                ("A", TUE, 5, None),
                ("A", WED, 7, None),  # not finished
            ),
        )
    names = "as_of collector_id cases overdue_amount paid_cases paid_amount recovered_amount"
    assert [some(row, names) for row in rows] == [
        (MON, "ann", 2, 350, 2, 1020, 320),
        (MON, "bob", 1, 300, 0, 0, 0),
        (TUE, "bob", 1, 100, 1, 5, 5),
    ]


def test_contacts_count_for_who_made_them_and_touch_the_case_of_who_owns_it(make_run: Callable[..., Any]) -> None:
    at = datetime.fromisoformat("2026-11-16T10:00:00")
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=CASES,
            treatment=OWED,
            contracts=CONTRACTS,
            contact_results=results(
                ("A", "ann", at, "no_answer", "lender"),
                ("B", "ann", at, "right_party", "lender"),
                ("D", "ann", at, "connected", "lender"),  # bob's case
                ("C", "ann", at, "right_party", "customer"),  # the customer called
                ("C", "eve", datetime.fromisoformat("2026-11-17T23:59:59"), "busy", "lender"),  # has no case at all
                ("C", "eve", datetime.fromisoformat("2026-11-18T00:00:00"), "busy", "lender"),
            ),
            contact_attempts=table(ATTEMPTS, ((MON, "sms", "K2", "sent", None, False, False, False),)),
        )
    names = (
        "as_of collector_id cases touched_cases case_contacts attempts connected_attempts right_party_attempts"
        " tried_customers connected_customers"
    )
    assert [some(row, names) for row in rows] == [
        (MON, "ann", 2, 2, 3, 3, 2, 1, 2, 2),
        (MON, "bob", 1, 1, 1, 0, 0, 0, 0, 0),
        (TUE, "bob", 1, 0, 0, 0, 0, 0, 0, 0),
        (TUE, "eve", 0, 0, 0, 1, 0, 0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("paid", "kept"),
    [
        ((("A", MON, 100, None),), 1),  # on the due day
        ((("A", date(2026, 11, 13), 60, None), ("A", MON, 40, None)), 1),
        ((("A", MON, 95, None),), 1),  # the share that is enough
        ((("A", MON, 94, None),), 0),
        ((("A", date(2026, 11, 12), 100, None),), 0),  # before the promise
        ((("A", TUE, 100, None),), 1),  # within the days of grace
        ((("A", WED, 100, None),), 0),  # after them
        ((("A", MON, 100, TUE),), 0),  # returned
    ],
)
def test_a_promise_is_kept_by_enough_of_its_amount_in_time(make_run: Callable[..., Any], paid: Any, kept: int) -> None:
    promises = contract_table(
        "promises",
        [
            {
                "promise_id": "1",
                "contract_id": "A",
                "made_on": date(2026, 11, 13),
                "due_on": MON,
                "amount": Decimal(100),
            },
            {"promise_id": "2", "contract_id": "C", "made_on": MON, "due_on": WED, "amount": Decimal(70)},
        ],
    )
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=CASES,
            treatment=OWED,
            contracts=CONTRACTS,
            promises=promises,
            payments=payments(*paid),
        )
    names = "promises promised_amount promises_due promises_kept due_promise_amount kept_promise_amount"
    assert some(rows[0], names) == (1, 70, 1, kept, 100, 100 * kept)


def test_blocked_contacts_count_against_what_the_strategy_wanted(make_run: Callable[..., Any]) -> None:
    plan = table(
        PLAN,
        (
            (MON, "K1", "sms", "phone", "planned", False),
            (MON, "K2", "sms", "phone", "blocked", False),
            (MON, "K4", "sms", "phone", "blocked", False),  # in the pool
        ),
    )
    with make_run(WED) as run:
        rows = closing(run, "collector_day", assignment=CASES, treatment=OWED, contact_plan=plan)
    assert next(some(row, "collector_id planned_contacts blocked_contacts") for row in rows) == ("ann", 2, 1)


def test_channels_count_what_was_wanted_held_back_and_tried(make_run: Callable[..., Any]) -> None:
    at = datetime.fromisoformat("2026-11-17T09:00:00")
    with make_run(WED) as run:
        rows = closing(
            run,
            "channel_day",
            contracts=CONTRACTS,
            contact_plan=table(
                PLAN,
                (
                    (MON, "K1", "sms", "phone", "planned", False),
                    (MON, "K2", "sms", "phone", "blocked", False),
                    (MON, "K3", "sms", "phone", "cut", False),
                    (MON, "K4", "legal", "legal", "planned", True),
                ),
            ),
            contact_tasks=table(
                TASKS,
                (
                    (MON, "sms", "delivered", 1, 1),
                    (MON, "sms", "blocked", 0, 2),
                    (MON, "sms", "expired", 0, 1),
                    (MON, "sms", "expired", 1, 5),
                    (MON, "legal", "lapsed", 0, 1),
                ),
            ),
            contact_attempts=table(
                ATTEMPTS,
                (
                    (MON, "sms", "K1", "failed", None, False, False, False),
                    (MON, "sms", "K1", "delivered", "delivered", True, False, False),
                    (MON, "sms", "K2", "delivered", "opt_out", True, True, False),
                    (MON, "dialer", "K2", "delivered", "no_answer", False, False, False),
                    (MON, "dialer", "K2", "delivered", "right_party", True, True, True),
                    (MON, "dialer", "K3", "delivered", "promise", True, True, True),
                    (MON, "dialer", "K3", "unknown", None, False, False, False),
                    (MON, "agency", "K4", "sent", None, False, False, False),
                ),
            ),
            contact_results=results(("A", "ann", at, "wrong_party", "lender")),
            payments=contract_table(
                "payments",
                (
                    {"payment_id": "P1", "contract_id": "A", "value_date": MON, "amount": 5},
                    {"payment_id": "P2", "contract_id": "D", "value_date": TUE, "amount": 5},
                    {"payment_id": "P3", "contract_id": "C", "value_date": MON, "amount": 5, "reversed_on": TUE},
                ),
            ),
        )
    names = "as_of channel source tasks blocked_tasks cut_tasks withheld_tasks unsent_tasks"
    assert [some(row, names) for row in rows] == [
        (MON, "agency", "arrears", 0, 0, 0, 0, 0),
        (MON, "dialer", "arrears", 0, 0, 0, 0, 0),
        (MON, "legal", "arrears", 1, 0, 0, 1, 0),
        (MON, "sms", "arrears", 3, 3, 1, 0, 1),
        (TUE, "call", "ledger", 0, 0, 0, 0, 0),
    ]
    names = (
        "channel attempts sent_attempts delivered_attempts connected_attempts right_party_attempts failed_attempts"
        " unknown_attempts tried_customers connected_customers"
    )
    assert [some(row, names) for row in rows] == [
        ("agency", 1, 1, 0, 0, 0, 0, 0, 1, 0),
        ("dialer", 4, 3, 2, 2, 2, 0, 1, 2, 2),
        ("legal", 0, 0, 0, 0, 0, 0, 0, 0, 0),
        ("sms", 3, 2, 2, 0, 0, 1, 0, 2, 0),
        ("call", 1, 1, 1, 1, 0, 0, 0, 1, 1),
    ]
    assert [some(row, "channel answered_attempts promised_attempts paid_attempts") for row in rows] == [
        ("agency", 0, 0, 0),
        ("dialer", 2, 2, 0),
        ("legal", 0, 0, 0),
        ("sms", 1, 0, 1),
        ("call", 1, 0, 0),
    ]


def test_the_pool_is_measured_beside_the_allocated_cases(make_run: Callable[..., Any]) -> None:
    cases = table(
        ASSIGNMENT,
        (
            (MON, "K1", "phone", None),
            (MON, "K2", "phone", None),
            (MON, "K3", "phone", "bob"),
            (MON, "K4", "field", None),
        ),
    )
    with make_run(WED) as run:
        rows = closing(
            run,
            "pool_day",
            assignment=cases,
            treatment=OWED,
            # K3 was never in the pool of that morning
            grabs=table(GRABS, ((MON, "K1", 30), (MON, "K3", 5), (TUE, "K4", 1))),
            payments=payments(("A", MON, 60, None), ("C", MON, 10, None), ("D", MON, 400, None)),
        )
    names = (
        "queue offered_cases grabbed_cases expired_cases grab_minutes offered_amount grabbed_amount"
        " grabbed_recovered_amount allocated_cases allocated_amount allocated_recovered_amount"
    )
    assert [some(row, names) for row in rows] == [
        ("field", 1, 0, 1, 0, 400, 0, 0, 0, 0, 0),
        ("phone", 2, 1, 1, 30, 350, 150, 60, 1, 300, 300),
    ]


def test_what_came_of_grabbed_cases_stands_beside_the_allocated(make_run: Callable[..., Any]) -> None:
    at = datetime.fromisoformat("2026-11-16T10:00:00")
    cases = table(
        ASSIGNMENT,
        (
            (MON, "K1", "phone", None),
            (MON, "K2", "phone", None),
            (MON, "K3", "phone", "bob"),
            (MON, "K4", "phone", "bob"),
        ),
    )
    with make_run(WED) as run:
        rows = closing(
            run,
            "pool_day",
            assignment=cases,
            treatment=OWED,
            contracts=CONTRACTS,
            grabs=table(GRABS, ((MON, "K1", 30), (MON, "K2", 5))),
            # K1 owes 100 and 50: paying 150 on one contract cures the other not; K3 pays all of its 300
            payments=payments(("A", MON, 150, None), ("C", MON, 200, None), ("D", MON, 300, None)),
            contact_results=results(("A", "ann", at, "no_answer", "lender"), ("A", "ann", at, "connected", "lender")),
            contact_attempts=table(ATTEMPTS, ((MON, "sms", "K4", "sent", None, False, False, False),)),
        )
    names = (
        "grabbed_cases grabbed_touched_cases grabbed_contacts grabbed_cured_cases"
        " allocated_cases allocated_touched_cases allocated_contacts allocated_cured_cases"
    )
    assert [some(row, names) for row in rows] == [(2, 1, 2, 1, 2, 1, 1, 1)]


@pytest.mark.parametrize(
    ("minutes", "median", "p90"),
    [
        ([], None, None),
        ([7], 7, 7),
        ([1, 9], 1, 9),
        ([30, 10, 20], 20, 30),
        (list(range(1, 11)), 5, 9),
        (list(range(1, 12)), 6, 10),
    ],
)
def test_the_time_to_grab_is_a_nearest_rank(
    make_run: Callable[..., Any], minutes: list[int], median: int | None, p90: int | None
) -> None:
    offered = [(MON, f"X{number}", "phone", None) for number in range(max(1, len(minutes)))]
    with make_run(WED) as run:
        (row,) = closing(
            run,
            "pool_day",
            assignment=table(ASSIGNMENT, offered),
            grabs=table(GRABS, ((MON, f"X{number}", wait) for number, wait in enumerate(minutes))),
        )
    assert (row["grab_minutes_median"], row["grab_minutes_p90"], row["grab_minutes"]) == (median, p90, sum(minutes))


def test_what_the_ledger_feeds_back_of_the_desk_counts_once(make_run: Callable[..., Any]) -> None:
    at = datetime.fromisoformat("2026-11-16T10:00:00")
    ledger = results(
        ("A", "ann", at, "right_party", "lender"),  # R0, the desk's own coming back with another outcome
        ("B", "ann", at, "no_answer", "lender"),
        ("C", "bob", datetime.fromisoformat("2026-11-15T10:00:00"), "busy", "lender"),  # not a day that is asked for
    )
    desk = contract_table(
        "contact_results",
        [
            {
                "result_id": key,
                "contract_id": "A",
                "customer_id": "K1",
                "collector_id": "ann",
                "channel": "phone",
                "attempted_at": at,
                "outcome": "connected",
                "initiated_by": "lender",
            }
            for key in ("R0", "D1")
        ],
    )
    days = table({"as_of": DAY}, ((MON,), (TUE,)))
    relations = {"contact_results": ledger, "desk_results": desk, "closing_days": days}
    with make_run(WED) as run:
        alone = fetch_model(run, "kpi/ledger_result", relations=relations)
        known = fetch_model(run, "kpi/known_result", relations={**relations, "ledger_result": alone}).to_pylist()
    assert alone["result_id"].to_pylist() == ["R1"]
    assert [some(row, "result_id outcome collector_id") for row in known] == [
        ("D1", "connected", "ann"),
        ("R0", "connected", "ann"),
        ("R1", "no_answer", "ann"),
    ]


def test_a_promise_that_is_fed_back_counts_once(make_run: Callable[..., Any]) -> None:
    def promise(key: str, made: date, due: date) -> dict[str, Any]:
        return {"promise_id": key, "contract_id": "A", "made_on": made, "due_on": due, "amount": Decimal(5)}

    sun = date(2026, 11, 15)
    ledger = [promise("P1", MON, WED), promise("P2", sun, TUE), promise("P3", sun, sun), promise("P4", sun, WED)]
    desk = contract_table("promises", [promise("P1", MON, WED), promise("D1", TUE, TUE)])
    with make_run(WED) as run:
        known = fetch_model(
            run,
            "kpi/known_promise",
            relations={
                "closing_days": table({"as_of": DAY}, ((MON,), (TUE,))),
                "promises": contract_table("promises", ledger),
                "desk_promises": desk.append_column("collector_id", pa.array(["ann", "bob"])),
            },
        )
    assert known["promise_id"].to_pylist() == ["D1", "P1", "P2"]
    assert known["collector_id"].to_pylist() == ["bob", "ann", None]


def test_intervals_tell_a_day_as_it_was_when_it_ended_and_count_each_case_once(make_run: Callable[..., Any]) -> None:
    sun = date(2026, 11, 15)
    held = table(
        INTERVALS,
        (
            # in the pool over night, grabbed on Monday, given to bob on Tuesday
            ("K1@15", "K1", 1, "phone", None, "pool", "limits_reached", sun, MON, "grabbed", 1450),
            ("K1@15", "K1", 2, "phone", "ann", "grab", "grab", MON, TUE, "handed_over", 1400),
            ("K1@15", "K1", 3, "phone", "bob", "manual", "hand_over", TUE, None, None, None),
            # closed on Monday; opened again on Tuesday as another case
            ("K2@15", "K2", 1, "phone", "ann", "auto", "even_split", sun, MON, "cured", 900),
            ("K2@17", "K2", 1, "phone", "cem", "auto", "even_split", TUE, None, None, None),
            # only of another day
            ("K3@18", "K3", 1, "phone", "ann", "auto", "even_split", WED, None, None, None),
            ("K4@14", "K4", 1, "phone", "ann", "auto", "even_split", sun, sun, "cured", 5),
        ),
    )
    with make_run(WED) as run:
        rows = closing(
            run,
            "case_interval",
            assignment=CASES,
            intervals=held,
            treatment=OWED,
            contracts=CONTRACTS,
            payments=payments(("A", MON, 100, None), ("C", MON, 900, None), ("A", TUE, 100, None)),
            contact_attempts=table(
                ATTEMPTS,
                (
                    (MON, "sms", "K1", "sent", None, False, False, False),
                    (MON, "sms", "K1", "failed", None, False, False, False),
                ),
            ),
        )
    names = "as_of case_id interval_no collector_id source ended_on minutes is_credited overdue_amount"
    assert [some(row, f"{names} recovered_amount contacts cured") for row in rows] == [
        (MON, "K1@15", 1, None, "pool", MON, 1450, False, 0, 0, 0, False),
        (MON, "K1@15", 2, "ann", "grab", None, None, True, 150, 100, 2, False),
        (MON, "K2@15", 1, "ann", "auto", MON, 900, False, 0, 0, 0, False),  # closed, by a run: nobody's day
        (TUE, "K1@15", 2, "ann", "grab", TUE, 1400, False, 0, 0, 0, False),
        (TUE, "K1@15", 3, "bob", "manual", None, None, True, 100, 100, 0, True),
        (TUE, "K2@17", 1, "cem", "auto", None, None, False, 0, 0, 0, False),  # no case of Tuesday's opening
    ]


SUN = date(2026, 11, 15)
TEN = datetime.fromisoformat("2026-11-16T10:00:00")


Held = tuple[str | None, str, date, date | None, str | None]


def held(customer: str, *rows: Held) -> list[tuple[Any, ...]]:
    """Intervals of a customer's case: collector, source, began, ended, why it ended."""
    return [
        (f"{customer}@15", customer, number, "phone", collector, source, "test", began, ended, why, None)
        for number, (collector, source, began, ended, why) in enumerate(rows, start=1)
    ]


HANDED_OVER: tuple[Held, ...] = (("ann", "auto", SUN, MON, "handed_over"), ("bob", "manual", MON, None, None))
POOLED: Held = (None, "pool", MON, None, None)
CREDITS: tuple[tuple[tuple[Held, ...], tuple[str, ...], str | None], ...] = (
    # nothing is known of the day in ops: the owner of the opening
    ((), (), "ann"),
    ((), ("bob",), "ann"),
    # whoever has it when the day ends
    ((("ann", "auto", SUN, None, None),), (), "ann"),
    ((("ann", "auto", SUN, TUE, "handed_over"), ("bob", "manual", TUE, None, None)), (), "ann"),
    # handed over in the day: to whom worked it, and the last one if both did or neither
    (HANDED_OVER, (), "bob"),
    (HANDED_OVER, ("ann",), "ann"),
    (HANDED_OVER, ("ann", "bob"), "bob"),
    # somebody else's contact does not make the case his
    (HANDED_OVER, ("cem",), "bob"),
    # the absent one's case is the one's who got it
    ((("ann", "auto", SUN, MON, "absent"), ("bob", "manual", MON, None, None)), (), "bob"),
    # in the pool at the end of the day it is nobody's, unless somebody had worked it
    ((("ann", "grab", MON, MON, "expired"), POOLED), (), None),
    ((("ann", "grab", MON, MON, "given_back"), POOLED), (), None),
    ((("ann", "grab", MON, MON, "recalled"), POOLED), ("ann",), "ann"),
    (
        (("ann", "grab", MON, MON, "expired"), (None, "pool", MON, MON, "grabbed"), ("bob", "grab", MON, None, None)),
        (),
        "bob",
    ),
    # what a run took from him in the morning is none of his day
    ((("ann", "auto", SUN, MON, "reassigned"), ("bob", "auto", MON, None, None)), ("ann",), "bob"),
    ((("ann", "auto", SUN, MON, "pooled"), POOLED), ("ann",), None),
)
"""What happened to a case that was ann's at the opening, who recorded contacts, and to whom its day is credited."""


def test_a_case_is_credited_to_who_worked_it_last_else_to_who_has_it_when_the_day_ends(
    make_run: Callable[..., Any],
) -> None:
    keys = [f"X{number:02}" for number in range(len(CREDITS))]
    with make_run(WED) as run:
        rows = closing(
            run,
            "case_credit",
            assignment=table(ASSIGNMENT, ((MON, key, "phone", "ann") for key in keys)),
            treatment=table(TREATMENT, ((MON, key, key, 150) for key in keys)),
            contracts=contract_table("contracts", [{"contract_id": key, "customer_id": key} for key in keys]),
            intervals=table(
                INTERVALS,
                (row for key, (happened, _, _) in zip(keys, CREDITS, strict=True) for row in held(key, *happened)),
            ),
            contact_results=results(
                *[
                    (key, who, TEN, "connected", "lender")
                    for key, (_, worked_by, _) in zip(keys, CREDITS, strict=True)
                    for who in worked_by
                ]
            ),
            payments=payments(*[(key, MON, 60, None) for key in keys]),
        )
    assert [some(row, "customer_id collector_id recovered_amount contacts") for row in rows] == [
        (key, credited, 60, len(worked_by)) for key, (_, worked_by, credited) in zip(keys, CREDITS, strict=True)
    ]


def test_what_changes_hands_counts_once_over_all_collectors(make_run: Callable[..., Any]) -> None:
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=table(ASSIGNMENT, ((MON, "K1", "phone", None),)),
            treatment=OWED,
            contracts=CONTRACTS,
            intervals=table(
                INTERVALS,
                held(
                    "K1",
                    (None, "pool", MON, MON, "grabbed"),
                    ("ann", "grab", MON, MON, "given_back"),
                    (None, "pool", MON, MON, "grabbed"),
                    ("bob", "grab", MON, MON, "handed_over"),
                    ("cem", "manual", MON, None, None),
                ),
            ),
            contact_results=results(("A", "bob", TEN, "right_party", "lender")),
            payments=payments(("A", MON, 60, None)),
        )
    names = "collector_id cases overdue_amount recovered_amount touched_cases attempts grabbed_cases given_back_cases"
    assert [some(row, names) for row in rows] == [
        ("ann", 0, 0, 0, 0, 0, 1, 1),
        ("bob", 1, 150, 60, 1, 1, 1, 0),
    ]


def test_a_promise_is_his_to_whom_it_was_made(make_run: Callable[..., Any]) -> None:
    def promise(key: str, contract: str, made: date, due: date) -> dict[str, Any]:
        return {"promise_id": key, "contract_id": contract, "made_on": made, "due_on": due, "amount": Decimal(10)}

    made = contract_table(
        "promises",
        [
            promise("1", "A", MON, TUE),  # to ann, who handed the case over; bob has it on both days
            promise("2", "C", MON, MON),  # the ledger does not say to whom: K2 is ann's
            promise("3", "E", MON, MON),  # nobody's: in the pool
        ],
    ).append_column("collector_id", pa.array(["ann", None, None], pa.string()))
    opening = ((MON, "K1", "bob"), (MON, "K2", "ann"), (MON, "K4", None), (TUE, "K1", "bob"))
    cases = table(ASSIGNMENT, ((day, key, "phone", owner) for day, key, owner in opening))
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=cases,
            treatment=OWED,
            contracts=CONTRACTS,
            promises=made,
            payments=payments(("A", TUE, 10, None)),
        )
    assert [some(row, "as_of collector_id cases promises promises_due promises_kept") for row in rows] == [
        (MON, "ann", 1, 2, 1, 0),
        (MON, "bob", 1, 0, 0, 0),
        (TUE, "ann", 0, 0, 1, 1),
        (TUE, "bob", 1, 0, 0, 0),
    ]


ASKED = TargetRules.model_validate(
    {
        "defaults": {"coverage": 0.8, "compliance": 0.9, "recovered_amount": 500},
        "queues": {"phone": {"recovered_share": 0.02, "coverage": 0.9}, "field": {"recovered_amount": 300}},
        "teams": {"north": {"coverage": 0.95}, "east": {"recovered_share": 0.1, "coverage": 0.7}},
        "collectors": {"ann": {"recovered_amount": 1000, "coverage": 1}},
    }
)


LEVELS: tuple[tuple[str | None, dict[str, list[int]], str | None, str], ...] = (
    # the queue's share of what is owed
    (None, {"phone": [2000, 3000]}, "100.00", "0.9"),
    # the queue's amount; its coverage is the defaults'
    (None, {"field": [4000, 5000]}, "300.00", "0.8"),
    # several queues: 3 of 4 cases of phone, 1 of field: 0.02 x 600 + 300 / 4; (3 x 0.9 + 0.8) / 4
    (None, {"phone": [100, 200, 300], "field": [50]}, "87.00", "0.875"),
    # a queue that the file does not name has the defaults
    (None, {"legal": [70]}, "500.00", "0.8"),
    # the team decides what it names, the queue the rest
    ("north", {"phone": [5000]}, "100.00", "0.95"),
    ("south", {"phone": [5000]}, "100.00", "0.9"),
    ("east", {"phone": [5000], "field": [1000]}, "600.00", "0.7"),
    # without a case nothing is to be recovered
    ("north", {}, None, "0.95"),
    ("east", {}, None, "0.7"),
    (None, {}, None, "0.8"),
    # the collector himself before all, and without a case nothing either: the last two have targets of their own
    ("north", {"phone": [5000]}, "1000.00", "1"),
    ("north", {}, None, "1"),
)
"""Team, what the cases owe by queue, the amount to recover, the coverage asked for."""


def test_the_nearest_level_says_what_is_asked(make_run: Callable[..., Any]) -> None:
    names = [f"e{number:02}" for number in range(len(LEVELS))]
    owed = [
        (f"X{name}{queue}{at}", name, queue, amount)
        for name, (_, queues, _, _) in zip(names, LEVELS, strict=True)
        for queue, amounts in queues.items()
        for at, amount in enumerate(amounts)
    ]
    asked = ASKED.model_copy(update={"collectors": dict.fromkeys(names[-2:], ASKED.collectors["ann"])})
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=table(ASSIGNMENT, ((MON, key, queue, name) for key, name, queue, _ in owed)),
            treatment=table(TREATMENT, ((MON, key, key, amount) for key, _, _, amount in owed)),
            collectors=contract_table(
                "collectors",
                [{"collector_id": name, "team": each[0]} for name, each in zip(names, LEVELS, strict=True)],
            ),
            contact_results=results(*[("Z", name, TEN, "no_answer", "lender") for name in names]),
            targets=target_relation({MON: asked}),
        )
    assert [(row["collector_id"], row["target_amount"], row["coverage_target"]) for row in rows] == [
        (name, None if recovered is None else Decimal(recovered), Decimal(coverage))
        for name, (_, _, recovered, coverage) in zip(names, LEVELS, strict=True)
    ]
    assert {(row["compliance_target"], row["kept_target"]) for row in rows} == {(Decimal("0.9"), None)}


def test_a_day_without_rules_asks_for_nothing(make_run: Callable[..., Any]) -> None:
    with make_run(WED) as run:
        rows = closing(
            run,
            "collector_day",
            assignment=CASES,
            treatment=OWED,
            targets=target_relation({MON: ASKED, TUE: TargetRules()}),
        )
    asked = {(row["as_of"], row["collector_id"]): (row["target_amount"], row["coverage_target"]) for row in rows}
    assert asked[TUE, "bob"] == (None, None)
    assert asked[MON, "bob"] == (Decimal("6.00"), Decimal("0.9"))


def test_a_team_is_the_sum_of_its_collectors_over_the_heads_that_were_there(make_run: Callable[..., Any]) -> None:
    teams = {"ann": "north", "bob": "north", "eve": None}
    staff = contract_table("collectors", [{"collector_id": key, "team": team} for key, team in teams.items()])
    there = table(
        ATTENDANCE,
        (
            (MON, "ann", "north", 1),
            (MON, "bob", "north", 0),  # reported absent
            (MON, "dan", "north", 1),  # there without a case
            (MON, "fay", "south", 0),
        ),
    )
    with make_run(WED) as run:
        rows = closing(
            run,
            "team_day",
            assignment=CASES,
            treatment=OWED,
            contracts=CONTRACTS,
            collectors=staff,
            attendance=there,
            payments=payments(("A", MON, 60, None), ("D", MON, 30, None)),
            contact_results=results(("A", "eve", TEN, "right_party", "lender")),
            targets=target_relation({MON: ASKED, TUE: ASKED}),
        )
    names = "as_of team collectors present_collectors cases overdue_amount recovered_amount attempts touched_cases"
    assert [some(row, names) for row in rows] == [
        (MON, "", 1, 0, 0, 0, 0, 1, 0),  # eve is not on Monday's roster
        (MON, "north", 3, 2, 3, 650, 90, 0, 1),
        (MON, "south", 1, 0, 0, 0, 0, 0, 0),
        (TUE, "north", 1, 1, 1, 100, 0, 0, 0),  # no roster is kept of Tuesday: who had a case was there
    ]
    north = rows[1]
    # 1,000 of ann herself, 2 % of bob's 300
    assert (north["target_amount"], north["recovered_for_target"]) == (Decimal("1006.00"), Decimal(90))
    assert rows[0]["target_amount"] is None


@pytest.mark.parametrize(
    ("collector", "present"),
    [
        ({}, 1),
        ({"present": False}, 0),
        ({"active_from": TUE}, 0),
        ({"active_from": MON, "active_to": TUE}, 1),
        ({"active_to": MON}, 0),
    ],
)
@pytest.mark.parametrize("absent", [False, True])
def test_who_was_there(make_run: Callable[..., Any], collector: dict[str, Any], present: int, absent: bool) -> None:
    away = [(MON, "ann")] if absent else [(TUE, "ann"), (MON, "bob")]
    relations = {
        "collectors": contract_table("collectors", [{"collector_id": "ann", "team": "north", **collector}]),
        "absences": table({"as_of": DAY, "collector_id": TEXT}, away),
        "closing_days": table({"as_of": DAY}, ((MON,),)),
    }
    with make_run(WED) as run:
        rows = fetch_model(run, "kpi/attendance", relations=relations).to_pylist()
    assert rows == [{"as_of": MON, "collector_id": "ann", "team": "north", "present": 0 if absent else present}]


@pytest.mark.parametrize("model", ["collector_day", "team_day", "channel_day", "pool_day", "case_interval"])
def test_nothing_happened(make_run: Callable[..., Any], model: str) -> None:
    with make_run(WED) as run:
        assert closing(run, model) == []


def test_the_book_by_bucket(make_run: Callable[..., Any]) -> None:
    columns = {
        "as_of": DAY,
        "contract_id": TEXT,
        "product": TEXT,
        "currency": TEXT,
        "bucket": TEXT,
        "class": TEXT,
        "days_past_due": WHOLE,
        "repeated": FLAG,
        "held": FLAG,
        "principal": MONEY,
        "outstanding_amount": MONEY,
        "outstanding_principal": MONEY,
        "overdue_amount": MONEY,
    }
    snapshot = table(
        columns,
        (
            (WED, "C1", "auto", "CNY", "M0", "current", 0, False, False, 100, 90, 80, 0),
            (WED, "C2", "auto", "CNY", "M0", "current", 2, True, False, 100, 50, 40, 10),  # within grace
            (WED, "C3", "auto", "CNY", "M1", "low", 9, True, True, 100, 70, 60, 20),
            (WED, "C4", "auto", None, "M1", "low", 9, False, False, 100, 70, 60, 20),
            (WED, "C5", "auto", "CNY", "M1", "low", 9, False, True, 100, 70, 60, 20),  # written off, worked
        ),
    )
    with make_run(WED) as run:
        # C4 was written off on another day
        recovery_book = table({"as_of": DAY, "contract_id": TEXT}, [(WED, "C5"), (TUE, "C4")])
        live_book = fetch_model(run, "kpi/live_book", relations={"snapshot": snapshot, "recovery_book": recovery_book})
        rows = fetch_model(
            run, "kpi/portfolio_day", params={"basis": "restated"}, relations={"live_book": live_book}
        ).to_pylist()
    names = (
        "basis currency bucket class contracts overdue_contracts repeated_contracts held_contracts principal"
        " outstanding_amount outstanding_principal overdue_amount"
    )
    assert [some(row, names) for row in rows] == [
        ("restated", "CNY", "M0", "current", 2, 1, 1, 0, 200, 140, 120, 10),
        ("restated", "CNY", "M1", "low", 1, 1, 1, 1, 100, 70, 60, 20),
        ("restated", "XXX", "M1", "low", 1, 1, 0, 0, 100, 70, 60, 20),
    ]
