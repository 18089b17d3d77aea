"""Buckets and balances of past month ends: worked cases, the slow judge, and the day's own ageing, all the same."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.support.contract_files import read_contract_files
from tests.support.ledgers import contract_table, partition, publish_ledger
from tests.support.naive_ageing import Contract, Due, Pause, Payment, Terms, age

from arrears.kpi.build import restated_states
from arrears.kpi.windows import MOST_MONTH_ENDS, month_end_parameters, month_end_relation, month_ends
from arrears.run import Run
from arrears.settings import PROJECT
from arrears.sqlmodel import bind_inputs, fetch_model
from arrears.strategy.age_book import age_book
from arrears.strategy.ageing import ageing_parameters, ageing_rules, bucket_relation
from arrears.strategy.steps import age_contracts

AS_OF = date(2024, 5, 15)
ENDS = month_ends(AS_OF, 4)  # January to April
State = tuple[str, Decimal] | None


def states(run: Run, ends: Sequence[date]) -> dict[str, list[State]]:
    """Bucket and balance of each contract at each of `ends`, None where it is not in the book."""
    rows = fetch_model(
        run,
        "kpi/month_end_state",
        params={**month_end_parameters(list(ends)), **ageing_parameters(run.settings, run.rules)},
        relations={"month_ends": month_end_relation(list(ends)), "buckets": bucket_relation(run.rules)},
    ).to_pylist()
    names = [bucket.bucket for bucket in ageing_rules(run.rules).buckets]
    slots = range(MOST_MONTH_ENDS - len(ends) + 1, MOST_MONTH_ENDS + 1)
    return {
        row["contract_id"]: [
            None if row[f"bucket_no_{slot}"] is None else (names[row[f"bucket_no_{slot}"]], row[f"balance_{slot}"])
            for slot in slots
        ]
        for row in rows
    }


def a_contract(**values: Any) -> dict[str, Any]:
    return {
        "contract_id": "C1",
        "customer_id": "K1",
        "product": "auto",
        "originated_on": date(2023, 12, 1),
        "principal": Decimal(480),
        "term_months": 6,
        **values,
    }


def schedule(due_days: Sequence[date], amount: str = "100.00", parts: bool = True) -> list[dict[str, Any]]:
    """Instalments of 100: fee 5, interest 15, principal 80."""
    return [
        {
            "contract_id": "C1",
            "installment_no": number,
            "due_date": due,
            "amount_due": Decimal(amount),
            **({"principal_due": Decimal(80), "interest_due": Decimal(15), "fee_due": Decimal(5)} if parts else {}),
        }
        for number, due in enumerate(due_days, start=1)
    ]


def paid(*payments: tuple[date, str] | tuple[date, str, date]) -> list[dict[str, Any]]:
    return [
        {
            "payment_id": f"P{number}",
            "contract_id": "C1",
            "value_date": payment[0],
            "amount": Decimal(payment[1]),
            "reversed_on": payment[2] if len(payment) == 3 else None,
        }
        for number, payment in enumerate(payments, start=1)
    ]


MONTHLY = schedule([date(2024, month, 10) for month in range(1, 7)])
JAN, FEB, MAR, APR = (date(2024, month, 10) for month in range(1, 5))

CASES: dict[str, tuple[dict[str, Any], list[State]]] = {
    "pays on time": (
        {"payments": paid((JAN, "100"), (FEB, "100"), (MAR, "100"), (APR, "100"))},
        [("M0", Decimal(400)), ("M0", Decimal(320)), ("M0", Decimal(240)), ("M0", Decimal(160))],
    ),
    "never pays: 21, 50, 81 and 111 days": (
        {},
        [("M1", Decimal(480)), ("M2", Decimal(480)), ("M3", Decimal(480)), ("M4", Decimal(480))],
    ),
    "cures in February": (
        {"payments": paid((date(2024, 2, 20), "200"), (MAR, "100"), (APR, "100"))},
        [("M1", Decimal(480)), ("M0", Decimal(320)), ("M0", Decimal(240)), ("M0", Decimal(160))],
    ),
    "a returned payment counts until it is returned": (
        {"payments": paid((JAN, "100", date(2024, 2, 1)))},
        [("M0", Decimal(400)), ("M2", Decimal(480)), ("M3", Decimal(480)), ("M4", Decimal(480))],
    ),
    "a payment returned on the month end is already gone": (
        {"payments": paid((JAN, "100", date(2024, 1, 31)))},
        [("M1", Decimal(480)), ("M2", Decimal(480)), ("M3", Decimal(480)), ("M4", Decimal(480))],
    ),
    "paid ahead: fee, interest, then principal of the next one": (
        {"payments": paid((JAN, "150"), (MAR, "150"), (APR, "100"))},
        # 50 of the second: 5 fee, 15 interest, 30 principal; then even
        [("M0", Decimal(370)), ("M1", Decimal(370)), ("M0", Decimal(240)), ("M0", Decimal(160))],
    ),
    "all is paid, the contract is not closed": (
        {"payments": paid((JAN, "600"))},
        [("M0", Decimal(0))] * 4,
    ),
    "due on the month end is not past due on it": (
        {"installments": schedule([date(2024, 1, 31), date(2024, 2, 29)])},
        [("M0", Decimal(160)), ("M1", Decimal(160)), ("M2", Decimal(160)), ("M3", Decimal(160))],
    ),
    "a charge ages like an instalment and is served first": (
        {
            "payments": paid((JAN, "100"), (FEB, "100"), (MAR, "100"), (APR, "100")),
            "charges": [
                {"charge_id": "X", "contract_id": "C1", "due_date": FEB, "amount": Decimal(10), "kind": "penalty"}
            ],
        },
        # from February on 10 is missing, of the principal of the newest instalment
        [("M0", Decimal(400)), ("M1", Decimal(330)), ("M1", Decimal(250)), ("M1", Decimal(170))],
    ),
    "not in the book before it began, nor after it closed": (
        {
            "contracts": [a_contract(originated_on=date(2024, 2, 1), closed_on=date(2024, 4, 30))],
            "installments": schedule([MAR, APR]),
        },
        [None, ("M0", Decimal(160)), ("M1", Decimal(160)), None],
    ),
    "written off on the month end is out of it; the ledger covers it from a day on": (
        {"contracts": [a_contract(ledger_from=date(2024, 1, 31), written_off_on=date(2024, 3, 31))]},
        [("M1", Decimal(480)), ("M2", Decimal(480)), None, None],
    ),
    "a pause stops the counting of days, and a day under two of them counts once": (
        {
            "holds": [
                {"contract_id": "C1", "kind": "pause", "start_date": JAN, "end_date": date(2024, 2, 9)},
                {"contract_id": "C1", "kind": "pause", "start_date": date(2024, 2, 1), "end_date": date(2024, 2, 19)},
                {"contract_id": "C1", "kind": "dispute", "start_date": JAN, "end_date": None},
            ]
        },
        # 40 days are paused: 21-21, 50-40, 81-40, 111-40
        [("M0", Decimal(480)), ("M1", Decimal(480)), ("M2", Decimal(480)), ("M3", Decimal(480))],
    ),
    "without the parts of instalments the balance is all that is still to be paid": (
        {"installments": schedule([JAN, FEB, MAR], parts=False), "payments": paid((JAN, "40"))},
        [("M1", Decimal(260)), ("M2", Decimal(260)), ("M3", Decimal(260)), ("M4", Decimal(260))],
    ),
    "what is dated after the month end does not count": (
        {"payments": paid((date(2024, 6, 1), "600"))},
        [("M1", Decimal(480)), ("M2", Decimal(480)), ("M3", Decimal(480)), ("M4", Decimal(480))],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_states_of_month_ends(case: str, make_run: Callable[..., Any]) -> None:
    ledger, expected = CASES[case]
    with make_run(AS_OF) as run:
        publish_ledger(run, {"contracts": [a_contract()], "installments": MONTHLY, **ledger})
        assert states(run, ENDS) == {"C1": expected}


@pytest.mark.parametrize(
    ("materiality", "payment", "expected"),
    [
        ("10%", "90.00", "M0"),  # on the edge: 10 is 10 %
        ("10%", "89.99", "M1"),
        ("10%", "90.01", "M0"),
        ("10.00", "90.00", "M0"),
        ("10.00", "89.99", "M1"),
        ("5%,10.00", "90.00", "M0"),  # the larger of the two
        ("0%", "99.99", "M1"),
    ],
)
def test_what_is_immaterial_counts_as_met(
    make_run: Callable[..., Any], materiality: str, payment: str, expected: str
) -> None:
    with make_run(AS_OF, materiality=materiality) as run:
        publish_ledger(
            run,
            {
                "contracts": [a_contract()],
                "installments": schedule([JAN, date(2024, 7, 10)]),
                "payments": paid((JAN, payment)),
            },
        )
        assert next(state and state[0] for state in states(run, ENDS)["C1"]) == expected


def test_after_an_immaterial_rest_the_next_instalment_decides(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF, materiality="10%") as run:
        publish_ledger(
            run, {"contracts": [a_contract()], "installments": MONTHLY, "payments": paid((JAN, "95"), (FEB, "0.01"))}
        )
        # 5 of January is immaterial; February's is 19 days late at the end of February
        assert [state and state[0] for state in states(run, ENDS)["C1"]] == ["M0", "M1", "M2", "M3"]


@pytest.mark.parametrize(("grace_days", "expected"), [(20, "M1"), (21, "M0"), (22, "M0")])
def test_grace_is_taken_off(make_run: Callable[..., Any], grace_days: int, expected: str) -> None:
    with make_run(AS_OF, grace_days=grace_days) as run:
        publish_ledger(run, {"contracts": [a_contract()], "installments": MONTHLY})
        first = states(run, ENDS)["C1"][0]
        assert first is not None
        assert first[0] == expected


@pytest.mark.parametrize(
    ("counting", "expected"),
    [
        ("days", ["M1", "M2", "M3", "M4"]),
        ("months", ["M1", "M2", "M3", "M4"]),
        ("installments", ["M1", "M2", "M3", "M4"]),
        ("mba", ["M0", "M1", "M2", "M3"]),
        ("ots", ["M0", "M1", "M2", "M3"]),
    ],
)
def test_month_ends_count_as_the_days_own_ageing_does(
    make_run: Callable[..., Any], tmp_path: Path, counting: str, expected: list[str]
) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(PROJECT / "include" / "rules", rules)
    text = (rules / "ageing.yaml").read_text(encoding="utf-8").replace("convention: B", "")
    (rules / "ageing.yaml").write_text(text.replace("counting: days", f"counting: {counting}"), encoding="utf-8")
    ledger = {"contracts": [a_contract()], "installments": MONTHLY}
    with make_run(AS_OF, rules=rules) as run:
        publish_ledger(run, ledger)
        select = restated_states(run)
        with run.lake.replace("month_end_states", run.day) as aside:
            parameters = {"as_of": AS_OF, **month_end_parameters(ENDS), **ageing_parameters(run.settings, run.rules)}
            relations = {"month_ends": month_end_relation(ENDS), "buckets": bucket_relation(run.rules)}
            inputs = bind_inputs(run, select, where="the test", params=parameters, relations=relations)
            run.engine.write(select, inputs, parameters, aside)
        (row,) = partition(run, "month_end_states")
        names = [each.bucket for each in ageing_rules(run.rules).ranges]
    assert [names[row[f"bucket_no_{slot}"]] for slot in range(10, 14)] == expected
    for end, bucket in zip(ENDS, expected, strict=True):
        with make_run(end, rules=rules) as run:
            publish_ledger(run, ledger)
            age_book(run)
            assert [aged["bucket"] for aged in partition(run, "snapshot")] == [bucket]


def test_an_empty_ledger_has_no_states(make_run: Callable[..., Any]) -> None:
    with make_run(AS_OF) as run:
        publish_ledger(run, {})
        assert states(run, ENDS) == {}


@pytest.mark.parametrize(
    ("seed", "terms"),
    [
        (1, Terms()),
        (2, Terms(share=Decimal("0.1"))),
        (3, Terms(grace_days=5, amount=Decimal("20.00"))),
        (4, Terms(grace_days=3, share=Decimal("0.05"), amount=Decimal("8.00"))),
    ],
)
def test_states_agree_with_the_slow_judge(make_run: Callable[..., Any], seed: int, terms: Terms) -> None:
    book = [_any_contract(random.Random(f"{seed}/{number}")) for number in range(150)]
    ends = month_ends(date(2024, 6, 3), 13)
    with make_run(AS_OF, grace_days=terms.grace_days, materiality=f"{terms.share * 100}%,{terms.amount}") as run:
        publish_ledger(run, _tables(book))
        found = states(run, ends)
        buckets = ageing_rules(run.rules).ranges
    for number, contract in enumerate(book):
        expected = []
        for end in ends:
            aged = age(contract, end, terms)
            bucket = next(
                each.bucket
                for each in buckets
                if aged.delinquent_days >= each.first and (each.last is None or aged.delinquent_days <= each.last)
            )
            expected.append((bucket, aged.principal))
        assert found[f"C{number:03}"] == expected, f"contract {number}: {contract}"


@pytest.mark.real_ledger
def test_states_agree_with_the_days_own_ageing_on_the_real_ledger(
    make_run: Callable[..., Any], real_ledger: Path
) -> None:
    ledger = read_contract_files(real_ledger)
    ends = month_ends(date(2019, 12, 1), 13)
    with make_run(date(2019, 12, 1), materiality="10%") as run:
        publish_ledger(run, ledger)
        found = states(run, ends)
    for position in (0, 6, 12):
        with make_run(ends[position], materiality="10%") as run:
            publish_ledger(run, ledger)
            age_contracts(run)
            aged = {
                row["contract_id"]: (row["bucket"], row["outstanding_principal"] or row["outstanding_amount"])
                for row in partition(run, "snapshot")
            }
        assert {key: each[position] for key, each in found.items() if each[position] is not None} == aged
        assert len(aged) > 2000


def _any_contract(chance: random.Random) -> Contract:
    start = date(2023, 4, 1)
    dues = []
    for number in range(1, chance.randint(0, 9) + 1):
        amount = Decimal(chance.randint(100, 20_000)) / 100
        serving = chance.choice([2, 2, 2, 2, 1, 0])
        fee = (amount / 20).quantize(Decimal("0.01")) if serving == 2 else Decimal(0)
        interest = (amount / 5).quantize(Decimal("0.01")) if serving == 2 else Decimal(0)
        dues.append(Due(start + timedelta(days=chance.randint(0, 460)), amount, serving, number, fee, interest))
    payments = []
    money = [due.amount for due in dues]
    for _ in range(chance.randint(0, 8)):
        exact = bool(money) and chance.random() < 0.6
        amount = money.pop(0) if exact else Decimal(chance.randint(1, 30_000)) / 100
        day = start + timedelta(days=chance.randint(0, 460))
        returned = day + timedelta(days=chance.randint(0, 80)) if chance.random() < 0.15 else None
        payments.append(Payment(day, amount, returned))
    pauses = [
        Pause(begin, None if chance.random() < 0.2 else begin + timedelta(days=chance.randint(-2, 90)))
        for begin in (start + timedelta(days=chance.randint(0, 460)) for _ in range(chance.randint(0, 2)))
    ]
    return Contract(dues, payments, pauses)


def _tables(book: Sequence[Contract]) -> dict[str, pa.Table]:
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("contracts", "installments", "charges", "payments", "holds")
    }
    for position, contract in enumerate(book):
        key = f"C{position:03}"
        rows["contracts"].append(a_contract(contract_id=key, originated_on=date(2023, 1, 1)))
        # every contract has parts: one instalment of nothing, far ahead, makes that sure
        rows["installments"].append(
            {
                "contract_id": key,
                "installment_no": 0,
                "due_date": date(2030, 1, 1),
                "amount_due": Decimal(0),
                "principal_due": Decimal(0),
            }
        )
        for due in contract.dues:
            if due.serving == 2:
                rows["installments"].append(
                    {
                        "contract_id": key,
                        "installment_no": due.number,
                        "due_date": due.due_date,
                        "amount_due": due.amount,
                        "principal_due": due.amount - due.fee - due.interest,
                        "interest_due": due.interest,
                        "fee_due": due.fee,
                    }
                )
            else:
                rows["charges"].append(
                    {
                        "charge_id": f"{key}-{due.number:02}",
                        "contract_id": key,
                        "due_date": due.due_date,
                        "amount": due.amount,
                        "kind": "penalty" if due.serving == 0 else "late_fee",
                    }
                )
        for number, payment in enumerate(contract.payments):
            rows["payments"].append(
                {
                    "payment_id": f"{key}-{number}",
                    "contract_id": key,
                    "value_date": payment.value_date,
                    "amount": payment.amount,
                    "reversed_on": payment.reversed_on,
                }
            )
        for pause in contract.pauses:
            rows["holds"].append(
                {
                    "contract_id": key,
                    "kind": "pause",
                    "start_date": pause.start_date,
                    "end_date": pause.end_date,
                }
            )
    return {name: contract_table(name, table) for name, table in rows.items()}
