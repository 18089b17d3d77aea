"""What people set by hand for the day, which the split obeys: who is absent, and who has which quota in a queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from arrears.warehouse.ops_desk import Absence, CollectorPreset


@dataclass(frozen=True)
class Presets:
    """The presets of one day; none for a past one."""

    absent: frozenset[str] = frozenset()
    """Collectors whom a lead reported absent."""
    quotas: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(queue, collector) → cases of the queue that the split gives him, in place of his daily quota."""


def read_presets(connection: sa.Connection, as_of: date) -> Presets:
    """The presets that hold on `as_of`."""
    absence, preset = Absence.__table__.c, CollectorPreset.__table__.c
    absent = connection.scalars(
        sa.select(absence.collector_id).where(absence.business_day == as_of, absence.absent)
    ).all()
    quotas = connection.execute(
        sa.select(preset.queue, preset.collector_id, preset.quota).where(
            preset.business_day == as_of, preset.quota.is_not(None)
        )
    ).all()
    return Presets(frozenset(absent), {(queue, collector): quota for queue, collector, quota in quotas})
