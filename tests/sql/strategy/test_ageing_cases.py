"""Ageing as a specification: the worked cases of `ageing_cases.yaml`, one contract each."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.ledgers import partition, publish_ledger

from arrears.settings import PROJECT
from arrears.strategy.age_book import age_book

AS_OF = date(2024, 3, 31)
FILE = Path(__file__).with_name("ageing_cases.yaml")
CASES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_a_contract_is_aged(case: dict[str, Any], make_run: Any, tmp_path: Path) -> None:
    expects = {name: _amount(value) for name, value in case["expects"].items()}
    settings = {**case.get("settings", {}), "rules": rules_of(case.get("rules"), tmp_path)}
    with make_run(case.get("as_of", AS_OF), **settings) as run:
        publish_ledger(run, ledger_of(case))
        age_book(run)
        rows = partition(run, "snapshot")
    assert len(rows) == (1 if expects else 0)
    if expects:
        assert {name: rows[0][name] for name in expects} == expects


def test_no_case_is_told_twice() -> None:
    assert len({case["says"] for case in CASES}) == len(CASES) >= 25


def _amount(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) and value[0].isdigit() else value


def rules_of(changes: dict[str, Any] | None, folder: Path) -> Path:
    """The shipped rules, with other counting, another convention, or buckets that begin with the given counts."""
    shipped = PROJECT / "include" / "rules"
    if changes is None:
        return shipped
    rules = folder / "rules"
    shutil.copytree(shipped, rules)
    ageing = yaml.safe_load((rules / "ageing.yaml").read_text(encoding="utf-8"))
    ageing["counting"] = changes.get("counting", "days")
    ageing.pop("convention")
    if "convention" in changes:
        ageing["convention"] = changes["convention"]
    if "ranges" in changes:
        begins = changes["ranges"]
        ageing["buckets"] = [
            {**bucket, "from": begin, **({"to": begins[number + 1] - 1} if number + 1 < len(begins) else {})}
            for number, (bucket, begin) in enumerate(zip(ageing["buckets"], begins, strict=False))
        ]
    (rules / "ageing.yaml").write_text(yaml.safe_dump(ageing), encoding="utf-8")
    return rules


def ledger_of(case: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The tables of the one contract of a case."""
    return {
        "contracts": [
            {
                "contract_id": "C1",
                "customer_id": "K1",
                "product": "auto",
                "term_months": 12,
                "originated_on": date(2023, 1, 1),
                "principal": Decimal(1000),
                **case.get("contract", {}),
            }
        ],
        "installments": [
            {"contract_id": "C1", "installment_no": number, "due_date": _day(day), "amount_due": Decimal(amount)}
            for number, (day, amount) in enumerate(_words(case, "due"), start=1)
        ],
        "payments": [
            {
                "payment_id": f"P{number}",
                "contract_id": "C1",
                "value_date": _day(words[0]),
                "amount": Decimal(words[1]),
                "reversed_on": _day(words[2]) if len(words) > 2 else None,
            }
            for number, words in enumerate(_words(case, "paid"))
        ],
        "charges": [
            {
                "charge_id": f"G{number}",
                "contract_id": "C1",
                "due_date": _day(day),
                "amount": Decimal(amount),
                "kind": kind,
            }
            for number, (day, amount, kind) in enumerate(_words(case, "charges"))
        ],
        "holds": [
            {
                "contract_id": "C1",
                "kind": "pause",
                "start_date": _day(words[0]),
                "end_date": _day(words[1]) if len(words) > 1 else None,
            }
            for words in _words(case, "pauses")
        ],
    }


def _words(case: dict[str, Any], name: str) -> list[list[str]]:
    return [part.split() for part in str(case.get(name, "")).split(";") if part.strip()]


def _day(text: str) -> date:
    return date.fromisoformat(text)


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
        age_book(run)
        (row,) = partition(run, "snapshot")
    assert (row["overdue_fee"], row["overdue_interest"], row["overdue_principal"]) == (0, 15, 70)
    assert row["outstanding_principal"] == 140
