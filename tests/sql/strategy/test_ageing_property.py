"""The SQL against the slow judge: thousands of generated contracts, aged the same by both."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.brief import age_brief
from tests.support.ledgers import partition, publish_ledger
from tests.support.naive_ageing import (
    Contract,
    Due,
    History,
    Pause,
    Payment,
    Run,
    Spell,
    Terms,
    age,
    age_items,
    case_entry,
    in_snapshot,
)

from arrears.run import open_run
from arrears.settings import PROJECT, load_settings
from arrears.strategy.age_book import age_book, age_history, age_installments

START = date(2024, 1, 1)
AS_OF = date(2024, 4, 30)

days = st.integers(0, 125).map(lambda n: START + timedelta(days=n))
cents = st.integers(1, 20_000).map(lambda n: Decimal(n) / 100)


@st.composite
def dues(draw: st.DrawFn, number: int) -> Due:
    amount = draw(cents)
    serving = draw(st.sampled_from([2, 2, 2, 2, 1, 0]))
    fee = (amount * draw(st.integers(0, 3)) / 10).quantize(Decimal("0.01")) if serving == 2 else Decimal(0)
    interest = (
        min(amount - fee, (amount * draw(st.integers(0, 5)) / 10).quantize(Decimal("0.01")))
        if serving == 2
        else Decimal(0)
    )
    return Due(draw(days), amount, serving, number, fee, interest)


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    paid_on = draw(days)
    returned = draw(st.none() | st.none() | st.integers(-2, 60))
    return Payment(paid_on, draw(cents), None if returned is None else paid_on + timedelta(days=returned))


@st.composite
def pauses(draw: st.DrawFn) -> Pause:
    start = draw(days)
    length = draw(st.none() | st.integers(-3, 40))
    return Pause(start, None if length is None else start + timedelta(days=length))


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    begin = START - timedelta(days=draw(st.sampled_from([0, 0, 0, -20, -60])))
    return Contract(
        dues=[draw(dues(number)) for number in range(1, draw(st.integers(0, 5)) + 1)],
        payments=draw(st.lists(payments(), max_size=5)),
        pauses=draw(st.lists(pauses(), max_size=3)),
        originated_on=begin,
        ledger_from=draw(st.none() | st.none() | st.none() | days),
        closed_on=draw(st.none() | st.none() | st.none() | days),
        written_off_on=draw(st.none() | st.none() | st.none() | st.none() | days),
    )


COUNTINGS = (
    ("days", "B"),
    ("days", "A"),
    ("months", "B"),
    ("months", "A"),
    ("installments", "B"),
    ("mba", "B"),
    ("ots", "B"),
)
terms = st.builds(
    lambda grace_days, share, amount, counting, worked: Terms(
        grace_days, share, amount, *counting, recovery_worked=worked
    ),
    grace_days=st.sampled_from([0, 0, 3, 10]),
    share=st.sampled_from([Decimal(0), Decimal(0), Decimal("0.1")]),
    amount=st.sampled_from([Decimal(0), Decimal(0), Decimal("5.00")]),
    counting=st.sampled_from(COUNTINGS),
    worked=st.sampled_from([False, True]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("property")


# derandomized: 50 books of 30 to 60 contracts, always the same ones, all ways of counting among them
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(book=st.lists(contracts(), min_size=30, max_size=60), terms=terms)
def test_sql_ages_as_the_judge_does(folder: Path, book: list[Contract], terms: Terms) -> None:
    values = {
        "home": folder,
        "clock": f"{AS_OF}T09:30:00",
        "rules": rules_that_count(folder, terms.counting, terms.convention, terms.recovery_worked),
        "grace_days": terms.grace_days,
        "materiality": f"{terms.share * 100}%,{terms.amount}",
        "duckdb_threads": 2,
    }
    with open_run(load_settings(values), AS_OF) as run:
        publish_ledger(run, _tables(book))
        age_book(run)
        age_installments(run)
        age_history(run)
        brief = age_brief(run)
        found = {
            table: partition(run, table)
            for table in ("snapshot", "installment_ageing", "bucket_history", "spells", "overdue_spells", "case_entry")
        }
    histories = [History(contract, AS_OF, terms) for contract in book]
    snapshot = {row["contract_id"]: row for row in found["snapshot"]}
    assert set(snapshot) == {_key(n) for n, contract in enumerate(book) if in_snapshot(contract, AS_OF, terms)}
    assert {row["contract_id"]: row for row in brief} == {
        key: {name: row[name] for name in brief[0]} for key, row in snapshot.items()
    }
    for number, (contract, history) in enumerate(zip(book, histories, strict=True)):
        key = _key(number)
        where = f"contract {number}: {contract}"
        if in_snapshot(contract, AS_OF, terms):
            assert _seen(snapshot[key]) == _expected(contract, history, terms), where
            assert _items_seen(found, key) == _items_expected(contract, terms), where
        assert _runs_seen(found, key) == history.runs(), where
        assert _spells_seen(found, key) == [
            dataclasses.replace(each, outlasted_grace=True) for each in history.spells()
        ]
    entries = {row["customer_id"]: row["case_entered_on"] for row in found["case_entry"]}
    assert entries == _entries_expected(histories)
    for row in found["overdue_spells"]:
        spell = histories[int(row["contract_id"][1:])].spells()[row["spell_no"] - 1]
        assert (row["entered_on"], row["exited_on"], row["outlasted_grace"]) == (
            spell.entered_on,
            spell.exited_on,
            spell.outlasted_grace,
        )


def rules_that_count(folder: Path, counting: str, convention: str, recovery_worked: bool = False) -> Path:
    """The shipped rules, but for what buckets count, and whether the recovery book is worked."""
    rules = folder / f"rules-{counting}-{convention}-{recovery_worked}"
    if not rules.exists():
        shutil.copytree(PROJECT / "include" / "rules", rules)
        ageing = rules / "ageing.yaml"
        said = f"convention: {convention}" if counting in ("days", "months") else ""
        text = ageing.read_text(encoding="utf-8").replace("counting: days", f"counting: {counting}")
        text = text.replace("convention: B", said)
        if recovery_worked:
            text = text.replace("recovery_book: left", "recovery_book: worked")
        ageing.write_text(text, encoding="utf-8")
    return rules


def _expected(contract: Contract, history: History, terms: Terms) -> dict[str, Any]:
    aged = age(contract, AS_OF, terms)
    spells = history.spells() if aged.days_past_due else []
    return {
        "days_past_due": aged.days_past_due,
        "delinquent_days": aged.delinquent_days,
        "paused_days": aged.paused_days,
        "overdue_amount": aged.overdue,
        "overdue_charges": aged.parts["charges"],
        "overdue_fee": aged.parts["fee"],
        "overdue_interest": aged.parts["interest"],
        "overdue_principal": aged.parts["principal"],
        "outstanding_amount": aged.outstanding,
        "outstanding_principal": aged.principal,
        "oldest_due_date": aged.oldest_due_date,
        "unmet_installments": aged.unmet,
        "bucket_no": aged.bucket_no,
        "spell_entered_on": spells[-1].entered_on if spells else None,
        "repeated": any(spell.outlasted_grace for spell in spells[:-1]),
        "written_off": contract.written_off_on is not None and contract.written_off_on <= AS_OF,
    }


def _seen(row: dict[str, Any]) -> dict[str, Any]:
    unknown_is_zero = ("overdue_fee", "overdue_interest", "overdue_principal", "outstanding_principal")
    nobody = Contract(dues=[])
    names = _expected(nobody, History(nobody, date.min, Terms()), Terms()).keys()
    # a contract without instalments has no parts
    return {name: row[name] or Decimal(0) if name in unknown_is_zero else row[name] for name in names}


def _items_expected(contract: Contract, terms: Terms) -> list[tuple[Any, ...]]:
    return [
        (
            item.due.due_date,
            item.due.number,
            item.due.amount,
            item.paid,
            item.unpaid,
            *(item.parts[part] if item.due.serving == 2 else None for part in ("fee", "interest", "principal")),
            not item.unmet,
            item.days_past_due,
            item.delinquent_days,
            item.paused_days,
            item.bucket_no,
        )
        for item in age_items(contract, AS_OF, terms)
    ]


def _items_seen(found: dict[str, list[dict[str, Any]]], key: str) -> list[tuple[Any, ...]]:
    return [
        (
            row["due_date"],
            row["installment_no"] if row["item"] == "installment" else int(row["charge_id"].split("-")[1]),
            row["amount_due"],
            row["amount_paid"],
            row["amount_unpaid"],
            row["fee_unpaid"],
            row["interest_unpaid"],
            row["principal_unpaid"],
            row["met"],
            row["days_past_due"],
            row["delinquent_days"],
            row["paused_days"],
            row["bucket_no"],
        )
        for row in found["installment_ageing"]
        if row["contract_id"] == key
    ]


def _runs_seen(found: dict[str, list[dict[str, Any]]], key: str) -> list[Run]:
    names = ("from_day", "to_day", "bucket_no", "oldest_due_date")
    return [Run(*(row[name] for name in names)) for row in found["bucket_history"] if row["contract_id"] == key]


def _spells_seen(found: dict[str, list[dict[str, Any]]], key: str) -> list[Spell]:
    return [
        Spell(
            row["entered_on"],
            row["exited_on"],
            row["exited_as"],
            True,
            row["worst_days_past_due"],
            row["worst_bucket_no"],
            (row["times_30"], row["times_60"], row["times_90"]),
        )
        for row in found["spells"]
        if row["contract_id"] == key
    ]


def _entries_expected(histories: list[History]) -> dict[str, date]:
    entries = {}
    for first in range(0, len(histories), 2):
        entry = case_entry(histories[first : first + 2], AS_OF)
        if entry is not None:
            entries[_customer(first)] = entry
    return entries


def _key(position: int) -> str:
    return f"C{position:03}"


def _customer(position: int) -> str:
    return f"K{position // 2:03}"


def _tables(book: list[Contract]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("contracts", "installments", "charges", "payments", "holds")
    }
    for position, contract in enumerate(book):
        key = _key(position)
        tables["contracts"].append(
            {
                "contract_id": key,
                "customer_id": _customer(position),
                "product": "auto",
                "originated_on": contract.originated_on,
                "ledger_from": contract.ledger_from,
                "closed_on": contract.closed_on,
                "written_off_on": contract.written_off_on,
                "principal": Decimal(1),
                "term_months": 1,
            }
        )
        for due in contract.dues:
            if due.serving == 2:
                tables["installments"].append(
                    {
                        "contract_id": key,
                        "installment_no": due.number,
                        "due_date": due.due_date,
                        "amount_due": due.amount,
                        "fee_due": due.fee,
                        "interest_due": due.interest,
                        "principal_due": due.amount - due.fee - due.interest,
                    }
                )
            else:
                kind = "penalty" if due.serving == 0 else "late_fee"
                tables["charges"].append(
                    {
                        "charge_id": f"{key}-{due.number}",
                        "contract_id": key,
                        "due_date": due.due_date,
                        "amount": due.amount,
                        "kind": kind,
                    }
                )
        for number, payment in enumerate(contract.payments):
            tables["payments"].append(
                {
                    "payment_id": f"{key}-{number}",
                    "contract_id": key,
                    "value_date": payment.value_date,
                    "amount": payment.amount,
                    "reversed_on": payment.reversed_on,
                }
            )
        for pause in contract.pauses:
            tables["holds"].append(
                {"contract_id": key, "kind": "pause", "start_date": pause.start_date, "end_date": pause.end_date}
            )
    return tables
