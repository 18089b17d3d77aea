"""What the page *Outreach* shows of a day, read set-based: the funnel, dead letters, channels, stray receipts, files.

Counts, keys and codes only: no name, address or text of a message is read. The day's funnel is of the outbox, with
what the plan in the lake blocked and cut before anything came there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from arrears.day import BusinessDay
from arrears.lake import Lake
from arrears.outreach import outbox
from arrears.outreach.channels.names import CHANNELS, MANUAL_CHANNEL, ChannelName
from arrears.outreach.contact_history import PersonAct
from arrears.outreach.rules import ContactRules
from arrears.outreach.stages import was_answered, was_delivered, was_promised, was_sent
from arrears.outreach.states import State
from arrears.warehouse.mart import ChannelDay
from arrears.warehouse.ops_consents import CustomerNotice
from arrears.warehouse.ops_contacts import (
    ContactAction,
    ContactAttempt,
    ContactChannel,
    ContactTask,
    ContactWorker,
    PartnerFile,
    UnmatchedReceipt,
)

MOST_DEAD_LETTERS = 500
"""Dead letters that can be paged through; all are counted."""
_LATEST = 20
_LONGEST_HISTORY = 300

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_ATTEMPT: sa.Table = ContactAttempt.__table__  # type: ignore[assignment]
_ACTION: sa.Table = ContactAction.__table__  # type: ignore[assignment]

_PLACES: Mapping[str, tuple[State, ...]] = {
    "blocked": (State.BLOCKED,),
    "awaiting": (State.AWAITING_APPROVAL,),
    "waiting": (State.PLANNED, State.APPROVED, State.FAILED, State.SENDING),
    "held_back": (State.REJECTED, State.LAPSED, State.CANCELLED, State.EXPIRED),
    "dead": (State.DEAD,),
    "unknown": (State.UNKNOWN,),
}
"""Where a contact is that was not sent, by its state. One that was sent is `sent`, whatever became of it later."""
STAGES = ("planned", "sent", "delivered", "answered", "promised", "paid")
"""The stages that the chart shows, each a part of the one before it but for what came without a receipt."""


@dataclass(frozen=True)
class RuleCount:
    """How many contacts a rule stopped."""

    rule: str
    contacts: int
    source: str | None = None
    """Source of the rule: pack, title and publisher."""


@dataclass(frozen=True)
class ChannelFunnel:
    """Contacts of one channel on one day: each is in exactly one of blocked, cut, awaiting, waiting, held_back, dead,
    unknown and sent; the further stages are of those that were sent."""

    channel: str
    planned: int = 0
    """All that the strategy wanted."""
    blocked: int = 0
    """Stopped by a rule, at planning or when about to go."""
    cut: int = 0
    """Over a cap or budget."""
    awaiting: int = 0
    """Wait for a person's approval."""
    waiting: int = 0
    """Wait for their window, for a worker, or for the next try."""
    held_back: int = 0
    """Rejected, lapsed, cancelled or expired."""
    dead: int = 0
    """Cannot succeed, and no provider took them."""
    unknown: int = 0
    """May have gone; never sent again."""
    sent: int = 0
    undelivered: int = 0
    """A provider took them and says that they did not arrive; dead letters that are never sent again."""
    delivered: int = 0
    answered: int = 0
    promised: int = 0
    paid: int = 0
    """Contacts whose customer paid later on that day, as far as it is known."""
    rules: tuple[RuleCount, ...] = ()
    """By which rule the blocked and the cut ones were stopped, the most frequent first."""

    def count(self, stage: str) -> int:
        """The count of a stage by its name."""
        number: int = getattr(self, stage)
        return number


@dataclass(frozen=True)
class ChannelState:
    """Whether and how fast a channel may send."""

    channel: str
    breaker: str
    """closed, open or half_open."""
    failures: int
    until: datetime | None
    per_second: float | None
    """The rate of contact.yaml; None: none."""
    workers: int
    """Processes that send over it now."""
    sending: int
    retries: int
    """Contacts that failed and are tried again."""
    receipts_at: datetime | None
    """When its row last changed: receipts taken in, a breaker moved."""


@dataclass(frozen=True)
class StrayReceipt:
    """A receipt that settles nothing."""

    channel: str
    reason: str
    outcome: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class PartnerExchange:
    """A file between the lender and a partner."""

    channel: str
    kind: str
    file: str
    rows: int
    at: datetime
    acknowledged_at: datetime | None
    accepted: bool | None
    reason: str | None


@dataclass(frozen=True)
class OutreachView:
    """One day's outreach."""

    day: date
    is_today: bool
    funnels: tuple[ChannelFunnel, ...]
    channels: tuple[ChannelState, ...]
    dead_letters: tuple[outbox.DeadLetter, ...]
    """A page of them."""
    dead_letters_total: int
    stray: tuple[StrayReceipt, ...]
    stray_total: int
    files: tuple[PartnerExchange, ...]
    approvals_waiting: int

    @property
    def total(self) -> ChannelFunnel:
        """All channels together."""
        names = ("planned", *_PLACES, "cut", "sent", "undelivered", "delivered", "answered", "promised", "paid")
        sums: dict[str, Any] = {name: sum(each.count(name) for each in self.funnels) for name in names}
        return ChannelFunnel("", **sums)


def known_days(connection: sa.Connection, most: int = 60) -> list[date]:
    """Days with contacts, the latest first."""
    days = sa.select(_TASK.c.business_day).distinct().order_by(_TASK.c.business_day.desc()).limit(most)
    return list(connection.scalars(days))


def read_outreach(
    connection: sa.Connection,
    lake: Lake,
    rules: ContactRules | None,
    day: date,
    now: datetime,
    *,
    channel: str | None = None,
    limit: int = 25,
    offset: int = 0,
) -> OutreachView:
    """The outreach of `day`, in the time zone of `now`; of its dead letters (of one channel) a page.

    Without `rules`, rates are not told.
    """
    dead = outbox.dead_letters(connection, now, day=day, channel=channel, limit=MOST_DEAD_LETTERS)
    return OutreachView(
        day=day,
        is_today=day == now.date(),
        funnels=read_funnels(connection, lake, day, now),
        channels=read_channels(connection, rules, day),
        dead_letters=tuple(dead[offset : offset + limit]),
        dead_letters_total=_count_dead(connection, day, channel),
        stray=_stray(connection),
        stray_total=connection.scalar(sa.select(sa.func.count()).select_from(UnmatchedReceipt)) or 0,
        files=_files(connection, day),
        approvals_waiting=connection.scalar(
            sa.select(sa.func.count()).where(
                _TASK.c.business_day == day, _TASK.c.state == State.AWAITING_APPROVAL.value
            )
        )
        or 0,
    )


def read_funnels(connection: sa.Connection, lake: Lake, day: date, now: datetime) -> tuple[ChannelFunnel, ...]:
    """The funnel of every channel that had a contact on `day`, in the order in which channels are worked.

    Who paid is known of a finished day from the ledger, once `kpi_daily` has run after it; before, from notices.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    rules: dict[str, dict[str, RuleCount]] = defaultdict(dict)

    def stopped(channel: str, rule: str | None, number: int, source: str | None) -> None:
        known = rules[channel].get(rule or "–", RuleCount(rule or "–", 0))
        rules[channel][known.rule] = RuleCount(known.rule, known.contacts + number, known.source or source)

    for row in _planned_only(lake, day):
        place = "blocked" if row["verdict"] == "blocked" else "cut"
        counts[row["channel"]].update({"planned": row["contacts"], place: row["contacts"]})
        stopped(row["channel"], row["verdict_rule"], row["contacts"], row["policy_source"])
    begins = datetime.combine(day, time.min, now.tzinfo)
    for found in connection.execute(_funnel_query(day, begins, begins + timedelta(days=1))).mappings():
        counts[found["channel"]].update({name: found[name] for name in found if name != "channel"})
    for channel, paid in _paid_by_ledger(connection, day).items():
        if channel in counts:
            counts[channel]["paid"] = paid
    for each in connection.execute(_blocked_query(day)):
        stopped(each.channel, each.rule, each.contacts, each.source)
    order = [*CHANNELS, MANUAL_CHANNEL]
    names = sorted(counts, key=lambda name: (order.index(name) if name in order else len(order), name))
    return tuple(
        ChannelFunnel(
            channel=name,
            rules=tuple(sorted(rules[name].values(), key=lambda rule: (-rule.contacts, rule.rule))),
            **counts[name],
        )
        for name in names
    )


def read_channels(connection: sa.Connection, rules: ContactRules | None, day: date) -> tuple[ChannelState, ...]:
    """Breaker and rate of every channel that the rules or the outbox know."""
    rows = {row.channel: row for row in connection.execute(sa.select(ContactChannel.__table__))}
    by_channel = sa.select(ContactWorker.channel, sa.func.count().label("workers")).group_by(ContactWorker.channel)
    workers = {row.channel: row.workers for row in connection.execute(by_channel)}
    busy: dict[str, dict[str, int]] = defaultdict(dict)
    under_way = (State.SENDING.value, State.FAILED.value)
    for channel, state, number in connection.execute(
        sa.select(_TASK.c.channel, _TASK.c.state, sa.func.count())
        .where(_TASK.c.business_day == day, _TASK.c.state.in_(under_way), _TASK.c.channel != MANUAL_CHANNEL)
        .group_by(_TASK.c.channel, _TASK.c.state)
    ):
        busy[channel][state] = number
    known = {*rows, *busy, *workers, *(rules.channels if rules else ())}
    return tuple(
        ChannelState(
            channel=name,
            breaker=rows[name].breaker if name in rows else "closed",
            failures=rows[name].breaker_failures if name in rows else 0,
            until=rows[name].breaker_until if name in rows else None,
            per_second=_rate(rules, name),
            workers=workers.get(name, 0),
            sending=busy[name].get(State.SENDING.value, 0),
            retries=busy[name].get(State.FAILED.value, 0),
            receipts_at=rows[name].changed_at if name in rows else None,
        )
        for name in CHANNELS
        if name in known
    )


def latest_acts(connection: sa.Connection, most: int) -> list[tuple[int, PersonAct, str]]:
    """What people did to contacts last: number, act and channel, the latest first."""
    rows = connection.execute(
        sa.select(_ACTION, _TASK.c.channel)
        .join(_TASK, _TASK.c.task_key == _ACTION.c.task_key)
        .order_by(_ACTION.c.action_id.desc())
        .limit(most)
    )
    return [(row.action_id, PersonAct(row.action, row.at, row.by, row.why), row.channel) for row in rows]


def _planned_only(lake: Lake, day: date) -> Sequence[Mapping[str, Any]]:
    """What the plan blocked or cut, which never came to the outbox: channel, verdict, verdict_rule, contacts."""
    partition = BusinessDay(day, "frozen")
    if not lake.exists("contact_plan", partition):
        return []
    plan = lake.read("contact_plan", partition)
    wanted = ["channel", "verdict", "verdict_rule", "policy_source"]
    # a day of an earlier version has no source
    plan = pa.table(
        [
            plan[name].cast(pa.string()) if name in plan.column_names else pa.nulls(plan.num_rows, pa.string())
            for name in wanted
        ],
        names=wanted,
    ).filter(pc.is_in(plan["verdict"].cast(pa.string()), pa.array(["blocked", "cut"])))
    counted = plan.group_by(["channel", "verdict", "verdict_rule"]).aggregate(
        [([], "count_all"), ("policy_source", "max")]
    )
    return [
        {**row, "contacts": row["count_all"], "policy_source": row["policy_source_max"]} for row in counted.to_pylist()
    ]


def _funnel_query(day: date, begins: datetime, ends: datetime) -> sa.Select[Any]:
    """Per channel: the outbox's contacts, where each is, and the stages of those that were sent."""
    tried = (
        sa.select(
            _ATTEMPT.c.task_key,
            was_sent().label("sent"),
            was_delivered().label("delivered"),
            was_answered().label("answered"),
            was_promised().label("promised"),
            sa.func.min(_ATTEMPT.c.at).label("first_at"),
        )
        .where(_ATTEMPT.c.business_day == day)
        .group_by(_ATTEMPT.c.task_key)
        .subquery("tried")
    )
    notice: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]
    paid = (
        sa.select(notice.c.customer_id, sa.func.max(notice.c.at).label("at"))
        .where(notice.c.kind == "payment", notice.c.at >= begins, notice.c.at < ends)
        .group_by(notice.c.customer_id)
        .subquery("paid")
    )
    sent = sa.func.coalesce(tried.c.sent, False)

    def number(name: str, condition: sa.ColumnElement[bool]) -> sa.Label[int]:
        return sa.func.count().filter(condition).label(name)

    places = [
        number(name, sa.and_(~sent, _TASK.c.state.in_([state.value for state in states])))
        for name, states in _PLACES.items()
    ]
    return (
        sa.select(
            _TASK.c.channel,
            sa.func.count().label("planned"),
            *places,
            number("sent", sent),
            number("undelivered", sa.and_(sent, _TASK.c.state == State.DEAD.value)),
            number("delivered", sa.func.coalesce(tried.c.delivered, False)),
            number("answered", sa.func.coalesce(tried.c.answered, False)),
            number("promised", sa.func.coalesce(tried.c.promised, False)),
            number("paid", sa.and_(sent, paid.c.at >= tried.c.first_at)),
        )
        .select_from(
            _TASK.outerjoin(tried, tried.c.task_key == _TASK.c.task_key).outerjoin(
                paid, paid.c.customer_id == _TASK.c.customer_id
            )
        )
        .where(_TASK.c.business_day == day)
        .group_by(_TASK.c.channel)
    )


def _paid_by_ledger(connection: sa.Connection, day: date) -> dict[str, int]:
    """Contacts whose customer paid on `day`, as the KPIs found it in the ledger; empty while they have not."""
    fact = ChannelDay
    rows = connection.execute(
        sa.select(fact.channel, fact.paid_attempts).where(
            fact.as_of == day, fact.basis == "frozen", fact.source == "arrears", fact.paid_attempts.is_not(None)
        )
    )
    return {row.channel: row.paid_attempts for row in rows if row.paid_attempts is not None}


def _blocked_query(day: date) -> sa.Select[Any]:
    return (
        sa.select(
            _TASK.c.channel,
            sa.func.coalesce(_TASK.c.state_reason, _TASK.c.policy_rule).label("rule"),
            sa.func.count().label("contacts"),
            sa.func.max(_TASK.c.policy_source).label("source"),
        )
        .where(_TASK.c.business_day == day, _TASK.c.state == State.BLOCKED.value)
        .group_by(_TASK.c.channel, sa.func.coalesce(_TASK.c.state_reason, _TASK.c.policy_rule))
    )


def _count_dead(connection: sa.Connection, day: date, channel: str | None) -> int:
    asked = [_TASK.c.business_day == day, _TASK.c.state.in_([State.DEAD.value, State.UNKNOWN.value])]
    asked += [] if channel is None else [_TASK.c.channel == channel]
    return connection.scalar(sa.select(sa.func.count()).where(*asked)) or 0


def _stray(connection: sa.Connection) -> tuple[StrayReceipt, ...]:
    table: sa.Table = UnmatchedReceipt.__table__  # type: ignore[assignment]
    names = ("channel", "reason", "outcome", "times", "first_at", "last_at")
    rows = connection.execute(
        sa.select(*[table.c[name] for name in names])
        .order_by(table.c.last_at.desc(), table.c.channel, table.c.key_digest)
        .limit(_LATEST)
    ).mappings()
    return tuple(StrayReceipt(**row) for row in rows)


def _files(connection: sa.Connection, day: date) -> tuple[PartnerExchange, ...]:
    table: sa.Table = PartnerFile.__table__  # type: ignore[assignment]
    names = ("channel", "kind", "file", "rows", "at", "acknowledged_at", "accepted", "reason")
    rows = connection.execute(
        sa.select(*[table.c[name] for name in names])
        .where(table.c.business_day == day)
        .order_by(table.c.at.desc(), table.c.channel, table.c.file)
        .limit(_LATEST)
    ).mappings()
    return tuple(PartnerExchange(**row) for row in rows)


def _rate(rules: ContactRules | None, channel: ChannelName) -> float | None:
    rule = rules.channels.get(channel) if rules else None
    return None if rule is None or rule.rate is None else float(rule.rate.per_second)
