"""The policy packs: hours to the second, zones, days across clock changes, and sources that must be named."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arrears.errors import RulesError
from arrears.outreach.places import contact_window, day_starts, first_instant, ledger_time, place_of
from arrears.rules.files import parse_rules
from arrears.rules.policy import ForbiddenHours, Policy, PolicyPack, known_zone
from arrears.settings import PROJECT

POLICIES = PROJECT / "include" / "rules" / "policies"
PACK = POLICIES / "cn.yaml"
SHANGHAI, URUMQI = ZoneInfo("Asia/Shanghai"), ZoneInfo("Asia/Urumqi")
NEW_YORK, HONOLULU, LONDON = (ZoneInfo(name) for name in ("America/New_York", "Pacific/Honolulu", "Europe/London"))
SHIPPED = ("cn", "us_reg_f", "us_ma", "uk_conc7", "in_rbi")


def pack(name: str) -> PolicyPack:
    return parse_rules(POLICIES / f"{name}.yaml", PolicyPack)


@pytest.fixture(scope="module")
def cn() -> PolicyPack:
    return pack("cn")


def hours(of: PolicyPack) -> ForbiddenHours:
    assert of.hours is not None
    return of.hours


def test_five_packs_are_shipped_each_under_its_own_name() -> None:
    assert {path.stem for path in POLICIES.glob("*.yaml")} == set(SHIPPED)
    for name in SHIPPED:
        assert pack(name).pack == name


@pytest.mark.parametrize(
    ("name", "at", "forbidden"),
    [
        ("cn", "21:59:59", False), ("cn", "22:00:00", True), ("cn", "00:00:00", True), ("cn", "07:59:59", True),
        ("cn", "08:00:00", False),
        ("us_reg_f", "20:59:59", False), ("us_reg_f", "21:00:00", True), ("us_reg_f", "07:59:59", True),
        ("us_reg_f", "08:00:00", False),
        ("us_ma", "20:59:59", False), ("us_ma", "21:00:00", True), ("us_ma", "08:00:00", False),
        ("in_rbi", "18:59:59", False), ("in_rbi", "19:00:00", True), ("in_rbi", "07:59:59", True),
        ("in_rbi", "08:00:00", False),
    ],
)  # fmt: skip
def test_the_edges_of_the_forbidden_hours(name: str, at: str, forbidden: bool) -> None:
    assert hours(pack(name)).forbids(time.fromisoformat(at)) is forbidden


def test_the_united_kingdom_gives_no_number() -> None:
    uk = pack("uk_conc7")
    assert (uk.hours, uk.all_limits) == (None, ())


@pytest.mark.parametrize(("spring", "autumn"), [(date(2026, 3, 8), date(2026, 11, 1))])
def test_the_allowed_hours_of_a_day_keep_local_time_when_the_clocks_change(spring: date, autumn: date) -> None:
    for day, utc_opens in (
        (spring - timedelta(days=1), 13),
        (spring, 12),
        (autumn - timedelta(days=1), 12),
        (autumn, 13),
    ):
        ((start, end),) = hours(pack("us_reg_f")).allowed_on(day, NEW_YORK)
        assert (start.hour, end.hour, start.astimezone(UTC).hour) == (8, 21, utc_opens)
        assert (end.astimezone(UTC) - start.astimezone(UTC)) == timedelta(hours=13)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        (NEW_YORK, date(2026, 3, 8), 23), (NEW_YORK, date(2026, 11, 1), 25),
        (LONDON, date(2026, 3, 29), 23), (LONDON, date(2026, 10, 25), 25), (LONDON, date(2026, 6, 1), 24),
    ],
)  # fmt: skip
def test_a_day_on_which_the_clocks_change_is_one_day(zone: ZoneInfo, day: date, length: int) -> None:
    begins = first_instant([zone], day, 1)
    last = begins + timedelta(hours=length) - timedelta(seconds=1)
    assert day_starts([zone], last, 1) == begins
    assert day_starts([zone], last + timedelta(seconds=1), 1) == begins + timedelta(hours=length)
    # seven consecutive days across the change: the seventh day back counts from its midnight, the eighth does not
    later = datetime.combine(day + timedelta(days=6), time(12), zone)
    assert day_starts([zone], later, 7) == begins


def test_forbidden_hours_within_a_day_leave_two_stretches() -> None:
    noon = ForbiddenHours(forbidden_from="12:00", forbidden_to="14:00", source="house")
    stretches = noon.allowed_on(date(2026, 11, 20), SHANGHAI)
    assert [(start.hour, end.hour) for start, end in stretches] == [(0, 12), (14, 0)]
    assert not noon.forbids(time(11, 59, 59))
    assert noon.forbids(time(13, 59, 59))
    assert not noon.forbids(time(14))


def test_where_a_debtor_may_be(cn: PolicyPack) -> None:
    assert cn.candidate_zones(" Asia/Urumqi ", "sichuan") == (URUMQI,)
    for unknown in (None, "  ", "Asia/Nowhere", "../etc/passwd"):
        assert cn.candidate_zones(unknown, None) == (SHANGHAI,)
        assert cn.candidate_zones(unknown, "sichuan") == (SHANGHAI,)
        assert cn.candidate_zones(unknown, " Xinjiang ") == (SHANGHAI, URUMQI)
    us = pack("us_reg_f")
    assert [zone.key for zone in us.candidate_zones(None, "TX")] == ["America/Chicago", "America/Denver"]
    assert us.candidate_zones(None, "Massachusetts") == us.candidate_zones(None, "ma") == (NEW_YORK,)
    assert {NEW_YORK, HONOLULU} < set(us.candidate_zones(None, "somewhere"))
    assert len({name for region in us.regions for name in region.names if len(name) == 2}) == 51


def test_an_unknown_place_leaves_what_is_allowed_in_every_candidate_zone() -> None:
    policy = Policy((pack("us_reg_f"),))
    somewhere = place_of(policy, None, None)
    window, _ = contact_window(policy, somewhere, "call", time(8), time(21), date(2026, 11, 20))
    # 08:00 in Honolulu is 13:00 in New York, where 21:00 is the end
    local = [each.astimezone(NEW_YORK).strftime("%H:%M") for each in window or ()]
    assert local == ["13:00", "21:00"]
    morning, _ = contact_window(policy, somewhere, "call", time(9), time(12), date(2026, 11, 20))
    # nine to twelve in Anchorage, the first of the zones whose morning lies in the hours of all
    assert [each.astimezone(NEW_YORK).strftime("%H:%M") for each in morning or ()] == ["13:00", "16:00"]
    files, _ = contact_window(policy, somewhere, "file", time(6), time(7), date(2026, 11, 20))
    assert files is not None, "the hours are those of contacts with the debtor"


def test_windows_of_several_packs_are_allowed_by_all() -> None:
    policy = Policy((pack("cn"), pack("in_rbi")))
    window, _ = contact_window(
        policy, place_of(policy, "Asia/Kolkata", None), "text", time(18), time(23), date(2026, 11, 20)
    )
    assert [each.astimezone(ZoneInfo("Asia/Kolkata")).strftime("%H:%M") for each in window or ()] == ["18:00", "19:00"]


def test_a_past_contact_counts_if_it_was_within_the_days_in_any_candidate_zone() -> None:
    noon = datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert day_starts([NEW_YORK, HONOLULU], noon, 7) == datetime(2026, 11, 14, 5, tzinfo=UTC)
    assert day_starts([HONOLULU], noon, 7) == datetime(2026, 11, 14, 10, tzinfo=UTC)


def test_the_ledgers_time_of_an_instant() -> None:
    assert ledger_time(datetime(2026, 11, 20, 1, tzinfo=UTC), SHANGHAI).isoformat() == "2026-11-20T09:00:00"
    # 01:30 in New York on 1 November is twice: what is written 01:00 may have been after either
    first, second = datetime(2026, 11, 1, 5, 30, tzinfo=UTC), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert ledger_time(first, NEW_YORK).isoformat() <= "2026-11-01T01:00:00"
    assert ledger_time(second, NEW_YORK).isoformat() <= "2026-11-01T01:00:00"


def test_the_limits_are_the_guidelines(cn: PolicyPack) -> None:
    limits = {limit.id: (limit.counts, limit.per, limit.days, limit.most, limit.verdict) for limit in cn.all_limits}
    assert limits == {
        "connected_calls": (("connected",), "person", 1, 3, "block"),
        "unanswered_tries": (("unanswered",), "number", 1, 6, "warn"),
    }
    assert {limit.source for limit in cn.limits} == {"guideline"}


def test_attributes_of_several_packs_take_the_strictest_verdict(cn: PolicyPack) -> None:
    reviewed = {name for name, verdict in cn.verdicts().items() if verdict == "review"}
    assert reviewed == {"gender", "marital_status", "age", "work_years", "education", "housing", "location"}
    both = Policy((cn, pack("us_reg_f")))
    said = {name: both.verdicts()[name] for name in ("gender", "age", "education", "scores")}
    assert said == {"gender": "deny", "age": "soften", "education": "review", "scores": "allow"}
    assert both.sources[both.attributes["gender"].source].title.startswith("12 CFR 1002")
    assert (both.name, Policy((cn,)).name) == ("cn+us_reg_f", "cn")


def test_a_zone_that_there_is_not() -> None:
    assert known_zone("Asia/Nowhere") is None
    assert known_zone("..") is None
    assert known_zone(" Asia/Urumqi ") == URUMQI


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("source: guideline}", "source: rumour}", "not 'rumour'"),
        ('forbidden_from: "22:00"', "forbidden_from: 22:00", "string"),
        ("per: person, most: 3", "per: household, most: 3", "'person', 'person_and_debt' or 'number'"),
        ("unanswered: [no_answer,", "unanswered: [connected,", "connected is in both"),
        ("verdict: warn", "verdict: shout", "'block', 'warn' or 'rebut'"),
        ("most: 3,", "mots: 3,", "most"),
        ("zones: [Asia/Shanghai, Asia/Urumqi]", "zones: [Asia/Shanghai, Asia/Atlantis]", "not 'Asia/Atlantis'"),
        ("id: unanswered_tries", "id: connected_calls", "each rule's id once"),
        ("most: 3, verdict: block", "most: 3, verdict: block, unless_agreed: true", "consent, which a limit"),
    ],
)
def test_a_wrong_pack_is_refused_with_its_line(tmp_path: Path, wrong: str, right: str, message: str) -> None:
    text = PACK.read_text(encoding="utf-8")
    assert wrong in text
    path = tmp_path / "cn.yaml"
    path.write_text(text.replace(wrong, right, 1), encoding="utf-8")
    with pytest.raises(RulesError, match=message) as raised:
        parse_rules(path, PolicyPack)
    assert raised.value.where.startswith(f"{path}:")


def test_the_chapter_on_packs_names_every_pack_with_its_hours_and_numbers() -> None:
    chapter = (PROJECT / "docs" / "outreach.md").read_text(encoding="utf-8")
    for name in SHIPPED:
        of = pack(name)
        (row,) = [line for line in chapter.splitlines() if line.startswith(f"| `{name}`")]
        if of.hours is not None:
            assert f"not {of.hours.forbidden_from}–{of.hours.forbidden_to}" in row
        for limit in of.limits:
            assert f"{limit.most} " in row
            assert limit.days == 1 or f"in {limit.days} days" in row
