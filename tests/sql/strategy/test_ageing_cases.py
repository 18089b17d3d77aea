"""Ageing as a specification: one contract a line, what fell due, what was paid, and how it is aged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.support.ledgers import partition, publish_ledger

from arrears.strategy.steps import age_contracts

AS_OF = date(2024, 3, 31)


@dataclass(frozen=True)
class Case:
    """`dues`, `paid`, `charges`, `pauses` are written `day amount …`; `expects` names snapshot columns."""

    says: str
    dues: str
    expects: dict[str, Any]
    paid: str = ""
    charges: str = ""
    pauses: str = ""
    contract: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    as_of: date = AS_OF


CASES = (
    Case("nothing due yet", "2024-04-15 100", {"days_past_due": 0, "overdue_amount": 0, "bucket": "M0"}),
    Case(
        "on the due date itself", "2024-03-31 100", {"days_past_due": 0, "overdue_amount": 0, "unmet_installments": 0}
    ),
    Case(
        "the day after", "2024-03-30 100", {"days_past_due": 1, "overdue_amount": 100, "bucket": "M1", "class": "low"}
    ),
    Case("paid in time", "2024-03-01 100", {"days_past_due": 0, "repeated": False}, paid="2024-03-01 100"),
    Case(
        "one day past due, grace 3",
        "2024-01-15 100",
        {"days_past_due": 1, "delinquent_days": 0, "bucket": "M0"},
        settings={"grace_days": 3},
        as_of=date(2024, 1, 16),
    ),
    Case(
        "last day of grace",
        "2024-01-15 100",
        {"days_past_due": 3, "delinquent_days": 0, "bucket": "M0"},
        settings={"grace_days": 3},
        as_of=date(2024, 1, 18),
    ),
    Case(
        "first day after the grace",
        "2024-01-15 100",
        {"days_past_due": 4, "delinquent_days": 1, "bucket": "M1"},
        settings={"grace_days": 3},
        as_of=date(2024, 1, 19),
    ),
    Case("30 days is M1", "2024-03-01 100", {"delinquent_days": 30, "bucket": "M1", "class": "low"}),
    Case("31 days is M2", "2024-02-29 100", {"delinquent_days": 31, "bucket": "M2", "class": "mid"}),
    Case("90 days is M3", "2024-01-01 100", {"delinquent_days": 90, "bucket": "M3", "class": "mid"}),
    Case("91 days is M4", "2023-12-31 100", {"delinquent_days": 91, "bucket": "M4", "class": "high"}),
    Case("181 days is M7+", "2023-10-02 100", {"delinquent_days": 181, "bucket": "M7+", "class": "high"}),
    Case(
        "a payment serves the oldest first",
        "2024-01-31 100, 2024-02-29 100",
        {"oldest_due_date": date(2024, 2, 29), "overdue_amount": 100},
        paid="2024-03-05 100",
    ),
    Case(
        "a part payment leaves the oldest open",
        "2024-01-31 100, 2024-02-29 100",
        {"oldest_due_date": date(2024, 1, 31), "overdue_amount": Decimal("100.01"), "unmet_installments": 2},
        paid="2024-03-05 99.99",
    ),
    Case(
        "overpayment carries forward",
        "2024-02-29 100, 2024-03-30 100, 2024-04-30 100",
        {"days_past_due": 0, "outstanding_amount": 50},
        paid="2024-02-01 250",
    ),
    Case(
        "unpaid at the materiality counts as met",
        "2024-02-29 100",
        {"days_past_due": 0, "overdue_amount": 10, "bucket": "M0"},
        paid="2024-02-29 90",
        settings={"materiality": "10%"},
    ),
    Case(
        "a cent above the materiality does not",
        "2024-02-29 100",
        {"days_past_due": 31, "overdue_amount": Decimal("10.01")},
        paid="2024-02-29 89.99",
        settings={"materiality": "10%"},
    ),
    Case(
        "share and amount: the larger counts",
        "2024-02-29 100",
        {"days_past_due": 0},
        paid="2024-02-29 80",
        settings={"materiality": "10%,20.00"},
    ),
    Case(
        "what is immaterial still adds to the overdue amount",
        "2024-01-31 100, 2024-02-29 100",
        {"days_past_due": 31, "overdue_amount": 105, "unmet_installments": 1},
        paid="2024-01-31 95",
        settings={"materiality": "10%"},
    ),
    Case(
        "a returned payment counts until the day of return",
        "2024-02-29 100",
        {"days_past_due": 0},
        paid="2024-02-29 100 2024-04-01",
    ),
    Case(
        "and never was from that day on",
        "2024-02-29 100",
        {"days_past_due": 31, "spell_entered_on": AS_OF},
        paid="2024-02-29 100 2024-03-31",
    ),
    Case("a payment after the day is not known yet", "2024-02-29 100", {"days_past_due": 31}, paid="2024-04-01 100"),
    Case(
        "a charge ages like an instalment",
        "2024-04-30 100",
        {"days_past_due": 31, "overdue_amount": 20, "overdue_charges": 20},
        charges="2024-02-29 20 late_fee",
    ),
    Case(
        "on one day the penalty is served before the instalment",
        "2024-02-29 100",
        {"overdue_amount": 90, "overdue_charges": 0},
        charges="2024-02-29 10 penalty",
        paid="2024-02-29 20",
    ),
    Case(
        "paused days are not delinquent",
        "2024-02-29 100",
        {"days_past_due": 31, "paused_days": 10, "delinquent_days": 21, "bucket": "M1"},
        pauses="2024-03-01 2024-03-11",
    ),
    Case(
        "a day under two pauses counts once",
        "2024-02-29 100",
        {"paused_days": 15},
        pauses="2024-03-01 2024-03-11, 2024-03-06 2024-03-16",
    ),
    Case(
        "a pause from before the arrears counts from the due date",
        "2024-02-29 100",
        {"paused_days": 2},
        pauses="2024-01-01 2024-03-02",
    ),
    Case(
        "an open pause runs to the day",
        "2024-02-29 100",
        {"paused_days": 1, "delinquent_days": 30},
        pauses="2024-03-30",
    ),
    Case("first time in arrears", "2024-02-29 100", {"repeated": False, "spell_entered_on": date(2024, 3, 1)}),
    Case(
        "repeated after an earlier spell",
        "2024-01-31 100, 2024-02-29 100",
        {"repeated": True, "spell_entered_on": date(2024, 3, 1)},
        paid="2024-02-10 100",
    ),
    Case(
        "an earlier spell within the grace does not count",
        "2024-01-31 100, 2024-02-29 100",
        {"repeated": False},
        paid="2024-02-02 100",
        settings={"grace_days": 3},
    ),
    Case(
        "one spell while the oldest changes",
        "2024-01-31 100, 2024-02-29 100",
        {"repeated": False, "spell_entered_on": date(2024, 2, 1)},
        paid="2024-03-15 100",
    ),
    Case("the last of February to the last of March", "2023-02-28 100", {"days_past_due": 31}, as_of=date(2023, 3, 31)),
    Case("disbursed tomorrow is not in the book", "2024-05-01 100", {}, contract={"originated_on": date(2024, 4, 1)}),
    Case("closed today is not in the book", "2024-02-29 100", {}, contract={"closed_on": AS_OF}),
    Case("closed tomorrow is", "2024-02-29 100", {"days_past_due": 31}, contract={"closed_on": date(2024, 4, 1)}),
    Case("written off today is not in the book", "2024-02-29 100", {}, contract={"written_off_on": AS_OF}),
    Case(
        "covered by the ledger from tomorrow is not in the book",
        "2024-02-29 100",
        {},
        contract={"ledger_from": date(2024, 4, 1)},
    ),
    Case("no instalments at all", "", {"days_past_due": 0, "outstanding_amount": 0}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
def test_a_contract_is_aged(case: Case, make_run: Any) -> None:
    dues = [part.split() for part in case.dues.split(",") if part.strip()]
    tables: dict[str, list[dict[str, Any]]] = {
        "contracts": [
            {
                "contract_id": "C1",
                "customer_id": "K1",
                "product": "auto",
                "term_months": 12,
                "originated_on": date(2023, 1, 1),
                "principal": Decimal(1000),
                **(case.contract or {}),
            }
        ],
        "installments": [
            {
                "contract_id": "C1",
                "installment_no": number,
                "due_date": date.fromisoformat(day),
                "amount_due": Decimal(amount),
            }
            for number, (day, amount) in enumerate(dues, start=1)
        ],
        "payments": [
            {
                "payment_id": f"P{number}",
                "contract_id": "C1",
                "value_date": date.fromisoformat(words[0]),
                "amount": Decimal(words[1]),
                "reversed_on": date.fromisoformat(words[2]) if len(words) > 2 else None,
            }
            for number, words in enumerate(part.split() for part in case.paid.split(",") if part.strip())
        ],
        "charges": [
            {
                "charge_id": f"G{number}",
                "contract_id": "C1",
                "due_date": date.fromisoformat(day),
                "amount": Decimal(amount),
                "kind": kind,
            }
            for number, (day, amount, kind) in enumerate(
                part.split() for part in case.charges.split(",") if part.strip()
            )
        ],
        "holds": [
            {
                "contract_id": "C1",
                "kind": "pause",
                "start_date": date.fromisoformat(words[0]),
                "end_date": date.fromisoformat(words[1]) if len(words) > 1 else None,
            }
            for words in (part.split() for part in case.pauses.split(",") if part.strip())
        ],
    }
    with make_run(case.as_of, **(case.settings or {})) as run:
        publish_ledger(run, tables)
        age_contracts(run)
        rows = partition(run, "snapshot")
    assert len(rows) == (1 if case.expects else 0)
    if case.expects:
        assert {name: rows[0][name] for name in case.expects} == case.expects


def test_parts_are_served_fee_then_interest_then_principal(make_run: Any) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(
            run,
            {
                "contracts": [
                    {
                        "contract_id": "C1",
                        "customer_id": "K1",
                        "product": "auto",
                        "term_months": 12,
                        "originated_on": date(2023, 1, 1),
                        "principal": Decimal(1000),
                    }
                ],
                "installments": [
                    {
                        "contract_id": "C1",
                        "installment_no": number,
                        "due_date": day,
                        "amount_due": Decimal(100),
                        "principal_due": Decimal(70),
                        "interest_due": Decimal(20),
                        "fee_due": Decimal(10),
                    }
                    for number, day in enumerate((date(2024, 2, 29), date(2024, 4, 30)), start=1)
                ],
                "payments": [
                    {"payment_id": "P1", "contract_id": "C1", "value_date": date(2024, 2, 29), "amount": Decimal(15)}
                ],
            },
        )
        age_contracts(run)
        (row,) = partition(run, "snapshot")
    assert (row["overdue_fee"], row["overdue_interest"], row["overdue_principal"]) == (0, 15, 70)
    assert row["outstanding_principal"] == 140
