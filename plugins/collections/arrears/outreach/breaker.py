"""The circuit breaker and the rate of a channel, shared by all of its workers: a row that they lock in turn.

closed ─(failures in a row)─► open ─(its rest is over, or a person asks)─► half_open ─(one message)─► closed | open

Both go by the database server's clock, which all workers share: they are about the provider and real seconds, not
about the business day. A clock that jumps back makes no rest longer than it is, and one that jumps ahead gives no more
than one burst.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from arrears.outreach.sending_rules import BreakerRule, Rate
from arrears.warehouse.ops_contacts import ContactChannel

Breaker = Literal["closed", "open", "half_open"]

_CHANNEL: sa.Table = ContactChannel.__table__  # type: ignore[assignment]
_COLUMNS = ("breaker", "breaker_failures", "breaker_until", "probe_worker", "permits", "permits_at")


@dataclass(frozen=True)
class Standing:
    """Where a channel stands: the columns of `ops.contact_channel`."""

    breaker: Breaker = "closed"
    breaker_failures: int = 0
    breaker_until: datetime | None = None
    probe_worker: int | None = None
    permits: float | None = None
    permits_at: datetime | None = None


@dataclass(frozen=True)
class Permit:
    """What a worker may do now."""

    messages: int
    """How many messages it may take; 0: none now."""
    wait_seconds: float | None = None
    """When none for the rate's sake: after how long there is one. None: the breaker is open."""
    is_probe: bool = False
    """Whether it is the one message that shows whether the provider is back."""


def admitted(
    now: Standing,
    *,
    wanted: int,
    worker: int,
    at: datetime,
    breaker: BreakerRule,
    rate: Rate | None,
    asked_by_person: bool = False,
) -> tuple[Standing, Permit]:
    """What `worker` may take of the `wanted` messages, and where the channel stands then.

    `asked_by_person` ends a rest: who clears a step wants it tried. The messages are counted against the rate by
    `spent`, once they were taken.
    """
    rest = timedelta(seconds=breaker.open_seconds)
    if now.breaker == "open" and not asked_by_person and now.breaker_until is not None:
        # a rest that would be longer than the rule says was written by a clock that has jumped back
        until = min(now.breaker_until, at + rest)
        if at < until:
            return replace(now, breaker_until=until), Permit(0)
    if now.breaker == "half_open" and now.breaker_until is not None:
        until = min(now.breaker_until, at + rest)
        if at < until and now.probe_worker != worker:
            return replace(now, breaker_until=until), Permit(0)
    is_probe = now.breaker != "closed"
    after = replace(now, breaker="half_open", breaker_until=at + rest, probe_worker=worker) if is_probe else now
    after = _refilled(after, at, rate)
    may = wanted if after.permits is None else min(wanted, int(after.permits))
    if may < 1 and rate is not None and after.permits is not None:
        return replace(now, permits=after.permits, permits_at=at), Permit(0, (1 - after.permits) / rate.per_second)
    return after, Permit(1 if is_probe else may, is_probe=is_probe)


def spent(now: Standing, messages: int) -> Standing:
    """Where the channel stands after so many messages were taken under a permit."""
    return now if now.permits is None else replace(now, permits=now.permits - messages)


def learned(now: Standing, *, took: int, failed: int, at: datetime, breaker: BreakerRule) -> Standing:
    """Where the channel stands after the provider took (or refused for good) some messages and failed on others.

    What was taken shows that the provider is there, and closes the breaker, also when the answer comes late.
    """
    if took:
        return replace(now, breaker="closed", breaker_failures=0, breaker_until=None, probe_worker=None)
    if not failed:
        return now
    failures = now.breaker_failures + failed
    if now.breaker == "closed" and failures < breaker.failures:
        return replace(now, breaker_failures=failures)
    until = at + timedelta(seconds=breaker.open_seconds)
    return replace(now, breaker="open", breaker_failures=failures, breaker_until=until, probe_worker=None)


def _refilled(now: Standing, at: datetime, rate: Rate | None) -> Standing:
    if rate is None:
        return replace(now, permits=None, permits_at=None)
    if now.permits is None or now.permits_at is None:
        return replace(now, permits=float(rate.burst), permits_at=at)
    passed = max((at - now.permits_at).total_seconds(), 0.0)
    return replace(now, permits=min(now.permits + passed * rate.per_second, float(rate.burst)), permits_at=at)


def read_standing(connection: sa.Connection, channel: str) -> Standing:
    """Where `channel` stands, to be shown; one that never sent stands closed."""
    row = connection.execute(
        sa.select(*[_CHANNEL.c[name] for name in _COLUMNS]).where(_CHANNEL.c.channel == channel)
    ).mappings()
    return next((Standing(**each) for each in row), Standing())


def lock_standing(connection: sa.Connection, channel: str, now: datetime) -> tuple[Standing, datetime]:
    """Where `channel` stands, its row locked until the transaction ends, and the server's time."""
    select = sa.select(*[_CHANNEL.c[name] for name in _COLUMNS]).where(_CHANNEL.c.channel == channel)
    row = connection.execute(select.with_for_update()).mappings().one_or_none()
    if row is None:
        connection.execute(insert(_CHANNEL).values(channel=channel, changed_at=now).on_conflict_do_nothing())
        row = connection.execute(select.with_for_update()).mappings().one()
    # the row may have been waited for: the time is asked once it is held
    at: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return Standing(**row), at


def write_standing(connection: sa.Connection, channel: str, before: Standing, after: Standing, now: datetime) -> None:
    """Writes where `channel` stands, whose row is locked."""
    if after != before:
        values = {name: getattr(after, name) for name in _COLUMNS}
        connection.execute(sa.update(_CHANNEL).where(_CHANNEL.c.channel == channel).values(**values, changed_at=now))


def learn(
    connection: sa.Connection, channel: str, *, took: int, failed: int, breaker: BreakerRule, now: datetime
) -> Breaker:
    """Writes down how the provider of `channel` did, in the caller's transaction; gives how the breaker stands then."""
    before, at = lock_standing(connection, channel, now)
    after = learned(before, took=took, failed=failed, at=at, breaker=breaker)
    write_standing(connection, channel, before, after, now)
    return after.breaker
