"""The split: from who is at work and what is to be given to the collector of every case, or the pool and why.

The order of things, per queue, queues in the order of the rules:

1. Who had a case in the morning keeps it, unless a hard rule or a hand-over rule says that it goes back. What people
   took by hand and what is promised stays; the rest stays within his quota; all of it within his capacity.
2. The numbers: the queue's steps one after the other (quota, then even, …), each as even as the hard rules allow
   (`levelling`). Where the rules let kept cases give way to even numbers, some do.
3. Which cases: the most urgent that fit (`levelling.best_cases`), dealt so that nobody has the first choice always.
4. Exchanges that keep all numbers: conflicts and old owners away from whom they must not go to, then the preferences in
   the rules' order, then amounts.

Quotas and capacities bind over all queues of a collector. `daily_quota` limits the cases that the allocation gives him
for the day, those that he keeps from before among them; what he grabbed or was handed by a person comes on top.
`capacity` limits all cases in hand.

All inputs are arrays in an order that follows from their content alone, so the same input gives the same split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from arrears.allocation.balance import COARSE, Base, balance
from arrears.allocation.dealing import Forbidden, Table, Whole, deal, exchange_away
from arrears.allocation.levelling import Counts, Flags, Seats, best_cases, contested, level_kinds
from arrears.allocation.rules import QueueRules

NO_LIMIT: int = np.iinfo(np.int64).max // 8
"""Stands for a quota or a capacity that there is not."""
NOBODY = -1

KEPT, AUTO, POOL = 0, 1, 2
SOURCES = ("kept", "auto", "pool")
"""Where a case is, by number."""

REASONS = (
    "owner_of_the_morning",
    "split",
    "nobody_present",
    "no_collector_for_region",
    "no_collector_for_language",
    "no_collector_senior_enough",
    "everybody_excluded",
    "limits_reached",
    "remainder",
    "reserve",
)
"""Why a case is where it is, by number; `split` stands for the name of the queue's mode."""
(
    OWNER_OF_THE_MORNING,
    SPLIT,
    NOBODY_PRESENT,
    NO_COLLECTOR_FOR_REGION,
    NO_COLLECTOR_FOR_LANGUAGE,
    NO_COLLECTOR_SENIOR_ENOUGH,
    EVERYBODY_EXCLUDED,
    LIMITS_REACHED,
    REMAINDER,
    RESERVE,
) = range(len(REASONS))

RELEASES = (
    None,
    "queue_changed",
    "bucket_changed",
    "term_over",
    "no_result",
    "kept_long_enough",
    "owner_away",
    "not_allowed",
    "over_capacity",
    "over_quota",
    "levelled",
)
"""Why a case of the morning went back, by number; 0: it did not."""
(
    STAYS,
    QUEUE_CHANGED,
    BUCKET_CHANGED,
    TERM_OVER,
    NO_RESULT,
    KEPT_LONG_ENOUGH,
    OWNER_AWAY,
    NOT_ALLOWED,
    OVER_CAPACITY,
    OVER_QUOTA,
    LEVELLED,
) = range(len(RELEASES))


@dataclass(frozen=True)
class Staff:
    """The collectors, sorted by id; one entry (or column) each."""

    ids: npt.NDArray[np.object_]
    trained: Flags
    """[queue, collector]: at work today and allowed to work the queue."""
    regions: Flags
    """[region, collector]: works it. Whose regions are not known works all; the last row is that of no region."""
    languages: Flags
    """[language, collector]: speaks it. Whose languages are not known speaks all; the last row: no language."""
    seniority: Counts
    daily_quota: Counts
    capacity: Counts
    queue_quota: Counts
    """[queue, collector]: cases of the queue that he is given today, set by hand, in place of the daily quota."""


@dataclass(frozen=True)
class Cases:
    """The cases, sorted by queue and order of work; one entry each. -1: not known, or nobody."""

    queue: Whole
    order: Whole
    region: Whole
    language: Whole
    seniority: Whole
    """What its collector must have at least; 0: anybody may have it."""
    cents: Whole
    expected: Whole
    """What is expected to be recovered of it, in cents."""
    difficulty: Whole
    """Points; higher is harder."""
    group: Whole
    """Cases of the same bucket and score band have the same number."""
    owner: Whole
    """Who had it in the morning."""
    by_hand: Flags
    pinned: Flags
    """Whether it stays with its owner even where numbers are levelled: promised, or taken by hand."""
    release: Whole
    """The hand-over rule by which it goes back, of `RELEASES`."""
    excluded: Forbidden
    """Pairs that must not be."""
    former: Forbidden
    """Pairs that should not be: who had the case before."""

    def __len__(self) -> int:
        return len(self.queue)


@dataclass(frozen=True)
class Split:
    """Who gets each case; one entry per case."""

    owner: Whole
    source: Whole
    reason: Whole
    release: Whole
    kinds: Mapping[int, Flags]
    """Per queue `may[kind, collector of the roster]`, and in `kind_of` the kind of each case of the queue."""
    kind_of: Whole
    full: Flags
    """[queue, collector]: has no room for another case of the queue, for his quota or capacity."""


def split_cases(rules: Sequence[QueueRules], cases: Cases, staff: Staff) -> Split:
    """The split of all queues; `rules` in the order in which they are served, which is the numbering of queues."""
    return _Splitter(rules, cases, staff).run()


def allowed(cases: Cases, staff: Staff, case: Whole, collector: Whole) -> Flags:
    """Whether the hard rules but quota and capacity let collectors have cases; entry by entry."""
    flags: Flags = (
        staff.trained[cases.queue[case], collector]
        & staff.regions[cases.region[case], collector]
        & staff.languages[cases.language[case], collector]
        & (staff.seniority[collector] >= cases.seniority[case])
        & ~cases.excluded.has(case, collector)
    )
    return flags


class _Splitter:
    def __init__(self, rules: Sequence[QueueRules], cases: Cases, staff: Staff) -> None:
        self._rules = rules
        self._cases = cases
        self._staff = staff
        self._owner = np.full(len(cases), NOBODY, dtype=np.int64)
        self._source = np.full(len(cases), POOL, dtype=np.int64)
        self._reason = np.full(len(cases), REMAINDER, dtype=np.int64)
        self._release = cases.release.copy()
        self._kind = np.zeros(len(cases), dtype=np.int64)
        self._kinds: dict[int, Flags] = {}
        people = len(staff.ids)
        self._held = np.zeros(people, dtype=np.int64)
        """Cases in hand, over all queues."""
        self._given = np.zeros(people, dtype=np.int64)
        """Of these the ones that the allocation gave."""
        self._full = np.zeros((len(rules), people), dtype=np.bool_)

    def run(self) -> Split:
        self._keep()
        bounds = np.searchsorted(self._cases.queue, np.arange(len(self._rules) + 1))
        for queue, rule in enumerate(self._rules):
            mine = np.arange(bounds[queue], bounds[queue + 1])
            if len(mine):
                _Queue(self, queue, rule, mine).split()
        return Split(self._owner, self._source, self._reason, self._release, self._kinds, self._kind, self._full)

    def _keep(self) -> None:
        cases, staff = self._cases, self._staff
        owned = np.flatnonzero(cases.owner >= 0)
        at_work = staff.trained[cases.queue[owned], cases.owner[owned]]
        self._why(owned[~at_work], OWNER_AWAY)
        self._why(owned[~allowed(cases, staff, owned, cases.owner[owned])], NOT_ALLOWED)
        stay = owned[self._release[owned] == STAYS]
        owner, by_hand = cases.owner[stay], cases.by_hand[stay]
        over_quota = ~by_hand & (_place(owner, ~by_hand, cases.pinned[stay]) >= staff.daily_quota[owner])
        # what is over the quota goes back before the capacity is looked at, and never for what a person took
        kept = stay[~over_quota]
        self._why(stay[over_quota], OVER_QUOTA)
        owner = cases.owner[kept]
        over = _place(owner, np.ones(len(kept), dtype=np.bool_), cases.pinned[kept], cases.by_hand[kept])
        over_capacity = over >= staff.capacity[owner]
        self._why(kept[over_capacity], OVER_CAPACITY)
        kept = kept[~over_capacity]
        self._owner[kept] = cases.owner[kept]
        self._source[kept] = KEPT
        self._reason[kept] = OWNER_OF_THE_MORNING
        people = len(staff.ids)
        self._held += np.bincount(cases.owner[kept], minlength=people)
        self._given += np.bincount(cases.owner[kept[~cases.by_hand[kept]]], minlength=people)

    def _why(self, case: Whole, release: int) -> None:
        # the first reason stands
        fresh = case[self._release[case] == STAYS]
        self._release[fresh] = release


def _place(owner: Whole, counted: Flags, *first: Flags) -> Whole:
    """Place of each case among the counted ones of its owner, from 0: those flagged in `first` before the others."""
    index = np.arange(len(owner))
    order = np.lexsort((index, *[~flag for flag in first], ~counted, owner))
    sorted_owner = owner[order]
    starts = np.searchsorted(sorted_owner, sorted_owner, side="left")
    place = np.empty(len(owner), dtype=np.int64)
    place[order] = index - starts
    return place


class _Queue:
    """One queue: its cases (`mine`, in the order of work) and its collectors (`people`, by id)."""

    def __init__(self, splitter: _Splitter, queue: int, rule: QueueRules, mine: Whole) -> None:
        self._all = splitter
        self._cases = splitter._cases
        self._staff = splitter._staff
        self._queue = queue
        self._rule = rule
        self._mine = mine
        self._people = np.flatnonzero(self._staff.trained[queue])
        # one entry more, the last, for nobody
        self._at = np.full(len(self._staff.ids) + 1, NOBODY, dtype=np.int64)
        self._at[self._people] = np.arange(len(self._people))
        self._kept = splitter._source[mine] == KEPT
        self._owner = self._at[np.where(self._kept, splitter._owner[mine], NOBODY)]
        self._excluded = self._pairs(self._cases.excluded)
        self._former = self._pairs(self._cases.former)
        held = splitter._held[self._people]
        # a collector's turn: who has less in hand over all queues comes first, then the id
        self._turn = np.empty(len(self._people), dtype=np.int64)
        self._turn[np.lexsort((np.arange(len(held)), held))] = np.arange(len(held))

    def split(self) -> None:
        """Splits the queue, with kinds as fine as the exclusions of single cases ask for."""
        free = ~self._kept
        held_back = self._reserve(free)
        free &= ~held_back
        # exclusions of single cases are first left to exchanges; those that these do not reach get kinds of their own
        fine = np.zeros(len(self._mine), dtype=np.bool_)
        while True:
            kind, may = self._make_kinds(fine)
            outcome = self._deal(kind, may, free)
            stuck = self._excluded.has(np.arange(len(self._mine)), outcome) & (outcome >= 0) & ~self._stays
            if not stuck.any():
                break
            fine |= stuck
        self._finish(kind, may, outcome, held_back)

    def _pairs(self, pairs: Forbidden) -> Forbidden:
        """The pairs of this queue, by its own numbers."""
        first, last = self._mine[0] * pairs.people, (self._mine[-1] + 1) * pairs.people
        some = pairs.pairs[np.searchsorted(pairs.pairs, first) : np.searchsorted(pairs.pairs, last)]
        case, collector = np.divmod(some, max(1, pairs.people))
        here = self._at[collector] >= 0
        return Forbidden.of(case[here] - self._mine[0], self._at[collector[here]], max(1, len(self._people)))

    def _reserve(self, free: Flags) -> Flags:
        held_back = np.zeros(len(free), dtype=np.bool_)
        number = int(self._rule.reserve_share * int(free.sum()))
        if number:
            held_back[np.flatnonzero(free)[-number:]] = True
        return held_back

    def _make_kinds(self, fine: Flags) -> tuple[Whole, Flags]:
        """The kind of each case, and who may have which; cases in `fine` are told apart by whom they exclude."""
        cases, mine = self._cases, self._mine
        signature = np.zeros(len(mine), dtype=np.int64)
        if fine.any():
            chosen = np.flatnonzero(fine)
            pairs = self._chosen(self._excluded, chosen)
            rows = np.zeros((len(chosen), len(self._people)), dtype=np.bool_)
            rows[np.divmod(pairs.pairs, pairs.people)] = True
            _, inverse = np.unique(rows, axis=0, return_inverse=True)
            signature[chosen] = 1 + inverse.reshape(-1)
        columns = (cases.region[mine], cases.language[mine], cases.seniority[mine], signature)
        code = np.zeros(len(mine), dtype=np.int64)
        for each in columns:
            _, numbers = np.unique(each, return_inverse=True)
            code = code * (int(numbers.max()) + 1) + numbers
        _, first, kind = np.unique(code, return_index=True, return_inverse=True)
        example, people = mine[first], self._people
        may = self._staff.regions[np.ix_(cases.region[example], people)]
        may &= self._staff.languages[np.ix_(cases.language[example], people)]
        may &= self._staff.seniority[people][None, :] >= cases.seniority[example][:, None]
        special = np.flatnonzero(signature[first])
        if len(special):
            case, who = np.repeat(first[special], len(people)), np.tile(np.arange(len(people)), len(special))
            may[special] &= ~self._excluded.has(case, who).reshape(len(special), len(people))
        return kind.reshape(-1).astype(np.int64), may

    def _rooms(self, kept: Counts) -> tuple[Counts, Counts]:
        """How many more each may be given in this queue: by his quota (if he has one), and by his capacity."""
        staff, people = self._staff, self._people
        by_queue = staff.queue_quota[self._queue][people]
        daily = staff.daily_quota[people]
        quota = np.where(
            by_queue < NO_LIMIT,
            by_queue - kept,
            np.where(daily < NO_LIMIT, daily - self._all._given[people], NO_LIMIT),
        )
        capacity = np.where(
            staff.capacity[people] < NO_LIMIT, staff.capacity[people] - self._all._held[people], NO_LIMIT
        )
        return np.maximum(0, quota), np.maximum(0, capacity)

    def _deal(self, kind: Whole, may: Flags, free: Flags) -> Whole:
        """Numbers, then cases, then exchanges; the collector of each case."""
        people = len(self._people)
        kept = np.bincount(self._owner[self._kept], minlength=people).astype(np.int64)
        self._stays = self._kept.copy()
        if not people:
            return np.full(len(self._mine), NOBODY, dtype=np.int64)
        supply = np.bincount(kind[free], minlength=len(may)).astype(np.int64)
        flow, base, room, floor = self._numbers(supply, may, kept)
        seats = Seats(base, room, self._turn, floor)
        flow, retained, seats = self._give_way(kind, may, flow, seats)
        open_ = free | (self._kept & ~self._stays)
        chosen = np.flatnonzero(open_)
        by_kind = chosen[np.argsort(kind[chosen], kind="stable")]
        ranks = np.split(by_kind, np.searchsorted(kind[by_kind], np.arange(1, len(may))))
        if any(len(each) > given for each, given in zip(ranks, flow.sum(axis=1).tolist(), strict=True)):
            flow = best_cases(may, flow, ranks)
        if self._rule.remainder == "pool":
            removable = flow.sum(axis=0) > floor
            some = contested(may, flow + retained, seats, removable, ahead=self._rule.keep.most_ahead or 1)
            _take_last(flow, ranks, np.flatnonzero(some))
        owner = self._owner.copy()
        owner[chosen] = _deal_given(
            kind[chosen],
            chosen,
            self._cases.group[self._mine[chosen]],
            flow,
            self._turn,
            by_group="exposure" in self._rule.prefer,
        )
        return self._exchange(kind, may, owner, open_)

    def _numbers(self, supply: Counts, may: Flags, kept: Counts) -> tuple[Counts, Counts, Counts, Counts]:
        """What is given, step by step; with what each has, may be given, and must be left."""
        quota, capacity = self._rooms(kept)
        held = self._all._held[self._people]
        flow = np.zeros(may.shape, dtype=np.int64)
        floor = np.zeros(may.shape[1], dtype=np.int64)
        base, room = kept, np.zeros_like(floor)
        for step in self._rule.steps:
            if step == "quota":
                room = np.where(quota < NO_LIMIT, np.minimum(quota, capacity), 0)
                base = kept
            else:
                room = np.minimum(quota, capacity) if self._rule.quota_binds else capacity
                base = held if step == "level" else kept
            left = supply - flow.sum(axis=1)
            room = np.maximum(room, floor)
            flow = level_kinds(left, may, Seats(base, room, self._turn, floor), flow)
            if step == "quota":
                floor = flow.sum(axis=0)
        return flow, base, room, floor

    def _give_way(self, kind: Whole, may: Flags, flow: Counts, seats: Seats) -> tuple[Counts, Counts, Seats]:
        """Takes kept cases away where somebody has too many more than one who could have them.

        Returns what is dealt then, the kept cases that could still be exchanged, and seats that count these as flow.
        """
        ahead = self._rule.keep.most_ahead
        loose = self._kept & ~self._cases.pinned[self._mine] & ~self._cases.by_hand[self._mine]
        kept = np.zeros(may.shape, dtype=np.int64)
        if ahead is None or self._rule.steps[-1] == "quota" or not loose.any():
            return flow, kept, seats
        people = may.shape[1]
        np.add.at(kept, (kind[loose], self._owner[loose]), 1)
        mine = kept.sum(axis=0)
        floor = seats.floor
        if "quota" in self._rule.steps:
            # what somebody keeps is part of his quota, which comes first
            floor = floor + np.where(self._quotas() < NO_LIMIT, mine, 0)
        both = Seats(seats.base - mine, seats.room + mine, seats.turn, floor)
        none = np.zeros(len(may), dtype=np.int64)
        whole = level_kinds(none, may, both, flow + kept, ahead=ahead)
        taken = np.maximum(0, kept - whole)
        if taken.any():
            index = np.flatnonzero(loose)
            cell = kind[index] * people + self._owner[index]
            # the least urgent ones go
            order = np.lexsort((-index, cell))
            place = np.empty(len(index), dtype=np.int64)
            sorted_cell = cell[order]
            place[order] = np.arange(len(index)) - np.searchsorted(sorted_cell, sorted_cell, side="left")
            self._stays[index[place < taken.reshape(-1)[cell]]] = False
        retained = np.minimum(kept, whole)
        return whole - retained, retained, both

    def _quotas(self) -> Counts:
        """Everybody's quota in this queue: that of the day, or else the daily one."""
        by_queue = self._staff.queue_quota[self._queue][self._people]
        quotas: Counts = np.where(by_queue < NO_LIMIT, by_queue, self._staff.daily_quota[self._people])
        return quotas

    def _exchange(self, kind: Whole, may: Flags, owner: Whole, open_: Flags) -> Whole:
        dealt = np.flatnonzero(open_ & (owner >= 0))
        if not len(dealt):
            return owner
        group = np.zeros(len(dealt), dtype=np.int64)
        table = Table(kind[dealt], group, may)
        hard = self._chosen(self._excluded, dealt)
        mine = owner[dealt]
        if len(hard.pairs):
            mine = exchange_away(table, mine, hard, hard, everywhere=True)
        for preference in self._rule.prefer:
            if preference == "variety":
                former = self._chosen(self._former, dealt)
                if len(former.pairs):
                    mine = exchange_away(table, mine, former, hard, everywhere=False)
                    hard = hard.with_(former)
            elif preference == "exposure":
                points = self._cases.difficulty[self._mine]
                base = self._base(points)
                if len(np.unique(points[dealt])) > 1:
                    mine = balance(table, mine, points[dealt], base, hard, good_enough=COARSE)
                table = Table(table.kind, self._cases.group[self._mine[dealt]], may)
        if self._rule.steps[-1] == "balanced":
            cents, expected = self._cases.cents[self._mine], self._cases.expected[self._mine]
            mine = balance(table, mine, cents[dealt], self._base(cents), hard, expected[dealt], self._base(expected))
        owner[dealt] = mine
        return owner

    def _base(self, values: Whole) -> Base:
        """What everybody has of `values` in the cases that stay with him."""
        sums: Counts = np.zeros(len(self._people), dtype=np.int64)
        who = self._owner[self._stays]
        np.add.at(sums, who, values[self._stays])
        return Base(sums, np.bincount(who, minlength=len(self._people)).astype(np.int64))

    def _chosen(self, pairs: Forbidden, chosen: Whole) -> Forbidden:
        """The pairs of the chosen cases, by their place among them."""
        place = np.full(len(self._mine), -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        case, collector = np.divmod(pairs.pairs, pairs.people)
        here = place[case] >= 0
        return Forbidden.of(place[case[here]], collector[here], pairs.people)

    def _finish(self, kind: Whole, may: Flags, owner: Whole, held_back: Flags) -> None:
        total, mine, people = self._all, self._mine, self._people
        given = ~self._stays & (owner >= 0)
        total._owner[mine] = np.where(owner >= 0, people[owner] if len(people) else NOBODY, NOBODY)
        total._source[mine] = np.where(self._stays, KEPT, np.where(given, AUTO, POOL))
        yielded = self._kept & ~self._stays
        total._release[mine[yielded]] = LEVELLED
        everyone = len(total._held)
        gone = self._cases.owner[mine[yielded]]
        got = people[owner[given]] if len(people) else np.zeros(0, dtype=np.int64)
        change = np.bincount(got, minlength=everyone) - np.bincount(gone, minlength=everyone)
        total._held += change
        total._given += change
        kept_now = np.bincount(owner[self._stays | given], minlength=len(people)).astype(np.int64)
        quota, capacity = self._rooms(kept_now) if len(people) else (kept_now, kept_now)
        if self._rule.steps[-1] == "quota":
            quota = np.where(quota < NO_LIMIT, quota, 0)
        elif not self._rule.quota_binds:
            quota = np.full_like(quota, NO_LIMIT)
        full = np.minimum(quota, capacity) <= 0
        total._full[self._queue][people] = full
        self._reasons(kind, may, full, given, held_back)
        total._kind[mine] = kind
        total._kinds[self._queue] = may

    def _reasons(self, kind: Whole, may: Flags, full: Flags, given: Flags, held_back: Flags) -> None:
        cases, staff, mine, people = self._cases, self._staff, self._mine, self._people
        pool = np.where(may.any(axis=1), REMAINDER, EVERYBODY_EXCLUDED)
        open_to = may & ~full[None, :]
        pool[may.any(axis=1) & ~open_to.any(axis=1)] = LIMITS_REACHED
        # of the rules that leave nobody, the first in the order region, language, seniority, exclusions
        _, first = np.unique(kind, return_index=True)
        some = staff.regions[np.ix_(cases.region[mine[first]], people)]
        why = np.where(some.any(axis=1), -1, NO_COLLECTOR_FOR_REGION)
        some &= staff.languages[np.ix_(cases.language[mine[first]], people)]
        why[(why < 0) & ~some.any(axis=1)] = NO_COLLECTOR_FOR_LANGUAGE
        some &= staff.seniority[people][None, :] >= cases.seniority[mine[first]][:, None]
        why[(why < 0) & ~some.any(axis=1)] = NO_COLLECTOR_SENIOR_ENOUGH
        pool = np.where(why >= 0, why, pool)
        if not len(people):
            pool[:] = NOBODY_PRESENT
        reason = pool[kind]
        reason[held_back] = RESERVE
        reason[given] = SPLIT
        reason[self._stays] = OWNER_OF_THE_MORNING
        self._all._reason[mine] = reason


def _take_last(flow: Counts, ranks: Sequence[Whole], people: Whole) -> None:
    """Takes one case from each of `people`, of the kind whose last given case is the least urgent."""
    given = flow.sum(axis=1)
    last = np.array(
        [each[number - 1] if number else NOBODY for each, number in zip(ranks, given.tolist(), strict=True)],
        dtype=np.int64,
    )
    for who in people.tolist():
        kind = int(np.where(flow[:, who] > 0, last, NOBODY).argmax())
        flow[kind, who] -= 1
        given[kind] -= 1
        last[kind] = ranks[kind][given[kind] - 1] if given[kind] else NOBODY


def _deal_given(kind: Whole, rank: Whole, group: Whole, flow: Counts, turn: Counts, *, by_group: bool) -> Whole:
    """The collector of each case: of a kind the first by `rank` are given, dealt by `group` if so wished."""
    given = flow.sum(axis=1)
    order = np.lexsort((rank, kind))
    cases = np.bincount(kind, minlength=len(given))
    place = np.empty(len(kind), dtype=np.int64)
    place[order] = np.arange(len(kind)) - np.repeat(np.cumsum(cases) - cases, cases)
    chosen = np.flatnonzero(place < given[kind])
    dealt_by = rank[chosen]
    if by_group:
        within = np.lexsort((rank[chosen], group[chosen]))
        dealt_by = np.empty(len(chosen), dtype=np.int64)
        dealt_by[within] = np.arange(len(chosen))
    owner = np.full(len(kind), NOBODY, dtype=np.int64)
    owner[chosen] = deal(kind[chosen], dealt_by, flow, turn)
    return owner
