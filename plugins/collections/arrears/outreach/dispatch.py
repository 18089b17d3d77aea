"""Sends what may go over one channel: takes tasks in batches, sends them, writes down how each ended."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from arrears.errors import ChannelError
from arrears.outreach import outbox
from arrears.outreach.addressees import Addressees, compose
from arrears.outreach.channels.address import AddressResolver
from arrears.outreach.channels.base import Channel, Message
from arrears.outreach.channels.names import ChannelName
from arrears.outreach.channels.opening import drops_repeats, open_channel
from arrears.outreach.gate import Gate
from arrears.outreach.rules import ContactRules, load_contact_rules
from arrears.outreach.states import SENDABLE, State
from arrears.outreach.templates import Templates, load_templates
from arrears.rules.policy import PolicyPack
from arrears.run import Run
from arrears.warehouse.ops_contacts import ContactTask

log = logging.getLogger(__name__)

OUTBOX_FOLDER = "outbox"
"""Folder below the settings' home in which lists are handed over."""
_FIRST_BATCH = 8
_FAILURES_THAT_STOP = 8
_TASK: sa.Table = ContactTask.__table__  # type: ignore[assignment]


@dataclass
class PushCounts:
    """What one push of a channel did."""

    channel: str
    ended: Counter[State] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    left_behind: int = 0
    waiting: int = 0
    stopped: bool = False

    def figures(self) -> dict[str, Any]:
        """For the step's result."""
        return {
            "channel": self.channel,
            "sent": self.ended[State.SENT],
            "failed": self.ended[State.FAILED],
            "unknown": self.ended[State.UNKNOWN],
            "dead": self.ended[State.DEAD],
            "waiting": self.waiting,
            "left_behind": self.left_behind,
        }

    def raise_for_failures(self) -> None:
        """ChannelError when anything failed; nothing is lost, what failed may be tried again."""
        if not self.ended[State.FAILED]:
            return
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(self.reasons.items()))
        raise ChannelError(
            expected=f"the provider of {self.channel} to take what is due",
            found=f"{self.ended[State.FAILED]} failed ({reasons}), {self.ended[State.SENT]} sent, "
            f"{self.waiting} still to go",
            where=f"channel {self.channel}",
            action="Mend the provider or the connection, then clear this step: what was sent does not go again.",
        )


class Dispatcher:
    """The push of one run: rules, templates and addressees are read once, when they are needed."""

    def __init__(self, run: Run, resolver: AddressResolver) -> None:
        self._run = run
        self._resolver = resolver
        self._contact, self._pack = load_contact_rules(run.rules)
        self._templates: Templates | None = None
        self._addressees: Addressees | None = None

    @property
    def contact(self) -> ContactRules:
        """The rules of contact of the run's day."""
        return self._contact

    @property
    def pack(self) -> PolicyPack:
        """The policy pack of the run's day."""
        return self._pack

    def push(self, channel: ChannelName, *, retry_now: bool, needs_approval: bool | None = None) -> PushCounts:
        """Sends what is due over `channel`. `retry_now` tries failed tasks whose wait is not over as well.

        `needs_approval` restricts it to tasks that do, or do not, need one. ChannelError when the channel has no
        address; failures of the provider are in the counts.
        """
        run, now = self._run, self._run.clock.now()
        day = run.day.as_of
        counts = PushCounts(channel)
        with run.warehouse.begin() as connection:
            counts.left_behind = outbox.settle_left_behind(
                connection, now, day, channel=channel, repeats_dropped=drops_repeats(channel)
            )
        asked_for = sa.true() if needs_approval is None else _TASK.c.needs_approval.is_(needs_approval)
        due = sa.and_(outbox.is_due(channel, day, now, retry_now=retry_now), asked_for)
        if self._count(due):
            adapter = open_channel(
                channel,
                resolver=self._resolver,
                outbox=run.settings.home / OUTBOX_FOLDER,
                day=run.day.key,
                tries=self._contact.retry.tries,
            )
            try:
                with outbox.live_worker(run.warehouse) as worker:
                    self._push_all(adapter, due, worker, counts)
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

    def _push_all(self, adapter: Channel, due: sa.ColumnElement[bool], worker: int, counts: PushCounts) -> None:
        addressees = self._addressees_now()
        after: outbox.Place | None = None
        failures = 0
        size = min(_FIRST_BATCH, adapter.largest_batch)
        while True:
            gate = Gate(self._contact, self._pack, self._run.settings.zone, self._run.clock.now())
            with self._run.warehouse.begin() as connection:
                taken = outbox.take(connection, gate, addressees, due=due, worker=worker, after=after, limit=size)
            if taken.last is None:
                return
            after = taken.last
            if taken.tasks:
                ended = self._send(adapter, addressees, taken.tasks, counts)
                counts.ended += ended
                went = ended[State.SENT] + ended[State.UNKNOWN]
                failures = 0 if went else failures + ended[State.FAILED]
                if failures >= _FAILURES_THAT_STOP:
                    # the rest stays as it is, and is not spent on a provider that is down
                    counts.stopped = True
                    log.warning("channel %s takes nothing; stopped after %d failures in a row", adapter.name, failures)
                    return
            size = min(size * 2, adapter.largest_batch)

    def _send(
        self, adapter: Channel, addressees: Addressees, tasks: Sequence[outbox.Task], counts: PushCounts
    ) -> Counter[State]:
        templates = self._templates_now()
        known = addressees.of({task["customer_id"] for task in tasks})
        messages: list[Message] = []
        unreachable: list[outbox.Task] = []
        for task in tasks:
            addressee = known[task["customer_id"]]
            message = compose(task, addressee, self._contact, templates) if addressee else None
            if message is None:
                unreachable.append(task)
            else:
                messages.append(message)
        results = adapter.send(messages) if messages else []
        counts.reasons.update(result.reason or "unknown" for result in results if result.state == State.FAILED)
        now = self._run.clock.now()
        with self._run.warehouse.begin() as connection:
            ended = outbox.record(connection, tasks, results, now, self._contact.retry)
            if unreachable:
                outbox.kill_without_address(connection, unreachable, now)
                ended[State.DEAD] += len(unreachable)
        return ended

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
