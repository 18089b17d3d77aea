"""The desk itself: every act of people on the cases of the day, each in one transaction.

An act is judged and done under the locks of what it changes; refused, it has changed nothing. Locks are taken in one
order, the merge's, then collectors', then cases', then customers', so that acts never wait for each other in a circle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from arrears.allocation.presets import read_presets
from arrears.allocation.rules import FILE, AllocationRules, QueueRules
from arrears.clock import Clock
from arrears.desk import presets, reading
from arrears.desk.audit import LONGEST_REASON, Act, given_reason, note, read_events
from arrears.desk.callers import Caller
from arrears.desk.calls import CallGate, end_forgotten_calls, reserve
from arrears.desk.claim import claim, lock_collector, refuse_if_absent
from arrears.desk.compiled import Compiled
from arrears.desk.eligibility import why_not
from arrears.desk.leases import expire_leases, renew_leases, why_not_renewed
from arrears.desk.moving import EndReason, Move, distinct_ids, lock_cases, lock_named, move, wait_for_merge
from arrears.desk.redealing import redeal
from arrears.desk.refusals import Kind, Refusal
from arrears.desk.requests import Request, forget_old
from arrears.desk.results import check_result, mark_worked, write_result
from arrears.desk.views import (
    AllocationView,
    Call,
    Changed,
    CollectorPreset,
    Events,
    Grabbed,
    PoolDetail,
    PoolView,
    QueuePreset,
    Recorded,
    Redealt,
    Refused,
    ResultIn,
    Worklist,
)
from arrears.outreach.gate import Gate
from arrears.outreach.rules import ContactRules, load_contact_rules
from arrears.rules.policy import Policy
from arrears.rules.rule_set import RuleSet, load_rule_set
from arrears.settings import Settings
from arrears.warehouse.ops_cases import CASE, COLLECTOR
from arrears.warehouse.ops_desk import CaseExclusion

MOST_ROWS = 1000
"""Rows that one read gives at most."""
_SMALL_POOL = 1000
_STALE_SECONDS = 2.0
_EXPIRY_EVERY = timedelta(seconds=1)
_HIGHEST_QUOTA = 100_000

_EXCLUSION: sa.Table = CaseExclusion.__table__  # type: ignore[assignment]
_POOL_SIZE = Compiled(
    sa.select(sa.func.count()).where(
        CASE.c.state == sa.literal_column("'pool'"), CASE.c.queue == sa.bindparam("queue", type_=sa.Text)
    )
)
Answer = TypeVar("Answer")


class Desk:
    """The desk of one process; safe between threads. The rules are those of the business day, read once a day."""

    def __init__(self, warehouse: sa.Engine, settings: Settings, clock: Clock) -> None:
        self._warehouse = warehouse
        self._settings = settings
        self._clock = clock
        self._gate = CallGate(settings, clock)
        self._guard = threading.Lock()
        self._rules: tuple[date, RuleSet] | None = None
        self._queues: tuple[AllocationRules, dict[str, QueueRules]] | None = None
        self._pool_sizes: dict[str, tuple[float, int]] = {}
        self._expired_at: datetime | None = None

    def close(self) -> None:
        """Lets go of what was read for calls; the warehouse is the caller's."""
        self._gate.close()

    @property
    def zone(self) -> ZoneInfo:
        """The lender's time zone, in which people read instants."""
        return self._settings.zone

    # ---- the grab pool

    def grab(
        self,
        caller: Caller,
        queue: str,
        *,
        batch: int | None = None,
        collector_id: str | None = None,
        request_key: str | None = None,
    ) -> Grabbed:
        """Gives a collector the best cases of the queue's pool that he may have, up to `batch` (default: the queue's).

        Fewer or none where his limits or the pool have no more. Raises Refusal: batch.bounds, queue.unknown,
        limit.capacity, limit.open_cases, limit.grabs_per_day, collector.…, role.…, scope.….
        """
        who = caller.acts_for(collector_id, "a grab")
        rules = self._queue_rules(queue)
        if batch is not None:
            _within(batch, 1, rules.grab_batch_max, "batch.bounds", "a batch", "a grab")
        self._expire()
        body = (queue, who, batch)

        def act(connection: sa.Connection) -> Grabbed:
            collector = lock_collector(connection, who, self._clock, queue)
            caller.must_cover(collector.team, "a grab")
            found = claim(connection, caller, collector, rules, queue, self._clock, batch, request_key)
            taken = len(found.cases)
            if not taken:
                self._refuse_the_full(rules, collector, found.open_in_all, found.open_in_queue, found.taken_today)
            room = [
                limit - before - taken
                for limit, before in (
                    (collector.capacity, found.open_in_all),
                    (rules.open_cases, found.open_in_queue),
                )
                if limit is not None
            ]
            return Grabbed(
                cases=found.cases,
                lease_until=found.lease_until,
                asked=found.asked,
                left_today=None if rules.grabs_per_day is None else rules.grabs_per_day - found.taken_today - taken,
                left_open=min(room, default=None),
                pool_left=self._pool_left(connection, queue, taken),
            )

        return self._change(caller, "grab", request_key, body, Grabbed, act)

    @staticmethod
    def _refuse_the_full(
        rules: QueueRules, collector: sa.Row[Any], open_in_all: int, open_in_queue: int, taken_today: int
    ) -> None:
        for rule, limit, reached in (
            ("limit.capacity", collector.capacity, open_in_all),
            ("limit.open_cases", rules.open_cases, open_in_queue),
            ("limit.grabs_per_day", rules.grabs_per_day, taken_today),
        ):
            if limit is not None and reached >= limit:
                raise Refusal(
                    kind="limit",
                    rule=rule,
                    expected=f"a collector below his limit of {limit}",
                    found=str(reached),
                    where="a grab",
                    action="Work what is in hand first; allocation.yaml and the roster set the limits.",
                )

    def renew(self, caller: Caller, case_ids: Sequence[str], *, request_key: str | None = None) -> Changed:
        """Renews the leases of own cases from now on. A lease that is over is not renewed (lease.expired)."""
        caller.must_change("a renewal")
        ids = distinct_ids(case_ids, "a renewal")
        self._expire()

        def act(connection: sa.Connection) -> Changed:
            wait_for_merge(connection)
            now = self._clock.now()
            known = lock_named(connection, ids)
            not_own = self._not_own(connection, caller, known, ids)
            renewed: dict[str, datetime] = {}
            refused: list[Refused] = []
            for case_id in ids:
                rule = not_own[case_id]
                if rule is None:
                    case = known[case_id]
                    own = self._queue_rules(case.queue)
                    rule = why_not_renewed(case, own, now)
                    if rule is None and own.lease_minutes is not None:
                        renewed[case_id] = now + timedelta(minutes=own.lease_minutes)
                if rule is not None:
                    refused.append(Refused(case_id, rule))
            renew_leases(connection, self._clock, renewed)
            acts = [
                Act("renewed", case_id=each, queue=known[each].queue, collector_id=known[each].collector_id)
                for each in renewed
            ]
            note(connection, caller, self._clock, request_key, acts)
            return Changed(tuple(renewed), tuple(refused), min(renewed.values(), default=None))

        return self._change(caller, "renew", request_key, tuple(ids), Changed, act)

    def give_back(
        self, caller: Caller, case_ids: Sequence[str], *, reason: str, request_key: str | None = None
    ) -> Changed:
        """Gives grabbed cases back to the pool, for one of the queue's reasons; they are not grabbed again today."""
        caller.must_change("giving back")
        ids = distinct_ids(case_ids, "giving back")
        self._expire()

        def act(connection: sa.Connection) -> Changed:
            wait_for_merge(connection)
            known = lock_named(connection, ids)
            not_own = self._not_own(connection, caller, known, ids)
            moves: list[Move] = []
            refused: list[Refused] = []
            for case_id in ids:
                rule = not_own[case_id]
                if rule is None:
                    case = known[case_id]
                    reasons = self._queue_rules(case.queue).give_back_reasons
                    if reason not in reasons:
                        raise Refusal(
                            kind="invalid",
                            rule="give_back.reason",
                            expected=f"one of the reasons {', '.join(reasons)}",
                            found="another one",
                            where="giving back",
                            action="Choose a reason of allocation.yaml.",
                        )
                    if case.source != "grab":
                        rule = "give_back.not_grabbed"
                    else:
                        moves.append(Move(case, None))
                if rule is not None:
                    refused.append(Refused(case_id, rule))
            self._move(connection, caller, moves, "given_back", reason, request_key)
            return Changed(tuple(each.case.case_id for each in moves), tuple(refused))

        return self._change(caller, "give_back", request_key, (*ids, reason), Changed, act)

    # ---- leads

    def hand_over(
        self,
        caller: Caller,
        case_ids: Sequence[str],
        *,
        to: str | None,
        reason: str,
        from_collector_id: str | None = None,
        request_key: str | None = None,
    ) -> Changed:
        """A lead gives cases, of a collector or of the pool, to another collector; `to` None: to the pool.

        With `from_collector_id` only what that collector still has: what somebody moved meanwhile is refused
        (case.moved).
        """
        caller.must_lead("a hand-over")
        ids = distinct_ids(case_ids, "a hand-over")
        words = given_reason(reason, "a hand-over")
        self._expire()

        def act(connection: sa.Connection) -> Changed:
            wait_for_merge(connection)
            target, room = None, None
            if to is not None:
                target = lock_collector(connection, to, self._clock, None)
                refuse_if_absent(connection, to, self._clock)
                caller.must_cover(target.team, "a hand-over")
                if target.capacity is not None:
                    room = target.capacity - self._in_hand(connection, to)
            known = lock_named(connection, ids)
            teams = self._teams(connection)
            moves: list[Move] = []
            refused: list[Refused] = []
            for case_id in ids:
                case = known.get(case_id)
                rule = _closed(case)
                if rule is None and case is not None:
                    if case.collector_id is not None and not _covers(caller, teams.get(case.collector_id)):
                        rule = "scope.team"
                    elif case.collector_id == to:
                        rule = "case.there_already"
                    elif from_collector_id is not None and case.collector_id != from_collector_id:
                        rule = "case.moved"
                    elif target is not None:
                        rule = why_not(case, target, self._queue_rules(case.queue))
                        if rule is None and room is not None and len(moves) >= room:
                            rule = "limit.capacity"
                if rule is None and case is not None:
                    moves.append(Move(case, to))
                elif rule is not None:
                    refused.append(Refused(case_id, rule))
            self._move(connection, caller, moves, "handed_over", words, request_key)
            return Changed(tuple(each.case.case_id for each in moves), tuple(refused))

        return self._change(caller, "hand_over", request_key, (*ids, to, words, from_collector_id), Changed, act)

    def recall(
        self,
        caller: Caller,
        *,
        reason: str,
        case_ids: Sequence[str] | None = None,
        collector_id: str | None = None,
        queue: str | None = None,
        request_key: str | None = None,
    ) -> Changed:
        """A lead takes cases back from agencies into the pool: the named ones, or all of a collector or queue."""
        caller.must_lead("a recall")
        words = given_reason(reason, "a recall")
        if sum(part is not None for part in (case_ids, collector_id, queue)) == 0:
            raise Refusal(
                kind="invalid",
                rule="recall.what",
                expected="cases, a collector or a queue",
                found="none of them",
                where="a recall",
                action="Say what is to be recalled.",
            )
        ids = None if case_ids is None else distinct_ids(case_ids, "a recall")
        self._expire()

        def act(connection: sa.Connection) -> Changed:
            wait_for_merge(connection)
            where: list[sa.ColumnElement[bool]] = []
            if ids is not None:
                where.append(CASE.c.case_id == sa.any_(sa.literal(ids, sa.ARRAY(sa.Text))))
            else:
                where += [CASE.c.state == "owned", CASE.c.placement == "agency"]
            if collector_id is not None:
                where.append(CASE.c.collector_id == collector_id)
            if queue is not None:
                where.append(CASE.c.queue == queue)
            known = {case.case_id: case for case in lock_cases(connection, sa.and_(*where))}
            teams = self._teams(connection)
            moves: list[Move] = []
            refused: list[Refused] = []
            for case_id in known if ids is None else ids:
                case = known.get(case_id)
                rule = _closed(case)
                if rule is None and case is not None:
                    if case.placement != "agency":
                        rule = "recall.not_with_agency"
                    elif case.collector_id is None:
                        rule = "case.there_already"
                    elif not _covers(caller, teams.get(case.collector_id)):
                        rule = "scope.team"
                if rule is None and case is not None:
                    moves.append(Move(case, None))
                elif rule is not None:
                    refused.append(Refused(case_id, rule))
            self._move(connection, caller, moves, "recalled", words, request_key)
            return Changed(tuple(each.case.case_id for each in moves), tuple(refused))

        return self._change(caller, "recall", request_key, (ids, collector_id, queue, words), Changed, act)

    def set_absent(
        self, caller: Caller, collector_id: str, *, absent: bool, reason: str, request_key: str | None = None
    ) -> Redealt:
        """A lead reports a collector absent for today, and his cases are dealt to others; or takes that back."""
        caller.must_lead("an absence")
        words = given_reason(reason, "an absence")
        self._expire()

        def act(connection: sa.Connection) -> Redealt:
            wait_for_merge(connection)
            today = self._clock.today()
            # all collectors in one order: their limits are looked at
            roster = connection.execute(sa.select(COLLECTOR).order_by(COLLECTOR.c.collector_id).with_for_update()).all()
            collector = next((each for each in roster if each.collector_id == collector_id), None)
            if collector is None:
                raise _unknown("collector.unknown", "a collector of the roster", "an absence")
            caller.must_cover(collector.team, "an absence")
            away = read_presets(connection, today).absent
            if absent == (collector_id in away):
                return Redealt(collector_id, absent)
            presets.put_absence(connection, today, collector_id, absent, caller, self._clock.now(), words)
            acts = [Act("absent" if absent else "back", collector_id=collector_id, reason=words)]
            note(connection, caller, self._clock, request_key, acts)
            if not absent:
                return Redealt(collector_id, absent)
            cases = lock_cases(connection, sa.and_(CASE.c.state == "owned", CASE.c.collector_id == collector_id))
            present = [
                each
                for each in roster
                if each.at_work and each.as_of == today and each.collector_id not in {*away, collector_id}
            ]
            in_hand: dict[str | None, int] = {
                row.collector_id: row.cases
                for row in connection.execute(
                    sa.select(CASE.c.collector_id, sa.func.count().label("cases"))
                    .where(CASE.c.state == "owned")
                    .group_by(CASE.c.collector_id)
                )
            }
            moves = redeal(self._allocation(), cases, present, in_hand)
            self._move(connection, caller, moves, "absent", words, request_key)
            given: dict[str, int] = {}
            for each in moves:
                if each.to is not None:
                    given[each.to] = given.get(each.to, 0) + 1
            pooled = sum(each.to is None for each in moves)
            return Redealt(collector_id, absent, dict(sorted(given.items())), pooled)

        return self._change(caller, "set_absent", request_key, (collector_id, absent, words), Redealt, act)

    def set_batch(
        self, caller: Caller, queue: str, *, batch: int | None, reason: str, request_key: str | None = None
    ) -> QueuePreset:
        """A lead sets for today how many cases a grab of the queue takes; None: as the rules say."""
        caller.must_lead_all("the batch of a queue")
        words = given_reason(reason, "the batch of a queue")
        rules = self._queue_rules(queue)
        if batch is not None:
            _within(batch, 1, rules.grab_batch_max, "batch.bounds", "a batch", "the batch of a queue")

        def act(connection: sa.Connection) -> QueuePreset:
            today, now = self._clock.today(), self._clock.now()
            presets.put_batch(connection, today, queue, batch, caller, now, words)
            acts = [Act("batch_set", queue=queue, reason=words, details={"batch": batch})]
            note(connection, caller, self._clock, request_key, acts)
            holds = rules.grab_batch if batch is None else batch
            return QueuePreset(today, queue, holds, batch is not None, caller.name, now, words)

        return self._change(caller, "set_batch", request_key, (queue, batch, words), QueuePreset, act)

    def set_quota(
        self,
        caller: Caller,
        collector_id: str,
        queue: str,
        *,
        quota: int | None,
        reason: str,
        request_key: str | None = None,
    ) -> CollectorPreset:
        """A lead sets for today how many cases of a queue the split gives a collector; None: as the rules say."""
        caller.must_lead("a quota")
        words = given_reason(reason, "a quota")
        self._queue_rules(queue)
        if quota is not None:
            _within(quota, 0, _HIGHEST_QUOTA, "quota.bounds", "a quota", "a quota")

        def act(connection: sa.Connection) -> CollectorPreset:
            collector = self._collector(connection, collector_id)
            caller.must_cover(collector.team, "a quota")
            today, now = self._clock.today(), self._clock.now()
            presets.put_quota(connection, today, collector_id, queue, quota, caller, now, words)
            told = Act("quota_set", queue=queue, collector_id=collector_id, reason=words, details={"quota": quota})
            note(connection, caller, self._clock, request_key, [told])
            return CollectorPreset(today, collector_id, queue, quota, quota is not None, caller.name, now, words)

        return self._change(caller, "set_quota", request_key, (collector_id, queue, quota, words), CollectorPreset, act)

    # ---- work

    def record_result(self, caller: Caller, result: ResultIn, *, request_key: str | None = None) -> Recorded:
        """Records how a contact with an own case ended, and what was promised in it."""
        caller.must_change("a result")
        self._expire()
        contact, pack = self._contact()
        promise = result.promise and (str(result.promise.amount), result.promise.due_on)
        body = (
            result.case_id,
            result.channel,
            result.outcome,
            result.contract_id,
            result.call_id,
            result.initiated_by,
            promise,
        )

        def act(connection: sa.Connection) -> Recorded:
            wait_for_merge(connection)
            case = self._own_case(connection, caller, result.case_id, "a result")
            contract = check_result(result, case, contact, pack, self._clock)
            return write_result(connection, caller, self._clock, contact, case, contract, result, request_key)

        return self._change(caller, "record_result", request_key, body, Recorded, act)

    def reserve_call(self, caller: Caller, case_id: str, *, request_key: str | None = None) -> Call:
        """Reserves a call by hand on an own case under the day's limits; Refusal with the rule that forbids it."""
        caller.must_change("a call")
        self._expire()
        contact, pack = self._contact()
        gate = Gate(contact, pack, self._settings.zone, self._clock.now())

        def act(connection: sa.Connection) -> Call:
            wait_for_merge(connection)
            case = self._own_case(connection, caller, case_id, "a call")
            addressee = self._gate.addressee(case.customer_id, contact, pack)
            call = reserve(connection, case, addressee, gate)
            about = {"case_id": case_id, "queue": case.queue, "collector_id": case.collector_id}
            acts = [Act("call", **about, details={"number": call.number_today, "call_id": call.call_id})]
            mark_worked(connection, case, self._clock)
            if case.lease_until is not None:
                acts.append(Act("worked", **about))
            note(connection, caller, self._clock, request_key, acts)
            return call

        return self._change(caller, "reserve_call", request_key, (case_id,), Call, act)

    # ---- reads

    def worklist(
        self,
        caller: Caller,
        *,
        collector_id: str | None = None,
        queue: str | None = None,
        limit: int = MOST_ROWS,
        offset: int = 0,
    ) -> Worklist:
        """A page of a collector's cases: a collector's own, or of whom a lead or viewer names."""
        who = caller.collector_id if caller.role == "collector" else collector_id
        if caller.role == "collector" and collector_id not in (None, who):
            caller.acts_for(collector_id, "a worklist")
        if not who:
            raise _unknown("collector.missing", "the collector whose worklist it is", "a worklist", kind="invalid")
        _within(limit, 1, MOST_ROWS, "page.limit", "a limit", "a worklist")
        _within(offset, 0, 10_000_000, "page.offset", "an offset", "a worklist")
        with self._warehouse.connect() as connection:
            collector = self._collector(connection, who)
            caller.must_cover(collector.team, "a worklist")
            return reading.read_worklist(connection, collector, self._clock, queue=queue, limit=limit, offset=offset)

    def pools(self, caller: Caller) -> tuple[PoolView, ...]:
        """The pools of all queues."""
        self._expire()
        with self._warehouse.connect() as connection:
            return reading.read_pools(connection, caller, self._allocation(), self._clock)

    def pool(self, caller: Caller, queue: str, *, limit: int = 50) -> PoolDetail:
        """The pool of one queue: its best cases, the day's grabs, the leases that run out next."""
        _within(limit, 1, MOST_ROWS, "page.limit", "a limit", "a pool")
        self._queue_rules(queue)
        self._expire()
        with self._warehouse.connect() as connection:
            pool = reading.read_pools(connection, caller, self._allocation(), self._clock, queue)[0]
            return reading.read_pool(connection, caller, pool, self._clock, limit)

    def allocation(self, caller: Caller, queue: str | None = None) -> AllocationView:
        """How the cases are split at this moment; a lead or viewer of some teams sees the collectors of these."""
        if queue is not None:
            self._queue_rules(queue)
        with self._warehouse.connect() as connection:
            return reading.read_allocation(connection, caller, self._allocation(), self._clock, queue)

    def audit(
        self,
        caller: Caller,
        *,
        after: int | None = None,
        limit: int = 100,
        day: date | None = None,
        case_id: str | None = None,
        collector_id: str | None = None,
        queue: str | None = None,
        action: str | None = None,
    ) -> Events:
        """What was done, newest first: a collector sees what is about him, a lead or viewer of teams what is theirs."""
        _within(limit, 1, MOST_ROWS, "page.limit", "a limit", "the audit")
        with self._warehouse.connect() as connection:
            return read_events(
                connection,
                caller,
                after=after,
                limit=limit,
                day=day,
                case_id=case_id,
                collector_id=collector_id,
                queue=queue,
                action=action,
            )

    # ---- what the clock does

    def expire(self) -> int:
        """Ends leases that are over, forgets old answers and settles calls without a result; how many leases."""
        with self._warehouse.begin() as connection:
            wait_for_merge(connection)
            expired = expire_leases(connection, self._clock)
            forget_old(connection, self._clock.today())
            end_forgotten_calls(connection, self._clock.now(), self._clock.today())
        return expired

    # ---- parts

    def _expire(self) -> None:
        now = self._clock.now()
        with self._guard:
            if self._expired_at is not None and timedelta(0) <= now - self._expired_at < _EXPIRY_EVERY:
                return
            self._expired_at = now
        with self._warehouse.begin() as connection:
            wait_for_merge(connection)
            expire_leases(connection, self._clock)

    def _change(
        self,
        caller: Caller,
        action: str,
        key: str | None,
        body: tuple[Any, ...],
        kind: type[Answer],
        act: Callable[[sa.Connection], Answer],
    ) -> Answer:
        request = Request(caller, action, key, body, self._clock.today())
        with self._warehouse.begin() as connection:
            return request.answer(connection, kind, lambda: act(connection))

    def _move(
        self,
        connection: sa.Connection,
        caller: Caller,
        moves: Sequence[Move],
        end_reason: EndReason,
        reason: str,
        key: str | None,
    ) -> None:
        move(
            connection,
            caller,
            self._clock,
            moves,
            action="redealt" if end_reason == "absent" else end_reason,
            end_reason=end_reason,
            reason=reason[:LONGEST_REASON],
            key=key,
            # who comes back may have his cases again, and so may the one whose case went to somebody by name
            exclude=end_reason != "absent" and any(each.to is None for each in moves),
        )

    def _allocation(self) -> AllocationRules:
        return self._today().load(FILE, AllocationRules)

    def _contact(self) -> tuple[ContactRules, Policy]:
        return load_contact_rules(self._today())

    def _today(self) -> RuleSet:
        today = self._clock.today()
        known = self._rules
        if known is None or known[0] != today:
            known = (today, load_rule_set(self._settings.rules, today))
            self._rules = known
        return known[1]

    def _queue_rules(self, queue: str) -> QueueRules:
        rules = self._allocation()
        if queue not in rules.queues and not self._has_cases(queue):
            raise _unknown("queue.unknown", "a queue of allocation.yaml, or one that has cases", "the queue")
        known = self._queues
        if known is None or known[0] is not rules:
            # made once for the rules of a day: a claim would spend more on it than on its checks
            known = self._queues = (rules, {})
        own = known[1].get(queue)
        if own is None:
            own = known[1][queue] = rules.queue(queue)
        return own

    def _has_cases(self, queue: str) -> bool:
        with self._warehouse.connect() as connection:
            some = sa.select(CASE.c.case_id).where(CASE.c.queue == queue, CASE.c.state != "closed").limit(1)
            return "\x00" not in queue and connection.scalar(some) is not None

    @staticmethod
    def _collector(connection: sa.Connection, collector_id: str) -> sa.Row[Any]:
        row = None
        if "\x00" not in collector_id:
            row = connection.execute(sa.select(COLLECTOR).where(COLLECTOR.c.collector_id == collector_id)).one_or_none()
        if row is None:
            raise _unknown("collector.unknown", "a collector of the roster", "the collector")
        return row

    @staticmethod
    def _teams(connection: sa.Connection) -> dict[str, str | None]:
        rows = connection.execute(sa.select(COLLECTOR.c.collector_id, COLLECTOR.c.team))
        return {row.collector_id: row.team for row in rows}

    @staticmethod
    def _in_hand(connection: sa.Connection, collector_id: str) -> int:
        select = sa.select(sa.func.count()).where(CASE.c.state == "owned", CASE.c.collector_id == collector_id)
        return connection.scalar(select) or 0

    def _own_case(self, connection: sa.Connection, caller: Caller, case_id: str, what: str) -> sa.Row[Any]:
        known = lock_named(connection, [case_id])
        rule = self._not_own(connection, caller, known, [case_id])[case_id]
        if rule is None:
            case = known[case_id]
            if case.lease_until is None or case.lease_until > self._clock.now():
                return case
            rule = "lease.expired"
        kinds: dict[str, Kind] = {"case.unknown": "not_found", "case.closed": "gone", "lease.expired": "gone"}
        raise Refusal(
            kind=kinds.get(rule, "forbidden"),
            rule=rule,
            expected="an open case in the caller's hands",
            found="another one",
            where=what,
            action="Read the worklist again.",
        )

    def _not_own(
        self, connection: sa.Connection, caller: Caller, known: Mapping[str, sa.Row[Any]], ids: Sequence[str]
    ) -> dict[str, str | None]:
        """Per case the rule that keeps the caller from acting on it as its owner, or for him; None: none does."""
        expired: frozenset[str] = frozenset()
        teams: Mapping[str, str | None] = {}
        if caller.role == "collector":
            expired = frozenset(
                connection.scalars(
                    sa.select(_EXCLUSION.c.case_id).where(
                        _EXCLUSION.c.business_day == self._clock.today(),
                        _EXCLUSION.c.collector_id == caller.collector_id,
                        _EXCLUSION.c.case_id == sa.any_(sa.literal(list(known), sa.ARRAY(sa.Text))),
                        _EXCLUSION.c.rule == "expired",
                    )
                )
            )
        elif caller.teams is not None:
            teams = self._teams(connection)
        found: dict[str, str | None] = {}
        for case_id in ids:
            case = known.get(case_id)
            rule = _closed(case)
            if rule is None and case is not None:
                if caller.role == "collector":
                    if case.collector_id != caller.collector_id:
                        rule = "lease.expired" if case_id in expired else "case.not_yours"
                elif case.collector_id is None:
                    rule = "case.in_pool"
                elif not _covers(caller, teams.get(case.collector_id)):
                    rule = "scope.team"
            found[case_id] = rule
        return found

    def _pool_left(self, connection: sa.Connection, queue: str, taken: int) -> int:
        """How many cases the pool has left. A large pool is counted every other second: counting costs a claim."""
        # a cache grows old by the machine's time, which nothing that is decided goes by
        now = time.monotonic()
        with self._guard:
            known = self._pool_sizes.get(queue)
            if known is not None and known[1] > _SMALL_POOL and now - known[0] < _STALE_SECONDS:
                left = known[1] - taken
                self._pool_sizes[queue] = (known[0], left)
                return left
        left = _POOL_SIZE.run(connection, queue=queue).scalar() or 0
        with self._guard:
            self._pool_sizes[queue] = (now, left)
        return left


def _closed(case: sa.Row[Any] | None) -> str | None:
    if case is None:
        return "case.unknown"
    return "case.closed" if case.state == "closed" else None


def _covers(caller: Caller, team: str | None) -> bool:
    return caller.teams is None or team in caller.teams


def _within(number: int, least: int, most: int, rule: str, name: str, where: str) -> None:
    if not least <= number <= most:
        raise Refusal(
            kind="invalid",
            rule=rule,
            expected=f"{name} of {least} to {most}",
            found=str(number) if abs(number) < 10**12 else "a huge number",
            where=where,
            action="Ask within the limit.",
        )


def _unknown(rule: str, expected: str, where: str, kind: Kind = "not_found") -> Refusal:
    return Refusal(
        kind=kind, rule=rule, expected=expected, found="none of this name", where=where, action="Check the name."
    )
