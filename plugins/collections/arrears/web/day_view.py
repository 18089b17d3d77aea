"""The day at a glance, read from the warehouse: what the page and the summary of `make run` show.

Counts only: no name, address or key of a customer is read here. What a step found comes from its record in
`audit`, so a past day shows what its own run found; where contacts stand now comes from the outbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from arrears.day import Basis, BusinessDay
from arrears.steps import STEPS
from arrears.warehouse.audit import QualityResultRow, StepResultRow
from arrears.warehouse.ops_contacts import ContactTask


@dataclass(frozen=True)
class StepView:
    """The last attempt at a step, or that there was none."""

    dag: str
    name: str
    detail: str = ""
    state: str = "none"
    """success, failed, or none when the step has not been tried."""
    attempts: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    seconds: float = 0.0
    recorded_at: datetime | None = None
    error: str | None = None

    @property
    def label(self) -> str:
        """The step, with the channel of a step that runs once per channel."""
        return f"{self.name}[{self.detail}]" if self.detail else self.name


@dataclass(frozen=True)
class QualityView:
    """What one quality rule found."""

    suite: str
    rule_id: str
    table_name: str
    passed: bool
    checked_rows: int
    bad_rows: int
    observed: str
    allowed: str


@dataclass(frozen=True)
class ChannelView:
    """Contacts of one channel by where they stand."""

    channel: str
    states: Mapping[str, int]

    def count(self, *states: str) -> int:
        """Contacts in any of `states`."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        return sum(self.states.values())


@dataclass(frozen=True)
class QueueView:
    """How the cases of one queue were allocated."""

    name: str
    collectors: int
    assigned: int
    least: int
    most: int
    """Fewest and most cases of a collector."""
    pool: int


@dataclass(frozen=True)
class DayView:
    """All of a day that the page shows."""

    day: BusinessDay
    bases: Sequence[Basis]
    """The bases that the day was run with."""
    steps: Sequence[StepView]
    quality: Sequence[QualityView]
    channels: Sequence[ChannelView]
    approvals: Mapping[str, int]
    """Contacts that wait for a person, by placement."""

    def step(self, name: str) -> StepView:
        """The last attempt at the step `name`."""
        return next(step for step in self.steps if step.name == name)

    def figure(self, step: str, name: str, default: Any = None) -> Any:
        """A figure of a step's record, `default` when it has none."""
        return self.step(step).figures.get(name, default)

    @property
    def by_dag(self) -> Sequence[tuple[str, Sequence[StepView]]]:
        """The steps under their Dags, in the order of the day."""
        dags = dict.fromkeys(step.dag for step in self.steps)
        return [(dag, [step for step in self.steps if step.dag == dag]) for dag in dags]

    @property
    def done(self) -> int:
        return sum(step.state == "success" for step in self.steps)

    @property
    def failed(self) -> Sequence[StepView]:
        return [step for step in self.steps if step.state == "failed"]

    @property
    def warnings(self) -> Sequence[tuple[str, str]]:
        """Warnings by step."""
        return [(step.label, warning) for step in self.steps for warning in step.warnings]

    @property
    def seconds(self) -> float:
        """Seconds of all steps together; the Dags overlap, so the day takes less."""
        return sum(step.seconds for step in self.steps)

    @property
    def broken_rules(self) -> Sequence[QualityView]:
        return [rule for rule in self.quality if not rule.passed]

    @property
    def buckets(self) -> Mapping[str, int]:
        """Live contracts by bucket, M0 first."""
        found: Mapping[str, int] = self.figure("age_contracts", "buckets", {})
        return dict(sorted(found.items(), key=lambda item: int("".join(filter(str.isdigit, item[0])) or 0)))

    def bar(self, bucket: str) -> float | None:
        """How long the bar of an overdue bucket is, 1 for the largest; None for M0, which would dwarf them all."""
        overdue = {name: count for name, count in self.buckets.items() if name != "M0"}
        return self.buckets[bucket] / max(overdue.values()) if bucket in overdue else None

    @property
    def queues(self) -> Sequence[QueueView]:
        """Allocation by queue, as the day's split made it; the largest first."""
        found: Mapping[str, Mapping[str, int]] = self.figure("allocate_cases", "per_queue", {})
        return [
            QueueView(
                name=name,
                collectors=counts["collectors"],
                assigned=counts["cases"] - counts["pool"],
                least=counts["min"],
                most=counts["max"],
                pool=counts["pool"],
            )
            for name, counts in sorted(found.items(), key=lambda item: -item[1]["cases"])
        ]

    @property
    def cases(self) -> int:
        return int(self.figure("allocate_cases", "cases", 0))

    @property
    def pool(self) -> int:
        return int(self.figure("allocate_cases", "pool", 0))

    @property
    def cases_per_collector(self) -> tuple[int, int]:
        """Fewest and most cases of a collector over all queues."""
        found: Mapping[str, int] = self.figure("allocate_cases", "per_collector", {})
        return found.get("min", 0), found.get("max", 0)

    @property
    def contacts(self) -> int:
        return sum(channel.total for channel in self.channels)

    @property
    def contacts_out(self) -> int:
        return sum(channel.count("sent", "delivered") for channel in self.channels)


def known_days(connection: sa.Connection) -> list[date]:
    """The days that were run, newest first."""
    return list(connection.scalars(sa.select(StepResultRow.as_of).distinct().order_by(StepResultRow.as_of.desc())))


def read_day(connection: sa.Connection, as_of: date, basis: str | None = None) -> DayView:
    """The day at a glance: on `basis` if it was run so, else frozen before restated."""
    bases = cast(
        "list[Basis]",
        list(
            connection.scalars(
                sa.select(StepResultRow.basis)
                .where(StepResultRow.as_of == as_of)
                .distinct()
                .order_by(StepResultRow.basis)
            )
        ),
    )
    chosen: Basis = next((known for known in bases if known == basis), bases[0] if bases else "frozen")
    day = BusinessDay(as_of, chosen)
    return DayView(
        day=day,
        bases=bases,
        steps=_steps(connection, day),
        quality=_quality(connection, day),
        channels=_channels(connection, as_of),
        approvals=_approvals(connection, as_of),
    )


def _steps(connection: sa.Connection, day: BusinessDay) -> list[StepView]:
    table = StepResultRow
    of_step = (table.step, table.detail)
    attempts = connection.execute(
        sa.select(
            table.dag,
            table.step.label("name"),
            table.detail,
            table.state,
            sa.func.count().over(partition_by=of_step).label("attempts"),
            table.rows,
            table.figures,
            table.links,
            table.warnings,
            table.seconds,
            table.recorded_at,
            table.error,
        )
        .where(table.as_of == day.as_of, table.basis == day.basis)
        .ext(distinct_on(*of_step))
        .order_by(*of_step, table.step_result_id.desc())
    ).mappings()
    tried: dict[str, list[StepView]] = {}
    for row in attempts:
        tried.setdefault(row["name"], []).append(StepView(**{**row, "seconds": float(row["seconds"])}))
    return [view for step in STEPS.values() for view in tried.get(step.name, [StepView(step.dag, step.name)])]


def _quality(connection: sa.Connection, day: BusinessDay) -> list[QualityView]:
    table = QualityResultRow
    last = (
        sa.select(table.check_id)
        .where(table.as_of == day.as_of, table.basis == day.basis)
        .order_by(table.quality_result_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(
            table.suite,
            table.rule_id,
            table.table_name,
            table.passed,
            table.checked_rows,
            table.bad_rows,
            table.observed,
            table.allowed,
        )
        .where(table.check_id == last)
        .order_by(table.passed, table.suite.desc(), table.bad_rows.desc(), table.rule_id)
    ).mappings()
    return [QualityView(**row) for row in rows]


def _channels(connection: sa.Connection, as_of: date) -> list[ChannelView]:
    table = ContactTask
    rows = connection.execute(
        sa.select(table.channel, table.state, sa.func.count())
        .where(table.business_day == as_of)
        .group_by(table.channel, table.state)
        .order_by(table.channel, table.state)
    )
    found: dict[str, dict[str, int]] = {}
    for channel, state, count in rows:
        found.setdefault(channel, {})[state] = count
    return [ChannelView(channel, states) for channel, states in found.items()]


def _approvals(connection: sa.Connection, as_of: date) -> dict[str, int]:
    table = ContactTask
    rows = connection.execute(
        sa.select(table.placement, sa.func.count().label("contacts"))
        .where(table.business_day == as_of, table.state == "awaiting_approval")
        .group_by(table.placement)
        .order_by(table.placement)
    )
    return {row.placement: row.contacts for row in rows}
