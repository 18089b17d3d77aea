"""The contact plan, small tables in and small tables out: cadences, consents, hours, limits, caps and promises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support import outreach_day

from arrears.outreach.rules import Cadence, Caps, ContactRules, LivePromise
from arrears.rules.files import parse_rules
from arrears.settings import PROJECT

Plan = Callable[..., list[dict[str, Any]]]

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    """A time of the ledger: in the lender's zone, written without it."""
    return datetime.fromisoformat(text)


def result(number: int, customer_id: str | None, outcome: str, **other: Any) -> dict[str, Any]:
    return {
        "result_id": f"R{number}",
        "customer_id": customer_id,
        "contract_id": f"K-{customer_id}",
        "channel": "call",
        "attempted_at": at("2026-11-20 08:00:00") + timedelta(minutes=number),
        "outcome": outcome,
        "initiated_by": "lender",
        **other,
    }


def verdicts(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str, str | None]]:
    return [(row["customer_id"], row["slot"], row["channel"], row["verdict"], row["verdict_rule"]) for row in rows]


def test_each_kind_of_case_gets_its_cadence(planned: Plan) -> None:
    kinds = ["reminder", "mail", "call", "pressure", "field", "agency", "legal"]
    rows = planned([outreach_day.case(f"C{number}", kind) for number, kind in enumerate(kinds)])
    assert [
        (row["customer_id"], row["slot"], row["channel"], row["template"], row["needs_approval"]) for row in rows
    ] == [
        ("C0", "morning", "sms", "reminder_sms", False),
        ("C1", "morning", "email", "reminder_email", False),
        ("C2", "morning", "dialer", "overdue_call", False),
        ("C3", "morning", "dialer", "overdue_call", False),
        ("C3", "afternoon", "sms", "overdue_sms", False),
        ("C4", "handover", "field", None, False),
        ("C5", "handover", "agency", None, True),
        ("C6", "handover", "legal", None, True),
    ]
    assert {row["verdict"] for row in rows} == {"planned"}


def test_key_is_the_hash_of_customer_day_and_slot(planned: Plan) -> None:
    (row,) = planned([outreach_day.case("C1")])
    assert row["task_key"] == hashlib.sha256(b"C1|2026-11-20|morning").hexdigest()
    assert row["business_day"] == date(2026, 11, 20)
    assert row["policy"] == "cn"


def test_one_contact_covers_all_contracts_of_the_customer(planned: Plan) -> None:
    (row,) = planned([outreach_day.case("C1", contracts=2, contract_ids="K1,K2", lead_contract_id="K2")])
    assert (row["contract_ids"], row["lead_contract_id"]) == ("K1,K2", "K2")


def test_held_cases_and_cases_without_work_are_not_contacted(planned: Plan) -> None:
    assert not planned([outreach_day.case("C1", held=True), outreach_day.case("C2", queue="none", placement="none")])


def test_an_empty_day_replaces_the_plan(planned: Plan) -> None:
    assert planned([outreach_day.case("C1")])
    assert planned([]) == []


@pytest.mark.parametrize(
    ("consents", "expected"),
    [
        ([("sms", False, "2026-11-20", None)], ("email", "planned", None)),
        ([("sms", False, "2026-11-21", None)], ("sms", "planned", None)),
        ([("sms", False, "2026-01-01", "2026-11-21")], ("email", "planned", None)),
        ([("sms", False, "2026-01-01", "2026-11-20")], ("sms", "planned", None)),
        ([("sms", False, "2026-01-01", None), ("sms", True, "2026-02-01", None)], ("sms", "planned", None)),
        ([("sms", True, "2026-02-01", None), ("sms", False, "2026-02-01", None)], ("email", "planned", None)),
        ([("sms", False, None, None), ("email", False, None, None)], ("sms", "blocked", "consent.refused")),
        ([("all", False, "2026-01-01", None)], ("sms", "blocked", "consent.refused")),
        ([("all", False, "2026-01-01", None), ("all", True, "2026-02-01", None)], ("sms", "planned", None)),
        ([("call", False, "2026-01-01", None)], ("sms", "planned", None)),
    ],
)
def test_what_a_customer_refuses_today(
    planned: Plan, consents: list[Any], expected: tuple[str, str, str | None]
) -> None:
    rows = planned(
        [outreach_day.case("C1")],
        consents=[
            {
                "customer_id": "C1",
                "channel": channel,
                "allowed": allowed,
                "valid_from": date.fromisoformat(start) if start else None,
                "valid_to": date.fromisoformat(end) if end else None,
            }
            for channel, allowed, start, end in consents
        ],
    )
    assert [(row["channel"], row["verdict"], row["verdict_rule"]) for row in rows] == [expected]


def test_a_refused_call_falls_back_to_a_text(planned: Plan) -> None:
    refused = [{"customer_id": "C1", "channel": "call", "allowed": False, "valid_from": date(2026, 1, 1)}]
    assert [row["channel"] for row in planned([outreach_day.case("C1", "call")], consents=refused)] == ["sms"]


def test_agency_and_legal_do_not_ask_the_debtor(planned: Plan) -> None:
    refused = [{"customer_id": "C1", "channel": "all", "allowed": False, "valid_from": date(2026, 1, 1)}]
    rows = planned([outreach_day.case("C1", "agency")], consents=refused)
    assert verdicts(rows) == [("C1", "handover", "agency", "planned", None)]


def test_without_an_address_the_next_channel_or_none(planned: Plan) -> None:
    rows = planned(
        [outreach_day.case("C1"), outreach_day.case("C2"), outreach_day.case("C3")],
        customers=[
            outreach_day.customer("C1", phone=None),
            outreach_day.customer("C2", phone=" ", email=None),
            outreach_day.customer("C3", email=""),
        ],
    )
    assert verdicts(rows) == [
        ("C1", "morning", "email", "planned", None),
        ("C2", "morning", "sms", "blocked", "address.missing"),
        ("C3", "morning", "sms", "planned", None),
    ]


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("Asia/Shanghai", datetime(2026, 11, 20, 1, tzinfo=UTC)),
        ("Asia/Urumqi", datetime(2026, 11, 20, 3, tzinfo=UTC)),
        (None, datetime(2026, 11, 20, 1, tzinfo=UTC)),
        ("Asia/Nowhere", datetime(2026, 11, 20, 1, tzinfo=UTC)),
    ],
)
def test_windows_are_in_the_debtors_own_time(planned: Plan, zone: str | None, opens: datetime) -> None:
    rows = planned([outreach_day.case("C1")], customers=[outreach_day.customer("C1", time_zone=zone)])
    assert [row["window_opens_at"] for row in rows] == [opens]
    assert [row["window_closes_at"] - row["window_opens_at"] for row in rows] == [
        datetime.combine(date.min, time(12)) - datetime.combine(date.min, time(9))
    ]


@pytest.mark.parametrize(
    ("opens", "closes", "window"),
    [
        ("21:00", "22:00", ("21:00", "22:00")),
        ("21:00", "23:30", ("21:00", "22:00")),
        ("22:00", "23:30", None),
        ("06:00", "08:00", None),
        ("06:00", "08:01", ("08:00", "08:01")),
    ],
)
def test_hours_that_the_policy_forbids_are_cut_off(
    planned: Plan, opens: str, closes: str, window: tuple[str, str] | None
) -> None:
    slot = {"id": "late", "opens": opens, "closes": closes, "via": [{"channel": "sms", "template": "reminder_sms"}]}
    cadence = Cadence.model_validate({"id": "late", "placements": ["in_house"], "slots": [slot]})
    (row,) = planned([outreach_day.case("C1")], rules={"cadences": (cadence,)})
    if window is None:
        assert (row["verdict"], row["verdict_rule"], row["window_opens_at"]) == ("blocked", "cn.hours", None)
    else:
        local = [row[name].astimezone(SHANGHAI).strftime("%H:%M") for name in ("window_opens_at", "window_closes_at")]
        assert (row["verdict"], tuple(local)) == ("planned", window)


@pytest.mark.parametrize(
    ("connected", "expected"), [(2, ("dialer", "planned", None)), (3, ("dialer", "blocked", "cn.connected_calls"))]
)
def test_the_fourth_connected_call_of_a_day_is_blocked(
    planned: Plan, connected: int, expected: tuple[str, str, str | None]
) -> None:
    # in-house and agency calls count together, the last one by an agency
    calls = [result(number, "C1", "right_party") for number in range(connected - 1)]
    calls.append(result(9, "C1", "connected", channel="agency_call"))
    rows = planned(
        [outreach_day.case("C1", "call")],
        contact_results=calls,
        rules={"caps": Caps(contacts_per_customer=9, overall=9)},
    )
    assert [(row["channel"], row["verdict"], row["verdict_rule"]) for row in rows] == [expected]


def test_what_does_not_count_as_a_connected_call_today(planned: Plan) -> None:
    calls = [
        result(1, "C1", "right_party", attempted_at=at("2026-11-19 23:59:59")),
        result(2, "C1", "right_party", attempted_at=at("2026-11-21 00:00:00")),
        result(4, "C1", "wrong_party"),
        result(5, "C1", "delivered", channel="sms"),
        result(6, "C2", "right_party"),
    ]
    rows = planned(
        [outreach_day.case("C1", "call")],
        contact_results=calls,
        rules={"caps": Caps(contacts_per_customer=9, overall=9)},
    )
    assert verdicts(rows) == [("C1", "morning", "dialer", "planned", None)]


def test_a_result_without_customer_counts_by_its_contract(planned: Plan) -> None:
    calls = [result(number, None, "right_party", contract_id="K-C1") for number in range(3)]
    rows = planned(
        [outreach_day.case("C1", "call")],
        contact_results=calls,
        rules={"caps": Caps(contacts_per_customer=9, overall=9)},
    )
    assert rows[0]["verdict_rule"] == "cn.connected_calls"


@pytest.mark.parametrize(("tries", "rule"), [(5, None), (6, "cn.unanswered_tries")])
def test_after_six_unanswered_tries_of_a_number_a_call_is_planned_with_a_warning(
    planned: Plan, tries: int, rule: str | None
) -> None:
    # two customers behind one number: the tries at both count
    calls = [result(number, "C1" if number % 2 else "C2", "no_answer") for number in range(tries)]
    rows = planned(
        [outreach_day.case("C1", "call")],
        customers=[outreach_day.customer("C1", phone="13800000001"), outreach_day.customer("C2", phone="13800000001")],
        contact_results=calls,
        rules={"caps": Caps(contacts_per_customer=9, overall=9)},
    )
    assert verdicts(rows) == [("C1", "morning", "dialer", "planned", rule)]


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (1, [("planned", None), ("planned", None)]),
        (2, [("planned", None), ("cut", "cap.customer")]),
        (3, [("cut", "cap.customer"), ("cut", "cap.customer")]),
    ],
)
def test_the_days_contacts_with_one_customer(
    planned: Plan, earlier: int, expected: list[tuple[str, str | None]]
) -> None:
    contacts = [result(number, "C1", "delivered", channel="sms") for number in range(earlier)]
    rows = planned([outreach_day.case("C1", "pressure")], contact_results=contacts)
    assert [(row["verdict"], row["verdict_rule"]) for row in rows] == expected


def test_what_is_over_a_channels_cap_is_cut_lowest_priority_first(planned: Plan) -> None:
    contact = parse_rules(PROJECT / "include" / "rules" / "contact.yaml", ContactRules)
    channels = dict(contact.channels)
    channels["sms"] = channels["sms"].model_copy(update={"daily_cap": 2})
    cases = [
        outreach_day.case("C1", priority=10, overdue_amount=100),
        outreach_day.case("C2", priority=20, overdue_amount=100),
        outreach_day.case("C3", priority=10, overdue_amount=200),
        outreach_day.case("C4", priority=30, overdue_amount=1),
    ]
    refused = [{"customer_id": "C4", "channel": "all", "allowed": False, "valid_from": date(2026, 1, 1)}]
    rows = planned(cases, consents=refused, rules={"channels": channels})
    assert verdicts(rows) == [
        ("C1", "morning", "sms", "cut", "cap.sms"),
        ("C2", "morning", "sms", "planned", None),
        ("C3", "morning", "sms", "planned", None),
        ("C4", "morning", "sms", "blocked", "consent.refused"),
    ]


def test_what_is_over_the_days_cap_is_cut(planned: Plan) -> None:
    cases = [outreach_day.case("C1", priority=10), outreach_day.case("C2", "mail", priority=20)]
    rows = planned(cases, rules={"caps": Caps(contacts_per_customer=3, overall=1)})
    assert verdicts(rows) == [
        ("C1", "morning", "sms", "cut", "cap.overall"),
        ("C2", "morning", "email", "planned", None),
    ]


@pytest.mark.parametrize(
    ("due", "stops", "expected"),
    [
        ("2026-11-18", "any_contract", "planned"),
        ("2026-11-19", "any_contract", "blocked"),
        ("2026-11-25", "any_contract", "blocked"),
        ("2026-11-25", "all_contracts", "planned"),
        ("2026-11-25", "never", "planned"),
    ],
)
def test_a_live_promise_of_one_of_two_contracts(planned: Plan, due: str, stops: Any, expected: str) -> None:
    promise = {
        "promise_id": "P1", "contract_id": "K1", "made_on": date(2026, 11, 10), "due_on": date.fromisoformat(due)
    }  # fmt: skip
    rows = planned(
        [outreach_day.case("C1", contracts=2, contract_ids="K1,K2", lead_contract_id="K1")],
        promises=[promise],
        rules={"live_promise": LivePromise(stops=stops, grace_days=1)},
    )
    assert [(row["verdict"], row["verdict_rule"]) for row in rows] == [
        (expected, "promise.live" if expected == "blocked" else None)
    ]
