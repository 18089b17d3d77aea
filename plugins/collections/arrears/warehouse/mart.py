"""Tables of the star schema that BI reads (schema mart).

Facts are keyed by business day and basis first: a run replaces its days, nothing else. Dimensions hold the members
that facts name, as the newest loaded day knew them. There is nothing personal in any of them (no names, addresses,
protected attributes or anything derived from the profile), and no load times, so that a day loaded twice is the same
row for row. Shares are not stored: they are made in the views (`arrears.warehouse.mart_views`), each beside its
numerator and its denominator, by count and by amount.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from arrears.warehouse.base import MART, Base


def _text_key(comment: str) -> Mapped[str]:
    return mapped_column(sa.Text, primary_key=True, comment=comment)


def _text(comment: str) -> Mapped[str]:
    return mapped_column(sa.Text, comment=comment)


def _maybe_text(comment: str) -> Mapped[str | None]:
    return mapped_column(sa.Text, nullable=True, comment=comment)


def _count(comment: str) -> Mapped[int]:
    return mapped_column(sa.BigInteger, comment=comment)


def _maybe_count(comment: str) -> Mapped[int | None]:
    return mapped_column(sa.BigInteger, nullable=True, comment=comment)


def _money(comment: str) -> Mapped[Decimal]:
    return mapped_column(sa.Numeric(18, 2), comment=comment)


def _maybe_money(comment: str) -> Mapped[Decimal | None]:
    return mapped_column(sa.Numeric(18, 2), nullable=True, comment=comment)


def _maybe_share(comment: str) -> Mapped[Decimal | None]:
    return mapped_column(sa.Numeric(9, 6), nullable=True, comment=comment)


def _day(comment: str) -> Mapped[date]:
    return mapped_column(sa.Date, comment=comment)


def _maybe_day(comment: str) -> Mapped[date | None]:
    return mapped_column(sa.Date, nullable=True, comment=comment)


def _described(comment: str) -> dict[str, Any]:
    return {"schema": MART, "comment": comment}


_BASIS = "frozen: what the day's own run knew, stays; restated: the past day computed again from a later ledger."
_KNOWN = "Business day of the run whose ledger and results the figures come from."
_METRIC = "What decides: cure, roll, or recovered."
_WITHIN = "Days after entry in which a case's result is measured; it counts once they have passed (matured)."
_CURRENCY = "ISO 4217 code of the amounts; XXX when the ledger names none."


class _Fact:
    """The two leading key columns of every fact."""

    as_of: Mapped[date] = mapped_column(
        sa.Date, primary_key=True, sort_order=-20, comment="Business day that the figures are about; joins dim_date."
    )
    basis: Mapped[str] = mapped_column(sa.Text, primary_key=True, sort_order=-19, comment=_BASIS)


# Dimensions


class DimDate(Base):
    """Calendar."""

    __tablename__ = "dim_date"
    __table_args__ = (_described("Calendar days of the years that facts are about. Grain: day. Source: the calendar."),)

    day: Mapped[date] = mapped_column("date", sa.Date, primary_key=True, comment="Day in the lender's time zone.")
    year: Mapped[int] = mapped_column(comment="Year.")
    quarter: Mapped[int] = mapped_column(comment="Quarter of the year, 1 to 4.")
    month: Mapped[int] = mapped_column(comment="Month of the year, 1 to 12.")
    month_start: Mapped[date] = mapped_column(sa.Date, comment="First day of the month, to group months by.")
    month_end: Mapped[date] = mapped_column(sa.Date, comment="Last day of the month.")
    iso_year: Mapped[int] = mapped_column(comment="Year of the ISO 8601 week.")
    iso_week: Mapped[int] = mapped_column(comment="ISO 8601 week, 1 to 53.")
    iso_weekday: Mapped[int] = mapped_column(comment="Day of the week, 1 Monday to 7 Sunday.")
    is_month_end: Mapped[bool] = mapped_column(comment="Whether it is the last day of its month.")


class DimContract(Base):
    """Contracts."""

    __tablename__ = "dim_contract"
    __table_args__ = (
        _described(
            "Contracts that any fact names (those that were ever overdue). Grain: contract, as last known. "
            "Source: ledger contracts."
        ),
    )

    contract_id: Mapped[str] = _text_key("Key of the contract in the lender's ledger.")
    customer_id: Mapped[str] = _text("Customer; joins dim_customer.")
    product: Mapped[str] = _text("Product; joins dim_product.")
    currency: Mapped[str] = _text(_CURRENCY)
    region: Mapped[str | None] = _maybe_text("Region of the contract.")
    dealer_id: Mapped[str | None] = _maybe_text("Dealer; joins dim_dealer.")
    vehicle_key: Mapped[str] = _text("Kind of vehicle; joins dim_vehicle.")
    originated_on: Mapped[date] = _day("Day of disbursement.")
    origination_month: Mapped[date] = _day("First day of the month of disbursement.")
    term_months: Mapped[int] = mapped_column(comment="Agreed term in months.")
    principal: Mapped[Decimal] = _money("Amount disbursed, in the contract's currency.")
    annual_rate: Mapped[float | None] = mapped_column(sa.Double, comment="Nominal yearly rate, 0.12 for 12 %.")
    vehicle_value: Mapped[Decimal | None] = _maybe_money("Value of the vehicle at origination.")
    closed_on: Mapped[date | None] = _maybe_day("Day the contract left the book.")
    written_off_on: Mapped[date | None] = _maybe_day("Day the contract was written off.")


class DimCustomer(Base):
    """Customers, without anything personal."""

    __tablename__ = "dim_customer"
    __table_args__ = (
        _described(
            "Customers that any fact names; no personal and no protected attributes. Grain: customer, as last known. "
            "Source: ledger customers, contracts."
        ),
    )

    customer_id: Mapped[str] = _text_key("Key of the customer in the lender's ledger.")
    region: Mapped[str | None] = _maybe_text("Region of residence.")
    customer_since: Mapped[date] = _day("Day of the customer's first disbursement.")


class DimProduct(Base):
    """Products."""

    __tablename__ = "dim_product"
    __table_args__ = (
        _described("Products of the book. Grain: product. Source: ledger contracts, labels of kpi.yaml."),
    )

    product: Mapped[str] = _text_key("Code of the product in the ledger.")
    label_en: Mapped[str] = _text("Name in English.")
    label_zh: Mapped[str] = _text("Name in Chinese.")


class DimVehicle(Base):
    """Kinds of vehicle."""

    __tablename__ = "dim_vehicle"
    __table_args__ = (
        _described(
            "Kinds of vehicle of the contracts in dim_contract. Grain: kind of vehicle. Source: ledger contracts."
        ),
    )

    vehicle_key: Mapped[str] = _text_key("Type, model, model year and new or used, joined by |.")
    vehicle_type: Mapped[str | None] = _maybe_text("heavy_truck, light_truck, bus, truck, suv, car, …")
    vehicle_model: Mapped[str | None] = _maybe_text("Make and model.")
    vehicle_model_year: Mapped[int | None] = mapped_column(comment="Model year.")
    vehicle_new: Mapped[bool | None] = mapped_column(comment="True when it was new at origination.")


class DimDealer(Base):
    """Dealers."""

    __tablename__ = "dim_dealer"
    __table_args__ = (
        _described("Dealers of the contracts in dim_contract. Grain: dealer, as last known. Source: ledger contracts."),
    )

    dealer_id: Mapped[str] = _text_key("Key of the dealer in the ledger.")
    main_region: Mapped[str | None] = _maybe_text("Region of most of the dealer's contracts.")


class DimCollector(Base):
    """Collectors, without names."""

    __tablename__ = "dim_collector"
    __table_args__ = (
        _described("Collectors, without names. Grain: collector, as last known. Source: ledger collectors."),
    )

    collector_id: Mapped[str] = _text_key("Key of the collector.")
    label: Mapped[str] = _text("Id and team, to show in charts.")
    team: Mapped[str | None] = _maybe_text("Team; joins dim_team.")
    queues: Mapped[str | None] = _maybe_text("Queues that the collector works, comma separated; NULL: all.")
    regions: Mapped[str | None] = _maybe_text("Regions that the collector works, comma separated; NULL: all.")
    daily_quota: Mapped[int | None] = mapped_column(comment="New cases a day; NULL: no quota.")
    capacity: Mapped[int | None] = mapped_column(comment="Cases in hand at most; NULL: no limit.")
    active_from: Mapped[date | None] = _maybe_day("First working day.")
    active_to: Mapped[date | None] = _maybe_day("First day after leaving; NULL while employed.")


class DimTeam(Base):
    """Teams."""

    __tablename__ = "dim_team"
    __table_args__ = (_described("Teams of collectors. Grain: team, as last known. Source: ledger collectors."),)

    team: Mapped[str] = _text_key("Team; empty: those without one.")
    collectors: Mapped[int] = _count("Collectors of the team, whether present or not.")


class DimBucket(Base):
    """Buckets."""

    __tablename__ = "dim_bucket"
    __table_args__ = (
        _described("Buckets of delinquent days, as last set. Grain: bucket. Source: ageing.yaml, labels of kpi.yaml."),
    )

    bucket: Mapped[str] = _text_key("Bucket, M0 for current.")
    bucket_no: Mapped[int] = mapped_column(comment="Order of the buckets, 0 for current.")
    class_: Mapped[str] = mapped_column("class", sa.Text, comment="current, low, mid or high.")
    class_label_en: Mapped[str] = _text("Name of the class in English.")
    class_label_zh: Mapped[str] = _text("Name of the class in Chinese.")
    from_day: Mapped[int] = mapped_column(comment="First delinquent day of the bucket.")
    to_day: Mapped[int | None] = mapped_column(comment="Last delinquent day of the bucket; NULL: open.")


class DimChannel(Base):
    """Channels."""

    __tablename__ = "dim_channel"
    __table_args__ = (
        _described("Channels of contact. Grain: channel. Source: contact plan, contact results, labels of kpi.yaml."),
    )

    channel: Mapped[str] = _text_key("Code of the channel.")
    label_en: Mapped[str] = _text("Name in English.")
    label_zh: Mapped[str] = _text("Name in Chinese.")


class DimArm(Base):
    """Arms of experiments."""

    __tablename__ = "dim_arm"
    __table_args__ = (
        _described(
            "Arms of the declared experiments (champion and challengers), as last declared. Grain: experiment x arm. "
            "Source: experiments.yaml."
        ),
    )

    experiment: Mapped[str] = _text_key("Experiment.")
    arm: Mapped[str] = _text_key("Arm.")
    meaning: Mapped[str] = _text("What is done in the arm.")
    is_champion: Mapped[bool] = mapped_column(comment="Whether the other arms are compared to it.")
    hypothesis: Mapped[str] = _text("What the experiment is to show.")
    owner: Mapped[str] = _text("Who answers for it.")
    reason: Mapped[str] = _text("Why it is made.")
    metric: Mapped[str] = _text(_METRIC)
    within_days: Mapped[int] = mapped_column(comment=_WITHIN)
    baseline: Mapped[Decimal] = mapped_column(
        sa.Numeric(18, 6), comment="What the champion is expected to give: a share, 0 to 1, or an amount per case."
    )
    minimum_effect: Mapped[Decimal] = mapped_column(
        sa.Numeric(18, 6), comment="Smallest difference to the champion that is worth finding, in that unit."
    )
    alpha: Mapped[Decimal] = mapped_column(
        sa.Numeric(9, 6), comment="Chance of calling a difference that is none, 0 to 1, over all comparisons."
    )
    power: Mapped[Decimal] = mapped_column(
        sa.Numeric(9, 6), comment="Chance of finding the minimum effect if it is there, 0 to 1."
    )
    starts_on: Mapped[date] = _day("First entry day of its cases.")
    ends_on: Mapped[date | None] = _maybe_day("Last entry day; NULL: open.")


class DimStrategy(Base):
    """Versions of the rule set."""

    __tablename__ = "dim_strategy"
    __table_args__ = (
        _described("Contents of the rule set that decided any day. Grain: content hash. Source: include/rules."),
    )

    rule_set_hash: Mapped[str] = _text_key("SHA-256 of all rule files; the lake keeps them under _rules/<hash>.")
    rule_set: Mapped[str] = _text("Name of the rule set.")
    rule_set_version: Mapped[int] = mapped_column(comment="Version that the strategy managers gave it.")
    valid_from: Mapped[date] = _day("First day that it may decide.")
    reason: Mapped[str] = _text("Why it was changed.")


# Opening facts: what the morning run of a day found and decided


class RunDay(_Fact, Base):
    """Which days are loaded."""

    __tablename__ = "run_day"
    __table_args__ = (
        _described(
            "Days that are loaded, and the book as a whole. Grain: day x basis. Source: snapshot, treatment, cases."
        ),
    )

    rule_set_hash: Mapped[str] = _text("Rules of the day; joins dim_strategy.")
    contracts: Mapped[int] = _count("Contracts in the book.")
    overdue_contracts: Mapped[int] = _count("Contracts with an unmet instalment, days past due above 0.")
    held_contracts: Mapped[int] = _count("Contracts that a hold keeps from treatment, bad data included.")
    data_quality_holds: Mapped[int] = _count("Contracts that are held because a row of theirs is in quarantine.")
    cases: Mapped[int] = _count("Customers with an overdue contract.")
    working_cases: Mapped[int] = _count("Cases in a queue, owned or in the pool.")


class PortfolioDay(_Fact, Base):
    """The book by bucket."""

    __tablename__ = "portfolio_day"
    __table_args__ = (
        _described(
            "The book by bucket at the opening (bucket distribution 逾期分布). Grain: day x basis x product x "
            "currency x bucket. Source: snapshot."
        ),
    )

    product: Mapped[str] = _text_key("Product; joins dim_product.")
    currency: Mapped[str] = _text_key(_CURRENCY)
    bucket: Mapped[str] = _text_key("Bucket of delinquent days; joins dim_bucket.")
    class_: Mapped[str] = mapped_column("class", sa.Text, comment="current, low, mid or high, on that day.")
    contracts: Mapped[int] = _count("Contracts in the book.")
    overdue_contracts: Mapped[int] = _count("Of them with days past due above 0 (in M0: within grace or paused).")
    repeated_contracts: Mapped[int] = _count("Of them in a repeated spell of arrears.")
    held_contracts: Mapped[int] = _count("Of them held.")
    principal: Mapped[Decimal] = _money("Principal disbursed.")
    outstanding_amount: Mapped[Decimal] = _money("All that is still to be paid, due or not.")
    outstanding_principal: Mapped[Decimal | None] = _maybe_money(
        "Principal still to be paid; NULL when the ledger does not give the parts of instalments."
    )
    overdue_amount: Mapped[Decimal] = _money("What is unpaid of all that fell due.")


class LoanDaily(_Fact, Base):
    """Overdue contracts."""

    __tablename__ = "loan_daily"
    __table_args__ = (
        _described(
            "Contracts with an unmet instalment (days past due above 0) at the opening. Grain: day x basis x contract. "
            "Source: treatment, snapshot."
        ),
    )

    contract_id: Mapped[str] = _text_key("Contract; joins dim_contract.")
    customer_id: Mapped[str] = _text("Customer, who is the case; joins dim_customer.")
    product: Mapped[str] = _text("Product; joins dim_product.")
    currency: Mapped[str] = _text(_CURRENCY)
    region: Mapped[str | None] = _maybe_text("Region of the contract.")
    bucket: Mapped[str] = _text("Bucket of delinquent days; joins dim_bucket.")
    class_: Mapped[str] = mapped_column("class", sa.Text, comment="current, low, mid or high.")
    days_past_due: Mapped[int] = mapped_column(comment="Days since the oldest unmet instalment fell due.")
    delinquent_days: Mapped[int] = mapped_column(comment="Days past due without grace and paused days.")
    unmet_installments: Mapped[int] = mapped_column(comment="Instalments and charges that are not met.")
    oldest_due_date: Mapped[date] = _day("Due date of the oldest unmet instalment.")
    overdue_amount: Mapped[Decimal] = _money("What is unpaid of all that fell due.")
    overdue_principal: Mapped[Decimal | None] = _maybe_money("Principal in it; NULL when the parts are not known.")
    outstanding_amount: Mapped[Decimal] = _money("All that is still to be paid, due or not.")
    outstanding_principal: Mapped[Decimal | None] = _maybe_money("Principal in it; NULL when not known.")
    repeated: Mapped[bool] = mapped_column(comment="Whether an earlier spell of arrears outlasted the grace.")
    spell_entered_on: Mapped[date | None] = _maybe_day("First day of the present spell of arrears.")
    last_payment_on: Mapped[date | None] = _maybe_day("Day of the last payment.")
    held: Mapped[bool] = mapped_column(comment="Whether a hold keeps it from treatment.")
    hold_kind: Mapped[str | None] = _maybe_text("Kind of the strongest hold.")


class StrategyDecision(_Fact, Base):
    """What the rules decided."""

    __tablename__ = "strategy_decision"
    __table_args__ = (
        _described(
            "What the rules decided for an overdue contract, and by which of them. Points, bands and rules of the "
            "profile are left out: they tell about protected attributes. Grain: day x basis x contract (one rule set "
            "a day). Source: treatment."
        ),
    )

    contract_id: Mapped[str] = _text_key("Contract; joins dim_contract.")
    customer_id: Mapped[str] = _text("Customer, who is the case; joins dim_customer.")
    rule_set_hash: Mapped[str] = _text("Rules that decided; joins dim_strategy.")
    balance_tier: Mapped[str | None] = _maybe_text("Tier of the overdue balance.")
    overdue_share: Mapped[Decimal | None] = mapped_column(
        sa.Numeric(9, 6), comment="Overdue amount divided by the outstanding amount, 0 to 1."
    )
    score_stage: Mapped[str | None] = _maybe_text("Stage of the score models: M0M1, M1M4, M4+.")
    collection_score: Mapped[float | None] = mapped_column(sa.Double, comment="Collection score.")
    lost_contact_score: Mapped[float | None] = mapped_column(sa.Double, comment="Lost-contact score.")
    roll_rate_score: Mapped[float | None] = mapped_column(sa.Double, comment="Roll-rate score.")
    collection_band: Mapped[str | None] = _maybe_text("Band of the collection score.")
    lost_contact_band: Mapped[str | None] = _maybe_text("Band of the lost-contact score.")
    roll_rate_band: Mapped[str | None] = _maybe_text("Band of the roll-rate score.")
    segment: Mapped[str] = _text("Kind of case.")
    treatment: Mapped[str] = _text("What is to be done.")
    intensity: Mapped[int] = mapped_column(comment="How hard it is, 0 nothing to 5 court.")
    placement: Mapped[str] = _text("Who does it: in_house, field, agency, legal, repossession, none.")
    channels: Mapped[str | None] = _maybe_text("Channels in the order of preference, comma separated.")
    queue: Mapped[str] = _text("Queue of work; none: nobody works it.")
    priority: Mapped[int] = mapped_column(comment="Higher is worked first.")
    balance_rule: Mapped[str | None] = _maybe_text("Rule that gave the tier.")
    score_rule: Mapped[str | None] = _maybe_text("Rule that judged the scores.")
    segment_rule: Mapped[str | None] = _maybe_text("Rule that gave the segment.")
    treatment_rule: Mapped[str | None] = _maybe_text("Rule that gave the treatment.")
    arms: Mapped[str] = mapped_column(
        sa.Text,
        server_default=sa.text("''"),
        comment="Arms of the case, experiment=arm, comma separated; empty when it is in none. Joins dim_arm.",
    )


class CaseAssignment(_Fact, Base):
    """Who got which case."""

    __tablename__ = "case_assignment"
    __table_args__ = (
        sa.Index(None, "as_of", "basis", "collector_id"),
        _described(
            "Who got which case at the opening; a case is one customer's overdue contracts. Grain: day x basis x case. "
            "Source: assignment, cases, collectors."
        ),
    )

    customer_id: Mapped[str] = _text_key("Customer, who is the case; joins dim_customer.")
    queue: Mapped[str] = _text("Queue of work.")
    collector_id: Mapped[str | None] = _maybe_text("Owner, NULL for a case of the grab pool; joins dim_collector.")
    team: Mapped[str | None] = _maybe_text("Team of the owner on that day; joins dim_team.")
    source: Mapped[str] = _text("auto: given today; kept: had it already; pool: left to be grabbed.")
    work_order: Mapped[int | None] = mapped_column(comment="Order of work within the queue, from 1.")
    reason: Mapped[str | None] = _maybe_text("Why it went there.")
    lead_contract_id: Mapped[str] = _text("The harshest contract, which gives the treatment; joins dim_contract.")
    contracts: Mapped[int] = mapped_column(comment="Overdue contracts of the case.")
    region: Mapped[str | None] = _maybe_text("Region of the case.")
    product: Mapped[str] = _text("Product of the lead contract; joins dim_product.")
    bucket: Mapped[str] = _text("Bucket of the lead contract; joins dim_bucket.")
    class_: Mapped[str] = mapped_column("class", sa.Text, comment="Class of the lead contract.")
    segment: Mapped[str] = _text("Kind of case.")
    treatment: Mapped[str] = _text("What is to be done.")
    placement: Mapped[str] = _text("Who does it.")
    priority: Mapped[int] = mapped_column(comment="Higher is worked first.")
    entered_on: Mapped[date | None] = _maybe_day("First day of the case: its first contract's entry into arrears.")
    days_past_due: Mapped[int] = mapped_column(comment="Days past due of the lead contract.")
    overdue_amount: Mapped[Decimal] = _money("Overdue amount of all its contracts.")
    outstanding_amount: Mapped[Decimal] = _money("Outstanding amount of all its overdue contracts.")


class PoolOfferDay(_Fact, Base):
    """What each queue gave out and offered."""

    __tablename__ = "pool_offer_day"
    __table_args__ = (
        _described(
            "How each queue's cases were split between collectors and the grab pool at the opening. Grain: day x basis "
            "x queue. Source: assignment, cases."
        ),
    )

    queue: Mapped[str] = _text_key("Queue of work.")
    cases: Mapped[int] = _count("Cases of the queue.")
    allocated_cases: Mapped[int] = _count("Of them with an owner.")
    offered_cases: Mapped[int] = _count("Of them in the grab pool.")
    collectors: Mapped[int] = _count("Collectors who own any of them.")
    overdue_amount: Mapped[Decimal] = _money("Overdue amount of the queue.")
    allocated_amount: Mapped[Decimal] = _money("Overdue amount of the cases with an owner.")
    offered_amount: Mapped[Decimal] = _money("Overdue amount of the cases in the pool.")


class AllocationFairness(_Fact, Base):
    """How even the split was."""

    __tablename__ = "allocation_fairness"
    __table_args__ = (
        _described(
            "How even the day's split is between the collectors at work and trained for a queue, before it (what they "
            "had when the day began) and after it. Grain: day x basis x queue x measure x moment. Source: "
            "allocation_fairness of the lake."
        ),
    )

    queue: Mapped[str] = _text_key("Queue of work.")
    measure: Mapped[str] = _text_key(
        "cases, overdue_amount, expected_recovery (sums per collector); difficulty (his mean per case, 0 to 100 "
        "points: the share of the overdue amount that is not expected back, by bucket and score); exposure (by how "
        "many cases his mix of buckets and score bands is off the queue's, at the most)."
    )
    moment: Mapped[str] = _text_key("before or after the split.")
    collectors: Mapped[int] = _count("Collectors at work and trained for the queue.")
    lowest: Mapped[Decimal] = mapped_column(sa.Numeric(18, 4), comment="Lowest figure of a collector.")
    highest: Mapped[Decimal] = mapped_column(sa.Numeric(18, 4), comment="Highest figure of a collector.")
    mean: Mapped[Decimal] = mapped_column(
        sa.Numeric(18, 4), comment="Mean of the collectors; of those with cases for difficulty and exposure."
    )


class ContactPlanDay(_Fact, Base):
    """What was planned."""

    __tablename__ = "contact_plan_day"
    __table_args__ = (
        _described("Contacts planned at the opening. Grain: day x basis x channel x queue. Source: contact_plan."),
    )

    channel: Mapped[str] = _text_key("Channel; joins dim_channel.")
    queue: Mapped[str] = _text_key("Queue of the case.")
    tasks: Mapped[int] = _count("Contacts that the strategy wants.")
    planned_tasks: Mapped[int] = _count("Of them planned.")
    blocked_tasks: Mapped[int] = _count("Of them blocked by policy, consent or hold.")
    cut_tasks: Mapped[int] = _count("Of them cut by the daily cap.")
    approval_tasks: Mapped[int] = _count("Planned ones that a person must approve first.")
    customers: Mapped[int] = _count("Customers of the planned ones.")


class ContactVerdictDay(_Fact, Base):
    """What the plan blocked, cut or remarked."""

    __tablename__ = "contact_verdict_day"
    __table_args__ = (
        _described(
            "What the plan of the opening blocked, cut or remarked, per rule. Grain: day x basis x channel x verdict x "
            "rule. Source: contact_plan."
        ),
    )

    channel: Mapped[str] = _text_key("Channel; joins dim_channel.")
    verdict: Mapped[str] = _text_key("blocked, cut, or remarked: planned all the same.")
    rule: Mapped[str] = _text_key("Rule of a policy pack (pack.rule) or of contact.yaml.")
    reason: Mapped[str | None] = mapped_column(sa.Text, comment="The rule in words.")
    contacts: Mapped[int] = _count("Contacts of the plan.")
    customers: Mapped[int] = _count("Customers of these.")


class ArmResult(_Fact, Base):
    """What came of the arms so far."""

    __tablename__ = "arm_result"
    __table_args__ = (
        _described(
            "What came of each arm so far, as of the opening: sums over all cases that entered since the experiment "
            "began, whatever happened to them later (intention to treat). Rates, intervals and whether they may be "
            "read are in v_arm_result. Grain: day x basis x experiment x period of shares x arm. Source: ledger, "
            "experiment_arm, contact results, ops.contact_attempt."
        ),
    )

    experiment: Mapped[str] = _text_key("Experiment; joins dim_arm.")
    shares_from: Mapped[date] = mapped_column(
        sa.Date, primary_key=True, comment="First entry day of the shares under which the cases entered."
    )
    arm: Mapped[str] = _text_key("Arm; joins dim_arm.")
    is_champion: Mapped[bool] = mapped_column(comment="Whether the other arms are compared to it.")
    share: Mapped[Decimal] = mapped_column(sa.Numeric(9, 6), comment="Share of new cases, 0 to 1.")
    champion_share: Mapped[Decimal] = mapped_column(sa.Numeric(9, 6), comment="Share of the champion, 0 to 1.")
    takes_cases: Mapped[bool] = mapped_column(comment="Whether new cases still enter under these shares.")
    entry_days: Mapped[int] = mapped_column(comment="Finished days on which cases could enter.")
    metric: Mapped[str] = _text(_METRIC)
    within_days: Mapped[int] = mapped_column(comment=_WITHIN)
    required_cases: Mapped[int | None] = mapped_column(
        sa.BigInteger, comment="Matured cases that the power calculation asks for; NULL: compared with nothing."
    )
    z_value: Mapped[float] = mapped_column(
        sa.Double, comment="Normal quantile of the intervals: the two-sided alpha over the comparisons made."
    )
    cases: Mapped[int] = _count("Cases that entered.")
    matured_cases: Mapped[int] = _count("Of them those whose days have passed; all that follows is about these.")
    cured_cases: Mapped[int] = _count("Cases that were over within the days, and not by a write-off.")
    rolled_cases: Mapped[int] = _count("Cases that reached a higher bucket than at entry within the days.")
    recovered_amount: Mapped[Decimal] = _money(
        "What they paid from entry to the end of the days, per day at most what was overdue when the day began."
    )
    recovered_squares: Mapped[Decimal] = mapped_column(
        sa.Numeric(38, 4), comment="Sum over the cases of the squared amount, for the interval."
    )
    contacts: Mapped[int] = _count("Contact attempts from entry to the end of the days, by whomever.")
    contact_squares: Mapped[int] = _count("Sum over the cases of the squared number, for the interval.")


# Closing facts: what came of finished days, computed anew by each run within the look-back


class CollectorDay(_Fact, Base):
    """What a collector did and got."""

    __tablename__ = "collector_day"
    __table_args__ = (
        _described(
            "What came of a collector's finished day, and what was asked of him. A case and its day count for one "
            "collector: the last of its owners of the day who recorded a contact with it; if none did, who had it when "
            "the day ended. Attempts count for who made them, promises for whom they were made to. Grain: day x basis "
            "x collector. Source: assignment, ops.case_assignment, treatment, contact_plan, contact results, promises, "
            "payments, ops.contact_attempt, targets.yaml."
        ),
    )

    collector_id: Mapped[str] = _text_key("Collector; joins dim_collector.")
    team: Mapped[str | None] = _maybe_text("Team of the collector; joins dim_team.")
    cases: Mapped[int] = _count("Own cases: those that are credited to him on the day.")
    overdue_amount: Mapped[Decimal] = _money("What they owed overdue at the opening.")
    touched_cases: Mapped[int] = _count("Own cases with a contact attempt, by whomever.")
    case_contacts: Mapped[int] = _count("Contact attempts at own cases, by whomever.")
    attempts: Mapped[int] = _count("Contact attempts that the collector made, at any case.")
    connected_attempts: Mapped[int] = _count("Of them connected, to the right party or not.")
    right_party_attempts: Mapped[int] = _count("Of them that reached the right party.")
    tried_customers: Mapped[int] = _count("Customers that the collector tried to reach.")
    connected_customers: Mapped[int] = _count("Of them with a connected attempt.")
    promises: Mapped[int] = _count("Promises to pay made to him that day, or on own cases where nobody knows to whom.")
    promised_amount: Mapped[Decimal] = _money("Amount of these promises.")
    promises_due: Mapped[int] = _count("Promises that fell due that day, his by the same rule.")
    promises_kept: Mapped[int] = _count("Of them kept: the amount came between promise and due day.")
    due_promise_amount: Mapped[Decimal] = _money("Amount of the promises that fell due.")
    kept_promise_amount: Mapped[Decimal] = _money("Amount of the promises that were kept.")
    paid_cases: Mapped[int] = _count("Own cases that paid anything that day.")
    paid_amount: Mapped[Decimal] = _money("All that own cases paid that day.")
    recovered_amount: Mapped[Decimal] = _money("Of it, per case, at most what was overdue at the opening.")
    planned_contacts: Mapped[int] = _count("Contacts that the strategy wanted with own cases.")
    blocked_contacts: Mapped[int] = _count("Of them blocked by policy, consent or hold.")
    known_as_of: Mapped[date] = _day(_KNOWN)
    grabbed_cases: Mapped[int | None] = _maybe_count("Cases that he grabbed that day.")
    given_back_cases: Mapped[int | None] = _maybe_count("Grabbed cases that he gave back that day.")
    expired_cases: Mapped[int | None] = _maybe_count("Grabbed cases whose lease ran out that day, unworked.")
    target_amount: Mapped[Decimal | None] = _maybe_money("What he was to recover that day; NULL: nothing was asked.")
    coverage_target: Mapped[Decimal | None] = _maybe_share("Coverage asked of him; NULL: nothing was asked.")
    connect_target: Mapped[Decimal | None] = _maybe_share("Connect rate by dial asked of him; NULL: nothing.")
    promise_target: Mapped[Decimal | None] = _maybe_share("Promise rate asked of him; NULL: nothing.")
    kept_target: Mapped[Decimal | None] = _maybe_share("Kept rate by count asked of him; NULL: nothing.")
    compliance_target: Mapped[Decimal | None] = _maybe_share("Share of contacts not blocked, asked of him; NULL: none.")


class TeamDay(_Fact, Base):
    """What a team did and got, and how many were there."""

    __tablename__ = "team_day"
    __table_args__ = (
        _described(
            "What came of a team's finished day: the sums of collector_day, and the team's heads. Grain: day x basis x "
            "team. Source: collector_day, the day's collectors, ops.absence."
        ),
    )

    team: Mapped[str] = _text_key("Team; joins dim_team. Empty: collectors without a team.")
    collectors: Mapped[int] = _count("Collectors of the team on the day's roster, or with figures.")
    present_collectors: Mapped[int] = _count("Of them at work that day, by the ledger and by what leads reported.")
    cases: Mapped[int] = _count("Cases credited to the team's collectors.")
    overdue_amount: Mapped[Decimal] = _money("What they owed overdue at the opening.")
    touched_cases: Mapped[int] = _count("Of them with a contact attempt.")
    case_contacts: Mapped[int] = _count("Contact attempts at them, by whomever.")
    attempts: Mapped[int] = _count("Contact attempts that the team's collectors made.")
    connected_attempts: Mapped[int] = _count("Of them connected, to the right party or not.")
    right_party_attempts: Mapped[int] = _count("Of them that reached the right party.")
    tried_customers: Mapped[int] = _count("Customers tried, summed over collectors.")
    connected_customers: Mapped[int] = _count("Of them with a connected attempt.")
    promises: Mapped[int] = _count("Promises to pay made that day.")
    promised_amount: Mapped[Decimal] = _money("Amount of these promises.")
    promises_due: Mapped[int] = _count("Promises that fell due that day.")
    promises_kept: Mapped[int] = _count("Of them kept.")
    due_promise_amount: Mapped[Decimal] = _money("Amount of the promises that fell due.")
    kept_promise_amount: Mapped[Decimal] = _money("Amount of the promises that were kept.")
    paid_cases: Mapped[int] = _count("Cases that paid anything that day.")
    paid_amount: Mapped[Decimal] = _money("All that they paid that day.")
    recovered_amount: Mapped[Decimal] = _money("Of it, per case, at most what was overdue at the opening.")
    target_amount: Mapped[Decimal | None] = _maybe_money("What was to be recovered; NULL: nothing was asked.")
    recovered_for_target: Mapped[Decimal] = _money("Recovered by collectors of whom something was asked.")
    planned_contacts: Mapped[int] = _count("Contacts that the strategy wanted with the cases.")
    blocked_contacts: Mapped[int] = _count("Of them blocked by policy, consent or hold.")
    grabbed_cases: Mapped[int] = _count("Cases grabbed that day.")
    given_back_cases: Mapped[int] = _count("Grabbed cases given back that day.")
    expired_cases: Mapped[int] = _count("Grabbed cases whose lease ran out that day, unworked.")
    known_as_of: Mapped[date] = _day(_KNOWN)


class ChannelDay(_Fact, Base):
    """What went over a channel."""

    __tablename__ = "channel_day"
    __table_args__ = (
        _described(
            "What came of a channel's finished day. Grain: day x basis x channel x source. Source: ops.contact_task, "
            "ops.contact_attempt, contact_plan (arrears), contact results of the ledger (ledger)."
        ),
    )

    channel: Mapped[str] = _text_key("Channel; joins dim_channel.")
    source: Mapped[str] = _text_key("arrears: sent by Arrears; ledger: reported by the lender's other systems.")
    tasks: Mapped[int] = _count("Contacts that the strategy wanted; 0 for the ledger's.")
    blocked_tasks: Mapped[int] = _count("Of them blocked by the policy, when planned or when about to be sent.")
    cut_tasks: Mapped[int] = _count("Of them cut by the daily cap.")
    withheld_tasks: Mapped[int] = _count("Of them rejected by a person, or not answered in time.")
    unsent_tasks: Mapped[int] = _count("Of them cancelled by a later plan, or not sent before their window closed.")
    attempts: Mapped[int] = _count("Contact attempts.")
    sent_attempts: Mapped[int] = _count("Attempts that the provider took, or lists that were handed over.")
    delivered_attempts: Mapped[int] = _count("Attempts that are known to have arrived.")
    connected_attempts: Mapped[int] = _count("Attempts that reached somebody.")
    right_party_attempts: Mapped[int] = _count("Attempts that reached the right party.")
    failed_attempts: Mapped[int] = _count("Attempts that failed.")
    unknown_attempts: Mapped[int] = _count("Attempts whose end is not known.")
    tried_customers: Mapped[int] = _count("Customers that were tried.")
    connected_customers: Mapped[int] = _count("Of them with an attempt that reached somebody.")
    answered_attempts: Mapped[int | None] = _maybe_count(
        "Attempts by which somebody was reached, or to which somebody wrote back."
    )
    promised_attempts: Mapped[int | None] = _maybe_count(
        "Attempts of which a promise to pay came; 0 for the ledger's, which does not tell."
    )
    paid_attempts: Mapped[int | None] = _maybe_count(
        "Attempts that the provider took, and whose customer paid with value of that day."
    )
    known_as_of: Mapped[date] = _day(_KNOWN)


class PoolDay(_Fact, Base):
    """What came of the grab pool."""

    __tablename__ = "pool_day"
    __table_args__ = (
        _described(
            "What came of the grab pool of a finished day, and of the allocated cases beside it. Grain: day x basis x "
            "queue. Source: assignment, ops.case_assignment, treatment, payments."
        ),
    )

    queue: Mapped[str] = _text_key("Queue of work.")
    offered_cases: Mapped[int] = _count("Cases in the pool at the opening.")
    grabbed_cases: Mapped[int] = _count("Cases that collectors grabbed that day.")
    expired_cases: Mapped[int] = _count("Offered cases that nobody grabbed that day.")
    grab_minutes: Mapped[int] = _count("Minutes that the grabbed cases lay in the pool until the grab, summed.")
    offered_amount: Mapped[Decimal] = _money("Overdue amount of the offered cases.")
    grabbed_amount: Mapped[Decimal] = _money("Overdue amount of the grabbed cases.")
    grabbed_recovered_amount: Mapped[Decimal] = _money(
        "What the grabbed cases paid that day, per case at most what was overdue at the opening."
    )
    allocated_cases: Mapped[int] = _count("Cases that had an owner at the opening.")
    allocated_amount: Mapped[Decimal] = _money("Overdue amount of these.")
    allocated_recovered_amount: Mapped[Decimal] = _money(
        "What these paid that day, per case at most what was overdue at the opening."
    )
    grabbed_touched_cases: Mapped[int | None] = _maybe_count("Grabbed cases with a contact attempt that day.")
    grabbed_contacts: Mapped[int | None] = _maybe_count("Contact attempts at the grabbed cases that day.")
    grabbed_cured_cases: Mapped[int | None] = _maybe_count("Grabbed cases that paid all that was overdue.")
    allocated_touched_cases: Mapped[int | None] = _maybe_count("Allocated cases with a contact attempt that day.")
    allocated_contacts: Mapped[int | None] = _maybe_count("Contact attempts at the allocated cases that day.")
    allocated_cured_cases: Mapped[int | None] = _maybe_count("Allocated cases that paid all that was overdue.")
    grab_minutes_median: Mapped[int | None] = _maybe_count(
        "Minutes within which half of the grabbed cases were grabbed; NULL: none was."
    )
    grab_minutes_p90: Mapped[int | None] = _maybe_count(
        "Minutes within which nine of ten of the grabbed cases were grabbed; NULL: none was."
    )
    known_as_of: Mapped[date] = _day(_KNOWN)


class CaseInterval(_Fact, Base):
    """Who had which case, and what came of it."""

    __tablename__ = "case_interval"
    __table_args__ = (
        sa.Index(None, "as_of", "basis", "source"),
        _described(
            "Who had which case on a finished day, the pool included, and what came of it. A case's money and contacts "
            "of a day count once, with the interval that it is credited to: the last owner of the day who recorded a "
            "contact with it, else whoever had it when the day ended. Grain: day x basis x case x interval that lasted "
            "on the day. Source: ops.case_assignment, treatment, payments, contact results, ops.contact_attempt."
        ),
    )

    case_id: Mapped[str] = _text_key("Key of the case in ops.")
    interval_no: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, comment="Number of the interval within the case, from 1."
    )
    customer_id: Mapped[str] = _text("Customer; joins dim_customer.")
    queue: Mapped[str] = _text("Queue of the case when the interval began.")
    collector_id: Mapped[str | None] = _maybe_text("Owner, NULL while in the pool; joins dim_collector.")
    team: Mapped[str | None] = _maybe_text("Team of the owner; joins dim_team.")
    source: Mapped[str] = _text("auto (the split), grab, manual, recall; pool while it lay in the pool.")
    reason: Mapped[str] = _text("Why it began.")
    began_on: Mapped[date] = _day("Business day of its begin.")
    ended_on: Mapped[date | None] = _maybe_day("Business day of its end; NULL when it lasted beyond the day.")
    end_reason: Mapped[str | None] = _maybe_text("Why it ended; NULL when it lasted beyond the day.")
    minutes: Mapped[int | None] = _maybe_count("Whole minutes it lasted; NULL when it lasted beyond the day.")
    is_credited: Mapped[bool] = mapped_column(
        comment="Whether the case's day is credited to it: the case's other intervals have zeros."
    )
    overdue_amount: Mapped[Decimal] = _money("What the case owed overdue at the opening.")
    recovered_amount: Mapped[Decimal] = _money("What the case paid that day, at most what was overdue.")
    contacts: Mapped[int] = _count("Contact attempts at the case that day, by whomever.")
    cured: Mapped[bool] = mapped_column(comment="Whether the case paid that day all that was overdue.")
    known_as_of: Mapped[date] = _day(_KNOWN)


class ArmDay(_Fact, Base):
    """What came of the arms on a day."""

    __tablename__ = "arm_day"
    __table_args__ = (
        _described(
            "What came of the arms of experiments on a finished day; money and contacts are those of cases that were "
            "open when it began. Grain: day x basis x experiment x arm. Source: ledger, experiment_arm, contact "
            "results, ops.contact_attempt."
        ),
    )

    experiment: Mapped[str] = _text_key("Experiment; joins dim_arm.")
    arm: Mapped[str] = _text_key("Arm; joins dim_arm.")
    open_cases: Mapped[int] = _count("Cases of the arm that were open when the day began.")
    entered_cases: Mapped[int] = _count("Of them those that entered that day.")
    cured_cases: Mapped[int] = _count("Of them those that were over that day, and not by a write-off.")
    cured_in_time_cases: Mapped[int] = _count("Of the cured ones, those within the experiment's days after entry.")
    rolled_cases: Mapped[int] = _count("Open cases that reached a higher bucket than at entry, for the first time.")
    paid_cases: Mapped[int] = _count("Open cases that paid any of what was overdue.")
    recovered_amount: Mapped[Decimal] = _money(
        "What open cases paid that day, per case at most what was overdue when it began."
    )
    touched_cases: Mapped[int] = _count("Open cases with a contact attempt.")
    contacts: Mapped[int] = _count("Contact attempts at open cases, by whomever.")
    known_as_of: Mapped[date] = _day(_KNOWN)


# Month ends


class RollTransition(_Fact, Base):
    """The roll matrix."""

    __tablename__ = "roll_transition"
    __table_args__ = (
        _described(
            "Cohorts from one month end to the next (roll rate 迁徙率): of what was in a bucket, how much is where a "
            "month later; as_of is the later month end. frozen: both ends as their own runs knew them; restated: both "
            "from the ledger of the newest run. Grain: month end x basis x product x currency x from bucket x to "
            "bucket. Source: snapshot (frozen), ledger (restated)."
        ),
    )

    product: Mapped[str] = _text_key("Product; joins dim_product.")
    currency: Mapped[str] = _text_key(_CURRENCY)
    from_bucket: Mapped[str] = _text_key("Bucket at the earlier month end; new: was not in the book. Joins dim_bucket.")
    to_bucket: Mapped[str] = _text_key(
        "Bucket at the later month end; closed, written_off, left: is no more in the book. Joins dim_bucket."
    )
    from_month_end: Mapped[date] = _day("The earlier month end.")
    contracts: Mapped[int] = _count("Contracts that went this way.")
    from_balance: Mapped[Decimal] = _money(
        "Their outstanding principal at the earlier month end (all outstanding when the ledger gives no principal)."
    )
    to_balance: Mapped[Decimal] = _money("The same at the later month end; 0 for those that left the book.")
    known_as_of: Mapped[date] = _day(_KNOWN)
