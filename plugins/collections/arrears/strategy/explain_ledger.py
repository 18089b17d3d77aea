"""The ledger's side of an explanation: items, payments, holds and spells of one contract, and its days by them.

The ledger is narrowed to the contract first; the models that run over it are the same as over the whole book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from arrears.day import BusinessDay
from arrears.engines import Engine
from arrears.lake import Lake
from arrears.ledger.contract import TABLES
from arrears.rules.rule_set import RuleSet
from arrears.settings import Settings
from arrears.sqlmodel import input_tables, load_model
from arrears.strategy.age_book import ageing_select, rule_relations
from arrears.strategy.ageing import ageing_parameters, ageing_rules, bucket_rows, months_after, stop_hold_rows
from arrears.strategy.chain import chained
from arrears.strategy.explanation import Ageing, Bucket, Hold, Item, LedgerFigures, Payment, Spell

_OF_CONTRACT = ("contracts", "installments", "payments", "charges", "holds", "balances")
_SPELLS = ("strategy/needs", "strategy/arrears_states", "strategy/overdue_spells")


@dataclass(frozen=True)
class ContractLedger:
    """The ledger tables of a day, narrowed to one contract."""

    settings: Settings
    engine: Engine
    rules: RuleSet
    day: BusinessDay
    tables: Mapping[str, pa.Table]

    @property
    def contract(self) -> dict[str, Any] | None:
        """The contract's row, None when the published ledger has none."""
        rows: list[dict[str, Any]] = self.tables["contracts"].to_pylist()
        return rows[0] if rows else None

    @property
    def parameters(self) -> dict[str, Any]:
        """The values that the ageing of the day ran with."""
        return {"as_of": self.day.as_of, **ageing_parameters(self.settings, self.rules)}

    def run(self, select: exp.Query, relations: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
        """The rows of a model over the narrowed tables."""
        inputs = {name: {**self.tables, **relations}[name] for name in input_tables(select)}
        rows: list[dict[str, Any]] = self.engine.fetch(select, inputs, self.parameters).to_pylist()
        return rows


def rows_where(engine: Engine, lake: Lake, table: str, day: BusinessDay, column: str, value: str) -> pa.Table:
    """The rows of a partition whose `column` is `value`; the engine reads only the row groups that can have any."""
    condition = exp.EQ(this=exp.column(column), expression=exp.Placeholder(this="wanted"))
    select = exp.select("*").from_("narrowed").where(condition)
    return engine.fetch(select, {"narrowed": lake.files(table, day)}, {"wanted": value})


def read_contract(
    settings: Settings, engine: Engine, rules: RuleSet, lake: Lake, day: BusinessDay, contract_id: str
) -> ContractLedger:
    """The published ledger of `day` and what was paid, narrowed to a contract; tables without its rows are empty."""
    empty = {name: TABLES[name].schema.empty_table() for name in _OF_CONTRACT if name in TABLES}
    found = {
        name: rows_where(engine, lake, name, day, "contract_id", contract_id)
        for name in _OF_CONTRACT
        if lake.exists(name, day)
    }
    return ContractLedger(settings, engine, rules, day, {**empty, **found})


def ledger_figures(ledger: ContractLedger) -> LedgerFigures:
    """Items with what was paid of each, payments, holds and spells."""
    as_of = ledger.day.as_of
    items = ledger.run(load_model(ledger.settings.sql, "strategy/explained_items"), {})
    unmet = [row for row in items if row["overdue_by_date"] and not row["met"]]
    aged = _aged_items(ledger)
    stops = {row["kind"] for row in stop_hold_rows(ledger.rules)}
    contract = ledger.contract or {}
    return LedgerFigures(
        currency=contract.get("currency"),
        items=tuple(
            Item(
                kind=row["kind"],
                number=str(row["item_no"] if row["item_no"] is not None else row["item_id"]),
                due_date=row["due_date"],
                due=row["overdue_by_date"],
                amount_due=row["amount_due"],
                amount_paid=row["amount_paid"],
                amount_unpaid=row["amount_unpaid"],
                tolerance=row["tolerance"],
                met=row["met"],
                days_past_due=aged.get((row["item_no"], row["item_id"]), (None, None))[0],
                bucket=aged.get((row["item_no"], row["item_id"]), (None, None))[1],
                oldest=bool(unmet) and row is unmet[0],
            )
            for row in items
        ),
        payments=tuple(
            Payment(
                value_date=row["value_date"],
                amount=row["amount"],
                reversed_on=row["reversed_on"],
                counts=row["reversed_on"] is None or row["reversed_on"] > as_of,
            )
            for row in sorted(ledger.tables["payments"].to_pylist(), key=lambda row: (row["value_date"], row["amount"]))
            if row["value_date"] <= as_of
        ),
        holds=tuple(
            Hold(
                kind=row["kind"],
                start_date=row["start_date"],
                end_date=row["end_date"],
                open=row["start_date"] <= as_of and (row["end_date"] is None or row["end_date"] > as_of),
                stops=row["kind"] in stops,
            )
            for row in sorted(ledger.tables["holds"].to_pylist(), key=lambda row: (row["start_date"], row["kind"]))
            if row["start_date"] <= as_of
        ),
        spells=tuple(_spells(ledger)),
    )


def ageing_view(snapshot: Mapping[str, Any], figures: LedgerFigures, ledger: ContractLedger) -> Ageing:
    """The stored figures of the day with what leads to them; `agrees` is False where the items lead elsewhere."""
    parameters = ledger.parameters
    due = [item for item in figures.items if item.due]
    oldest = next((item for item in due if item.oldest), None)
    unpaid = sum((item.amount_unpaid for item in due), Decimal(0))
    entered = snapshot["spell_entered_on"]
    earlier = [
        spell
        for spell in figures.spells
        if spell.outlasted_grace and (entered is None or spell.entered_on < entered) and spell.exited_on is not None
    ]
    return Ageing(
        days_past_due=snapshot["days_past_due"],
        paused_days=snapshot["paused_days"],
        grace_days=parameters["grace_days"],
        delinquent_days=snapshot["delinquent_days"],
        oldest_due_date=snapshot["oldest_due_date"],
        unmet_items=snapshot["unmet_installments"],
        materiality_share=parameters["materiality_share"],
        materiality_amount=parameters["materiality_amount"],
        overdue_amount=snapshot["overdue_amount"],
        outstanding_amount=snapshot["outstanding_amount"],
        paid_total=sum((payment.amount for payment in figures.payments if payment.counts), Decimal(0)),
        due_total=sum((item.amount_due for item in due), Decimal(0)),
        bucket=_bucket(snapshot, ledger.rules),
        repeated=snapshot["repeated"],
        spell_entered_on=entered,
        earlier_spell=earlier[-1] if earlier and snapshot["repeated"] else None,
        held=snapshot["held"],
        hold_kind=snapshot["hold_kind"],
        agrees=unpaid == snapshot["overdue_amount"]
        and (oldest.due_date if oldest else None) == snapshot["oldest_due_date"]
        and sum(not item.met for item in due) == snapshot["unmet_installments"],
    )


def _aged_items(ledger: ContractLedger) -> dict[tuple[int | None, str | None], tuple[int, str]]:
    """Number of an instalment or id of a charge → its own days past due and bucket, for what is not paid in full."""
    if "balances" not in ledger.tables:
        return {}
    select = ageing_select(ledger.settings.sql, "installment_ageing")
    rows = ledger.run(select, rule_relations(ledger.rules))
    return {(row["installment_no"], row["charge_id"]): (row["days_past_due"], row["bucket"]) for row in rows}


def _bucket(snapshot: Mapping[str, Any], rules: RuleSet) -> Bucket:
    buckets = bucket_rows(rules)
    number = snapshot["bucket_no"]
    own = next((row for row in buckets if row["bucket_no"] == number), buckets[0])
    names: dict[int, str] = {row["bucket_no"]: row["bucket"] for row in buckets}
    due: date = snapshot["oldest_due_date"] or snapshot["as_of"]
    days = snapshot["delinquent_days"]
    from_day = _edge(due, own["from_months"], own["from_days"])
    to_day = None if own["to_days"] is None else _edge(due, own["to_months"], own["to_days"]) - 1
    unmet, most = snapshot["unmet_installments"], own["to_unmet"]
    in_days = from_day <= days and (to_day is None or days <= to_day)
    return Bucket(
        bucket=snapshot["bucket"],
        class_=snapshot["class"],
        counting=ageing_rules(rules).counting,
        from_day=from_day,
        to_day=to_day,
        from_unmet=own["from_unmet"],
        to_unmet=most,
        fits=in_days and own["from_unmet"] <= unmet and (most is None or unmet <= most),
        lower=names.get(number - 1),
        upper=names.get(number + 1),
    )


def _edge(due: date, months: int, days: int) -> int:
    """Days after the due date at which so many months and days are over."""
    return (months_after(due, months) + timedelta(days=days) - due).days


def _spells(ledger: ContractLedger) -> Sequence[Spell]:
    contract = ledger.contract
    if contract is None:
        return ()
    worked = bool(ledger.parameters["recovery_worked"])
    rows = ledger.run(chained(ledger.settings.sql, *_SPELLS), {"scope": _scope(contract, worked)})
    return [
        Spell(entered_on=row["entered_on"], exited_on=row["exited_on"], outlasted_grace=row["outlasted_grace"])
        for row in rows
    ]


def _scope(contract: Mapping[str, Any], recovery_worked: bool) -> pa.Table:
    """The contract as the models of spells want it: the days between which it is in the book."""
    began: date = max(day for day in (contract["originated_on"], contract["ledger_from"]) if day is not None)
    ends = (contract["closed_on"], None if recovery_worked else contract["written_off_on"])
    ended = [day for day in ends if day is not None]
    return pa.table(
        {
            "contract_id": pa.array([contract["contract_id"]], pa.string()),
            "customer_id": pa.array([contract["customer_id"]], pa.string()),
            "book_from": pa.array([began], pa.date32()),
            "book_to": pa.array([min(ended) if ended else None], pa.date32()),
        }
    )
