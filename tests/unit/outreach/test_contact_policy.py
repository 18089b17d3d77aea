"""The policy pack cn: hours to the second, limits, and sources that must be named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from arrears.errors import RulesError
from arrears.outreach.plan import zone_or
from arrears.rules.files import parse_rules
from arrears.rules.policy import ForbiddenHours, PolicyPack
from arrears.settings import PROJECT

PACK = PROJECT / "include" / "rules" / "policies" / "cn.yaml"
SHANGHAI = ZoneInfo("Asia/Shanghai")
URUMQI = ZoneInfo("Asia/Urumqi")


@pytest.fixture(scope="module")
def cn() -> PolicyPack:
    return parse_rules(PACK, PolicyPack)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [("21:59:59", True), ("22:00:00", False), ("00:00:00", False), ("07:59:59", False), ("08:00:00", True)],
)
def test_the_edges_of_the_forbidden_hours(cn: PolicyPack, at: str, allowed: bool) -> None:
    local = datetime.fromisoformat(f"2026-11-20T{at}").replace(tzinfo=SHANGHAI)
    assert cn.allows_hour(local, SHANGHAI) is allowed
    assert cn.allows_hour(local.astimezone(UTC), SHANGHAI) is allowed


def test_the_debtors_clock_counts_not_the_lenders(cn: PolicyPack) -> None:
    # 08:30 in Shanghai is 06:30 in Urumqi; 23:30 is 21:30
    early = datetime(2026, 11, 20, 8, 30, tzinfo=SHANGHAI)
    late = datetime(2026, 11, 20, 23, 30, tzinfo=SHANGHAI)
    assert [cn.allows_hour(each, SHANGHAI) for each in (early, late)] == [True, False]
    assert [cn.allows_hour(each, URUMQI) for each in (early, late)] == [False, True]


def test_the_allowed_hours_of_a_day_keep_local_time_when_the_clocks_change(cn: PolicyPack) -> None:
    new_york = ZoneInfo("America/New_York")
    for day, hours in ((date(2026, 3, 7), 14), (date(2026, 3, 8), 14), (date(2026, 11, 1), 14)):
        ((start, end),) = cn.allowed_hours(day, new_york)
        assert (start.hour, end.hour) == (8, 22)
        assert (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() == hours * 3600


def test_forbidden_hours_within_a_day_leave_two_stretches(cn: PolicyPack) -> None:
    noon = cn.model_copy(update={"hours": ForbiddenHours(forbidden_from="12:00", forbidden_to="14:00", source="house")})
    stretches = noon.allowed_hours(date(2026, 11, 20), SHANGHAI)
    assert [(start.hour, end.hour) for start, end in stretches] == [(0, 12), (14, 0)]
    assert not noon.allows_hour(datetime(2026, 11, 20, 13, 59, 59, tzinfo=SHANGHAI), SHANGHAI)
    assert noon.allows_hour(datetime(2026, 11, 20, 14, tzinfo=SHANGHAI), SHANGHAI)


def test_an_unknown_zone_is_the_lenders() -> None:
    assert zone_or(None, SHANGHAI) == SHANGHAI
    assert zone_or("  ", SHANGHAI) == SHANGHAI
    assert zone_or("Asia/Nowhere", SHANGHAI) == SHANGHAI
    assert zone_or("../etc/passwd", SHANGHAI) == SHANGHAI
    assert zone_or(" Asia/Urumqi ", SHANGHAI) == URUMQI


def test_the_limits_are_the_guidelines(cn: PolicyPack) -> None:
    connected = cn.strictest("connected", "block")
    unanswered = cn.strictest("unanswered", "warn")
    assert connected is not None
    assert unanswered is not None
    assert (connected.most, cn.limit_rule(connected)) == (3, "cn.connected_calls")
    assert (unanswered.most, cn.limit_rule(unanswered)) == (6, "cn.unanswered_tries")
    assert cn.strictest("connected", "warn") is None
    assert {limit.source for limit in cn.limits} == {"guideline"}


def test_reviewed_attributes(cn: PolicyPack) -> None:
    reviewed = {name for name, attribute in cn.attributes.items() if attribute.verdict == "review"}
    assert reviewed == {"gender", "marital_status", "age", "work_years", "education", "housing", "location"}


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("source: guideline}", "source: rumour}", "not 'rumour'"),
        ('forbidden_from: "22:00"', "forbidden_from: 22:00", "string"),
        ("per: debtor", "per: number", "connected calls to be counted per debtor"),
        ("unanswered: [no_answer, busy]", "unanswered: [no_answer, connected]", "connected is in both"),
        ("verdict: warn", "verdict: shout", "'block' or 'warn'"),
        ("most: 3,", "mots: 3,", "most"),
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
