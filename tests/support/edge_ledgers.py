"""A seeded ledger of everything that ageing has to get right, one oddity beside the other."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from arrears.strategy.ageing import months_after

AS_OF = date(2024, 3, 31)
KINDS = ("deceased", "bankruptcy", "fraud", "legal", "dispute")


def edge_ledger(contracts: int = 160, seed: int = 5) -> dict[str, list[dict[str, Any]]]:
    """Rows per table: due dates at the ends of months, payments returned on every side of the day, charges on the day
    of an instalment, holds that overlap, end before they start or stay open, instalments without parts, closed and
    written-off contracts, customers with several contracts, scores that are doubled, stale or of another stage, and
    births and employments in the future."""
    random = Random(seed)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("contracts", "customers", "installments", "charges", "payments", "holds", "scores")
    }
    for number in range(contracts):
        _contract(random, tables, number)
    for number in range(contracts // 2):
        tables["customers"].append(
            {
                "customer_id": f"K{number:03}",
                "birth_date": random.choice([None, date(1980, 2, 29), date(1984, 3, 31), AS_OF + timedelta(days=9)]),
                "employed_since": random.choice([None, AS_OF, date(2022, 3, 31), date(2022, 4, 1)]),
                "housing": random.choice([None, "rented", "owned"]),
                "payment_to_income": random.choice([None, 0.45, 0.4499]),
            }
        )
    return tables


def _contract(random: Random, tables: dict[str, list[dict[str, Any]]], number: int) -> None:
    key, customer = f"C{number:03}", f"K{random.randrange(90):03}"
    first = random.choice([date(2023, 8, 31), date(2023, 9, 30), date(2023, 10, 29), date(2024, 1, 30)])
    tables["contracts"].append(
        {
            "contract_id": key,
            "customer_id": customer,
            "product": "auto",
            "originated_on": first - timedelta(days=random.choice([0, 1, 31])),
            "principal": Decimal(5000),
            "term_months": 9,
            "closed_on": random.choice([None] * 8 + [AS_OF, AS_OF + timedelta(days=1), AS_OF - timedelta(days=40)]),
            "written_off_on": random.choice([None] * 12 + [AS_OF - timedelta(days=9), AS_OF + timedelta(days=1)]),
            "ledger_from": random.choice([None, None, first, AS_OF + timedelta(days=1)]),
        }
    )
    has_parts = number % 7 != 0
    scale = random.choice([1, 1, 10, 90])
    dues: list[tuple[date, Decimal]] = []
    for place in range(random.choice([0, 3, 9, 9, 9])):
        amount = Decimal(random.choice([10000, 33333, 1, 8001])) * scale / 100
        due = months_after(first, place)
        dues.append((due, amount))
        fee = min(amount, Decimal("0.07"))
        interest = min(amount - fee, Decimal(random.randrange(0, 4000)) / 100)
        tables["installments"].append(
            {
                "contract_id": key,
                "installment_no": place + 1,
                "due_date": due,
                "amount_due": amount,
                "fee_due": fee if has_parts and place % 2 else None,
                "interest_due": interest if has_parts else None,
                "principal_due": amount - interest - (fee if place % 2 else 0) if has_parts else None,
            }
        )
    for place in range(random.choice([0, 0, 1, 3])):
        tables["charges"].append(
            {
                "charge_id": f"{key}-{place}",
                "contract_id": key,
                "due_date": random.choice([first, months_after(first, place + 1), AS_OF, AS_OF - timedelta(days=1)]),
                "amount": Decimal(random.randrange(1, 9000)) / 100,
                "kind": random.choice(["penalty", "late_fee", "chargeback", None]),
            }
        )
    paid_to = random.randrange(0, 10)
    for place, (due, amount) in enumerate(dues[:paid_to]):
        paid_on = due + timedelta(days=random.choice([-3, 0, 0, 1, 29, 30, 31, 62]))
        tables["payments"].append(
            {
                "payment_id": f"{key}-{place}",
                "contract_id": key,
                "value_date": paid_on,
                "amount": max(Decimal("0.01"), amount * random.choice([1, 1, 1, Decimal("0.9"), 2])).quantize(
                    Decimal("0.01")
                ),
                "reversed_on": random.choice(
                    [None] * 9 + [paid_on, paid_on - timedelta(days=1), paid_on + timedelta(days=20), AS_OF]
                ),
            }
        )
    for _ in range(random.choice([0, 0, 1, 2, 4])):
        start = AS_OF - timedelta(days=random.randrange(-5, 200))
        tables["holds"].append(
            {
                "contract_id": key,
                "kind": random.choice(["pause", "pause", "pause", *KINDS]) if number % 3 == 0 else "pause",
                "start_date": start,
                "end_date": random.choice([None, AS_OF, start, start - timedelta(days=4), start + timedelta(days=25)]),
            }
        )
    for model in ("collection", "lost_contact", "roll_rate"):
        for _ in range(random.choice([0, 1, 2])):
            tables["scores"].append(
                {
                    "contract_id": key,
                    "model": model,
                    "stage": random.choice([None, "M0M1", "M1M4", "M4+"]),
                    "score": random.choice([499.9, 500.0, 650.0, 649.99, 700.0]),
                    "scored_on": AS_OF - timedelta(days=random.choice([-1, 0, 45, 46, 90, 91])),
                }
            )
