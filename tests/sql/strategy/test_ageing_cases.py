"""Ageing as a specification: the worked cases of `ageing_cases.yaml`, one contract each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.ledgers import partition, publish_ledger

from arrears.run import open_run
from arrears.settings import PROJECT, load_settings
from arrears.strategy.age_book import age_book

AS_OF = date(2024, 3, 31)
FILE = Path(__file__).with_name("ageing_cases.yaml")
CASES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


Book = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """The aged contract of a case; None when it is not in the book.

    The cases of one day, settings and rules are the contracts of one book, each of a customer of its own.
    """

    @cache
    def book(terms: str) -> Book:
        folder = tmp_path_factory.mktemp("cases")
        together = [case for case in CASES if terms_of(case) == terms]
        as_of = together[0].get("as_of", AS_OF)
        values = {
            **together[0].get("settings", {}),
            "home": folder / "home",
            "clock": f"{as_of}T09:30:00",
            "rules": rules_of(together[0].get("rules"), folder),
        }
        tables: dict[str, list[dict[str, Any]]] = {}
        for case in together:
            for table, rows in ledger_of(case, str(CASES.index(case))).items():
                tables.setdefault(table, []).extend(rows)
        with open_run(load_settings(values), as_of) as run:
            publish_ledger(run, tables)
            age_book(run)
            return {row["contract_id"]: row for row in partition(run, "snapshot")}

    return lambda case: book(terms_of(case)).get(f"C{CASES.index(case)}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["says"])
def test_a_contract_is_aged(case: dict[str, Any], aged: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    expects = {name: _amount(value) for name, value in case["expects"].items()}
    row = aged(case)
    assert (row is not None) == bool(expects)
    if row is not None:
        assert {name: row[name] for name in expects} == expects


def test_no_case_is_told_twice() -> None:
    assert len({case["says"] for case in CASES}) == len(CASES) >= 25


def _amount(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) and value[0].isdigit() else value


def terms_of(case: dict[str, Any]) -> str:
    """What a case is aged by: day, settings and rules."""
    return json.dumps([case.get(name) for name in ("as_of", "settings", "rules")], sort_keys=True, default=str)


def rules_of(changes: dict[str, Any] | None, folder: Path) -> Path:
    """The shipped rules with other counting, convention or recovery book, or buckets that begin with given counts."""
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
    ageing["recovery_book"] = changes.get("recovery_book", "left")
    if "ranges" in changes:
        begins = changes["ranges"]
        ageing["buckets"] = [
            {**bucket, "from": begin, **({"to": begins[number + 1] - 1} if number + 1 < len(begins) else {})}
            for number, (bucket, begin) in enumerate(zip(ageing["buckets"], begins, strict=False))
        ]
    (rules / "ageing.yaml").write_text(yaml.safe_dump(ageing), encoding="utf-8")
    return rules


def ledger_of(case: dict[str, Any], number: str) -> dict[str, list[dict[str, Any]]]:
    """The tables of the one contract of a case, with `number` in all its keys."""
    key = f"C{number}"
    return {
        "contracts": [
            {
                "contract_id": key,
                "customer_id": f"K{number}",
                "product": "auto",
                "term_months": 12,
                "originated_on": date(2023, 1, 1),
                "principal": Decimal(1000),
                **case.get("contract", {}),
            }
        ],
        "installments": [
            {"contract_id": key, "installment_no": place, "due_date": _day(day), "amount_due": Decimal(amount)}
            for place, (day, amount) in enumerate(_words(case, "due"), start=1)
        ],
        "payments": [
            {
                "payment_id": f"P{number}-{place}",
                "contract_id": key,
                "value_date": _day(words[0]),
                "amount": Decimal(words[1]),
                "reversed_on": _day(words[2]) if len(words) > 2 else None,
            }
            for place, words in enumerate(_words(case, "paid"))
        ],
        "charges": [
            {
                "charge_id": f"G{number}-{place}",
                "contract_id": key,
                "due_date": _day(day),
                "amount": Decimal(amount),
                "kind": kind,
            }
            for place, (day, amount, kind) in enumerate(_words(case, "charges"))
        ],
        "holds": [
            {
                "contract_id": key,
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
