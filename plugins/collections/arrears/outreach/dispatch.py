"""Sends what may go over one channel: takes tasks in batches, sends them, writes down how each ended."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from arrears.errors import ChannelError
from arrears.outreach import breaker, outbox, partners
from arrears.outreach.addressees import Addressees, compose
from arrears.outreach.channels.address import AddressResolver
from arrears.outreach.channels.base import Channel, Message, SendResult
from arrears.outreach.channels.names import LIST_CHANNELS, ChannelName
from arrears.outreach.channels.opening import OUTBOX_FOLDER, Opening
from arrears.outreach.documents import write_documents
from arrears.outreach.gate import Gate
from arrears.outreach.repossession import blocked_hand_overs
from arrears.outreach.rules import ContactRules, load_contact_rules
from arrears.outreach.states import DOUBTFUL_REASONS, SENDABLE, State
from arrears.outreach.templates import Templates, load_templates
from arrears.outreach.vehicle_steps import record_hand_overs
from arrears.outreach.vehicles import FILE, VehicleRules
from arrears.outreach.workers import live_worker
from arrears.rules.policy import Policy
from arrears.run import Run
from arrears.warehouse.ops_contacts import ContactTask

log = logging.getLogger(__name__)

_FIRST_BATCH = 8
_LONGEST_WAIT_SECONDS = 1.0
_RECORD_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to write down what was sent, while the warehouse is away."""
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]


@dataclass
class PushCounts:
    """What one push of a channel did."""

    channel: str
    ended: Counter[State] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    left_behind: int = 0
    waiting: int = 0
    stopped: str | None = None
    """Why it ended before all was looked at: `breaker` or `day.over`; None when it did not."""

    def figures(self) -> dict[str, Any]:
        """For the step's result."""
        figures: dict[str, Any] = {
            "channel": self.channel,
            "sent": self.ended[State.SENT],
            "failed": self.ended[State.FAILED],
            "unknown": self.ended[State.UNKNOWN],
            "dead": self.ended[State.DEAD],
            "waiting": self.waiting,
            "left_behind": self.left_behind,
        }
        return figures if self.stopped is None else {**figures, "stopped": self.stopped}

    def raise_for_failures(self) -> None:
        """ChannelError when anything failed or the channel rests; nothing is lost, what is left may be tried again."""
        rests = self.stopped == "breaker" and self.waiting > 0
        if not self.ended[State.FAILED] and not rests:
            return
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(self.reasons.items()))
        found = f"{self.ended[State.FAILED]} failed ({reasons})" if reasons else "a provider that took nothing lately"
        raise ChannelError(
            expected=f"the provider of {self.channel} to take what is due",
            found=f"{found}, {self.ended[State.SENT]} sent, {self.waiting} still to go",
            where=f"channel {self.channel}",
            action="Mend the provider or the connection, then clear this step: what was sent does not go again.",
        )


class Dispatcher:
    """The push of one run: rules, templates and addressees are read once, when they are needed."""

    def __init__(self, run: Run, resolver: AddressResolver, pause: Callable[[float], None] = time.sleep) -> None:
        self._run = run
        self._contact, self._pack = load_contact_rules(run.rules)
        self._opening = Opening(run, self._contact, resolver)
        self._pause = pause
        self._templates: Templates | None = None
        self._addressees: Addressees | None = None

    @property
    def contact(self) -> ContactRules:
        """The rules of contact of the run's day."""
        return self._contact

    @property
    def pack(self) -> Policy:
        """The policy packs of the run's day."""
        return self._pack

    @property
    def opening(self) -> Opening:
        """Opens the channels of the run's day."""
        return self._opening

    def push(self, channel: ChannelName, *, retry_now: bool, needs_approval: bool | None = None) -> PushCounts:
        """Sends what is due over `channel`.

        `retry_now` tries failed tasks whose wait is not over as well, and a provider that is left alone: a person asks
        for it. `needs_approval` restricts the push to tasks that do, or do not, need one. ChannelError when the
        channel has no address; failures of the provider are in the counts.
        """
        run, now = self._run, self._run.clock.now()
        day = run.day.as_of
        counts = PushCounts(channel)
        with run.warehouse.begin() as connection:
            counts.left_behind = outbox.settle_left_behind(
                connection, now, day, channel=channel, repeats=self._opening.repeats(channel)
            )
        asked_for = sa.true() if needs_approval is None else _TASK.c.needs_approval.is_(needs_approval)
        if self._count(sa.and_(outbox.is_due(channel, day, now, retry_now=retry_now), asked_for)):
            adapter = self._opening.open(channel)
            try:
                with live_worker(run.warehouse, channel, now) as worker:
                    self._push_all(adapter, channel, asked_for, worker, counts, retry_now=retry_now)
            finally:
                adapter.close()
        counts.waiting = self._count(
            sa.and_(
                asked_for,
                _TASK.c.business_day == day,
                _TASK.c.channel == channel,
                _TASK.c.state.in_([state.value for state in SENDABLE]),
            )
        )
        return counts

    def _push_all(
        self,
        adapter: Channel,
        channel: ChannelName,
        asked_for: sa.ColumnElement[bool],
        worker: int,
        counts: PushCounts,
        *,
        retry_now: bool,
    ) -> None:
        rule = self._contact.channels[channel]
        addressees = self._addressees_now()
        after: outbox.Place | None = None
        size = min(_FIRST_BATCH, adapter.largest_batch)
        asked_by_person = retry_now
        while True:
            now = self._run.clock.now()
            if now.date() != self._run.day.as_of:
                # the clock passed midnight, or jumped: a day's contacts end with it
                counts.stopped = "day.over"
                return
            gate = Gate(self._contact, self._pack, self._run.settings.zone, now)
            due = sa.and_(outbox.is_due(channel, self._run.day.as_of, now, retry_now=retry_now), asked_for)
            with self._run.warehouse.begin() as connection:
                before, at = breaker.lock_standing(connection, channel, now)
                standing, permit = breaker.admitted(
                    before,
                    wanted=size,
                    worker=worker,
                    at=at,
                    breaker=rule.breaker,
                    rate=rule.rate,
                    asked_by_person=asked_by_person,
                )
                taken = outbox.Taken((), None)
                if permit.messages:
                    taken = outbox.take(
                        connection,
                        gate,
                        addressees,
                        due=due,
                        worker=worker,
                        after=after,
                        limit=permit.messages,
                        forbids=self._forbids,
                    )
                    standing = breaker.spent(standing, len(taken.tasks))
                    if permit.is_probe and not taken.tasks:
                        # nothing could be tried, so nothing was learned
                        standing = before
                breaker.write_standing(connection, channel, before, standing, now)
            if not permit.messages:
                if permit.wait_seconds is None:
                    counts.stopped = "breaker"
                    log.warning("channel %s rests: its provider took nothing lately", channel)
                    return
                self._pause(min(permit.wait_seconds, _LONGEST_WAIT_SECONDS))
                continue
            if taken.last is None:
                return
            after = taken.last
            if taken.tasks:
                asked_by_person = False
                counts.ended += self._send(adapter, channel, addressees, taken.tasks, counts)
                size = min(size * 2, adapter.largest_batch)

    def _send(
        self,
        adapter: Channel,
        channel: ChannelName,
        addressees: Addressees,
        tasks: Sequence[outbox.Task],
        counts: PushCounts,
    ) -> Counter[State]:
        templates = self._templates_now()
        known = addressees.of({task["customer_id"] for task in tasks})
        results = self._asked(adapter, tasks)
        settled = {result.key for result in results}
        messages: list[Message] = []
        unreachable: list[outbox.Task] = []
        for task in tasks:
            if task["task_key"] in settled:
                continue
            addressee = known[task["customer_id"]]
            message = compose(task, addressee, self._contact, templates) if addressee else None
            if message is None:
                unreachable.append(task)
            else:
                messages.append(message)
        results += self._hand_over(adapter, channel, tasks, messages)
        counts.reasons.update(result.reason or "unknown" for result in results if result.state == State.FAILED)
        treatments = {each.customer_id: each.facts["treatment"] for each in known.values() if each is not None}
        return self._record(adapter, channel, tasks, results, unreachable, treatments)

    def _hand_over(
        self, adapter: Channel, channel: ChannelName, tasks: Sequence[outbox.Task], messages: Sequence[Message]
    ) -> list[SendResult]:
        """Sends the messages; the documents that go with them are there before."""
        if not messages:
            return []
        keys = {message.key for message in messages}
        try:
            documents = [task for task in tasks if task["task_key"] in keys]
            write_documents(self._run, self._contact, channel, documents, self._run.settings.home / OUTBOX_FOLDER)
        except OSError as error:
            reason = f"document.{error.errno or 'error'}"
            return [SendResult(message.key, State.FAILED, reason=reason) for message in messages]
        return adapter.send(messages)

    def _forbids(self, connection: sa.Connection, tasks: Sequence[outbox.Task]) -> Mapping[str, str]:
        """The repossessions among `tasks` that their own gate blocks now."""
        return blocked_hand_overs(connection, self._run, tasks, self._contact.live_promise)

    def _take_vehicle_steps(
        self,
        connection: sa.Connection,
        tasks: Sequence[outbox.Task],
        results: Sequence[SendResult],
        treatments: Mapping[str, str],
        now: datetime,
    ) -> None:
        """Records the steps that hand-overs take, for those that went."""
        went = {result.key for result in results if result.state == State.SENT}
        handed = [(task, treatments.get(task["customer_id"], "")) for task in tasks if task["task_key"] in went]
        record_hand_overs(connection, handed, now, self._run.day.as_of, self._run.rules.load(FILE, VehicleRules))

    def _asked(self, adapter: Channel, tasks: Sequence[outbox.Task]) -> list[SendResult]:
        """What a provider that can be asked says of tasks that may have gone; nothing of those that it never took.

        One that can neither be asked nor drops repeats, as when the rules name another one by now, gets none of them.
        """
        doubtful = [task["task_key"] for task in tasks if task["state_reason"] in DOUBTFUL_REASONS]
        if adapter.repeats == "neither":
            reasons = {task["task_key"]: task["state_reason"] for task in tasks}
            return [SendResult(key, State.UNKNOWN, reason=reasons[key], tries=0) for key in doubtful]
        if adapter.repeats != "can_be_asked" or not doubtful:
            return []
        try:
            found: Mapping[str, str] = adapter.ask(doubtful)
        except ChannelError as error:
            log.warning("channel %s cannot be asked: %s", adapter.name, error.found)
            return [SendResult(key, State.FAILED, reason="ask.no_answer") for key in doubtful]
        return [SendResult(key, State.SENT, provider_id=found[key], tries=0) for key in doubtful if key in found]

    def _record(
        self,
        adapter: Channel,
        channel: ChannelName,
        tasks: Sequence[outbox.Task],
        results: Sequence[SendResult],
        unreachable: Sequence[outbox.Task],
        treatments: Mapping[str, str],
    ) -> Counter[State]:
        """Writes down how a batch ended; waits some seconds for a warehouse that is away: what was sent was sent."""
        took = sum(result.state in {State.SENT, State.DEAD} for result in results)
        failed = sum(result.state in {State.FAILED, State.UNKNOWN} and result.tries > 0 for result in results)
        for wait in (*_RECORD_WAITS, None):
            now = self._run.clock.now()
            try:
                with self._run.warehouse.begin() as connection:
                    ended = outbox.record(connection, tasks, results, now, self._contact.retry)
                    if unreachable:
                        outbox.kill_without_address(connection, unreachable, now)
                    if channel in LIST_CHANNELS:
                        self._take_vehicle_steps(connection, tasks, results, treatments, now)
                    partners.note_files(connection, adapter, self._run.day.as_of, now)
                    if took or failed:
                        rule = self._contact.channels[channel].breaker
                        breaker.learn(connection, channel, took=took, failed=failed, breaker=rule, now=now)
            except OperationalError:
                if wait is None:
                    raise
                log.warning("channel %s: the warehouse is away, its last batch is written down later", channel)
                self._pause(wait)
            else:
                ended[State.DEAD] += len(unreachable)
                return +ended
        raise AssertionError("unreachable")

    def _count(self, condition: sa.ColumnElement[bool]) -> int:
        with self._run.warehouse.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).where(condition)).scalar_one())

    def _addressees_now(self) -> Addressees:
        if self._addressees is None:
            self._addressees = Addressees(self._run, self._contact, self._pack)
        return self._addressees

    def _templates_now(self) -> Templates:
        if self._templates is None:
            self._templates = load_templates(self._run.rules, self._contact)
        return self._templates
