"""What the plan does besides the policy: days past due, best hours, fallbacks, budgets, owners' calls, what stops."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support import outreach_day

from arrears.outreach.ops_reads import nothing_from_ops
from arrears.outreach.plan import build_contact_plan, count_without_contact
from arrears.outreach.relations import OPS_CONTACT, OPS_NOTICE, OPS_PROMISE, table
from arrears.outreach.rules import Budget, Cadence, Caps, LivePromise, OwnerCalls, load_contact_rules
from arrears.rules.files import parse_rules
from arrears.rules.policy import Policy, PolicyPack
from arrears.settings import PROJECT

Plan = Callable[..., list[dict[str, Any]]]
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def planned_by(make_run: Any) -> Plan:
    """Plans under given packs, and with what happened since the ledger was pulled."""

    def plan(
        cases: list[dict[str, Any]],
        *,
        packs: tuple[str, ...] = ("cn",),
        rules: dict[str, Any] | None = None,
        contacts: list[dict[str, Any]] | None = None,
        notices: list[tuple[str, str]] | None = None,
        promised: list[tuple[str, date]] | None = None,
        **tables: Any,
    ) -> list[dict[str, Any]]:
        folder = PROJECT / "include" / "rules" / "policies"
        policy = Policy(tuple(parse_rules(folder / f"{name}.yaml", PolicyPack) for name in packs))
        ops = nothing_from_ops() | {
            "ops_contact": table(OPS_CONTACT, [tuple(each.values()) for each in contacts or ()]),
            "ops_notice": table(OPS_NOTICE, notices or []),
            "ops_promise": table(OPS_PROMISE, promised or []),
        }
        with make_run(outreach_day.DAY) as run:
            outreach_day.publish(run, cases, **tables)
            shipped, _ = load_contact_rules(run.rules)
            build_contact_plan(run, shipped.model_copy(update=rules or {}), policy, ops=ops)
            assert count_without_contact(run, shipped.model_copy(update=rules or {})) == 0
            rows: list[dict[str, Any]] = outreach_day.plan_rows(run)
            return rows

    return plan


def contact(customer_id: str, key: str, **other: Any) -> dict[str, Any]:
    """A contact of Arrears' own: a call of yesterday that nobody answered, unless said otherwise."""
    return {
        "contact_key": key, "result_id": None, "customer_id": customer_id, "contract_ids": f"K-{customer_id}",
        "channel": "dialer", "state": "delivered", "doubtful": False, "outcome": "no_answer", "by_customer": False,
        "at_utc": datetime(2026, 11, 19, 4), "today": False, "bad_address": False,  # noqa: DTZ001
    } | other  # fmt: skip


def result(number: int, customer_id: str, at: str, outcome: str = "right_party", **other: Any) -> dict[str, Any]:
    return {
        "result_id": f"R{number}", "customer_id": customer_id, "contract_id": f"K-{customer_id}", "channel": "call",
        "attempted_at": datetime.fromisoformat(at), "outcome": outcome, "initiated_by": "lender",
    } | other  # fmt: skip


def cadence(
    *via: dict[str, Any], days: list[Any] | None = None, opens: str = "09:00", closes: str = "12:00"
) -> Cadence:
    slot = {"id": "morning", "opens": opens, "closes": closes, "via": list(via), "days": days or []}
    return Cadence.model_validate({"id": "only", "placements": ["in_house"], "slots": [slot]})


def said(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, str | None]]:
    return [(row["customer_id"], row["channel"], row["verdict"], row["verdict_rule"]) for row in rows]


def test_channels_take_turns_by_the_days_past_due(planned_by: Plan) -> None:
    only = cadence(
        {"channel": "sms", "template": "reminder_sms", "days": ["1-3", "10-20/5"]},
        {"channel": "email", "template": "reminder_email", "days": [5, "11-"]},
    )
    days = [1, 3, 4, 5, 9, 10, 11, 15, 20, 25]
    cases = [outreach_day.case(f"C{day:02d}", days_past_due=day) for day in days]
    rows = planned_by(cases, rules={"cadences": (only,)})
    assert {int(row["customer_id"][1:]): row["channel"] for row in rows} == {
        1: "sms", 3: "sms", 5: "email", 10: "sms", 11: "email", 15: "sms", 20: "sms", 25: "email",
    }  # fmt: skip


def test_the_budget_cuts_the_lowest_priority_first_and_says_so(planned_by: Plan) -> None:
    cases = [outreach_day.case(f"C{number}", priority=number) for number in range(4)]
    rows = planned_by(cases, rules={"budget": Budget(per_day=Decimal("0.10"))})
    assert said(rows) == [
        ("C0", "sms", "cut", "cap.budget"),
        ("C1", "sms", "cut", "cap.budget"),
        ("C2", "sms", "planned", None),
        ("C3", "sms", "planned", None),
    ]
    assert rows[0]["verdict_reason"] == "Over what the day's contacts may cost; lowest priority first."
    assert sum(row["cost"] for row in rows if row["verdict"] == "planned") == Decimal("0.10")


def test_calls_go_to_the_hour_in_which_the_customer_was_reached(planned_by: Plan) -> None:
    results = [result(number, "C1", f"2026-10-{number + 1:02d} 10:{number:02d}:00") for number in range(3)]
    results += [result(10 + number, "C1", f"2026-10-{number + 1:02d} 11:00:00") for number in range(2)]
    # ten in Shanghai is three at night in London: reached there by nobody, so the whole slot stays
    results += [result(20 + number, "C2", f"2026-10-{number + 1:02d} 10:00:00") for number in range(5)]
    # eighteen in Shanghai is ten in London in winter time, which is that of the day
    results += [result(30 + number, "C3", f"2026-11-{number + 1:02d} 18:10:00") for number in range(3)]
    results += [result(40 + number, "C4", f"2026-10-{number + 1:02d} 10:00:00", "no_answer") for number in range(9)]
    rows = planned_by(
        [outreach_day.case(f"C{number}", "call", region=None) for number in (1, 2, 3, 4)],
        contact_results=results,
        customers=[outreach_day.customer(f"C{number}", time_zone="Europe/London") for number in (2, 3)],
    )
    zones = {"C1": SHANGHAI, "C2": ZoneInfo("Europe/London"), "C3": ZoneInfo("Europe/London"), "C4": SHANGHAI}

    def local(row: dict[str, Any], name: str) -> str:
        text: str = row[name].astimezone(zones[row["customer_id"]]).strftime("%H:%M")
        return text

    windows = [(local(row, "window_opens_at"), local(row, "window_closes_at")) for row in rows]
    assert [(row["customer_id"], row["best_hour"], *window) for row, window in zip(rows, windows, strict=True)] == [
        ("C1", 10, "10:00", "11:00"),
        ("C2", 2, "09:00", "12:00"),
        ("C3", 10, "10:00", "11:00"),
        ("C4", None, "09:00", "12:00"),
    ]


def test_a_channel_that_failed_or_has_no_address_leaves_its_slot_to_the_next(planned_by: Plan) -> None:
    sms = {"channel": "sms"}
    results = [
        result(1, "C1", "2026-11-12 10:00:00", "failed", **sms),
        result(2, "C2", "2026-11-12 10:00:00", "failed", **sms),
        result(3, "C2", "2026-11-13 10:00:00", "delivered", **sms),
        result(4, "C3", "2026-11-01 10:00:00", "failed", **sms),
        result(5, "C4", "2026-11-12 10:00:00", "failed", **sms),
        result(6, "C4", "2026-11-12 10:00:00", "failed", channel="email"),
    ]
    rows = planned_by(
        [outreach_day.case(f"C{number}") for number in range(1, 9)],
        contact_results=results,
        customers=[
            outreach_day.customer("C5", phone="call me"),
            outreach_day.customer("C6", phone="12"),
            outreach_day.customer("C7", phone=None, email="nobody@nowhere"),
        ],
        contacts=[contact("C8", "T8", channel="sms", state="dead", outcome=None, bad_address=True)],
    )
    assert said(rows) == [
        ("C1", "email", "planned", None),
        ("C2", "sms", "planned", None),
        ("C3", "sms", "planned", None),
        ("C4", "sms", "blocked", "channel.failed"),
        ("C5", "email", "planned", None),
        ("C6", "email", "planned", None),
        ("C7", "sms", "blocked", "address.missing"),
        ("C8", "email", "planned", None),
    ]


def test_calls_on_the_owners_list_are_planned_under_the_same_rules(planned_by: Plan) -> None:
    rules = {"cadences": (cadence({"channel": "phone"}),), "owner_calls": OwnerCalls(daily_cap=2, cost=Decimal(4))}
    cases = [outreach_day.case(f"C{number}", "call", priority=number) for number in range(4)]
    calls = [result(number, "C3", f"2026-11-20 08:{number:02d}:00") for number in range(3)]
    rows = planned_by(cases, rules=rules | {"caps": Caps(contacts_per_customer=9, overall=99)}, contact_results=calls)
    assert said(rows) == [
        ("C0", "phone", "cut", "cap.phone"),
        ("C1", "phone", "planned", None),
        ("C2", "phone", "planned", None),
        ("C3", "phone", "blocked", "cn.connected_calls"),
    ]


def test_what_happened_since_the_ledger_was_pulled_stops_or_counts(planned_by: Plan) -> None:
    today = {"at_utc": datetime(2026, 11, 20, 1), "today": True}  # noqa: DTZ001
    spoke = {"outcome": "right_party", "channel": "phone"}
    contacts = [
        *(contact("C3", f"T3{number}", **today, **spoke) for number in range(3)),
        *(contact("C4", f"T4{number}", **today, channel="phone", outcome=None, state="sending") for number in range(3)),
        # a ledger that feeds back what Arrears did counts it once, under whichever id
        *(contact("C6", f"T6{number}", **today, **spoke, result_id=f"desk-{number}") for number in range(2)),
        contact("C7", "T7", **today, by_customer=True, **spoke),
    ]
    rows = planned_by(
        [outreach_day.case(f"C{number}", "call") for number in (1, 2, 3, 4, 6, 7)],
        rules={"caps": Caps(contacts_per_customer=9, overall=99)},
        contacts=contacts,
        notices=[("C1", "payment"), ("C2", "reply")],
        contact_results=[
            result(1, "C6", "2026-11-20 09:00:00", result_id="desk-0"),
            result(2, "C6", "2026-11-20 09:00:00", result_id="T61"),
        ],
    )
    assert said(rows) == [
        ("C1", "dialer", "blocked", "payment.received"),
        ("C2", "dialer", "blocked", "reply.received"),
        ("C3", "dialer", "blocked", "cn.connected_calls"),
        ("C4", "dialer", "planned", None),
        ("C6", "dialer", "planned", None),
        ("C7", "dialer", "blocked", "reply.received"),
    ]
    assert rows[3]["policy_flags"] == "wait:cn.connected_calls", "it goes once it is known how those ended"


def test_verdicts_carry_their_source_and_all_that_is_remarked(planned_by: Plan) -> None:
    hours = [datetime(2026, 11, 19, 15), datetime(2026, 11, 20, 0, 30)]  # noqa: DTZ001 (UTC)
    rows = planned_by(
        [outreach_day.case("C1", "call", region=None), outreach_day.case("C2", "call", region=None)],
        packs=("us_reg_f", "us_ma"),
        customers=[outreach_day.customer(key, time_zone="America/New_York") for key in ("C1", "C2")],
        contacts=[contact("C1", "T1"), *(contact("C2", f"T2{number}", at_utc=at) for number, at in enumerate(hours))],
    )
    assert said(rows) == [("C1", "dialer", "planned", None), ("C2", "dialer", "blocked", "us_ma.calls_and_texts")]
    assert [row["policy"] for row in rows] == ["us_reg_f+us_ma"] * 2
    assert rows[1]["policy_source"] == (
        "us_ma: 940 CMR 7.04, contact with debtors, Attorney General of Massachusetts, 2012-03-02"
    )
    assert rows[1]["policy_flags"] == "block:us_ma.calls_and_texts"


def test_consents_that_begin_or_end_at_noon(planned_by: Plan) -> None:
    noon, long_ago = datetime(2026, 11, 20, 12), datetime(2026, 1, 1)  # noqa: DTZ001
    afternoon = cadence({"channel": "sms", "template": "reminder_sms"}, opens="11:00", closes="15:00")
    morning = cadence({"channel": "sms", "template": "reminder_sms"}, opens="09:00", closes="12:00")
    refused = {"channel": "sms", "allowed": False, "reason": "opt_out"}
    consents = [
        {"customer_id": "C1", "valid_from": long_ago, "valid_to": noon, **refused},
        {"customer_id": "C2", "valid_from": noon, "valid_to": None, **refused},
        {"customer_id": "C3", "valid_from": long_ago, "valid_to": None, **refused},
    ]
    cases = [outreach_day.case(f"C{number}") for number in (1, 2, 3)]
    over_noon = planned_by(cases, rules={"cadences": (afternoon,)}, consents=consents)
    assert [row["verdict"] for row in over_noon] == ["planned", "planned", "blocked"]
    before = planned_by(cases, rules={"cadences": (morning,)}, consents=consents)
    assert [row["verdict"] for row in before] == ["blocked", "planned", "blocked"]
    assert {row["verdict_rule"] for row in before} == {"consent.refused", None}


def test_windows_on_the_days_on_which_the_clocks_change(planned_by: Plan, make_run: Any) -> None:
    for day, opens in (
        (date(2026, 3, 7), 14), (date(2026, 3, 8), 13), (date(2026, 11, 1), 14), (date(2026, 10, 31), 13),
    ):  # fmt: skip
        with make_run(day) as run:
            customers = [outreach_day.customer("C1", time_zone="America/New_York", region="ny")]
            outreach_day.publish(run, [outreach_day.case("C1")], customers=customers)
            shipped, policy = load_contact_rules(run.rules)
            build_contact_plan(run, shipped, policy)
            (row,) = outreach_day.plan_rows(run)
        assert row["window_opens_at"] == datetime.combine(day, time(opens), UTC)
        assert row["window_closes_at"] - row["window_opens_at"] == timedelta(hours=3)


@pytest.mark.parametrize(
    ("stops", "of_ledger", "of_ops", "due", "expected"),
    [
        ("any_contract", None, "K2", "2026-11-19", "blocked"),
        ("any_contract", None, "K2", "2026-11-18", "planned"),
        ("any_contract", None, "K9", "2026-11-25", "planned"),
        ("all_contracts", None, "K2", "2026-11-25", "planned"),
        ("all_contracts", "K2", "K2", "2026-11-25", "planned"),
        ("all_contracts", "K1", "K2", "2026-11-25", "blocked"),
    ],
)
def test_a_promise_that_was_taken_here_stops_as_one_of_the_ledger_does(
    planned_by: Plan, stops: Any, of_ledger: str | None, of_ops: str, due: str, expected: str
) -> None:
    made = {"promise_id": "P1", "made_on": date(2026, 11, 10), "due_on": date(2026, 11, 25)}
    (row,) = planned_by(
        [outreach_day.case("C1", contract_ids="K1,K2", lead_contract_id="K1", contracts=2)],
        promises=[made | {"contract_id": of_ledger}] if of_ledger else [],
        promised=[(of_ops, date.fromisoformat(due)), (of_ops, date.fromisoformat(due))],
        rules={"live_promise": LivePromise(stops=stops, grace_days=1)},
    )
    reason = "A promise to pay that is not yet due."
    stopped = ("blocked", "promise.live", reason)
    assert (row["verdict"], row["verdict_rule"], row["verdict_reason"]) == (
        stopped if expected == "blocked" else ("planned", None, None)
    )
