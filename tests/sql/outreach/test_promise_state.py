"""Promises tracked to kept or broken: the due date, the days of grace, the share that is enough, and what was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from arrears.ledger.contract import arrow_schema
from arrears.sqlmodel import fetch_model
from arrears.strategy.promises import TOLD, PromiseRules, promise_parameters

RULES = PromiseRules(grace_days=2, kept_share=Decimal("0.9"))
MADE, DUE = date(2026, 11, 2), date(2026, 11, 10)


def promise(key: str = "P", contract: str = "K", due: date = DUE, amount: int | None = 1000) -> dict[str, Any]:
    value = None if amount is None else Decimal(amount)
    return {"promise_id": key, "contract_id": contract, "made_on": MADE, "due_on": due, "amount": value}


def states(
    make_run: Any, as_of: date, promises: Sequence[Any], paid: Sequence[Any] = (), told: Sequence[Any] = ()
) -> dict[str, str]:
    payments = [
        {
            "payment_id": str(number),
            "contract_id": "K",
            "value_date": day,
            "amount": Decimal(amount),
            "reversed_on": back,
        }
        for number, (day, amount, back) in enumerate(paid)
    ]
    relations = {
        "promises": pa.Table.from_pylist(list(promises), schema=arrow_schema("promises")),
        "payments": pa.Table.from_pylist(payments, schema=arrow_schema("payments")),
        "told_promise": pa.Table.from_pylist(list(told), schema=TOLD),
    }
    with make_run(as_of) as run:
        rows = fetch_model(run, "strategy/promise_state", relations=relations, params=promise_parameters(RULES))
    return {row["promise_id"]: row["state"] for row in rows.to_pylist()}


@pytest.mark.parametrize(
    ("as_of", "paid", "state"),
    [
        (date(2026, 11, 2), [], "open"),
        (date(2026, 11, 10), [], "open"),
        (date(2026, 11, 12), [], "open"),
        (date(2026, 11, 13), [], "broken"),
        (date(2026, 11, 9), [(date(2026, 11, 9), 900, None)], "kept"),
        (date(2026, 11, 13), [(date(2026, 11, 2), 900, None)], "kept"),
        (date(2026, 11, 13), [(date(2026, 11, 9), "899.99", None)], "broken"),
        (date(2026, 11, 13), [(date(2026, 11, 9), 500, None), (date(2026, 11, 12), 400, None)], "kept"),
        (date(2026, 11, 14), [(date(2026, 11, 13), 1000, None)], "broken"),
        (date(2026, 11, 13), [(date(2026, 11, 1), 1000, None)], "broken"),
        (date(2026, 11, 14), [(date(2026, 11, 9), 1000, date(2026, 11, 13))], "broken"),
        (date(2026, 11, 12), [(date(2026, 11, 9), 1000, date(2026, 11, 13))], "kept"),
        (date(2026, 11, 8), [(date(2026, 11, 9), 1000, None)], "open"),
    ],
)
def test_a_promise_is_kept_or_broken_once_its_days_are_over(
    make_run: Callable[..., Any], as_of: date, paid: Any, state: str
) -> None:
    assert states(make_run, as_of, [promise()], paid) == {"P": state}


def test_a_promise_of_no_amount_is_kept_by_anything(make_run: Callable[..., Any]) -> None:
    after = date(2026, 11, 20)
    assert states(make_run, after, [promise(amount=None)], [(DUE, 1, None)]) == {"P": "kept"}
    assert states(make_run, after, [promise(amount=None)]) == {"P": "broken"}


def test_what_was_told_here_counts_once(make_run: Callable[..., Any]) -> None:
    told = [promise("P"), promise("D", contract="L"), promise("LATER", contract="L") | {"made_on": date(2026, 11, 21)}]
    assert states(make_run, date(2026, 11, 20), [promise("P")], told=told) == {"P": "broken", "D": "broken"}


def test_a_day_without_promises_has_none(make_run: Callable[..., Any]) -> None:
    assert states(make_run, DUE, []) == {}
