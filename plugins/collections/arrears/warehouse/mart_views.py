"""Views of the mart: the shares and rates, each beside its numerator and denominator, by count and by amount.

A rate over nothing is NULL. Rates of several rows are not averaged but made anew from their numerators and
denominators, which is why both are there. The migrations hold the text of these definitions as it was; a test holds
the newest of them to this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateView

from arrears.warehouse import arm_views
from arrears.warehouse.base import MART
from arrears.warehouse.mart import (
    AllocationFairness,
    CaseAssignment,
    CaseInterval,
    ChannelDay,
    CollectorDay,
    ContactPlanDay,
    DimBucket,
    LoanDaily,
    PoolDay,
    PoolOfferDay,
    PortfolioDay,
    RollTransition,
    TeamDay,
)


@dataclass(frozen=True)
class View:
    """One view: its name in `mart`, what it is, its SELECT, and what its columns are."""

    name: str
    comment: str
    select: sa.Select[*tuple[Any, ...]]
    columns: Mapping[str, str]

    def create(self, name: str | None = None, *, temporary: bool = False) -> CreateView:
        """The statement that creates it; under another name for a comparison."""
        schema = None if temporary else MART
        return CreateView(self.select, name or self.name, schema=schema, temporary=temporary)


_SHARE = sa.Numeric(18, 6)
_MONEY = sa.Numeric(18, 2)

_KEYS = {
    "as_of": "Business day that the figures are about; joins dim_date.",
    "basis": "frozen: what the day's own run knew; restated: computed again from a later ledger.",
    "product": "Product; joins dim_product.",
    "currency": "ISO 4217 code of the amounts; XXX when the ledger names none.",
    "bucket": "Bucket; joins dim_bucket.",
    "queue": "Queue of work.",
    "channel": "Channel; joins dim_channel.",
    "collector_id": "Collector; joins dim_collector.",
    "team": "Team; joins dim_team.",
}


def _named(keys: tuple[str, ...], columns: Mapping[str, str]) -> dict[str, str]:
    return {**{key: _KEYS[key] for key in keys}, **columns}


def _rate(numerator: Any, denominator: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.cast(numerator, sa.Numeric) / sa.func.nullif(denominator, 0), _SHARE)


def _sum(column: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.func.sum(column), sa.BigInteger)


def _money(column: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.func.sum(column), _MONEY)


def _portfolio_bucket() -> View:
    fact = PortfolioDay
    whole: list[Any] = [fact.as_of, fact.basis, fact.currency]
    group = [fact.as_of, fact.basis, fact.currency, fact.bucket, fact.class_]
    contracts = _sum(fact.contracts)
    principal = _money(fact.outstanding_principal)
    amount = _money(fact.outstanding_amount)
    select = sa.select(
        *group,
        contracts.label("contracts"),
        _rate(contracts, sa.func.sum(contracts).over(partition_by=whole)).label("contract_share"),
        principal.label("outstanding_principal"),
        _rate(principal, sa.func.sum(principal).over(partition_by=whole)).label("principal_share"),
        amount.label("outstanding_amount"),
        _rate(amount, sa.func.sum(amount).over(partition_by=whole)).label("amount_share"),
        _money(fact.overdue_amount).label("overdue_amount"),
    ).group_by(*group)
    return View(
        "v_bucket_distribution",
        "Bucket distribution 逾期分布 of the whole book. Grain: day x basis x currency x bucket. "
        "Source: portfolio_day.",
        select,
        _named(
            ("as_of", "basis", "currency", "bucket"),
            {
                "class": "current, low, mid or high.",
                "contracts": "Contracts in the bucket.",
                "contract_share": "Their share of all contracts, 0 to 1.",
                "outstanding_principal": "Their outstanding principal; NULL when the ledger gives no principal.",
                "principal_share": "Its share of all outstanding principal, 0 to 1.",
                "outstanding_amount": "All that they still have to pay.",
                "amount_share": "Its share of all outstanding amounts, 0 to 1.",
                "overdue_amount": "What is unpaid of all that fell due.",
            },
        ),
    )


def _month_end_bucket() -> View:
    fact = RollTransition
    # what came from anywhere into a bucket is what is in it; what left the book is in none
    inside = sa.select(DimBucket.bucket)
    later = (
        sa.select(
            fact.as_of,
            fact.basis,
            fact.currency,
            fact.to_bucket.label("bucket"),
            fact.contracts,
            fact.to_balance.label("balance"),
        )
        .where(fact.to_bucket.in_(inside))
        .subquery("later")
    )
    group = [later.c.as_of, later.c.basis, later.c.currency, later.c.bucket]
    whole: list[Any] = group[:3]
    contracts = _sum(later.c.contracts)
    balance = _money(later.c.balance)
    select = sa.select(
        *group,
        contracts.label("contracts"),
        _rate(contracts, sa.func.sum(contracts).over(partition_by=whole)).label("contract_share"),
        balance.label("balance"),
        _rate(balance, sa.func.sum(balance).over(partition_by=whole)).label("balance_share"),
    ).group_by(*group)
    return View(
        "v_bucket_month_end",
        "Bucket distribution 逾期分布 at month ends. Grain: month end x basis x currency x bucket. "
        "Source: roll_transition.",
        select,
        _named(
            ("as_of", "basis", "currency", "bucket"),
            {
                "contracts": "Contracts in the bucket.",
                "contract_share": "Their share of all contracts, 0 to 1.",
                "balance": "Their outstanding principal (all outstanding when the ledger gives no principal).",
                "balance_share": "Its share of the whole balance, 0 to 1.",
            },
        ),
    )


_ROLL = {
    "from_month_end": "The earlier month end.",
    "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
    "to_bucket": "Bucket at the later month end, or closed, written_off, left.",
    "contracts": "Contracts that went this way.",
    "start_contracts": "Contracts in from_bucket at the earlier month end.",
    "contract_rate": "contracts / start_contracts, 0 to 1.",
    "from_balance": "Balance, at the earlier month end, of the contracts that went this way.",
    "start_balance": "Balance in from_bucket at the earlier month end.",
    "balance_rate": "from_balance / start_balance, 0 to 1.",
}


def _roll(name: str, comment: str, *, by_product: bool) -> View:
    fact = RollTransition
    scope: list[Any] = [fact.as_of, fact.basis, *([fact.product] if by_product else []), fact.currency]
    group = [*scope, fact.from_month_end, fact.from_bucket, fact.to_bucket]
    whole: list[Any] = [*scope, fact.from_bucket]
    contracts = _sum(fact.contracts)
    balance = _money(fact.from_balance)
    start_contracts = sa.cast(sa.func.sum(contracts).over(partition_by=whole), sa.BigInteger)
    start_balance = sa.cast(sa.func.sum(balance).over(partition_by=whole), _MONEY)
    select = (
        sa.select(
            *group,
            contracts.label("contracts"),
            start_contracts.label("start_contracts"),
            _rate(contracts, start_contracts).label("contract_rate"),
            balance.label("from_balance"),
            start_balance.label("start_balance"),
            _rate(balance, start_balance).label("balance_rate"),
        )
        .where(fact.from_bucket != "new")
        .group_by(*group)
    )
    keys = ("as_of", "basis", *(("product",) if by_product else ()), "currency")
    return View(name, comment, select, _named(keys, _ROLL))


def _net_flow() -> View:
    fact = RollTransition
    starts = (
        sa.select(
            fact.as_of,
            fact.basis,
            fact.currency,
            fact.from_month_end,
            DimBucket.bucket_no,
            fact.from_bucket,
            _sum(fact.contracts).label("contracts"),
            _money(fact.from_balance).label("balance"),
        )
        .join(DimBucket, fact.from_bucket == DimBucket.bucket)
        .group_by(fact.as_of, fact.basis, fact.currency, fact.from_month_end, DimBucket.bucket_no, fact.from_bucket)
        .subquery("starts")
    )
    ends = (
        sa.select(
            fact.as_of,
            fact.basis,
            fact.currency,
            DimBucket.bucket_no,
            _sum(fact.contracts).label("contracts"),
            _money(fact.to_balance).label("balance"),
        )
        .join(DimBucket, fact.to_bucket == DimBucket.bucket)
        .group_by(fact.as_of, fact.basis, fact.currency, DimBucket.bucket_no)
        .subquery("ends")
    )
    following = sa.orm.aliased(DimBucket, name="following")
    end_contracts = sa.func.coalesce(ends.c.contracts, 0)
    end_balance = sa.func.coalesce(ends.c.balance, 0)
    select = sa.select(
        starts.c.as_of,
        starts.c.basis,
        starts.c.currency,
        starts.c.from_month_end,
        starts.c.from_bucket,
        following.bucket.label("to_bucket"),
        starts.c.contracts.label("start_contracts"),
        sa.cast(end_contracts, sa.BigInteger).label("end_contracts"),
        _rate(end_contracts, starts.c.contracts).label("contract_rate"),
        starts.c.balance.label("start_balance"),
        sa.cast(end_balance, _MONEY).label("end_balance"),
        _rate(end_balance, starts.c.balance).label("balance_rate"),
    ).select_from(
        starts.join(following, following.bucket_no == starts.c.bucket_no + 1).outerjoin(
            ends,
            sa.and_(
                ends.c.as_of == starts.c.as_of,
                ends.c.basis == starts.c.basis,
                ends.c.currency == starts.c.currency,
                ends.c.bucket_no == following.bucket_no,
            ),
        )
    )
    return View(
        "v_net_flow_rate",
        "Net-flow rate 滚动率: what is in the next bucket a month later, from wherever it came, divided by what was in "
        "the bucket. Another quantity than the roll rate of v_roll_rate, which follows a cohort; it may exceed 1. "
        "Grain: month end x basis x currency x bucket. Source: roll_transition.",
        select,
        _named(
            ("as_of", "basis", "currency"),
            {
                "from_month_end": "The earlier month end.",
                "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
                "to_bucket": "The next bucket, at the later month end.",
                "start_contracts": "Contracts in from_bucket at the earlier month end.",
                "end_contracts": "Contracts in to_bucket at the later month end.",
                "contract_rate": "end_contracts / start_contracts.",
                "start_balance": "Balance in from_bucket at the earlier month end.",
                "end_balance": "Balance in to_bucket at the later month end.",
                "balance_rate": "end_balance / start_balance.",
            },
        ),
    )


def _cure() -> View:
    fact = RollTransition
    start = sa.orm.aliased(DimBucket, name="start_bucket")
    end = sa.orm.aliased(DimBucket, name="end_bucket")
    group = [fact.as_of, fact.basis, fact.currency, fact.from_month_end, fact.from_bucket]
    cured = end.bucket_no == 0
    back = end.bucket_no < start.bucket_no
    stayed = end.bucket_no == start.bucket_no
    forward = end.bucket_no > start.bucket_no
    columns: list[Any] = []
    texts: dict[str, str] = {}
    contracts = _sum(fact.contracts)
    balance = _money(fact.from_balance)
    columns += [contracts.label("start_contracts"), balance.label("start_balance")]
    texts |= {
        "start_contracts": "Contracts in from_bucket at the earlier month end.",
        "start_balance": "Balance in from_bucket at the earlier month end.",
    }
    kinds = (
        ("cured", cured, "back in M0 (cure)"),
        ("rolled_back", back, "in any lower bucket, M0 included (roll-back 回退)"),
        ("stayed", stayed, "in the same bucket"),
        ("rolled_forward", forward, "in any higher bucket"),
        ("closed", fact.to_bucket == "closed", "closed meanwhile"),
    )
    for name, condition, meaning in kinds:
        count = sa.cast(sa.func.coalesce(sa.func.sum(fact.contracts).filter(condition), 0), sa.BigInteger)
        amount = sa.cast(sa.func.coalesce(sa.func.sum(fact.from_balance).filter(condition), 0), _MONEY)
        columns += [
            count.label(f"{name}_contracts"),
            _rate(count, contracts).label(f"{name}_contract_rate"),
            amount.label(f"{name}_balance"),
            _rate(amount, balance).label(f"{name}_balance_rate"),
        ]
        texts |= {
            f"{name}_contracts": f"Of these contracts, those that are {meaning} at the later month end.",
            f"{name}_contract_rate": "Their share of start_contracts, 0 to 1.",
            f"{name}_balance": "Their balance at the earlier month end.",
            f"{name}_balance_rate": "Its share of start_balance, 0 to 1.",
        }
    select = (
        sa.select(*group, *columns)
        .join(start, fact.from_bucket == start.bucket)
        .outerjoin(end, fact.to_bucket == end.bucket)
        .where(start.bucket_no > 0)
        .group_by(*group)
    )
    return View(
        "v_cure_rate",
        "Cure, roll-back 回退率, stay and roll-forward of overdue cohorts over a month. "
        "Grain: month end x basis x currency x bucket. Source: roll_transition.",
        select,
        _named(
            ("as_of", "basis", "currency"),
            {
                "from_month_end": "The earlier month end.",
                "from_bucket": "Bucket at the earlier month end; joins dim_bucket.",
                **texts,
            },
        ),
    )


def _collector_allocation() -> View:
    fact = CaseAssignment
    group = [fact.as_of, fact.basis, fact.collector_id, fact.team]
    select = (
        sa.select(
            *group,
            sa.func.count().label("cases"),
            sa.func.count().filter(fact.source == "auto").label("new_cases"),
            sa.func.count().filter(fact.source == "kept").label("kept_cases"),
            _sum(fact.contracts).label("contracts"),
            _money(fact.overdue_amount).label("overdue_amount"),
            _money(fact.outstanding_amount).label("outstanding_amount"),
        )
        .where(fact.collector_id.is_not(None))
        .group_by(*group)
    )
    return View(
        "v_collector_allocation",
        "Cases in hand per collector at the opening. Grain: day x basis x collector. Source: case_assignment.",
        select,
        _named(
            ("as_of", "basis", "collector_id", "team"),
            {
                "cases": "Cases in hand.",
                "new_cases": "Of them given today.",
                "kept_cases": "Of them kept from before.",
                "contracts": "Overdue contracts of the cases.",
                "overdue_amount": "What they owe overdue.",
                "outstanding_amount": "All that their overdue contracts still have to pay.",
            },
        ),
    )


def _team_load() -> View:
    fact = CaseAssignment
    group = [fact.as_of, fact.basis, fact.team]
    heads = sa.func.count(fact.collector_id.distinct())
    select = (
        sa.select(
            *group,
            sa.func.count().label("cases"),
            heads.label("collectors"),
            _rate(sa.func.count(), heads).label("cases_per_head"),
            _money(fact.overdue_amount).label("overdue_amount"),
            sa.cast(sa.func.sum(fact.overdue_amount) / sa.func.nullif(heads, 0), _MONEY).label("overdue_per_head"),
        )
        .where(fact.collector_id.is_not(None))
        .group_by(*group)
    )
    return View(
        "v_team_load",
        "Cases per head 人均在手 at the opening; heads are the collectors with a case. Grain: day x basis x team. "
        "Source: case_assignment.",
        select,
        _named(
            ("as_of", "basis", "team"),
            {
                "cases": "Cases in hand.",
                "collectors": "Collectors with any of them.",
                "cases_per_head": "cases / collectors.",
                "overdue_amount": "What the cases owe overdue.",
                "overdue_per_head": "overdue_amount / collectors.",
            },
        ),
    )


def _collector_rates() -> View:
    fact = CollectorDay
    select = sa.select(
        fact.as_of,
        fact.basis,
        fact.collector_id,
        fact.team,
        fact.cases,
        fact.touched_cases,
        _rate(fact.touched_cases, fact.cases).label("coverage_rate"),
        _rate(fact.case_contacts, fact.touched_cases).label("contact_intensity"),
        fact.attempts,
        _rate(fact.connected_attempts, fact.attempts).label("connect_rate_by_dial"),
        _rate(fact.connected_customers, fact.tried_customers).label("connect_rate_by_case"),
        _rate(fact.right_party_attempts, fact.attempts).label("right_party_rate"),
        _rate(fact.promises, fact.right_party_attempts).label("promise_rate"),
        _rate(fact.promises_kept, fact.promises_due).label("kept_rate"),
        _rate(fact.kept_promise_amount, fact.due_promise_amount).label("kept_amount_rate"),
        _rate(fact.paid_cases, fact.cases).label("paid_case_rate"),
        fact.recovered_amount,
        fact.overdue_amount,
        _rate(fact.recovered_amount, fact.overdue_amount).label("recovery_rate"),
        _rate(fact.blocked_contacts, fact.planned_contacts).label("blocked_rate"),
        fact.target_amount,
        _rate(fact.recovered_amount, fact.target_amount).label("attainment"),
    )
    return View(
        "v_collector_rate",
        "Rates of a collector's finished day; result and process figures belong together (a collector is not judged "
        "by recovered amount alone). Grain: day x basis x collector. Source: collector_day.",
        select,
        _named(
            ("as_of", "basis", "collector_id", "team"),
            {
                "cases": "Own cases: those that are credited to him on the day.",
                "touched_cases": "Of them with a contact attempt.",
                "coverage_rate": "Coverage 覆盖率: touched_cases / cases.",
                "contact_intensity": "Contact intensity 渗透率: contacts / touched cases.",
                "attempts": "Attempts that the collector made.",
                "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
                "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
                "right_party_rate": "Right-party contacts / attempts.",
                "promise_rate": "Promises / right-party contacts.",
                "kept_rate": "Kept rate 承诺兑现率 by count: promises kept / promises due.",
                "kept_amount_rate": "The same by amount.",
                "paid_case_rate": "Own cases that paid / own cases.",
                "recovered_amount": "What own cases paid, at most what they owed overdue.",
                "overdue_amount": "What own cases owed overdue at the opening.",
                "recovery_rate": "Recovery rate 回收率: recovered_amount / overdue_amount.",
                "blocked_rate": "Contacts blocked by policy / contacts that the strategy wanted.",
                "target_amount": "What he was to recover that day; NULL: nothing was asked.",
                "attainment": "Target attainment 达成率: recovered_amount / target_amount.",
            },
        ),
    )


def _team_rates() -> View:
    fact = TeamDay
    heads = fact.present_collectors
    select = sa.select(
        fact.as_of,
        fact.basis,
        fact.team,
        fact.collectors,
        fact.present_collectors,
        fact.cases,
        _rate(fact.cases, heads).label("cases_per_head"),
        fact.recovered_amount,
        sa.cast(fact.recovered_amount / sa.func.nullif(heads, 0), _MONEY).label("recovered_per_head"),
        fact.target_amount,
        _rate(fact.recovered_for_target, fact.target_amount).label("attainment"),
        fact.overdue_amount,
        _rate(fact.recovered_amount, fact.overdue_amount).label("recovery_rate"),
        fact.touched_cases,
        _rate(fact.touched_cases, fact.cases).label("coverage_rate"),
        _rate(fact.case_contacts, fact.touched_cases).label("contact_intensity"),
        fact.attempts,
        _rate(fact.connected_attempts, fact.attempts).label("connect_rate_by_dial"),
        _rate(fact.connected_customers, fact.tried_customers).label("connect_rate_by_case"),
        _rate(fact.promises, fact.right_party_attempts).label("promise_rate"),
        _rate(fact.promises_kept, fact.promises_due).label("kept_rate"),
        _rate(fact.kept_promise_amount, fact.due_promise_amount).label("kept_amount_rate"),
        _rate(fact.blocked_contacts, fact.planned_contacts).label("blocked_rate"),
    )
    return View(
        "v_team_rate",
        "Target attainment, cases per head, productivity and the process figures of a team's finished day. Grain: day "
        "x basis x team. Source: team_day.",
        select,
        _named(
            ("as_of", "basis", "team"),
            {
                "collectors": "Collectors of the team.",
                "present_collectors": "Of them at work that day.",
                "cases": "Cases credited to the team's collectors.",
                "cases_per_head": "Cases per head 人均在手: cases / present_collectors.",
                "recovered_amount": "What these cases paid, at most what they owed overdue.",
                "recovered_per_head": "Productivity 人均产能: recovered_amount / present_collectors.",
                "target_amount": "What was to be recovered; NULL: nothing was asked.",
                "attainment": "Target attainment 达成率: recovered by those who had a target / target_amount.",
                "overdue_amount": "What the cases owed overdue at the opening.",
                "recovery_rate": "Recovery rate 回收率: recovered_amount / overdue_amount.",
                "touched_cases": "Cases with a contact attempt.",
                "coverage_rate": "Coverage 覆盖率: touched_cases / cases.",
                "contact_intensity": "Contact intensity 渗透率: contacts / touched cases.",
                "attempts": "Attempts that the team's collectors made.",
                "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
                "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
                "promise_rate": "Promises / right-party contacts.",
                "kept_rate": "Kept rate 承诺兑现率 by count: promises kept / promises due.",
                "kept_amount_rate": "The same by amount.",
                "blocked_rate": "Contacts blocked by policy / contacts that the strategy wanted.",
            },
        ),
    )


def _channel_rates() -> View:
    fact = ChannelDay
    select = sa.select(
        fact.as_of,
        fact.basis,
        fact.channel,
        fact.source,
        fact.tasks,
        _rate(fact.blocked_tasks, fact.tasks).label("blocked_rate"),
        fact.attempts,
        _rate(fact.sent_attempts, fact.attempts).label("sent_rate"),
        _rate(fact.delivered_attempts, fact.attempts).label("delivery_rate"),
        _rate(fact.connected_attempts, fact.attempts).label("connect_rate_by_dial"),
        _rate(fact.connected_customers, fact.tried_customers).label("connect_rate_by_case"),
        _rate(fact.right_party_attempts, fact.attempts).label("right_party_rate"),
        _rate(fact.failed_attempts, fact.attempts).label("failure_rate"),
        _rate(fact.answered_attempts, fact.attempts).label("answer_rate"),
        _rate(fact.promised_attempts, fact.answered_attempts).label("promise_rate"),
        _rate(fact.paid_attempts, fact.sent_attempts).label("paid_rate"),
    )
    return View(
        "v_channel_rate",
        "Rates of a channel's finished day. Grain: day x basis x channel x source. Source: channel_day.",
        select,
        _named(
            ("as_of", "basis", "channel"),
            {
                "source": "arrears: sent by Arrears; ledger: reported by the lender's other systems.",
                "tasks": "Contacts that the strategy wanted.",
                "blocked_rate": "Compliance: blocked contacts / contacts that the strategy wanted.",
                "attempts": "Contact attempts.",
                "sent_rate": "Attempts that the provider took / attempts.",
                "delivery_rate": "Attempts that are known to have arrived / attempts.",
                "connect_rate_by_dial": "Connect rate 接通率: connected attempts / attempts.",
                "connect_rate_by_case": "Connect rate 接通率: connected customers / tried customers.",
                "right_party_rate": "Right-party contacts (RPC) / attempts.",
                "failure_rate": "Failed attempts / attempts.",
                "answer_rate": "Attempts by which somebody was reached or that were answered / attempts.",
                "promise_rate": "Attempts of which a promise came / answered attempts.",
                "paid_rate": "Attempts whose customer paid on the day / attempts that the provider took.",
            },
        ),
    )


def _contact_plan_rates() -> View:
    fact = ContactPlanDay
    group = [fact.as_of, fact.basis, fact.channel]
    tasks = _sum(fact.tasks)
    select = sa.select(
        *group,
        tasks.label("tasks"),
        _sum(fact.planned_tasks).label("planned_tasks"),
        _sum(fact.approval_tasks).label("approval_tasks"),
        _sum(fact.blocked_tasks).label("blocked_tasks"),
        _sum(fact.cut_tasks).label("cut_tasks"),
        _rate(_sum(fact.blocked_tasks), tasks).label("blocked_rate"),
    ).group_by(*group)
    return View(
        "v_contact_plan",
        "Contacts planned at the opening, per channel. Grain: day x basis x channel. Source: contact_plan_day.",
        select,
        _named(
            ("as_of", "basis", "channel"),
            {
                "tasks": "Contacts that the strategy wants.",
                "planned_tasks": "Of them planned.",
                "approval_tasks": "Planned ones that a person must approve first.",
                "blocked_tasks": "Of them blocked by policy, consent or hold.",
                "cut_tasks": "Of them cut by the daily cap.",
                "blocked_rate": "blocked_tasks / tasks.",
            },
        ),
    )


def _pool_rates() -> View:
    offer, closing = PoolOfferDay, PoolDay
    select = sa.select(
        offer.as_of,
        offer.basis,
        offer.queue,
        offer.cases,
        offer.offered_cases,
        _rate(offer.offered_cases, offer.cases).label("offered_share"),
        offer.offered_amount,
        closing.grabbed_cases,
        _rate(closing.grabbed_cases, closing.offered_cases).label("grabbed_rate"),
        closing.expired_cases,
        _rate(closing.grab_minutes, closing.grabbed_cases).label("minutes_to_grab"),
        _rate(closing.grabbed_recovered_amount, closing.grabbed_amount).label("grabbed_recovery_rate"),
        _rate(closing.allocated_recovered_amount, closing.allocated_amount).label("allocated_recovery_rate"),
    ).select_from(
        sa.outerjoin(
            offer,
            closing,
            sa.and_(offer.as_of == closing.as_of, offer.basis == closing.basis, offer.queue == closing.queue),
        )
    )
    return View(
        "v_pool",
        "The grab pool 抢单: offered at the opening, and what came of it once the day is over (NULL until then). "
        "Grain: day x basis x queue. Source: pool_offer_day, pool_day.",
        select,
        _named(
            ("as_of", "basis", "queue"),
            {
                "cases": "Cases of the queue.",
                "offered_cases": "Of them in the pool at the opening.",
                "offered_share": "offered_cases / cases.",
                "offered_amount": "Overdue amount of the offered cases.",
                "grabbed_cases": "Cases that collectors grabbed that day.",
                "grabbed_rate": "grabbed_cases / offered_cases.",
                "expired_cases": "Offered cases that nobody grabbed that day.",
                "minutes_to_grab": "Mean minutes that a grabbed case lay in the pool.",
                "grabbed_recovery_rate": "Recovered / overdue of the grabbed cases.",
                "allocated_recovery_rate": "Recovered / overdue of the allocated cases, to compare.",
            },
        ),
    )


def _allocation_fairness() -> View:
    fact = AllocationFairness
    return View(
        "v_allocation_fairness",
        "How even the split 案件分配 is: highest less lowest between collectors, also as a share of their mean. "
        "Grain: day x basis x queue x measure x moment. Source: allocation_fairness.",
        sa.select(
            fact.as_of,
            fact.basis,
            fact.queue,
            fact.measure,
            fact.moment,
            fact.collectors,
            fact.lowest,
            fact.highest,
            fact.mean,
            (fact.highest - fact.lowest).label("spread"),
            _rate(fact.highest - fact.lowest, fact.mean).label("spread_share"),
        ),
        _named(
            ("as_of", "basis", "queue"),
            {
                "measure": "cases, overdue_amount, expected_recovery, difficulty or exposure.",
                "moment": "before or after the split.",
                "collectors": "Collectors at work and trained for the queue.",
                "lowest": "Lowest figure of a collector.",
                "highest": "Highest figure of a collector.",
                "mean": "Mean of the collectors.",
                "spread": "highest - lowest.",
                "spread_share": "spread / mean.",
            },
        ),
    )


def _pool_outcomes() -> View:
    fact = PoolDay
    select = sa.select(
        fact.as_of,
        fact.basis,
        fact.queue,
        fact.grabbed_cases,
        _rate(fact.grab_minutes, fact.grabbed_cases).label("minutes_to_grab"),
        fact.grab_minutes_median,
        fact.grab_minutes_p90,
        _rate(fact.grabbed_recovered_amount, fact.grabbed_amount).label("grabbed_recovery_rate"),
        _rate(fact.grabbed_cured_cases, fact.grabbed_cases).label("grabbed_cure_rate"),
        _rate(fact.grabbed_touched_cases, fact.grabbed_cases).label("grabbed_coverage_rate"),
        _rate(fact.grabbed_contacts, fact.grabbed_cases).label("grabbed_contacts_per_case"),
        fact.allocated_cases,
        _rate(fact.allocated_recovered_amount, fact.allocated_amount).label("allocated_recovery_rate"),
        _rate(fact.allocated_cured_cases, fact.allocated_cases).label("allocated_cure_rate"),
        _rate(fact.allocated_touched_cases, fact.allocated_cases).label("allocated_coverage_rate"),
        _rate(fact.allocated_contacts, fact.allocated_cases).label("allocated_contacts_per_case"),
    )
    return View(
        "v_pool_outcome",
        "Time to grab, and what came of grabbed cases beside allocated ones, on a finished day. "
        "Grain: day x basis x queue. Source: pool_day.",
        select,
        _named(
            ("as_of", "basis", "queue"),
            {
                "grabbed_cases": "Cases of the opening's pool that collectors grabbed that day.",
                "minutes_to_grab": "Mean minutes that a grabbed case lay in the pool.",
                "grab_minutes_median": "Minutes within which half of them were grabbed.",
                "grab_minutes_p90": "Minutes within which nine of ten of them were grabbed.",
                "grabbed_recovery_rate": "Recovered / overdue of the grabbed cases.",
                "grabbed_cure_rate": "Grabbed cases that paid all that was overdue / grabbed cases.",
                "grabbed_coverage_rate": "Touched grabbed cases / grabbed cases.",
                "grabbed_contacts_per_case": "Contact attempts / grabbed cases.",
                "allocated_cases": "Cases that had an owner at the opening.",
                "allocated_recovery_rate": "Recovered / overdue of the allocated cases.",
                "allocated_cure_rate": "Allocated cases that paid all that was overdue / allocated cases.",
                "allocated_coverage_rate": "Touched allocated cases / allocated cases.",
                "allocated_contacts_per_case": "Contact attempts / allocated cases.",
            },
        ),
    )


def _source_outcomes() -> View:
    fact = CaseInterval
    group = [fact.as_of, fact.basis, fact.queue, fact.source]
    cases = sa.func.count()
    cured = sa.func.count().filter(fact.cured)
    select = (
        sa.select(
            *group,
            cases.label("cases"),
            _money(fact.overdue_amount).label("overdue_amount"),
            _money(fact.recovered_amount).label("recovered_amount"),
            _rate(_money(fact.recovered_amount), _money(fact.overdue_amount)).label("recovery_rate"),
            cured.label("cured_cases"),
            _rate(cured, cases).label("cure_rate"),
            _sum(fact.contacts).label("contacts"),
            _rate(_sum(fact.contacts), cases).label("contacts_per_case"),
        )
        .where(fact.is_credited)
        .group_by(*group)
    )
    return View(
        "v_source_outcome",
        "What came of cases by how their owner came by them: split, grabbed, given by hand, recalled, or in the pool. "
        "Each case counts for the interval that its day is credited to. Grain: day x basis x queue x source. "
        "Source: case_interval.",
        select,
        _named(
            ("as_of", "basis", "queue"),
            {
                "source": "auto, grab, manual, recall or pool.",
                "cases": "Cases.",
                "overdue_amount": "What they owed overdue at the opening.",
                "recovered_amount": "What they paid that day, per case at most what was overdue.",
                "recovery_rate": "recovered_amount / overdue_amount.",
                "cured_cases": "Cases that paid all that was overdue.",
                "cure_rate": "cured_cases / cases.",
                "contacts": "Contact attempts at them.",
                "contacts_per_case": "contacts / cases.",
            },
        ),
    )


def _overdue_by_product() -> View:
    fact = PortfolioDay
    group = [fact.as_of, fact.basis, fact.product, fact.currency]
    contracts = _sum(fact.contracts)
    overdue = _sum(fact.overdue_contracts)
    amount = _money(fact.outstanding_amount)
    overdue_amount = _money(fact.overdue_amount)
    select = sa.select(
        *group,
        contracts.label("contracts"),
        overdue.label("overdue_contracts"),
        _rate(overdue, contracts).label("overdue_contract_share"),
        amount.label("outstanding_amount"),
        overdue_amount.label("overdue_amount"),
        _rate(overdue_amount, amount).label("overdue_amount_share"),
    ).group_by(*group)
    return View(
        "v_product_overdue",
        "How much of each product is overdue. Grain: day x basis x product x currency. Source: portfolio_day.",
        select,
        _named(
            ("as_of", "basis", "product", "currency"),
            {
                "contracts": "Contracts in the book.",
                "overdue_contracts": "Of them with days past due above 0.",
                "overdue_contract_share": "overdue_contracts / contracts.",
                "outstanding_amount": "All that is still to be paid.",
                "overdue_amount": "What is unpaid of all that fell due.",
                "overdue_amount_share": "overdue_amount / outstanding_amount.",
            },
        ),
    )


def _loan_region() -> View:
    fact = LoanDaily
    group = [fact.as_of, fact.basis, fact.region, fact.currency, fact.bucket]
    select = sa.select(
        *group,
        sa.func.count().label("contracts"),
        sa.func.count().filter(fact.repeated).label("repeated_contracts"),
        _money(fact.overdue_amount).label("overdue_amount"),
        _money(fact.outstanding_amount).label("outstanding_amount"),
    ).group_by(*group)
    return View(
        "v_region_overdue",
        "Overdue contracts by region and bucket. Grain: day x basis x region x currency x bucket. Source: loan_daily.",
        select,
        _named(
            ("as_of", "basis", "currency", "bucket"),
            {
                "region": "Region of the contract.",
                "contracts": "Overdue contracts.",
                "repeated_contracts": "Of them in a repeated spell of arrears.",
                "overdue_amount": "What is unpaid of all that fell due.",
                "outstanding_amount": "All that is still to be paid.",
            },
        ),
    )


def _arm_results(name: str, comment: str, *, by_period: bool) -> View:
    texts = {
        "experiment": "Experiment; joins dim_arm.",
        **({"shares_from": "First entry day of the shares under which the cases entered."} if by_period else {}),
        "arm": "Arm; joins dim_arm.",
        **arm_views.column_texts(),
    }
    return View(name, comment, arm_views.arm_select(by_period=by_period), _named(("as_of", "basis"), texts))


VIEWS: tuple[View, ...] = (
    _portfolio_bucket(),
    _month_end_bucket(),
    _roll(
        "v_roll_rate",
        "Roll rate 迁徙率 of cohorts: of what was in a bucket at a month end, the share that is in each bucket at the "
        "next; those that left the book stay in the denominator. Grain: month end x basis x currency x from bucket x "
        "to bucket. Source: roll_transition.",
        by_product=False,
    ),
    _roll(
        "v_product_roll_rate",
        "Roll rate 迁徙率 of cohorts per product. Grain: month end x basis x product x currency x from bucket x to "
        "bucket. Source: roll_transition.",
        by_product=True,
    ),
    _net_flow(),
    _cure(),
    _overdue_by_product(),
    _loan_region(),
    _collector_allocation(),
    _team_load(),
    _collector_rates(),
    _team_rates(),
    _contact_plan_rates(),
    _channel_rates(),
    _pool_rates(),
    _allocation_fairness(),
    _pool_outcomes(),
    _source_outcomes(),
    _arm_results(
        "v_arm_result",
        "Results of experiments 冠军挑战者 so far, per arm, with confidence intervals, and whether to read them yet. "
        "Grain: day x basis x experiment x arm. Source: arm_result.",
        by_period=False,
    ),
    _arm_results(
        "v_arm_period_result",
        "Results of experiments so far, per arm and period of the same shares: what to read after shares changed. "
        "Grain: day x basis x experiment x period of shares x arm. Source: arm_result.",
        by_period=True,
    ),
)
"""All views of the mart, in the order in which they can be created."""


def view(name: str) -> View:
    """The view called `name`; KeyError if there is none."""
    return {each.name: each for each in VIEWS}[name]
