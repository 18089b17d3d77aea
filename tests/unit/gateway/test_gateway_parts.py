"""The gateway's parts: faults strike as ordered, outcomes follow from the key, and the store hides nothing."""

from __future__ import annotations

import sqlite3
import stat
from collections import Counter
from pathlib import Path

import pytest

from arrears.demo.gateway.faults import REQUEST_MODES, Fault, Faults
from arrears.demo.gateway.outcomes import OPT_OUT_REPLIES, SHARES, reports_of
from arrears.demo.gateway.providers import Providers
from arrears.demo.gateway.store import Store


def strikes(faults: Faults, count: int, channel: str = "sms") -> list[bool]:
    return [faults.strike(channel, REQUEST_MODES, str(number)) is not None for number in range(count)]


def drawn(seed: int, keys: list[str], mode: str = "500") -> dict[str, bool]:
    faults = Faults()
    faults.order(Fault.model_validate({"channel": "sms", "mode": mode, "share": 0.3, "seed": seed}))
    return {key: faults.strike("sms", REQUEST_MODES, key) is not None for key in keys}


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Store:
    return Store(tmp_path / "gateway.sqlite", now=clock)


@pytest.fixture
def providers(store: Store) -> Providers:
    return Providers(store, Faults(), seed=0)


# ---- faults


def test_without_an_order_nothing_strikes() -> None:
    assert strikes(Faults(), 5) == [False] * 5


def test_a_share_is_spread_evenly() -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500", share=0.25))
    assert strikes(faults, 8) == [False, False, False, True] * 2
    assert strikes(faults, 4, "dialer") == [False] * 4


def test_after_its_count_the_channel_is_well() -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="429", count=2))
    assert [fault.mode for fault in faults.in_force()] == ["429"]
    assert strikes(faults, 4) == [True, True, False, False]
    assert faults.in_force() == []


def test_ok_ends_all_faults_of_the_channel() -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500"))
    faults.order(Fault(channel="sms", mode="late_receipts", beside=True))
    faults.order(Fault(channel="dialer", mode="500"))
    faults.order(Fault(channel="sms", mode="ok"))
    assert strikes(faults, 2) == [False, False]
    assert [fault.channel for fault in faults.in_force()] == ["dialer"]


def test_orders_hold_beside_each_other_only_when_told_so() -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500", count=1))
    faults.order(Fault(channel="sms", mode="429", count=1, beside=True))
    assert [(fault.mode if fault else None) for fault in (faults.strike("sms", REQUEST_MODES) for _ in range(3))] == [
        "500",
        "429",
        None,
    ]
    faults.order(Fault(channel="sms", mode="500"))
    faults.order(Fault(channel="sms", mode="slow"))
    assert [fault.mode for fault in faults.in_force()] == ["slow"]


@pytest.mark.parametrize("third", [0.1, 0.3, 1 / 3])
def test_shares_add_up(third: float) -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500", share=third))
    assert sum(strikes(faults, 300)) == pytest.approx(300 * third, abs=1)


def test_what_is_drawn_follows_from_seed_and_key_whatever_the_order() -> None:
    keys = [f"key-{number}" for number in range(500)]
    assert drawn(7, keys) == drawn(7, keys[::-1])
    assert drawn(7, keys) != drawn(8, keys)
    assert drawn(7, keys) != drawn(7, keys, "429"), "two faults of one seed strike different messages"
    assert sum(drawn(7, keys).values()) == pytest.approx(150, abs=30)


def test_a_key_that_was_struck_may_get_through_the_next_time() -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500", share=0.5, seed=1))
    assert {faults.strike("sms", REQUEST_MODES, "key") is not None for _ in range(20)} == {True, False}


# ---- outcomes


@pytest.mark.parametrize("channel", SHARES)
def test_shares_of_outcomes_are_percent(channel: str) -> None:
    assert sum(share for _, share in SHARES[channel]) == 100


@pytest.mark.parametrize("channel", SHARES)
def test_outcomes_follow_from_key_and_seed(channel: str) -> None:
    keys = [f"key-{number}" for number in range(2000)]
    first = [reports_of(channel, key, 0) for key in keys]
    assert first == [reports_of(channel, key, 0) for key in keys]
    assert first != [reports_of(channel, key, 1) for key in keys]
    last = Counter(reports[-1].outcome for reports in first)
    for outcome, share in SHARES[channel]:
        assert last[outcome] == pytest.approx(20 * share, abs=45), outcome


def test_a_text_is_delivered_before_it_is_answered() -> None:
    answered = [reports for number in range(3000) if len(reports := reports_of("sms", f"k{number}", 0)) > 1]
    assert {reports[0].outcome for reports in answered} == {"delivered"}
    assert {reports[1].reply for reports in answered if reports[1].outcome == "opt_out"} == set(OPT_OUT_REPLIES)
    promised = [reports[1].promised_days for reports in answered if reports[1].outcome == "promise"]
    assert {days for days in promised if days} == set(range(1, 8))
    assert all(promised)


def test_what_rang_nowhere_is_not_delivered() -> None:
    ended = {
        report.outcome: report.delivered for number in range(500) for report in reports_of("dialer", f"k{number}", 0)
    }
    assert ended["voicemail"]
    assert not ended["invalid"]
    assert reports_of("email", "key", 0) == []


# ---- store


def test_over_http_a_key_has_effect_once_and_is_counted_each_time(providers: Providers) -> None:
    first, second = (providers.take("sms", "key", "+861", "text") for _ in range(2))
    assert (first.repeated, second.repeated) == (False, True)
    assert first.message_id == second.message_id
    stats = {"given": 2, "messages": 1, "effects": 1, "repeats": 1, "most_effects": 1}
    assert providers.store.stats()["sms"] == stats
    assert len(providers.store.receipts("sms", 0, 10)) == 1


def test_over_smtp_whatever_comes_has_effect(providers: Providers) -> None:
    for _ in range(2):
        providers.take("email", "key", "a@b.example", "text")
    stats = {"given": 2, "messages": 1, "effects": 2, "repeats": 1, "most_effects": 2}
    assert providers.store.stats()["email"] == stats
    assert providers.store.receipts(None, 0, 10) == []


def test_a_provider_that_forgets_keys_sends_twice(providers: Providers) -> None:
    providers.faults.order(Fault(channel="dialer", mode="forget_keys"))
    for _ in range(3):
        providers.take("dialer", "key", "+861", "text")
    assert providers.store.stats()["dialer"]["effects"] == 3


def test_the_same_content_under_another_key_is_told(providers: Providers) -> None:
    for channel, key, to, text in (
        ("sms", "a", "+861", "pay"),
        ("sms", "b", "+861", "pay"),
        ("sms", "c", "+862", "pay"),
        ("sms", "d", "+861", "please pay"),
        ("dialer", "e", "+861", "pay"),
    ):
        providers.take(channel, key, to, text)
    report = providers.store.report()
    assert (report["sms"]["same_content"], report["dialer"]["same_content"]) == (1, 0)
    assert report["sms"]["repeats"] == 0


def test_what_is_lost_is_told_and_never_reported(providers: Providers) -> None:
    providers.take("sms", "a", "+861", "text", lose=True)
    providers.take("sms", "a", "+861", "text")
    report = providers.store.report()["sms"]
    assert (report["given"], report["effects"], report["lost"], report["receipts"]) == (2, 0, 1, 0)


def test_misbehaviour_is_counted(providers: Providers) -> None:
    providers.faults.order(Fault(channel="sms", mode="500", share=0.5))
    for number in range(10):
        providers.strike("sms", REQUEST_MODES, str(number))
    assert providers.store.report()["sms"]["struck"] == {"500": 5}


def test_what_was_taken_outlives_the_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "gateway.sqlite")
    store.take("dialer", "key", "+861", "text")
    store.close()
    again = Store(tmp_path / "gateway.sqlite")
    assert again.take("dialer", "key", "+861", "text").repeated
    assert again.messages("dialer")[0]["given"] == 2
    again.close()
    assert stat.S_IMODE((tmp_path / "gateway.sqlite").stat().st_mode) == 0o600


def test_a_store_of_an_earlier_version_is_put_aside_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "gateway.sqlite"
    with sqlite3.connect(path) as old:
        old.execute("CREATE TABLE message (key TEXT)")
        old.execute("INSERT INTO message VALUES ('kept')")
    old.close()
    store = Store(path)
    assert store.messages(None) == []
    store.close()
    with sqlite3.connect(tmp_path / "gateway.sqlite.v0") as aside:
        assert aside.execute("SELECT key FROM message").fetchall() == [("kept",)]
    aside.close()


# ---- receipts


def outcomes(store: Store, channel: str = "sms") -> list[tuple[str, int]]:
    return [(row["key"], row["number"]) for row in store.receipts(channel, 0, 1000)]


def answered_key() -> str:
    """A text to which somebody answers."""
    return next(f"k{number}" for number in range(1000) if len(reports_of("sms", f"k{number}", 0)) == 2)


def test_duplicate_receipts_are_the_same_receipt_twice(providers: Providers) -> None:
    providers.faults.order(Fault(channel="sms", mode="duplicate_receipts"))
    key = answered_key()
    providers.take("sms", key, "+861", "text")
    assert outcomes(providers.store) == [(key, 1), (key, 2), (key, 1), (key, 2)]
    assert providers.take("sms", key, "+861", "text").repeated
    assert len(outcomes(providers.store)) == 4, "a repeat is not reported again"


def test_late_receipts_come_when_they_are_due_behind_the_cursor(providers: Providers, clock: Clock) -> None:
    providers.faults.order(Fault(channel="dialer", mode="late_receipts", seconds=60, count=1))
    providers.take("dialer", "late", "+861", "text")
    providers.take("dialer", "soon", "+862", "text")
    store = providers.store
    (first,) = store.receipts("dialer", 0, 10)
    assert first["key"] == "soon"
    assert store.report()["dialer"]["held_receipts"] == 1
    clock.at += 59
    assert store.receipts("dialer", first["receipt_id"], 10) == []
    clock.at += 2
    assert [row["key"] for row in store.receipts("dialer", first["receipt_id"], 10)] == ["late"]


def test_held_receipts_outlive_the_process(tmp_path: Path, clock: Clock) -> None:
    for seconds in (0, 100):
        clock.at += seconds
        providers = Providers(Store(tmp_path / "g.sqlite", now=clock), Faults(), seed=0)
        providers.faults.order(Fault(channel="dialer", mode="late_receipts", seconds=60))
        if not seconds:
            providers.take("dialer", "key", "+861", "text")
            assert outcomes(providers.store, "dialer") == []
        else:
            assert outcomes(providers.store, "dialer") == [("key", 1)]
        providers.store.close()


def test_shuffled_receipts_come_out_of_order(providers: Providers, clock: Clock) -> None:
    providers.faults.order(Fault(channel="sms", mode="shuffled_receipts", seconds=10))
    keys = [f"k{number}" for number in range(300)]
    for key in keys:
        providers.take("sms", key, "+861", key)
    clock.at += 11
    came = outcomes(providers.store)
    assert sorted(came) == sorted(
        (key, number) for key in keys for number in range(1, len(reports_of("sms", key, 0)) + 1)
    )
    assert [key for key, number in came if number == 1] != keys
    place = {each: at for at, each in enumerate(came)}
    replies = [key for key, number in came if number == 2]
    assert any(place[key, 2] < place[key, 1] for key in replies), "an answer comes before the delivery"
