"""The worked examples of the policies, as they are told: who was contacted when, and whether one more contact may go.

Each is put to the gate, and to the independent judge of `tests/support`.
"""

# ruff: noqa: E501 (the table of examples is read line by line)

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.contact_checker import Asked, Past, Person, Said, breaks

from arrears.outreach.addressees import Addressee
from arrears.outreach.contacts import Contact
from arrears.outreach.gate import Book, Gate
from arrears.outreach.places import place_of
from arrears.outreach.rules import Caps, ContactRules
from arrears.outreach.stated import Statement
from arrears.rules.files import parse_rules
from arrears.rules.policy import Policy, PolicyPack
from arrears.settings import PROJECT

RULES = PROJECT / "include" / "rules"
CONTACT = parse_rules(RULES / "contact.yaml", ContactRules).model_copy(
    update={"caps": Caps(contacts_per_customer=999, overall=9), "spacing_minutes": 0}
)
LENDER = ZoneInfo("Asia/Shanghai")
HOME = {"cn": "Asia/Shanghai", "us_reg_f": "America/New_York", "us_ma": "America/New_York", "uk_conc7": "Europe/London", "in_rbi": "Asia/Kolkata"}  # fmt: skip
KINDS = {"call": "dialer", "text": "sms", "email": "email", "visit": "field"}


def policy_of(*names: str) -> Policy:
    return Policy(tuple(parse_rules(RULES / "policies" / f"{name}.yaml", PolicyPack) for name in names))


POLICIES = {
    names: policy_of(*names) for names in (("cn",), ("us_reg_f",), ("us_ma",), ("us_reg_f", "us_ma"), ("uk_conc7",), ("in_rbi",))
}  # fmt: skip

NO_ANSWER, SPOKE = "no_answer", "right_party"


def calls(*told: tuple[str, int] | tuple[str, int, str], year: int = 2020) -> list[tuple[str, str, str]]:
    """Calls as (day, how many, how they ended); unanswered unless said."""
    found = []
    for day, count, *outcome in told:
        found += [(f"{year}-{day} {10 + number:02d}:00", "call", outcome[0] if outcome else NO_ANSWER) for number in range(count)]  # fmt: skip
    return found


AGREED = [Said("dialer", True, "agreed", datetime(2020, 4, 3, 16, tzinfo=UTC), datetime(2020, 4, 7, 4, tzinfo=UTC))]
UNTIL_NOON = [
    Said("dialer", True, "agreed", datetime(2020, 4, 3, 16, tzinfo=UTC), datetime(2020, 4, 6, 16, tzinfo=UTC))
]

EXAMPLES = [
    # pack, contacts before, statements, the next contact, allowed
    ("us_reg_f", calls(("04-01", 1, "voicemail"), *((f"04-{day:02d}", 1) for day in range(2, 8))), [], "call 2020-04-08 10:00", True),
    ("us_reg_f", calls(("04-01", 1, "voicemail"), ("04-02", 2), ("04-03", 2), ("04-06", 2)), [], "call 2020-04-07 10:00", False),
    ("us_reg_f", calls(("08-11", 1), ("08-14", 1, SPOKE)), [], "call 2020-08-20 20:59", False),
    ("us_reg_f", calls(("08-11", 1), ("08-14", 1, SPOKE)), [], "call 2020-08-21 08:00", True),
    ("us_reg_f", calls(("04-03", 1, SPOKE)), AGREED, "call 2020-04-06 10:00", True),
    ("us_reg_f", calls(("04-03", 1, SPOKE)), [], "call 2020-04-06 10:00", False),
    ("us_reg_f", calls(("04-03", 1, SPOKE)), UNTIL_NOON, "call 2020-04-06 11:59", True),
    ("us_reg_f", calls(("04-03", 1, SPOKE)), UNTIL_NOON, "call 2020-04-06 12:00", False),
    # what counts: ring without answer, voicemail and dropped do; busy and not in service do not; texts do not
    ("us_reg_f", calls(("04-01", 3), ("04-02", 2, "voicemail"), ("04-03", 2, "dropped")), [], "call 2020-04-07 10:00", False),
    ("us_reg_f", calls(("04-01", 6), ("04-02", 4, "busy"), ("04-03", 4, "not_in_service")), [], "call 2020-04-07 10:00", True),
    ("us_reg_f", calls(("04-01", 6)) + [("2020-04-02 10:00", "text", "delivered")] * 9, [], "call 2020-04-07 10:00", True),
    ("us_reg_f", calls(("04-01", 7)), [], "text 2020-04-07 10:00", True),
    ("us_reg_f", [], [], "call 2020-04-07 07:59", False),
    ("us_reg_f", [], [], "call 2020-04-07 08:00", True),
    ("us_reg_f", [], [], "call 2020-04-07 21:00", False),
    # a week across the night in which the clocks go forward, and one across that in which they go back
    ("us_reg_f", calls(("03-07", 1, SPOKE), year=2026), [], "call 2026-03-13 20:59", False),
    ("us_reg_f", calls(("03-07", 1, SPOKE), year=2026), [], "call 2026-03-14 08:00", True),
    ("us_reg_f", calls(("10-31", 1, SPOKE), year=2026), [], "call 2026-11-06 20:59", False),
    ("us_reg_f", calls(("10-31", 1, SPOKE), year=2026), [], "call 2026-11-07 08:00", True),
    ("cn", [], [], "call 2026-11-20 21:59:59", True),
    ("cn", [], [], "call 2026-11-20 22:00:00", False),
    ("cn", [], [], "call 2026-11-20 07:59:59", False),
    ("cn", [], [], "call 2026-11-20 08:00:00", True),
    ("cn", calls(("11-20", 2, SPOKE), year=2026), [], "call 2026-11-20 15:00", True),
    ("cn", calls(("11-20", 3, SPOKE), year=2026), [], "call 2026-11-20 15:00", False),
    ("cn", calls(("11-19", 3, SPOKE), year=2026), [], "call 2026-11-20 15:00", True),
    ("us_ma", [("2026-11-14 10:00", "call", NO_ANSWER), ("2026-11-15 10:00", "text", "delivered")], [], "text 2026-11-20 15:00", False),
    ("us_ma", [("2026-11-13 10:00", "call", NO_ANSWER), ("2026-11-15 10:00", "text", "delivered")], [], "text 2026-11-20 15:00", True),
    ("us_ma", [("2026-11-14 10:00", "email", "delivered")] * 5, [], "call 2026-11-20 15:00", True),
    ("in_rbi", [], [], "call 2026-11-20 18:59:59", True),
    ("in_rbi", [], [], "call 2026-11-20 19:00:00", False),
    ("uk_conc7", calls(("11-20", 9, SPOKE), year=2026), [], "call 2026-11-20 23:00", True),
    ("uk_conc7", [], [Said("all", False, "inconvenient", None, None, (time(12), time(14)))], "call 2026-11-20 13:59", False),
    ("uk_conc7", [], [Said("all", False, "inconvenient", None, None, (time(12), time(14)))], "call 2026-11-20 14:00", True),
    # the hours stay those of the wall clock in the weeks after the clocks changed in London
    ("in_rbi", [], [], "call 2026-03-29 08:00", True),
    ("uk_conc7", [], [Said("all", False, "inconvenient", None, None, (time(8), time(9)))], "call 2026-03-29 08:59", False),
    ("uk_conc7", [], [Said("all", False, "inconvenient", None, None, (time(8), time(9)))], "call 2026-10-25 08:59", False),
    ("uk_conc7", [], [Said("all", False, "inconvenient", None, None, (time(8), time(9)))], "call 2026-10-25 09:00", True),
]  # fmt: skip


def go(policy: Policy, asked: Asked, person: Person, time_zone: str | None, region: str | None) -> bool:
    """Whether the gate lets a contact go."""
    facts: dict[str, Any] = {
        "may_be_contacted": True, "hold_kind": None, "time_zone": time_zone, "region": region, "debts": "K", "promised": None,
    }  # fmt: skip
    book = Book(
        contacts=[
            Contact(
                kind=past.kind,  # type: ignore[arg-type]
                contracts=frozenset(past.debts) or None,
                outcome=past.outcome,
                at=past.at,
                by_customer=past.by_customer,
            )
            for past in person.past
        ],
        statements=tuple(
            Statement(said.channel, said.allowed, said.reason, said.starts, said.ends, *(said.hours or (None, None)))
            for said in person.said
        ),
    )
    task = {"channel": asked.channel, "contract_ids": ",".join(asked.debts)}
    return Gate(CONTACT, policy, LENDER, asked.at).judge(task, Addressee("C1", facts), book).verdict == "go"


@pytest.mark.parametrize(("pack", "before", "said", "next_contact", "allowed"), EXAMPLES)
def test_the_worked_examples(
    pack: str, before: list[tuple[str, str, str]], said: list[Said], next_contact: str, allowed: bool
) -> None:
    zone = ZoneInfo(HOME[pack])
    kind, _, at = next_contact.partition(" ")
    person = Person(
        [Past(datetime.fromisoformat(when).replace(tzinfo=zone), what, how) for when, what, how in before], said
    )
    asked = Asked(datetime.fromisoformat(at).replace(tzinfo=zone), kind, KINDS[kind], ("K1",), (zone,))
    assert (not breaks([pack], asked, person)) is allowed, "the independent judge"
    assert go(POLICIES[pack,], asked, person, HOME[pack], None) is allowed, "the gate"


# the clocks of London and New York change in these weeks; whole quarters of an hour meet the edges
MOMENTS = st.integers(0, 16 * 96).map(
    lambda quarters: datetime(2026, 10, 24, tzinfo=UTC) + quarters * timedelta(minutes=15)
)
OUTCOMES = st.sampled_from(
    ["right_party", "no_answer", "voicemail", "busy", "wrong_party", "invalid", "delivered_to_nobody_knows"]
)
PASTS = st.builds(
    Past,
    at=MOMENTS,
    kind=st.sampled_from(["call", "call", "call", "text", "email"]),
    outcome=OUTCOMES,
    debts=st.sampled_from([(), ("K1",), ("K2",), ("K1", "K2")]),
    by_customer=st.sampled_from([False, False, False, True]),
)
SAYINGS = st.builds(
    Said,
    channel=st.sampled_from(["all", "dialer", "sms", "email"]),
    allowed=st.booleans(),
    reason=st.sampled_from(["opt_out", "agreed", "cease", "attorney"]),
    starts=st.none() | MOMENTS,
    ends=st.none() | MOMENTS,
    hours=st.sampled_from([None, None, (time(9), time(12)), (time(21), time(7))]),
)
PLACES = st.sampled_from(
    [("America/New_York", None), ("Europe/London", None), ("Asia/Shanghai", None), (None, "texas"), (None, None)]
)


@settings(max_examples=400, deadline=None)
@given(
    names=st.sampled_from(sorted(POLICIES)),
    past=st.lists(PASTS, max_size=12),
    said=st.lists(SAYINGS, max_size=3),
    at=MOMENTS,
    kind=st.sampled_from(["call", "call", "text", "email", "visit"]),
    debts=st.sampled_from([("K1",), ("K2",), ("K1", "K2")]),
    where=PLACES,
)
def test_the_gate_lets_go_just_what_the_independent_judge_allows(
    names: tuple[str, ...],
    past: list[Past],
    said: list[Said],
    at: datetime,
    kind: str,
    debts: tuple[str, ...],
    where: Any,
) -> None:
    policy = POLICIES[names]
    person = Person(past, said)
    broken: set[str] = set()
    for pack, zones in zip(names, place_of(policy, *where).by_pack, strict=True):
        asked = Asked(at, kind, KINDS[kind], debts, zones)
        broken |= breaks([pack], asked, person)
    assert go(policy, asked, person, *where) is not bool(broken), broken
