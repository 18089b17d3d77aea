"""What an explanation says of buckets that count months or unmet instalments instead of days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.support.decided_days import AS_OF, contract, decide, dues, payment, rows
from tests.support.rule_folders import copy_rules, edit_rule_file

from arrears.settings import Settings, load_settings
from arrears.strategy.explain import explain
from arrears.strategy.explain_text import Teller, as_text
from arrears.strategy.explain_words import LANGUAGES
from arrears.strategy.explanation import Bucket

# On 20 November, after the close of the day: a month since 21 October is full by MBA, and by OTS only tomorrow.
LEDGER: dict[str, list[dict[str, Any]]] = {
    "contracts": [contract(name) for name in ("WEEK", "OCT20", "OCT21", "OCT22", "JAN31", "TWO", "MANY", "CHARGED")],
    "installments": rows(
        dues("WEEK", (date(2026, 11, 13), 1000)),
        dues("OCT20", (date(2026, 10, 20), 1000)),
        dues("OCT21", (date(2026, 10, 21), 1000)),
        dues("OCT22", (date(2026, 10, 22), 1000)),
        dues("JAN31", (date(2026, 1, 31), 1000)),
        dues("TWO", (date(2026, 5, 20), 1000), (date(2026, 10, 20), 1000), (date(2026, 11, 20), 1000)),
        dues("MANY", *((date(2026, month, 20), 1000) for month in range(1, 11))),
        dues("CHARGED", (date(2026, 11, 10), 1000)),
    ),
    "payments": [payment("MANY", date(2026, 1, 20), 1000)],
    "charges": [
        {
            "contract_id": "CHARGED",
            "charge_id": "G1",
            "due_date": date(2026, 11, 12),
            "amount": Decimal(50),
            "kind": "late_fee",
        }
    ],
    "holds": [],
    "customers": [],
    "scores": [],
}

Decided = Callable[..., Settings]


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    """Decides the ledger under rules with another way of counting, once each; gives the settings of the lake."""
    done: dict[tuple[str, str], Settings] = {}

    def decide_by(counting: str, convention: str = "", grace_days: int = 0) -> Settings:
        key = (counting, f"{convention} {grace_days}")
        if key not in done:
            home = tmp_path_factory.mktemp(counting)
            rules = copy_rules(home / "rules")
            edit_rule_file(rules / "ageing.yaml", "\ncounting: days", f"\ncounting: {counting}")
            said = f"convention: {convention}" if convention else ""
            edit_rule_file(rules / "ageing.yaml", "\nconvention: B", f"\n{said}")
            values = {"home": home, "duckdb_memory": "1GB", "clock": f"{AS_OF}T09:30:00", "grace_days": grace_days}
            settings = load_settings({**values, "rules": rules})
            from arrears.run import open_run

            with open_run(settings, AS_OF) as run:
                decide(run, LEDGER)
            done[key] = settings
        return done[key]

    return decide_by


def said(settings: Settings, contract_id: str) -> str:
    """The sentence of the bucket; whatever is counted, the explanation agrees with what is stored."""
    explanation = explain(settings, contract_id, AS_OF)
    assert explanation.warnings == ()
    assert explanation.ageing is not None
    assert explanation.ageing.bucket.fits
    for language in LANGUAGES:
        assert contract_id in as_text(explanation, language)
    (sentence,) = (each for each in Teller("en").ageing(explanation) if each.startswith("Bucket"))
    return sentence


MBA = "The rule set counts months by the MBA method: one is full at the end of the day before the next due date."
OTS = "The rule set counts months by the OTS method: one is full at the end of the next due date."
ITEMS = "The rule set counts them, not days."
MONTHS = "The rule set counts calendar months."


@pytest.mark.parametrize(
    ("counting", "contract_id", "expected"),
    [
        (
            "mba",
            "OCT22",
            f"Bucket M0, class current: 0 to 29 delinquent days. Day 29 is its last: a day more is M1. {MBA}",
        ),
        (
            "mba",
            "OCT21",
            f"Bucket M1, class low: 30 to 59 delinquent days. Day 30 is its first: a day less is M0. {MBA}",
        ),
        (
            "ots",
            "OCT21",
            f"Bucket M0, class current: 0 to 30 delinquent days. Day 30 is its last: a day more is M1. {OTS}",
        ),
        (
            "ots",
            "OCT20",
            f"Bucket M1, class low: 31 to 60 delinquent days. Day 31 is its first: a day less is M0. {OTS}",
        ),
        ("mba", "JAN31", f"Bucket M7+, class high: 211 delinquent days and more. {MBA}"),
        (
            "months",
            "OCT20",
            f"Bucket M1, class low: 1 to 31 delinquent days. Day 31 is its last: a day more is M2. {MONTHS}",
        ),
        ("installments", "OCT20", f"Bucket M1, class low: unmet instalments and charges 1, here 1. {ITEMS}"),
        ("installments", "TWO", f"Bucket M2, class mid: unmet instalments and charges 2, here 2. {ITEMS}"),
        ("installments", "CHARGED", f"Bucket M2, class mid: unmet instalments and charges 2, here 2. {ITEMS}"),
        ("installments", "MANY", f"Bucket M7+, class high: unmet instalments and charges 7 and more, here 9. {ITEMS}"),
    ],
)
def test_the_bucket_is_told_as_it_is_counted(decided: Decided, counting: str, contract_id: str, expected: str) -> None:
    assert said(decided(counting, "B" if counting == "months" else ""), contract_id) == expected


def test_each_instalment_has_its_own_bucket_as_it_is_counted(decided: Decided) -> None:
    def buckets(counting: str) -> list[str | None]:
        ledger = explain(decided(counting), "TWO", AS_OF).ledger
        assert ledger is not None
        return [item.bucket for item in ledger.items]

    assert buckets("installments") == ["M2", "M1", None]
    assert buckets("mba") == ["M6", "M1", None]


@pytest.mark.parametrize("counting", ["mba", "ots"])
def test_less_than_a_month_is_not_called_grace(decided: Decided, counting: str) -> None:
    explanation = explain(decided(counting), "WEEK", AS_OF)
    assert (explanation.status, [each.code for each in explanation.reasons]) == ("decided", ["in_first_month"])
    assert "Not yet a full month in arrears by the method of the rule set" in as_text(explanation, "en")
    assert explanation.ageing is not None
    assert explanation.ageing.delinquent_days == 7


@pytest.mark.parametrize("counting", ["mba", "installments"])
def test_within_the_grace_nothing_is_counted(decided: Decided, counting: str) -> None:
    settings = decided(counting, grace_days=10)
    explanation = explain(settings, "WEEK", AS_OF)
    assert [each.code for each in explanation.reasons] == ["in_grace"]
    assert said(settings, "WEEK").startswith("Bucket M0, class current: 0 ")


def test_the_edges_are_part_of_what_is_told(decided: Decided) -> None:
    def bucket(contract_id: str) -> Bucket:
        ageing = explain(decided("installments"), contract_id, AS_OF).ageing
        assert ageing is not None
        return ageing.bucket

    assert (bucket("TWO").from_unmet, bucket("TWO").to_unmet) == (2, 2)
    assert (bucket("MANY").from_unmet, bucket("MANY").to_unmet) == (7, None)
