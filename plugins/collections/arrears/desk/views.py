"""What the desk takes and gives: frozen records. Money is Decimal, instants are aware, texts come as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from arrears.allocation.shares import SplitShare


@dataclass(frozen=True)
class WorkItem:
    """A case in somebody's hands, as he needs it to work; no name, no address."""

    case_id: str
    customer_id: str
    queue: str
    state: Literal["owned", "pool", "closed"]
    collector_id: str | None
    source: str | None
    """How the owner came by it: auto, grab, manual or recall."""
    owned_from: datetime | None
    lease_until: datetime | None
    """Until when something must be done, or it goes back to the pool; None: no lease (any more)."""
    lease_renewals: int
    """How often the lease was renewed."""
    priority: int
    work_order: int
    """Place in the queue, 1 first."""
    treatment: str
    segment: str
    placement: str
    intensity: int
    region: str | None
    contracts: int
    contract_ids: tuple[str, ...]
    lead_contract_id: str
    overdue_amount: Decimal
    outstanding_amount: Decimal
    days_past_due: int
    bucket: str
    opened_on: date
    last_result: str | None = None
    """Outcome of the last result recorded on the case; None: none yet."""
    last_result_at: datetime | None = None
    calls_today: int = 0
    """Manual calls reserved on the case today."""
    promise_due_on: date | None = None
    """Due day of the latest live promise recorded here; None: none."""
    promise_amount: Decimal | None = None


@dataclass(frozen=True)
class Grabbed:
    """What one grab gave."""

    cases: tuple[WorkItem, ...]
    lease_until: datetime | None
    asked: int
    """The batch: as asked for, or the queue's."""
    left_today: int | None
    """Cases of the queue that the collector may still grab today; None: no limit."""
    left_open: int | None
    """Room that he still has in his hands; None: no limit."""
    pool_left: int
    """Cases left in the queue's pool, at most some seconds old."""


class Refused(NamedTuple):
    """A case to which a change was not done, and why."""

    case_id: str
    rule: str


@dataclass(frozen=True)
class Changed:
    """What came of a change to several cases: each is either done or refused."""

    done: tuple[str, ...]
    refused: tuple[Refused, ...] = ()
    lease_until: datetime | None = None
    """The new end of the leases, where the change was a renewal: the earliest, if they are of several queues."""


@dataclass(frozen=True)
class Redealt:
    """What came of an absence, or of its end."""

    collector_id: str
    absent: bool
    given: Mapping[str, int] = field(default_factory=dict)
    """Cases given to others, by collector."""
    pooled: int = 0
    """Cases that went to the pool."""


@dataclass(frozen=True)
class QueuePreset:
    """What is set for a queue on one day."""

    business_day: date
    queue: str
    grab_batch: int
    """The batch that holds now."""
    by_hand: bool
    """Whether it was set by hand for this day; else it is the rules'."""
    set_by: str | None = None
    set_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class CollectorPreset:
    """The quota that is set for a collector in a queue on one day."""

    business_day: date
    collector_id: str
    queue: str
    quota: int | None
    """None: not set by hand."""
    by_hand: bool
    set_by: str | None = None
    set_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class PromiseIn:
    """A promise to pay, as a collector heard it."""

    amount: Decimal
    due_on: date


@dataclass(frozen=True)
class ResultIn:
    """How a contact ended. No free text: it might be personal."""

    case_id: str
    channel: str
    outcome: str
    contract_id: str | None = None
    """Which contract of the case; None: the harshest."""
    call_id: str | None = None
    """The reserved call that it settles; None: the one that the owner has reserved, if the result is of a call."""
    promise: PromiseIn | None = None
    initiated_by: Literal["lender", "customer"] = "lender"


@dataclass(frozen=True)
class Recorded:
    """A result that was written down."""

    result_id: str
    case_id: str
    recorded_at: datetime
    promise_id: str | None = None
    call_id: str | None = None


@dataclass(frozen=True)
class Call:
    """A reserved call: it counts from now on, whether it is made or not, until its result settles it."""

    call_id: str
    case_id: str
    reserved_at: datetime
    number_today: int
    """The how manieth manual call of the customer today."""
    warnings: tuple[str, ...] = ()
    """Rules that advise against further tries without forbidding them."""


@dataclass(frozen=True)
class Worklist:
    """The cases of a collector, best first."""

    collector_id: str
    as_of: datetime
    cases: tuple[WorkItem, ...]
    """Ordered by queue, then place in the queue."""
    total: int
    """Cases in his hands altogether: `cases` may be one page of them."""
    capacity: int | None
    at_work: bool
    """Whether the roster has him at work today, an absence by hand included."""


@dataclass(frozen=True)
class PoolView:
    """The pool of one queue."""

    queue: str
    cases: int
    overdue_amount: Decimal
    oldest_opened_at: datetime | None
    """Since when the case lies there that lies there longest; None: the pool is empty."""
    batch: int
    """Cases that one grab takes today."""
    batch_max: int
    """Cases that one grab may ask for."""
    batch_by_hand: bool
    """Whether the batch was set by hand for today."""
    lease_minutes: int | None
    lease_renewals: int
    grabs_per_day: int | None
    open_cases: int | None
    give_back_reasons: tuple[str, ...]
    leased: int
    """Grabbed cases whose lease runs."""
    may_grab: bool
    """Whether the caller may grab from it at all: a collector at work who is trained for it, or a lead."""


@dataclass(frozen=True)
class Event:
    """One line of the audit."""

    event_id: int
    at: datetime
    business_day: date
    actor: str
    via: str
    action: str
    case_id: str | None
    queue: str | None
    collector_id: str | None
    """Who had the case before, or whom it is about."""
    to_collector_id: str | None
    rule: str | None
    reason: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Events:
    """A page of the audit, newest first."""

    events: tuple[Event, ...]
    next_after: int | None
    """Ask for the events that come after this one in the list to read on; None: there are no more."""


@dataclass(frozen=True)
class Grab:
    """One grab of the day."""

    at: datetime
    collector_id: str
    actor: str
    cases: int
    overdue_amount: Decimal


@dataclass(frozen=True)
class PoolDetail:
    """The pool of one queue with what happens around it."""

    pool: PoolView
    open: tuple[WorkItem, ...]
    """The best cases that lie there, up to the number asked for."""
    grabs: tuple[Grab, ...]
    """The last grabs of today, newest first."""
    expiring: tuple[WorkItem, ...]
    """Leased cases, the one that expires next first."""


@dataclass(frozen=True)
class Spread:
    """How even a figure is between collectors."""

    least: Decimal
    most: Decimal
    mean: Decimal

    @property
    def share(self) -> Decimal | None:
        """The spread, most less least, as a share of the mean; None when the mean is zero."""
        return (self.most - self.least) / self.mean if self.mean else None


@dataclass(frozen=True)
class SplitSpread:
    """How far collectors are apart in one measure: highest less lowest, before the day's split and after it."""

    measure: str
    """cases, overdue_amount, expected_recovery, difficulty (points a case) or exposure (cases off the queue's mix)."""
    before: Decimal | None
    """With what they had when the day began."""
    after: Decimal | None
    """With what the split gave them."""


@dataclass(frozen=True)
class CollectorShare:
    """What one collector has of a queue now."""

    collector_id: str
    team: str | None
    cases: int
    overdue_amount: Decimal
    auto: int
    """Of them given by the day's split."""
    grabbed: int
    by_hand: int
    """Of them given or recalled by a lead."""
    leased: int
    grabbed_today: int
    total_cases: int
    """Cases in his hands over all queues."""
    capacity: int | None
    quota: int | None
    """Daily quota that holds in this queue today."""
    quota_by_hand: bool
    at_work: bool
    absent_by_hand: bool
    trained: bool
    """Whether he is trained for the queue."""
    fewer_because: tuple[str, ...]
    """Why he has fewer than the mean: not_trained, absent, or the rules that limited him in the day's split
    (absent_at_split for one who came later), moved_since when cases left him after it, others_since when others got
    more after it; empty when he has no fewer, or before the split."""
    split: SplitShare | None = None
    """What the day's split gave him; None: it has not run, or he is not trained for the queue."""


@dataclass(frozen=True)
class QueueShare:
    """How a queue is split now."""

    queue: str
    cases: int
    owned: int
    pool: int
    overdue_amount: Decimal
    pool_amount: Decimal
    batch: int
    batch_by_hand: bool
    collectors: tuple[CollectorShare, ...]
    count_spread: Spread
    """Cases per collector who is at work and trained for the queue, now."""
    amount_spread: Spread
    fairness: tuple[SplitSpread, ...] = ()
    """How even the day's split was, as `allocate_cases` recorded it; empty when it has not run."""
    with_agency: int = 0
    """Cases that agencies have: they can be recalled."""


@dataclass(frozen=True)
class AllocationView:
    """How the cases are split at this moment."""

    business_day: date
    as_of: datetime
    queues: tuple[QueueShare, ...]
