"""The circuit breaker and the rate of a channel: on, below and above each edge, and with a clock that jumps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from arrears.outreach.breaker import Permit, Standing, admitted, learned, spent
from arrears.outreach.sending_rules import BreakerRule, Rate

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RULE = BreakerRule(failures=3, open_seconds=60)
RATE = Rate(per_second=10, burst=20)
OPEN = Standing("open", breaker_failures=3, breaker_until=NOON + timedelta(seconds=60))
HALF = Standing("half_open", 3, NOON + timedelta(seconds=60), probe_worker=1)


def asks(standing: Standing, seconds: float = 0, **other: object) -> tuple[Standing, Permit]:
    given = {"wanted": 50, "worker": 2, "breaker": RULE, "rate": None, **other}
    return admitted(standing, at=NOON + timedelta(seconds=seconds), **given)  # type: ignore[arg-type]


def fails(standing: Standing, failed: int, took: int = 0) -> Standing:
    return learned(standing, took=took, failed=failed, at=NOON, breaker=RULE)


@pytest.mark.parametrize(("failed", "state"), [(2, "closed"), (3, "open"), (9, "open")])
def test_it_opens_at_so_many_failures_in_a_row(failed: int, state: str) -> None:
    after = fails(Standing(), failed)
    assert (after.breaker, after.breaker_failures) == (state, failed)
    assert after.breaker_until == (NOON + timedelta(seconds=60) if state == "open" else None)


def test_failures_of_several_workers_add_up_and_one_success_forgets_them() -> None:
    assert fails(fails(Standing(), 2), 1).breaker == "open"
    assert fails(fails(Standing(), 2), 2, took=1) == Standing()
    assert fails(Standing(), 0) == Standing()


@pytest.mark.parametrize(("seconds", "messages"), [(0, 0), (59.9, 0), (60, 1), (600, 1)])
def test_an_open_one_lets_nothing_pass_until_its_rest_is_over_and_then_one_message(
    seconds: float, messages: int
) -> None:
    after, permit = asks(OPEN, seconds)
    assert (permit.messages, permit.wait_seconds, permit.is_probe) == (messages, None, messages == 1)
    assert after.breaker == ("half_open" if messages else "open")
    assert after.probe_worker == (2 if messages else None)


def test_a_person_ends_the_rest_at_once() -> None:
    assert asks(OPEN, 1, asked_by_person=True)[1] == Permit(1, is_probe=True)


def test_while_one_worker_probes_the_others_wait_and_a_dead_one_is_followed() -> None:
    assert asks(HALF, 10)[1] == Permit(0)
    assert asks(HALF, 10, asked_by_person=True)[1] == Permit(0)
    assert asks(HALF, 10, worker=1)[1] == Permit(1, is_probe=True)
    after, permit = asks(HALF, 60)
    assert (permit, after.probe_worker) == (Permit(1, is_probe=True), 2)


def test_the_probe_decides() -> None:
    assert fails(HALF, 0, took=1) == Standing()
    again = fails(HALF, 1)
    assert (again.breaker, again.probe_worker, again.breaker_until) == ("open", None, NOON + timedelta(seconds=60))


def test_a_clock_that_jumps_back_makes_no_rest_longer() -> None:
    after, permit = asks(OPEN, -86_400)
    assert permit.messages == 0
    assert asks(after, -86_400 + 60)[1].messages == 1
    after, permit = asks(HALF, -86_400)
    assert permit.messages == 0
    assert asks(after, -86_400 + 60)[1].messages == 1


def test_a_rate_gives_its_burst_and_then_so_many_a_second() -> None:
    standing, permit = asks(Standing(), 0, rate=RATE)
    assert permit.messages == 20
    standing = spent(standing, 20)
    standing, permit = asks(standing, 0, rate=RATE)
    assert permit == Permit(0, 0.1)
    standing, permit = asks(standing, 0.5, rate=RATE)
    assert permit.messages == 5
    # what was not taken is not lost
    standing = spent(standing, 2)
    assert asks(standing, 0.5, rate=RATE)[1].messages == 3
    assert asks(standing, 3600, rate=RATE)[1].messages == 20


def test_a_rate_and_a_clock_that_jumps() -> None:
    standing = spent(asks(Standing(), 0, rate=RATE)[0], 20)
    back, permit = asks(standing, -3600, rate=RATE)
    assert permit.messages == 0
    assert asks(back, -3599, rate=RATE)[1].messages == 10
    assert asks(standing, 365 * 86_400, rate=RATE)[1].messages == 20


def test_a_probe_waits_for_the_rate_and_stays_a_probe() -> None:
    resting = replace(OPEN, permits=0.0, permits_at=NOON + timedelta(seconds=60))
    after, permit = asks(resting, 60, rate=RATE)
    assert permit == Permit(0, 0.1)
    assert (after.breaker, after.probe_worker) == ("open", None)
    assert asks(after, 60.1, rate=RATE)[1] == Permit(1, is_probe=True)


def test_without_a_rate_nothing_is_counted() -> None:
    standing, permit = asks(replace(Standing(), permits=0.5, permits_at=NOON))
    assert (permit.messages, standing.permits) == (50, None)
    assert spent(standing, 50) == standing
