"""Whether collectors may have cases: the hard rules of the claim, for one pair and for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from arrears.allocation.levelling import Flags
from arrears.allocation.lists import list_flags, listed
from arrears.allocation.rules import AllocationRules, QueueRules


def why_not(case: sa.Row[Any], collector: sa.Row[Any], rules: QueueRules) -> str | None:
    """The rule that keeps `collector` from having `case`; None when he may. As the claim's statement has it."""
    if collector.skills is not None and case.queue not in listed(collector.skills):
        return "collector.not_trained"
    region = (case.region or "").strip(" ")
    if rules.respect_regions and collector.regions is not None and region and region not in listed(collector.regions):
        return "collector.region"
    if (
        case.language is not None
        and collector.languages is not None
        and case.language not in listed(collector.languages)
    ):
        return "collector.language"
    if case.min_seniority is not None and (collector.seniority or 0) < case.min_seniority:
        return "collector.seniority"
    if collector.collector_id in (case.excluded_collectors or "").split(","):
        return "collector.excluded"
    return None


def may_have(rules: AllocationRules, cases: Sequence[sa.Row[Any]], collectors: Sequence[sa.Row[Any]]) -> Flags:
    """[case, collector]: whether `why_not` has nothing against it."""
    respected = {queue: rules.queue(queue).respect_regions for queue in {each.queue for each in cases}}
    regions = [(each.region or "").strip(" ") or None if respected[each.queue] else None for each in cases]
    least = np.array([each.min_seniority or 0 for each in cases], dtype=np.int64)
    seniority = np.array([each.seniority or 0 for each in collectors], dtype=np.int64)
    flags: Flags = (
        _in_list([each.queue for each in cases], [each.skills for each in collectors])
        & _in_list(regions, [each.regions for each in collectors])
        & _in_list([each.language for each in cases], [each.languages for each in collectors])
        & (seniority[None, :] >= least[:, None])
    )
    places = {each.collector_id: place for place, each in enumerate(collectors)}
    for number, case in enumerate(cases):
        shut = (case.excluded_collectors or "").split(",")
        flags[number, [places[each] for each in shut if each in places]] = False
    return flags


def _in_list(wanted: Sequence[str | None], lists: Sequence[str | None]) -> Flags:
    """[wanted, list]: whether it is in the list. Nothing wanted is in every list, and no list has everything."""
    names = sorted({each for each in wanted if each is not None})
    at = {name: number for number, name in enumerate(names)}
    flags: Flags = list_flags(lists, names)[[len(names) if each is None else at[each] for each in wanted]]
    return flags
