"""The SQL against the slow judge: thousands of generated contracts, aged the same by both."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.ledgers import partition, publish_ledger
from tests.support.naive_ageing import Contract, Due, Pause, Payment, Terms, age, spells

from arrears.run import open_run
from arrears.settings import load_settings
from arrears.strategy.steps import age_contracts

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
    return Contract(
        dues=[draw(dues(number)) for number in range(1, draw(st.integers(0, 5)) + 1)],
        payments=draw(st.lists(payments(), max_size=5)),
        pauses=draw(st.lists(pauses(), max_size=3)),
    )


terms = st.builds(
    Terms,
    grace_days=st.sampled_from([0, 0, 3, 10]),
    share=st.sampled_from([Decimal(0), Decimal(0), Decimal("0.1")]),
    amount=st.sampled_from([Decimal(0), Decimal(0), Decimal("5.00")]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("property")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(book=st.lists(contracts(), min_size=20, max_size=60), terms=terms)
def test_sql_ages_as_the_judge_does(folder: Path, book: list[Contract], terms: Terms) -> None:
    values = {
        "home": folder,
        "clock": f"{AS_OF}T09:30:00",
        "grace_days": terms.grace_days,
        "materiality": f"{terms.share * 100}%,{terms.amount}",
    }
    with open_run(load_settings(values), AS_OF) as run:
        publish_ledger(run, _tables(book))
        age_contracts(run)
        rows = {row["contract_id"]: row for row in partition(run, "snapshot")}
    assert len(rows) == len(book)
    for number, contract in enumerate(book):
        assert _seen(rows[f"C{number:03}"]) == _expected(contract, terms), f"contract {number}: {contract}"


def _expected(contract: Contract, terms: Terms) -> dict[str, Any]:
    aged = age(contract, AS_OF, terms)
    history = spells(contract, AS_OF, terms) if aged.days_past_due else []
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
        "spell_entered_on": history[-1][0] if history else None,
        "repeated": any(outlasted for _, outlasted in history[:-1]),
    }


def _seen(row: dict[str, Any]) -> dict[str, Any]:
    unknown_is_zero = ("overdue_fee", "overdue_interest", "overdue_principal", "outstanding_principal")
    names = _expected(Contract(dues=[]), Terms()).keys()
    # a contract without instalments has no parts
    return {name: row[name] or Decimal(0) if name in unknown_is_zero else row[name] for name in names}


def _tables(book: list[Contract]) -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("contracts", "installments", "charges", "payments", "holds")
    }
    for position, contract in enumerate(book):
        key = f"C{position:03}"
        tables["contracts"].append(
            {
                "contract_id": key,
                "customer_id": key,
                "product": "auto",
                "originated_on": START,
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
