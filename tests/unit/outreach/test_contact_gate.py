"""The gate at the moment of sending, rule by rule, on and beside every edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from arrears.outreach.addressees import Addressee, Counts
from arrears.outreach.gate import Gate, Today, count_today
from arrears.outreach.rules import Caps, ContactRules
from arrears.outreach.states import State
from arrears.rules.files import parse_rules
from arrears.rules.policy import PolicyPack
from arrears.settings import PROJECT

RULES = PROJECT / "include" / "rules"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=SHANGHAI)
CONTACT = parse_rules(RULES / "contact.yaml", ContactRules).model_copy(
    update={"caps": Caps(contacts_per_customer=9, overall=9)}
)
CN = parse_rules(RULES / "policies" / "cn.yaml", PolicyPack)
FACTS: dict[str, Any] = {
    "may_be_contacted": True,
    "hold_kind": None,
    "time_zone": "Asia/Shanghai",
    "contracts": 2,
    "contracts_promised": 0,
}


def judged(
    channel: str = "dialer",
    *,
    at: datetime = NOW,
    counts: Counts | None = None,
    others: Today | None = None,
    refused: frozenset[str] = frozenset(),
    contact: ContactRules = CONTACT,
    **facts: Any,
) -> tuple[str, str | None]:
    addressee = Addressee("C1", FACTS | facts, refused, counts or Counts())
    opinion = Gate(contact, CN, SHANGHAI, at).judge({"channel": channel}, addressee, others or Today())
    return opinion.verdict, opinion.rule


def test_nothing_in_the_way() -> None:
    assert judged() == ("go", None)


def test_a_customer_without_a_case() -> None:
    opinion = Gate(CONTACT, CN, SHANGHAI, NOW).judge({"channel": "sms"}, None, Today())
    assert (opinion.verdict, opinion.rule) == ("block", "case.closed")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("21:59:59", ("go", None)),
        ("22:00:00", ("wait", "cn.hours")),
        ("07:59:59", ("wait", "cn.hours")),
        ("08:00:00", ("go", None)),
    ],
)
def test_hours(at: str, expected: tuple[str, str | None]) -> None:
    now = datetime.fromisoformat(f"2026-11-20T{at}").replace(tzinfo=SHANGHAI)
    assert judged(at=now) == expected
    assert judged(at=now, time_zone=None) == expected
    assert judged(at=now + timedelta(hours=2), time_zone="Asia/Urumqi") == expected


@pytest.mark.parametrize(
    ("in_house", "agency", "unsettled", "expected"),
    [
        (2, 0, 0, ("go", None)),
        (3, 0, 0, ("block", "cn.connected_calls")),
        (2, 1, 0, ("block", "cn.connected_calls")),
        (0, 3, 0, ("block", "cn.connected_calls")),
        (2, 0, 1, ("wait", "cn.connected_calls")),
        (0, 1, 1, ("go", None)),
        (0, 0, 3, ("wait", "cn.connected_calls")),
    ],
)
def test_the_fourth_connected_call_is_blocked_and_waits_for_calls_in_the_air(
    in_house: int, agency: int, unsettled: int, expected: tuple[str, str | None]
) -> None:
    counts, others = Counts(connected=agency), Today(connected=in_house, unsettled_calls=unsettled)
    assert judged(counts=counts, others=others) == expected
    assert judged("sms", counts=counts, others=others) == ("go", None), "a text is no call"


def test_unanswered_tries_only_warn() -> None:
    assert judged(counts=Counts(unanswered=7)) == ("go", None)


@pytest.mark.parametrize(("known", "verdict"), [(2, "go"), (3, "block")])
def test_the_days_contacts(known: int, verdict: str) -> None:
    contact = CONTACT.model_copy(update={"caps": Caps(contacts_per_customer=3, overall=9)})
    assert judged("sms", counts=Counts(contacts=1), others=Today(contacts=known - 1), contact=contact)[0] == verdict


@pytest.mark.parametrize(("minutes", "verdict"), [(119, "wait"), (120, "go")])
def test_distance_between_two_contacts(minutes: int, verdict: str) -> None:
    assert judged(others=Today(contacts=1, last_at=NOW - timedelta(minutes=minutes)))[0] == verdict


@pytest.mark.parametrize(
    ("channel", "refused", "verdict"),
    [
        ("sms", "sms", "block"),
        ("sms", "all", "block"),
        ("sms", "email", "go"),
        ("agency", "all", "go"),
    ],
)
def test_refusals(channel: str, refused: str, verdict: str) -> None:
    assert judged(channel, refused=frozenset({refused}))[0] == verdict


@pytest.mark.parametrize(
    ("stops", "promised", "verdict"),
    [
        ("any_contract", 0, "go"),
        ("any_contract", 1, "block"),
        ("all_contracts", 1, "go"),
        ("all_contracts", 2, "block"),
        ("never", 2, "go"),
    ],
)
def test_promises(stops: str, promised: int, verdict: str) -> None:
    promise = CONTACT.live_promise.model_copy(update={"stops": stops})
    contact = CONTACT.model_copy(update={"live_promise": promise})
    assert judged(contact=contact, contracts_promised=promised)[0] == verdict


def test_holds() -> None:
    assert judged(may_be_contacted=False, hold_kind="bankruptcy") == ("block", "hold.bankruptcy")


@pytest.mark.parametrize(
    ("state", "reason", "outcome", "expected"),
    [
        (State.SENDING, None, None, (1, 0, 0, 1)),
        (State.SENT, None, None, (1, 0, 0, 1)),
        (State.UNKNOWN, "interrupted", None, (1, 0, 0, 1)),
        (State.FAILED, "interrupted", None, (1, 0, 0, 1)),
        (State.FAILED, "http.timeout", None, (1, 0, 0, 1)),
        (State.FAILED, "http.500", None, (0, 0, 0, 0)),
        (State.DEAD, "provider.invalid", "invalid", (0, 0, 0, 0)),
        (State.DELIVERED, None, "right_party", (1, 1, 0, 0)),
        (State.DELIVERED, None, "wrong_party", (1, 0, 0, 0)),
        (State.DELIVERED, None, "busy", (1, 0, 1, 0)),
    ],
)
def test_what_counts_as_a_contact_of_today(
    state: State, reason: str | None, outcome: str | None, expected: tuple[int, int, int, int]
) -> None:
    task = {
        "customer_id": "C1",
        "channel": "dialer",
        "state": state.value,
        "state_reason": reason,
        "outcome": outcome,
        "last_attempt_at": NOW.astimezone(UTC),
    }
    today = count_today([task], CONTACT, CN).get("C1", Today())
    assert (today.contacts, today.connected, today.unanswered, today.unsettled_calls) == expected


def test_an_addressee_shows_nothing_personal() -> None:
    addressee = Addressee("C1", FACTS | {"phone": "13812345678", "email": "a@customer.example", "name": "秘密"})
    assert "138" not in repr(addressee)
    assert addressee.phone("CN") == "+8613812345678"
    assert addressee.email() == "a@customer.example"


@pytest.mark.parametrize("phone", [None, "", "0", "call me", "+999123"])
def test_what_is_no_phone_number(phone: str | None) -> None:
    assert Addressee("C1", {"phone": phone}).phone("CN") is None


@pytest.mark.parametrize(
    "email", [None, "", "x", "x@y", "@y.example", "a@b@c.example", "a b@c.example", "a@c.example\nBcc: d@e.example"]
)
def test_what_is_no_email_address(email: str | None) -> None:
    assert Addressee("C1", {"email": email}).email() is None
