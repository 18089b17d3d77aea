"""The gate at the moment of sending, rule by rule, on and beside every edge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from arrears.outreach.addressees import Addressee
from arrears.outreach.contacts import Contact, standing
from arrears.outreach.gate import Book, Gate
from arrears.outreach.holidays import unknown_holidays
from arrears.outreach.rules import Caps, ContactRules
from arrears.outreach.stated import Statement
from arrears.outreach.states import State
from arrears.rules.files import parse_rules
from arrears.rules.policy import Policy, PolicyPack
from arrears.settings import PROJECT

RULES = PROJECT / "include" / "rules"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=SHANGHAI)
CONTACT = parse_rules(RULES / "contact.yaml", ContactRules).model_copy(
    update={"caps": Caps(contacts_per_customer=99, overall=9)}
)
FACTS: dict[str, Any] = {
    "may_be_contacted": True,
    "hold_kind": None,
    "time_zone": "Asia/Shanghai",
    "region": None,
    "debts": "K1,K2",
    "promised": None,
}


def pack(name: str) -> PolicyPack:
    return parse_rules(RULES / "policies" / f"{name}.yaml", PolicyPack)


CN = Policy((pack("cn"),))


def call(outcome: str | None = "right_party", *, ago: timedelta = timedelta(hours=3), **other: Any) -> Contact:
    return Contact(**{"kind": "call", "contracts": None, "outcome": outcome, "at": NOW - ago, **other})


def judged(
    channel: str = "dialer",
    *,
    at: datetime = NOW,
    policy: Policy = CN,
    contacts: Sequence[Contact] = (),
    book: Book | None = None,
    said: Sequence[Statement] = (),
    contact: ContactRules = CONTACT,
    task: dict[str, Any] | None = None,
    **facts: Any,
) -> tuple[str, str | None]:
    addressee = Addressee("C1", FACTS | facts)
    book = book or Book(contacts=list(contacts), at_number=list(contacts), statements=tuple(said))
    asked = {"channel": channel, "contract_ids": "K1,K2", **(task or {})}
    opinion = Gate(contact, policy, SHANGHAI, at).judge(asked, addressee, book)
    return opinion.verdict, opinion.rule


def test_nothing_in_the_way() -> None:
    assert judged() == ("go", None)


def test_a_customer_without_a_case() -> None:
    opinion = Gate(CONTACT, CN, SHANGHAI, NOW).judge({"channel": "sms"}, None, Book())
    assert (opinion.verdict, opinion.rule) == ("block", "case.closed")


@pytest.mark.parametrize(
    ("done", "unsettled", "expected"),
    [
        (2, 0, ("go", None)),
        (3, 0, ("block", "cn.connected_calls")),
        (2, 1, ("wait", "cn.connected_calls")),
        (1, 1, ("go", None)),
        (0, 3, ("wait", "cn.connected_calls")),
    ],
)
def test_calls_that_may_still_connect_count_until_they_are_settled(
    done: int, unsettled: int, expected: tuple[str, str | None]
) -> None:
    contacts = [call(ago=timedelta(hours=1))] * done
    contacts += [call(None, ago=timedelta(minutes=5), pending=True, went=False)] * unsettled
    assert judged(contacts=contacts) == expected
    assert judged("sms", contacts=contacts) == ("go", None), "a text is no call"


def test_an_outcome_that_the_pack_does_not_know_counts() -> None:
    assert judged(contacts=[call("abducted")] * 3) == ("block", "cn.connected_calls")


@pytest.mark.parametrize(("tries", "flags"), [(5, ()), (6, ("warn:cn.unanswered_tries",))])
def test_unanswered_tries_of_a_number_only_warn(tries: int, flags: tuple[str, ...]) -> None:
    # four with him, the others with somebody who has the same number
    own, others = [call("no_answer")] * 4, [call("busy")] * (tries - 4)
    book = Book(contacts=list(own), at_number=[*own, *others])
    opinion = Gate(CONTACT, CN, SHANGHAI, NOW).judge(
        {"channel": "dialer", "contract_ids": "K1"}, Addressee("C1", FACTS), book
    )
    assert (opinion.verdict, opinion.flags) == ("go", flags)
    assert (opinion.source is None) == (not flags)


@pytest.mark.parametrize(("known", "verdict"), [(2, "go"), (3, "block")])
def test_the_days_contacts(known: int, verdict: str) -> None:
    contact = CONTACT.model_copy(update={"caps": Caps(contacts_per_customer=3, overall=9)})
    text = Contact(kind="text", contracts=None, outcome="delivered", at=NOW - timedelta(hours=3), today=True)
    assert judged("sms", contacts=[text] * known, contact=contact)[0] == verdict


@pytest.mark.parametrize(("minutes", "verdict"), [(119, "wait"), (120, "go")])
def test_distance_between_two_contacts(minutes: int, verdict: str) -> None:
    assert judged(contacts=[call("no_answer", ago=timedelta(minutes=minutes), today=True)])[0] == verdict


def test_a_clock_that_was_set_back_forgets_no_contact() -> None:
    contacts = [call(ago=-timedelta(hours=4), today=True)] * 3
    assert judged(contacts=contacts) == ("block", "cn.connected_calls"), "made later than it is now"
    assert judged("sms", contacts=contacts) == ("wait", "spacing")
    assert judged(at=NOW - timedelta(days=1), contacts=contacts) == ("block", "cn.connected_calls")


def test_a_clock_that_jumps_into_the_night_sends_nothing() -> None:
    assert judged(at=NOW + timedelta(hours=13)) == ("wait", "cn.hours")


@pytest.mark.parametrize(
    ("channel", "refused", "expected"),
    [
        ("sms", "sms", ("block", "consent.refused")),
        ("sms", "all", ("block", "consent.refused")),
        ("sms", "email", ("go", None)),
        ("phone", "dialer", ("block", "consent.refused")),
        ("agency", "all", ("go", None)),
    ],
)
def test_refusals(channel: str, refused: str, expected: tuple[str, str | None]) -> None:
    assert judged(channel, said=[Statement(refused, False, "opt_out", NOW - timedelta(days=9))]) == expected


def test_a_refusal_that_ends_at_noon_holds_until_noon() -> None:
    noon = NOW.replace(hour=12, minute=0)
    until_noon = [Statement("sms", False, "opt_out", NOW - timedelta(days=9), noon)]
    evening = {"window_closes_at": NOW.replace(hour=18)}
    assert judged("sms", said=until_noon, task=evening) == ("wait", "consent.refused")
    assert judged("sms", said=until_noon, task={"window_closes_at": noon}) == ("block", "consent.refused")
    before = noon - timedelta(seconds=1)
    assert judged("sms", said=until_noon, at=before, task=evening)[0] == "wait"
    assert judged("sms", said=until_noon, at=noon, task=evening) == ("go", None)


def test_of_two_statements_the_later_counts_and_of_two_at_once_the_refusal() -> None:
    early, late = NOW - timedelta(days=9), NOW - timedelta(days=1)
    assert judged("sms", said=[Statement("sms", False, None, early), Statement("sms", True, None, late)])[0] == "go"
    assert judged("sms", said=[Statement("sms", True, None, early), Statement("sms", False, None, late)])[0] == "block"
    assert judged("sms", said=[Statement("sms", True, None, late), Statement("sms", False, None, late)])[0] == "block"
    assert judged("sms", said=[Statement("sms", False, None), Statement("sms", True, None, late)])[0] == "go"


@pytest.mark.parametrize("reason", ["cease", "attorney", "dispute", "bankruptcy", "deceased"])
def test_notices_end_every_contact_whatever_channel_they_name(reason: str) -> None:
    notice = Statement("email", False, reason, NOW - timedelta(days=30))
    agreed_since = Statement("all", True, "agreed", NOW - timedelta(days=1))
    for channel in ("sms", "email", "dialer", "phone", "field"):
        assert judged(channel, said=[notice, agreed_since]) == ("block", f"cn.{reason}")
    taken_back = Statement("all", True, reason, NOW - timedelta(days=1))
    assert judged("sms", said=[notice, taken_back]) == ("go", None)


def test_stated_times_and_places_are_honoured() -> None:
    lunch = Statement("all", False, "inconvenient", NOW - timedelta(days=1), None, time(9), time(10))
    assert judged("sms", said=[lunch]) == ("wait", "cn.preferences")
    assert judged("sms", said=[lunch], at=NOW + timedelta(minutes=29)) == ("wait", "cn.preferences")
    assert judged("sms", said=[lunch], at=NOW + timedelta(minutes=30)) == ("go", None)
    home = Statement("field", False, "inconvenient", NOW - timedelta(days=1), place="home")
    assert judged("field", said=[home]) == ("block", "cn.preferences")
    assert judged("sms", said=[home]) == ("go", None)


def test_hours_that_he_agreed_to_are_open() -> None:
    late = Statement("all", True, "agreed", NOW - timedelta(days=90), None, time(21), time(23))
    night = NOW.replace(hour=22, minute=30)
    assert judged("sms", at=night) == ("wait", "cn.hours")
    assert judged("sms", at=night, said=[late]) == ("go", None)
    assert judged("sms", at=NOW.replace(hour=23, minute=0), said=[late]) == ("wait", "cn.hours")
    any_hour = Statement("all", True, "agreed", NOW - timedelta(days=1))
    assert judged("sms", at=night, said=[any_hour]) == ("wait", "cn.hours"), "an agreement that names no hours"
    rbi = Policy((pack("in_rbi"),))
    assert judged("sms", at=night, said=[late], policy=rbi) == ("wait", "in_rbi.hours"), "no agreement counts there"


@pytest.mark.parametrize(
    ("stops", "promised", "verdict"),
    [
        ("any_contract", None, "go"),
        ("any_contract", "K2", "block"),
        ("all_contracts", None, "go"),
        ("all_contracts", "K1", "go"),
        ("all_contracts", "K1,K2", "block"),
        ("never", "K1,K2", "go"),
    ],
)
def test_promises(stops: str, promised: str | None, verdict: str) -> None:
    promise = CONTACT.live_promise.model_copy(update={"stops": stops})
    contact = CONTACT.model_copy(update={"live_promise": promise})
    assert judged(contact=contact, promised=promised)[0] == verdict


def test_payments_and_answers_of_the_day() -> None:
    assert judged("legal", book=Book(paid=True)) == ("block", "payment.received")
    assert judged("sms", book=Book(answered=True)) == ("block", "reply.received")
    assert judged("phone", book=Book(answered=True)) == ("go", None), "who calls back by hand may"
    assert judged("field", book=Book(answered=True)) == ("go", None)


def test_holds() -> None:
    assert judged(may_be_contacted=False, hold_kind="bankruptcy") == ("block", "hold.bankruptcy")


def test_the_first_strictest_verdict_holds_and_all_are_kept() -> None:
    both = Policy((pack("us_reg_f"), pack("us_ma")))
    yesterday = NOW - timedelta(days=1)
    contacts = [call("no_answer", at=NOW - timedelta(minutes=30), today=True), call("voicemail", at=yesterday)]
    opinion = Gate(CONTACT, both, SHANGHAI, NOW).judge(
        {"channel": "dialer", "contract_ids": "K1"}, Addressee("C1", FACTS), Book(contacts=contacts)
    )
    assert (opinion.verdict, opinion.rule) == ("block", "us_ma.calls_and_texts")
    assert opinion.flags == ("block:us_ma.calls_and_texts", "wait:spacing")
    assert opinion.source == "us_ma: 940 CMR 7.04, contact with debtors, Attorney General of Massachusetts, 2012-03-02"
    assert judged("dialer", policy=Policy((pack("us_reg_f"),)), contacts=contacts[1:]) == ("go", None)


def test_calls_close_together_are_kept_as_what_could_rebut() -> None:
    reg_f = Policy((pack("us_reg_f"),))
    contacts = [call("no_answer", ago=timedelta(hours=each)) for each in (0, 1)]
    opinion = Gate(CONTACT.model_copy(update={"spacing_minutes": 0}), reg_f, SHANGHAI, NOW).judge(
        {"channel": "dialer", "contract_ids": "K1"}, Addressee("C1", FACTS), Book(contacts=contacts)
    )
    assert (opinion.verdict, opinion.flags) == ("go", ("rebut:us_reg_f.calls_close_together",))


def test_nobody_is_visited_on_a_public_holiday_of_the_shipped_list() -> None:
    national_day = NOW.replace(month=10, day=1)
    assert judged("field", at=national_day) == ("block", "cn.public_holiday")
    assert judged("sms", at=national_day) == ("go", None)
    assert judged("field", at=NOW.replace(month=10, day=10)) == ("go", None), "a Saturday that makes up for one"
    assert [len(rest.days) for rest in pack("cn").holidays] == [33]
    assert unknown_holidays(CN, NOW.date()) == []
    assert unknown_holidays(CN, date(2027, 1, 1)) == [
        "Whether 2027-01-01 is a holiday is not known: public_holiday of the policy pack cn has no days of 2027."
    ]


def test_a_day_of_another_year_than_the_list_is_for_is_wrong() -> None:
    rest = {"id": "new_year", "days": ["2026-01-01", "2027-01-01"], "years": [2026], "source": "house"}
    text = pack("cn").model_dump(mode="json") | {"holidays": [rest]}
    with pytest.raises(ValueError, match="days of the years 2026, not 2027-01-01"):
        PolicyPack.model_validate(text)


def test_holidays() -> None:
    rest = {"id": "new_year", "days": ["2026-11-20"], "kinds": ["visit"], "source": "house"}
    text = pack("cn").model_dump(mode="json") | {"holidays": [rest]}
    policy = Policy((PolicyPack.model_validate(text),))
    assert judged("field", policy=policy) == ("block", "cn.new_year")
    assert judged("sms", policy=policy) == ("go", None)
    assert judged("field", policy=policy, at=NOW + timedelta(days=1)) == ("go", None)


@pytest.mark.parametrize(
    ("state", "reason", "outcome", "expected"),
    [
        (State.SENDING, None, None, (True, False, True)),
        (State.SENT, None, None, (True, True, True)),
        (State.UNKNOWN, "interrupted", None, (True, False, True)),
        (State.FAILED, "interrupted", None, (True, False, True)),
        (State.FAILED, "http.timeout", None, (True, False, True)),
        (State.FAILED, "http.500", None, None),
        (State.DEAD, "address.invalid", None, None),
        (State.DEAD, "provider.invalid", "invalid", (False, True, False)),
        (State.DELIVERED, None, "right_party", (False, True, True)),
        (State.DELIVERED, None, None, (False, True, True)),
        (State.PLANNED, None, None, None),
    ],
)
def test_what_a_tried_task_is_as_a_contact(
    state: State, reason: str | None, outcome: str | None, expected: tuple[bool, bool, bool] | None
) -> None:
    stands = standing({"state": state.value, "state_reason": reason, "outcome": outcome})
    assert (stands and (stands.pending, stands.went, stands.reached)) == expected


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


def test_instants_are_compared_whatever_zone_they_are_in() -> None:
    contacts = [call(at=(NOW - timedelta(hours=2)).astimezone(UTC))] * 3
    assert judged(contacts=contacts) == ("block", "cn.connected_calls")
