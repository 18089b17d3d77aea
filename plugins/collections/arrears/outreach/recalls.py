"""Hand-overs that are over: which cases an agency, a court or a repossession partner must give back, and why.

A hand-over is over when the customer paid, promised, is held, or a lead said so; of a repossession also when its order
was recalled. Each becomes one row of `ops.placement_recall`, and its partner is told once: whoever hands the recalls
over takes the waiting rows and marks them in the same transaction in which he records his file.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert

from arrears.clock import Clock
from arrears.desk.audit import Act, given_reason, note
from arrears.desk.callers import Caller
from arrears.desk.requests import Request
from arrears.errors import ChannelError
from arrears.outreach import partners
from arrears.outreach.channels.files import FileChannel
from arrears.outreach.channels.names import LIST_CHANNELS
from arrears.outreach.channels.opening import Opening
from arrears.outreach.channels.sftp import SftpChannel
from arrears.outreach.rules import LivePromise
from arrears.outreach.serious_rules import RecallRules
from arrears.outreach.states import State
from arrears.outreach.vehicle_steps import standings
from arrears.outreach.vehicles import Stage
from arrears.run import Run
from arrears.warehouse.ops_cases import CASE
from arrears.warehouse.ops_consents import CustomerNotice
from arrears.warehouse.ops_contacts import ContactTask
from arrears.warehouse.ops_desk import CaseEvent, Promise
from arrears.warehouse.ops_serious import PlacementRecall, RecallReason

PLACEMENTS = ("agency", "legal", "repossession")
"""Placements whose partner has the case until he is told otherwise."""

_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]
_RECALL: sa.Table = PlacementRecall.__table__  # type: ignore[assignment]
_PROMISE: sa.Table = Promise.__table__  # type: ignore[assignment]
_NOTICE: sa.Table = CustomerNotice.__table__  # type: ignore[assignment]
_EVENT: sa.Table = CaseEvent.__table__  # type: ignore[assignment]
_TEXTS = sa.ARRAY(sa.Text)
_OUT = (State.SENT.value, State.DELIVERED.value, State.UNKNOWN.value)
_PAID = ("cured", "contracts_closed", "written_off", "left_ledger")


@dataclass(frozen=True)
class Recall:
    """A hand-over whose partner is to be told that it is over."""

    task_key: str
    placement: str
    channel: str
    reason: str
    business_day: date
    """Business day on which it was taken back."""
    handed_over_on: date
    """Business day of the hand-over itself."""
    contract_ids: str = field(repr=False)
    customer_id: str = field(repr=False)


class NotTakenBack(NamedTuple):
    """A hand-over that was not taken back, and why."""

    task_key: str
    rule: str


@dataclass(frozen=True)
class TakenBack:
    """What came of taking hand-overs back: each is done or refused."""

    done: tuple[str, ...]
    refused: tuple[NotTakenBack, ...] = ()


class Recalls:
    """Taking hand-overs back by hand, for one process; safe between threads."""

    def __init__(self, warehouse: sa.Engine, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock

    def take_back(
        self, caller: Caller, task_keys: Collection[str], *, reason: str, request_key: str | None = None
    ) -> TakenBack:
        """A lead takes hand-overs back; refused one by one: recall.unknown, recall.not_out, recall.over."""
        caller.must_lead_all("taking a hand-over back")
        words = given_reason(reason, "taking a hand-over back")
        keys = list(dict.fromkeys(task_keys))
        request = Request(caller, "take_back", request_key, (*keys, words), self._clock.today())

        def act() -> TakenBack:
            rows = connection.execute(
                sa.select(_TASK)
                .where(_TASK.c.task_key == sa.any_(sa.literal(keys, _TEXTS)), _TASK.c.placement.in_(PLACEMENTS))
                .order_by(_TASK.c.task_key)
                .with_for_update()
            ).all()
            known = {row.task_key: row for row in rows}
            out = [row for row in rows if row.state in _OUT]
            done = set(_append(connection, [(row, "lead") for row in out], caller.name, self._clock))
            refused = [NotTakenBack(key, _why_not(known.get(key))) for key in keys if key not in done]
            acts = [
                Act("placement_recalled", queue=row.queue, reason=words, details={"task": row.task_key[:12]})
                for row in out
                if row.task_key in done
            ]
            note(connection, caller, self._clock, request_key, acts)
            return TakenBack(tuple(key for key in keys if key in done), tuple(refused))

        with self._warehouse.begin() as connection:
            return request.answer(connection, TakenBack, act)


def _why_not(row: sa.Row[Any] | None) -> str:
    if row is None:
        return "recall.unknown"
    return "recall.over" if row.state in _OUT else "recall.not_out"


def find_recalls(connection: sa.Connection, run: Run, rules: RecallRules, live_promise: LivePromise) -> Counter[str]:
    """Appends a recall for every hand-over that is over by now; how many, by reason. A second look adds none.

    Looks at each customer's last hand-over per placement, of at most `rules.look_back_days` ago.
    """
    day = run.day.as_of
    last = (
        sa.select(_TASK)
        .where(
            _TASK.c.placement.in_(PLACEMENTS),
            _TASK.c.state.in_(_OUT),
            _TASK.c.business_day >= day - timedelta(days=rules.look_back_days),
            _TASK.c.business_day <= day,
        )
        .ext(distinct_on(_TASK.c.customer_id, _TASK.c.placement))
        .order_by(_TASK.c.customer_id, _TASK.c.placement, _TASK.c.business_day.desc(), _TASK.c.task_key)
        .subquery()
    )
    rows = connection.execute(
        sa.select(last).where(~sa.exists().where(_RECALL.c.task_key == last.c.task_key)).order_by(last.c.task_key)
    ).all()
    if not rows:
        return Counter()
    facts = _facts(connection, run, rows, live_promise)
    over: list[tuple[sa.Row[Any], RecallReason]] = []
    for row in rows:
        reason = next((each for each in _reasons(row, facts) if each in rules.when), None)
        if reason is not None:
            over.append((row, reason))
    appended = set(_append(connection, over, "arrears", run.clock))
    return Counter(reason for row, reason in over if row.task_key in appended)


@dataclass(frozen=True)
class _Facts:
    """What is known of the customers and contracts that were handed over."""

    closed: Mapping[str, str]
    """Customer without an open case → why his last one was closed."""
    promised: frozenset[str]
    paid: Mapping[str, datetime]
    recalled: Mapping[str, datetime]
    order_recalled: frozenset[str]
    """Contracts whose order is recalled."""


def _reasons(row: sa.Row[Any], facts: _Facts) -> Sequence[RecallReason]:
    found: list[RecallReason] = []
    closed = facts.closed.get(row.customer_id)
    if closed in _PAID or _after(facts.paid.get(row.customer_id), row):
        found.append("paid")
    if row.customer_id in facts.promised:
        found.append("promise")
    if closed == "held":
        found.append("held")
    if row.placement == "repossession" and row.lead_contract_id in facts.order_recalled:
        found.append("order_recalled")
    if _after(facts.recalled.get(row.customer_id), row):
        found.append("lead")
    return found


def _after(at: datetime | None, row: sa.Row[Any]) -> bool:
    return at is not None and row.last_attempt_at is not None and at >= row.last_attempt_at


def _facts(connection: sa.Connection, run: Run, rows: Sequence[sa.Row[Any]], live_promise: LivePromise) -> _Facts:
    customers = sa.any_(sa.literal(sorted({row.customer_id for row in rows}), _TEXTS))
    day = run.day.as_of
    cases = connection.execute(
        sa.select(CASE.c.customer_id, CASE.c.state, CASE.c.close_reason)
        .where(CASE.c.customer_id == customers)
        .ext(distinct_on(CASE.c.customer_id))
        .order_by(CASE.c.customer_id, CASE.c.closed_on.desc().nulls_first(), CASE.c.case_id.desc())
    ).all()
    promised = connection.execute(
        sa.select(_PROMISE.c.customer_id)
        .where(_PROMISE.c.customer_id == customers, _PROMISE.c.due_on >= day - timedelta(days=live_promise.grace_days))
        .distinct()
    ).scalars()
    paid = connection.execute(
        sa.select(_NOTICE.c.customer_id, sa.func.max(_NOTICE.c.at).label("at"))
        .where(_NOTICE.c.customer_id == customers, _NOTICE.c.kind == "payment")
        .group_by(_NOTICE.c.customer_id)
    )
    recalled = connection.execute(
        sa.select(CASE.c.customer_id, sa.func.max(_EVENT.c.at).label("at"))
        .join(CASE, CASE.c.case_id == _EVENT.c.case_id)
        .where(CASE.c.customer_id == customers, _EVENT.c.action == "recalled")
        .group_by(CASE.c.customer_id)
    )
    contracts = [row.lead_contract_id for row in rows if row.placement == "repossession"]
    stages = standings(connection, contracts, day) if contracts else {}
    return _Facts(
        closed={row.customer_id: row.close_reason for row in cases if row.state == "closed"},
        promised=frozenset(promised),
        paid={row.customer_id: row.at for row in paid},
        recalled={row.customer_id: row.at for row in recalled},
        order_recalled=frozenset(contract for contract, at in stages.items() if at.stage == Stage.RECALLED),
    )


def _append(
    connection: sa.Connection, over: Sequence[tuple[sa.Row[Any], RecallReason]], by: str, clock: Clock
) -> Sequence[str]:
    if not over:
        return ()
    rows = [
        {
            "task_key": row.task_key,
            "customer_id": row.customer_id,
            "contract_ids": row.contract_ids,
            "placement": row.placement,
            "channel": row.channel,
            "reason": reason,
            "decided_by": by,
            "decided_at": clock.now(),
            "business_day": clock.today(),
        }
        for row, reason in over
    ]
    statement = insert(_RECALL).values(rows).on_conflict_do_nothing().returning(_RECALL.c.task_key)
    return connection.execute(statement).scalars().all()


def waiting_recalls(connection: sa.Connection, channel: str, limit: int = 5_000) -> list[Recall]:
    """Recalls of which the partner behind `channel` has not been told, locked until the transaction ends."""
    rows = connection.execute(
        sa.select(_RECALL, _TASK.c.business_day.label("handed_over_on"))
        .join(_TASK, _TASK.c.task_key == _RECALL.c.task_key)
        .where(_RECALL.c.channel == channel, _RECALL.c.handed_over_at.is_(None))
        .order_by(_RECALL.c.task_key)
        .limit(limit)
        .with_for_update(of=_RECALL, skip_locked=True)
    ).all()
    return [
        Recall(
            task_key=row.task_key,
            placement=row.placement,
            channel=row.channel,
            contract_ids=row.contract_ids,
            reason=row.reason,
            business_day=row.business_day,
            handed_over_on=row.handed_over_on,
            customer_id=row.customer_id,
        )
        for row in rows
    ]


def mark_handed_over(connection: sa.Connection, task_keys: Collection[str], file: str, now: datetime) -> int:
    """Writes down that the partner was told of these recalls in `file`; how many had not been marked before."""
    return connection.execute(
        sa.update(_RECALL)
        .where(_RECALL.c.task_key == sa.any_(sa.literal(sorted(task_keys), _TEXTS)), _RECALL.c.handed_over_at.is_(None))
        .values(handed_over_at=now, file=file)
    ).rowcount


def hand_over_recalls(run: Run, opening: Opening) -> tuple[Counter[str], list[ChannelError]]:
    """Tells the partners of all recalls that wait: one file per channel; how many, by channel, and what went wrong.

    A recall is marked in the transaction under whose lock its file was made. Who is killed in between tells it again,
    under the same key.
    """
    told: Counter[str] = Counter()
    errors: list[ChannelError] = []
    with run.warehouse.connect() as connection:
        waiting = sa.select(_RECALL.c.channel).where(_RECALL.c.handed_over_at.is_(None)).distinct()
        channels = set(connection.execute(waiting).scalars())
    for name in LIST_CHANNELS:
        if name not in channels or name not in opening.contact.channels:
            continue
        try:
            adapter = opening.open(name)
            try:
                if isinstance(adapter, FileChannel | SftpChannel):
                    told[name] += _tell(run, adapter)
            finally:
                adapter.close()
        except ChannelError as error:
            # one partner that cannot be reached does not hold up the others; the recalls wait
            errors.append(error)
    return +told, errors


def _tell(run: Run, adapter: FileChannel | SftpChannel) -> int:
    now = run.clock.now()
    with run.warehouse.begin() as connection:
        recalls = waiting_recalls(connection, adapter.name)
        if not recalls:
            return 0
        file = adapter.recall([each.task_key for each in recalls], recall_list(recalls))
        partners.note_files(connection, adapter, run.day.as_of, now)
        return mark_handed_over(connection, [each.task_key for each in recalls], file, now)


def recall_list(recalls: Sequence[Recall]) -> bytes:
    """The recalls as CSV, by task key: what is taken back, since when the partner had it, and why."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in sorted(recalls, key=lambda recall: recall.task_key):
        writer.writerow([getattr(each, name) for name in COLUMNS])
    return out.getvalue().encode()


COLUMNS = ("task_key", "handed_over_on", "customer_id", "contract_ids", "reason", "business_day")
"""Columns of a recall file."""
