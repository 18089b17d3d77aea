"""Whether a collector may have a case: the hard rules of the claim, for one case and one collector."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from arrears.allocation.rules import QueueRules


def listed(text: str | None) -> tuple[str, ...]:
    """The items of a comma-separated list."""
    return () if text is None else tuple(item for item in (part.strip() for part in text.split(",")) if item)


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
