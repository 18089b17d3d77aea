"""The plan against the independent judge: planned is just what breaks no active pack at some instant of its slot."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.support import outreach_day
from tests.support.contact_checker import Asked, Past, Person, Said, breaks

from arrears.outreach.ops_reads import nothing_from_ops
from arrears.outreach.plan import build_contact_plan
from arrears.outreach.relations import OPS_STATEMENT, table
from arrears.outreach.rules import Caps, StopOn, load_contact_rules
from arrears.rules.files import parse_rules
from arrears.rules.policy import Policy, PolicyPack
from arrears.settings import PROJECT

DAY = date(2026, 11, 3)
"""Two days after the clocks of New York went back, nine after those of London."""
LENDER = ZoneInfo("Asia/Shanghai")
QUARTER = timedelta(minutes=15)
CHANNEL_OF = {"call": "dialer", "text": "sms", "email": "email"}
SLOTS = {"morning": ("call", time(9), time(12)), "afternoon": ("text", time(14), time(18))}
WHERE: list[tuple[str | None, str, tuple[str, ...]]] = [
    ("America/New_York", "ny", ("America/New_York",)),
    ("Europe/London", "kent", ("Europe/London",)),
    ("Asia/Shanghai", "sichuan", ("Asia/Shanghai",)),
    (None, "Texas", ("America/Chicago", "America/Denver")),
]
CUSTOMERS = 150


class Draw:
    """Customers with a random past and random statements, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def moment(self) -> datetime:
        noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
        return noon - self._random.randrange(10 * 96) * QUARTER + self._random.randrange(80) * QUARTER

    def past(self) -> Past:
        outcomes = ["right_party", "no_answer", "no_answer", "voicemail", "busy", "wrong_party", "invalid"]
        at = self.moment()
        while at.astimezone(LENDER).date() > DAY:
            at = self.moment()
        return Past(
            at,
            self._random.choice(["call", "call", "call", "text", "email"]),
            self._random.choice(outcomes),
            self._random.choice([(), ("K1",), ("K2",)]),
            self._random.random() < 0.15,
        )

    def said(self) -> Said:
        ends = self.moment() if self._random.random() < 0.6 else None
        starts = self.moment() if self._random.random() < 0.8 else None
        if starts is not None and ends is not None and ends <= starts:
            starts, ends = ends, starts + QUARTER
        return Said(
            self._random.choice(["all", "dialer", "sms", "email"]),
            self._random.random() < 0.5,
            self._random.choice(["opt_out", "agreed", "agreed", "cease", "attorney"]),
            starts,
            ends,
            self._random.choice([None, None, (time(9), time(11)), (time(10), time(16)), (time(20), time(10))]),
        )

    def person(self) -> Person:
        return Person(
            [self.past() for _ in range(self._random.choice([0, 1, 2, 3, 8, 14]))],
            [self.said() for _ in range(self._random.choice([0, 0, 1, 2, 3]))],
        )


def naive(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(LENDER).replace(tzinfo=None)


def minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def tables(people: Mapping[str, Person], day: ModuleType) -> dict[str, Any]:
    """The ledger's rows of these people, and the statements with hours, which only `ops` can hold."""
    customers, results, consents, hours = [], [], [], []
    for number, (key, person) in enumerate(people.items()):
        zone, region, _ = WHERE[number % len(WHERE)]
        customers.append(day.customer(key, time_zone=zone, region=region, phone=f"139{number:08d}"))
        for place, past in enumerate(person.past):
            results.append(
                {
                    "result_id": f"{key}-{place}",
                    "customer_id": key,
                    "contract_id": f"{key}-{past.debts[0]}" if past.debts else None,
                    "channel": CHANNEL_OF[past.kind],
                    "attempted_at": naive(past.at),
                    "outcome": past.outcome,
                    "initiated_by": "customer" if past.by_customer else "lender",
                }
            )
        for said in person.said:
            row = (key, said.channel, said.allowed, said.reason, naive(said.starts), naive(said.ends))
            if said.hours is None:
                names = ("customer_id", "channel", "allowed", "reason", "valid_from", "valid_to")
                consents.append(dict(zip(names, row, strict=True)))
            else:
                hours.append((*row, *map(minutes, said.hours), None))
    return {"customers": customers, "contact_results": results, "consents": consents, "hours": hours}


def expected(packs: tuple[str, ...], person: Person, zones: list[ZoneInfo]) -> set[str]:
    """The slots that may be planned: at some quarter of an hour nothing is broken, after what was planned before."""
    planned: set[str] = set()
    known = Person(list(person.past), person.said)
    for slot, (kind, opens, closes) in SLOTS.items():
        at, end = (datetime.combine(DAY, each, zones[0]).astimezone(UTC) for each in (opens, closes))
        while at < end:
            asked = Asked(at, kind, CHANNEL_OF[kind], ("K1", "K2"), zones)
            if not breaks(packs, asked, known):
                planned.add(slot)
                known.past.append(Past(at, kind, "invalid", ()))
                break
            at += QUARTER
    return planned


@pytest.mark.parametrize("packs", [("cn",), ("us_reg_f",), ("us_ma",), ("us_reg_f", "us_ma")])
def test_planned_is_just_what_the_judge_does_not_block(make_run: Any, packs: tuple[str, ...]) -> None:
    draw = Draw(20261103)
    people = {f"C{number:03d}": draw.person() for number in range(CUSTOMERS)}
    folder = PROJECT / "include" / "rules" / "policies"
    policy = Policy(tuple(parse_rules(folder / f"{name}.yaml", PolicyPack) for name in packs))
    given = tables(people, outreach_day)
    hours = given.pop("hours")
    cases = [
        outreach_day.case(
            key, "pressure", region=None, contracts=2, contract_ids=f"{key}-K1,{key}-K2", lead_contract_id=f"{key}-K1"
        )
        for key in people
    ]
    with make_run(DAY) as run:
        outreach_day.publish(run, cases, **given)
        contact, _ = load_contact_rules(run.rules)
        plain = {
            "caps": Caps(contacts_per_customer=99, overall=10_000),
            "fallback": None,
            "best_hour": None,
            "stop_on": StopOn(payment=False, reply=()),
        }
        ops = nothing_from_ops() | {"ops_statement": table(OPS_STATEMENT, hours)}
        build_contact_plan(run, contact.model_copy(update=plain), policy, ops=ops)
        rows = outreach_day.plan_rows(run)
    assert len(rows) == len(people) * len(SLOTS)
    wrong = {}
    blocked = 0
    for number, (key, person) in enumerate(people.items()):
        zones = [ZoneInfo(name) for name in WHERE[number % len(WHERE)][2]]
        # outside of the packs' own countries a region is not known, and the pack's own zones are the candidates
        if WHERE[number % len(WHERE)][0] is None and packs == ("us_ma",):
            zones = [ZoneInfo("America/New_York")]
        if WHERE[number % len(WHERE)][0] is None and packs == ("cn",):
            zones = [ZoneInfo("Asia/Shanghai")]
        if WHERE[number % len(WHERE)][0] is None and packs == ("us_reg_f", "us_ma"):
            continue  # two packs with candidates of their own: the judge knows only one list
        planned = {row["slot"] for row in rows if row["customer_id"] == key and row["verdict"] == "planned"}
        blocked += len(SLOTS) - len(planned)
        if planned != expected(packs, person, zones):
            wrong[key] = (planned, expected(packs, person, zones), person, zones)
    assert not wrong, wrong
    assert blocked > 15, "the draw must meet the rules"
