"""What the daily report shows, read from `mart` (and the quality results from `audit`): rows, no charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from arrears.errors import NotPublishedError
from arrears.kpi.facts import windows
from arrears.kpi.rules import KpiRules
from arrears.run import Run
from arrears.warehouse.audit import QualityResultRow
from arrears.warehouse.mart import (
    CaseAssignment,
    ChannelDay,
    CollectorDay,
    ContactPlanDay,
    DimBucket,
    DimCollector,
    DimStrategy,
    PoolOfferDay,
    PortfolioDay,
    RollTransition,
    RunDay,
)
from arrears.warehouse.mart_views import view

Row = dict[str, Any]

_DISTRIBUTION_MONTHS = 13


@dataclass(frozen=True)
class ReportData:
    """All rows of one day's report. Amounts are in `currency`, the one of most contracts."""

    day: Row
    strategy: Row
    currency: str
    other_currencies: list[str]
    buckets: list[Row]
    """bucket, class, labels: all buckets in their order."""
    distribution: list[Row]
    month_ends: list[Row]
    """as_of, bucket, contracts: restated bucket distributions of month ends."""
    days: list[Row]
    """as_of, basis, bucket, contracts: bucket distributions of loaded days."""
    rolls: list[Row]
    """as_of, from_bucket, to_bucket, contracts, from_balance, to_balance: restated cohorts, all products."""
    collectors: list[Row]
    queues: list[Row]
    plan: list[Row]
    closing_channels: list[Row]
    closing_collectors: list[Row]
    pool: list[Row]
    arms: list[Row]
    """Results of experiments so far, champion first: the columns of `mart.v_arm_result`."""
    quality: list[Row]


def read_report(run: Run) -> ReportData:
    """Reads the rows for the run's day and basis. NotPublishedError when the day is not loaded."""
    rules = windows(run).rules
    with run.warehouse.connect() as connection:
        reader = _Reader(connection, run.day.as_of, run.day.basis)
        day = reader.one(RunDay)
        if day is None:
            raise NotPublishedError(
                expected=f"{run.day} in mart",
                found="no row in mart.run_day",
                where="the warehouse",
                action="Run load_warehouse for this day first.",
            )
        currencies = reader.currencies()
        currency = currencies[0] if currencies else "XXX"
        return ReportData(
            day=day,
            strategy=reader.strategy(day["rule_set_hash"]),
            currency=currency,
            other_currencies=currencies[1:],
            buckets=reader.rows(sa.select(*DimBucket.__table__.columns).order_by(DimBucket.bucket_no)),
            distribution=reader.distribution(currency),
            month_ends=reader.month_ends(windows(run).ends),
            days=reader.days(rules),
            rolls=reader.rolls(windows(run).ends, currency),
            collectors=reader.collectors(),
            queues=reader.queues(),
            plan=reader.plan(),
            closing_channels=reader.closing(ChannelDay, [ChannelDay.channel, ChannelDay.source]),
            closing_collectors=reader.closing(CollectorDay, [CollectorDay.collector_id]),
            pool=reader.pool(rules.report.pool_cases),
            arms=reader.arms(),
            quality=reader.quality(),
        )


@dataclass(frozen=True)
class _Reader:
    connection: sa.Connection
    as_of: date
    basis: str

    def rows(self, select: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        return [dict(row) for row in self.connection.execute(select).mappings()]

    def own(self, model: Any) -> sa.ColumnElement[bool]:
        return sa.and_(model.as_of == self.as_of, model.basis == self.basis)

    def one(self, model: Any) -> Row | None:
        found = self.rows(sa.select(*model.__table__.columns).where(self.own(model)))
        return found[0] if found else None

    def strategy(self, rule_set_hash: str) -> Row:
        found = self.rows(sa.select(*DimStrategy.__table__.columns).where(DimStrategy.rule_set_hash == rule_set_hash))
        return found[0]

    def currencies(self) -> list[str]:
        contracts = sa.func.sum(PortfolioDay.contracts)
        select = (
            sa.select(PortfolioDay.currency)
            .where(self.own(PortfolioDay))
            .group_by(PortfolioDay.currency)
            .order_by(contracts.desc(), PortfolioDay.currency)
        )
        return list(self.connection.execute(select).scalars())

    def distribution(self, currency: str) -> list[Row]:
        fact = PortfolioDay
        in_currency = fact.currency == currency

        def money(column: Any) -> sa.ColumnElement[Any]:
            return sa.func.coalesce(sa.func.sum(column).filter(in_currency), 0)

        select = (
            sa.select(
                fact.bucket,
                DimBucket.bucket_no,
                fact.class_,
                sa.func.sum(fact.contracts).label("contracts"),
                sa.func.sum(fact.overdue_contracts).label("overdue_contracts"),
                money(sa.func.coalesce(fact.outstanding_principal, fact.outstanding_amount)).label("balance"),
                money(fact.overdue_amount).label("overdue_amount"),
            )
            .join(DimBucket, DimBucket.bucket == fact.bucket)
            .where(self.own(fact))
            .group_by(fact.bucket, DimBucket.bucket_no, fact.class_)
            .order_by(DimBucket.bucket_no)
        )
        return self.rows(select)

    def month_ends(self, ends: Sequence[date]) -> list[Row]:
        fact = RollTransition
        restated = sa.and_(fact.basis == "restated", fact.as_of.in_(ends))
        later = (
            sa.select(fact.as_of, DimBucket.bucket, DimBucket.bucket_no, sa.func.sum(fact.contracts).label("contracts"))
            .join(DimBucket, DimBucket.bucket == fact.to_bucket)
            .where(restated)
            .group_by(fact.as_of, DimBucket.bucket, DimBucket.bucket_no)
        )
        # the first month end is nobody's later one, but the first cohort began there
        first = (
            sa.select(
                fact.from_month_end.label("as_of"),
                DimBucket.bucket,
                DimBucket.bucket_no,
                sa.func.sum(fact.contracts).label("contracts"),
            )
            .join(DimBucket, DimBucket.bucket == fact.from_bucket)
            .where(restated, fact.from_month_end == ends[0])
            .group_by(fact.from_month_end, DimBucket.bucket, DimBucket.bucket_no)
        )
        both = sa.union_all(first, later).subquery()
        return self.rows(sa.select(*both.columns).order_by(both.c.as_of, both.c.bucket_no))

    def days(self, rules: KpiRules) -> list[Row]:
        fact = PortfolioDay
        since = self.as_of - timedelta(days=rules.report.trend_days - 1)
        # a past day has a frozen row, a restated one, or both: what was known then goes first
        chosen = (
            sa.select(RunDay.as_of, sa.func.min(RunDay.basis).label("basis"))
            .where(RunDay.as_of >= since, RunDay.as_of < self.as_of)
            .group_by(RunDay.as_of)
            .union_all(sa.select(sa.literal(self.as_of).label("as_of"), sa.literal(self.basis).label("basis")))
            .subquery("chosen")
        )
        select = (
            sa.select(
                fact.as_of, fact.basis, fact.bucket, DimBucket.bucket_no, sa.func.sum(fact.contracts).label("contracts")
            )
            .join(chosen, sa.and_(chosen.c.as_of == fact.as_of, chosen.c.basis == fact.basis))
            .join(DimBucket, DimBucket.bucket == fact.bucket)
            .group_by(fact.as_of, fact.basis, fact.bucket, DimBucket.bucket_no)
            .order_by(fact.as_of, DimBucket.bucket_no)
        )
        return self.rows(select)

    def rolls(self, ends: Sequence[date], currency: str) -> list[Row]:
        fact = RollTransition
        in_currency = fact.currency == currency

        def money(column: Any) -> sa.ColumnElement[Any]:
            return sa.func.coalesce(sa.func.sum(column).filter(in_currency), 0)

        select = (
            sa.select(
                fact.as_of,
                fact.from_bucket,
                fact.to_bucket,
                sa.func.sum(fact.contracts).label("contracts"),
                money(fact.from_balance).label("from_balance"),
                money(fact.to_balance).label("to_balance"),
            )
            .where(fact.basis == "restated", fact.as_of.in_(ends))
            .group_by(fact.as_of, fact.from_bucket, fact.to_bucket)
            .order_by(fact.as_of, fact.from_bucket, fact.to_bucket)
        )
        return self.rows(select)

    def collectors(self) -> list[Row]:
        fact = CaseAssignment
        select = (
            sa.select(
                fact.collector_id,
                sa.func.coalesce(DimCollector.label, fact.collector_id).label("label"),
                fact.team,
                sa.func.count().label("cases"),
                sa.func.count().filter(fact.source == "auto").label("new_cases"),
                sa.func.count().filter(fact.source != "auto").label("kept_cases"),
                sa.func.sum(fact.overdue_amount).label("overdue_amount"),
            )
            .outerjoin(DimCollector, DimCollector.collector_id == fact.collector_id)
            .where(self.own(fact), fact.collector_id.is_not(None))
            .group_by(fact.collector_id, DimCollector.label, fact.team)
            .order_by(sa.func.count().desc(), fact.collector_id)
        )
        return self.rows(select)

    def queues(self) -> list[Row]:
        fact = PoolOfferDay
        return self.rows(sa.select(*fact.__table__.columns).where(self.own(fact)).order_by(fact.queue))

    def plan(self) -> list[Row]:
        fact = ContactPlanDay
        sums = [
            sa.cast(sa.func.sum(column), sa.BigInteger).label(column.key)
            for column in (fact.tasks, fact.planned_tasks, fact.approval_tasks, fact.blocked_tasks, fact.cut_tasks)
        ]
        select = sa.select(fact.channel, *sums).where(self.own(fact)).group_by(fact.channel).order_by(fact.channel)
        return self.rows(select)

    def closing(self, fact: Any, order: Sequence[Any]) -> list[Row]:
        """The newest finished day that has any rows."""
        newest = (
            sa.select(sa.func.max(fact.as_of))
            .where(fact.basis == self.basis, fact.as_of < self.as_of, fact.known_as_of <= self.as_of)
            .scalar_subquery()
        )
        return self.rows(
            sa.select(*fact.__table__.columns).where(fact.basis == self.basis, fact.as_of == newest).order_by(*order)
        )

    def pool(self, limit: int) -> list[Row]:
        fact = CaseAssignment
        select = (
            sa.select(
                fact.customer_id,
                fact.queue,
                fact.work_order,
                fact.bucket,
                fact.treatment,
                fact.priority,
                fact.contracts,
                fact.days_past_due,
                fact.overdue_amount,
                fact.outstanding_amount,
            )
            .where(self.own(fact), fact.collector_id.is_(None))
            .order_by(fact.priority.desc(), fact.overdue_amount.desc(), fact.customer_id)
            .limit(limit)
        )
        return self.rows(select)

    def arms(self) -> list[Row]:
        results = view("v_arm_result").select.subquery()
        own = sa.and_(results.c.as_of == self.as_of, results.c.basis == self.basis)
        return self.rows(
            sa.select(*results.columns)
            .where(own)
            .order_by(results.c.experiment, results.c.is_champion.desc(), results.c.arm)
        )

    def quality(self) -> list[Row]:
        fact = QualityResultRow
        newest = (
            sa.select(fact.check_id)
            .where(self.own(fact))
            .order_by(fact.quality_result_id.desc())
            .limit(1)
            .scalar_subquery()
        )
        return self.rows(
            sa.select(fact.suite, fact.rule_id, fact.table_name, fact.passed, fact.checked_rows, fact.bad_rows)
            .where(fact.check_id == newest)
            .order_by(fact.passed, fact.suite.desc(), fact.rule_id)
        )


def share(part: int | Decimal, whole: int | Decimal) -> float | None:
    """part / whole, None when there is nothing to share."""
    return float(part) / float(whole) if whole else None
