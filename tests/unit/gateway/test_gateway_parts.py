"""The gateway's parts: faults strike as ordered, and the store counts what it was given, repeats included."""

from __future__ import annotations

from pathlib import Path

import pytest

from arrears.demo.gateway.faults import Fault, Faults, Mode
from arrears.demo.gateway.store import Store

ALL: tuple[Mode, ...] = ("slow", "429", "500", "drop_after_accept", "refuse")


def strikes(faults: Faults, count: int, channel: str = "sms") -> list[bool]:
    return [faults.strike(channel, ALL) is not None for _ in range(count)]


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


def test_ok_ends_a_fault() -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500"))
    faults.order(Fault(channel="sms", mode="ok"))
    assert strikes(faults, 2) == [False, False]


@pytest.mark.parametrize("third", [0.1, 0.3, 1 / 3])
def test_shares_add_up(third: float) -> None:
    faults = Faults()
    faults.order(Fault(channel="sms", mode="500", share=third))
    assert sum(strikes(faults, 300)) == pytest.approx(300 * third, abs=1)


def test_over_http_a_key_has_effect_once_and_is_counted_each_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "gateway.sqlite")
    first, second = (store.take("sms", "key", "+861", "text") for _ in range(2))
    assert (first.repeated, second.repeated) == (False, True)
    assert first.message_id == second.message_id
    assert store.stats()["sms"] == {"given": 2, "messages": 1, "effects": 1, "repeats": 1, "most_effects": 1}
    assert len(store.receipts("sms", 0, 10)) == 1
    store.close()


def test_over_smtp_whatever_comes_has_effect(tmp_path: Path) -> None:
    store = Store(tmp_path / "gateway.sqlite")
    for _ in range(2):
        store.take("email", "key", "a@b.example", "text")
    assert store.stats()["email"] == {"given": 2, "messages": 1, "effects": 2, "repeats": 1, "most_effects": 2}
    assert store.receipts(None, 0, 10) == []
    store.close()


def test_what_was_taken_outlives_the_process(tmp_path: Path) -> None:
    store = Store(tmp_path / "gateway.sqlite")
    store.take("dialer", "key", "+861", "text")
    store.close()
    again = Store(tmp_path / "gateway.sqlite")
    assert again.take("dialer", "key", "+861", "text").repeated
    assert again.messages("dialer")[0]["given"] == 2
    again.close()


def test_outcomes_follow_from_the_key(tmp_path: Path) -> None:
    outcomes = []
    for name in ("a", "b"):
        store = Store(tmp_path / f"{name}.sqlite")
        for number in range(200):
            store.take("dialer", f"key-{number}", "+861", "text")
        outcomes.append([row["outcome"] for row in store.receipts("dialer", 0, 1000)])
        store.close()
    assert outcomes[0] == outcomes[1]
    assert {"right_party", "connected", "wrong_party", "no_answer", "busy", "invalid"} == set(outcomes[0])
