"""The split's inputs as arrays: cases, collectors and pairs that must not be, in an order that follows from content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from arrears.allocation.dealing import Forbidden, Whole
from arrears.allocation.levelling import Counts
from arrears.allocation.lists import list_flags
from arrears.allocation.roster import Roster
from arrears.allocation.rules import QueueRules
from arrears.allocation.split import NO_LIMIT, NOBODY, OWNER_AWAY, RELEASES, Cases, Staff


@dataclass(frozen=True)
class Problem:
    """What is to be split, and how its numbers are to be read."""

    queues: Sequence[str]
    rules: Sequence[QueueRules]
    cases: Cases
    staff: Staff
    customers: pa.ChunkedArray
    languages: pa.ChunkedArray
    min_seniority: pa.ChunkedArray
    region_names: Sequence[str]
    language_names: Sequence[str]


def make_problem(rules: Mapping[str, QueueRules], demand: pa.Table, exclusion: pa.Table, roster: Roster) -> Problem:
    """Puts the rows of `allocation/demand` and `allocation/exclusion` and the roster into numbers."""
    demand = demand.sort_by([("position", "ascending"), ("work_order", "ascending")])
    ids = np.array(roster.collectors["collector_id"].to_pylist(), dtype=object)
    regions, region = _codes(demand["region"])
    languages, language = _codes(demand["language"])
    staff = _staff(list(rules), roster, ids, regions, languages)

    owned = demand["owner"].is_valid().to_numpy()
    owner = _places(demand["owner"], ids)
    # whoever is not in the ledger any more cannot keep anything
    release = _releases(demand["released"])
    release[owned & (owner < 0) & (release == 0)] = OWNER_AWAY
    queue = demand["position"].to_numpy().astype(np.int64) - 1
    not_back = _not_back(list(rules.values()), queue, owner, release)
    by_hand = demand["by_hand"].to_numpy().astype(np.bool_)

    case = pc.index_in(exclusion["customer_id"], value_set=demand["customer_id"].combine_chunks())
    who = _places(exclusion["collector_id"], ids)
    known = case.is_valid().to_numpy() & (who >= 0)
    at = case.fill_null(0).to_numpy().astype(np.int64)
    former = exclusion["kind"].to_numpy() == "former"
    people = max(1, len(ids))
    gone = np.flatnonzero((owner >= 0) & (release > 0))
    cases = Cases(
        queue=queue,
        order=demand["work_order"].to_numpy().astype(np.int64),
        region=region,
        language=language,
        seniority=demand["min_seniority"].fill_null(0).to_numpy().astype(np.int64),
        cents=demand["cents"].to_numpy().astype(np.int64),
        expected=demand["expected_cents"].to_numpy().astype(np.int64),
        difficulty=demand["difficulty"].to_numpy().astype(np.int64),
        group=_groups(demand),
        owner=owner,
        by_hand=by_hand,
        pinned=by_hand | demand["promised"].to_numpy().astype(np.bool_),
        release=release,
        excluded=Forbidden.of(
            np.concatenate([at[known & ~former], not_back]),
            np.concatenate([who[known & ~former], owner[not_back]]),
            people,
        ),
        former=Forbidden.of(
            np.concatenate([at[known & former], gone]), np.concatenate([who[known & former], owner[gone]]), people
        ),
    )
    return Problem(
        queues=list(rules),
        rules=list(rules.values()),
        cases=cases,
        staff=staff,
        customers=demand["customer_id"],
        languages=demand["language"],
        min_seniority=demand["min_seniority"],
        region_names=regions,
        language_names=languages,
    )


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Whole]:
    """The distinct texts of a column, sorted, and the number of each row's; -1: NULL."""
    encoded = column.combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names) + 1, dtype=np.int64)
    rank[order] = np.arange(len(names))
    rank[len(names)] = -1
    return [names[each] for each in order], rank[encoded.indices.fill_null(len(names)).to_numpy()]


def _places(column: pa.ChunkedArray, ids: npt.NDArray[np.object_]) -> Whole:
    """Where the collectors of a column are among `ids`; -1: nowhere."""
    found = pc.index_in(column, value_set=pa.array(ids, pa.string()))
    places: Whole = found.fill_null(NOBODY).to_numpy().astype(np.int64)
    # NULL is looked up like any other value
    places[~column.is_valid().to_numpy()] = NOBODY
    return places


def _releases(column: pa.ChunkedArray) -> Whole:
    names = pa.array([each or "" for each in RELEASES], pa.string())
    numbers: Whole = pc.index_in(column.fill_null(""), value_set=names).to_numpy().astype(np.int64)
    return numbers


def _not_back(rules: Sequence[QueueRules], queue: Whole, owner: Whole, release: Whole) -> Whole:
    """The cases that go back today and must not return to who had them."""
    kept_away = np.zeros((len(rules), len(RELEASES)), dtype=np.bool_)
    for number, rule in enumerate(rules):
        for name in rule.hand_over.not_back:
            if name in RELEASES:
                kept_away[number, RELEASES.index(name)] = True
    return np.flatnonzero((owner >= 0) & kept_away[queue, release])


def _groups(demand: pa.Table) -> Whole:
    """One number for all cases of the same bucket and score band, in the order of their difficulty."""
    names: list[Whole] = [demand["difficulty"].to_numpy().astype(np.int64)]
    names += [_codes(demand[column])[1] for column in ("bucket", "band")]
    code = np.zeros(demand.num_rows, dtype=np.int64)
    for column in names:
        _, numbers = np.unique(column, return_inverse=True)
        code = code * (int(numbers.max(initial=0)) + 1) + numbers
    _, groups = np.unique(code, return_inverse=True)
    return groups.reshape(-1).astype(np.int64)


def _staff(
    queues: Sequence[str],
    roster: Roster,
    ids: npt.NDArray[np.object_],
    regions: Sequence[str],
    languages: Sequence[str],
) -> Staff:
    collectors = roster.collectors
    at_work = roster.at_work
    queue_at = {name: number for number, name in enumerate(queues)}
    row_queue = np.array([queue_at[each] for each in at_work["queue"].to_pylist()], dtype=np.int64)
    row_who = _places(at_work["collector_id"], ids)
    trained = np.zeros((len(queues), len(ids)), dtype=np.bool_)
    trained[row_queue, row_who] = True
    quota = np.full((len(queues), len(ids)), NO_LIMIT, dtype=np.int64)
    quota[row_queue, row_who] = at_work["queue_quota"].fill_null(NO_LIMIT).to_numpy()
    return Staff(
        ids=ids,
        trained=trained,
        regions=list_flags(collectors["regions"].to_pylist(), regions),
        languages=list_flags(collectors["languages"].to_pylist(), languages),
        seniority=_numbers(collectors["seniority"], 0),
        daily_quota=_numbers(collectors["daily_quota"], NO_LIMIT),
        capacity=_numbers(collectors["capacity"], NO_LIMIT),
        queue_quota=quota,
    )


def _numbers(column: pa.ChunkedArray, unknown: int) -> Counts:
    numbers: Counts = column.cast(pa.int64()).fill_null(unknown).to_numpy()
    return numbers
