"""What an explanation of one contract's treatment says, as data: the same for command line, page and JSON.

No language and no layout here; `explain_text.py` puts it into words. Nothing in it names a person: no name, address or
birth date. It does hold the values that rules read, so it is shown to a user who may see the case and never logged.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from arrears.day import Basis

Scalar = str | bool | int | float | Decimal | date | None
Status = Literal["decided", "current", "not_in_book", "quarantined"]
Relation = Literal[
    "at_least", "above", "at_most", "below", "is", "is_not", "one_of", "none_of", "between", "any", "hold"
]
Outcome = Literal["decides", "adds", "holds", "near", "fails"]
"""decides: the first that holds; adds: holds in a table that adds up; holds: would decide, but an earlier one did;
near: one part of its condition does not hold; fails: more do not, or nothing of it does."""


class Part(BaseModel):
    """Base of all parts of an explanation."""

    model_config = ConfigDict(frozen=True)


class Item(Part):
    """An instalment or a charge, and what was paid of it by the day."""

    kind: str
    """installment, or the kind of the charge."""
    number: str
    due_date: date
    due: bool
    """Fell due before the day."""
    amount_due: Decimal
    amount_paid: Decimal
    amount_unpaid: Decimal
    tolerance: Decimal
    """What may be unpaid of it for it still to count as met."""
    met: bool
    days_past_due: int | None
    """Of this item alone; None for one that is paid in full or not due yet."""
    bucket: str | None
    oldest: bool
    """The oldest that is due and not met: what the days past due are counted from."""


class Payment(Part):
    """A payment that was made by the day."""

    value_date: date
    amount: Decimal
    reversed_on: date | None
    counts: bool
    """Not returned by the day."""


class Hold(Part):
    """A pause or another hold."""

    kind: str
    start_date: date
    end_date: date | None
    open: bool
    """In force on the day."""
    stops: bool
    """Stops all treatment while it is open; a pause only stops the counting of days."""


class Spell(Part):
    """A run of days in arrears."""

    entered_on: date
    exited_on: date | None
    outlasted_grace: bool


class Bucket(Part):
    """The bucket of the contract and its edges, in delinquent days and in unmet items."""

    bucket: str
    class_: str
    counting: str
    """What the rule set's buckets count: days, months, installments, mba or ots."""
    from_day: int
    """First day of the bucket for this contract: where months are counted, their lengths after its due date."""
    to_day: int | None
    from_unmet: int
    """Fewest unmet instalments and charges of the bucket: 0 where they do not matter."""
    to_unmet: int | None
    fits: bool
    """The contract lies between the edges; False where another convention places contracts."""
    lower: str | None
    """Bucket below, None for the first."""
    upper: str | None


class Ageing(Part):
    """From the ledger to days past due, bucket and class."""

    days_past_due: int
    paused_days: int
    grace_days: int
    delinquent_days: int
    oldest_due_date: date | None
    unmet_items: int
    materiality_share: Decimal
    materiality_amount: Decimal
    overdue_amount: Decimal
    outstanding_amount: Decimal
    paid_total: Decimal
    due_total: Decimal
    """All that fell due before the day."""
    bucket: Bucket
    repeated: bool
    spell_entered_on: date | None
    earlier_spell: Spell | None
    """The last earlier spell that outlasted the grace: why the delinquency counts as repeated."""
    held: bool
    hold_kind: str | None
    agrees: bool
    """The items below lead to the stored figures."""


class LedgerFigures(Part):
    """What the ledger of the day says about the contract."""

    currency: str | None
    items: tuple[Item, ...]
    """In the order in which payments serve them."""
    payments: tuple[Payment, ...]
    holds: tuple[Hold, ...]
    spells: tuple[Spell, ...]


class ScoreView(Part):
    """The score that serves a role, and whose it is."""

    role: str
    score: Scalar
    band: str | None
    model: str | None
    """The model that gave it; None without a score that is fresh enough, and for days that did not record it."""
    stands_in: bool
    """In the place of the stage's own model, or a band that the rules give without a score."""


class Seen(Part):
    """A word that a condition reads, and its value on the contract's row."""

    word: str
    value: Scalar
    unit: str | None = None
    meaning: str | None = None


class Need(Part):
    """What a condition that does not hold would have needed."""

    relation: Literal[
        "at_least", "above", "at_most", "below", "is", "is_not", "one_of", "none_of", "between", "any", "hold"
    ]
    word: str | None = None
    wanted: str = ""
    missing: str | None = None
    """How far the value is away, for numbers."""
    either: tuple[Need, ...] = ()
    """For `any`: one of these."""


class Conjunct(Part):
    """One of the parts that a condition joins by AND."""

    text: str
    holds: bool | None
    """None: unknown, because a value is missing. It counts as not holding."""
    need: Need | None = None
    """For a part that does not hold."""


class RuleView(Part):
    """A rule of a decision table, tried on the contract's row."""

    id: str
    place: str
    """`file:line` in the rule set of the day."""
    when: str
    then: dict[str, Scalar]
    note: str | None
    outcome: Outcome
    after_decision: bool
    """Stands after the rule that decided: it could not have changed the result."""
    seen: tuple[Seen, ...]
    conjuncts: tuple[Conjunct, ...]


class TableView(Part):
    """A decision table, tried on the contract's row."""

    name: str
    place: str
    hit: Literal["first", "collect"]
    matched: tuple[str, ...]
    """Ids on the contract's row; empty when the default decided."""
    result: dict[str, Scalar]
    default: dict[str, Scalar]
    floor: int | None
    cap: int | None
    sum: dict[str, Scalar]
    """For collect: what the rules add up to before floor and cap."""
    rules: tuple[RuleView, ...]
    agrees: bool
    """The rules that hold are those on the row."""

    def of(self, *outcomes: Outcome) -> list[RuleView]:
        """The rules with one of these outcomes, in the order of the table."""
        return [rule for rule in self.rules if rule.outcome in outcomes]


class PolicyView(Part):
    """An attribute that a rule which decided read, and what the policy says to that."""

    rule: str
    word: str
    attribute: str
    verdict: str
    source: str | None
    approved_by: str | None = None
    approved_on: date | None = None
    reason: str | None = None


class ArmView(Part):
    """The arm of one experiment and how the case came to it."""

    experiment: str
    arm: str
    entered_on: date | None
    digest: str
    shares_from: date | None
    shares: dict[str, Decimal]
    from_digest: str | None = None
    to_digest: str | None = None


class CaseContract(Part):
    """A contract of the case, with what decides which one leads."""

    contract_id: str
    intensity: int
    priority: int
    delinquent_days: int
    overdue_amount: Decimal
    treatment: str | None


class CaseView(Part):
    """The customer's case, and why its leading contract leads."""

    entered_on: date | None
    lead_contract_id: str
    leads_by: str | None
    """The first figure in which the leading contract is ahead of the next one; None for a contract alone."""
    contracts: tuple[CaseContract, ...]
    queue: str | None
    treatment: str | None
    work_order: int | None


class ContactView(Part):
    """A planned contact of the case, and what the contact policy said to it."""

    slot: str
    channel: str | None
    window_opens_at: datetime | None
    """In the lender's time zone, as `window_closes_at`."""
    window_closes_at: datetime | None
    verdict: str
    rule: str | None
    reason: str | None


class QuarantineView(Part):
    """A quarantined row of the contract."""

    rule: str
    severity: str
    table: str
    key: str | None
    reason: str | None


class Versions(Part):
    """What the explanation stands on."""

    rule_set: str | None
    rule_set_version: int | None
    rule_set_hash: str | None
    policy: str | None
    code: dict[str, str]
    """The code that made the day, by its record; empty for a day without one."""
    code_is_present: bool = False
    """The code that made the day is the code that explains it."""
    published: dict[str, dict[str, str]]
    """Area → table → digest, as published."""


class Reason(Part):
    """A reason by its name, with what its sentence names."""

    code: str
    values: dict[str, Any] = {}


class Explanation(Part):
    """Why a contract was treated as it was on a day."""

    contract_id: str
    customer_id: str | None
    as_of: date
    basis: Basis
    status: Status
    reasons: tuple[Reason, ...]
    """Why it has no decision, or why the decision is that nothing is done."""
    warnings: tuple[Reason, ...]
    product: str | None = None
    ageing: Ageing | None = None
    ledger: LedgerFigures | None = None
    score_stage: str | None = None
    scores: tuple[ScoreView, ...] = ()
    tables: tuple[TableView, ...] = ()
    policy: tuple[PolicyView, ...] = ()
    arms: tuple[ArmView, ...] = ()
    case: CaseView | None = None
    contacts: tuple[ContactView, ...] = ()
    quarantine: tuple[QuarantineView, ...] = ()
    versions: Versions
